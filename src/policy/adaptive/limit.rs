//! The downtime limit: where it starts, how far it may go, and when it is raised.

use std::time::Duration;

use super::Adaptive;
use crate::policy::text::{bytes, time};
use crate::policy::{Action, DEFAULT_DOWNTIME_MS, Decision, Sample};

/// A limit is set this much above the pause that is expected, since the throughput varies.
pub(super) const MARGIN: f64 = 1.2;
/// A limit is raised by at least this factor, or not at all.
const WORTH_IT: f64 = 1.1;
/// What the limit cannot count: QEMU sends the devices' state and the destination starts the guest after it.
/// A tenth of the pause, at most this many ms, is left for that.
const RESERVE_MS: u64 = 100;
/// Waiting for the limit in force is fine while it takes at most this part of the time so far, …
const PATIENCE: f64 = 0.15;
/// … or this many seconds.
pub(super) const LEAST_PATIENCE: f64 = 0.2;
/// QEMU measures the throughput by itself. Where a limit that should have been enough was not, after this
/// many passes, …
pub(super) const NOT_ENOUGH: u64 = 3;
/// … it is raised by this factor.
const MORE: f64 = 1.5;

impl Adaptive {
    /// The limit from the start, ms: QEMU's own, or the highest one where that is lower.
    pub(super) fn first_limit(&self) -> u64 {
        self.cap().min(DEFAULT_DOWNTIME_MS)
    }

    /// The highest limit to set, ms.
    pub(super) fn cap(&self) -> u64 {
        let max = self.intent.max_downtime_ms();
        let cap = max - (max / 10).min(RESERVE_MS);
        // QEMU's own limit stays where it is allowed: nobody should wait longer than without a policy.
        if max >= DEFAULT_DOWNTIME_MS { cap.max(DEFAULT_DOWNTIME_MS) } else { cap }
    }

    pub(super) fn limit(&self, sample: &Sample) -> u64 {
        self.steps.limit_ms().map_or(sample.downtime_limit_ms, |ours| ours.max(sample.downtime_limit_ms))
    }

    pub(super) fn set_first_limit(&mut self, in_force: u64, at: Duration) -> Option<Decision> {
        let (first, max) = (self.first_limit(), self.intent.max_downtime_ms());
        if self.steps.limit_ms().is_some() || (first..=max).contains(&in_force) {
            return None;
        }
        let reason = if in_force > max {
            format!("the longest pause allowed is {max} ms, and the limit in force is {in_force} ms")
        } else {
            format!("the limit in force is {in_force} ms, and {first} ms are allowed")
        };
        self.steps.ask(Action::SetMaxDowntime(first), at, reason)
    }

    /// Passes since the limit in force was set.
    pub(super) fn limit_age(&self) -> u64 {
        self.iteration.saturating_sub(self.limit_from)
    }

    /// Raises the limit to the pause that is expected, where waiting with the limit in force takes too long.
    pub(super) fn raise(&mut self, sample: &Sample) -> Option<Decision> {
        let (limit, cap) = (self.limit(sample), self.cap());
        let throughput = self.estimate.throughput()?;
        let (limit_s, left) = (limit as f64 / 1000.0, sample.memory_remaining as f64);
        let patience = (sample.elapsed.as_secs_f64() * PATIENCE).max(LEAST_PATIENCE);
        let pause = self.estimate.pause()?;
        let wait = self.estimate.seconds_until(limit_s, left);
        let not_enough = pause <= limit_s && self.limit_age() >= NOT_ENOUGH;
        let (wait, aim) = match (wait, self.estimate.progress()) {
            _ if not_enough => (f64::INFINITY, limit_s * MORE),
            // The lowest limit with which it ends soon: the guest is spared what waiting can spare it.
            (Some(wait), Some(gain)) if wait.is_finite() => (wait, left / throughput - gain * patience),
            // Without a dirty rate: it takes at least the time in which the excess is sent.
            (wait, _) => (wait.unwrap_or(pause - limit_s), pause * MARGIN),
        };
        let target = ((aim * 1000.0).ceil().max(0.0) as u64).min(cap);
        let higher = target as f64 >= limit as f64 * WORTH_IT || (target == cap && cap > limit);
        if !self.fits.holds(higher && wait > patience, sample.elapsed) {
            return None;
        }
        let waiting = match wait.is_finite() {
            true => format!("takes {wait:.1} s or more"),
            false => "does not end it".to_owned(),
        };
        let max = self.intent.max_downtime_ms();
        let allowed = match pause * 1000.0 <= cap as f64 {
            true => format!("within the {max} ms that are allowed"),
            false => {
                format!("too long for the {max} ms that are allowed, but a higher limit shortens the passes")
            }
        };
        let reason = format!(
            "waiting with a limit of {limit} ms {waiting}; a pass leaves {}, a pause of {} at {}/s, which is \
             {allowed}",
            bytes(pause * throughput),
            time(pause),
            bytes(throughput),
        );
        self.steps.ask(Action::SetMaxDowntime(target), sample.elapsed, reason)
    }
}
