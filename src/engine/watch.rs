//! What is seen of a migration that runs: samples and events, what the policy makes of them, and when to look again.

use std::collections::VecDeque;
use std::time::Duration;

use super::case::Case;
use super::pace::{self, CLOSEST};
use super::record::Record;
use super::silence::Silence;
use crate::domain::DomainEvent;
use crate::job::{JobInfo, JobType};
use crate::numbers::events::{
    RESUMED, RESUMED_UNPAUSED, STOPPED, STOPPED_MIGRATED, SUSPENDED, SUSPENDED_MIGRATED, SUSPENDED_PAUSED,
    SUSPENDED_POSTCOPY, SUSPENDED_POSTCOPY_FAILED,
};
use crate::policy::{Action, Context, Decision, Policy, Sample};
use crate::progress::{Phase, ProgressTracker};
use crate::state::DomainState;

/// How often the job is looked for, and an abort asked for that is refused, while there is no job yet.
pub(super) const NO_JOB_YET: Duration = Duration::from_millis(50);
/// When to look again where the policy waits for a second sample: QEMU measures the throughput every 100 ms.
const SOON: Duration = Duration::from_millis(100);
/// How often events are asked for that are not to be had, at first: a loop may start to run later.
const SUBSCRIBE_AGAIN: Duration = Duration::from_millis(300);
/// How often at most, and where calls fail.
pub(super) const SLOW: Duration = Duration::from_secs(2);

/// What is known of a migration that runs.
pub(super) struct Watch {
    tracker: ProgressTracker,
    policy: Option<Box<dyn Policy>>,
    /// What the policy has decided and nobody has done yet.
    pub decisions: VecDeque<Decision>,
    pub context: Context,
    /// The job of this attempt has been seen.
    pub begun: bool,
    /// Memory or disks are being moved by the statistics: libvirt has looked whether the guest stands still by then, which
    /// it does once the daemons are connected. A guest that is paused before is moved as a paused one.
    pub has_looked: bool,
    /// Somebody else has paused it or had it go on before that: only the destination knows how it has arrived.
    pub doubtful: bool,
    /// Somebody else has paused it, and it has not gone on since.
    stopped: bool,
    /// Memory is being moved, as an event has told.
    moving: bool,
    /// The call was made once more.
    restarted: bool,
    /// The statistics had figures of memory.
    figured: bool,
    /// They have none any more, although there is a job: by QEMU's word nothing is being moved.
    pub emptied: bool,
    /// Events are delivered.
    pub events: bool,
    subscribe_at: Duration,
    subscribe_pause: Duration,
    pub sample_at: Duration,
    sampled: Duration,
    /// Events have told that it succeeded.
    pub succeeded: bool,
    /// The source has told that post-copy broke. QEMU may have gone on without the daemons.
    pub broke: bool,
    /// The last statistics of a job that moved the guest.
    pub last_job: Option<JobInfo>,
    /// Those of one that did not: of this attempt, or of one before.
    pub failed_job: Option<JobInfo>,
    pub silence: Silence,
}

impl Watch {
    pub fn new(policy: Option<Box<dyn Policy>>) -> Self {
        let zero = Duration::ZERO;
        Self {
            tracker: ProgressTracker::new(None),
            policy,
            decisions: VecDeque::new(),
            context: Context::default(),
            begun: false,
            has_looked: false,
            doubtful: false,
            stopped: false,
            moving: false,
            restarted: false,
            figured: false,
            emptied: false,
            events: false,
            subscribe_at: zero,
            subscribe_pause: SUBSCRIBE_AGAIN,
            sample_at: zero,
            sampled: zero,
            succeeded: false,
            broke: false,
            last_job: None,
            failed_job: None,
            silence: Silence::new(zero),
        }
    }

    /// When events are to be asked for once more; `None` while they are delivered.
    pub fn subscribe_at(&self) -> Option<Duration> {
        (!self.events).then_some(self.subscribe_at)
    }

    /// Whether events are delivered now.
    pub fn subscribed(&mut self, now: Duration, events: bool) {
        self.events = events;
        self.subscribe_at = now + self.subscribe_pause;
        self.subscribe_pause = (self.subscribe_pause * 2).min(SLOW);
    }

    /// It is being looked at.
    pub fn sample(&mut self, now: Duration) {
        self.sampled = now;
    }

    /// Looks at it as soon as that is not too close to the last look.
    pub fn hurry(&mut self) {
        self.sample_at = self.sample_at.min(self.sampled + CLOSEST);
    }

    /// Whether the last progress is of this run, and not of one before that was started again.
    pub const fn has_seen_this_run(&self) -> bool {
        !self.restarted || self.figured
    }

    /// The call is made once more.
    pub fn restart(&mut self, now: Duration) {
        (self.begun, self.moving, self.figured, self.emptied) = (false, false, false, false);
        (self.has_looked, self.restarted) = (false, true);
        self.doubtful |= self.stopped;
        self.decisions.clear();
        self.context = Context::default();
        self.sample_at = now;
    }

    /// The state of the domain at the source, where no event tells of it. `paused` says that we have it stand still.
    pub fn state(
        &mut self,
        now: Duration,
        case: &Case,
        state: DomainState,
        paused: bool,
        record: &mut Record,
    ) {
        self.broke |= state.is_post_copy_failed();
        if state.is_post_copy() {
            self.post_copy(now, record);
        } else if state.is_migrating() && !paused && !case.was_paused() {
            self.stands(now, record);
        }
    }

    /// It is in post-copy.
    pub fn post_copy(&mut self, now: Duration, record: &mut Record) {
        (self.context.post_copy, self.context.forced) = (true, true);
        record.switch(now);
    }

    /// It stands still at the source since it migrates, by libvirt's word. That says the same of what somebody has paused
    /// meanwhile, as long as nothing has moved.
    fn stands(&mut self, now: Duration, record: &mut Record) {
        if self.has_looked {
            self.context.switchover = true;
            record.switch(now);
        } else {
            (self.stopped, self.doubtful) = (true, true);
        }
    }

    /// libvirt's news, in the numbers of its header. `paused` says that we have the guest stand still.
    pub fn event(
        &mut self,
        now: Duration,
        case: &Case,
        event: DomainEvent,
        paused: bool,
        record: &mut Record,
    ) {
        if let Some(stopped) = is_stopped(&event).filter(|_| !paused) {
            self.stopped = stopped;
            self.doubtful |= !self.has_looked;
        }
        match event {
            DomainEvent::Iteration(_) => (self.moving, self.has_looked) = (true, true),
            DomainEvent::JobCompleted(job) => self.completed(now, *job, record),
            DomainEvent::Lifecycle { event: SUSPENDED, detail: SUSPENDED_MIGRATED }
                if !paused && !case.was_paused() =>
            {
                self.stands(now, record);
            }
            DomainEvent::Lifecycle { event: SUSPENDED, detail: SUSPENDED_POSTCOPY } => {
                self.post_copy(now, record)
            }
            DomainEvent::Lifecycle { event: SUSPENDED, detail: SUSPENDED_POSTCOPY_FAILED } => {
                self.broke = true;
            }
            // Back at the source; one that was paused by force, and that somebody has had go on, is forced no more.
            DomainEvent::Lifecycle { event: RESUMED, .. } => {
                self.context.switchover = false;
                self.context.forced = self.context.post_copy;
            }
            DomainEvent::Lifecycle { event: STOPPED, detail: STOPPED_MIGRATED } => self.succeeded = true,
            DomainEvent::Lifecycle { .. } => {}
        }
        self.silence.broken(now);
        self.hurry();
    }

    /// The statistics that libvirt sends at the end of a job.
    fn completed(&mut self, now: Duration, job: JobInfo, record: &mut Record) {
        if !job.is_last_outgoing() {
            return;
        }
        let succeeded = has_succeeded(&job);
        if succeeded {
            (self.context.finishing, self.succeeded) = (true, true);
            record.switch(now);
        }
        // Of a run that was aborted in order to start again it may come late.
        if succeeded || !self.restarted {
            record.progress(self.tracker.observe(&Sample::from_job(&job, now, self.context)));
        }
        let place = if succeeded { &mut self.last_job } else { &mut self.failed_job };
        *place = Some(job);
    }

    /// What statistics say of how far libvirt is.
    pub fn looked(&mut self, job: &JobInfo) {
        let moves = |total: Option<u64>| total.is_some_and(|total| total > 0);
        self.has_looked |= job.is_outgoing() && (moves(job.memory_total) || moves(job.disk_total));
    }

    /// Takes statistics; `judge` says whether the policy is asked.
    pub fn observe(&mut self, now: Duration, job: &JobInfo, judge: bool, record: &mut Record) {
        self.silence.figures(figures(job), now);
        let active = job.is_outgoing();
        let empty = job.memory_total.is_none_or(|total| total == 0);
        self.figured |= active && !empty;
        self.emptied = active && empty && self.figured;
        let first = active && !self.begun;
        let sample = Sample::from_job(job, now, self.context);
        let progress = self.tracker.observe(&sample);
        if active || self.begun {
            record.progress(progress);
        }
        if let Some(policy) = self.policy.as_mut().filter(|_| judge) {
            if first {
                self.decisions.extend(policy.begin(now));
            }
            // Before the first job there is nothing to judge, and after the guest has arrived either.
            if (self.begun || active) && !self.context.finishing {
                self.decisions.extend(policy.observe(&sample));
            }
        }
        self.begun |= active;
    }

    /// The pause until the next look after these statistics. `call` says that a call of ours will tell the end.
    pub fn pause(&self, call: bool, progress: &crate::progress::Progress) -> Duration {
        if !self.begun {
            // The policy may have something to do as soon as there is a job.
            NO_JOB_YET
        } else if self.context.finishing && call {
            SLOW
        } else if self.moving && progress.phase < Phase::Memory {
            // The first pass has begun, and the statistics will tell in a moment.
            CLOSEST
        } else {
            let pause = pace::interval(progress, self.events);
            let soon = self.policy.as_ref().is_some_and(|policy| policy.is_about_to_decide());
            if soon { pause.min(SOON) } else { pause }
        }
    }

    /// What the policy has decided was done.
    pub fn succeeded(&mut self, action: &Action) {
        if let Some(policy) = &mut self.policy {
            policy.succeeded(action);
        }
    }

    /// What became of a decision of the policy's.
    pub fn carried_out(&mut self, now: Duration, decision: &Decision, done: bool) {
        let Some(policy) = &mut self.policy else { return };
        if done {
            policy.succeeded(&decision.action);
        } else {
            policy.failed(&decision.action, now);
        }
    }
}

/// Whether somebody has paused a guest or had it go on, where that is what happened.
const fn is_stopped(event: &DomainEvent) -> Option<bool> {
    match event {
        DomainEvent::Lifecycle { event: SUSPENDED, detail: SUSPENDED_PAUSED } => Some(true),
        DomainEvent::Lifecycle { event: RESUMED, detail: RESUMED_UNPAUSED } => Some(false),
        _ => None,
    }
}

/// What changes while anything is moved.
fn figures(job: &JobInfo) -> [u64; 4] {
    [job.memory_processed, job.memory_remaining, job.disk_processed, job.memory_iteration]
        .map(Option::unwrap_or_default)
}

/// Whether these are the last statistics of a job that moved the guest. libvirt before 7.8 tells it by the kind alone.
fn has_succeeded(job: &JobInfo) -> bool {
    job.success != Some(false) && !matches!(job.kind, JobType::Failed | JobType::Cancelled)
}
