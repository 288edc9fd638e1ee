//! The thread that sits in libvirt's call.

use std::borrow::Cow;
use std::sync::Arc;

use super::clock::deliver;
use super::ground::{Ground, guarded};
use super::shared::Shared;
use crate::domain::DomainOps;
use crate::engine::{Input, Reply, Terms, Ticket};
use crate::libvirt::InBackground;
use crate::params::MigrateParams;
use crate::record::Act;
use crate::transport;
use crate::version::LibvirtVersion;
use crate::{Error, Result};

/// Makes the call on a thread of its own, and over a connection of its own where one can be had.
pub(super) fn spawn(shared: &Arc<Shared>, ticket: Ticket, terms: Terms) -> Result<()> {
    let shared = shared.clone();
    let thread = std::thread::Builder::new().name("migration-call".into());
    let body = move || {
        let domain = shared.ground.domain.apart().unwrap_or_else(|| shared.ground.domain.clone());
        let result = make(&shared, domain.as_ref(), terms);
        let Some(_last) = InBackground::begin() else {
            return std::mem::forget((shared, domain, result));
        };
        let connected = domain.is_connected();
        // Its connection is closed when somebody learns of the end, and may end the process.
        drop(domain);
        deliver(&shared, returned(ticket, result, connected));
    };
    match thread.spawn(body) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::not_now(format!("no thread for the migration: {error}"))),
    }
}

/// Makes the call on this thread.
pub(super) fn make_here(shared: &Shared, ticket: Ticket) -> Input {
    let domain = shared.ground.domain.as_ref();
    let result = make(shared, domain, Terms::default());
    returned(ticket, result, domain.is_connected())
}

/// What the engine is told of the call's return.
pub(super) fn returned(ticket: Ticket, result: Result<()>, connected: bool) -> Input {
    Input::Done(ticket, Reply::Called { result, connected, location: None })
}

fn make(shared: &Shared, domain: &dyn DomainOps, terms: Terms) -> Result<()> {
    let Some(params) = &shared.params else { return Err(Error::unsupported("a call without parameters")) };
    let destination = shared.ground.destination.as_deref().unwrap_or_default();
    let attempt = |params: &MigrateParams, connections: Option<u8>| {
        let params = with_terms(params, Terms { connections, ..terms })?;
        guarded(|| domain.migrate(destination, &params))
            .map_err(|error| explain_version(&shared.ground, &params, error))
    };
    // What was chosen, before the start or since then, is nothing that the caller has asked for.
    let plain = shared.plain.as_ref().or(terms.connections.and(Some(params)));
    match (attempt(params, terms.connections), plain) {
        (Err(error), Some(plain)) if transport::is_refusal(&error) => {
            // Nothing has been moved.
            shared.lock().engine.note(Act::GoPlain, &format!("it was refused: {error}"));
            attempt(plain, None)
        }
        (result, _) => result,
    }
}

/// The parameters of a call, with what the runs before it have taught.
fn with_terms(params: &MigrateParams, terms: Terms) -> Result<Cow<'_, MigrateParams>> {
    let mut params = Cow::Borrowed(params);
    if let Some(throttle) = terms.throttle {
        params = Cow::Owned(throttle.apply(&params)?);
    }
    if let Some(connections) = terms.connections {
        params = Cow::Owned(transport::compressed(&params, connections)?);
    }
    Ok(params)
}

/// libvirt says of a parameter that only the source knows that it is unsupported, and not since when it is supported.
fn explain_version(ground: &Ground, params: &MigrateParams, mut error: Error) -> Error {
    /// The oldest that is supported. What it has, every destination has.
    const OLDEST: LibvirtVersion = LibvirtVersion::new(8, 0, 0);
    if let (Error::Libvirt(error), Some(uri)) = (&mut error, ground.destination.as_deref())
        && params.lacking_at_destination(OLDEST).is_some()
        && let Some(found) = ground.control().destination_version(uri)
        && let Some((name, since)) = params.lacking_at_destination(found)
    {
        error.message += &format!("; {name} needs libvirt {since}, but the destination has {found}");
    }
    error
}
