//! The end: what it tells besides the place is collected, it is told, and what is still out is undone when it comes back.

use std::time::Duration;

use super::conclude::SETTLE;
use super::doing::Hold;
use super::explain::ended_since;
use super::input::Reply;
use super::order::{Change, Order};
use super::state::{Finishing, State, Statistics, Trail, Trailing, Verdict};
use super::undo::{REACH, START, UNDO, may_go_on};
use super::{Engine, Purpose, Scope};
use crate::belongings::BELONGS;
use crate::job::JobInfo;
use crate::location::{Answer, Answers, GuestLocation};
use crate::record::Outcome;
use crate::{Error, Result};

/// How long a guest that has moved is kept from being told: shorter than what counts as a silence.
const WAIT: Duration = Duration::from_secs(5);
/// What is told of a destination that does not answer when the guest has arrived.
const SLOW: &str = "autostart and checkpoints: the destination took too long, and may still set them; virsh dominfo and \
                    virsh checkpoint-list there tell";

impl Engine {
    /// The migration has ended like this.
    pub(super) fn finish_here(&mut self, verdict: Verdict, location: GuestLocation) {
        // One that nobody steers is its caller's in what belongs to the guest as well.
        let whole = self.case.scope == Scope::Whole;
        let bringing = whole && matches!(verdict, Verdict::Moved);
        if bringing {
            self.order(Order::Bring, Purpose::End);
        }
        // The event brings the statistics, on its own way. Without it the source may have them, unless it has forgotten
        // the domain.
        let asks = whole && location.is_at_destination() && self.watch.last_job.is_none();
        if asks {
            self.order(Order::Completed, Purpose::End);
        }
        let statistics = if asks { Statistics::Out } else { Statistics::Done };
        let (since, left_behind) = (self.now, vec![]);
        let finishing = Finishing { location, verdict, since, bringing, left_behind, statistics };
        self.finishing_due(finishing);
    }

    pub(super) fn finishing_at(&self, finishing: &Finishing) -> Option<Duration> {
        if finishing.bringing {
            return Some(finishing.since + WAIT);
        }
        match finishing.statistics {
            // Nobody waits for figures as long as a lock may be held.
            Statistics::Out => Some(finishing.since + WAIT),
            Statistics::Event(until) => Some(until),
            Statistics::Done if self.is_changing(false) => Some(finishing.since + SETTLE),
            Statistics::Done => Some(self.now),
        }
    }

    pub(super) fn finishing_due(&mut self, mut finishing: Finishing) {
        if self.watch.last_job.is_some() && matches!(finishing.statistics, Statistics::Event(_)) {
            finishing.statistics = Statistics::Done;
        }
        if let Statistics::Event(until) = finishing.statistics
            && until <= self.now
        {
            finishing.statistics = Statistics::Done;
        }
        if self.finishing_at(&finishing).is_some_and(|at| at <= self.now) {
            return self.end(finishing);
        }
        self.state = State::Finishing(finishing);
    }

    /// A reply that the end waits for.
    pub(super) fn finishing(&mut self, mut finishing: Finishing, reply: Reply) {
        match reply {
            Reply::Brought(brought) => {
                for (act, error) in brought.acts {
                    self.record.act(self.now, act, BELONGS, error);
                }
                finishing.left_behind = brought.left;
                finishing.bringing = false;
            }
            Reply::Completed(job) => {
                let job = job.ok().filter(|job| job.is_last_outgoing());
                finishing.statistics = match job {
                    Some(job) => {
                        self.watch.last_job = Some(*job);
                        Statistics::Done
                    }
                    // Not for long: the daemon may have been restarted.
                    None if self.watch.events => Statistics::Event(self.now + SETTLE),
                    None => Statistics::Done,
                };
            }
            _ => {}
        }
        self.finishing_due(finishing);
    }

    fn end(&mut self, finishing: Finishing) {
        let Finishing { mut location, mut verdict, mut left_behind, .. } = finishing;
        // Both hosts may have been asked meanwhile.
        if let Some(place) = self.ended_at_destination
            && location.is_at_destination()
        {
            location = place;
            if matches!(verdict, Verdict::Moved) && !self.case.scope.is_beside() {
                verdict = Verdict::Failed(ended_since(location));
            }
        }
        if finishing.bringing {
            left_behind.push(SLOW.to_owned());
        }
        let outcome = Box::new(Outcome { left_behind, ..self.outcome(location) });
        // Where it is told to be there, what stands still here is a copy, whoever has paused it.
        let moved = matches!(verdict, Verdict::Moved)
            || !(location.is_at_source() || location == GuestLocation::Unknown);
        let end: Result<Outcome> = match verdict {
            Verdict::Moved => Ok(*outcome),
            Verdict::Failed(cause) => {
                Err(Error::MigrationFailed { cause: Box::new(cause), location, outcome })
            }
            Verdict::Cancelled(cause) => {
                Err(Error::MigrationCancelled { cause: Box::new(cause), location, outcome })
            }
            Verdict::Raw(error) => Err(error),
        };
        self.late = self.is_changing(true);
        self.record.end(self.now, end);
        self.trailing_due(Trailing { moved, stage: Trail::Wait, waited: 0, undone: 0 });
    }

    /// From the job's last statistics, and where there are none from the last progress.
    fn outcome(&self, location: GuestLocation) -> Outcome {
        // Of a run that was aborted in order to start again nothing is told where the last one moved the guest.
        let failed = self.watch.failed_job.as_ref().filter(|_| !location.is_at_destination());
        let job: Option<&JobInfo> = self.watch.last_job.as_ref().or(failed);
        // What was seen last may be of a run before, of which the same holds.
        let progress =
            Some(self.record.progress).filter(|_| self.watch.has_seen_this_run()).unwrap_or_default();
        let seen = progress.memory_processed + progress.disk_processed;
        let told = job.and_then(|job| {
            job.data_processed
                .or_else(|| Some(job.memory_processed? + job.disk_processed.unwrap_or_default()))
        });
        // QEMU counts no longer than until all has arrived.
        let downtime = job.and_then(|job| job.downtime).map(Duration::from_millis).max(self.stood_still());
        Outcome {
            total_time: self.now,
            downtime,
            iterations: job.and_then(|job| job.memory_iteration).unwrap_or(0).max(progress.iteration),
            bytes: told.unwrap_or(seen),
            decisions: self.record.steps.clone(),
            guest_location: location,
            left_behind: Vec::new(),
        }
    }

    pub(super) const fn trailing_at(trailing: &Trailing) -> Option<Duration> {
        match trailing.stage {
            Trail::Again(at) => Some(at),
            _ => None,
        }
    }

    /// Waits for what is still out. A pause that comes back made is undone.
    pub(super) fn trailing_due(&mut self, mut trailing: Trailing) {
        match trailing.stage {
            Trail::Wait if self.is_late_pause(&trailing) => {
                trailing.stage = Trail::Ask;
                self.for_state(Order::Ask);
            }
            Trail::Wait => {
                self.answer_late();
                if !self.is_at_work() {
                    self.state = State::Ended;
                    return;
                }
            }
            Trail::Again(at) if at <= self.now => {
                trailing.stage = Trail::Ask;
                self.for_state(Order::Ask);
            }
            _ => {}
        }
        self.state = State::Trailing(trailing);
    }

    /// Whether a pause has come back since the end was told, or may still be made.
    fn is_late_pause(&self, trailing: &Trailing) -> bool {
        !trailing.moved
            && self.hold == Hold::Held
            && (self.late || self.now < self.pause_may_land)
            && !self.is_changing(true)
            && !self.case.was_paused()
            && !self.case.scope.is_beside()
    }

    /// What is known of a pause that came back late. Others may have had the guest go on, ended it or paused it
    /// themselves since.
    pub(super) fn trailing(&mut self, mut trailing: Trailing, reply: Reply) {
        match reply {
            Reply::Asked(answers) if self.is_about_to_start(answers) && trailing.waited < START => {
                trailing.waited += 1;
                trailing.stage = Trail::Again(self.now + UNDO.1);
                self.state = State::Trailing(trailing);
            }
            Reply::Asked(answers)
                if may_go_on(answers, self.record.switched)
                    && !self.seen_at_destination
                    && trailing.undone < UNDO.0 =>
            {
                trailing.undone += 1;
                trailing.stage = Trail::Resume;
                self.change_for_state(Change::Resume);
                self.state = State::Trailing(trailing);
            }
            Reply::Asked(answers) if answers.source == Answer::Unknown && trailing.waited < REACH => {
                // The connection may be dead.
                trailing.waited += 1;
                trailing.stage = Trail::Reconnect;
                self.for_state(Order::Reconnect);
                self.state = State::Trailing(trailing);
            }
            Reply::Asked(Answers { source: Answer::State(state), .. })
                if state.is_running() && self.now < self.pause_may_land =>
            {
                trailing.stage = Trail::Again(self.now + 2 * UNDO.1);
                self.state = State::Trailing(trailing);
            }
            Reply::Reconnected(_) => {
                trailing.stage = Trail::Again(self.now + UNDO.1);
                self.state = State::Trailing(trailing);
            }
            Reply::Changed { result: Err(_), .. } => {
                trailing.stage = Trail::Again(self.now + UNDO.1);
                self.state = State::Trailing(trailing);
            }
            // What the end has not waited for.
            Reply::Completed(_) | Reply::Brought(_) => self.state = State::Trailing(trailing),
            _ => {
                // Whatever came of it, it has been seen to.
                (self.late, self.pause_may_land) = (false, Duration::ZERO);
                trailing.stage = Trail::Wait;
                self.trailing_due(trailing);
            }
        }
    }
}
