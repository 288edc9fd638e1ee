//! The tests that count what a whole process has, its threads, files and memory: in a process of their own, where they
//! take turns.

use std::sync::{Mutex, MutexGuard, PoisonError};

mod fake;
mod libvirt_flat;
mod migration_watcher;

static PROCESS: Mutex<()> = Mutex::new(());

/// The process for one test. One that failed has let go of it.
fn alone() -> MutexGuard<'static, ()> {
    PROCESS.lock().unwrap_or_else(PoisonError::into_inner)
}
