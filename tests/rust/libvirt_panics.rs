//! A panic on purpose where others' threads call: it goes no further, and everything else goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::fake::*;
use libvirt_migrate::Guest;
use libvirt_migrate::domain::{DomainEvent, DomainOps};
use libvirt_migrate::libvirt::Connection;
use libvirt_migrate::policy::Convergence;
use libvirt_migrate::update::{Update, UpdateSink};

/// libvirt's own thread calls the sink, through C.
#[test]
fn a_panic_in_an_event_goes_no_further() {
    // The same host behind both; libvirt takes the same callback once for a connection and a domain.
    let open = || Connection::open(Some("test:///default")).unwrap().lookup("test").unwrap();
    let (domain, watched) = (open(), open());
    let (panics, events) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, kept) = (panics.clone(), events.clone());
    let panicking = domain.subscribe(Arc::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        panic!("on purpose");
    }));
    let counting = watched.subscribe(Arc::new(move |event| {
        if matches!(event, DomainEvent::Lifecycle { .. }) {
            kept.fetch_add(1, Ordering::SeqCst);
        }
    }));
    assert!(panicking.is_some() && counting.is_some());
    for round in 1..=3 {
        domain.suspend().unwrap();
        domain.resume().unwrap();
        eventually("the panics", || panics.load(Ordering::SeqCst) == 2 * round);
        eventually("the events", || events.load(Ordering::SeqCst) == 2 * round);
    }
    drop(panicking);
    domain.suspend().unwrap();
    eventually("the events", || events.load(Ordering::SeqCst) == 7);
    assert_eq!(panics.load(Ordering::SeqCst), 6);
    domain.resume().unwrap();
}

/// The watcher, the hands and the thread of the call all tell the news.
#[test]
fn a_sink_that_panics_holds_up_neither_its_migration_nor_others() {
    let fake = Arc::new(Fake::default());
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = panics.clone();
    let panicking: UpdateSink = Box::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        panic!("on purpose");
    });
    let (after, updates) = recorder();
    let guest = Guest::new(fake.clone());
    let migration = guest.start_migration(&plain(), &Convergence::default(), vec![panicking, after]).unwrap();
    eventually("the call", || !fake.calls("migrate").is_empty());
    fake.set_job(memory(1, 300 * MIB));
    eventually("progress", || migration.progress().iteration == 1);
    // Another one, which the same thread watches.
    let other = Run::new(Fake::default());
    other.fake.set_job(memory(2, 300 * MIB));
    eventually("progress of another", || other.migration.progress().iteration == 2);
    other.fake.end(None);
    other.migration.result().unwrap();
    fake.end(None);
    migration.result().unwrap();
    let updates = updates.lock().unwrap();
    assert_eq!(panics.load(Ordering::SeqCst), updates.len());
    assert!(matches!(updates.first(), Some(Update::Started { .. })));
    assert!(matches!(updates.last(), Some(Update::Ended(_))));
    migration.observe(Box::new(|_| panic!("on purpose")));
}
