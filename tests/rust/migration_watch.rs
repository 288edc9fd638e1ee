//! What drives a migration: events, polling, and one watcher for all.

use std::sync::Arc;
use std::time::Duration;

use crate::fake::*;
use libvirt_migrate::domain::DomainEvent;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::policy::{Convergence, Intent};
use libvirt_migrate::progress::Phase;
use libvirt_migrate::{Error, Guest};

#[test]
fn an_iteration_event_brings_a_sample_at_once() {
    let run = Run::new(Fake::default());
    run.fake.set_job(memory(1, 1000 * MIB));
    eventually("the first sample", || run.migration.progress().iteration == 1);
    for iteration in 2..12 {
        run.fake.set_job(memory(iteration, 1000 * MIB));
        run.fake.emit(DomainEvent::Iteration(iteration));
        eventually("the next sample", || run.migration.progress().iteration == iteration);
    }
    run.fake.end(None);
    run.migration.wait(None).unwrap();
}

#[test]
fn the_switchover_is_told_by_the_event_before_the_call_returns() {
    let run = Run::new(Fake::default());
    run.fake.set_job(memory(3, 0));
    run.fake.emit(DomainEvent::Iteration(3));
    run.fake.lifecycle(3, 1);
    eventually("the switchover", || run.switchovers() == 1);
    assert!(run.migration.ended().is_none());
    let last = JobInfo {
        success: Some(true),
        downtime: Some(70),
        data_processed: Some(77),
        kind: JobType::Completed,
        ..memory(4, 0)
    };
    run.fake.emit(DomainEvent::JobCompleted(Box::new(last)));
    eventually("the phase", || run.migration.progress().phase == Phase::Finishing);
    run.fake.end(None);
    let outcome = run.migration.result().unwrap();
    assert_eq!(outcome.downtime, Some(Duration::from_millis(70)));
    assert_eq!((outcome.iterations, outcome.bytes), (4, 77));
    assert_eq!(run.switchovers(), 1);
}

#[test]
fn without_events_the_state_tells_the_switchover() {
    let run = Run::new(Fake::polled());
    assert!(!run.migration.has_events());
    run.fake.set_job(memory(2, 10 * MIB));
    eventually("a sample", || run.migration.progress().iteration == 2);
    assert_eq!(run.switchovers(), 0);
    run.fake.set_state(MIGRATING);
    eventually("the switchover", || run.switchovers() == 1);
    run.fake.end(None);
    assert!(run.migration.result().is_ok());
}

#[test]
fn without_events_post_copy_is_seen_as_well() {
    let run = Run::with(Fake::polled(), &post_copy());
    run.fake.set_job(memory(2, 10 * MIB));
    run.fake.set_state(POST_COPY);
    eventually("post-copy", || run.migration.progress().phase == Phase::PostCopy);
    assert!(run.migration.abort().is_err());
    run.fake.end(None);
    run.migration.wait(None).unwrap();
}

#[test]
fn what_the_policy_decides_is_done_through_the_domain() {
    // A guest that can converge only with a pause that fits the intent.
    let intent = Intent { max_downtime: 1.0, ..Intent::default() };
    let run = Run::with(Fake::default(), &Convergence::adaptive(intent).unwrap());
    for iteration in 1..40 {
        run.fake.set_job(memory(iteration, 250 * MIB));
        run.fake.emit(DomainEvent::Iteration(iteration));
        if run.fake.calls("set_max_downtime").len() == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let call = run.fake.calls("set_max_downtime").concat();
    let limit: u64 = call.split(' ').next_back().unwrap().parse().unwrap();
    assert!((500..=1000).contains(&limit), "{call}");
    assert_eq!(run.acts(), ["set-max-downtime"]);
    run.fake.end(None);
    assert_eq!(run.migration.result().unwrap().decisions.len(), 1);
}

#[test]
fn a_restart_makes_the_call_again_with_the_guest_throttled() {
    let intent = Intent { max_downtime: 0.01, throttle: true, ..Intent::default() };
    let run = Run::with(Fake::default(), &Convergence::adaptive(intent).unwrap());
    let mut iteration = 0;
    eventually("the restart", || {
        iteration += 1;
        let dirty_rate = memory(iteration, 900 * MIB);
        let dirty_rate = JobInfo { memory_dirty_rate: Some(1000 * MIB / 4096), ..dirty_rate };
        run.fake.set_job(dirty_rate);
        run.fake.emit(DomainEvent::Iteration(iteration));
        std::thread::sleep(Duration::from_millis(50));
        run.fake.calls("migrate").len() == 2
    });
    assert!(run.fake.calls("migrate")[1].contains("AUTO_CONVERGE"));
    assert!(run.migration.ended().is_none());
    assert_eq!(run.acts().iter().filter(|act| **act == "restart").count(), 1);
    // An abort is an abort then too.
    run.migration.abort().unwrap();
    assert!(matches!(run.migration.result(), Err(Error::MigrationCancelled { .. })));
    assert_eq!(run.fake.calls("migrate").len(), 2);
}

#[test]
fn a_call_that_hangs_holds_no_other_migration_up() {
    let hung = Run::new(Fake::default());
    hung.fake.block(Some("job_info"));
    let others: Vec<_> = (0..5).map(|_| Run::new(Fake::default())).collect();
    for other in &others {
        other.fake.set_job(memory(1, 100 * MIB));
        eventually("progress", || other.migration.progress().iteration == 1);
        other.fake.end(None);
        assert!(other.migration.result().is_ok());
    }
    // Its own end is noticed all the same.
    hung.fake.end(None);
    assert!(hung.migration.result().is_ok());
    hung.fake.block(None);
}

#[test]
fn nothing_is_kept_of_a_migration_that_is_over() {
    let fake = Arc::new(Fake::default());
    let guest = Guest::new(fake.clone());
    for _ in 0..200 {
        let migration = guest.start_migration(&plain(), &Convergence::default(), vec![]).unwrap();
        migration.abort().unwrap();
        assert!(migration.result().is_err());
    }
    drop(guest);
    // The fake itself keeps the sink of the last subscription, which knows the watcher only.
    eventually("only the test has the domain", || Arc::strong_count(&fake) == 1);
}
