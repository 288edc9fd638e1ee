//! Connecting within a time, and once at a time to each daemon.
//!
//! libvirt's call has no limit: a daemon that is stopped accepts in the kernel and never answers. Nor can the call be
//! ended, so it is made on a thread of its own, which is left to itself when the time is over. Whoever asks for the
//! same daemon next waits for that attempt and begins no other: a daemon that hangs costs one thread and one
//! socket, however often it is asked.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::closing::InBackground;
use super::connection::Open;
use crate::error::LibvirtError;
use crate::uri::without_secrets;
use crate::{Error, Result};

/// How long connecting may take where nobody says otherwise: an ssh that asks its agent and a daemon that starts
/// for it included.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// An attempt that has been out for so long may have lost its host without a word, as one whose power was cut, and
/// one more is begun. Twice as long for the next, so that the threads of a daemon that hangs for days can be counted.
const LOST: Duration = Duration::from_secs(60);

/// How long a connection that nobody waits for any more is kept for who asks next.
const KEPT: Duration = Duration::from_secs(1);

/// A process and a URI, or libvirt's default: a fork takes the lines along and leaves the threads behind.
type Key = (u32, Option<String>);

/// Those who wait for connections to one daemon, and the attempts for them.
#[derive(Default)]
struct Line {
    askers: VecDeque<Asker>,
    /// When each attempt began that is out.
    out: Vec<Instant>,
}

struct Asker {
    number: u64,
    since: Instant,
    answer: Sender<Result<Open>>,
}

#[derive(Default)]
struct Lines {
    asked: u64,
    by_key: HashMap<Key, Line>,
}

/// Somebody has joined a line.
static JOINED: Condvar = Condvar::new();

fn lines() -> MutexGuard<'static, Lines> {
    static LINES: OnceLock<Mutex<Lines>> = OnceLock::new();
    LINES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection of the caller's own, by an attempt that is out or by one for this.
pub(super) fn open(uri: Option<&str>, limit: Duration) -> Result<Open> {
    let key = (std::process::id(), uri.map(str::to_owned));
    let (sender, answer) = channel();
    let number = lines().join(&key, sender);
    let start = Instant::now();
    loop {
        let next = begin_if_due(&key, number);
        let left = limit.saturating_sub(start.elapsed());
        if let Ok(result) = answer.recv_timeout(left.min(next)) {
            return result;
        }
        if start.elapsed() >= limit {
            lines().leave(&key, number);
            // Answers are given to those in the line only, so there is one by now or never.
            return answer.try_recv().unwrap_or_else(|_| Err(too_long(uri, limit).into()));
        }
    }
}

/// Begins an attempt for an asker where none is out, or those which are have been lost. Returns when to look again.
fn begin_if_due(key: &Key, number: u64) -> Duration {
    let began = {
        let mut lines = lines();
        // The answer may be there already.
        let line = lines.by_key.get_mut(key);
        let Some(line) = line.filter(|line| line.askers.iter().any(|asker| asker.number == number)) else {
            return LOST;
        };
        let left = line.until_due();
        if !left.is_zero() {
            return left;
        }
        line.begin()
    };
    let thread = std::thread::Builder::new().name("libvirt-open".into());
    let work = {
        let key = key.clone();
        move || attempts(&key, began)
    };
    if let Err(error) = thread.spawn(work) {
        lines().back(key, began, Err(Error::not_now(format!("no thread to connect with: {error}"))));
    }
    LOST
}

/// Attempts to connect for those in a line, one after the other.
fn attempts(key: &Key, mut began: Instant) {
    loop {
        let result = match InBackground::begin() {
            Some(_call) => Open::attempt(key.1.as_deref()),
            None => Err(Error::not_now("the process is about to end")),
        };
        let mut lines = lines();
        let unwanted = lines.back(key, began, result);
        if let Some(connection) = unwanted {
            drop(keep(lines, key, connection));
            lines = self::lines();
        }
        match lines.again(key) {
            Some(next) => began = next,
            None => return,
        }
    }
}

/// Keeps a connection that came too late for a while. Returns it where nobody has asked for it.
fn keep(mut lines: MutexGuard<'_, Lines>, key: &Key, connection: Open) -> Option<Open> {
    let (since, mut kept) = (Instant::now(), Some(connection));
    lines.by_key.entry(key.clone()).or_default().out.push(since);
    while kept.is_some() && since.elapsed() < KEPT {
        let left = KEPT.saturating_sub(since.elapsed());
        lines = JOINED.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        let asker = lines.by_key.get_mut(key).and_then(|line| line.askers.pop_front());
        if let Some(asker) = asker {
            kept = kept.and_then(|connection| asker.give(Ok(connection)));
        }
    }
    lines.end(key, since);
    kept
}

impl Lines {
    fn join(&mut self, key: &Key, answer: Sender<Result<Open>>) -> u64 {
        self.asked += 1;
        let asker = Asker { number: self.asked, since: Instant::now(), answer };
        self.by_key.entry(key.clone()).or_default().askers.push_back(asker);
        JOINED.notify_all();
        self.asked
    }

    fn leave(&mut self, key: &Key, number: u64) {
        if let Some(line) = self.by_key.get_mut(key) {
            line.askers.retain(|asker| asker.number != number);
        }
    }

    /// An attempt is back. Its connection goes to the first who waits, or is returned where nobody does. Its error
    /// goes to all who waited when it began: a later one may have better luck.
    fn back(&mut self, key: &Key, began: Instant, result: Result<Open>) -> Option<Open> {
        self.end(key, began);
        let line = self.by_key.get_mut(key)?;
        match result {
            Ok(connection) => match line.askers.pop_front() {
                Some(asker) => asker.give(Ok(connection)),
                None => Some(connection),
            },
            Err(error) => {
                let (asked, later) = line.askers.drain(..).partition(|asker| asker.since <= began);
                line.askers = later;
                let asked: VecDeque<Asker> = asked;
                asked.into_iter().for_each(|asker| drop(asker.give(Err(error.clone()))));
                None
            }
        }
    }

    fn end(&mut self, key: &Key, began: Instant) {
        if let Some(line) = self.by_key.get_mut(key)
            && let Some(index) = line.out.iter().position(|other| *other == began)
        {
            line.out.swap_remove(index);
        }
    }

    /// The next attempt of a thread that is back, if there is anybody to make it for.
    fn again(&mut self, key: &Key) -> Option<Instant> {
        let line = self.by_key.get_mut(key)?;
        if line.askers.is_empty() && line.out.is_empty() {
            self.by_key.remove(key);
            return None;
        }
        let due = !line.askers.is_empty() && line.until_due().is_zero();
        due.then(|| line.begin())
    }
}

impl Line {
    fn begin(&mut self) -> Instant {
        let now = Instant::now();
        self.out.push(now);
        now
    }

    /// How long no other attempt is begun.
    fn until_due(&self) -> Duration {
        let Some(last) = self.out.iter().max() else { return Duration::ZERO };
        let doublings = u32::try_from(self.out.len() - 1).unwrap_or(u32::MAX).min(16);
        (LOST * 2_u32.pow(doublings)).saturating_sub(last.elapsed())
    }
}

impl Asker {
    /// Gives an answer; returns a connection that cannot be given.
    fn give(self, answer: Result<Open>) -> Option<Open> {
        self.answer.send(answer).err().and_then(|unsent| unsent.0.ok())
    }
}

/// The time is over. Nothing is known of the daemon but that.
fn too_long(uri: Option<&str>, limit: Duration) -> LibvirtError {
    let (to, like) = match uri {
        Some(uri) => (without_secrets(uri), format!(" -c {}", without_secrets(uri))),
        None => ("libvirt's default".to_owned(), String::new()),
    };
    let seconds = limit.as_secs_f64();
    LibvirtError::no_answer(format!(
        "connecting to {to} took longer than {seconds} s: its daemon may be stopped or overloaded, or the network \
         drops what is sent there; see whether the daemon runs, and whether virsh{like} version answers"
    ))
}
