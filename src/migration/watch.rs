//! What the watcher knows of one migration, and what is due for it. No call blocks here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::order::{Answer, Order, is_over};
use super::pace::{self, CLOSEST};
use super::shared::Shared;
use super::start::is_active;
use super::step::Act;
use crate::Result;
use crate::domain::{EventSink, Subscription};
use crate::error::LibvirtError;
use crate::job::JobInfo;
use crate::policy::{Action, Decision, Policy, Sample};
use crate::progress::{Phase, ProgressTracker};
use crate::state::DomainState;

/// How often the job is looked for, and an abort asked for that is refused, while there is no job yet.
const NO_JOB_YET: Duration = Duration::from_millis(50);
/// How often events are asked for that are not to be had: a loop may start to run later.
const SUBSCRIBE_AGAIN: Duration = Duration::from_millis(300);
/// How often at most, and where calls fail.
const SLOW: Duration = Duration::from_secs(2);
/// An adopted migration of which nothing can be learnt for this long is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// One migration under watch.
pub(super) struct Watch {
    pub shared: Arc<Shared>,
    sink: EventSink,
    tracker: ProgressTracker,
    policy: Option<Box<dyn Policy>>,
    /// The policy has been told that the job runs.
    begun: bool,
    decisions: VecDeque<Decision>,
    /// Memory is being moved, as an event has told.
    moving: bool,
    /// A hand is at work for it; there is never a second one.
    busy: bool,
    prepared: bool,
    /// What was registered with libvirt; dropping it is a call, so a hand does that.
    pub subscription: Option<Subscription>,
    subscribe_at: Instant,
    subscribe_pause: Duration,
    sample_at: Instant,
    sampled: Instant,
    abort_at: Instant,
    /// Of an adopted migration: events have told that it succeeded, or that it is over.
    succeeded: bool,
    over: bool,
    heard: Instant,
}

impl Watch {
    pub fn new(shared: Arc<Shared>, policy: Option<Box<dyn Policy>>, sink: EventSink) -> Self {
        let now = Instant::now();
        Self {
            shared,
            sink,
            tracker: ProgressTracker::new(None),
            policy,
            begun: false,
            decisions: VecDeque::new(),
            moving: false,
            busy: false,
            prepared: false,
            subscription: None,
            subscribe_at: now,
            subscribe_pause: SUBSCRIBE_AGAIN,
            sample_at: now,
            sampled: now,
            abort_at: now,
            succeeded: false,
            over: false,
            heard: now,
        }
    }

    /// When something is due; `None` while a hand is at work.
    pub fn due(&self) -> Option<Instant> {
        if self.busy {
            return None;
        }
        if !self.prepared || self.over || !self.decisions.is_empty() {
            return Some(Instant::now());
        }
        let mut due = self.sample_at;
        if self.subscription.is_none() {
            due = due.min(self.subscribe_at);
        }
        if self.wants_abort() {
            due = due.min(self.abort_at);
        }
        Some(due)
    }

    /// The order that is due now. It is out until the answer comes.
    pub fn order(&mut self) -> Option<Order> {
        if self.busy {
            return None;
        }
        let order = self.next(Instant::now())?;
        self.busy = true;
        Some(order)
    }

    fn next(&mut self, now: Instant) -> Option<Order> {
        if self.shared.lock().end.is_some() {
            return None;
        }
        if self.over {
            return Some(Order::Conclude { succeeded: self.succeeded });
        }
        if !self.prepared {
            self.prepared = true;
            return Some(Order::Prepare(self.sink.clone()));
        }
        if self.abort_at <= now && self.wants_abort() {
            return Some(Order::Abort);
        }
        if let Some(decision) = self.decisions.pop_front() {
            return Some(Order::Act(decision));
        }
        if self.sample_at <= now {
            self.sampled = now;
            return Some(Order::Sample { state: self.needs_state() });
        }
        if self.subscription.is_none() && self.subscribe_at <= now {
            return Some(Order::Subscribe(self.sink.clone()));
        }
        None
    }

    /// Whether the migration is over, so there is nothing left to watch.
    pub fn is_over(&self) -> bool {
        self.shared.lock().end.is_some()
    }

    fn wants_abort(&self) -> bool {
        let state = self.shared.lock();
        state.abort_again && !state.abort_taken
    }

    /// The domain's state tells the switchover where no event does, and the end of what others started.
    fn needs_state(&self) -> bool {
        self.shared.adopted || (self.subscription.is_none() && self.shared.lock().progress.iteration > 0)
    }

    /// Looks at it as soon as that is not too close to the last look.
    pub fn hurry(&mut self) {
        self.sample_at = self.sample_at.min(self.sampled + CLOSEST);
    }

    /// An order was carried out.
    pub fn answer(&mut self, answer: Answer) {
        self.busy = false;
        match answer {
            Answer::Subscribed { control, subscription } => self.subscribed(control, subscription),
            Answer::Sampled { job, state } => self.sampled(job, state),
            Answer::Acted(decision, result) => self.acted(decision, result),
            Answer::Aborted(result) => self.aborted(&result),
            Answer::Concluded => {}
        }
    }

    fn subscribed(
        &mut self,
        control: Option<Arc<dyn crate::domain::DomainOps>>,
        subscription: Option<Subscription>,
    ) {
        if control.is_some() {
            self.shared.set_control(control);
        }
        self.shared.events.store(subscription.is_some(), Ordering::Relaxed);
        self.subscription = subscription;
        self.subscribe_at = Instant::now() + self.subscribe_pause;
        self.subscribe_pause = (self.subscribe_pause * 2).min(SLOW);
    }

    fn acted(&mut self, decision: Decision, result: Result<()>) {
        let Some(policy) = &mut self.policy else { return };
        match result {
            Ok(()) => policy.succeeded(&decision.action),
            Err(_) => policy.failed(&decision.action, self.shared.elapsed()),
        }
    }

    fn aborted(&mut self, result: &Result<()>) {
        self.abort_at = Instant::now() + NO_JOB_YET;
        match result {
            Ok(()) => {}
            Err(error) if error.libvirt_code() == Some(LibvirtError::OPERATION_INVALID) => {}
            Err(error) => {
                self.shared.lock().abort_again = false;
                let error = Some(error.to_string());
                self.shared.record_act(Act::Take(Action::Abort), "it was asked for", error);
            }
        }
    }

    /// The call was made once more.
    pub fn restarted(&mut self) {
        self.begun = false;
        self.moving = false;
        self.decisions.clear();
        self.shared.lock().context = crate::policy::Context::default();
        self.sample_at = Instant::now();
    }

    fn sampled(&mut self, job: Result<Box<JobInfo>>, state: Option<Result<DomainState>>) {
        let now = Instant::now();
        if job.is_ok() {
            self.heard = now;
        }
        if let Some(Ok(state)) = &state {
            self.seen(*state);
        }
        if self.shared.adopted && !self.over {
            self.over = is_over(&job, state.as_ref()) || self.heard.elapsed() > SILENCE;
        }
        let pause = match &job {
            Ok(job) => self.observe(job),
            // Nothing to see before the job, and at its end; the call tells the rest.
            Err(_) if self.shared.elapsed() < SLOW => NO_JOB_YET,
            Err(_) => SLOW,
        };
        self.sample_at = pace::in_step(now, pause);
    }

    /// Feeds tracker and policy. Returns when to look again.
    fn observe(&mut self, job: &JobInfo) -> Duration {
        let context = self.shared.lock().context;
        let elapsed = self.shared.elapsed();
        let sample = Sample::from_job(job, elapsed, context);
        let progress = self.tracker.observe(&sample);
        if is_active(job.kind) || self.begun {
            self.shared.advance(progress);
        }
        if let Some(policy) = &mut self.policy {
            if !self.begun && is_active(job.kind) {
                self.decisions.extend(policy.begin(elapsed));
            }
            // Before the first job there is nothing to judge, and after the guest has arrived either.
            if (self.begun || is_active(job.kind)) && !context.finishing {
                self.decisions.extend(policy.observe(&sample));
            }
        }
        self.begun |= is_active(job.kind);
        if !self.begun {
            // The policy may have something to do as soon as there is a job.
            return NO_JOB_YET;
        }
        if context.finishing && !self.shared.adopted {
            // The call tells the rest.
            return SLOW;
        }
        if self.moving && progress.phase < Phase::Memory {
            // The first pass has begun, and the statistics will tell in a moment.
            return CLOSEST;
        }
        pace::interval(&progress, self.subscription.is_some())
    }

    /// Whether this is the pause at the end of a migration rather than one of somebody's.
    fn is_switchover(&self) -> bool {
        !self.shared.was_paused() && !self.shared.lock().paused_here
    }

    /// The domain's state, where no event tells of it.
    fn seen(&mut self, state: DomainState) {
        if state.is_post_copy() {
            self.post_copy();
        } else if state.is_migrating() && self.is_switchover() {
            self.switchover();
        }
    }

    fn post_copy(&mut self) {
        let mut state = self.shared.lock();
        state.context.post_copy = true;
        // Nothing is aborted there any more.
        state.abort_again = false;
        self.shared.switch(&mut state);
    }

    fn switchover(&mut self) {
        let mut state = self.shared.lock();
        state.context.switchover = true;
        self.shared.switch(&mut state);
    }

    /// libvirt's news, in the numbers of its header.
    pub fn event(&mut self, event: crate::domain::DomainEvent) {
        use crate::domain::DomainEvent::{Iteration, JobCompleted, Lifecycle};
        const SUSPENDED: i32 = 3;
        const RESUMED: i32 = 4;
        const STOPPED: i32 = 5;
        match event {
            Iteration(_) => self.moving = true,
            JobCompleted(job) => self.completed(*job),
            Lifecycle { event: SUSPENDED, detail: 1 } if self.is_switchover() => self.switchover(),
            Lifecycle { event: SUSPENDED, detail: 7 } => self.post_copy(),
            // Back at the source.
            Lifecycle { event: RESUMED, .. } => self.shared.lock().context.switchover = false,
            Lifecycle { event: STOPPED, detail } => {
                const MIGRATED: i32 = 3;
                self.succeeded |= detail == MIGRATED;
                self.over = self.shared.adopted;
            }
            Lifecycle { .. } => {}
        }
        self.hurry();
    }

    fn completed(&mut self, job: JobInfo) {
        if job.operation.is_some_and(|operation| operation != super::conclude::OUTGOING) {
            return;
        }
        let succeeded = job.success != Some(false);
        self.succeeded |= succeeded;
        let progress = {
            let mut state = self.shared.lock();
            state.context.finishing |= succeeded;
            if succeeded {
                self.shared.switch(&mut state);
            }
            let sample = Sample::from_job(&job, self.shared.elapsed(), state.context);
            state.last_job = Some(job);
            self.tracker.observe(&sample)
        };
        self.shared.advance(progress);
    }
}
