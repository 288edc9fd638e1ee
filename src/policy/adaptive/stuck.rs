//! A guest that dirties memory as fast as it is moved: how it is found, and what is done about it.

use std::time::Duration;

use super::limit::{MARGIN, NOT_ENOUGH};
use super::{Adaptive, RESTART};
use crate::policy::estimate::LEAST_GAIN;
use crate::policy::text::{bytes, time};
use crate::policy::{Action, Decision, Sample, Throttle};

/// A guest that kept up with the link (gained less than [`LEAST_GAIN`]) no longer does above this gain.
const GAINS_AGAIN: f64 = 0.25;
/// A guest has to keep up for this long before more is done than raising the limit.
const SETTLE: Duration = Duration::from_millis(500);
/// With the pause above the most that is allowed by more than this factor, raising the limit is no help.
const OUT_OF_REACH: f64 = 1.5;
/// Passes that a raised limit gets before stronger means.
const GRACE: u64 = 2;
/// How often post-copy or a restart may fail before the next means is taken.
const ATTEMPTS: u32 = 3;
/// A restart costs a first pass; the guest gets this part of that time to calm down by itself.
const BEFORE_RESTART: f64 = 0.25;

/// What is known of a guest that keeps up with the link.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stuck {
    pub(super) iteration: u64,
    since: Duration,
    /// The iteration in which the highest limit was in force.
    at_cap: Option<u64>,
    pub(super) reason: String,
}

impl Adaptive {
    /// Finds out whether waiting is of any use.
    pub(super) fn judge(&mut self, sample: &Sample) -> Option<()> {
        let (pause, gain) = (self.estimate.pause()?, self.estimate.gain()?);
        let throughput = self.estimate.throughput()?;
        let limit = self.limit(sample) as f64 / 1000.0;
        let cap = self.cap() as f64 / 1000.0;
        // A pause that the limit can still be raised to is no reason to do more.
        let not_enough = pause > cap.max(limit) || (limit >= cap && self.limit_age() > NOT_ENOUGH);
        // A longer limit or a throttled guest makes passes shorter for a while, and then they settle again.
        let settles = gain < GAINS_AGAIN && self.estimate.settles().is_some_and(|pause| pause > MARGIN * cap);
        let keeps_up = (gain < LEAST_GAIN || settles) && not_enough;
        if self.no_gain.holds(keeps_up, sample.elapsed) && self.stuck.is_none() {
            let reason = format!(
                "{}/s are moved and the guest dirties {:.0} % of that again, so a pass still leaves {}, a pause \
                 of {}, and {} ms are allowed",
                bytes(throughput),
                100.0 * (1.0 - gain),
                bytes(pause * throughput),
                time(pause),
                self.intent.max_downtime_ms(),
            );
            let (iteration, since) = (sample.iteration, sample.elapsed);
            self.stuck = Some(Stuck { iteration, since, at_cap: None, reason });
        }
        if gain > GAINS_AGAIN || !not_enough {
            self.stuck = None;
        }
        Some(())
    }

    /// What to do about a guest that keeps up with the link.
    pub(super) fn unstick(&mut self, sample: &Sample) -> Option<Decision> {
        let (limit, cap, at) = (self.limit(sample), self.cap(), sample.elapsed);
        let pause = self.estimate.pause()?;
        let stuck = self.stuck.as_mut()?;
        let reason = stuck.reason.clone();
        if limit >= cap {
            stuck.at_cap.get_or_insert(sample.iteration);
        }
        let since = stuck.since;
        let tried = stuck.at_cap.is_some_and(|since| sample.iteration >= since + GRACE);
        let hopeless = pause * 1000.0 > cap as f64 * OUT_OF_REACH || tried;
        if !hopeless || at < since + SETTLE || self.estimate.link_has_dropped() {
            return None;
        }
        if self.post_copy_fits(sample) {
            return self.steps.ask(Action::StartPostCopy, at, format!("{reason}; post-copy is allowed"));
        }
        self.restart(sample, since, &reason)
    }

    fn restart(&mut self, sample: &Sample, stuck_since: Duration, reason: &str) -> Option<Decision> {
        if !self.may_restart || self.steps.failures(RESTART) >= ATTEMPTS {
            return None;
        }
        let first_pass = self.estimate.first_pass()?;
        if sample.elapsed < stuck_since + first_pass.mul_f64(BEFORE_RESTART) {
            return None;
        }
        // It takes another first pass, two more until QEMU throttles, and some until that has shown.
        let passes = Duration::try_from_secs_f64(2.0 * self.estimate.pause()?).ok()?;
        let needed = first_pass.mul_f64(1.5) + passes;
        if self.intent.deadline().is_some_and(|deadline| sample.elapsed + needed > deadline) {
            return None;
        }
        let throughput = self.estimate.throughput()?;
        let dirty = self.estimate.written(self.limit(sample) as f64 / 1000.0)?;
        let reason = format!(
            "{reason}; throttling is allowed, libvirt takes it only at the start, and the first pass took \
             {:.1} s",
            first_pass.as_secs_f64()
        );
        self.steps.ask(Action::Restart(Throttle::for_rates(dirty, throughput)), sample.elapsed, reason)
    }

    pub(super) fn post_copy_left(&self) -> bool {
        self.may_post_copy && self.steps.failures(Action::StartPostCopy) < ATTEMPTS
    }
}
