//! What migrations of this process have found out about the ways that memory took.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::params::{MigrateParams, Param, Value};
use crate::phase::Phase;
use crate::progress::Progress;
use crate::record::{Act, Step};
use crate::update::{Update, UpdateSink};

/// Sent for at least this long before it tells something of the link: sockets and queues take some seconds' worth at once.
const LONG_ENOUGH: Duration = Duration::from_secs(2);
/// The most that is kept: a process that drains a farm forgets all at once.
const MOST: usize = 1000;

/// What each way was found to carry, bytes/s.
static KNOWN: Mutex<Option<HashMap<Way, f64>>> = Mutex::new(None);

/// From which daemon to which one, and over which address of the destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Way {
    source: String,
    destination: String,
    address: Option<String>,
}

impl Way {
    /// The way of a migration from `source`, the URI of a daemon; `None` without a destination.
    pub(crate) fn new(source: String, params: &MigrateParams) -> Option<Self> {
        let address = match params.get(Param::MigrateUri) {
            Some(Value::String(uri)) => Some(uri.clone()),
            _ => None,
        };
        Some(Self { source, destination: params.destination()?.to_owned(), address })
    }

    /// What it carries, bytes/s, if that is known.
    pub(crate) fn carries(&self) -> Option<f64> {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(self).copied()
    }

    fn learn(&self, rate: f64) {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(self.clone(), rate);
    }
}

/// Listens to a migration over this way, and keeps what it tells of the link.
pub(crate) fn lesson(way: Way) -> UpdateSink {
    let heard = Mutex::new(Heard::default());
    Box::new(move |update| {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        match update {
            Update::Progress(progress) => heard.progress(&progress),
            // From here on the limit is what is seen.
            Update::Step(Step { act: Act::SetBandwidth(_), .. }) => heard.limited = true,
            Update::Ended(_) => {
                if let Some(rate) = heard.rate() {
                    way.learn(rate);
                }
            }
            _ => {}
        }
    })
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
            && (last.phase, now.phase) == (Phase::Memory, Phase::Memory)
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

    /// Bytes/s; `None` where too little was seen.
    fn rate(&self) -> Option<f64> {
        (self.time >= LONG_ENOUGH).then(|| self.sent as f64 / self.time.as_secs_f64())
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
        heard.rate()
    }

    #[test]
    fn a_link_is_known_by_what_was_sent_over_it() {
        assert_eq!(rate(&[at(0, 1, 0, 900), at(1000, 1, 100, 800), at(3000, 1, 300, 600)]), Some(100.0));
        assert_eq!(rate(&[at(0, 1, 0, 900), at(1900, 1, 190, 710)]), None, "too short");
    }

    #[test]
    fn zeroes_and_the_begin_of_a_pass_tell_nothing_of_a_link() {
        let zeroes = [at(0, 1, 0, 9000), at(2000, 1, 200, 8800), at(9000, 1, 210, 100)];
        assert_eq!(rate(&zeroes), Some(100.0));
        let passes = [at(0, 1, 0, 900), at(2000, 1, 200, 700), at(8000, 2, 800, 600), at(9000, 2, 900, 500)];
        assert_eq!(rate(&passes), Some(100.0));
    }

    #[test]
    fn a_migration_teaches_the_next_one_over_the_same_way() {
        let params = |uri: &str| MigrateParams::new(None, [], Some(uri.into()), None).unwrap();
        let way = |uri| Way::new("qemu+tcp://here/system".into(), &params(uri)).unwrap();
        let over = || Update::Ended(std::sync::Arc::new(Err(crate::Error::not_now("over"))));
        let moved = |sink: UpdateSink, limited: bool| {
            sink(Update::Progress(at(0, 1, 0, 9000)));
            if limited {
                let act = Act::SetBandwidth(1);
                sink(Update::Step(Step { at: Duration::ZERO, act, reason: String::new(), error: None }));
            }
            sink(Update::Progress(at(4000, 1, 800, 8200)));
            sink(over());
        };
        moved(lesson(way("qemu+tcp://there/system")), false);
        assert_eq!(way("qemu+tcp://there/system").carries(), Some(200.0));
        moved(lesson(way("qemu+tcp://limited/system")), true);
        assert_eq!(way("qemu+tcp://limited/system").carries(), None);
        // A second address may be another network.
        let uri = Value::String("tcp://10.0.0.2".into());
        let destination = Some("qemu+tcp://there/system".into());
        let other = MigrateParams::new(None, [(Param::MigrateUri, uri)], destination, None).unwrap();
        assert_eq!(Way::new("qemu+tcp://here/system".into(), &other).unwrap().carries(), None);
    }
}
