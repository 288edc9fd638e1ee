//! What happens between two steps of a migration: calls that come back late, answers that do not come, wishes before
//! there is anything to wish about.

use std::sync::Arc;
use std::time::Duration;

use crate::fake::*;
use libvirt_migrate::domain::{DomainEvent, DomainOps};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::policy::{Convergence, Intent, OnDeadline};
use libvirt_migrate::state::DomainState;
use libvirt_migrate::{Error, Guest, Result};

/// `VIR_ERR_OPERATION_TIMEOUT`: a lock that another call holds.
const LOCKED: i32 = 68;
const POST_COPY_THERE: DomainState = DomainState::new(1, 10);
const MIGRATED: DomainState = DomainState::new(1, 2);

fn location<T: std::fmt::Debug>(result: Result<T>) -> GuestLocation {
    match result.unwrap_err() {
        Error::MigrationFailed { location, .. } | Error::MigrationCancelled { location, .. } => location,
        other => panic!("{other:?}"),
    }
}

#[test]
fn recovery_ends_nothing_of_a_migration_whose_job_cannot_be_read() {
    let (source, there) = (Arc::new(Fake::default()), Arc::new(Fake::default()));
    there.set_state(MIGRATING);
    source.set_there(&there);
    source.set_job(memory(3, 4096));
    for refusals in [1, 10_000] {
        source.refuse("job_info", &vec![LOCKED; refusals]);
        let error =
            Guest::new(source.clone()).recover(&plain(), None, false, Vec::new, || false).unwrap_err();
        let text = error.to_string();
        let expected = if refusals == 1 {
            "is being migrated"
        } else {
            "does not tell whether its migration still runs"
        };
        assert!(text.contains(expected), "{text}");
        assert!(there.calls("destroy").is_empty());
        assert!(source.calls("resume").is_empty());
    }
}

#[test]
fn recovery_keeps_the_source_where_the_destinations_definition_is_not_known() {
    let (source, there) = (Arc::new(Fake::default()), Arc::new(Fake::default()));
    source.set_state(DomainState::new(5, 4));
    there.set_state(MIGRATED);
    there.refuse("is_persistent", &[LOCKED; 10_000]);
    source.set_there(&there);
    let error = Guest::new(source.clone()).recover(&plain(), None, false, Vec::new, || false).unwrap_err();
    assert!(error.to_string().contains("the destination cannot be asked"), "{error}");
    assert!(source.calls("undefine").is_empty());
}

#[test]
fn a_followed_migration_outlasts_statistics_that_cannot_be_read() {
    let (again, there) = (Arc::new(Fake::default()), Arc::new(Fake::default()));
    there.set_state(MIGRATING);
    again.set_job(memory(2, 4096));
    again.set_there(&there);
    again.refuse("job_info", &[LOCKED; 3]);
    let run = Run::new(Fake::default());
    run.fake.set_job(memory(1, 4096));
    run.fake.set_there(&there);
    run.fake.disconnect(&[Ok(again.clone()), Ok(again.clone())]);
    run.fake.end(Some(38));
    eventually("it is looked at", || again.calls("job_info").len() > 4);
    assert!(run.migration.ended().is_none() && there.calls("destroy").is_empty());
    again.set_state(DomainState::new(5, 4));
    there.set_state(MIGRATED);
    again.set_job(JobInfo::default());
    assert_eq!(run.migration.result().unwrap().guest_location, GuestLocation::DestinationRunning);
}

#[test]
fn a_post_copy_whose_source_died_is_told_as_broken() {
    for code in [LibvirtError::OPERATION_INVALID, LibvirtError::NO_DOMAIN, 9] {
        let run = Run::with(Fake::default(), &post_copy());
        run.fake.lifecycle(3, 7);
        run.fake.set_gone();
        run.fake.set_destination(Answer::State(POST_COPY_THERE));
        run.fake.end(Some(code));
        assert_eq!(location(run.migration.result()), GuestLocation::PostCopyBroken, "{code}");
    }
}

#[test]
fn an_adopted_post_copy_whose_source_died_is_told_as_broken() {
    let fake = Arc::new(Fake::polled());
    fake.set_job(memory(2, 300 * MIB));
    let guest = Guest::new(fake.clone());
    let migration = guest.adopt_migration(Some("qemu+tcp://host2/system"), None, vec![]).unwrap();
    fake.set_destination(Answer::State(POST_COPY_THERE));
    fake.set_gone();
    assert_eq!(location(migration.result()), GuestLocation::PostCopyBroken);
}

#[test]
fn force_before_there_is_a_job_waits_for_it() {
    let fake = Arc::new(Fake::default());
    fake.block(Some("apart"));
    let guest = Guest::new(fake.clone());
    let migration = guest.start_migration(&plain(), &Convergence::default(), vec![]).unwrap();
    migration.force_complete().unwrap();
    std::thread::sleep(Duration::from_millis(150));
    assert!(fake.calls("suspend").is_empty(), "paused before libvirt was asked to move it");
    fake.block(None);
    eventually("the call", || !fake.calls("migrate").is_empty());
    std::thread::sleep(Duration::from_millis(150));
    assert!(fake.calls("suspend").is_empty(), "paused before there is a job");
    fake.set_job(memory(1, 64 * MIB));
    eventually("the pause", || !fake.calls("suspend").is_empty());
    fake.end(None);
    assert!(migration.result().is_ok());
}

#[test]
fn force_is_not_followed_by_the_deadlines_abort() {
    let intent = Intent { max_downtime: 0.001, deadline: Some(0.3), ..Intent::default() };
    assert_eq!(intent.on_deadline, OnDeadline::Abort);
    for convergence in [Convergence::adaptive(intent).unwrap(), schedule()] {
        let run = Run::with(Fake::default(), &convergence);
        run.fake.set_job(memory(2, 512 * MIB));
        run.migration.force_complete().unwrap();
        assert!(!run.migration.wait(Some(Duration::from_millis(1500))).unwrap());
        assert!(!run.acts().contains(&"abort"), "{:?}", run.acts());
        run.fake.end(None);
        assert!(run.migration.result().is_ok());
    }
}

/// Nova's policy, which gives up after a second.
fn schedule() -> Convergence {
    use libvirt_migrate::policy::ScheduleOptions;
    let options = ScheduleOptions { completion_timeout: 1, data_gb: Some(1.0), ..ScheduleOptions::default() };
    Convergence::schedule(options).unwrap()
}

#[test]
fn a_pause_that_lands_while_the_end_is_concluded_is_undone_before_it_is_told() {
    let intent = Intent {
        max_downtime: 0.001,
        deadline: Some(0.2),
        on_deadline: OnDeadline::Force,
        ..Intent::default()
    };
    let run = Run::with(Fake::default(), &Convergence::adaptive(intent).unwrap());
    run.fake.block(Some("suspend"));
    run.fake.set_job(memory(2, 512 * MIB));
    eventually("the pause is asked for", || !run.fake.calls("suspend").is_empty());
    run.fake.end(Some(9));
    std::thread::sleep(Duration::from_millis(700));
    assert!(run.migration.ended().is_none(), "told while a pause is out");
    run.fake.block(None);
    assert_eq!(location(run.migration.result()), GuestLocation::SourceRunning);
    assert_eq!(run.fake.state().unwrap(), RUNNING);
    assert_eq!(run.acts().last(), Some(&"resume"));
}

#[test]
fn a_pause_that_hangs_through_the_end_is_undone_when_it_comes_back() {
    let run = Run::new(Fake::default());
    run.fake.set_job(memory(2, 512 * MIB));
    run.fake.block(Some("suspend"));
    let migration = run.migration.clone();
    let forcing = std::thread::spawn(move || migration.force_complete());
    eventually("the pause is asked for", || !run.fake.calls("suspend").is_empty());
    run.fake.end(Some(9));
    assert_eq!(location(run.migration.result()), GuestLocation::SourceRunning);
    run.fake.block(None);
    forcing.join().unwrap().unwrap();
    assert_eq!((run.fake.state().unwrap(), run.fake.calls("resume").len()), (RUNNING, 1));
    // And none begins any more.
    run.migration.force_complete().unwrap();
    assert_eq!(run.fake.calls("suspend").len(), 1);
}

#[test]
fn a_guest_paused_by_force_stays_so_where_the_destination_may_have_it() {
    // It runs there; and nobody can say, but it was seen to leave.
    for (destination, leaves) in [(Answer::State(MIGRATED), false), (Answer::Unknown, true)] {
        let run = Run::new(Fake::default());
        run.fake.set_job(memory(2, 64 * MIB));
        run.migration.force_complete().unwrap();
        if leaves {
            let done = JobInfo { success: Some(true), kind: JobType::Completed, ..memory(3, 0) };
            run.fake.emit(DomainEvent::JobCompleted(Box::new(done)));
            eventually("the switchover", || run.switchovers() == 1);
        }
        run.fake.set_destination(destination);
        run.fake.end(Some(9));
        let expected = if leaves { GuestLocation::SourcePaused } else { GuestLocation::DestinationRunning };
        assert_eq!(location(run.migration.result()), expected);
        assert!(run.fake.calls("resume").is_empty());
    }
}

#[test]
fn statistics_of_an_aborted_run_are_not_those_of_the_one_that_moved_the_guest() {
    let intent = Intent { max_downtime: 0.01, throttle: true, ..Intent::default() };
    let run = Run::with(Fake::default(), &Convergence::adaptive(intent).unwrap());
    dirty_until(&run, "the restart", || run.fake.calls("migrate").len() == 2);
    let aborted = JobInfo {
        success: Some(false),
        kind: JobType::Cancelled,
        downtime: Some(1),
        data_processed: Some(111),
        ..memory(9, 0)
    };
    run.fake.emit(DomainEvent::JobCompleted(Box::new(aborted)));
    let done =
        JobInfo { kind: JobType::Completed, downtime: Some(42), data_processed: Some(222), ..memory(3, 0) };
    run.fake.set_completed(done);
    run.fake.end(None);
    let outcome = run.migration.result().unwrap();
    assert_eq!((outcome.bytes, outcome.downtime), (222, Some(Duration::from_millis(42))));
}

#[test]
fn an_adopted_migration_whose_connection_breaks_is_followed_over_another_one() {
    let fake = Arc::new(Fake::polled());
    fake.set_job(memory(2, 300 * MIB));
    let guest = Guest::new(fake.clone());
    let migration = guest.adopt_migration(Some("qemu+tcp://host2/system"), None, vec![]).unwrap();
    eventually("progress", || migration.progress().iteration == 2);
    let again = Arc::new(Fake::default());
    again.set_job(memory(3, 4096));
    again.set_destination(Answer::State(MIGRATED));
    fake.refuse("job_info", &[38; 10_000]);
    fake.set_unreachable();
    // The daemon is not there at once.
    fake.disconnect(&[Err(38), Ok(again.clone())]);
    eventually("progress over the other connection", || migration.progress().iteration == 3);
    assert!(migration.has_events());
    again.set_job(JobInfo::default());
    again.set_gone();
    again.lifecycle(5, 3);
    assert_eq!(migration.result().unwrap().guest_location, GuestLocation::DestinationRunning);
}

#[test]
fn a_migration_of_which_nothing_is_heard_is_looked_for_at_both_hosts() {
    let run = Run::flagged(Fake::default(), &post_copy(), F::DEFAULT | F::POSTCOPY);
    run.fake.set_job(memory(3, 4096));
    run.fake.set_state(MIGRATING);
    run.fake.set_destination(Answer::State(MIGRATED));
    // The hand that looks at the job is stuck in libvirt.
    run.fake.block(Some("job_info"));
    run.fake.emit(DomainEvent::Iteration(3));
    run.fake.lifecycle(3, 1);
    eventually("both hosts are asked", || run.acts().contains(&"look"));
    let told = run.migration.decisions().into_iter().find(|step| step.act.name() == "look").unwrap();
    assert!(told.reason.contains("the guest runs at the destination"), "{}", told.reason);
    assert!(run.migration.ended().is_none());
    run.fake.block(None);
    run.fake.end(None);
    assert!(run.migration.result().is_ok());
}

/// A guest that dirties more than is moved, pass after pass.
fn dirty_until(run: &Run, what: &str, done: impl Fn() -> bool) {
    let mut iteration = 0;
    eventually(what, || {
        iteration += 1;
        let job = JobInfo { memory_dirty_rate: Some(1000 * MIB / 4096), ..memory(iteration, 900 * MIB) };
        run.fake.set_job(job);
        run.fake.emit(DomainEvent::Iteration(iteration));
        std::thread::sleep(Duration::from_millis(50));
        done()
    });
}

fn throttled(more: Intent) -> Convergence {
    Convergence::adaptive(Intent { max_downtime: 0.01, throttle: true, ..more }).unwrap()
}

#[test]
fn what_is_answered_to_the_run_before_is_not_taken_for_the_one_after() {
    let intent = Intent { deadline: Some(6.0), ..Intent::default() };
    let fake = Fake::default();
    // The first run ends by its abort; the answer to that comes when the second one is long under way.
    fake.answer_late("abort_job");
    let run = Run::with(fake, &throttled(intent));
    dirty_until(&run, "the second call", || run.fake.calls("migrate").len() == 2);
    std::thread::sleep(Duration::from_millis(200));
    run.fake.release_late();
    // The policy goes on steering the second run: its deadline is kept.
    let over = run.migration.wait(Some(Duration::from_secs(20))).unwrap();
    assert!(over, "{:?}", run.acts());
    assert_eq!(location(run.migration.result()), GuestLocation::SourceRunning);
    assert!(run.acts().contains(&"abort"), "{:?}", run.acts());
}

#[test]
fn a_guest_is_not_paused_between_two_runs() {
    let fake = Fake::unabortable();
    let run = Run::with(fake, &throttled(Intent::default()));
    dirty_until(&run, "the restart", || run.acts().contains(&"restart"));
    // The first call has not returned yet.
    run.migration.force_complete().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(run.fake.calls("suspend").is_empty(), "it would be moved as a paused one");
    run.fake.set_job(JobInfo::default());
    run.fake.end(Some(LibvirtError::OPERATION_ABORTED));
    eventually("the second call", || run.fake.calls("migrate").len() == 2);
    std::thread::sleep(Duration::from_millis(200));
    assert!(run.fake.calls("suspend").is_empty(), "there is no job yet");
    run.fake.set_job(memory(1, 64 * MIB));
    eventually("the pause", || !run.fake.calls("suspend").is_empty());
    run.fake.end(None);
    assert_eq!(run.migration.result().unwrap().guest_location, GuestLocation::DestinationRunning);
}

#[test]
fn a_migration_found_in_post_copy_has_no_paused_guest() {
    let fake = Arc::new(Fake::polled());
    fake.set_state(POST_COPY);
    fake.set_job(memory(2, 300 * MIB));
    let guest = Guest::new(fake.clone());
    let migration = guest.adopt_migration(Some("qemu+tcp://host2/system"), None, vec![]).unwrap();
    fake.set_job(JobInfo::default());
    fake.set_state(DomainState::new(5, 4));
    assert_eq!(migration.result().unwrap().guest_location, GuestLocation::DestinationRunning);
}
