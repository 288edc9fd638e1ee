//! How far a migration is, for people and programs.

use std::time::Duration;

use crate::eta::{Eta, Left};
pub use crate::phase::Phase;
use crate::policy::{Estimate, Sample};

/// How far a migration is. Sizes are bytes, rates bytes/s.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Where it is.
    pub phase: Phase,
    /// Since its start.
    pub elapsed: Duration,
    /// Memory of the guest; 0 while unknown.
    pub memory_total: u64,
    /// Memory moved; more than the total once pages are sent again.
    pub memory_processed: u64,
    /// Memory that is known to be left.
    pub memory_remaining: u64,
    /// Disks to copy.
    pub disk_total: u64,
    /// Disks copied.
    pub disk_processed: u64,
    /// Disks left.
    pub disk_remaining: u64,
    /// Passes over the memory, the current one counted; 0 before the first.
    pub iteration: u64,
    /// How fast memory is moved (disks in their phase), smoothed; `None` while unknown.
    pub throughput: Option<f64>,
    /// How fast the guest dirties memory; `None` while unknown.
    pub dirty_rate: Option<f64>,
    /// The pause that the guest would see now; `None` while unknown.
    pub expected_downtime: Option<Duration>,
    /// Until the end, if it goes on like this; `None` before anything was measured, and for what does not end by itself.
    /// In the first pass over the memory it is the least: nobody knows how much the next ones will find.
    pub expected_time_left: Option<Duration>,
    /// It does not end by itself: memory or disks are written to as fast as they are moved.
    pub stuck: bool,
    /// How much the guest is slowed down, %.
    pub throttle: u8,
    /// The part that is done, 0 to 1. Never goes back. 1 means that the guest runs at the destination with
    /// all its memory.
    pub fraction: f64,
}

/// The fraction while the guest still runs at the source: the rest is for the end.
const SOURCE: f64 = 0.95;
/// The fraction until the guest runs at the destination with all its memory.
const NOT_YET: f64 = 0.99;

/// Turns samples into [`Progress`] that does not go back.
#[derive(Debug, Clone, Default)]
pub struct ProgressTracker {
    memory: u64,
    estimate: Estimate,
    eta: Eta,
    last: Progress,
}

impl ProgressTracker {
    /// A tracker for a guest with this much memory (bytes), where that is known before libvirt tells it.
    pub fn new(memory: Option<u64>) -> Self {
        Self { memory: memory.unwrap_or(0), ..Self::default() }
    }

    /// The progress at this sample. Samples come in the order of `elapsed`; an older one changes nothing.
    pub fn observe(&mut self, sample: &Sample) -> Progress {
        if sample.elapsed < self.last.elapsed {
            return self.last;
        }
        if sample.phase == Phase::Memory {
            self.estimate.observe(sample);
        }
        self.eta.observe(sample);
        // The statistics of a job that is being cleaned up are gone or 0; the last ones still hold.
        if sample.memory_total == 0 && sample.disk_total == 0 {
            self.last.elapsed = sample.elapsed;
            self.last.phase = self.last.phase.max(sample.phase);
        } else {
            self.last = self.measured(sample);
        }
        self.last.fraction = self.last.fraction.max(self.fraction(sample));
        self.last
    }

    /// The last progress.
    pub fn last(&self) -> Progress {
        self.last
    }

    fn measured(&self, sample: &Sample) -> Progress {
        let left = self.eta.left(sample, &self.estimate, self.memory.max(sample.memory_total));
        let copying = sample.phase == Phase::Disks;
        let smoothed = self.estimate.throughput().filter(|_| sample.phase == Phase::Memory);
        let memory = smoothed.or(sample.throughput);
        Progress {
            phase: sample.phase,
            elapsed: sample.elapsed,
            memory_total: sample.memory_total,
            memory_processed: sample.memory_processed,
            memory_remaining: sample.memory_remaining,
            disk_total: sample.disk_total,
            disk_processed: sample.disk_processed,
            disk_remaining: sample.disk_remaining,
            iteration: sample.iteration,
            throughput: if copying { self.eta.disk_throughput(sample) } else { memory },
            dirty_rate: self.estimate.dirty_rate().filter(|_| sample.phase == Phase::Memory),
            expected_downtime: self.expected_downtime(sample),
            expected_time_left: match left {
                Left::Seconds(seconds) => Duration::try_from_secs_f64(seconds).ok(),
                Left::Unknown | Left::Never => None,
            },
            stuck: left == Left::Never,
            throttle: sample.throttle,
            fraction: self.last.fraction,
        }
    }

    fn expected_downtime(&self, sample: &Sample) -> Option<Duration> {
        let pause = self.estimate.pause().filter(|_| sample.phase == Phase::Memory)?;
        Duration::try_from_secs_f64(pause).ok()
    }

    fn fraction(&self, sample: &Sample) -> f64 {
        if self.last.phase == Phase::Finishing {
            return 1.0;
        }
        let begun = sample.iteration > 0 || sample.memory_processed > 0;
        let memory = self.memory.max(sample.memory_total);
        let memory_left = if begun { sample.memory_remaining.min(memory) } else { memory };
        let total = memory as f64 + sample.disk_total as f64;
        if total == 0.0 {
            return 0.0;
        }
        let left = memory_left as f64 + sample.disk_remaining.min(sample.disk_total) as f64;
        // Disks alone are taken for half of the work where nobody has said how much memory there is.
        let known = if memory == 0 { 0.5 } else { 1.0 };
        let most = if sample.phase > Phase::Memory { NOT_YET } else { SOURCE };
        known * most * (1.0 - left / total)
    }
}
