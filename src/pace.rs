//! How fast something is moved, and how fast what is left of it gets less: two things where it is written to meanwhile.

use std::collections::VecDeque;
use std::time::Duration;

/// Rates are those of so long. Disks are copied in bursts.
const WINDOW: Duration = Duration::from_secs(5);

/// Nothing is said of a shorter time than this.
const LEAST: Duration = Duration::from_millis(200);

/// From here on it is said that something does not come to its end.
const SETTLED: Duration = Duration::from_secs(3);

/// What is left that gets less by less than this part of what is moved does not come to its end in any time worth waiting for.
const LEAST_GAIN: f64 = 0.1;

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Duration,
    processed: u64,
    remaining: u64,
}

/// The last seconds of something that is moved. Sizes are bytes, rates bytes/s.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    seen: VecDeque<Seen>,
}

impl Pace {
    /// Takes figures in, in the order of their time. Less moved than before is another run of the job.
    pub fn observe(&mut self, at: Duration, processed: u64, remaining: u64) {
        if self.seen.back().is_some_and(|last| processed < last.processed) {
            self.seen.clear();
        }
        self.seen.push_back(Seen { at, processed, remaining });
        // The oldest one is the last from before the window: samples may be further apart than that.
        while self.seen.get(1).is_some_and(|second| second.at + WINDOW <= at) {
            self.seen.pop_front();
        }
    }

    /// How fast it is moved; `None` before there is anything to tell.
    pub fn moved(&self) -> Option<f64> {
        self.rate(|first, last| last.processed as f64 - first.processed as f64)
    }

    /// How fast what is left gets less: below 0 where it gets more.
    pub fn gained(&self) -> Option<f64> {
        self.rate(|first, last| first.remaining as f64 - last.remaining as f64)
    }

    /// Whether what is left hardly gets less although it is moved, because it is written to as fast as that.
    pub fn does_not_end(&self) -> bool {
        let (Some((first, last)), Some(moved), Some(gained)) = (self.ends(), self.moved(), self.gained())
        else {
            return false;
        };
        // What is left of a copy that keeps up is a moment's work, and comes and goes.
        let much = last.remaining as f64 > moved;
        last.at - first.at >= SETTLED && moved > 0.0 && much && gained < LEAST_GAIN * moved
    }

    fn ends(&self) -> Option<(Seen, Seen)> {
        let (first, last) = (*self.seen.front()?, *self.seen.back()?);
        (last.at.saturating_sub(first.at) >= LEAST).then_some((first, last))
    }

    fn rate(&self, amount: fn(Seen, Seen) -> f64) -> Option<f64> {
        let (first, last) = self.ends()?;
        Some(amount(first, last) / (last.at - first.at).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A pace seen twice a second for so many s, in MiB/s.
    fn seen(seconds: u64, moved: u64, gained: i64) -> Pace {
        let mut pace = Pace::default();
        for half in 0..=seconds * 2 {
            let left = 4000 * MIB as i64 - half as i64 * gained * MIB as i64 / 2;
            pace.observe(Duration::from_millis(half * 500), half * moved * MIB / 2, left as u64);
        }
        pace
    }

    #[test]
    fn nothing_is_known_of_a_single_look() {
        let pace = seen(0, 100, 100);
        assert_eq!((pace.moved(), pace.gained(), pace.does_not_end()), (None, None, false));
    }

    #[test]
    fn what_is_written_as_fast_as_it_is_moved_does_not_end() {
        for (seconds, gained, expected) in
            [(10, 100, false), (10, 20, false), (10, 5, true), (10, -50, true), (2, 5, false)]
        {
            let pace = seen(seconds, 100, gained);
            assert_eq!(pace.does_not_end(), expected, "{seconds} s, {gained} MiB/s");
            assert_eq!(pace.gained(), Some((gained * MIB as i64) as f64));
            assert_eq!(pace.moved(), Some(100.0 * MIB as f64));
        }
    }

    #[test]
    fn a_copy_that_keeps_up_is_no_copy_that_does_not_end() {
        let mut pace = Pace::default();
        for second in 0..10 {
            pace.observe(Duration::from_secs(second), second * 100 * MIB, 30 * MIB);
        }
        assert!(!pace.does_not_end());
    }

    #[test]
    fn another_run_begins_anew() {
        let mut pace = seen(10, 100, 5);
        pace.observe(Duration::from_secs(11), 0, 4000 * MIB);
        assert_eq!((pace.moved(), pace.does_not_end()), (None, false));
    }
}
