//! Nova's policy: the downtime limit rises by the clock, and at the end of the time something is done.
//!
//! Same steps and times as Nova's, to the last bit. Two things differ, both defects there: the action at the
//! end of the time is carried out once and not at every poll, and a step that failed is tried again.

use std::time::Duration;

use super::steps::Steps;
use super::{Action, Decision, OnDeadline, Policy, Sample, ScheduleOptions};

/// One step: from when (whole seconds), and the limit (ms).
pub type DowntimeStep = (u64, u64);

/// The steps for this much data (GiB): `steps` + 1 of them, evenly between `max_downtime` / `steps` and
/// `max_downtime`.
///
/// Calculated in doubles and cut to whole numbers in the same places as Nova's, so that the same
/// configuration gives the same numbers.
pub fn downtime_steps(options: &ScheduleOptions, data_gb: f64) -> Vec<DowntimeStep> {
    let delay = (options.delay as f64 * data_gb) as u64;
    // Nova counts whole milliseconds.
    let (last, count) = ((options.max_downtime * 1000.0).round(), f64::from(options.steps));
    let first = last / count;
    let rise = (last - first) / count;
    (0..=options.steps)
        .map(|step| (delay.saturating_mul(u64::from(step)), (first + rise * f64::from(step)) as u64))
        .collect()
}

/// The time after which the time-out action is due (whole seconds); `None` where there is none.
pub fn completion_timeout(options: &ScheduleOptions, data_gb: f64) -> Option<u64> {
    Some((options.completion_timeout as f64 * data_gb) as u64).filter(|timeout| *timeout > 0)
}

/// Nova's policy for one migration.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    options: ScheduleOptions,
    post_copy: bool,
    plan: Option<Plan>,
    steps: Steps,
}

#[derive(Debug, Clone)]
struct Plan {
    steps: Vec<DowntimeStep>,
    timeout: Option<u64>,
}

impl Schedule {
    /// `post_copy`: whether the migration was started with the flag.
    pub(super) fn new(options: ScheduleOptions, post_copy: bool) -> Self {
        let mut schedule =
            Self { options, post_copy: post_copy && options.post_copy, plan: None, steps: Steps::default() };
        if let Some(data_gb) = options.data_gb {
            schedule.plan(data_gb);
        }
        schedule
    }

    fn plan(&mut self, data_gb: f64) -> &Plan {
        self.plan.insert(Plan {
            steps: downtime_steps(&self.options, data_gb),
            timeout: completion_timeout(&self.options, data_gb),
        })
    }

    fn plan_for(&mut self, sample: &Sample) -> Option<Plan> {
        if self.plan.is_none() && sample.memory_total > 0 {
            let disks = (sample.disk_total > 0).then_some(sample.disk_total);
            self.plan(ScheduleOptions::data_gb(sample.memory_total, disks));
        }
        self.plan.clone()
    }

    fn time_is_up(&mut self, timeout: u64, at: Duration) -> Option<Decision> {
        let (action, how) = match self.options.timeout_action {
            OnDeadline::Abort => (Action::Abort, "abort"),
            OnDeadline::Force if self.post_copy => (Action::StartPostCopy, "force, by post-copy"),
            OnDeadline::Force => (Action::Pause, "force, by a pause since post-copy is not available"),
        };
        let reason = format!(
            "not complete after {:.1} s, and the time-out is {timeout} s; the action for that is {how}",
            at.as_secs_f64()
        );
        self.steps.ask(action, at, reason)
    }

    fn step(&mut self, steps: &[DowntimeStep], at: Duration) -> Option<Decision> {
        // The newest step that is due: one that was missed is not made up for.
        let &(from, ms) = steps.iter().rev().find(|(from, _)| at > Duration::from_secs(*from))?;
        let reason = format!("the schedule's step from {from} s on");
        self.steps.ask(Action::SetMaxDowntime(ms), at, reason)
    }
}

impl Policy for Schedule {
    fn begin(&mut self, _: Duration) -> Vec<Decision> {
        self.steps = Steps::default();
        Vec::new()
    }

    fn observe(&mut self, sample: &Sample) -> Vec<Decision> {
        let gone = |kind| self.steps.done(kind) || self.steps.under_way(kind);
        if !sample.active
            || sample.post_copy
            || sample.forced
            || gone(Action::Abort)
            || gone(Action::StartPostCopy)
        {
            return Vec::new();
        }
        let Some(plan) = self.plan_for(sample) else { return Vec::new() };
        let at = sample.elapsed;
        // A guest that is paused before libvirt moves anything of it would be moved as a paused one.
        let pauses = self.options.timeout_action == OnDeadline::Force && !self.post_copy;
        let early = pauses && sample.memory_total == 0 && sample.disk_total == 0;
        let due = plan.timeout.filter(|timeout| at > Duration::from_secs(*timeout) && !early);
        let action = due.and_then(|timeout| self.time_is_up(timeout, at));
        if action.is_some() {
            action.into_iter().collect()
        } else {
            self.step(&plan.steps, at).into_iter().collect()
        }
    }

    fn succeeded(&mut self, action: &Action) {
        self.steps.succeeded(*action);
    }

    fn failed(&mut self, action: &Action, at: Duration) {
        self.steps.failed(*action, at);
    }
}
