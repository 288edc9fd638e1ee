//! When a migration is over, if it goes on like this.

use crate::pace::Pace;
use crate::phase::Phase;
use crate::policy::{Estimate, Sample};

/// What there is to say of the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Left {
    /// Too little was seen.
    Unknown,
    /// In so many seconds.
    Seconds(f64),
    /// It does not end by itself: memory or disks are written to as fast as they are moved.
    Never,
}

/// Follows what is moved.
#[derive(Debug, Clone, Default)]
pub(crate) struct Eta {
    memory: Pace,
    disks: Pace,
}

impl Eta {
    /// Takes a sample in.
    pub fn observe(&mut self, sample: &Sample) {
        match sample.phase {
            Phase::Disks => self.disks.observe(sample.elapsed, sample.disk_processed, sample.disk_remaining),
            Phase::Memory | Phase::PostCopy => {
                self.memory.observe(sample.elapsed, sample.memory_processed, sample.memory_remaining);
            }
            _ => {}
        }
    }

    /// How fast disks are copied, bytes/s: libvirt does not tell it of every copy.
    pub fn disk_throughput(&self, sample: &Sample) -> Option<f64> {
        sample.disk_throughput.or_else(|| self.disks.moved().filter(|rate| *rate > 0.0))
    }

    /// The end, of a guest with `memory` bytes.
    pub fn left(&self, sample: &Sample, estimate: &Estimate, memory: u64) -> Left {
        match sample.phase {
            Phase::Disks => self.while_disks(sample, memory),
            Phase::Memory if sample.iteration < 2 => self.first_pass(sample, estimate),
            Phase::Memory => {
                later_pass(sample, estimate).unwrap_or_else(|| self.first_pass(sample, estimate))
            }
            Phase::PostCopy => known(
                sample.memory_remaining as f64,
                self.memory.gained().or(sample.throughput).or(estimate.throughput()),
            ),
            _ => Left::Unknown,
        }
    }

    /// What is left of the disks as it gets less, and the memory after them over the same link.
    fn while_disks(&self, sample: &Sample, memory: u64) -> Left {
        if self.disks.does_not_end() {
            return Left::Never;
        }
        let gained = self.disks.gained().filter(|rate| *rate > 0.0).or(sample.disk_throughput);
        let after = known(memory as f64, self.disk_throughput(sample));
        match (known(sample.disk_remaining as f64, gained), after) {
            (Left::Seconds(disks), Left::Seconds(memory)) => Left::Seconds(disks + memory),
            (disks, _) => disks,
        }
    }

    /// The rest of the pass. Nobody knows in it how much the next ones will find, so this is the least.
    fn first_pass(&self, sample: &Sample, estimate: &Estimate) -> Left {
        // What is left gets less faster than the link carries where pages are empty.
        let rates = [self.memory.gained(), estimate.throughput(), self.memory.moved()];
        let rate = rates.into_iter().flatten().reduce(f64::max);
        known(sample.memory_remaining as f64, rate)
    }
}

fn known(bytes: f64, rate: Option<f64>) -> Left {
    rate.filter(|rate| *rate > 0.0).map_or(Left::Unknown, |rate| Left::Seconds(bytes / rate))
}

fn later_pass(sample: &Sample, estimate: &Estimate) -> Option<Left> {
    let limit = sample.downtime_limit_ms as f64 / 1000.0;
    let until = estimate.seconds_until(limit, sample.memory_remaining as f64)?;
    Some(if until.is_finite() { Left::Seconds(until + estimate.pause()?.min(limit)) } else { Left::Never })
}
