//! What links between hosts carry, learnt from the migrations of this process.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use crate::phase::Phase;
use crate::progress::Progress;
use crate::update::{Update, UpdateSink};
use crate::uri::without_secrets;

/// A rate is one of so long: what is sent first goes into buffers.
const WINDOW: Duration = Duration::from_secs(1);

/// A migration that moved memory for a shorter time than this teaches nothing.
const LEAST: Duration = Duration::from_millis(200);

/// Bytes/s by the two hosts, of the last migration between them.
static LINKS: LazyLock<Mutex<HashMap<(String, String), f64>>> = LazyLock::new(Mutex::default);

fn key(source: &str, destination: &str) -> (String, String) {
    (without_secrets(source), without_secrets(destination))
}

/// What the last migration from the one daemon to the other has found the link to carry, bytes/s.
pub(crate) fn link(source: &str, destination: &str) -> Option<f64> {
    LINKS.lock().unwrap_or_else(PoisonError::into_inner).get(&key(source, destination)).copied()
}

/// Learns from a migration.
pub(crate) fn sink(source: &str, destination: &str) -> UpdateSink {
    let pair = key(source, destination);
    let lesson = Mutex::new(Lesson::default());
    Box::new(move |update| {
        let mut lesson = lesson.lock().unwrap_or_else(PoisonError::into_inner);
        match update {
            Update::Progress(progress) => lesson.observe(&progress),
            Update::Ended(_) => {
                if let Some(rate) = lesson.rate() {
                    LINKS.lock().unwrap_or_else(PoisonError::into_inner).insert(pair.clone(), rate);
                }
            }
            _ => {}
        }
    })
}

/// How fast memory was moved, second for second.
#[derive(Debug, Default)]
struct Lesson {
    first: Option<(Duration, u64)>,
    since: Option<(Duration, u64)>,
    last: (Duration, u64),
    rates: Vec<f64>,
}

impl Lesson {
    fn observe(&mut self, progress: &Progress) {
        let now = (progress.elapsed, progress.memory_processed);
        let moves = matches!(progress.phase, Phase::Memory | Phase::PostCopy) && now.1 > 0;
        if !moves || now.1 < self.last.1 {
            // Another run begins anew.
            (self.first, self.since, self.last) = (None, None, (now.0, if moves { now.1 } else { 0 }));
            return;
        }
        self.first.get_or_insert(now);
        let since = *self.since.get_or_insert(now);
        if now.0 >= since.0 + WINDOW {
            self.rates.extend(rate(since, now));
            self.since = Some(now);
        }
        self.last = now;
    }

    /// The median: in some seconds empty pages were looked at, or the guest stood still already.
    fn rate(&self) -> Option<f64> {
        let mut rates = self.rates.clone();
        if rates.is_empty() {
            let first = self.first?;
            rates.extend(rate(first, self.last).filter(|_| self.last.0 >= first.0 + LEAST));
        }
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().filter(|rate| *rate >= 1.0)
    }
}

fn rate(from: (Duration, u64), to: (Duration, u64)) -> Option<f64> {
    let time = (to.0 - from.0).as_secs_f64();
    (time > 0.0).then(|| (to.1 - from.1) as f64 / time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taught(figures: &[(u64, u64)]) -> Option<f64> {
        let mut lesson = Lesson::default();
        for (elapsed, memory_processed) in figures {
            let elapsed = Duration::from_millis(*elapsed);
            let phase = if *memory_processed == 0 { Phase::Setup } else { Phase::Memory };
            lesson.observe(&Progress {
                phase,
                elapsed,
                memory_processed: *memory_processed,
                ..Progress::default()
            });
        }
        lesson.rate()
    }

    #[test]
    fn the_link_is_learnt_from_the_seconds_in_which_memory_was_moved() {
        assert_eq!(taught(&[]), None);
        assert_eq!(taught(&[(0, 0), (900, 0), (1000, 50)]), None, "one look");
        assert_eq!(taught(&[(1000, 100), (1500, 600)]), Some(1000.0), "less than a second");
        assert_eq!(taught(&[(1000, 100), (1100, 600)]), None, "too little");
        let slow_second = [(0, 0), (1000, 100), (2000, 9000), (3000, 9100), (4000, 18000), (5000, 27000)];
        assert_eq!(taught(&slow_second), Some(8900.0));
        let again = [(1000, 100), (2000, 5100), (3000, 10), (4000, 5010)];
        assert_eq!(taught(&again), Some(5000.0), "another run");
    }

    #[test]
    fn what_was_learnt_is_of_a_pair_of_hosts_and_has_no_password() {
        let (here, there) = ("qemu:///learnt", "qemu+ssh://root:secret@learnt/system");
        assert_eq!(link(here, there), None);
        let teach = sink(here, there);
        for second in 1..4 {
            let elapsed = Duration::from_secs(second);
            let progress = Progress {
                phase: Phase::Memory,
                elapsed,
                memory_processed: second * 7000,
                ..Progress::default()
            };
            teach(Update::Progress(progress));
        }
        assert_eq!(link(here, there), None, "it is not over");
        teach(Update::Ended(std::sync::Arc::new(Err(crate::Error::not_now("x")))));
        assert_eq!(link(here, "qemu+ssh://learnt/system"), Some(7000.0));
        assert_eq!(link("qemu:///other", there), None);
    }
}
