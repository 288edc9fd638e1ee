//! The intent: what is refused, and what it adds to the parameters.

use std::time::Duration;

use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::params::{MigrateParams, Param, Value};
use libvirt_migrate::policy::{Convergence, Intent, OnDeadline, ScheduleOptions, Throttle};
use libvirt_migrate::{Error, Result};
use proptest::prelude::*;

fn refused<T: std::fmt::Debug>(result: Result<T>) -> (String, String) {
    match result.unwrap_err() {
        Error::InvalidParameter { name, reason } => (name, reason),
        other => panic!("{other:?}"),
    }
}

fn params(flags: F) -> MigrateParams {
    MigrateParams::new(None, [], Some("qemu+tls://host2/system".into()), Some(flags)).unwrap()
}

#[test]
fn absurd_pauses_and_deadlines_are_refused_by_name() {
    for pause in [0.0, -1.0, 0.0009, 2000.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE] {
        let intent = Intent { max_downtime: pause, ..Intent::default() };
        let (name, reason) = refused(Convergence::adaptive(intent));
        assert_eq!(name, "max_downtime");
        assert!(reason.contains("between 0.001 s and 2000 s"), "{reason}");
    }
    for deadline in [0.0, -5.0, f64::NAN, f64::INFINITY, 1e12] {
        let intent = Intent { deadline: Some(deadline), ..Intent::default() };
        assert_eq!(refused(Convergence::adaptive(intent)).0, "deadline");
    }
}

#[test]
fn a_deadline_shorter_than_the_pause_is_refused() {
    let intent = Intent { max_downtime: 2.0, deadline: Some(1.0), ..Intent::default() };
    assert_eq!(refused(Convergence::adaptive(intent)).0, "deadline");
}

#[test]
fn force_needs_a_deadline() {
    let intent = Intent { on_deadline: OnDeadline::Force, ..Intent::default() };
    assert_eq!(refused(Convergence::adaptive(intent)).0, "on_deadline");
    assert!(Convergence::adaptive(Intent { deadline: Some(9.0), ..intent }).is_ok());
}

#[test]
fn what_is_accepted_is_kept() {
    let intent = Intent {
        max_downtime: 0.3,
        deadline: Some(300.0),
        post_copy: true,
        throttle: true,
        on_deadline: OnDeadline::Force,
        max_post_copy: Some(20.0),
        exclusive: false,
    };
    let convergence = Convergence::adaptive(intent).unwrap();
    assert_eq!(convergence.max_downtime_ms(), 300);
    assert_eq!(convergence.deadline(), Some(Duration::from_secs(300)));
    assert!(convergence.post_copy() && convergence.throttle());
    assert_eq!(convergence.max_post_copy(), Some(Duration::from_secs(20)));
    assert_eq!(convergence.without_post_copy().max_post_copy(), None);
    assert_eq!(convergence.on_deadline(), OnDeadline::Force);
    assert!(!convergence.without_post_copy().post_copy());
    assert_eq!(Convergence::default(), Convergence::adaptive(Intent::default()).unwrap());
}

#[test]
fn the_schedule_has_novas_bounds() {
    let valid = ScheduleOptions::default();
    assert!(Convergence::schedule(valid).is_ok());
    for (name, options) in [
        ("max_downtime", ScheduleOptions { max_downtime: 0.099, ..valid }),
        ("max_downtime", ScheduleOptions { max_downtime: 2000.001, ..valid }),
        ("steps", ScheduleOptions { steps: 2, ..valid }),
        ("delay", ScheduleOptions { delay: 2, ..valid }),
        ("delay", ScheduleOptions { delay: u64::MAX, ..valid }),
        ("completion_timeout", ScheduleOptions { completion_timeout: u64::MAX, ..valid }),
        ("data_gb", ScheduleOptions { data_gb: Some(0.0), ..valid }),
        ("data_gb", ScheduleOptions { data_gb: Some(f64::NAN), ..valid }),
    ] {
        assert_eq!(refused(Convergence::schedule(options)).0, name);
    }
}

#[test]
fn post_copy_adds_its_flag_and_is_refused_where_a_flag_forbids_it() {
    let convergence = Convergence::adaptive(Intent { post_copy: true, ..Intent::default() }).unwrap();
    let applied = convergence.apply(&params(F::DEFAULT)).unwrap();
    assert_eq!(applied.flags(), F::DEFAULT | F::POSTCOPY);
    assert_eq!(applied.destination(), Some("qemu+tls://host2/system"));
    for (flags, names) in [
        (F::DEFAULT | F::PAUSED, "PAUSED"),
        (F::DEFAULT | F::TUNNELLED, "TUNNELLED"),
        (F::DEFAULT - F::LIVE, "without LIVE"),
    ] {
        let (name, reason) = refused(convergence.apply(&params(flags)));
        assert_eq!(name, "post_copy");
        assert!(reason.contains(names), "{reason}");
        // Without the wish the same flags are fine.
        assert!(convergence.without_post_copy().apply(&params(flags)).is_ok());
    }
    let schedule = Convergence::schedule(ScheduleOptions { post_copy: true, ..ScheduleOptions::default() });
    assert_eq!(schedule.unwrap().apply(&params(F::DEFAULT)).unwrap().flags(), F::DEFAULT | F::POSTCOPY);
}

#[test]
fn exclusive_sends_the_guest_paused_and_never_goes_with_post_copy() {
    let intent = Intent { exclusive: true, ..Intent::default() };
    let convergence = Convergence::adaptive(intent).unwrap();
    assert!(convergence.exclusive() && !convergence.without_exclusive().exclusive());
    assert_eq!(convergence.apply(&params(F::DEFAULT)).unwrap().flags(), F::DEFAULT | F::PAUSED);
    // A definition is at both hosts without any harm.
    let offline = F::OFFLINE | F::PEER2PEER | F::PERSIST_DEST;
    assert_eq!(convergence.apply(&params(offline)).unwrap().flags(), offline);
    let both = Convergence::adaptive(Intent { post_copy: true, ..intent });
    for (name, reason) in [refused(both), refused(convergence.apply(&params(F::DEFAULT | F::POSTCOPY)))] {
        assert_eq!(name, "exclusive");
        assert!(reason.contains("post-copy"), "{reason}");
    }
}

#[test]
fn throttling_from_the_start_only_where_a_restart_would_copy_disks_again() {
    let convergence = Convergence::adaptive(Intent { throttle: true, ..Intent::default() }).unwrap();
    assert_eq!(convergence.apply(&params(F::DEFAULT)).unwrap().flags(), F::DEFAULT);
    let disks = F::DEFAULT | F::NON_SHARED_DISK;
    assert_eq!(convergence.apply(&params(disks)).unwrap().flags(), disks | F::AUTO_CONVERGE);
}

#[test]
fn a_definition_alone_needs_nothing() {
    let both = Intent { post_copy: true, throttle: true, ..Intent::default() };
    let offline = params(F::OFFLINE | F::PEER2PEER | F::PERSIST_DEST);
    assert_eq!(Convergence::adaptive(both).unwrap().apply(&offline).unwrap(), offline);
}

#[test]
fn a_throttle_goes_into_the_parameters_but_not_over_the_callers() {
    let throttle = Throttle { initial: 70, increment: 10 };
    let applied = throttle.apply(&params(F::DEFAULT)).unwrap();
    assert_eq!(applied.flags(), F::DEFAULT | F::AUTO_CONVERGE);
    assert_eq!(applied.get(Param::AutoConvergeInitial), Some(&Value::Number(70)));
    assert_eq!(applied.get(Param::AutoConvergeIncrement), Some(&Value::Number(10)));
    let theirs = [(Param::AutoConvergeInitial, Value::Number(30))];
    let theirs = MigrateParams::new(None, theirs, None, Some(F::DEFAULT | F::AUTO_CONVERGE)).unwrap();
    let applied = throttle.apply(&theirs).unwrap();
    assert_eq!(applied.get(Param::AutoConvergeInitial), Some(&Value::Number(30)));
}

#[test]
fn a_guest_that_dirties_more_is_throttled_more() {
    // Twice the link: a quarter of the time it dirties half of what is carried.
    assert_eq!(Throttle::for_rates(2e9, 1e9), Throttle { initial: 75, increment: 8 });
    assert_eq!(Throttle::for_rates(1e9, 1e9), Throttle { initial: 50, increment: 17 });
    assert_eq!(Throttle::for_rates(1e12, 1e9), Throttle { initial: 99, increment: 5 });
}

proptest! {
    #[test]
    fn figures_of_a_throttle_are_in_bounds(dirty in any::<f64>(), throughput in any::<f64>()) {
        let Throttle { initial, increment } = Throttle::for_rates(dirty, throughput);
        prop_assert!((1..=99).contains(&initial) && (1..=99).contains(&increment));
    }

    #[test]
    fn an_intent_is_refused_or_within_bounds(max_downtime in any::<f64>(), deadline in any::<Option<f64>>()) {
        if let Ok(kept) = Convergence::adaptive(Intent { max_downtime, deadline, ..Intent::default() }) {
            prop_assert!((1..=2_000_000).contains(&kept.max_downtime_ms()));
            prop_assert!(kept.deadline().is_none_or(|deadline| deadline >= kept.max_downtime()));
        }
    }
}
