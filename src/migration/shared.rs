//! What the handle, the blocked call and the watcher share of one migration.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::outcome::Outcome;
use super::pausing::Pauses;
use super::step::{Act, Step};
use super::update::{Update, UpdateSink};
use crate::belongings::Belongings;
use crate::domain::{DomainOps, GuestFacts};
use crate::flags::MigrateFlags;
use crate::job::JobInfo;
use crate::policy::{Action, Context, Decision, Throttle};
use crate::progress::{Phase, Progress};
use crate::state::DomainState;
use crate::{Error, Result};

/// One migration.
pub(super) struct Shared {
    /// Its number in this process.
    pub id: u64,
    /// The domain that the blocked call is made on.
    pub domain: Arc<dyn DomainOps>,
    /// The guest, as it was before.
    pub guest: GuestFacts,
    /// The URI of the destination's daemon, where it is known.
    pub destination: Option<String>,
    /// The flags that it runs with.
    pub flags: MigrateFlags,
    /// Found running: no call of ours sits in it.
    pub adopted: bool,
    /// The watcher steers it, and may ask the domain beside the call.
    pub watched: bool,
    /// When it was started or found.
    pub started: Instant,
    /// The process, which is the only one that can do something with it.
    process: u32,
    /// What belongs to the guest beside its definitions, once it was read.
    pub belongings: OnceLock<Belongings>,
    /// Libvirt's events are delivered.
    pub events: AtomicBool,
    control: Mutex<Option<Arc<dyn DomainOps>>>,
    state: Mutex<State>,
    changed: Condvar,
}

/// What changes while it runs.
#[derive(Default)]
pub(super) struct State {
    pub progress: Progress,
    /// How many times there was a progress.
    pub sequence: u64,
    pub steps: Vec<Step>,
    pub context: Context,
    /// Somebody wants it aborted.
    pub abort: bool,
    /// libvirt has refused an abort, as it does while there is no job yet: it is to be asked again.
    pub abort_again: bool,
    /// libvirt has taken an abort.
    pub abort_taken: bool,
    /// The call has been made.
    pub called: bool,
    /// The job is being aborted in order to start again like this.
    pub restart: Option<Throttle>,
    /// The guest was paused in order to get it over.
    pub pauses: Pauses,
    /// The job has been seen to run.
    pub begun: bool,
    /// It is to be got over at any price as soon as there is a job.
    pub force: bool,
    /// How many calls are out that the record will tell of.
    pub acting: usize,
    /// The last statistics of a job that moved the guest.
    pub last_job: Option<JobInfo>,
    /// Those of one that did not: of this attempt, or of one before.
    pub failed_job: Option<JobInfo>,
    /// The switchover has been told.
    pub switched: bool,
    pub end: Option<Arc<Result<Outcome>>>,
    pub sinks: Vec<UpdateSink>,
}

impl Shared {
    pub fn new(
        domain: Arc<dyn DomainOps>,
        guest: GuestFacts,
        destination: Option<String>,
        flags: MigrateFlags,
        adopted: bool,
        watched: bool,
    ) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self {
            id: LAST.fetch_add(1, Ordering::Relaxed),
            domain,
            guest,
            destination,
            flags,
            adopted,
            watched,
            started: Instant::now(),
            process: std::process::id(),
            belongings: OnceLock::new(),
            events: AtomicBool::new(false),
            control: Mutex::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Refuses a handle that came into another process by fork: none of its threads did.
    pub fn check_process(&self) -> Result<()> {
        same_process(self.process)
    }

    /// The domain for everything but the call that blocks.
    pub fn control(&self) -> Arc<dyn DomainOps> {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        control.as_ref().unwrap_or(&self.domain).clone()
    }

    /// Uses another connection for it, or with `None` the domain itself. Returns the one used before.
    pub fn set_control(&self, control: Option<Arc<dyn DomainOps>>) -> Option<Arc<dyn DomainOps>> {
        std::mem::replace(&mut *self.control.lock().unwrap_or_else(PoisonError::into_inner), control)
    }

    pub fn has_events(&self) -> bool {
        self.events.load(Ordering::Relaxed)
    }

    /// The guest's name for messages.
    pub fn name(&self) -> &str {
        self.guest.name.as_deref().unwrap_or("the guest")
    }

    /// Whether the guest stood still before it was migrated.
    pub fn was_paused(&self) -> bool {
        // One that stands still for a migration that was found running, or for a post-copy that broke, goes on with it.
        let for_migration =
            |state: DomainState| state.is_migrating() || state.is_post_copy() || state.is_post_copy_failed();
        self.guest.state.is_some_and(|state| state.is_paused() && !for_migration(state))
    }

    /// Whether it can be switched to post-copy.
    pub fn allows_post_copy(&self) -> bool {
        self.flags.contains(MigrateFlags::POSTCOPY) && !self.was_paused()
    }

    /// What gets it over at any price.
    pub fn forcing(&self) -> Action {
        if self.allows_post_copy() { Action::StartPostCopy } else { Action::Pause }
    }

    /// Adds to the record, unless it is the last entry's failure once more.
    pub fn record(&self, step: Step) {
        let mut state = self.lock();
        if !state.steps.last().is_some_and(|last| step.repeats(last)) {
            state.steps.push(step.clone());
            state.tell(Update::Step(step));
        }
    }

    /// Adds something done now.
    pub fn record_act(&self, act: Act, reason: impl Into<String>, error: Option<String>) {
        self.record(Step { at: self.elapsed(), act, reason: reason.into(), error });
    }

    /// Carries something out and records it. The end waits for that, so that an outcome tells what led to it.
    pub fn acting<T>(&self, body: impl FnOnce() -> T) -> T {
        self.lock().acting += 1;
        let result = body();
        self.lock().acting -= 1;
        self.changed.notify_all();
        result
    }

    /// Something changed that somebody may be waiting for.
    pub fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits for what is being carried out, not for long: it may hang.
    pub fn settle(&self) {
        const PATIENCE: Duration = Duration::from_millis(500);
        drop(self.wait_until(Instant::now().checked_add(PATIENCE), |state| state.acting == 0));
    }

    /// Waits for the statistics that libvirt sends at the end, where it sends any. Not for long: it may be restarted.
    pub fn await_last_job(&self) {
        const PATIENCE: Duration = Duration::from_millis(500);
        if self.has_events() {
            drop(self.wait_until(Instant::now().checked_add(PATIENCE), |state| state.last_job.is_some()));
        }
    }

    /// libvirt has taken an abort that somebody asked for.
    pub fn abort_taken(&self) {
        self.lock().abort_taken = true;
        self.record_act(Act::Take(Action::Abort), "it was asked for", None);
    }

    /// Takes note of what a decision changes once it is carried out.
    pub fn carried_out(&self, decision: &Decision) {
        let mut state = self.lock();
        match decision.action {
            Action::SetMaxDowntime(limit) => state.context.downtime_limit_ms = Some(limit),
            Action::StartPostCopy => {
                (state.context.post_copy, state.context.forced) = (true, true);
                self.switch(&mut state);
            }
            Action::Pause => state.context.forced = true,
            Action::Abort => state.abort_taken = true,
            Action::Restart(_) => {}
        }
    }

    /// Tells the switchover, once.
    pub fn switch(&self, state: &mut State) {
        if !std::mem::replace(&mut state.switched, true) {
            state.tell(Update::Switchover { at: self.elapsed() });
        }
    }

    /// A new progress.
    pub fn advance(&self, progress: Progress) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.advance(progress);
            self.changed.notify_all();
        }
    }

    /// The end. Nothing changes any more afterwards.
    pub fn finish(&self, end: Result<Outcome>) {
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        if end.is_ok() {
            if !state.switched {
                self.switch(&mut state);
            }
            let last = Progress {
                phase: Phase::Finishing,
                elapsed: self.elapsed(),
                memory_remaining: 0,
                disk_remaining: 0,
                expected_downtime: None,
                expected_time_left: Some(Duration::ZERO),
                fraction: 1.0,
                ..state.progress
            };
            state.advance(last);
        }
        let end = Arc::new(end);
        state.end = Some(end.clone());
        state.tell(Update::Ended(end));
        state.sinks.clear();
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until `ready`, or until the time is over.
    pub fn wait_until(
        &self,
        until: Option<Instant>,
        mut ready: impl FnMut(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while !ready(&state) {
            let Some(until) = until else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }
}

impl State {
    /// Tells everyone who wants to know.
    pub fn tell(&mut self, update: Update) {
        for sink in &self.sinks {
            tell(sink, update.clone());
        }
    }

    fn advance(&mut self, progress: Progress) {
        self.progress = progress;
        self.sequence += 1;
        self.tell(Update::Progress(progress));
    }
}

/// Tells one. Its fault is its own: it must cost neither the thread that tells nor those who wait for the migration.
pub(super) fn tell(sink: &UpdateSink, update: Update) {
    let _ = catch_unwind(AssertUnwindSafe(|| sink(update)));
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
