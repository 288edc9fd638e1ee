//! Threads, file descriptors and memory stay what they are over thousands of rounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use libvirt_migrate::domain::{DomainOps, XmlFlags};
use libvirt_migrate::libvirt::Connection;
use libvirt_migrate::params::Definition;
use libvirt_migrate::policy::Convergence;
use libvirt_migrate::{Error, Guest, MigrateParams};

/// What an allocator may keep; up to 0.8 MiB was seen, after any number of rounds. A leak of 500 bytes a round would be
/// 2 MB, of one thread's stack far more.
const BOUND: usize = 3 << 19;

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Bytes in memory.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Opens and closes, reads and fails, has events and none, migrates in vain.
fn round(params: &MigrateParams) {
    let host = Connection::open(Some("test:///default")).unwrap();
    let domain = host.lookup("test").unwrap();
    assert!(domain.xml(XmlFlags::SECURE).unwrap().len() > 500);
    assert!(domain.job_info(false).is_err() && host.lookup("nobody").is_err());
    assert_eq!(host.domains(false).unwrap().len(), 1);
    let subscription = domain.subscribe(Arc::new(|_| ()));
    assert!(subscription.is_some());
    domain.suspend().unwrap();
    domain.resume().unwrap();
    drop(subscription);
    let guest = Guest::new(Arc::new(domain));
    let migration = guest.start_migration(params, &Convergence::default(), vec![]).unwrap();
    assert!(matches!(migration.result(), Err(Error::MigrationFailed { .. })));
}

#[test]
fn thousands_of_rounds_leave_nothing_behind() {
    let _alone = crate::alone();
    // Fewer under valgrind, which counts each block itself and whose own memory grows.
    let given = std::env::var("ROUNDS").ok();
    let rounds = given.as_ref().map_or(4000, |rounds| rounds.parse().unwrap());
    let name = "<name>test</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>";
    let definition =
        Definition::new(format!("<domain>{name}<!--{}--></domain>", "x".repeat(1000)), None).unwrap();
    let params = MigrateParams::new(Some(definition), [], Some("test:///other".into()), None).unwrap();
    for _ in 0..rounds / 4 {
        round(&params);
    }
    let (files, threads, memory) = (count("/proc/self/fd"), count("/proc/self/task"), resident());
    for _ in 0..rounds {
        round(&params);
    }
    assert!(count("/proc/self/fd") <= files, "{files} files before, {} after", count("/proc/self/fd"));
    // The thread of a call tells the end before it ends itself.
    let start = Instant::now();
    while count("/proc/self/task") > threads {
        assert!(start.elapsed() < Duration::from_secs(20), "{threads} before, {}", count("/proc/self/task"));
        std::thread::sleep(Duration::from_millis(1));
    }
    let grown = resident().saturating_sub(memory);
    eprintln!("{rounds} rounds: {files} files, {threads} threads, memory grew by {grown} bytes");
    assert!(given.is_some() || grown < BOUND, "memory grew by {grown} bytes in {rounds} rounds");
}
