//! The thread that sits in libvirt's call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::conclude::conclude;
use super::regain;
use super::shared::Shared;
use super::watcher;
use crate::domain::DomainOps;
use crate::error::LibvirtError;
use crate::libvirt::InBackground;
use crate::params::MigrateParams;
use crate::version::LibvirtVersion;
use crate::{Error, Result};

/// Makes the call on a thread of its own, and over a connection of its own where one can be had.
pub(super) fn spawn(shared: &Arc<Shared>, params: MigrateParams) -> Result<()> {
    let migration = shared.clone();
    let thread = std::thread::Builder::new().name("migration-call".into());
    let body = move || {
        let domain = migration.domain.apart().unwrap_or_else(|| migration.domain.clone());
        let result = call(&migration, domain.as_ref(), params);
        match InBackground::begin() {
            Some(_last) => end(&migration, result, Some(domain)),
            None => std::mem::forget((migration, domain, result)),
        }
    };
    match thread.spawn(body) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::not_now(format!("no thread for the migration: {error}"))),
    }
}

/// Makes the call on this thread.
pub(super) fn run_here(shared: &Arc<Shared>, params: MigrateParams) {
    let result = call(shared, shared.domain.as_ref(), params);
    end(shared, result, None);
}

/// Makes the call, again as often as the policy has it started again.
fn call(shared: &Arc<Shared>, domain: &dyn DomainOps, mut params: MigrateParams) -> Result<()> {
    let destination = shared.destination.clone().unwrap_or_default();
    loop {
        if !begin(shared) {
            let message = "the migration was aborted before it began";
            return Err(LibvirtError::found_here(LibvirtError::OPERATION_ABORTED, message).into());
        }
        let result = guarded(|| domain.migrate(&destination, &params));
        let cancelled = result.as_ref().is_err_and(is_cancelled);
        let restart = shared.lock().restart.take().filter(|_| cancelled);
        match restart {
            None => return result.map_err(|error| explain_version(shared, &params, error)),
            Some(throttle) => params = throttle.apply(&params)?,
        }
        watcher::restarted(shared);
    }
}

/// libvirt says of a parameter that only the source knows that it is unsupported, and not since when it is supported.
fn explain_version(shared: &Shared, params: &MigrateParams, mut error: Error) -> Error {
    /// The oldest that is supported. What it has, every destination has.
    const OLDEST: LibvirtVersion = LibvirtVersion::new(8, 0, 0);
    if let (Error::Libvirt(error), Some(uri)) = (&mut error, shared.destination.as_deref())
        && params.lacking_at_destination(OLDEST).is_some()
        && let Some(found) = shared.control().destination_version(uri)
        && let Some((name, since)) = params.lacking_at_destination(found)
    {
        error.message += &format!("; {name} needs libvirt {since}, but the destination has {found}");
    }
    error
}

/// Finds out what the call's result means, and tells.
fn end(shared: &Arc<Shared>, result: Result<()>, apart: Option<Arc<dyn DomainOps>>) {
    let connected = apart.as_ref().unwrap_or(&shared.domain).is_connected();
    let end = guarded(|| match result {
        Err(error) if !connected => regain::follow(shared, error),
        Err(error) => match regain::finish_post_copy(shared, error) {
            Ok(end) => end,
            Err(error) => conclude(shared, Err(error), None),
        },
        Ok(()) => conclude(shared, Ok(()), None),
    });
    // Its connection is closed when somebody learns of the end, and may end the process.
    drop(apart);
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
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str);
        let what = what.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(LibvirtError::found_here(
            LibvirtError::INTERNAL_ERROR,
            format!("a fault of libvirt-migrate: {what}"),
        )
        .into())
    })
}
