//! One thread watches all migrations of a process, and others help it only while there is work.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::fake::*;
use libvirt_migrate::policy::Convergence;
use libvirt_migrate::{Guest, Migration};

fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|found| name.starts_with(found.trim_end())).count()
}

#[test]
fn a_hundred_migrations_have_one_watcher() {
    let _alone = crate::alone();
    let fakes: Vec<_> = (0..100).map(|_| Arc::new(Fake::default())).collect();
    let start = |fake: &Arc<Fake>| -> Migration {
        Guest::new(fake.clone()).start_migration(&plain(), &Convergence::default(), vec![]).unwrap()
    };
    let migrations: Vec<_> = fakes.iter().map(start).collect();
    for fake in &fakes {
        fake.set_job(memory(1, 100 * MIB));
    }
    eventually("progress", || migrations.iter().all(|migration| migration.progress().iteration == 1));
    assert!(threads("migration-call") >= 100);
    // How many hands a busy machine needs for a moment is its own affair: `driver/hands.rs` has that on a clock of its own.
    assert_eq!(threads("migration-watch"), 1);
    for fake in &fakes {
        fake.end(None);
    }
    assert!(migrations.iter().all(|migration| migration.result().is_ok()));
    assert!(fakes.iter().all(|fake| fake.subscriptions.load(Ordering::SeqCst) == 1));
    eventually("the hands that helped are gone", || threads("migration-hand") <= 1);
}
