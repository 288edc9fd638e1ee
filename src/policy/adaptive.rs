//! The default policy: decides from what is measured.
//!
//! QEMU stops the guest once what is left fits into downtime limit × throughput. So the limit decides when a
//! migration ends, and this policy's first means is to raise it, within the intent. A guest that dirties
//! memory as fast as it is moved needs more than that.

use std::time::Duration;

use super::estimate::{Estimate, LEAST_GAIN};
use super::steps::Steps;
use super::text::{bytes, time};
use super::{
    Action, Convergence, DEFAULT_DOWNTIME_MS, Decision, OnDeadline, Outlook, Policy, Sample, Throttle,
};
use crate::flags::MigrateFlags as F;
use crate::progress::Phase;

/// A limit is set this much above the pause that is expected, since the throughput varies.
const MARGIN: f64 = 1.2;
/// A limit is raised by at least this factor, or not at all.
const WORTH_IT: f64 = 1.1;
/// A guest that kept up with the link (gained less than [`LEAST_GAIN`]) no longer does above this gain.
const GAINS_AGAIN: f64 = 0.25;
/// A guest has to keep up for this long before more is done than raising the limit.
const SETTLE: Duration = Duration::from_millis(500);
/// What the limit cannot count: QEMU sends the devices' state and the destination starts the guest after it.
/// A tenth of the pause, at most this many ms, is left for that.
const RESERVE_MS: u64 = 100;
/// Waiting for the limit in force is fine while it takes at most this part of the time so far, …
const PATIENCE: f64 = 0.15;
/// … or this many seconds.
const LEAST_PATIENCE: f64 = 0.2;
/// With the pause above the most that is allowed by more than this factor, raising the limit is no help.
const OUT_OF_REACH: f64 = 1.5;
/// Passes that a raised limit gets before stronger means.
const GRACE: u64 = 2;
/// QEMU measures the throughput by itself. Where a limit that should have been enough was not, after this
/// many passes, …
const NOT_ENOUGH: u64 = 3;
/// … it is raised by this factor.
const MORE: f64 = 1.5;
/// How often post-copy or a restart may fail before the next means is taken.
const ATTEMPTS: u32 = 3;
/// A restart costs a first pass; the guest gets this part of that time to calm down by itself.
const BEFORE_RESTART: f64 = 0.25;

/// Only for its kind, where [`Steps`] is asked.
const RESTART: Action = Action::Restart(Throttle { initial: 1, increment: 1 });

/// Remembers whether something was so at an earlier sample as well.
#[derive(Debug, Clone, Copy, Default)]
struct Twice(Option<Duration>);

impl Twice {
    fn holds(&mut self, now: bool, at: Duration) -> bool {
        self.0 = now.then(|| self.0.unwrap_or(at));
        self.0.is_some_and(|since| since < at)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Stuck {
    iteration: u64,
    since: Duration,
    /// The iteration in which the highest limit was in force.
    at_cap: Option<u64>,
    reason: String,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Adaptive {
    intent: Convergence,
    may_restart: bool,
    may_post_copy: bool,
    estimate: Estimate,
    steps: Steps,
    last: Option<Duration>,
    iteration: u64,
    /// The iteration in which the limit in force was set.
    limit_from: u64,
    fits: Twice,
    no_gain: Twice,
    too_slow: Twice,
    stuck: Option<Stuck>,
}

impl Adaptive {
    pub(super) fn new(intent: &Convergence, flags: F) -> Self {
        Self {
            intent: *intent,
            // With disks a second start would copy them again; a migration that throttles already does.
            may_restart: intent.throttle() && !flags.intersects(F::AUTO_CONVERGE | F::NON_SHARED),
            may_post_copy: intent.post_copy() && flags.contains(F::POSTCOPY),
            estimate: Estimate::default(),
            steps: Steps::default(),
            last: None,
            iteration: 0,
            limit_from: 1,
            fits: Twice::default(),
            no_gain: Twice::default(),
            too_slow: Twice::default(),
            stuck: None,
        }
    }

    /// The limit from the start, ms: QEMU's own, or the highest one where that is lower.
    fn first_limit(&self) -> u64 {
        self.cap().min(DEFAULT_DOWNTIME_MS)
    }

    /// The highest limit to set, ms.
    fn cap(&self) -> u64 {
        let max = self.intent.max_downtime_ms();
        let cap = max - (max / 10).min(RESERVE_MS);
        // QEMU's own limit stays where it is allowed: nobody should wait longer than without a policy.
        if max >= DEFAULT_DOWNTIME_MS { cap.max(DEFAULT_DOWNTIME_MS) } else { cap }
    }

    fn limit(&self, sample: &Sample) -> u64 {
        self.steps.limit_ms().map_or(sample.downtime_limit_ms, |ours| ours.max(sample.downtime_limit_ms))
    }

    fn set_first_limit(&mut self, in_force: u64, at: Duration) -> Option<Decision> {
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

    fn deadline(&mut self, sample: &Sample) -> Option<Decision> {
        let deadline = self.intent.deadline()?;
        if sample.elapsed < deadline {
            return None;
        }
        let (action, what) = match self.intent.on_deadline() {
            OnDeadline::Abort => (Action::Abort, "the intent is to give up then"),
            // Neither makes disks faster, and a pause would last until they are copied.
            OnDeadline::Force if sample.phase != Phase::Memory => return None,
            OnDeadline::Force if self.post_copy_left() => {
                (Action::StartPostCopy, "the intent is to force it then, and post-copy is allowed")
            }
            OnDeadline::Force => {
                (Action::Pause, "the intent is to force it then, and post-copy cannot be used")
            }
        };
        let reason = format!(
            "the deadline of {:.1} s has passed with {} of memory left{}; {what}",
            deadline.as_secs_f64(),
            bytes(sample.memory_remaining as f64),
            if sample.phase == Phase::Disks { " and disks still being copied" } else { "" },
        );
        self.steps.ask(action, sample.elapsed, reason)
    }

    fn post_copy_left(&self) -> bool {
        self.may_post_copy && self.steps.failures(Action::StartPostCopy) < ATTEMPTS
    }

    /// Raises the limit to the pause that is expected, where waiting with the limit in force takes too long.
    fn raise(&mut self, sample: &Sample) -> Option<Decision> {
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
        let fits = match pause * 1000.0 <= cap as f64 {
            true => "that is allowed",
            false => "passes get shorter with the highest limit",
        };
        let reason = format!(
            "a pass leaves {}, a pause of {} at {}/s, and waiting with a limit of {limit} ms {waiting}; \
             {} ms are allowed, and {fits}",
            bytes(pause * throughput),
            time(pause),
            bytes(throughput),
            self.intent.max_downtime_ms(),
        );
        self.steps.ask(Action::SetMaxDowntime(target), sample.elapsed, reason)
    }

    /// Finds out whether waiting is of any use.
    fn judge(&mut self, sample: &Sample) -> Option<()> {
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
    fn unstick(&mut self, sample: &Sample) -> Option<Decision> {
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
        if !hopeless || at < since + SETTLE {
            return None;
        }
        if self.post_copy_left() {
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
        // It takes another first pass and about as long again until QEMU has throttled enough.
        let needed = first_pass.mul_f64(2.0);
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

    /// Post-copy in time for the deadline, for a guest that converges too slowly for it.
    fn last_chance(&mut self, sample: &Sample) -> Option<Decision> {
        let left = self.intent.deadline()?.checked_sub(sample.elapsed)?.as_secs_f64();
        let limit = self.limit(sample) as f64 / 1000.0;
        let throughput = self.estimate.throughput()?;
        let rest = sample.memory_remaining as f64 / throughput;
        let late = self.estimate.seconds_until(limit, sample.memory_remaining as f64)? > left;
        let now = late && rest < left && left < rest * 1.25 + 1.0;
        if !(self.too_slow.holds(now, sample.elapsed) && self.post_copy_left()) {
            return None;
        }
        let reason = format!(
            "the deadline is {left:.1} s away, the {} that are left need {}, and the guest would not have \
             converged by then; post-copy is allowed",
            bytes(sample.memory_remaining as f64),
            time(rest),
        );
        self.steps.ask(Action::StartPostCopy, sample.elapsed, reason)
    }

    /// Passes since the limit in force was set.
    fn limit_age(&self) -> u64 {
        self.iteration.saturating_sub(self.limit_from)
    }

    fn given_away(&self) -> bool {
        let gone = |kind| self.steps.under_way(kind) || self.steps.done(kind);
        gone(Action::Abort) || gone(Action::StartPostCopy) || gone(RESTART)
    }
}

impl Policy for Adaptive {
    fn begin(&mut self, at: Duration) -> Vec<Decision> {
        self.estimate = Estimate::default();
        self.steps = Steps::default();
        (self.stuck, self.iteration, self.limit_from) = (None, 0, 1);
        (self.fits, self.no_gain, self.too_slow) = Default::default();
        self.set_first_limit(DEFAULT_DOWNTIME_MS, at).into_iter().collect()
    }

    fn observe(&mut self, sample: &Sample) -> Vec<Decision> {
        let old = self.last.is_some_and(|last| sample.elapsed <= last);
        let ours = matches!(sample.phase, Phase::Setup | Phase::Disks | Phase::Memory);
        if old || !ours || !sample.active || self.given_away() {
            return Vec::new();
        }
        self.last = Some(sample.elapsed);
        if let Some(decision) = self.deadline(sample) {
            return vec![decision];
        }
        let first = self.set_first_limit(sample.downtime_limit_ms, sample.elapsed);
        if sample.phase != Phase::Memory || self.steps.done(Action::Pause) {
            return first.into_iter().collect();
        }
        self.iteration = sample.iteration;
        self.estimate.observe(sample);
        self.judge(sample);
        let decision = first
            .or_else(|| self.raise(sample))
            .or_else(|| self.unstick(sample))
            .or_else(|| self.last_chance(sample));
        decision.into_iter().collect()
    }

    fn succeeded(&mut self, action: &Action) {
        self.steps.succeeded(*action);
        if matches!(action, Action::SetMaxDowntime(_)) {
            self.limit_from = self.iteration.max(1);
        }
        // A run that throttles is the last.
        self.may_restart &= !matches!(action, Action::Restart(_));
    }

    fn failed(&mut self, action: &Action, at: Duration) {
        self.steps.failed(*action, at);
    }

    fn outlook(&self) -> Outlook {
        match &self.stuck {
            Some(stuck) => Outlook::Stuck { iteration: stuck.iteration, reason: stuck.reason.clone() },
            None if self.estimate.gain().is_some() => Outlook::Converging,
            None => Outlook::Unknown,
        }
    }
}
