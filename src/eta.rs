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
    /// Of its own: what is left falls by itself only once the guest runs at the destination.
    post_copy: Pace,
    disks: Pace,
}

impl Eta {
    /// Takes a sample in.
    pub fn observe(&mut self, sample: &Sample) {
        match sample.phase {
            Phase::Disks => self.disks.observe(sample.elapsed, sample.disk_processed, sample.disk_remaining),
            Phase::Memory => {
                self.memory.observe(sample.elapsed, sample.memory_processed, sample.memory_remaining);
            }
            Phase::PostCopy => {
                self.post_copy.observe(sample.elapsed, sample.memory_processed, sample.memory_remaining);
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
            Phase::PostCopy => known(sample.memory_remaining as f64, self.in_post_copy(sample, estimate)),
            // The rest of it is sent, however long that takes.
            Phase::Switchover => known(sample.memory_remaining as f64, estimate.throughput()),
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

    /// How fast what is left gets less. In the first moments nothing has, or a last look at what is dirty made it more.
    fn in_post_copy(&self, sample: &Sample, estimate: &Estimate) -> Option<f64> {
        let gained = self.post_copy.gained().filter(|rate| *rate > 0.0);
        gained.or(sample.throughput).or(estimate.throughput()).or(self.memory.moved())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobInfo, JobType};
    use crate::policy::Context;
    use std::time::Duration;

    const MIB: u64 = 1 << 20;

    /// What is told after all of these looks: s, pass, MiB moved, MiB left, MiB/s as QEMU tells it.
    fn told(looks: &[(f64, u64, u64, u64, u64)], last: Context) -> Left {
        let (mut eta, mut estimate, mut left) = (Eta::default(), Estimate::default(), Left::Unknown);
        for (number, (at, pass, moved, rest, rate)) in looks.iter().enumerate() {
            let job = JobInfo {
                kind: JobType::Unbounded,
                memory_iteration: Some(*pass),
                memory_total: Some(1024 * MIB),
                memory_processed: Some(moved * MIB),
                memory_remaining: Some(rest * MIB),
                memory_bps: Some(rate * MIB),
                ..JobInfo::default()
            };
            let context = if number + 1 == looks.len() { last } else { Context::default() };
            let sample = Sample::from_job(&job, Duration::from_secs_f64(*at), context);
            if sample.phase == Phase::Memory {
                estimate.observe(&sample);
            }
            eta.observe(&sample);
            left = eta.left(&sample, &estimate, 1024 * MIB);
        }
        left
    }

    #[test]
    fn the_end_is_told_within_the_first_second_of_memory() {
        let before_a_rate = told(&[(1.0, 1, 0, 1000, 0), (1.2, 1, 20, 980, 0)], Context::default());
        assert!(matches!(before_a_rate, Left::Seconds(s) if (9.0..11.0).contains(&s)), "{before_a_rate:?}");
        let with_a_rate = told(&[(1.0, 1, 10, 1000, 100)], Context::default());
        assert_eq!(with_a_rate, Left::Seconds(10.0));
    }

    #[test]
    fn post_copy_has_an_end_from_its_first_moment() {
        let context = Context { post_copy: true, ..Context::default() };
        // Passes gained nothing, and the last look at what is dirty has made what is left more.
        let stuck = [(5.0, 2, 500, 300, 100), (6.0, 3, 600, 300, 100), (7.0, 4, 700, 300, 100)];
        let first = told(&[&stuck[..], &[(7.1, 4, 705, 400, 0)]].concat(), context);
        assert!(matches!(first, Left::Seconds(s) if (3.0..5.0).contains(&s)), "{first:?}");
    }

    #[test]
    fn the_switchover_has_an_end_as_well() {
        let context = Context { switchover: true, ..Context::default() };
        let left = told(&[(1.0, 1, 10, 1000, 100), (10.0, 2, 900, 50, 100)], context);
        assert_eq!(left, Left::Seconds(0.5));
    }

    #[test]
    fn what_does_not_end_by_itself_is_told_as_that() {
        let stuck: Vec<_> =
            (0..12).map(|second| (second as f64, 1 + second, 100 * second + 50, 300, 100)).collect();
        assert_eq!(told(&stuck, Context::default()), Left::Never);
    }
}
