//! What links between hosts carry, learnt from the migrations of this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::params::{MigrateParams, Param, Value};
use crate::phase::Phase;
use crate::progress::Progress;
use crate::record::{Act, Step};
use crate::update::{Update, UpdateSink};
use crate::uri::without_secrets;

/// A migration in which the link set the pace for a shorter time than this teaches nothing.
const LEAST: Duration = Duration::from_millis(200);
/// What was learnt in a shorter time than this may be what sockets and queues took at once.
pub(crate) const SURE: Duration = Duration::from_secs(2);
/// The most that is kept: a process that drains a farm forgets all at once.
const MOST: usize = 1000;

/// What each route was found to carry.
static KNOWN: Mutex<Option<HashMap<Route, Learnt>>> = Mutex::new(None);

/// From which daemon to which one, and over which address of the destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    source: String,
    destination: String,
    address: Option<String>,
}

/// What the last migration over a route has found.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Learnt {
    /// Bytes/s.
    rate: f64,
    /// In how long.
    time: Duration,
}

impl Route {
    /// From the daemon at one URI to the one at another.
    pub(crate) fn new(source: &str, destination: &str) -> Self {
        Self { source: without_secrets(source), destination: without_secrets(destination), address: None }
    }

    /// The one of a migration from the daemon at `source`; `None` without a destination.
    pub(crate) fn of(source: &str, params: &MigrateParams) -> Option<Self> {
        let address = match params.get(Param::MigrateUri) {
            Some(Value::String(uri)) => Some(uri.clone()),
            _ => None,
        };
        Some(Self { address, ..Self::new(source, params.destination()?) })
    }

    /// What it carries, bytes/s, if that was learnt in so long at least.
    pub(crate) fn carries(&self, least: Duration) -> Option<f64> {
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let learnt = known.as_ref()?.get(self)?;
        (learnt.time >= least).then_some(learnt.rate)
    }

    fn learn(&self, learnt: Learnt) {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(self.clone(), learnt);
    }

    /// Listens to a migration over this route, and keeps what it tells of the link.
    pub(crate) fn lesson(self) -> UpdateSink {
        let heard = Mutex::new(Heard::default());
        Box::new(move |update| {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            match update {
                Update::Progress(progress) => heard.progress(&progress),
                // From here on the limit is what is seen.
                Update::Step(Step { act: Act::SetBandwidth(_), .. }) => heard.limited = true,
                Update::Ended(_) => {
                    if let Some(learnt) = heard.learnt() {
                        self.learn(learnt);
                    }
                }
                _ => {}
            }
        })
    }
}

/// What was sent while the link set the pace.
#[derive(Debug, Default)]
struct Heard {
    last: Option<Progress>,
    sent: u64,
    time: Duration,
    limited: bool,
}

impl Heard {
    fn progress(&mut self, now: &Progress) {
        if self.limited {
            return;
        }
        if let Some(last) = self.last.replace(*now)
            && last.phase == now.phase
            && matches!(now.phase, Phase::Memory | Phase::PostCopy)
            && last.iteration == now.iteration
        {
            let sent = now.memory_processed.saturating_sub(last.memory_processed);
            let done = last.memory_remaining.saturating_sub(now.memory_remaining);
            // Memory that is zero is gone through as fast as the processor lets it.
            if sent > 0 && done <= 2 * sent {
                self.sent += sent;
                self.time += now.elapsed.saturating_sub(last.elapsed);
            }
        }
    }

    /// `None` where too little was seen.
    fn learnt(&self) -> Option<Learnt> {
        let rate = self.sent as f64 / self.time.as_secs_f64();
        (self.time >= LEAST && rate >= 1.0).then_some(Learnt { rate, time: self.time })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64, iteration: u64, sent: u64, left: u64) -> Progress {
        Progress {
            phase: Phase::Memory,
            elapsed: Duration::from_millis(ms),
            iteration,
            memory_processed: sent,
            memory_remaining: left,
            ..Progress::default()
        }
    }

    fn rate(progress: &[Progress]) -> Option<f64> {
        let mut heard = Heard::default();
        progress.iter().for_each(|progress| heard.progress(progress));
        heard.learnt().map(|learnt| learnt.rate)
    }

    #[test]
    fn a_link_is_known_by_what_was_sent_over_it() {
        assert_eq!(rate(&[at(0, 1, 0, 900), at(1000, 1, 100, 800), at(3000, 1, 300, 600)]), Some(100.0));
        assert_eq!(rate(&[at(0, 1, 0, 900), at(199, 1, 190, 710)]), None, "too short");
        assert_eq!(rate(&[at(0, 1, 0, 900)]), None, "one look");
        let switched = |ms, sent, left| Progress { phase: Phase::PostCopy, ..at(ms, 2, sent, left) };
        let post_copy = [at(0, 1, 0, 900), switched(5000, 9, 800), switched(6000, 109, 700)];
        assert_eq!(rate(&post_copy), Some(100.0), "the switch itself tells nothing");
    }

    #[test]
    fn zeroes_and_the_begin_of_a_pass_tell_nothing_of_a_link() {
        let zeroes = [at(0, 1, 0, 9000), at(2000, 1, 200, 8800), at(9000, 1, 210, 100)];
        assert_eq!(rate(&zeroes), Some(100.0));
        let passes = [at(0, 1, 0, 900), at(2000, 1, 200, 700), at(8000, 2, 800, 600), at(9000, 2, 900, 500)];
        assert_eq!(rate(&passes), Some(100.0));
    }

    #[test]
    fn a_migration_teaches_the_next_one_over_the_same_route() {
        let params = |uri: &str| MigrateParams::new(None, [], Some(uri.into()), None).unwrap();
        let here = "qemu+tcp://here/system";
        let to = |uri| Route::of(here, &params(uri)).unwrap();
        let over = || Update::Ended(std::sync::Arc::new(Err(crate::Error::not_now("over"))));
        let moved = |sink: UpdateSink, limited: bool, ms: u64| {
            sink(Update::Progress(at(0, 1, 0, 9000)));
            if limited {
                let act = Act::SetBandwidth(1);
                sink(Update::Step(Step { at: Duration::ZERO, act, reason: String::new(), error: None }));
            }
            sink(Update::Progress(at(ms, 1, ms / 5, 9000 - ms / 5)));
            sink(over());
        };
        moved(to("qemu+tcp://there/system").lesson(), false, 4000);
        assert_eq!(to("qemu+tcp://there/system").carries(SURE), Some(200.0));
        let with_password = Route::new(here, "qemu+tcp://root:secret@there/system");
        assert_eq!(with_password, to("qemu+tcp://there/system"));
        moved(to("qemu+tcp://limited/system").lesson(), true, 4000);
        assert_eq!(to("qemu+tcp://limited/system").carries(Duration::ZERO), None);
        // So soon it may be what the buffers took.
        moved(to("qemu+tcp://soon/system").lesson(), false, 1000);
        assert_eq!(to("qemu+tcp://soon/system").carries(SURE), None);
        assert_eq!(to("qemu+tcp://soon/system").carries(Duration::ZERO), Some(200.0));
        // A second address may be another network.
        let uri = Value::String("tcp://10.0.0.2".into());
        let destination = Some("qemu+tcp://there/system".into());
        let other = MigrateParams::new(None, [(Param::MigrateUri, uri)], destination, None).unwrap();
        assert_eq!(Route::of(here, &other).unwrap().carries(Duration::ZERO), None);
    }
}
