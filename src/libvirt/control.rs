//! More connections to a domain's daemon: one for the calls which watch and steer its migration, and one for each call
//! that blocks until a migration is over.
//!
//! - A daemon takes only a few calls of one connection at a time (`max_client_requests`, 5 by default), and a
//!   blocked one is one of them.
//! - The client of libvirt before 9.1.0 can lose the wake-up of one thread by another: a call that is made just
//!   when another thread begins to wait for an answer is sent only once that one has come. Beside a call that
//!   blocks, an abort would come after the end.
//! - One call is made at a time on a connection of this package's ([`gate`](super::gate)), and one on a guest whose QEMU
//!   answers no more takes half a minute: it must not hold up the calls on others.
//! - A connection that was opened before an event loop was registered never gets events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use super::connection::Connection;
use super::domain::Domain;
use crate::Result;
use crate::domain::DomainOps;
use crate::uri::scheme;

/// The connections that are in use, by process, URI and guest.
type Open = HashMap<(u32, String, String), Weak<Connection>>;

/// How long a migration waits for another connection at most: a guest may stand still meanwhile. Who tries again finds
/// the attempt still out.
const MEANWHILE: Duration = Duration::from_secs(10);

/// The same domain over the connection for short calls; `None` for libvirt's test driver, where another connection is
/// another host.
pub(super) fn domain_beside(domain: &Domain) -> Result<Option<Domain>> {
    let uri = domain.uri()?;
    if scheme(&uri).is_none_or(|scheme| scheme == "test") {
        return Ok(None);
    }
    let uuid = domain.uuid()?;
    let connection = connection_to(uri, &uuid, domain.limit())?;
    Ok(Some(connection.lookup(&uuid)?.keeping(connection)))
}

/// The same domain over a connection that nobody else has; `None` as for [`domain_beside`].
pub(super) fn domain_apart(domain: &Domain) -> Result<Option<Domain>> {
    let uri = domain.uri()?;
    if scheme(&uri).is_none_or(|scheme| scheme == "test") {
        return Ok(None);
    }
    let connection = Arc::new(Connection::open_within(Some(&uri), domain.limit().min(MEANWHILE))?);
    let found = connection.lookup(&domain.uuid()?)?;
    Ok(Some(found.keeping(connection)))
}

/// The connection to a daemon that is shared by short calls on this guest.
pub(super) fn connection_to(uri: String, uuid: &str, limit: Duration) -> Result<Arc<Connection>> {
    static OPEN: OnceLock<Mutex<Open>> = OnceLock::new();
    let open = || OPEN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let key = (std::process::id(), uri, uuid.to_owned());
    // Every call is made without the lock, the last reference's included: a daemon that hangs must hold nobody up.
    let kept = open().get(&key).and_then(Weak::upgrade);
    if let Some(connection) = kept
        && connection.is_alive()
    {
        return Ok(connection);
    }
    let connection = Arc::new(Connection::open_within(Some(&key.1), limit.min(MEANWHILE))?);
    let mut open = open();
    open.retain(|_, kept| kept.strong_count() > 0);
    open.insert(key, Arc::downgrade(&connection));
    Ok(connection)
}
