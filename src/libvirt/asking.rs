//! Asking hosts that may not answer.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::closing::InBackground;
use super::connection::Connection;
use super::turn::Turn;
use crate::error::LibvirtError;
use crate::whereabouts::{Presence, Whereabouts};
use crate::{Error, Result};

/// How long hosts are waited for: longer than a busy daemon takes, shorter than TCP's own time for connecting.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// Asks the daemon of this URI over a connection of its own, on a thread of its own, and waits for it no longer than
/// this. `None` leaves it to itself; `what` tells one question from another, of which one of a kind is out at a time.
pub(super) fn ask_host<T: Send + 'static>(
    uri: &str,
    what: String,
    patience: Duration,
    question: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
) -> Option<Result<T>> {
    let (uri, until) = (uri.to_owned(), Instant::now() + patience);
    let answer = begin(move || {
        let _turn = Turn::take(uri.clone(), what, until)?;
        Some(Connection::open_within(Some(&uri), left(until)).and_then(|host| question(&host)))
    })?;
    answer.recv_timeout(patience).ok()?
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
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
    let no_answer = || Presence::Silent(format!("no answer within {} s", patience.as_secs_f64()));
    let asked: Vec<_> = hosts
        .into_iter()
        .map(|(uri, connection)| {
            let (text, guest) = (uri.clone(), name_or_uuid.to_owned());
            (uri, begin(move || ask(&text, connection, &guest, until)))
        })
        .collect();
    let answers = asked.into_iter().map(|(uri, answer)| {
        let presence = match answer.map(|answer| answer.recv_timeout(left(until))) {
            Some(Ok(Some(presence))) => presence,
            Some(Ok(None) | Err(_)) => no_answer(),
            None => Presence::Silent("no thread to ask with".to_owned()),
        };
        (uri, presence)
    });
    Whereabouts::new(answers.collect())
}

/// What a host says of a guest; `None` where it is too late for an answer.
fn ask(uri: &str, connection: Option<Connection>, guest: &str, until: Instant) -> Option<Presence> {
    // A connection that was given is another way to the host than one to its URI.
    let whom = connection.as_ref().map_or_else(|| uri.to_owned(), |given| format!("{:p}", given.as_ptr()));
    let _turn = Turn::take(whom, guest.to_owned(), until)?;
    let found = || -> Result<Presence> {
        let open = || Connection::open_within(Some(uri), left(until));
        connection.map_or_else(open, Ok)?.presence(guest)
    };
    Some(match found() {
        Ok(presence) => presence,
        Err(Error::Libvirt(error)) if error.code == LibvirtError::NO_DOMAIN => Presence::Absent,
        Err(_) if left(until).is_zero() => return None,
        Err(error) => Presence::Silent(error.to_string()),
    })
}

impl Connection {
    fn presence(&self, guest: &str) -> Result<Presence> {
        use crate::domain::DomainOps;
        let domain = self.lookup(guest)?;
        Ok(Presence::Here { state: domain.state()?, persistent: domain.is_persistent()? })
    }
}
