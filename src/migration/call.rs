//! The thread that sits in libvirt's call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::conclude::conclude;
use super::shared::Shared;
use super::watcher;
use crate::error::LibvirtError;
use crate::params::MigrateParams;
use crate::{Error, Result};

/// Makes the call on a thread of its own.
pub(super) fn spawn(shared: &Arc<Shared>, params: MigrateParams) -> Result<()> {
    let migration = shared.clone();
    let thread = std::thread::Builder::new().name("migration-call".into());
    match thread.spawn(move || run(&migration, params)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::not_now(format!("no thread for the migration: {error}"))),
    }
}

/// Makes the call, again as often as the policy has it started again, and concludes.
pub(super) fn run(shared: &Arc<Shared>, mut params: MigrateParams) {
    let destination = shared.destination.clone().unwrap_or_default();
    let result = loop {
        if !begin(shared) {
            break Err(LibvirtError::found_here(
                LibvirtError::OPERATION_ABORTED,
                "the migration was aborted before it began",
            )
            .into());
        }
        let result = guarded(|| shared.domain.migrate(&destination, &params));
        let cancelled = result.as_ref().is_err_and(is_cancelled);
        let restart = shared.lock().restart.take().filter(|_| cancelled);
        match restart.map(|throttle| throttle.apply(&params)) {
            None => break result,
            Some(Err(error)) => break Err(error),
            Some(Ok(throttled)) => {
                params = throttled;
                watcher::restarted(shared);
            }
        }
    };
    let end = guarded(|| conclude(shared, result, None));
    shared.finish(end);
    watcher::forget(shared);
}

/// Takes note that the call is made, unless somebody does not want it any more.
fn begin(shared: &Shared) -> bool {
    let mut state = shared.lock();
    state.called = !state.abort;
    state.called
}

pub(super) fn is_cancelled(error: &Error) -> bool {
    error.libvirt_code() == Some(LibvirtError::OPERATION_ABORTED)
}

/// A panic must not leave those who wait without an end.
pub(super) fn guarded<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    /// `VIR_ERR_INTERNAL_ERROR`.
    const INTERNAL: i32 = 1;
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str);
        let what = what.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(LibvirtError::found_here(INTERNAL, format!("a fault of libvirt-migrate: {what}")).into())
    })
}
