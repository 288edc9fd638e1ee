//! What the handle, the call's thread, the hands and the clock share of one migration: its engine, and the ground on which
//! orders are carried out.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::ground::Ground;
use super::tape::Tape;
use crate::domain::EventSink;
use crate::engine::{Engine, Input, Order, Reply, Ticket};
use crate::error::LibvirtError;
use crate::params::MigrateParams;
use crate::progress::Progress;
use crate::record::{Outcome, Step};
use crate::update::{Update, UpdateSink};
use crate::{Error, Result};

/// One migration.
pub(super) struct Shared {
    /// Its number in this process.
    pub id: u64,
    pub ground: Ground,
    /// What the call is made with.
    pub params: Option<MigrateParams>,
    /// What it is made with where these are refused: as the caller has them, without what was chosen.
    pub plain: Option<MigrateParams>,
    /// The clock that wakes it, unless it runs on its caller's thread.
    pub clock: OnceLock<Arc<Clock>>,
    /// When it was started or found.
    started: Instant,
    /// The process, which is the only one that can do something with it.
    process: u32,
    tape: Tape,
    inner: Mutex<Inner>,
    changed: Condvar,
}

/// The engine, and what it has told.
pub(super) struct Inner {
    pub engine: Engine,
    pub sinks: Vec<UpdateSink>,
    pub progress: Progress,
    /// How many times there was a progress.
    pub sequence: u64,
    pub steps: Vec<Step>,
    pub end: Option<Arc<Result<Outcome>>>,
    /// The number of the last wish, and the answers that nobody has fetched.
    pub wishes: u64,
    pub answers: HashMap<u64, Result<()>>,
    /// How often the engine was told something.
    turn: u64,
    /// The engine has ended, and what it kept was let go of.
    pub over: bool,
}

/// What a migration's engine wants of its driver.
pub(super) struct Wanted {
    /// Counts what one engine has wanted: of two that are served at once the later one counts.
    pub turn: u64,
    pub orders: Vec<(Ticket, Order)>,
    pub wake_at: Option<Instant>,
    /// It has just ended.
    pub ended: bool,
}

impl Shared {
    pub fn new(
        ground: Ground,
        params: Option<MigrateParams>,
        engine: Engine,
        sinks: Vec<UpdateSink>,
    ) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let inner = Inner {
            engine,
            sinks,
            progress: Progress::default(),
            sequence: 0,
            steps: vec![],
            end: None,
            wishes: 0,
            answers: HashMap::new(),
            turn: 0,
            over: false,
        };
        let id = LAST.fetch_add(1, Ordering::Relaxed);
        Self {
            id,
            tape: Tape::new(id),
            ground,
            params,
            plain: None,
            clock: OnceLock::new(),
            started: Instant::now(),
            process: std::process::id(),
            inner: Mutex::new(inner),
            changed: Condvar::new(),
        }
    }

    /// The same with what the call is made with where the first parameters are refused.
    pub fn with_plain(self, plain: Option<MigrateParams>) -> Self {
        Self { plain, ..self }
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A look at it; `None` in a fork where its lock was held at that moment, by a thread that nobody has there.
    pub fn peek(&self) -> Option<MutexGuard<'_, Inner>> {
        match self.check_process() {
            Ok(()) => Some(self.lock()),
            Err(_) => self.inner.try_lock().ok(),
        }
    }

    /// Refuses a handle that came into another process by fork: none of its threads did.
    pub fn check_process(&self) -> Result<()> {
        same_process(self.process)
    }

    /// The guest's name for messages.
    pub fn name(&self) -> &str {
        self.ground.guest.name.as_deref().unwrap_or("the guest")
    }

    /// Tells the engine what happened now, tells others what it says, and returns what it wants.
    pub fn handle(&self, input: Option<Input>) -> Wanted {
        let mut inner = self.lock();
        let now = self.started.elapsed();
        if let Some(input) = input {
            self.tape.hear(now, &input);
            // A fault of the engine's must not leave those who wait without an end.
            if catch_unwind(AssertUnwindSafe(|| inner.engine.handle(now, input))).is_err() {
                inner.broken();
            }
        }
        inner.turn += 1;
        let turn = inner.turn;
        let changed = inner.take_news();
        let orders: Vec<_> = std::iter::from_fn(|| inner.engine.poll_order()).collect();
        orders.iter().for_each(|(_, order)| self.tape.order(now, order));
        let wake_at = inner.engine.wake_at().map(|at| self.started + at);
        let is_ended = inner.engine.is_ended();
        let ended = is_ended && !std::mem::replace(&mut inner.over, is_ended);
        drop(inner);
        if changed {
            self.changed.notify_all();
        }
        Wanted { turn, orders, wake_at, ended }
    }

    /// Waits until `ready`, or until the time is over.
    pub fn wait_until(
        &self,
        until: Option<Instant>,
        mut ready: impl FnMut(&Inner) -> bool,
    ) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        while !ready(&inner) {
            let Some(until) = until else {
                inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        inner
    }

    /// Does what is ordered on this thread, all but the call.
    pub fn carry_out(&self, ticket: Ticket, order: &Order, sink: &EventSink) -> Input {
        let done = catch_unwind(AssertUnwindSafe(|| self.ground.carry_out(order, sink)));
        Input::Done(ticket, done.unwrap_or_else(|_| Reply::fault(order)))
    }
}

impl Inner {
    /// Takes what the engine tells. Says whether somebody may wait for it.
    fn take_news(&mut self) -> bool {
        let mut changed = false;
        while let Some(update) = self.engine.poll_update() {
            match &update {
                Update::Progress(progress) => {
                    self.progress = *progress;
                    self.sequence += 1;
                }
                Update::Step(step) => self.steps.push(step.clone()),
                Update::Ended(end) => self.end = Some(end.clone()),
                Update::Started { .. } | Update::Switchover { .. } => {}
            }
            self.tell(&update);
            changed = true;
        }
        if self.end.is_some() {
            self.sinks.clear();
        }
        while let Some((wish, answer)) = self.engine.poll_answer() {
            self.answers.insert(wish, answer);
            changed = true;
        }
        changed
    }

    /// The engine has failed: nobody follows the migration any more.
    fn broken(&mut self) {
        let error = LibvirtError::found_here(
            LibvirtError::INTERNAL_ERROR,
            "a fault of libvirt-migrate: the migration goes on by itself, and nobody follows it",
        );
        if self.end.is_none() {
            let end = Arc::new(Err(error.into()));
            self.end = Some(end.clone());
            self.tell(&Update::Ended(end));
        }
    }

    /// Tells everyone who wants to know.
    pub fn tell(&self, update: &Update) {
        for sink in &self.sinks {
            tell(sink, update.clone());
        }
    }
}

/// Tells one. Its fault is its own: it must cost neither the thread that tells nor those who wait for the migration.
pub(super) fn tell(sink: &UpdateSink, update: Update) {
    let _ = catch_unwind(AssertUnwindSafe(|| sink(update)));
}

/// Where events of a migration go, as long as somebody has it.
pub(super) fn event_sink(shared: &Arc<Shared>, deliver: fn(&Arc<Shared>, Input)) -> EventSink {
    let shared: Weak<Shared> = Arc::downgrade(shared);
    Arc::new(move |event| {
        if let Some(shared) = shared.upgrade() {
            deliver(&shared, Input::Event(event));
        }
    })
}

/// Refuses another process than the one with this number.
pub(crate) fn same_process(process: u32) -> Result<()> {
    if std::process::id() == process {
        return Ok(());
    }
    Err(Error::not_now(
        "this process is a fork of the one that made the guest or the migration: neither libvirt's \
         connections nor the threads that watch migrations survive a fork",
    ))
}

/// How long it is until this moment.
pub(super) fn left(until: Option<Instant>) -> Option<Duration> {
    until.map(|until| until.saturating_duration_since(Instant::now()))
}
