//! A call whose connection broke. The daemon may have gone, or go on with the migration on its own: the
//! connection is made again, and the migration followed to its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conclude::conclude;
use super::outcome::Outcome;
use super::shared::Shared;
use super::start::is_active;
use super::step::Act;
use crate::domain::DomainOps;
use crate::error::LibvirtError;
use crate::fact::Fact;
use crate::libvirt::InBackground;
use crate::location::{Answer, GuestLocation};
use crate::recovery::{Recovery, Remedy, STILL};
use crate::{Error, Result};

/// How long a source that cannot be reached is tried again: longer than a daemon takes to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// A stream of memory that has moved nothing for this long is taken for broken, where libvirt says so too.
const BROKEN: Duration = Duration::from_secs(1);
/// Between two attempts, and between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// The end of a migration whose call failed with `error` since its connection broke.
pub(super) fn follow(shared: &Shared, error: Error) -> Result<Outcome> {
    if error.libvirt_code().is_none() {
        return Err(error);
    }
    loop {
        match reconnect(shared, &error) {
            Found::Domain(domain) => {
                shared.set_control(Some(domain.clone()));
                match until_over(domain.as_ref(), STILL) {
                    Wait::Over => return settled(shared, error),
                    Wait::Unknown => {
                        return conclude(shared, Err(untold(error)), Some(GuestLocation::Unknown));
                    }
                    Wait::Disconnected => {}
                }
            }
            Found::Gone => return settled(shared, error),
            // Nothing is known but what the destination says.
            Found::Nothing => return conclude(shared, Err(error), None),
        }
    }
}

/// What another connection finds.
enum Found {
    Domain(Arc<dyn DomainOps>),
    /// The guest has left the source.
    Gone,
    /// There is no connection to be had.
    Nothing,
}

/// Connects to the source again.
fn reconnect(shared: &Shared, error: &Error) -> Found {
    let start = Instant::now();
    loop {
        let failure = match shared.domain.reopen() {
            Ok(domain) => {
                shared.record_act(Act::Reconnect, reason(error), None);
                return Found::Domain(domain);
            }
            Err(failure) => failure,
        };
        let code = failure.libvirt_code();
        if code == Some(LibvirtError::NO_DOMAIN) {
            shared.record_act(Act::Reconnect, reason(error), None);
            return Found::Gone;
        }
        if code == Some(LibvirtError::NO_SUPPORT) || start.elapsed() >= PATIENCE {
            shared.record_act(Act::Reconnect, reason(error), Some(failure.to_string()));
            return Found::Nothing;
        }
        pause();
    }
}

/// Waits a little, and for ever once the process is about to end: no call is to be made then.
fn pause() {
    std::thread::sleep(PAUSE);
    while InBackground::begin().is_none() {
        std::thread::park();
    }
}

fn reason(error: &Error) -> String {
    format!("the connection broke ({error}), and the migration may go on without it")
}

/// The end of a migration whose call failed, but not QEMU's stream of memory: when the daemons lose each other,
/// libvirt takes a post-copy for broken, and it may become whole all the same. `Err` gives the error back.
pub(super) fn finish_post_copy(shared: &Shared, error: Error) -> Result<Result<Outcome>, Error> {
    let domain = shared.control();
    let broken = || domain.state().is_ok_and(|state| state.is_post_copy_failed());
    if error.libvirt_code().is_none() || !broken() || moved(domain.as_ref()) == Fact::Absent {
        return Err(error);
    }
    let over = until_over(domain.as_ref(), BROKEN) == Wait::Over && !broken();
    if over { Ok(settled(shared, error)) } else { Err(error) }
}

/// What of the memory has moved, while something is being moved.
fn moved(domain: &dyn DomainOps) -> Fact<[Option<u64>; 2]> {
    let job = Fact::from_answer(domain.job_info(false)).filter(|job| is_active(job.kind));
    job.map(|job| [job.memory_processed, job.memory_remaining])
}

/// How waiting for the end of a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// It is over, or has moved nothing for long in a post-copy that broke.
    Over,
    /// This connection broke as well.
    Disconnected,
    /// The daemon is there and tells nothing.
    Unknown,
}

/// Waits until the migration is over, or has moved nothing for this long in a post-copy that broke. What cannot be
/// found out is asked for again: a lock that is held is no proof that nothing moves.
fn until_over(domain: &dyn DomainOps, still: Duration) -> Wait {
    let (mut last, mut heard) = ((None, Instant::now()), Instant::now());
    loop {
        let (now, state) = (moved(domain), Answer::of(domain.state()));
        if !domain.is_connected() {
            return Wait::Disconnected;
        }
        match (now, state) {
            (_, Answer::Absent) | (Fact::Absent, Answer::State(_)) => return Wait::Over,
            (Fact::Unknown, _) | (_, Answer::Unknown) if heard.elapsed() >= PATIENCE => return Wait::Unknown,
            (Fact::Unknown, _) | (_, Answer::Unknown) => {}
            (Fact::Known(now), Answer::State(state)) => {
                heard = Instant::now();
                if last.0 != Some(now) {
                    last = (Some(now), heard);
                }
                if state.is_post_copy_failed() && last.1.elapsed() >= still {
                    return Wait::Over;
                }
            }
        }
        pause();
    }
}

/// Removes what nobody will remove, since the daemons were on their own, and concludes from where the guest is.
fn settled(shared: &Shared, error: Error) -> Result<Outcome> {
    let cancelled = shared.lock().abort_taken;
    let Some(destination) = &shared.destination else { return conclude(shared, Err(error), None) };
    let mut unknown = false;
    let settled =
        Recovery::new(shared.domain.clone(), destination, shared.flags, None).and_then(|mut recovery| {
            let remedy = recovery.settle(&mut || false);
            unknown = recovery.may_still_run();
            recovery.take_steps().into_iter().for_each(|step| {
                shared.record_act(step.act, step.reason, step.error);
            });
            remedy
        });
    match settled {
        Ok(Remedy::Whole(place)) if place.is_at_destination() => conclude(shared, Ok(()), Some(place)),
        Ok(Remedy::Whole(place)) if cancelled => {
            let error = LibvirtError::found_here(LibvirtError::OPERATION_ABORTED, error.to_string());
            conclude(shared, Err(error.into()), Some(place))
        }
        Ok(Remedy::Whole(place)) => conclude(shared, Err(error), Some(place)),
        _ if unknown => conclude(shared, Err(untold(error)), Some(GuestLocation::Unknown)),
        _ => conclude(shared, Err(error), None),
    }
}

/// A migration that may still run has no place to tell.
fn untold(mut error: Error) -> Error {
    if let Error::Libvirt(error) = &mut error {
        error.message +=
            "; the source does not tell whether the migration still runs, so nothing was done about it";
    }
    error
}
