//! The caller's side: connections, and requests that are under way.

use libvirt_migrate::domain::DomainEvent;
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::{Error, Result};

use crate::world::{Api, MS, S, Said, Side, Time};

/// How long a connection is tried to be made.
pub const CONNECT_LIMIT: Time = 15 * S;
/// How long a call waits for a lock.
pub const LOCK_WAIT: Time = 30 * S;
/// How long a daemon waits for a process to end by itself, before it kills it.
pub const KILL_WAIT: Time = 10 * S;

/// A connection to a daemon.
#[derive(Debug, Clone)]
pub struct Connection {
    pub side: Side,
    pub alive: bool,
    /// It is still being made.
    pub opening: bool,
    pub subscribed: bool,
    /// When the last event comes out of it.
    pub last_event: Time,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    pub task: usize,
    pub connection: usize,
    pub api: Api,
    /// How often the daemon had been killed when it was sent.
    pub killed: u32,
    /// The order has got an answer.
    pub answered: bool,
}

/// What is wrong with calls and events at the moment.
#[derive(Debug, Default)]
pub struct Interference {
    pub refuse: Vec<(crate::kind::Kind, i32, u32)>,
    pub lose: Vec<crate::kind::Kind>,
    pub late_call: Vec<(crate::kind::Kind, Time)>,
    pub late_reply: Vec<(crate::kind::Kind, Time)>,
    pub twice: Vec<(crate::kind::Kind, Time)>,
    pub lose_events: u32,
    pub late_events: Vec<Time>,
    pub double_events: u32,
}

/// Takes the first entry for this kind of order out.
pub fn take<T: Copy>(list: &mut Vec<(crate::kind::Kind, T)>, kind: crate::kind::Kind) -> Option<T> {
    let at = list.iter().position(|(of, _)| *of == kind)?;
    Some(list.remove(at).1)
}

/// The caller's connections and requests.
pub struct Caller {
    pub connections: Vec<Connection>,
    pub requests: Vec<Request>,
    /// The one that the blocked call is made over.
    pub own: usize,
    pub control: usize,
    pub there: Option<usize>,
    /// Requests that wait for a daemon, or for a way to it, and answers that wait for a way back.
    pub waiting: [Vec<usize>; 2],
    pub coming: [Vec<(usize, Result<Said>)>; 2],
    pub events: Vec<(usize, DomainEvent)>,
    pub wrong: Interference,
    /// The source does not know the guest any more.
    pub gone: bool,
    /// How often events were asked for.
    pub subscriptions: u32,
}

impl Caller {
    pub fn new() -> Self {
        let mut caller = Self {
            connections: vec![],
            requests: vec![],
            own: 0,
            control: 1,
            there: None,
            waiting: [vec![], vec![]],
            coming: [vec![], vec![]],
            events: vec![],
            wrong: Interference::default(),
            gone: false,
            subscriptions: 0,
        };
        for _ in 0..2 {
            let made = caller.connect(Side::Source);
            caller.connections[made].opening = false;
        }
        caller
    }

    pub fn connect(&mut self, side: Side) -> usize {
        let (alive, opening) = (true, true);
        self.connections.push(Connection { side, alive, opening, subscribed: false, last_event: 0 });
        self.connections.len() - 1
    }

    /// Ends a connection. Returns the requests that get no answer by that.
    pub fn cut(&mut self, connection: usize) -> Vec<usize> {
        self.connections[connection].alive = false;
        self.events.retain(|(over, _)| *over != connection);
        let open = |request: &Request| request.connection == connection && !request.answered;
        (0..self.requests.len()).filter(|number| open(&self.requests[*number])).collect()
    }
}

/// An error of libvirt's by its number.
pub fn error(code: i32) -> Error {
    LibvirtError::found_here(code, format!("error {code}")).into()
}

/// What a call over a connection fails with that is gone.
pub fn broken() -> Error {
    LibvirtError::found_here(38, "client socket is closed").into()
}

/// How long a request or an answer is under way, at least and at most.
pub const WAY: (Time, Time) = (MS / 10, 15 * MS);
