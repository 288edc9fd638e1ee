//! What the samples say together: smoothed rates, and how much was left when each pass began.

use std::time::Duration;

use super::Sample;

/// The time over which rates are smoothed. QEMU measures the throughput every 100 ms; five of them even the
/// noise out and still follow a link that changes.
const SMOOTHING: Duration = Duration::from_millis(500);

/// Passes whose begin is kept.
const KEPT: usize = 6;

/// A rate, smoothed exponentially over time, so that samples may come as they like.
#[derive(Debug, Clone, Copy, Default)]
struct Smoothed {
    value: Option<f64>,
    at: Duration,
}

impl Smoothed {
    /// Takes a measurement in; `None` and nonsense change nothing.
    fn observe(&mut self, measured: Option<f64>, at: Duration) {
        let Some(measured) = measured.filter(|rate| rate.is_finite() && *rate >= 0.0) else { return };
        let since = at.saturating_sub(self.at).as_secs_f64();
        let weight = 1.0 - (-since / SMOOTHING.as_secs_f64()).exp();
        self.value = Some(self.value.map_or(measured, |old| old + weight * (measured - old)));
        self.at = at;
    }

    /// The smoothed rate; `None` before the first measurement.
    fn value(self) -> Option<f64> {
        self.value
    }
}

/// A pass over the memory that was dirty when it began.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pass {
    iteration: u64,
    began: Duration,
    /// The most that was seen left in it: what is left falls until the next pass begins.
    left: u64,
    /// The least that was seen left in it.
    lowest: u64,
}

/// The memory of one run of the job.
#[derive(Debug, Clone, Default)]
pub(crate) struct Estimate {
    throughput: Smoothed,
    dirty_rate: Smoothed,
    iteration: u64,
    passes: Vec<Pass>,
    memory_began: Option<Duration>,
    first_pass: Option<Duration>,
}

impl Estimate {
    /// Takes a sample of the memory phase in. An iteration lower than before belongs to a new run of the job.
    pub(crate) fn observe(&mut self, sample: &Sample) {
        if sample.iteration < self.iteration {
            *self = Self::default();
        }
        self.iteration = sample.iteration;
        self.throughput.observe(sample.throughput.filter(|rate| *rate > 0.0), sample.elapsed);
        self.dirty_rate.observe(sample.dirty_rate, sample.elapsed);
        let began = *self.memory_began.get_or_insert(sample.elapsed);
        if sample.iteration < 2 {
            return;
        }
        self.first_pass.get_or_insert(sample.elapsed.saturating_sub(began));
        match self.passes.last_mut() {
            Some(pass) if pass.iteration >= sample.iteration => {
                pass.left = pass.left.max(sample.memory_remaining);
                pass.lowest = pass.lowest.min(sample.memory_remaining);
            }
            _ => {
                if self.passes.len() == KEPT {
                    self.passes.remove(0);
                }
                self.passes.push(Pass {
                    iteration: sample.iteration,
                    began: sample.elapsed,
                    left: sample.memory_remaining,
                    lowest: sample.memory_remaining,
                });
            }
        }
    }

    /// Bytes/s that the link carries.
    pub(crate) fn throughput(&self) -> Option<f64> {
        self.throughput.value()
    }

    /// Bytes/s that the guest dirties: QEMU's figure, or, since QEMU has none in the first second, what the
    /// last pass found over the time that the pass before it took. The latter is the least that it can be.
    pub(crate) fn dirty_rate(&self) -> Option<f64> {
        self.dirty_rate.value().or_else(|| {
            let [.., before, last] = self.passes.as_slice() else { return None };
            let took = last.began.saturating_sub(before.began).as_secs_f64();
            (took > 0.0).then(|| last.left.saturating_sub(before.lowest) as f64 / took)
        })
    }

    /// How long the first pass took; `None` before it is over.
    pub(crate) fn first_pass(&self) -> Option<Duration> {
        self.first_pass
    }

    /// The pause, s, that would have moved all that was left when a pass began: the higher of the last two,
    /// so that one lucky pass does not look like the guest's habit.
    pub(crate) fn pause(&self) -> Option<f64> {
        let newest = self.passes.iter().rev().take(2).map(|pass| pass.left).max()?;
        Some(newest as f64 / self.throughput()?)
    }

    /// How much of what a pass found the next one finds again, over the last two passes; 1 is no progress.
    pub(crate) fn shrink(&self) -> Option<f64> {
        let [.., first, _, last] = self.passes.as_slice() else { return None };
        Some((last.left as f64 / first.left.max(1) as f64).sqrt())
    }

    /// Seconds until a limit of `limit` seconds would end the migration, `left` bytes being left now;
    /// infinite for a guest that keeps up with the link, `None` while that is unknown.
    pub(crate) fn seconds_until(&self, limit: f64, left: f64) -> Option<f64> {
        let (throughput, dirty) = (self.throughput()?, self.dirty_rate()?);
        let gain = throughput - dirty;
        // Within a tenth of the throughput the difference of two noisy figures means nothing.
        if gain < 0.1 * throughput {
            return Some(if self.pause()? > limit { f64::INFINITY } else { 0.0 });
        }
        Some((left - throughput * limit).max(0.0) / gain)
    }
}
