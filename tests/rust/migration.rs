//! A migration's handle on a fake domain: waiting, aborting, forcing, changing, starting twice.

use std::time::Duration;

use crate::fake::*;
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::location::GuestLocation;
use libvirt_migrate::policy::{Convergence, Intent, OnDeadline};
use libvirt_migrate::progress::Phase;
use libvirt_migrate::update::Update;
use libvirt_migrate::{Error, Guest};

const INVALID: i32 = LibvirtError::OPERATION_INVALID;

#[test]
fn a_success_is_told_once_and_in_order() {
    let run = Run::new(Fake::default());
    assert!(!run.migration.wait(Some(Duration::ZERO)).unwrap());
    run.fake.set_job(memory(1, 512 * MIB));
    eventually("progress", || run.migration.progress().memory_remaining == 512 * MIB);
    run.fake.end(None);
    let outcome = run.migration.result().unwrap();
    assert_eq!(outcome.guest_location, GuestLocation::DestinationRunning);
    assert_eq!((outcome.iterations, outcome.bytes, outcome.downtime), (1, 512 * MIB, None));
    assert_eq!(run.migration.result().unwrap(), outcome);
    let last = run.migration.progress();
    assert_eq!((last.fraction, last.phase), (1.0, Phase::Finishing));
    let updates = run.updates.lock().unwrap();
    assert!(
        matches!(&updates[0], Update::Started { guest, what } if guest == "vm" && what.contains("to qemu+tcp://host2/system"))
    );
    assert!(matches!(updates.last(), Some(Update::Ended(_))));
    drop(updates);
    assert_eq!(run.switchovers(), 1);
}

#[test]
fn progress_is_iterated_to_the_last_one() {
    let run = Run::new(Fake::default());
    run.fake.set_job(memory(1, 512 * MIB));
    let (seen, first) = run.migration.progress_after(0, None).unwrap().unwrap();
    assert!(first.fraction < 1.0);
    run.fake.end(None);
    run.migration.wait(None).unwrap();
    let (seen, last) = run.migration.progress_after(seen, None).unwrap().unwrap();
    assert_eq!(last.fraction, 1.0);
    assert!(run.migration.progress_after(seen, None).unwrap().is_none());
}

#[test]
fn an_abort_is_asked_for_until_there_is_a_job() {
    let run = Run::new(Fake::default());
    run.fake.refuse("abort_job", &[INVALID, INVALID]);
    run.migration.abort().unwrap();
    match run.migration.result().unwrap_err() {
        Error::MigrationCancelled { location, outcome, .. } => {
            assert_eq!(location, GuestLocation::SourceRunning);
            assert_eq!(outcome.guest_location, location);
            assert_eq!(outcome.decisions.len(), 1);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(run.fake.calls("abort_job").len(), 3);
    // After the end it is nothing.
    run.migration.abort().unwrap();
    assert_eq!(run.fake.calls("abort_job").len(), 3);
}

#[test]
fn a_second_abort_is_not_sent() {
    let run = Run::new(Fake::unabortable());
    run.migration.abort().unwrap();
    run.migration.abort().unwrap();
    assert_eq!(run.fake.calls("abort_job").len(), 1);
    // The guest was faster.
    run.fake.end(None);
    assert!(run.migration.result().is_ok());
}

#[test]
fn an_abort_that_fails_for_another_reason_says_so() {
    let run = Run::new(Fake::default());
    run.fake.refuse("abort_job", &[38]);
    assert_eq!(run.migration.abort().unwrap_err().to_string(), "error 38");
    run.fake.end(None);
    assert!(run.migration.result().is_ok());
}

#[test]
fn an_abort_in_post_copy_is_refused_with_the_reason() {
    let run = Run::with(Fake::default(), &post_copy());
    run.fake.set_job(memory(3, 64 * MIB));
    run.migration.force_complete().unwrap();
    assert_eq!(run.fake.calls("start_post_copy").len(), 1);
    let error = run.migration.abort().unwrap_err();
    assert_eq!(error.libvirt_code(), Some(INVALID));
    assert!(error.to_string().contains("vm is in post-copy"), "{error}");
    assert!(run.fake.calls("abort_job").is_empty());
    assert_eq!(run.switchovers(), 1);
    run.fake.end(None);
    assert!(run.migration.result().is_ok());
}

#[test]
fn post_copy_is_refused_while_the_destination_cannot_keep_the_definition() {
    let run = Run::with(Fake::default(), &post_copy());
    run.fake.set_job(memory(3, 64 * MIB));
    run.fake.refuse("check_destination_keeps", &[LibvirtError::SYSTEM_ERROR]);
    let error = run.migration.force_complete().unwrap_err();
    assert!(error.to_string().contains("the destination cannot keep a definition now"), "{error}");
    assert!(run.fake.calls("start_post_copy").is_empty());
    assert_eq!(run.migration.decisions().last().unwrap().error, Some(error.to_string()));
    assert_eq!(run.switchovers(), 0);
    // Once there is room, it works.
    run.migration.force_complete().unwrap();
    assert_eq!(run.fake.calls("start_post_copy").len(), 1);
    let tried = run.fake.calls("check_destination_keeps");
    assert!(tried[0].contains("<name>vm-libvirt-migrate-probe</name>"), "{tried:?}");
    run.fake.end(None);
    assert!(run.migration.result().is_ok());
}

#[test]
fn a_destination_that_keeps_nothing_is_not_asked_before_post_copy() {
    let run = Run::flagged(Fake::default(), &post_copy(), F::LIVE | F::PEER2PEER);
    run.fake.set_job(memory(2, 64 * MIB));
    run.migration.force_complete().unwrap();
    assert!(run.fake.calls("check_destination_keeps").is_empty());
    assert_eq!(run.fake.calls("start_post_copy").len(), 1);
    run.fake.end(None);
    assert!(run.migration.result().is_ok());
}

#[test]
fn an_abort_that_libvirt_refuses_in_post_copy_is_not_repeated() {
    let run = Run::with(Fake::default(), &post_copy());
    run.fake.set_state(POST_COPY);
    run.fake.refuse("abort_job", &[INVALID; 50]);
    assert!(run.migration.abort().unwrap_err().to_string().contains("post-copy"));
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(run.fake.calls("abort_job").len(), 1);
    run.fake.end(None);
    run.migration.wait(None).unwrap();
}

#[test]
fn forcing_without_post_copy_pauses_the_guest_until_it_is_over() {
    let run = Run::new(Fake::default());
    run.fake.set_job(memory(2, 64 * MIB));
    run.migration.force_complete().unwrap();
    run.migration.force_complete().unwrap();
    assert_eq!(run.fake.calls("suspend").len(), 1);
    // That pause is not the switchover, although libvirt reports it in the same way.
    run.fake.lifecycle(3, 1);
    run.fake.set_state(MIGRATING);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(run.switchovers(), 0);
    // It fails, and the source stands still.
    run.fake.set_state(PAUSED);
    run.fake.end(Some(9));
    match run.migration.result().unwrap_err() {
        Error::MigrationFailed { location, outcome, .. } => {
            assert_eq!(location, GuestLocation::SourceRunning);
            assert_eq!(outcome.decisions.last().unwrap().act.name(), "resume");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(run.fake.calls("resume").len(), 1);
    run.migration.force_complete().unwrap();
    assert_eq!(run.fake.calls("suspend").len(), 1);
}

#[test]
fn a_guest_that_was_paused_before_is_never_resumed() {
    let fake = Fake::default();
    fake.set_state(PAUSED);
    let run = Run::with(fake, &post_copy());
    assert_eq!(run.acts(), ["drop-post-copy"]);
    assert!(!run.fake.calls("migrate")[0].contains("POSTCOPY"));
    run.fake.set_job(memory(2, 64 * MIB));
    run.migration.force_complete().unwrap();
    assert_eq!(run.fake.calls("suspend").len(), 1);
    run.fake.end(Some(9));
    match run.migration.result().unwrap_err() {
        Error::MigrationFailed { location, .. } => assert_eq!(location, GuestLocation::SourcePaused),
        other => panic!("{other:?}"),
    }
    assert!(run.fake.calls("resume").is_empty());
}

#[test]
fn what_is_set_is_recorded_with_its_result() {
    let run = Run::new(Fake::default());
    run.migration.set_max_downtime(200).unwrap();
    run.migration.set_bandwidth(50).unwrap();
    run.fake.refuse("set_bandwidth", &[INVALID]);
    assert!(run.migration.set_bandwidth(60).is_err());
    assert_eq!(run.fake.calls("set_max_downtime"), ["set_max_downtime 200"]);
    assert_eq!(run.fake.calls("set_bandwidth"), ["set_bandwidth 50 false", "set_bandwidth 60 false"]);
    assert_eq!(run.acts(), ["set-max-downtime", "set-bandwidth", "set-bandwidth"]);
    assert_eq!(run.migration.decisions()[2].error.as_deref(), Some("error 55"));
    run.fake.lifecycle(3, 7);
    eventually("post-copy", || run.switchovers() == 1);
    run.migration.set_bandwidth(70).unwrap();
    assert_eq!(run.fake.calls("set_bandwidth")[2], "set_bandwidth 70 true");
    run.fake.end(None);
    run.migration.wait(None).unwrap();
    let over = run.migration.set_max_downtime(300).unwrap_err();
    assert!(over.to_string().contains("is over"), "{over}");
}

#[test]
fn a_guest_that_is_being_migrated_is_not_migrated_again() {
    let run = Run::new(Fake::default());
    let twice = |guest: &Guest| {
        let error = guest.start_migration(&plain(), &Convergence::default(), vec![]).err().unwrap();
        assert_eq!(error.libvirt_code(), Some(INVALID));
        assert!(error.to_string().contains("is being migrated already"), "{error}");
    };
    twice(&run.guest);
    // Another guest object asks libvirt.
    run.fake.set_job(memory(1, MIB));
    twice(&Guest::new(run.fake.clone()));
    assert_eq!(run.fake.calls("migrate").len(), 1);
    run.fake.end(None);
    assert!(run.migration.result().is_ok());
}

#[test]
fn a_dropped_handle_leaves_the_migration_running_and_adoptable() {
    let Run { fake, guest, migration, .. } = Run::new(Fake::default());
    drop(migration);
    let again = guest.adopt_migration(None, None, vec![]).unwrap();
    assert!(!again.wait(Some(Duration::from_millis(20))).unwrap());
    fake.end(None);
    assert_eq!(again.result().unwrap().guest_location, GuestLocation::DestinationRunning);
}

#[test]
fn intents_that_the_flags_forbid_are_refused_before_anything_starts() {
    let fake = std::sync::Arc::new(Fake::default());
    let guest = Guest::new(fake.clone());
    for flags in [F::DEFAULT | F::PAUSED, F::DEFAULT - F::LIVE] {
        let params = plain().with(None, Some(flags)).unwrap();
        let error = guest.start_migration(&params, &post_copy(), vec![]).err().unwrap();
        assert!(error.to_string().starts_with("post_copy:"), "{error}");
    }
    assert!(fake.calls("migrate").is_empty());
}

#[test]
fn the_deadline_aborts() {
    let intent = Intent { max_downtime: 0.001, deadline: Some(0.3), ..Intent::default() };
    let run = Run::with(Fake::default(), &Convergence::adaptive(intent).unwrap());
    run.fake.set_job(memory(1, 512 * MIB));
    match run.migration.result().unwrap_err() {
        Error::MigrationCancelled { outcome, .. } => {
            assert_eq!(outcome.decisions.last().unwrap().act.name(), "abort");
            assert!(outcome.total_time >= Duration::from_millis(300));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_action_that_is_refused_is_tried_again_and_recorded_once() {
    let on_deadline = OnDeadline::Force;
    let intent = Intent { max_downtime: 0.001, deadline: Some(0.2), on_deadline, ..Intent::default() };
    let fake = Fake::default();
    fake.refuse("suspend", &[1, 1]);
    let run = Run::with(fake, &Convergence::adaptive(intent).unwrap());
    run.fake.set_job(memory(1, 512 * MIB));
    eventually("the pause", || run.fake.calls("suspend").len() == 3);
    eventually("its record", || run.acts().last() == Some(&"pause") && run.acts().len() >= 2);
    let pauses: Vec<_> =
        run.migration.decisions().into_iter().filter(|step| step.act.name() == "pause").collect();
    assert_eq!(pauses.iter().map(|step| step.error.is_some()).collect::<Vec<_>>(), [true, false]);
    run.fake.end(None);
    assert!(run.migration.result().is_ok());
}
