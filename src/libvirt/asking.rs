//! Asking hosts that may not answer.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::closing::InBackground;
use super::connection::Connection;
use crate::error::LibvirtError;
use crate::whereabouts::{Presence, Whereabouts};
use crate::{Error, Result};

/// How long hosts are waited for: longer than a busy daemon takes, shorter than TCP's own time for connecting.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// Asks the daemon of this URI over a connection of its own, on a thread of its own, and waits for it no longer than
/// this. `None` leaves it to itself.
pub(super) fn ask_host<T: Send + 'static>(
    uri: &str,
    patience: Duration,
    question: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
) -> Option<Result<T>> {
    let uri = uri.to_owned();
    let answer = begin(move || question(&Connection::open(Some(&uri))?))?;
    answer.recv_timeout(patience).ok()
}

/// Makes a call on a thread of its own.
fn begin<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Option<std::sync::mpsc::Receiver<T>> {
    let (sender, answer) = channel();
    let thread = std::thread::Builder::new().name("libvirt-ask".into());
    let spawned = thread.spawn(move || {
        let Some(_call) = InBackground::begin() else { return };
        // Nobody may be waiting any more.
        let _ = sender.send(call());
    });
    spawned.ok().map(|_| answer)
}

/// Asks all of these hosts at once for the guest with this uuid or name.
///
/// A host that does not answer within `patience` counts as one that cannot be asked.
pub fn where_is(
    name_or_uuid: &str,
    hosts: Vec<(String, Option<Connection>)>,
    patience: Duration,
) -> Whereabouts {
    let until = Instant::now() + patience;
    let asked: Vec<_> = hosts
        .into_iter()
        .map(|(uri, connection)| {
            let (text, guest) = (uri.clone(), name_or_uuid.to_owned());
            (uri, begin(move || ask(&text, connection, &guest)))
        })
        .collect();
    let answers = asked.into_iter().map(|(uri, answer)| {
        let left = until.saturating_duration_since(Instant::now());
        let presence = match answer.map(|answer| answer.recv_timeout(left)) {
            Some(Ok(presence)) => presence,
            Some(Err(_)) => Presence::Silent(format!("no answer within {} s", patience.as_secs_f64())),
            None => Presence::Silent("no thread to ask with".to_owned()),
        };
        (uri, presence)
    });
    Whereabouts::new(answers.collect())
}

fn ask(uri: &str, connection: Option<Connection>, guest: &str) -> Presence {
    let found = || -> Result<Presence> {
        let connection = connection.map_or_else(|| Connection::open(Some(uri)), Ok)?;
        connection.presence(guest)
    };
    match found() {
        Ok(presence) => presence,
        Err(Error::Libvirt(error)) if error.code == LibvirtError::NO_DOMAIN => Presence::Absent,
        Err(error) => Presence::Silent(error.to_string()),
    }
}

impl Connection {
    fn presence(&self, guest: &str) -> Result<Presence> {
        use crate::domain::DomainOps;
        let domain = self.lookup(guest)?;
        Ok(Presence::Here { state: domain.state()?, persistent: domain.is_persistent()? })
    }
}
