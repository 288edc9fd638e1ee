//! What the watcher knows of one migration, and what is due for it. No call blocks here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::order::{Answer, Order, Reconnected, is_over};
use super::pace::{self, CLOSEST};
use super::shared::Shared;
use super::silence::Silence;
use super::start::is_active;
use super::step::Act;
use crate::Result;
use crate::domain::{EventSink, Subscription};
use crate::error::LibvirtError;
use crate::job::JobInfo;
use crate::location::Answers;
use crate::policy::{Action, Decision, Policy, Sample};
use crate::progress::{Phase, ProgressTracker};
use crate::state::DomainState;

/// How often the job is looked for, and an abort asked for that is refused, while there is no job yet.
const NO_JOB_YET: Duration = Duration::from_millis(50);
/// How often events are asked for that are not to be had: a loop may start to run later.
const SUBSCRIBE_AGAIN: Duration = Duration::from_millis(300);
/// How often at most, and where calls fail.
const SLOW: Duration = Duration::from_secs(2);
/// An adopted migration whose source cannot be reached for this long is given up: longer than a daemon takes to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// One migration under watch.
pub(super) struct Watch {
    pub shared: Arc<Shared>,
    sink: EventSink,
    pub(super) tracker: ProgressTracker,
    policy: Option<Box<dyn Policy>>,
    /// The policy has been told that the job runs.
    begun: bool,
    decisions: VecDeque<Decision>,
    /// Memory is being moved, as an event has told.
    pub(super) moving: bool,
    /// A hand is at work for it; there is never a second one.
    busy: bool,
    prepared: bool,
    /// A connection to the destination was asked for, and what keeps it.
    reached: bool,
    destination: Option<Subscription>,
    /// What was registered with libvirt; dropping it is a call, so a hand does that.
    pub subscription: Option<Subscription>,
    subscribe_at: Instant,
    subscribe_pause: Duration,
    sample_at: Instant,
    sampled: Instant,
    abort_at: Instant,
    /// Of an adopted migration: events have told that it succeeded, or that it is over.
    pub(super) succeeded: bool,
    pub(super) over: bool,
    /// Of an adopted migration: the connection to its source is gone, since then.
    lost: Option<Instant>,
    pub(super) silence: Silence,
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
            reached: false,
            destination: None,
            subscription: None,
            subscribe_at: now,
            subscribe_pause: SUBSCRIBE_AGAIN,
            sample_at: now,
            sampled: now,
            abort_at: now,
            succeeded: false,
            over: false,
            lost: None,
            silence: Silence::new(now),
        }
    }

    /// When something is due; `None` while hands are at work on all of it.
    pub fn due(&self) -> Option<Instant> {
        let look = self.silence.due(self.shared.lock().switched);
        if self.prepared && !self.reached {
            return Some(Instant::now());
        }
        let other = if self.busy { None } else { self.due_in_turn() };
        [look, other].into_iter().flatten().min()
    }

    fn due_in_turn(&self) -> Option<Instant> {
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
        let now = Instant::now();
        let (over, switched) = {
            let state = self.shared.lock();
            (state.end.is_some(), state.switched)
        };
        if over {
            return None;
        }
        if self.silence.due(switched).is_some_and(|due| due <= now) {
            // Beside whatever hangs.
            self.silence.look();
            return Some(Order::Look);
        }
        if self.prepared && !self.reached {
            // Beside the rest, since it may take long.
            self.reached = true;
            return Some(Order::Reach);
        }
        if self.busy {
            return None;
        }
        let order = self.next(now)?;
        self.busy = true;
        Some(order)
    }

    fn next(&mut self, now: Instant) -> Option<Order> {
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
        while let Some(decision) = self.decisions.pop_front() {
            let gives_up = matches!(decision.action, Action::Abort | Action::Restart(_));
            // Decided before it was forced.
            if !(gives_up && self.shared.lock().context.forced) {
                return Some(Order::Act(decision));
            }
        }
        if self.sample_at <= now && self.lost.is_some() {
            return Some(Order::Reconnect(self.sink.clone()));
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
        self.busy &= matches!(answer, Answer::Looked(_) | Answer::Reached(_));
        match answer {
            Answer::Reached(destination) => self.destination = destination,
            Answer::Looked(answers) => self.looked(answers),
            Answer::Reconnected(found) => self.reconnected(found),
            Answer::Subscribed { control, subscription } => self.subscribed(control, subscription),
            Answer::Sampled { job, state, connected } => self.sampled(job, state, connected),
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

    fn looked(&mut self, answers: Answers) {
        if let Some(said) = self.silence.looked(answers, Instant::now()) {
            self.shared.record_act(Act::Look, said, None);
        }
    }

    /// What became of an attempt to reach the source of an adopted migration again.
    fn reconnected(&mut self, found: Reconnected) {
        let now = Instant::now();
        match found {
            Reconnected::There(subscription) => {
                self.lost = None;
                self.shared.events.store(subscription.is_some(), Ordering::Relaxed);
                self.subscription = subscription;
                self.sample_at = now;
            }
            Reconnected::Gone => self.over = true,
            Reconnected::Failed => {
                self.over = self.lost.is_some_and(|since| since.elapsed() > PATIENCE);
                self.sample_at = now + SLOW;
            }
        }
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
        self.shared.lock().begun = false;
        self.moving = false;
        self.decisions.clear();
        self.shared.lock().context = crate::policy::Context::default();
        self.sample_at = Instant::now();
    }

    fn sampled(&mut self, job: Result<Box<JobInfo>>, state: Option<Result<DomainState>>, connected: bool) {
        let now = Instant::now();
        if let Ok(job) = &job {
            self.silence.figures(figures(job), now);
        }
        if !connected && self.shared.adopted {
            self.lost = Some(now);
        }
        if let Some(Ok(state)) = &state {
            self.seen(*state);
        }
        if self.shared.adopted && !self.over && connected {
            self.over = is_over(&job, state.as_ref());
        }
        let pause = match &job {
            Ok(job) => self.observe(job),
            // Nothing to see before the job, and at its end; the call tells the rest.
            Err(_) if self.shared.elapsed() < SLOW => NO_JOB_YET,
            Err(_) => SLOW,
        };
        self.sample_at = pace::in_step(now, pause);
    }

    /// There is a job that takes orders.
    fn begin(&mut self) {
        self.begun = true;
        let forced = {
            let mut state = self.shared.lock();
            state.begun = true;
            // A run that is being aborted in order to start again is not forced, the next one is.
            state.restart.is_none() && std::mem::take(&mut state.force)
        };
        if forced {
            let (at, action) = (self.shared.elapsed(), self.shared.forcing());
            self.decisions.push_back(Decision { at, action, reason: "it was asked for".to_owned() });
        }
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
        if is_active(job.kind) {
            self.begin();
        }
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
}

/// What changes while anything is moved.
fn figures(job: &JobInfo) -> [u64; 4] {
    [job.memory_processed, job.memory_remaining, job.disk_processed, job.memory_iteration]
        .map(Option::unwrap_or_default)
}
