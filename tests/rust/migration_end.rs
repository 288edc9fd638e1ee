//! How a migration ended: what proves a success, where the guest is, and the end of one that others started.

use std::sync::Arc;
use std::time::Duration;

use crate::fake::*;
use libvirt_migrate::domain::DomainEvent;
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::params::{Param, Value};
use libvirt_migrate::policy::{Convergence, Intent};
use libvirt_migrate::state::DomainState;
use libvirt_migrate::version::LibvirtVersion;
use libvirt_migrate::{Error, Guest, MigrateParams, Migration};

const SHUT_OFF_MIGRATED: DomainState = DomainState::new(5, 4);
const URI: &str = "qemu+tcp://host2/system";

/// How a migration ends whose call fails like this, with the source gone and this destination.
fn ends(code: i32, destination: Answer) -> Result<GuestLocation, (i32, GuestLocation)> {
    let run = Run::new(Fake::default());
    run.fake.set_gone();
    run.fake.set_destination(destination);
    run.fake.end(Some(code));
    match run.migration.result() {
        Ok(outcome) => {
            assert_eq!(outcome.decisions.last().unwrap().act.name(), "trust-destination");
            Ok(outcome.guest_location)
        }
        Err(Error::MigrationFailed { cause, location, outcome }) => {
            assert_eq!(outcome.guest_location, location);
            Err((cause.libvirt_code().unwrap(), location))
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_source_that_is_gone_proves_nothing_and_the_destination_does() {
    use GuestLocation::*;
    for code in [LibvirtError::NO_DOMAIN, LibvirtError::OPERATION_INVALID] {
        assert_eq!(ends(code, Answer::Unknown), Err((code, Unknown)));
        assert_eq!(ends(code, Answer::Absent), Err((code, Absent)));
        // Of a guest that was kept nowhere else this may be an old definition.
        assert_eq!(ends(code, Answer::State(DomainState::new(5, 1))), Err((code, DestinationShutOff)));
        assert_eq!(ends(code, Answer::State(RUNNING)), Ok(DestinationRunning));
        assert_eq!(ends(code, Answer::State(PAUSED)), Ok(DestinationPaused));
    }
    // Other errors are failures, wherever the guest is.
    assert_eq!(ends(38, Answer::State(RUNNING)), Err((38, DestinationRunning)));
}

#[test]
fn what_an_older_destination_lacks_is_told_where_libvirt_refuses() {
    let told = |there: Option<LibvirtVersion>, param: Option<Param>| {
        let mut fake = Fake::default();
        fake.versions = (LibvirtVersion::new(11, 3, 0), there);
        let fake = Arc::new(fake);
        let mut values = vec![(Param::MigrateDisks, Value::Strings(vec!["vda".into()]))];
        values.extend(param.map(|param| match param {
            Param::BandwidthAvailSwitchover => (param, Value::Number(1)),
            _ => (param, Value::Strings(vec!["vda".into()])),
        }));
        let flags = MigrateFlags::DEFAULT | MigrateFlags::NON_SHARED_DISK;
        let params = MigrateParams::new(None, values, Some(URI.into()), Some(flags)).unwrap();
        let migration =
            Guest::new(fake.clone()).start_migration(&params, &Convergence::default(), vec![]).unwrap();
        fake.end(Some(74));
        migration.result().unwrap_err().to_string()
    };
    let old = Some(LibvirtVersion::new(9, 0, 0));
    let text = "error 74; migrate_disks_detect_zeroes needs libvirt 10.9.0, but the destination has 9.0.0";
    let zeroes = Some(Param::MigrateDisksDetectZeroes);
    assert!(told(old, zeroes).starts_with(text), "{}", told(old, zeroes));
    let new = Some(LibvirtVersion::new(10, 9, 0));
    // The last is for the source alone.
    let others = [(old, None), (None, zeroes), (new, zeroes), (old, Some(Param::BandwidthAvailSwitchover))];
    for (there, param) in others {
        assert!(!told(there, param).contains("needs libvirt"), "{there:?} {param:?}");
    }
}

#[test]
fn an_abort_that_libvirt_tells_of_as_another_error_is_one() {
    let run = Run::new(Fake::unabortable());
    run.migration.abort().unwrap();
    run.fake.end(Some(1));
    match run.migration.result().unwrap_err() {
        Error::MigrationCancelled { cause, location, .. } => {
            assert_eq!((cause.libvirt_code(), location), (Some(1), GuestLocation::SourceRunning));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_guest_that_stays_at_the_source_was_not_moved() {
    for code in [LibvirtError::NO_DOMAIN, LibvirtError::OPERATION_INVALID, 9] {
        let run = Run::new(Fake::default());
        run.fake.set_destination(Answer::State(RUNNING));
        run.fake.end(Some(code));
        match run.migration.result().unwrap_err() {
            Error::MigrationFailed { location, .. } => assert_eq!(location, GuestLocation::SourceRunning),
            other => panic!("{other:?}"),
        }
        assert_eq!(run.switchovers(), 0);
    }
}

#[test]
fn a_post_copy_that_broke_is_told_as_such() {
    let run = Run::with(Fake::default(), &post_copy());
    run.fake.lifecycle(3, 7);
    run.fake.set_state(DomainState::new(3, 13));
    run.fake.end(Some(9));
    match run.migration.result().unwrap_err() {
        Error::MigrationFailed { location, .. } => assert_eq!(location, GuestLocation::PostCopyBroken),
        other => panic!("{other:?}"),
    }
    assert!(run.fake.calls("resume").is_empty());
}

#[test]
fn a_guest_left_paused_on_request_is_told_as_paused() {
    let flags = MigrateFlags::DEFAULT | MigrateFlags::PAUSED;
    let run = Run::flagged(Fake::default(), &Convergence::default(), flags);
    run.fake.end(None);
    assert_eq!(run.migration.result().unwrap().guest_location, GuestLocation::DestinationPaused);
}

#[test]
fn the_statistics_of_the_last_job_are_asked_for_where_no_event_brought_them() {
    let run = Run::new(Fake::polled());
    let last = JobInfo { kind: JobType::Completed, downtime: Some(42), ..memory(7, 0) };
    run.fake.set_completed(last);
    run.fake.end(None);
    let outcome = run.migration.result().unwrap();
    assert_eq!((outcome.downtime.unwrap().as_millis(), outcome.iterations), (42, 7));
}

/// The event comes over another connection than the call's answer.
#[test]
fn the_statistics_of_the_last_job_may_come_after_the_call_has_returned() {
    let run = Run::new(Fake::default());
    eventually("events", || run.migration.has_events());
    run.fake.end(None);
    eventually("the question at the source", || !run.fake.calls("completed_job_info").is_empty());
    let last = JobInfo { kind: JobType::Completed, downtime: Some(42), ..memory(7, 0) };
    run.fake.emit(DomainEvent::JobCompleted(Box::new(last)));
    let outcome = run.migration.result().unwrap();
    assert_eq!((outcome.downtime.unwrap().as_millis(), outcome.iterations), (42, 7));
}

#[test]
fn a_panic_while_the_hosts_are_asked_leaves_the_place_unknown() {
    // The fake insists on the destination that it knows.
    let fake = Arc::new(Fake::default());
    fake.set_gone();
    let guest = Guest::new(fake.clone());
    fake.set_state(RUNNING);
    let elsewhere = plain().with(Some("qemu+tcp://host3/system".into()), None).unwrap();
    let migration = guest.start_migration(&elsewhere, &Convergence::default(), vec![]).unwrap();
    eventually("the call", || fake.calls("migrate").len() == 1);
    fake.set_gone();
    fake.end(Some(9));
    let Err(Error::MigrationFailed { location, cause, .. }) = migration.result() else { panic!("it failed") };
    assert_eq!((location, cause.libvirt_code()), (GuestLocation::Unknown, Some(9)));
}

/// A guest whose migration others have started.
fn adopted(fake: Fake) -> (Arc<Fake>, Guest, Migration) {
    fake.set_job(memory(2, 300 * MIB));
    let fake = Arc::new(fake);
    let guest = Guest::new(fake.clone());
    let migration = guest.adopt_migration(Some(URI), None, vec![]).unwrap();
    eventually("progress", || migration.progress().iteration == 2);
    (fake, guest, migration)
}

#[test]
fn only_an_outgoing_migration_is_adopted() {
    let fake = Arc::new(Fake::default());
    let guest = Guest::new(fake.clone());
    for job in [
        JobInfo::default(),
        JobInfo { operation: Some(4), ..memory(1, MIB) },
        JobInfo { operation: None, ..memory(1, MIB) },
        JobInfo { kind: JobType::Completed, ..memory(1, 0) },
    ] {
        fake.set_job(job);
        let error = guest.adopt_migration(None, None, vec![]).err().unwrap();
        assert!(error.to_string().contains("vm is not being migrated"), "{error}");
    }
    let error = guest.adopt_migration(Some("nowhere"), None, vec![]).err().unwrap();
    assert!(error.to_string().starts_with("destination:"), "{error}");
}

#[test]
fn an_adopted_migration_ends_by_events() {
    let (fake, guest, migration) = adopted(Fake::default());
    assert!(guest.start_migration(&plain(), &Convergence::default(), vec![]).is_err());
    eventually("events", || migration.has_events());
    let last = JobInfo { success: Some(true), downtime: Some(80), ..memory(3, 0) };
    fake.emit(DomainEvent::JobCompleted(Box::new(last)));
    fake.set_gone();
    fake.lifecycle(5, 3);
    let outcome = migration.result().unwrap();
    assert_eq!(outcome.guest_location, GuestLocation::DestinationRunning);
    assert_eq!((outcome.iterations, outcome.downtime.unwrap().as_millis()), (3, 80));
}

#[test]
fn an_adopted_migration_ends_by_polling() {
    let (fake, _, migration) = adopted(Fake::polled());
    fake.set_job(JobInfo::default());
    fake.set_state(SHUT_OFF_MIGRATED);
    assert_eq!(migration.result().unwrap().guest_location, GuestLocation::DestinationRunning);
}

#[test]
fn an_adopted_migration_that_failed_is_a_failure() {
    let (fake, _, migration) = adopted(Fake::polled());
    fake.set_job(JobInfo::default());
    match migration.result().unwrap_err() {
        Error::MigrationFailed { location, .. } => assert_eq!(location, GuestLocation::SourceRunning),
        other => panic!("{other:?}"),
    }
    let (fake, _, migration) = adopted(Fake::unabortable());
    migration.abort().unwrap();
    fake.set_job(JobInfo::default());
    assert!(matches!(migration.result(), Err(Error::MigrationCancelled { .. })));
}

/// libvirt says that it failed first, and clears up at the destination then.
#[test]
fn an_adopted_migration_ends_when_the_destination_is_cleared_up() {
    let (fake, _, migration) = adopted(Fake::polled());
    fake.set_job(JobInfo { kind: JobType::Failed, ..memory(2, MIB) });
    let seen = fake.calls("job_info").len();
    eventually("two more looks", || fake.calls("job_info").len() > seen + 2);
    assert!(!migration.wait(Some(Duration::ZERO)).unwrap());
    fake.set_job(JobInfo::default());
    assert!(matches!(migration.result(), Err(Error::MigrationFailed { .. })));
}

#[test]
fn an_adopted_guest_that_vanished_is_looked_for_at_the_destination() {
    let (fake, _, migration) = adopted(Fake::polled());
    fake.set_destination(Answer::State(RUNNING));
    fake.set_gone();
    assert_eq!(migration.result().unwrap().guest_location, GuestLocation::DestinationRunning);
    let (fake, _, migration) = adopted(Fake::polled());
    fake.set_gone();
    match migration.result().unwrap_err() {
        Error::MigrationFailed { cause, location, .. } => {
            assert_eq!(location, GuestLocation::Unknown);
            assert_eq!(cause.libvirt_code(), Some(LibvirtError::NO_DOMAIN));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_adopted_migration_cannot_be_started_again() {
    let fake = Fake::unabortable();
    fake.set_job(memory(1, 900 * MIB));
    let fake = Arc::new(fake);
    let guest = Guest::new(fake.clone());
    let intent = Intent { max_downtime: 0.01, throttle: true, ..Intent::default() };
    let convergence = Convergence::adaptive(intent).unwrap();
    let migration = guest.adopt_migration(Some(URI), Some(&convergence), vec![]).unwrap();
    let mut iteration = 1;
    eventually("the attempt", || {
        iteration += 1;
        let rate = Some(1000 * MIB / 4096);
        fake.set_job(JobInfo { memory_dirty_rate: rate, ..memory(iteration, 900 * MIB) });
        std::thread::sleep(std::time::Duration::from_millis(100));
        migration.decisions().iter().any(|step| step.act.name() == "restart")
    });
    let steps = migration.decisions();
    assert!(steps.iter().all(|step| step.error.is_some() || step.act.name() != "restart"));
    assert!(fake.calls("abort_job").is_empty());
    fake.set_state(SHUT_OFF_MIGRATED);
    assert!(migration.result().is_ok());
}
