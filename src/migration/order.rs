//! What the watcher has the hands do: calls to libvirt, which may block.

use super::call::guarded;
use super::conclude::{OUTGOING, conclude};
use super::perform::perform;
use super::shared::Shared;
use crate::domain::{DomainOps, EventSink, Subscription};
use crate::error::LibvirtError;
use crate::guest::locate;
use crate::job::{JobInfo, JobType};
use crate::location::GuestLocation;
use crate::policy::Decision;
use crate::state::DomainState;
use crate::{Error, Result};
use std::sync::Arc;

/// One thing to do for one migration.
pub(super) enum Order {
    /// Find a connection to watch through, and subscribe to events.
    Prepare(EventSink),
    /// Subscribe to events, which were not to be had before.
    Subscribe(EventSink),
    /// Look at the job and, with `state`, at the domain.
    Sample { state: bool },
    /// Carry a decision out.
    Act(Decision),
    /// Abort, which somebody has asked for.
    Abort,
    /// An adopted migration is over: find out how.
    Conclude { succeeded: bool },
}

/// What came of an order.
pub(super) enum Answer {
    /// Of [`Order::Prepare`] and [`Order::Subscribe`].
    Subscribed { control: Option<Arc<dyn DomainOps>>, subscription: Option<Subscription> },
    /// Of [`Order::Sample`].
    Sampled { job: Result<Box<JobInfo>>, state: Option<Result<DomainState>> },
    /// Of [`Order::Act`].
    Acted(Decision, Result<()>),
    /// Of [`Order::Abort`].
    Aborted(Result<()>),
    /// Of [`Order::Conclude`].
    Concluded,
}

impl Order {
    /// Does it.
    pub fn carry_out(self, shared: &Shared) -> Answer {
        match self {
            Self::Prepare(sink) => {
                let control = shared.domain.control();
                let domain = control.as_ref().unwrap_or(&shared.domain);
                let subscription = domain.subscribe(sink);
                Answer::Subscribed { control, subscription }
            }
            Self::Subscribe(sink) => {
                Answer::Subscribed { control: None, subscription: shared.control().subscribe(sink) }
            }
            Self::Sample { state } => {
                let domain = shared.control();
                let job = guarded(|| domain.job_info(false).map(Box::new));
                let state = state.then(|| guarded(|| domain.state()));
                Answer::Sampled { job, state }
            }
            Self::Act(decision) => {
                let result = perform(shared, &decision);
                Answer::Acted(decision, result)
            }
            Self::Abort => Answer::Aborted(shared.acting(|| {
                let result = guarded(|| shared.control().abort_job(false));
                if result.is_ok() {
                    shared.abort_taken();
                }
                result
            })),
            Self::Conclude { succeeded } => {
                shared.finish(guarded(|| {
                    let (result, location) = adopted_end(shared, succeeded);
                    conclude(shared, result, Some(location))
                }));
                Answer::Concluded
            }
        }
    }
}

/// How a migration ended that no call of ours sat in, and where the guest is.
fn adopted_end(shared: &Shared, succeeded: bool) -> (Result<()>, GuestLocation) {
    let domain = shared.control();
    let state = domain.state();
    let moved = state.as_ref().is_ok_and(|state| state.has_migrated());
    let completed = domain.job_info(true).ok().filter(|job| job.operation == Some(OUTGOING));
    let location = locate(domain.as_ref(), shared.destination.as_deref(), shared.guest.uuid.as_deref());
    if succeeded || moved {
        let unknown = location == GuestLocation::Unknown;
        let paused = shared.was_paused();
        let arrived =
            if paused { GuestLocation::DestinationPaused } else { GuestLocation::DestinationRunning };
        return (Ok(()), if unknown { arrived } else { location });
    }
    let error = match state {
        // The guest is not here. Only the destination can tell whether it is there.
        Err(error) => error,
        Ok(_) => {
            let cancelled = completed.as_ref().is_some_and(|job| job.kind == JobType::Cancelled)
                || shared.lock().abort_taken;
            let code =
                if cancelled { LibvirtError::OPERATION_ABORTED } else { LibvirtError::OPERATION_FAILED };
            let said = completed.and_then(|job| job.errmsg);
            let message = said.unwrap_or_else(|| "the migration ended without moving the guest".to_owned());
            Error::Libvirt(LibvirtError::found_here(code, message))
        }
    };
    (Err(error), location)
}

/// Whether an adopted migration is over, from one look at it.
pub(super) fn is_over(job: &Result<Box<JobInfo>>, state: Option<&Result<DomainState>>) -> bool {
    let gone = |error: &Error| error.libvirt_code() == Some(LibvirtError::NO_DOMAIN);
    match (job, state) {
        (_, Some(Err(error))) => gone(error),
        (_, Some(Ok(state))) if state.is_shut_off() => true,
        // One that has failed is still being cleared up at the destination until libvirt forgets it.
        (Ok(job), Some(Ok(_))) => job.kind == JobType::None,
        (Err(error), _) => gone(error),
        (Ok(_), None) => false,
    }
}
