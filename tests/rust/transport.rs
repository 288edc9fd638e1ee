//! How memory travels: what is chosen before a migration, and what becomes of it.

use crate::fake::{Fake, Run, eventually, memory, plain, post_copy, recorder};
use libvirt_migrate::domain::DomainEvent;
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::job::JobInfo;
use libvirt_migrate::params::{MigrateParams, Param, Value};
use libvirt_migrate::policy::{Convergence, ScheduleOptions};
use libvirt_migrate::transport::{Host, Hosts, SLOW, Transport};
use libvirt_migrate::version::LibvirtVersion;
use libvirt_migrate::{Guest, Result};
use std::sync::Arc;
use std::time::Duration;

const NEW: Host =
    Host { libvirt: LibvirtVersion::new(11, 3, 0), hypervisor: LibvirtVersion::new(10, 1, 0), processors: 8 };
const BOTH: Hosts = Hosts { source: NEW, destination: NEW };
/// 100 Mbit/s.
const SLOW_LINK: Option<f64> = Some(12.5e6);

fn with(values: &[(Param, Value)], flags: F) -> MigrateParams {
    MigrateParams::new(
        None,
        values.to_vec(),
        Some("qemu+tcp://host2/system".into()),
        Some(F::DEFAULT | flags),
    )
    .unwrap()
}

fn chosen(params: &MigrateParams, link: Option<f64>, hosts: Option<Hosts>) -> bool {
    Transport::choose(params, link, || hosts).is_some()
}

#[test]
fn memory_is_compressed_over_a_link_that_is_known_to_be_slow() {
    let chosen = Transport::choose(&plain(), SLOW_LINK, || Some(BOTH)).unwrap();
    assert_eq!(
        chosen.to_string(),
        "the link carries 11.9 MiB/s, and the processors compress faster than that"
    );
    let params = chosen.apply(&plain()).unwrap();
    assert_eq!(params.flags(), F::DEFAULT | F::PARALLEL | F::COMPRESSED);
    assert_eq!(params.get(Param::ParallelConnections), Some(&Value::Number(2)));
    assert_eq!(params.get(Param::Compression), Some(&Value::Strings(vec!["zstd".into()])));
    assert_eq!(params.destination(), plain().destination());
}

#[test]
fn what_is_not_known_and_what_is_fast_change_nothing() {
    assert!(!chosen(&plain(), None, Some(BOTH)));
    assert!(!chosen(&plain(), Some(SLOW), Some(BOTH)));
    assert!(!chosen(&plain(), SLOW_LINK, None));
    // The hosts are not even asked.
    for link in [None, Some(SLOW)] {
        assert!(Transport::choose(&plain(), link, || panic!("asked")).is_none());
    }
}

#[test]
fn a_limit_of_the_callers_is_a_slow_link() {
    let limited = |mib| with(&[(Param::Bandwidth, Value::Number(mib))], F::empty());
    assert!(chosen(&limited(10), None, Some(BOTH)));
    assert!(chosen(&limited(10), Some(1e9), Some(BOTH)));
    assert!(!chosen(&limited(0), None, Some(BOTH)));
    assert!(!chosen(&limited(500), None, Some(BOTH)));
    assert!(chosen(&limited(500), SLOW_LINK, Some(BOTH)));
}

#[test]
fn what_the_caller_sets_stays() {
    let given = [
        (Param::ParallelConnections, Value::Number(4), F::PARALLEL),
        (Param::Compression, Value::Strings(vec!["xbzrle".into()]), F::COMPRESSED),
        (Param::MigrateUri, Value::String("rdma://10.0.0.2".into()), F::empty()),
        (Param::MigrateUri, Value::String("unix:///run/socket".into()), F::empty()),
        (Param::MigrateDisks, Value::Strings(vec!["vda".into()]), F::NON_SHARED_DISK),
    ];
    for (param, value, flags) in given {
        assert!(!chosen(&with(&[(param, value)], flags), SLOW_LINK, Some(BOTH)), "{param:?}");
    }
    for flags in [F::TLS, F::TUNNELLED, F::PARALLEL, F::COMPRESSED, F::RDMA_PIN_ALL, F::NON_SHARED_INC] {
        let values = [(Param::MigrateDisks, Value::Strings(vec!["vda".into()]))];
        let values = if flags == F::NON_SHARED_INC { &values[..] } else { &[] };
        assert!(!chosen(&with(values, flags), SLOW_LINK, Some(BOTH)), "{flags}");
    }
    let tcp = with(&[(Param::MigrateUri, Value::String("tcp://10.0.0.2".into()))], F::empty());
    assert!(chosen(&tcp, SLOW_LINK, Some(BOTH)));
}

#[test]
fn both_hosts_have_to_take_it() {
    let version = LibvirtVersion::new;
    let debian_12 = Host { libvirt: version(9, 0, 0), hypervisor: version(7, 2, 22), processors: 2 };
    let cases = [
        (NEW, true),
        (debian_12, false),
        (Host { libvirt: version(9, 3, 0), ..NEW }, false),
        (Host { hypervisor: version(8, 2, 0), ..NEW }, false),
        (Host { processors: 1, ..NEW }, false),
        (Host { processors: 2, ..NEW }, true),
    ];
    for (other, takes) in cases {
        for hosts in [Hosts { source: other, ..BOTH }, Hosts { destination: other, ..BOTH }] {
            assert_eq!(chosen(&plain(), SLOW_LINK, Some(hosts)), takes, "{hosts:?}");
        }
    }
}

#[test]
fn with_post_copy_only_where_both_qemus_take_it() {
    let debian_13 = Host { hypervisor: LibvirtVersion::new(10, 0, 13), ..NEW };
    let hosts = Hosts { destination: debian_13, ..BOTH };
    assert!(chosen(&plain(), SLOW_LINK, Some(hosts)));
    assert!(!chosen(&with(&[], F::POSTCOPY), SLOW_LINK, Some(hosts)));
    assert!(chosen(&with(&[], F::POSTCOPY), SLOW_LINK, Some(BOTH)));
}

/// A migration that is limited to 10 MiB/s.
fn limited(fake: Fake, convergence: &Convergence) -> Result<Run> {
    let (fake, (sink, updates)) = (Arc::new(fake), recorder());
    let guest = Guest::new(fake.clone());
    let params = with(&[(Param::Bandwidth, Value::Number(10))], F::empty());
    let migration = guest.start_migration(&params, convergence, vec![sink])?;
    Ok(Run { fake, guest, migration, updates })
}

#[test]
fn a_migration_tells_what_was_chosen_and_why() {
    let fake = Fake::between(BOTH);
    let run = limited(fake, &Convergence::default()).unwrap();
    eventually("the call is made", || !run.fake.calls("migrate").is_empty());
    assert_eq!(run.acts(), ["compress"]);
    let step = &run.migration.decisions()[0];
    assert_eq!(step.act.to_string(), "send memory compressed with zstd, over 2 connections");
    assert!(step.reason.starts_with("the link carries 10.0 MiB/s"), "{}", step.reason);
    assert!(run.fake.calls("migrate")[0].contains("PARALLEL"));
    run.fake.end(None);
    run.migration.result().unwrap();
}

#[test]
fn who_does_not_want_that_gets_libvirts_way() {
    let schedule = Convergence::schedule(ScheduleOptions::default()).unwrap();
    for convergence in [Convergence::default().with_transport(false), schedule, schedule.with_transport(true)]
    {
        let run = limited(Fake::between(BOTH), &convergence).unwrap();
        eventually("the call is made", || !run.fake.calls("migrate").is_empty());
        assert!(!run.acts().contains(&"compress"));
        assert!(!run.fake.calls("migrate")[0].contains("PARALLEL"));
        run.fake.end(None);
        run.migration.result().unwrap();
    }
    // Debian 13's QEMU takes it without post-copy alone.
    let debian_13 = Host { hypervisor: LibvirtVersion::new(10, 0, 13), ..NEW };
    let fake = Fake::between(Hosts { source: debian_13, ..BOTH });
    let run = limited(fake, &post_copy()).unwrap();
    assert!(!run.acts().contains(&"compress"));
    run.fake.end(None);
    run.migration.result().unwrap();
}

#[test]
fn what_is_refused_is_done_without() {
    let fake = Fake::between(BOTH);
    // libvirt's answer where it does not know the method.
    fake.refuse("migrate", &[8]);
    let run = limited(fake, &Convergence::default()).unwrap();
    eventually("it is called again", || run.fake.calls("migrate").len() == 2);
    assert!(!run.fake.calls("migrate")[1].contains("PARALLEL"));
    run.fake.end(None);
    let outcome = run.migration.result().unwrap();
    let acts: Vec<_> = outcome.decisions.iter().map(|step| step.act.name()).collect();
    assert_eq!(acts, ["compress", "go-plain"]);
}

#[test]
fn what_fails_for_another_reason_fails() {
    let fake = Fake::between(BOTH);
    fake.refuse("migrate", &[LibvirtError::OPERATION_FAILED]);
    let run = limited(fake, &Convergence::default()).unwrap();
    run.migration.result().unwrap_err();
    assert_eq!(run.fake.calls("migrate").len(), 1);
    // What nobody chose is the caller's, and is told.
    let fake = Fake::default();
    fake.refuse("migrate", &[8]);
    let run = limited(fake, &Convergence::default()).unwrap();
    run.migration.result().unwrap_err();
    assert_eq!(run.fake.calls("migrate").len(), 1);
}

/// A migration whose link turns out to carry 10 MiB/s, once it has been looked at for long enough.
fn found_slow(fake: Fake, refusals: &[i32], calls: usize) -> Run {
    let run = Run::new(fake);
    eventually("the first call", || !run.fake.calls("migrate").is_empty());
    run.fake.refuse("migrate", refusals);
    let mut looks = 0;
    eventually("it was looked at", || {
        let slow =
            JobInfo { memory_bps: Some(10 << 20), memory_dirty_rate: Some(0), ..memory(1, 1000 << 20) };
        run.fake.set_job(JobInfo { memory_processed: Some(looks << 20), ..slow });
        run.fake.emit(DomainEvent::Iteration(1));
        std::thread::sleep(Duration::from_millis(50));
        looks += 1;
        looks >= 60 || run.fake.calls("migrate").len() == calls
    });
    run
}

#[test]
fn a_link_that_is_found_to_be_slow_has_it_started_again_compressed() {
    let run = found_slow(Fake::between(BOTH), &[], 2);
    let calls = run.fake.calls("migrate");
    assert_eq!(calls.len(), 2);
    assert!(
        !calls[0].contains("PARALLEL") && calls[1].contains("PARALLEL") && calls[1].contains("COMPRESSED")
    );
    run.fake.end(None);
    let outcome = run.migration.result().unwrap();
    let acts: Vec<_> = outcome.decisions.iter().map(|step| (step.act.name(), step.error.is_none())).collect();
    assert!(acts.contains(&("restart-compressed", true)), "{acts:?}");
}

#[test]
fn hosts_that_do_not_take_it_have_it_go_on() {
    let run = found_slow(Fake::default(), &[], 2);
    assert_eq!(run.fake.calls("migrate").len(), 1);
    run.fake.end(None);
    let outcome = run.migration.result().unwrap();
    assert!(outcome.decisions.iter().all(|step| step.act.name() != "restart-compressed"), "{outcome:?}");
}

#[test]
fn what_is_refused_after_all_is_done_without() {
    // libvirt does not know the method.
    let run = found_slow(Fake::between(BOTH), &[8], 3);
    let calls = run.fake.calls("migrate");
    assert_eq!(calls.len(), 3);
    assert!(calls[1].contains("PARALLEL") && !calls[2].contains("PARALLEL"));
    run.fake.end(None);
    let outcome = run.migration.result().unwrap();
    let acts: Vec<_> = outcome.decisions.iter().map(|step| step.act.name()).collect();
    let found = |name| acts.iter().position(|act| *act == name);
    assert!(found("restart-compressed") < found("go-plain") && found("go-plain").is_some(), "{acts:?}");
}
