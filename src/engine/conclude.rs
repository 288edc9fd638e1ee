//! How a migration ended, and where the guest is.

use std::time::Duration;

use super::Engine;
use super::doing::is_cancelled;
use super::explain::{NOT_MOVED, ended_since, explain_parted, explain_tls};
use super::input::{Reconnected, Reply};
use super::order::{Change, Order, PATIENCE};
use super::state::{Concluding, Stage, State, Verdict};
use super::undo::UNDO;
use crate::error::LibvirtError;
use crate::flags::MigrateFlags;
use crate::job::{JobInfo, JobType};
use crate::location::{Answer, Answers, GuestLocation};
use crate::record::Act;
use crate::{Error, Result};

/// How long the end waits for changes other than pauses, so that it tells what led to it.
pub(super) const SETTLE: Duration = Duration::from_millis(500);
/// How long an answer is waited for, before it counts as none.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

impl Engine {
    /// The migration is over with this result; `known` is where the guest is known to be.
    pub(super) fn conclude(&mut self, result: Result<()>, known: Option<GuestLocation>) {
        let mut result = result;
        if result.is_ok() {
            self.source_has_given_up();
        }
        if let Err(error) = &mut result
            && self.case.flags.contains(MigrateFlags::TLS)
        {
            explain_tls(error);
        }
        self.begin_conclusion(result, known, Stage::Quiet);
    }

    /// A migration is over that had no call of ours.
    pub(super) fn conclude_adopted(&mut self) {
        let error = LibvirtError::found_here(LibvirtError::OPERATION_FAILED, NOT_MOVED);
        self.begin_conclusion(Err(error.into()), None, Stage::Completed);
        self.for_state(Order::Completed);
    }

    fn begin_conclusion(&mut self, result: Result<()>, known: Option<GuestLocation>, stage: Stage) {
        // What the state before waits for is its own.
        self.awaiting = None;
        self.force_no_more();
        self.watch.decisions.clear();
        let (since, asked) = (self.now, self.now);
        self.state = State::Concluding(Concluding {
            result,
            known,
            since,
            asked,
            stage,
            waited: 0,
            undone: 0,
            parted: false,
            late: 0,
        });
    }

    pub(super) fn concluding_at(&self, concluding: &Concluding) -> Option<Duration> {
        match concluding.stage {
            Stage::Quiet if concluding.result.is_ok() => Some(self.now),
            Stage::Quiet => {
                // A pause that is under way may still land, and has to be undone then.
                let patience = if self.is_changing(true) { PATIENCE } else { SETTLE };
                Some(if self.is_changing(false) { concluding.since + patience } else { self.now })
            }
            Stage::Again(at) => Some(at),
            Stage::Ask => Some(concluding.asked + ANSWER_WITHIN),
            _ => None,
        }
    }

    pub(super) fn concluding_due(&mut self, concluding: Concluding) {
        let due = self.concluding_at(&concluding).is_some_and(|at| at <= self.now);
        match concluding.stage {
            _ if !due => self.state = State::Concluding(concluding),
            Stage::Quiet => self.quiet(concluding),
            Stage::Ask => {
                self.awaiting = None;
                if concluding.parted {
                    return self.judged(concluding, GuestLocation::DestinationRunning);
                }
                let answers = Answers { source: Answer::Unknown, destination: Answer::Unknown };
                self.located(concluding, answers.location());
            }
            _ => self.ask(concluding),
        }
    }

    fn quiet(&mut self, concluding: Concluding) {
        match (&concluding.result, concluding.known) {
            // It ran there, and its success was told late: only the destination knows what became of it since.
            (Ok(()), _) if self.ended_at_destination.is_some() => self.ask(concluding),
            // Somebody paused it, or had it go on, before libvirt looked whether it runs, or after.
            (Ok(()), None) if self.watch.doubtful && self.case.destination => self.ask(concluding),
            (Ok(()), None) if self.watch.doubtful => self.judged(concluding, GuestLocation::Unknown),
            (Ok(()), known) => {
                let location = known.unwrap_or_else(|| self.arrived());
                self.finish(Verdict::Moved, location);
            }
            (Err(error), _) if error.libvirt_code().is_none() && !self.is_held() => {
                // Not an error of libvirt's but of the domain object, or of ours: it says nothing of the migration.
                self.finish(Verdict::Raw(error.clone()), GuestLocation::Unknown);
            }
            // A migration that may still run has no place to tell, and nothing of it is undone.
            (Err(_), Some(GuestLocation::Unknown)) if !self.case.scope.is_beside() => {
                self.located(concluding, GuestLocation::Unknown);
            }
            // What is known may be older than the pause.
            (Err(_), Some(known)) if !self.is_held() && self.trusts(known) => self.located(concluding, known),
            (Err(_), _) => self.ask(concluding),
        }
    }

    /// Beside a call of somebody else's the source's word is enough for the source. For the destination, which runs a
    /// guest in post-copy too, both are asked.
    fn trusts(&self, known: GuestLocation) -> bool {
        !self.case.scope.is_beside()
            || !self.case.destination
            || known.is_at_source()
            || known == GuestLocation::PostCopyBroken
            // That is both hosts' word already.
            || known.is_shut_off()
    }

    pub(super) fn ask(&mut self, mut concluding: Concluding) {
        (concluding.stage, concluding.asked) = (Stage::Ask, self.now);
        self.state = State::Concluding(concluding);
        self.for_state(Order::Ask);
    }

    /// Where a guest is that libvirt says has been moved.
    pub(super) fn arrived(&self) -> GuestLocation {
        if self.case.flags.contains(MigrateFlags::OFFLINE) {
            // No process was moved, only the definition; without the flag the source keeps its own.
            return if self.case.flags.contains(MigrateFlags::UNDEFINE_SOURCE) {
                GuestLocation::DestinationShutOff
            } else {
                GuestLocation::BothShutOff
            };
        }
        let paused = self.case.flags.contains(MigrateFlags::PAUSED) && !self.goes_on_there();
        if paused || self.case.was_paused() {
            GuestLocation::DestinationPaused
        } else {
            GuestLocation::DestinationRunning
        }
    }

    /// Whether it has moved for all that is known, and only whether it runs there is not.
    fn is_only_doubtful(&self, location: GuestLocation) -> bool {
        location == GuestLocation::Unknown && self.watch.doubtful && self.ended_at_destination.is_none()
    }

    /// A reply that the conclusion waits for.
    pub(super) fn concluding(&mut self, mut concluding: Concluding, reply: Reply) {
        match (concluding.stage.clone(), reply) {
            (Stage::Completed, Reply::Completed(job)) => {
                self.take_completed(&mut concluding, job.ok());
                self.ask(concluding);
            }
            (Stage::Ask, Reply::Asked(answers)) => self.asked(concluding, answers),
            (Stage::Ask, Reply::Located(place)) => self.located(concluding, place),
            (Stage::Reconnect, Reply::Reconnected(Reconnected::Failed(_))) => {
                concluding.stage = Stage::Again(self.now + UNDO.1);
                self.state = State::Concluding(concluding);
            }
            (Stage::Reconnect, _) => self.ask(concluding),
            (Stage::Resume, Reply::Changed { result, .. }) => {
                let error = result.as_ref().err().map(ToString::to_string);
                let reason = "it was paused only to get the migration over";
                self.record.act(self.now, Act::Resume, reason, error);
                if result.is_ok() {
                    return self.ask(concluding);
                }
                concluding.stage = Stage::Again(self.now + UNDO.1);
                self.state = State::Concluding(concluding);
            }
            (Stage::PauseSource, Reply::Changed { result, .. }) => {
                let error = result.as_ref().err().map(ToString::to_string);
                let reason =
                    "libvirt has the guest go on at both hosts, since it lost the destination's answer";
                self.record.act(self.now, Act::PauseSource, reason, error);
                if result.is_err() {
                    return self.judged(concluding, GuestLocation::BothRunning);
                }
                // What the destination said is older than the pause.
                concluding.parted = true;
                self.ask(concluding);
            }
            (_, _) => self.state = State::Concluding(concluding),
        }
    }

    /// The last statistics of a migration that others have started tell how it ended.
    fn take_completed(&mut self, concluding: &mut Concluding, job: Option<Box<JobInfo>>) {
        let job = job.filter(|job| job.is_last_outgoing());
        let cancelled = job.as_ref().is_some_and(|job| job.kind == JobType::Cancelled) || self.aborting.taken;
        if let Err(Error::Libvirt(error)) = &mut concluding.result {
            if cancelled {
                error.code = LibvirtError::OPERATION_ABORTED;
            }
            if let Some(said) = job.as_ref().and_then(|job| job.errmsg.clone()) {
                error.message = said;
            }
        }
    }

    pub(super) fn located(&mut self, mut concluding: Concluding, location: GuestLocation) {
        if location == GuestLocation::BothRunning
            && !concluding.parted
            && concluding.result.is_err()
            && !self.case.scope.is_beside()
        {
            // libvirt lost the destination's answer at the switchover and guessed that it failed. The destination went
            // on with all of the memory; the source goes on from the same moment, often later, on the same disks.
            // Nothing is ended here: that needs somebody who knows which one to keep.
            concluding.stage = Stage::PauseSource;
            self.state = State::Concluding(concluding);
            return self.change_for_state(Change::Pause);
        }
        self.judged(concluding, location);
    }

    /// It is known where the guest is, as far as it can be.
    pub(super) fn judged(&mut self, concluding: Concluding, location: GuestLocation) {
        let beside = self.case.scope.is_beside();
        let mut error = match concluding.result {
            Ok(()) if beside || location.is_at_destination() || self.is_only_doubtful(location) => {
                return self.finish(Verdict::Moved, location);
            }
            Ok(()) => return self.finish(Verdict::Failed(ended_since(location)), location),
            Err(error) => error,
        };
        if concluding.parted && location == GuestLocation::DestinationRunning {
            explain_parted(&mut error);
        }
        let Some(code) = error.libvirt_code() else { return self.finish(Verdict::Raw(error), location) };
        // Whoever calls has it defined at the source before, and has libvirt take that away once it has moved.
        let left = beside && location == GuestLocation::DestinationShutOff;
        if proves_success(code, location) || (beside && location.is_at_destination()) || left {
            let reason = format!("{error}, but the destination has the guest");
            self.record.act(self.now, Act::TrustDestination, reason, None);
            return self.finish(Verdict::Moved, location);
        }
        // What the abort cuts off may be what libvirt tells of.
        let cancelled = is_cancelled(&error) || (location.is_at_source() && self.aborting.taken);
        self.finish(if cancelled { Verdict::Cancelled(error) } else { Verdict::Failed(error) }, location);
    }
}

/// libvirt's call fails like this when the guest was gone before it looked again. That proves nothing; the
/// destination does.
fn proves_success(code: i32, location: GuestLocation) -> bool {
    matches!(code, LibvirtError::NO_DOMAIN | LibvirtError::OPERATION_INVALID) && location.is_at_destination()
}
