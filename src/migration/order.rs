//! What the watcher has the hands do: calls to libvirt, which may block.

use super::call::guarded;
use super::conclude::{OUTGOING, conclude};
use super::perform::perform;
use super::shared::Shared;
use super::step::Act;
use crate::belongings::Belongings;
use crate::domain::{DomainOps, EventSink, Subscription};
use crate::error::LibvirtError;
use crate::guest::ask_hosts;
use crate::job::{JobInfo, JobType};
use crate::location::Answers;
use crate::location::GuestLocation;
use crate::policy::Decision;
use crate::state::DomainState;
use crate::{Error, Result};
use std::sync::Arc;

/// One thing to do for one migration.
pub(super) enum Order {
    /// Find a connection to watch through, and subscribe to events.
    Prepare(EventSink),
    /// Have a connection to the destination, for the end.
    Reach,
    /// Subscribe to events, which were not to be had before.
    Subscribe(EventSink),
    /// Look at the job and, with `state`, at the domain.
    Sample { state: bool },
    /// Carry a decision out.
    Act(Decision),
    /// Abort, which somebody has asked for.
    Abort,
    /// Ask both hosts over connections of their own.
    Look,
    /// Reach the source again, whose connection is gone, and subscribe to events.
    Reconnect(EventSink),
    /// An adopted migration is over: find out how.
    Conclude { succeeded: bool },
}

/// What came of an order.
pub(super) enum Answer {
    /// Of [`Order::Prepare`] and [`Order::Subscribe`].
    Subscribed { control: Option<Arc<dyn DomainOps>>, subscription: Option<Subscription> },
    /// Of [`Order::Reach`].
    Reached(Option<Subscription>),
    /// Of [`Order::Sample`].
    Sampled {
        job: Result<Box<JobInfo>>,
        state: Option<Result<DomainState>>,
        /// The connection still stands.
        connected: bool,
    },
    /// Of [`Order::Act`].
    Acted(Decision, Result<()>),
    /// Of [`Order::Abort`].
    Aborted(Result<()>),
    /// Of [`Order::Look`].
    Looked(Answers),
    /// Of [`Order::Reconnect`].
    Reconnected(Reconnected),
    /// Of [`Order::Conclude`].
    Concluded,
}

/// What another connection to the source finds.
pub(super) enum Reconnected {
    /// The guest, and its events where they are to be had.
    There(Option<Subscription>),
    /// The host does not know the guest any more.
    Gone,
    /// There is no connection to be had now.
    Failed,
}

impl Order {
    /// Does it.
    pub fn carry_out(self, shared: &Shared) -> Answer {
        match self {
            Self::Prepare(sink) => {
                let control = shared.domain.control();
                let domain = control.as_ref().unwrap_or(&shared.domain);
                let subscription = domain.subscribe(sink);
                let _ = shared.belongings.set(Belongings::read(domain.as_ref()));
                Answer::Subscribed { control, subscription }
            }
            Self::Reach => {
                Answer::Reached(shared.destination.as_deref().and_then(|uri| shared.domain.reach(uri)))
            }
            Self::Subscribe(sink) => {
                Answer::Subscribed { control: None, subscription: shared.control().subscribe(sink) }
            }
            Self::Sample { state } => {
                let domain = shared.control();
                let job = guarded(|| domain.job_info(false).map(Box::new));
                let state = state.then(|| guarded(|| domain.state()));
                let answered = job.is_ok() || state.as_ref().is_some_and(Result::is_ok);
                let connected = answered || domain.is_connected();
                Answer::Sampled { job, state, connected }
            }
            Self::Look => Answer::Looked(look(shared)),
            Self::Reconnect(sink) => Answer::Reconnected(reconnect(shared, sink)),
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

/// What both hosts say over connections of their own: the ones in use may hang.
fn look(shared: &Shared) -> Answers {
    let domain = match shared.domain.reopen() {
        Ok(domain) => domain,
        // There is only this one.
        Err(error) if error.libvirt_code() == Some(LibvirtError::NO_SUPPORT) => shared.domain.clone(),
        Err(error) => {
            let source = crate::location::Answer::of(Err(error));
            return Answers { source, destination: ask_destination(shared, shared.domain.as_ref()) };
        }
    };
    let source = crate::location::Answer::of(domain.state());
    Answers { source, destination: ask_destination(shared, domain.as_ref()) }
}

fn ask_destination(shared: &Shared, domain: &dyn DomainOps) -> crate::location::Answer {
    match (shared.destination.as_deref(), shared.guest.uuid.as_deref()) {
        (Some(uri), Some(uuid)) => domain.ask_destination(uri, uuid),
        _ => crate::location::Answer::Unknown,
    }
}

/// Reaches the source of an adopted migration again.
fn reconnect(shared: &Shared, sink: EventSink) -> Reconnected {
    let reason = "the connection to the source broke, and the migration goes on without it";
    match shared.domain.reopen() {
        Ok(domain) => {
            let subscription = domain.subscribe(sink);
            shared.set_control(Some(domain));
            shared.record_act(Act::Reconnect, reason, None);
            Reconnected::There(subscription)
        }
        Err(error) if error.libvirt_code() == Some(LibvirtError::NO_DOMAIN) => Reconnected::Gone,
        Err(error) => {
            shared.record_act(Act::Reconnect, reason, Some(error.to_string()));
            Reconnected::Failed
        }
    }
}

/// How a migration ended that no call of ours sat in, and where the guest is.
fn adopted_end(shared: &Shared, succeeded: bool) -> (Result<()>, GuestLocation) {
    let domain = shared.control();
    let state = domain.state();
    let moved = state.as_ref().is_ok_and(|state| state.has_migrated());
    let completed = domain.job_info(true).ok().filter(|job| job.operation == Some(OUTGOING));
    let location =
        ask_hosts(domain.as_ref(), shared.destination.as_deref(), shared.guest.uuid.as_deref()).location();
    let broken = location == GuestLocation::PostCopyBroken;
    if (succeeded || moved) && !broken {
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
