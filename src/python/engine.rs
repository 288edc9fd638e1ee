//! The engine for a caller that carries orders out itself: Nova's monitor.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::convergence::PyConvergence;
use super::errors::invalid;
use super::guest::PyGuest;
use super::outcome::PyDecision;
use super::params::flags_from_py;
use super::policy::{job_info, since};
use super::progress::seconds;
use super::transport::travelling;
use crate::Error;
use crate::domain::GuestFacts;
use crate::engine::{Case, Change, Engine, Input, Order, Outside, Reply, Scope, Ticket};
use crate::error::LibvirtError;
use crate::fact::Fact;
use crate::flags::MigrateFlags;
use crate::learnt::Route;
use crate::location::{Answer, Answers, GuestLocation};
use crate::numbers::{errors, states};
use crate::policy::policy;
use crate::record::Outcome;
use crate::state::DomainState;
use crate::update::{Update, UpdateSink};

/// Watches and steers one migration whose call somebody else makes, and says how it has ended.
///
/// It has no clock and does nothing itself. Tell it what happens, with the seconds since the start (which do not go
/// back); carry out what `poll_order` gives, and tell it what came of that under the order's number; log what
/// `poll_step` gives. `wake_at` says when to call `woken` at the latest. A look at the job is ordered each time.
#[pyclass(frozen, name = "Engine", module = "libvirt_migrate._core")]
pub struct PyEngine {
    inner: Mutex<Inner>,
}

struct Inner {
    engine: Engine,
    steps: VecDeque<PyDecision>,
    end: Option<(&'static str, GuestLocation)>,
    /// Who keeps what is seen of the link.
    lesson: Option<UpdateSink>,
}

#[pymethods]
impl PyEngine {
    /// For a migration with these flags; `paused` says that the guest stood still before. Without `convergence` nobody
    /// steers. `confirm_for`: how long the call may take to return once libvirt's statistics say that the job has ended, s,
    /// before both hosts are asked.
    #[new]
    #[pyo3(signature = (convergence=None, flags=None, *, paused=false, confirm_for=60.0))]
    fn new(
        convergence: Option<&PyConvergence>,
        flags: Option<&Bound<'_, PyAny>>,
        paused: bool,
        confirm_for: f64,
    ) -> PyResult<Self> {
        let confirm_for = since(confirm_for)?;
        let flags = flags_from_py(flags)?.unwrap_or(MigrateFlags::empty());
        let state = paused.then(|| DomainState::new(states::PAUSED, states::PAUSED_USER));
        let guest = GuestFacts { state, ..GuestFacts::default() };
        let scope = Scope::Beside { confirm_for };
        let case = Case { guest, destination: false, flags, scope, exclusive: false };
        // A call of somebody else's cannot be made again.
        let policy =
            convergence.map(|convergence| policy(&convergence.convergence.with_transport(false), flags));
        let engine = Engine::start(case, policy);
        Ok(Self { inner: Mutex::new(Inner { engine, steps: VecDeque::new(), end: None, lesson: None }) })
    }

    /// Time has passed.
    fn woken(&self, elapsed: f64) -> PyResult<()> {
        self.handle(elapsed, Input::Woken)
    }

    /// The destination can be asked from now on, or not.
    fn set_destination(&self, known: bool) {
        self.lock().engine.set_destination(known);
    }

    /// What is seen of the link is kept: `_compression` in this process goes by it. `guest` is the one that is moved,
    /// `destination` the URI of the destination's daemon, `migrate_uri` as libvirt is given it.
    #[pyo3(signature = (guest, destination, migrate_uri=None))]
    fn learn(
        &self,
        py: Python<'_>,
        guest: &PyGuest,
        destination: String,
        migrate_uri: Option<String>,
    ) -> PyResult<()> {
        if let Some(home) = guest.home(py)? {
            let params = travelling(destination, migrate_uri, MigrateFlags::DEFAULT)?;
            self.lock().lesson = Route::of(&home, &params).map(Route::lesson);
        }
        Ok(())
    }

    /// The call is over: `code` is libvirt's number of its error, or any other where it has none; `None` where it
    /// returned. `location` is where the guest is, where the error says so, as `guest_location` of `MigrationFailed`.
    #[pyo3(signature = (elapsed, code=None, message="", location=None))]
    fn called(&self, elapsed: f64, code: Option<i32>, message: &str, location: Option<&str>) -> PyResult<()> {
        let location = location.map(place).transpose()?;
        let result = said(code, message);
        self.handle(elapsed, Input::Done(Engine::CALL, Reply::Called { result, connected: true, location }))
    }

    /// What a look found: `stats` are libvirt's job statistics under its names, with `type`, and `state` is libvirt's
    /// state and its reason; each `None` where it was not to be had. `gone` says that the source does not know the guest
    /// or its job any more.
    #[pyo3(signature = (elapsed, order, stats, state=None, *, gone=false))]
    fn sampled(
        &self,
        elapsed: f64,
        order: &PyOrder,
        stats: Option<&Bound<'_, PyDict>>,
        state: Option<[i32; 2]>,
        gone: bool,
    ) -> PyResult<()> {
        let code = if gone { errors::NO_DOMAIN } else { errors::OPERATION_TIMEOUT };
        let job = match stats {
            Some(stats) => Ok(Box::new(job_info(stats)?)),
            None => Err(LibvirtError::found_here(code, "no statistics").into()),
        };
        let state = state.map(|[code, reason]| Ok(DomainState::new(code, reason)));
        let reply = Reply::Sampled { job, state, connected: true };
        self.handle(elapsed, Input::Done(order.ticket, reply))
    }

    /// What came of a change: nothing more where it was made, else libvirt's number and the message.
    #[pyo3(signature = (elapsed, order, code=None, message=""))]
    fn changed(&self, elapsed: f64, order: &PyOrder, code: Option<i32>, message: &str) -> PyResult<()> {
        let reply = Reply::Changed { result: said(code, message), state: Fact::Unknown };
        self.handle(elapsed, Input::Done(order.ticket, reply))
    }

    /// Where the guest is by both hosts' answers, as `guest_location` says it.
    fn located(&self, elapsed: f64, order: &PyOrder, location: &str) -> PyResult<()> {
        self.handle(elapsed, Input::Done(order.ticket, Reply::Located(place(location)?)))
    }

    /// What both hosts say of the guest: a libvirt state and its reason, `False` of a host that does not know it, `None` of
    /// one that does not answer.
    fn looked(
        &self,
        elapsed: f64,
        order: &PyOrder,
        source: Option<Said>,
        destination: Option<Said>,
    ) -> PyResult<()> {
        let answers = Answers { source: answer(source)?, destination: answer(destination)? };
        self.handle(elapsed, Input::Done(order.ticket, Reply::Asked(answers)))
    }

    /// Somebody else has paused the guest to get it over, switched it to post-copy or aborted the migration: "paused",
    /// "post-copy" or "aborted".
    fn outside(&self, elapsed: f64, what: &str) -> PyResult<()> {
        let outside = match what {
            "paused" => Outside::Paused,
            "post-copy" => Outside::PostCopy,
            "aborted" => Outside::Aborted,
            other => return Err(invalid("what", format!("{other:?} is nothing that others do"))),
        };
        self.handle(elapsed, Input::Outside(outside))
    }

    /// The next thing to do; `None` where nothing is due.
    fn poll_order(&self) -> Option<PyOrder> {
        let mut inner = self.lock();
        let (ticket, order) = inner.engine.poll_order()?;
        let holds = inner.engine.holds(ticket);
        Some(PyOrder { ticket, order, holds })
    }

    /// The next thing that was done, as a `Decision`; `None` where all were told.
    fn poll_step(&self) -> Option<PyDecision> {
        self.lock().steps.pop_front()
    }

    /// When `woken` is to be called at the latest, in seconds since the start; `None` while it waits for replies alone.
    #[getter]
    fn wake_at(&self) -> Option<f64> {
        self.lock().engine.wake_at().map(|at| at.as_secs_f64())
    }

    /// How it ended, and where the guest is: ("completed", "failed" or "cancelled", and as `guest_location`). `None`
    /// while it runs.
    #[getter]
    fn end(&self) -> Option<(&'static str, &'static str)> {
        self.lock().end.map(|(how, location)| (how, location.name()))
    }
}

impl PyEngine {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, elapsed: f64, input: Input) -> PyResult<()> {
        let now = since(elapsed)?;
        let mut inner = self.lock();
        inner.engine.handle(now, input);
        while let Some(update) = inner.engine.poll_update() {
            if let Some(lesson) = &inner.lesson {
                lesson(update.clone());
            }
            match update {
                Update::Step(step) => inner.steps.push_back(step.into()),
                Update::Ended(end) => inner.end = Some(told(end.as_ref())),
                Update::Started { .. } | Update::Progress(_) | Update::Switchover { .. } => {}
            }
        }
        Ok(())
    }
}

fn told(end: &crate::Result<Outcome>) -> (&'static str, GuestLocation) {
    match end {
        Ok(outcome) => ("completed", outcome.guest_location),
        Err(Error::MigrationCancelled { location, .. }) => ("cancelled", *location),
        Err(Error::MigrationFailed { location, .. }) => ("failed", *location),
        Err(_) => ("failed", GuestLocation::Unknown),
    }
}

fn said(code: Option<i32>, message: &str) -> crate::Result<()> {
    code.map_or(Ok(()), |code| Err(LibvirtError::found_here(code, message).into()))
}

/// What a host says of a guest.
#[derive(FromPyObject)]
enum Said {
    Known(bool),
    State([i32; 2]),
}

fn answer(said: Option<Said>) -> PyResult<Answer> {
    match said {
        None => Ok(Answer::Unknown),
        Some(Said::Known(false)) => Ok(Answer::Absent),
        Some(Said::Known(true)) => Err(invalid("state", "a host that knows the guest says its state")),
        Some(Said::State([code, reason])) => Ok(Answer::State(DomainState::new(code, reason))),
    }
}

fn place(name: &str) -> PyResult<GuestLocation> {
    GuestLocation::from_name(name)
        .ok_or_else(|| invalid("location", format!("{name:?} is no place of a guest")))
}

/// One thing to do.
#[pyclass(frozen, name = "EngineOrder", module = "libvirt_migrate._core")]
pub struct PyOrder {
    ticket: Ticket,
    order: Order,
    /// A pause for a moment.
    holds: bool,
}

#[pymethods]
impl PyOrder {
    /// What: "sample" (look at the job, and at the domain's state), "ask" (ask both hosts where the guest is), "look" (ask
    /// both over connections of their own, without waiting: reply with `looked`), "set-max-downtime", "start-post-copy",
    /// "pause" (get it over), "abort", "hold" (pause the guest for a moment), "resume" or "finish-abort"
    /// (`Guest.finish_abort`).
    #[getter]
    fn name(&self) -> &'static str {
        match &self.order {
            Order::Sample { .. } => "sample",
            Order::Ask => "ask",
            Order::Look => "look",
            Order::Change(Change::SetMaxDowntime(_)) => "set-max-downtime",
            Order::Change(Change::StartPostCopy) => "start-post-copy",
            Order::Change(Change::Pause) if self.holds => "hold",
            Order::Change(Change::Pause) => "pause",
            Order::Change(Change::Resume) => "resume",
            Order::Change(Change::FinishAbort) => "finish-abort",
            Order::Change(Change::Abort) => "abort",
            // Never: the rest is for a migration that is the engine's own.
            _ => "other",
        }
    }

    /// Of set-max-downtime: the pause to allow, s; `None` for all else.
    #[getter]
    fn max_downtime(&self) -> Option<f64> {
        match self.order {
            Order::Change(Change::SetMaxDowntime(limit)) => seconds(Some(Duration::from_millis(limit))),
            _ => None,
        }
    }

    fn __repr__(&self) -> String {
        format!("EngineOrder({})", self.name())
    }
}
