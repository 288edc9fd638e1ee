//! Putting a guest right whose migration broke, and following one whose connection broke, on fake domains.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::fake::*;
use libvirt_migrate::domain::DomainOps;
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::job::JobInfo;
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::params::Value;
use libvirt_migrate::record::Outcome;
use libvirt_migrate::recovery::Keep;
use libvirt_migrate::state::DomainState;
use libvirt_migrate::{Error, Guest, MigrateParams, Result};

const MIGRATED: DomainState = DomainState::new(1, 2);
const LEFT: DomainState = DomainState::new(5, 4);
const FAILED: DomainState = DomainState::new(3, 13);
const POST_COPY_THERE: DomainState = DomainState::new(1, 10);
const FAILED_THERE: DomainState = DomainState::new(1, 11);
/// What libvirt says of a call whose connection broke.
const BROKEN: i32 = 38;

/// The guest at both hosts; `None` where a host does not know it.
fn pair(source: Option<DomainState>, destination: Option<DomainState>) -> (Arc<Fake>, Arc<Fake>) {
    let make = |state: Option<DomainState>| {
        let fake = Arc::new(Fake::default());
        match state {
            Some(state) => fake.set_state(state),
            None => fake.set_gone(),
        }
        fake
    };
    let (source, there) = (make(source), make(destination));
    source.set_there(&there);
    (source, there)
}

fn recover(source: &Arc<Fake>) -> Result<Outcome> {
    Guest::new(source.clone()).recover(&plain(), None, false, Vec::new, || false)
}

fn acts(outcome: &Outcome) -> Vec<&'static str> {
    outcome.decisions.iter().map(|step| step.act.name()).collect()
}

fn failure(result: Result<Outcome>) -> (String, GuestLocation) {
    match result.unwrap_err() {
        Error::MigrationFailed { cause, location, .. } => (cause.to_string(), location),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_whole_guest_is_left_alone() {
    let (source, there) = pair(Some(RUNNING), None);
    let outcome = recover(&source).unwrap();
    assert_eq!((acts(&outcome), outcome.guest_location), (vec![], GuestLocation::SourceRunning));
    assert!(there.calls("").is_empty());
}

#[test]
fn an_unfinished_copy_is_ended_at_the_destination() {
    for waiting in [MIGRATING, DomainState::new(3, 11)] {
        let (source, there) = pair(Some(RUNNING), Some(waiting));
        there.persistent.store(false, Ordering::SeqCst);
        let outcome = recover(&source).unwrap();
        assert_eq!(acts(&outcome), ["remove-destination"]);
        assert_eq!(outcome.guest_location, GuestLocation::SourceRunning);
        assert_eq!(there.calls("destroy").len(), 1);
        assert!(source.calls("destroy").is_empty());
    }
}

#[test]
fn a_source_that_waits_for_a_migration_that_is_over_goes_on_only_once_no_copy_is_left() {
    let (source, there) = pair(Some(MIGRATING), Some(MIGRATING));
    there.persistent.store(false, Ordering::SeqCst);
    there.refuse("destroy", &[1]);
    let outcome = recover(&source).unwrap();
    assert_eq!(acts(&outcome), ["remove-destination", "resume"]);
    assert_eq!(outcome.guest_location, GuestLocation::SourceRunning);
    assert_eq!((there.calls("destroy").len(), source.calls("resume").len()), (2, 1));
}

#[test]
fn a_copy_that_cannot_be_ended_leaves_the_source_standing() {
    let (source, there) = pair(Some(MIGRATING), Some(MIGRATING));
    there.refuse("destroy", &[1, 1, 1, 1]);
    assert_eq!(failure(recover(&source)), ("error 1".to_owned(), GuestLocation::BothPaused));
    assert_eq!((there.calls("destroy").len(), source.calls("resume").len()), (3, 0));
}

/// Seen in the soak: a daemon that was killed while a guest arrived keeps its lock.
#[test]
fn a_lock_that_is_held_is_told_with_its_daemon() {
    const LOCKED: i32 = LibvirtError::OPERATION_TIMEOUT;
    let (source, there) = pair(Some(RUNNING), Some(DomainState::new(3, 11)));
    there.persistent.store(false, Ordering::SeqCst);
    there.refuse("destroy", &[LOCKED; 4]);
    let (message, place) = failure(recover(&source));
    assert!(message.contains("the destination's daemon does something else"), "{message}");
    assert_eq!(place, GuestLocation::SourceRunning);
    let (source, _there) = pair(Some(MIGRATING), None);
    source.refuse("resume", &[LOCKED; 9]);
    let (message, _) = failure(recover(&source));
    assert!(message.contains("the source's daemon does something else"), "{message}");
}

#[test]
fn the_old_self_is_removed_once_the_destination_has_all() {
    for old in [MIGRATING, FAILED] {
        let (source, there) = pair(Some(old), Some(MIGRATED));
        let outcome = recover(&source).unwrap();
        assert_eq!(acts(&outcome), ["remove-source", "undefine-source"]);
        assert_eq!(outcome.guest_location, GuestLocation::DestinationRunning);
        assert!(there.calls("").is_empty());
    }
    let (source, _there) = pair(Some(LEFT), Some(MIGRATED));
    assert_eq!(acts(&recover(&source).unwrap()), ["undefine-source"]);
}

#[test]
fn the_last_definition_is_kept() {
    let (source, there) = pair(Some(LEFT), Some(MIGRATED));
    there.persistent.store(false, Ordering::SeqCst);
    let (message, place) = failure(recover(&source));
    assert!(message.contains("Define it at the destination"), "{message}");
    assert_eq!(place, GuestLocation::DestinationRunning);
    assert!(source.calls("undefine").is_empty());
}

#[test]
fn a_broken_post_copy_is_resumed_without_definitions() {
    let (source, there) = pair(Some(FAILED), Some(FAILED_THERE));
    let guest = Guest::new(source.clone());
    let params = MigrateParams::from_names(
        [("destination_xml".to_owned(), Value::String(xml())), ("bandwidth".to_owned(), Value::Number(5))],
        Some("qemu+tcp://host2/system".into()),
        Some(F::DEFAULT | F::POSTCOPY | F::AUTO_CONVERGE),
    )
    .unwrap();
    let (resuming, arriving) = (source.clone(), there.clone());
    let end = std::thread::spawn(move || {
        eventually("the call is made", || !resuming.calls("migrate").is_empty());
        arriving.set_state(MIGRATED);
        resuming.set_gone();
        resuming.end(None);
    });
    let outcome = guest.recover(&params, None, false, Vec::new, || false).unwrap();
    end.join().unwrap();
    assert_eq!(acts(&outcome)[..1], ["resume-post-copy"]);
    assert_eq!(outcome.guest_location, GuestLocation::DestinationRunning);
    let resumed = params.to_resume().unwrap();
    assert_eq!(resumed.flags(), F::DEFAULT | F::POSTCOPY | F::POSTCOPY_RESUME);
    assert!(resumed.definition().is_none());
    assert_eq!(resumed.values().count(), 0);
    assert_eq!(source.calls("migrate"), [format!("migrate {}", resumed.flags())]);
}

fn xml() -> String {
    format!("<domain><name>vm</name><uuid>{UUID}</uuid></domain>")
}

#[test]
fn a_side_that_takes_a_broken_post_copy_for_healthy_is_released_first() {
    for (destination, moving) in [(FAILED_THERE, false), (POST_COPY_THERE, true)] {
        let (source, there) = pair(Some(POST_COPY), Some(destination));
        source.set_job(memory(3, 4096));
        let (resuming, arriving) = (source.clone(), there.clone());
        let end = std::thread::spawn(move || {
            eventually("it is released", || !resuming.calls("abort_job post-copy").is_empty());
            arriving.set_state(FAILED_THERE);
            eventually("the call is made", || !resuming.calls("migrate").is_empty());
            arriving.set_state(MIGRATED);
            resuming.set_gone();
            resuming.end(None);
        });
        let outcome = recover(&source).unwrap();
        end.join().unwrap();
        assert_eq!(acts(&outcome)[..2], ["release", "resume-post-copy"], "{moving}");
    }
}

#[test]
fn a_post_copy_that_goes_on_is_waited_for() {
    let (source, there) = pair(Some(POST_COPY), Some(POST_COPY_THERE));
    let (moving, arriving) = (source.clone(), there.clone());
    let move_on = std::thread::spawn(move || {
        for left in (1..20).rev() {
            moving.set_job(memory(3, left * 4096));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        arriving.set_state(MIGRATED);
        moving.set_gone();
    });
    let outcome = recover(&source).unwrap();
    move_on.join().unwrap();
    assert_eq!((acts(&outcome), outcome.guest_location), (vec![], GuestLocation::DestinationRunning));
    assert!(source.calls("abort_job").is_empty());
}

#[test]
fn what_cannot_be_recovered_is_said_with_what_is_safe() {
    for (source, destination, advice) in [
        (Some(FAILED), None, "Do not resume it: destroy it at the source"),
        (Some(DomainState::new(5, 3)), Some(FAILED_THERE), "destroy it at the destination"),
        (Some(MIGRATING), Some(DomainState::new(5, 3)), "only if it did not"),
        (Some(RUNNING), Some(PAUSED), "Never run both"),
        (Some(FAILED), Some(DomainState::new(5, 1)), "was shut down or destroyed there"),
        (Some(DomainState::new(5, 1)), None, "it is shut off"),
        (None, Some(DomainState::new(5, 1)), "it is shut off"),
        (Some(DomainState::new(5, 0)), Some(DomainState::new(5, 1)), "Start it where it ran last"),
        (None, None, "neither host knows it"),
        (Some(LEFT), None, "neither of the two hosts"),
    ] {
        let (source, there) = pair(source, destination);
        let (message, _) = failure(recover(&source));
        assert!(message.starts_with("vm cannot be recovered: ") && message.contains(advice), "{message}");
        assert!(source.calls("").iter().chain(&there.calls("")).all(|call| call == "job_info"));
    }
    // A host that cannot be asked.
    let source = Arc::new(Fake::default());
    source.set_state(MIGRATING);
    let (message, _) = failure(recover(&source));
    assert!(message.contains("the destination cannot be asked"), "{message}");
}

#[test]
fn a_guest_that_runs_at_both_hosts_is_paused_at_the_source_until_one_is_chosen() {
    let (source, there) = pair(Some(DomainState::new(1, 6)), Some(MIGRATED));
    let (message, place) = failure(recover(&source));
    assert!(message.contains("keep="), "{message}");
    assert_eq!(place, GuestLocation::DestinationRunning);
    assert_eq!((source.calls("suspend").len(), source.calls("destroy").len()), (1, 0));
    assert!(there.calls("").is_empty());

    let chosen =
        |keep| Guest::new(source.clone()).recover(&plain(), Some(keep), false, Vec::new, || false).unwrap();
    let outcome = chosen(Keep::Source);
    assert_eq!(acts(&outcome), ["remove-destination", "undefine-destination", "resume"]);
    assert_eq!(outcome.guest_location, GuestLocation::SourceRunning);

    there.set_state(MIGRATED);
    let outcome = chosen(Keep::Destination);
    assert_eq!(acts(&outcome), ["remove-source", "undefine-source"]);
    assert_eq!(outcome.guest_location, GuestLocation::DestinationRunning);
}

#[test]
fn a_source_that_goes_on_beside_the_destination_is_paused_at_once() {
    let run = Run::new(Fake::default());
    run.fake.set_state(DomainState::new(1, 6));
    run.fake.set_destination(Answer::State(MIGRATED));
    run.fake.end(Some(1));
    match run.migration.result().unwrap_err() {
        Error::MigrationFailed { location, outcome, .. } => {
            assert_eq!(location, GuestLocation::DestinationRunning);
            assert_eq!(acts(&outcome).last(), Some(&"pause-source"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(run.fake.calls("suspend").len(), 1);
    // Not where the destination has nothing.
    let run = Run::new(Fake::default());
    run.fake.set_state(DomainState::new(1, 6));
    run.fake.set_destination(Answer::Absent);
    run.fake.end(Some(1));
    match run.migration.result().unwrap_err() {
        Error::MigrationFailed { location, .. } => assert_eq!(location, GuestLocation::SourceRunning),
        other => panic!("{other:?}"),
    }
    assert!(run.fake.calls("suspend").is_empty());
}

#[test]
fn one_that_runs_is_refused() {
    let (source, _there) = pair(Some(RUNNING), Some(MIGRATING));
    source.set_job(memory(1, 4096));
    let (message, _) = failure(recover(&source));
    assert!(message.contains("adopt_migration"), "{message}");
}

#[test]
fn an_interruption_ends_the_waiting() {
    let (source, _there) = pair(Some(POST_COPY), Some(POST_COPY_THERE));
    let result = Guest::new(source).recover(&plain(), None, false, Vec::new, || true);
    assert!(failure(result).0.contains("interrupted"));
}

/// A migration whose connection breaks, and what another connection finds.
fn broken(reopened: &[std::result::Result<Arc<Fake>, i32>]) -> Run {
    let run = Run::new(Fake::default());
    run.fake.set_job(memory(1, 4096));
    run.fake.disconnect(reopened);
    run.fake.end(Some(BROKEN));
    run
}

#[test]
fn a_migration_whose_connection_breaks_is_followed_over_another_one() {
    for arrives in [true, false] {
        let (again, there) = pair(Some(RUNNING), Some(MIGRATING));
        again.set_job(memory(2, 4096));
        // The daemon is not there at once.
        let run = broken(&[Err(BROKEN), Ok(again.clone()), Ok(again.clone())]);
        run.fake.set_there(&there);
        eventually("it is looked at", || !again.calls("job_info").is_empty());
        assert!(run.migration.ended().is_none());
        if arrives {
            there.set_state(MIGRATED);
            again.set_state(LEFT);
        } else {
            there.set_gone();
        }
        again.set_job(JobInfo::default());
        match (run.migration.result(), arrives) {
            (Ok(outcome), true) => {
                assert_eq!(outcome.guest_location, GuestLocation::DestinationRunning);
                // The daemon that was to remove the definition was not asked to.
                assert_eq!(acts(&outcome)[acts(&outcome).len() - 2..], ["reconnect", "undefine-source"]);
            }
            (Err(Error::MigrationFailed { cause, location, .. }), false) => {
                assert_eq!((cause.libvirt_code(), location), (Some(BROKEN), GuestLocation::SourceRunning));
            }
            (other, _) => panic!("{other:?}"),
        }
        let switchovers = if arrives { 1 } else { 0 };
        assert_eq!(run.switchovers(), switchovers);
    }
}

#[test]
fn an_abort_reaches_a_migration_over_the_other_connection() {
    let (again, there) = pair(Some(RUNNING), None);
    again.set_job(memory(2, 4096));
    let run = broken(&[Ok(again.clone()), Ok(again.clone())]);
    run.fake.set_there(&there);
    eventually("it is looked at", || !again.calls("job_info").is_empty());
    run.migration.abort().unwrap();
    assert_eq!(again.calls("abort_job").len(), 1);
    again.set_job(JobInfo::default());
    match run.migration.result().unwrap_err() {
        Error::MigrationCancelled { location, .. } => assert_eq!(location, GuestLocation::SourceRunning),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_guest_that_has_left_in_the_meantime_is_where_the_destination_says() {
    let there = Arc::new(Fake::default());
    for (state, expected) in [(MIGRATED, true), (FAILED_THERE, false)] {
        there.set_state(state);
        let run = Run::new(Fake::default());
        run.fake.set_there(&there);
        run.fake.set_gone();
        run.fake.set_destination(Answer::State(state));
        run.fake.disconnect(&[Err(LibvirtError::NO_DOMAIN), Err(LibvirtError::NO_DOMAIN)]);
        run.fake.end(Some(BROKEN));
        assert_eq!(run.migration.result().is_ok(), expected, "{state:?}");
    }
}

#[test]
fn a_stream_that_goes_on_after_the_daemons_lost_each_other_is_waited_for() {
    let run = Run::flagged(Fake::default(), &post_copy(), F::DEFAULT | F::POSTCOPY);
    let there = Arc::new(Fake::default());
    there.set_state(POST_COPY_THERE);
    run.fake.set_there(&there);
    run.fake.set_state(FAILED);
    run.fake.set_job(memory(3, 4096 * 20));
    run.fake.end(Some(1));
    for left in (1..20).rev() {
        run.fake.set_job(memory(3, left * 4096));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    there.set_state(MIGRATED);
    run.fake.set_state(LEFT);
    run.fake.set_job(JobInfo::default());
    let outcome = run.migration.result().unwrap();
    assert_eq!(outcome.guest_location, GuestLocation::DestinationRunning);
    assert!(run.fake.state().is_err(), "the definition is left at the source");
}
