//! The default policy: decides from what is measured.
//!
//! QEMU stops the guest once what is left fits into downtime limit × throughput. So the limit decides when a
//! migration ends, and this policy's first means is to raise it, within the intent. A guest that dirties
//! memory as fast as it is moved needs more than that.

mod compress;
mod deadline;
mod early;
mod limit;
mod stuck;

use std::time::Duration;

use super::estimate::Estimate;
use super::steps::Steps;
use super::{Action, Convergence, DEFAULT_DOWNTIME_MS, Decision, Outlook, Policy, Sample, Throttle};
use crate::flags::MigrateFlags as F;
use crate::phase::Phase;
use crate::transport::OTHERWISE;
use stuck::Stuck;

/// Only for its kind, where [`Steps`] is asked.
const RESTART: Action = Action::Restart(Throttle { initial: 1, increment: 1 });
const COMPRESS: Action = Action::RestartCompressed(1);

/// Remembers whether something was so at an earlier sample as well.
#[derive(Debug, Clone, Copy, Default)]
struct Twice(Option<Duration>);

impl Twice {
    fn holds(&mut self, now: bool, at: Duration) -> bool {
        self.0 = now.then(|| self.0.unwrap_or(at));
        self.0.is_some_and(|since| since < at)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Adaptive {
    intent: Convergence,
    may_restart: bool,
    may_post_copy: bool,
    may_compress: bool,
    estimate: Estimate,
    steps: Steps,
    last: Option<Duration>,
    iteration: u64,
    /// The iteration in which the limit in force was set.
    limit_from: u64,
    fits: Twice,
    no_gain: Twice,
    too_slow: Twice,
    too_much: Twice,
    slow_link: Twice,
    stuck: Option<Stuck>,
}

impl Adaptive {
    pub(super) fn new(intent: &Convergence, flags: F) -> Self {
        Self {
            intent: *intent,
            // With disks a second start would copy them again; a migration that throttles already does.
            may_restart: intent.throttle() && !flags.intersects(F::AUTO_CONVERGE | F::NON_SHARED),
            may_post_copy: intent.post_copy() && flags.contains(F::POSTCOPY),
            may_compress: intent.chooses_transport() && !flags.intersects(OTHERWISE),
            estimate: Estimate::default(),
            steps: Steps::default(),
            last: None,
            iteration: 0,
            limit_from: 1,
            fits: Twice::default(),
            no_gain: Twice::default(),
            too_slow: Twice::default(),
            too_much: Twice::default(),
            slow_link: Twice::default(),
            stuck: None,
        }
    }

    fn given_away(&self) -> bool {
        let gone = |kind| self.steps.under_way(kind) || self.steps.done(kind);
        gone(Action::Abort) || gone(Action::StartPostCopy) || gone(RESTART) || self.steps.done(COMPRESS)
    }
}

impl Policy for Adaptive {
    fn begin(&mut self, at: Duration) -> Vec<Decision> {
        self.estimate = Estimate::default();
        self.steps = Steps::default();
        (self.stuck, self.iteration, self.limit_from) = (None, 0, 1);
        (self.fits, self.no_gain, self.too_slow, self.too_much, self.slow_link) = Default::default();
        self.set_first_limit(DEFAULT_DOWNTIME_MS, at).into_iter().collect()
    }

    fn observe(&mut self, sample: &Sample) -> Vec<Decision> {
        let old = self.last.is_some_and(|last| sample.elapsed <= last);
        let ours = matches!(sample.phase, Phase::Setup | Phase::Disks | Phase::Memory);
        if old || !ours || !sample.active || self.given_away() {
            return Vec::new();
        }
        self.last = Some(sample.elapsed);
        if sample.forced {
            // Raising the limit is all that can still help, and the guest stands still anyway.
            return Vec::new();
        }
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
            .or_else(|| self.compress(sample))
            .or_else(|| self.early(sample))
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
        self.may_compress &= !action.restarts();
    }

    fn failed(&mut self, action: &Action, at: Duration) {
        self.steps.failed(*action, at);
    }

    fn is_about_to_decide(&self) -> bool {
        let now = |twice: Twice| twice.0.is_some() && twice.0 == self.last;
        now(self.too_much) || now(self.fits)
    }

    fn outlook(&self) -> Outlook {
        match &self.stuck {
            Some(stuck) => Outlook::Stuck { iteration: stuck.iteration, reason: stuck.reason.clone() },
            None if self.estimate.gain().is_some() => Outlook::Converging,
            None => Outlook::Unknown,
        }
    }
}
