//! How a migration ended, and where the guest is.

use super::call::{guarded, is_cancelled};
use super::outcome::Outcome;
use super::pausing;
use super::shared::Shared;
use super::step::Act;
use crate::belongings::{BELONGS, Belongings, Brought};
use crate::error::LibvirtError;
use crate::flags::MigrateFlags;
use crate::guest::{Answers, ask_hosts};
use crate::location::{Answer, GuestLocation};
use crate::standing::{Beside, Standing, judge};
use crate::{Error, Result};

/// The end of a migration whose call returned this, or which is known to be over by other means. Where those
/// means say where the guest is, `known` does.
pub(super) fn conclude(shared: &Shared, result: Result<()>, known: Option<GuestLocation>) -> Result<Outcome> {
    let Err(mut error) = result else {
        return Ok(moved(shared, known.unwrap_or_else(|| arrived(shared))));
    };
    // Not an error of libvirt's but of the domain object, or of ours: it says nothing of the migration.
    let Some(code) = error.libvirt_code() else { return Err(error) };
    if shared.flags.contains(MigrateFlags::TLS) {
        explain_tls(&mut error);
    }
    pausing::close(shared);
    let mut location = found(shared, known, &mut error);
    if location == GuestLocation::BothRunning {
        location = pause_source(shared);
    }
    if proves_success(code, location) {
        let reason = format!("{error}, but the destination has the guest");
        shared.record_act(Act::TrustDestination, reason, None);
        return Ok(moved(shared, location));
    }
    // What the abort cuts off may be what libvirt tells of.
    let cancelled = is_cancelled(&error) || (location.is_at_source() && shared.lock().abort_taken);
    let outcome = Box::new(outcome(shared, location));
    Err(if cancelled {
        Error::MigrationCancelled { cause: Box::new(error), location, outcome }
    } else {
        Error::MigrationFailed { cause: Box::new(error), location, outcome }
    })
}

/// The source's QEMU says what is wrong with the destination's certificate and ends the connection. Where the
/// destination's has gone before libvirt asks it, libvirt tells of its end instead.
fn explain_tls(error: &mut Error) {
    if let Error::Libvirt(error) = error
        && error.message.contains("TLS channel")
        && !error.message.contains("ertificate")
    {
        error.message += "; TLS ended at the source: its QEMU refuses the destination's certificate \
                          (its name, its dates or its authority), or lost the connection";
    }
}

/// libvirt's call fails like this when the guest was gone before it looked again. That proves nothing; the
/// destination does.
fn proves_success(code: i32, location: GuestLocation) -> bool {
    matches!(code, LibvirtError::NO_DOMAIN | LibvirtError::OPERATION_INVALID) && location.is_at_destination()
}

/// Where a guest is that libvirt says has been moved.
fn arrived(shared: &Shared) -> GuestLocation {
    if shared.flags.contains(MigrateFlags::PAUSED) || shared.was_paused() {
        GuestLocation::DestinationPaused
    } else {
        GuestLocation::DestinationRunning
    }
}

fn answers(shared: &Shared) -> Answers {
    let destination = shared.destination.as_deref();
    ask_hosts(shared.control().as_ref(), destination, shared.guest.uuid.as_deref())
}

/// Where the guest of a migration that failed is. One that was paused only for that goes on.
fn found(shared: &Shared, known: Option<GuestLocation>, error: &mut Error) -> GuestLocation {
    let paused = shared.lock().pauses.taken && !shared.was_paused();
    if let Some(known) = known.filter(|_| !paused) {
        return known;
    }
    if !paused {
        let answers = answers(shared);
        explain_doubt(answers, error);
        return answers.location();
    }
    // What is known may be older than the pause.
    let answers = answers(shared);
    if !may_go_on(answers, shared.lock().switched) {
        return answers.location();
    }
    pausing::resume(shared);
    self::answers(shared).location()
}

/// A source that libvirt has go on after the switchover may not be the only one that goes on.
fn explain_doubt(answers: Answers, error: &mut Error) {
    let goes_on = matches!(answers.source, Answer::State(state) if state.goes_on_after_failure());
    if let Error::Libvirt(error) = error
        && goes_on
        && answers.destination == Answer::Unknown
    {
        error.message += "; the destination could not be asked, and may run the guest as well: look there before \
                          the guest is used";
    }
}

/// Whether a guest that is paused at the source by our hand may go on there: no other host can run it.
///
/// Once the migration has failed libvirt has had it go on itself, so a pause that is still there came later. That is
/// undone even where the destination cannot be asked, unless the guest was seen to leave.
fn may_go_on(answers: Answers, seen_to_leave: bool) -> bool {
    let paused = matches!(answers.source, Answer::State(state) if state.is_paused() && !state.is_migrating());
    paused
        && match judge(answers.source, answers.destination) {
            Standing::Source { running: false, beside } => !matches!(beside, Beside::Twin { .. }),
            Standing::DestinationUnknown => {
                !seen_to_leave
                    && GuestLocation::from_answers(answers.source, Answer::Unknown)
                        == GuestLocation::SourcePaused
            }
            _ => false,
        }
}

/// Pauses the source of a guest that libvirt has go on at both hosts, so that it runs at one.
///
/// libvirt lost the destination's answer at the switchover and guessed that it failed. The destination went on
/// with all of the memory; the source goes on from the same moment, often later, on the same disks. Nothing is
/// ended here: [`Guest::recover`](crate::Guest::recover) does so when it is told which one to keep.
fn pause_source(shared: &Shared) -> GuestLocation {
    let result = shared.control().suspend();
    let reason = "libvirt has the guest go on at both hosts, since it lost the destination's answer";
    shared.record_act(Act::PauseSource, reason, super::perform::text(&result));
    // The destination was seen to run.
    if result.is_ok() { GuestLocation::DestinationRunning } else { GuestLocation::BothRunning }
}

/// The outcome of a migration that moved its guest. What belongs to it comes after.
fn moved(shared: &Shared, location: GuestLocation) -> Outcome {
    let mut left = Vec::new();
    // One that nobody steers is its caller's in this as well.
    if shared.watched {
        let brought = guarded(|| Ok(bring(shared))).unwrap_or_default();
        for (act, error) in brought.acts {
            shared.record_act(act, BELONGS, error);
        }
        left = brought.left;
    }
    Outcome { left_behind: left, ..outcome(shared, location) }
}

fn bring(shared: &Shared) -> Brought {
    let belongings = shared.belongings.get().unwrap_or(&Belongings::UNREAD);
    let there = || match (shared.destination.as_deref(), shared.guest.uuid.as_deref()) {
        (Some(uri), Some(uuid)) => shared.domain.at(uri, uuid),
        _ => Err(Error::unsupported("asking the destination, whose URI is not known")),
    };
    belongings.bring(shared.control().as_ref(), there)
}

fn outcome(shared: &Shared, location: GuestLocation) -> Outcome {
    let total = shared.elapsed();
    shared.settle();
    let known = shared.lock().last_job.is_some();
    // The event brings them, on its own way. Without it the source may have them, unless it has forgotten the domain.
    if location.is_at_destination() && !known && shared.watched {
        // Whatever happens to the statistics, the guest has moved.
        let job = guarded(|| shared.control().job_info(true)).ok();
        match job.filter(|job| job.operation.is_none_or(|kind| kind == OUTGOING)) {
            Some(job) => shared.lock().last_job = Some(job),
            None => shared.await_last_job(),
        }
    }
    let state = shared.lock();
    // Of a run that was aborted in order to start again nothing is told where the last one moved the guest.
    let failed = state.failed_job.as_ref().filter(|_| !location.is_at_destination());
    Outcome::new(total, state.last_job.as_ref().or(failed), &state.progress, state.steps.clone(), location)
}

pub(super) use crate::numbers::jobs::OPERATION_MIGRATION_OUT as OUTGOING;

#[cfg(test)]
mod tests {
    use super::explain_tls;
    use crate::error::{Error, LibvirtError};

    #[test]
    fn what_tls_does_not_tell_by_itself_is_explained() {
        let explained = |message: &str| {
            let mut error = Error::Libvirt(LibvirtError::found_here(LibvirtError::INTERNAL_ERROR, message));
            explain_tls(&mut error);
            error.to_string()
        };
        assert!(
            explained("closed: Cannot read from TLS channel: x").contains("the destination's certificate")
        );
        for clear in
            ["The certificate hasn't got a known issuer", "Cannot read from TLS channel: Certificate"]
        {
            assert_eq!(explained(clear), clear);
        }
    }
}
