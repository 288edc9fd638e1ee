//! A simulated migration that a policy watches.

use std::time::Duration;

use crate::policy::{Action, Context, Decision, Outlook, Policy, Sample};
use crate::progress::{Progress, ProgressTracker};

use super::link::symmetric;
use super::{Guest, Link, Qemu, STEP, Start};

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Done,
    PostCopy,
    Aborted,
    /// It did not end in the time that the test has.
    Never,
}

/// Who looks on, and how.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    /// Between two samples, s.
    pub poll: f64,
    /// A sample at each new iteration as well, as libvirt's event allows.
    pub events: bool,
    /// The part of the actions that fails.
    pub failing: f64,
    /// The throughput that libvirt tells, as a part of the one that QEMU decides by.
    pub told: f64,
    /// The last moment of the simulation, s.
    pub until: f64,
}

impl Default for Watch {
    fn default() -> Self {
        Self { poll: 0.1, events: true, failing: 0.0, told: 1.0, until: 600.0 }
    }
}

/// What happened.
#[derive(Debug, Clone)]
pub struct Report {
    pub end: End,
    /// s.
    pub time: f64,
    /// s.
    pub pause: Option<f64>,
    /// In force at the end, ms.
    pub limit_ms: u64,
    pub paused: bool,
    pub decisions: Vec<Decision>,
    /// Those of the decisions that were carried out, and the run (counted from 0) in which each was.
    pub done: Vec<(usize, Action)>,
    /// The iteration in which the policy found that waiting is of no use.
    pub stuck: Option<u64>,
    pub progress: Vec<Progress>,
    /// Bytes, of the run that ended it.
    pub sent: f64,
    /// Passes of that run.
    pub passes: u64,
}

/// How long the migration takes with one limit and no policy; `None` where it is not over by `until`.
pub fn fixed_limit(guest: Guest, link: Link, start: Start, limit_ms: u64, until: f64) -> Option<f64> {
    best(guest, link, start, limit_ms, limit_ms, until)
}

/// How long it takes with the limit `first_ms` in the first pass and `then_ms` after it.
pub fn best(guest: Guest, link: Link, start: Start, first_ms: u64, then_ms: u64, until: f64) -> Option<f64> {
    let mut qemu = Qemu::new(guest, link, start, 0.0);
    let mut at = 0.0;
    while at < until {
        qemu.limit_ms = if qemu.iteration() < 2 { first_ms } else { then_ms };
        let over = qemu.step(at);
        at += STEP;
        if over {
            return Some(at + qemu.pause.unwrap_or(0.0));
        }
    }
    None
}

/// How long it takes where post-copy begins with the second pass, as `virsh migrate --postcopy-after-precopy` does.
pub fn post_copy_after_a_pass(guest: Guest, link: Link) -> f64 {
    let mut qemu = Qemu::new(guest, link, Start::default(), 0.0);
    let mut at = 0.0;
    loop {
        let over = qemu.step(at);
        at += STEP;
        if over {
            // In post-copy the pause is over long before.
            return at + if qemu.post_copy { 0.0 } else { qemu.pause.unwrap_or(0.0) };
        }
        if qemu.iteration() == 2 && !qemu.post_copy {
            qemu.start_post_copy(at);
        }
    }
}

struct Run<'a> {
    policy: &'a mut dyn Policy,
    qemu: Qemu,
    guest: Guest,
    link: Link,
    start: Start,
    watch: Watch,
    report: Report,
    run: usize,
    tried: u64,
}

/// The migration under a policy.
pub fn migrate(guest: Guest, link: Link, start: Start, watch: Watch, policy: &mut dyn Policy) -> Report {
    let report = Report {
        end: End::Never,
        time: watch.until,
        pause: None,
        limit_ms: 300,
        paused: false,
        decisions: Vec::new(),
        done: Vec::new(),
        stuck: None,
        progress: Vec::new(),
        sent: 0.0,
        passes: 0,
    };
    let qemu = Qemu::new(guest, link, start, 0.0).told(watch.told);
    let mut run = Run { policy, qemu, guest, link, start, watch, report, run: 0, tried: 0 };
    run.go();
    run.report
}

impl Run<'_> {
    fn go(&mut self) {
        let mut tracker = ProgressTracker::new(Some((self.guest.memory + self.start.empty) as u64));
        let first = self.policy.begin(Duration::ZERO);
        self.carry_out(first, 0.0);
        let (mut at, mut next, mut iteration) = (0.0, 0.0, 0);
        while at < self.watch.until && self.report.end == End::Never {
            let over = self.qemu.step(at);
            at += STEP;
            if over {
                self.report.end = if self.qemu.post_copy { End::PostCopy } else { End::Done };
                // In post-copy the pause is over long before.
                let pause = if self.qemu.post_copy { 0.0 } else { self.qemu.pause.unwrap_or(0.0) };
                (self.report.time, self.report.pause) = (at + pause, self.qemu.pause);
                break;
            }
            let event = self.watch.events && self.qemu.iteration() != iteration;
            iteration = self.qemu.iteration();
            if at >= next || event {
                if at >= next {
                    next = at + self.watch.poll;
                }
                self.look(&mut tracker, at);
            }
        }
        (self.report.sent, self.report.passes) = (self.qemu.sent(), self.qemu.iteration());
        self.report.limit_ms = self.qemu.limit_ms;
        self.report.paused = self.qemu.paused;
    }

    fn look(&mut self, tracker: &mut ProgressTracker, at: f64) {
        let context = Context {
            post_copy: self.qemu.post_copy,
            downtime_limit_ms: Some(self.qemu.limit_ms),
            ..Context::default()
        };
        let sample = Sample::from_job(&self.qemu.job(), Duration::from_secs_f64(at), context);
        self.report.progress.push(tracker.observe(&sample));
        let decisions = self.policy.observe(&sample);
        if let Outlook::Stuck { iteration, .. } = self.policy.outlook() {
            self.report.stuck.get_or_insert(iteration);
        }
        self.carry_out(decisions, at);
    }

    fn carry_out(&mut self, decisions: Vec<Decision>, at: f64) {
        for decision in decisions {
            let action = decision.action;
            self.report.decisions.push(decision);
            self.tried += 1;
            let luck = (symmetric(self.link.seed ^ 0xfa11, self.tried) + 1.0) / 2.0;
            let refused = matches!(action, Action::RestartCompressed(_)) && self.start.compresses.is_none();
            if luck < self.watch.failing || self.qemu.post_copy || refused {
                self.policy.failed(&action, Duration::from_secs_f64(at));
                continue;
            }
            self.report.done.push((self.run, action));
            self.act(action, at);
        }
    }

    fn act(&mut self, action: Action, at: f64) {
        match action {
            Action::SetMaxDowntime(ms) => self.qemu.limit_ms = ms,
            Action::StartPostCopy => self.qemu.start_post_copy(at),
            Action::Pause => self.qemu.paused = true,
            Action::Abort => (self.report.end, self.report.time) = (End::Aborted, at),
            Action::Restart(throttle) => {
                self.start.throttle = Some(throttle);
                self.again(at);
            }
            Action::RestartCompressed(_) => {
                self.link.rate *= self.start.compresses.unwrap_or(1.0);
                self.again(at);
            }
        }
        self.policy.succeeded(&action);
        if action.restarts() {
            let again = self.policy.begin(Duration::from_secs_f64(at));
            self.carry_out(again, at);
        }
    }

    fn again(&mut self, at: f64) {
        self.qemu = Qemu::new(self.guest, self.link, self.start, at).told(self.watch.told);
        self.run += 1;
    }
}
