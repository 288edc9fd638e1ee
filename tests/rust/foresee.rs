//! `Guest::forecast` with a domain that answers, refuses, or is busy.

use std::sync::Arc;

use crate::fake::{Fake, MIB, PAUSED, memory};
use libvirt_migrate::Guest;
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::forecast::{LinkFrom, Prospect};
use libvirt_migrate::foresee::Way;
use libvirt_migrate::policy::{Convergence, ScheduleOptions};
use libvirt_migrate::state::DomainState;

const WAY: Way<'static> = Way { destination: None, link: Some(125e6), disks: 0.0 };

fn told(fake: Fake) -> (Prospect, Arc<Fake>) {
    let fake = Arc::new(fake);
    (Guest::new(fake.clone()).forecast(WAY, &Convergence::default(), || false).unwrap(), fake)
}

#[test]
fn what_is_measured_is_in_the_forecast() {
    let fake = Fake::default();
    fake.set_dirty_rates(&[300, 305, 104]);
    let (prospect, fake) = told(fake);
    assert_eq!(fake.calls("start_dirty_rate").len(), 3);
    let found: Vec<_> = prospect.dirtied.iter().map(|one| (one.after, one.bytes / MIB as f64)).collect();
    assert_eq!(found, [(1.0, 300.0), (1.0, 305.0), (3.0, 312.0)]);
    assert_eq!((prospect.memory / MIB as f64, prospect.link_from), (512.0, LinkFrom::Given));
    assert_eq!(prospect.unknown, Vec::<String>::new());
    // 312 MiB take 2.6 s, and half a second is allowed.
    assert!(!prospect.forecast.ends, "{prospect:?}");
}

#[test]
fn a_host_that_refuses_to_measure_fails_nothing() {
    let fake = Fake::default();
    fake.refuse("start_dirty_rate", &[LibvirtError::NO_SUPPORT]);
    let (prospect, _) = told(fake);
    assert!(prospect.dirtied.is_empty());
    assert!(prospect.unknown[0].starts_with("how fast the guest writes: "), "{:?}", prospect.unknown);
}

#[test]
fn a_guest_with_a_job_is_not_measured() {
    let fake = Fake::default();
    fake.set_job(memory(1, 100 * MIB));
    let (prospect, fake) = told(fake);
    assert!(fake.calls("start_dirty_rate").is_empty() && prospect.dirtied.is_empty());
    assert!(prospect.unknown[0].contains("a job of it runs"), "{:?}", prospect.unknown);
}

#[test]
fn a_paused_guest_writes_nothing_and_one_that_is_shut_off_does_not_move() {
    let fake = Fake::default();
    fake.set_state(PAUSED);
    let (prospect, fake) = told(fake);
    assert!(fake.calls("start_dirty_rate").is_empty());
    assert!(prospect.forecast.ends && prospect.dirtied.iter().all(|one| one.bytes == 0.0));
    fake.set_state(DomainState::new(5, 1));
    assert!(Guest::new(fake).forecast(WAY, &Convergence::default(), || false).is_err());
}

#[test]
fn an_interrupt_ends_the_measurement() {
    // Its measurement finds nothing, and goes on.
    let guest = Guest::new(Arc::new(Fake::default()));
    let error = guest.forecast(WAY, &Convergence::default(), || true).unwrap_err();
    assert!(error.to_string().contains("interrupted"), "{error}");
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_measured() {
    let fake = Arc::new(Fake::default());
    let guest = Guest::new(fake.clone());
    let plain = Convergence::default();
    let nova = Convergence::schedule(ScheduleOptions::default()).unwrap();
    for (way, intent) in [
        (Way { link: Some(0.0), ..WAY }, plain),
        (Way { link: Some(f64::NAN), ..WAY }, plain),
        (Way { disks: -1.0, ..WAY }, plain),
        (Way { destination: Some("no uri"), ..WAY }, plain),
        (WAY, nova),
    ] {
        assert!(guest.forecast(way, &intent, || false).is_err(), "{way:?}");
    }
    assert!(fake.calls("start_dirty_rate").is_empty());
}
