//! While the call is out: what samples, events and replies tell, and the call's return.

use std::time::Duration;

use super::doing::{Doing, Hold, is_cancelled, is_refusal};
use super::order::{Change, Order};
use super::state::{Abort, Calling, Following, Lost, Restarting, State, Story};
use super::watch::{NO_JOB_YET, SLOW};
use super::{Engine, Purpose, Scope};
use crate::domain::DomainEvent;
use crate::error::LibvirtError;
use crate::fact::Fact;
use crate::flags::MigrateFlags;
use crate::job::{JobInfo, JobType};
use crate::location::GuestLocation;
use crate::numbers::events::{STOPPED, STOPPED_MIGRATED};
use crate::policy::Action;
use crate::record::Act;
use crate::state::DomainState;
use crate::{Error, Result};

/// How long the answer to the abort of a restart may take once the call has returned, before the call is made again. An
/// abort that is still out could end the next run.
const ABORT_PATIENCE: Duration = Duration::from_secs(1);
/// How long a run goes on after an abort whose answer was lost, before the abort counts as not taken.
const ABORT_LOST: Duration = Duration::from_secs(5);
/// How long a daemon may take for an order whose connection is gone: it waits 30 s for a guest's lock.
const LANDS: Duration = Duration::from_secs(35);

/// How long libvirt may take from the event that a job is over to its end.
const CLEARS_UP: Duration = Duration::from_secs(5);

impl Engine {
    /// It can be watched.
    pub(super) fn prepared(&mut self, events: bool) {
        self.watch.subscribed(self.now, events);
        if self.case.destination && !self.state.is_over() {
            // Beside the rest, since it may take long.
            self.order(Order::Reach, Purpose::Reach);
        }
        if matches!(self.state, State::Preparing) {
            self.state = State::Calling(Calling::default());
        }
    }

    pub(super) fn event(&mut self, event: DomainEvent) {
        let stopped = matches!(event, DomainEvent::Lifecycle { event: STOPPED, .. });
        let given_up = matches!(event, DomainEvent::Lifecycle { event: STOPPED, detail: STOPPED_MIGRATED });
        let paused = self.hold != Hold::Free;
        let over = matches!(&event, DomainEvent::JobCompleted(job) if job.is_last_outgoing());
        self.watch.event(self.now, &self.case, event, paused, &mut self.record);
        if self.watch.context.post_copy {
            // Nothing is aborted there any more.
            self.aborting.wanted = self.aborting.taken;
        }
        self.note_switchover();
        if given_up {
            self.source_has_ended_it();
        }
        if let State::Following(following) = &mut self.state {
            if stopped {
                let story = following.story.clone();
                return self.over(story);
            }
            if over && matches!(following.story, Story::Adopted) {
                // libvirt clears up first; a look that answers tells when it has.
                following.over_at = Some(self.now + CLEARS_UP);
            }
        }
    }

    /// A look at the migration.
    pub(super) fn sampled(
        &mut self,
        job: Result<Box<JobInfo>>,
        state: Option<Result<DomainState>>,
        connected: bool,
    ) {
        if !matches!(self.state, State::Calling(_) | State::Restarting(_) | State::Following(_)) {
            return;
        }
        if let Ok(job) = &job {
            self.watch.looked(job);
        }
        if let Some(Ok(state)) = &state {
            let paused = self.hold != Hold::Free;
            self.watch.state(self.now, &self.case, *state, paused, &mut self.record);
        }
        let restarting = matches!(self.state, State::Restarting(_));
        let pause = match &job {
            Ok(job) => {
                self.watch.observe(self.now, job, !restarting, &mut self.record);
                // Once more only while there is a job: without one it is over, whatever came before.
                self.force_now(self.can_be_forced() && job.is_outgoing() && !restarting);
                self.watch.pause(self.state.has_call(), &self.record.progress)
            }
            // Nothing to see before the job, and at its end; the call tells the rest.
            Err(_) if self.now < SLOW => NO_JOB_YET,
            Err(_) => SLOW,
        };
        if job.is_err() {
            self.force_now(false);
        }
        self.watch.sample_at = self.now + pause;
        if self.story().is_some() {
            self.followed(&job, state, connected);
        } else if self.case.scope.is_beside() {
            self.seen_beside(&job);
        }
    }

    /// What became of a change that was not the state's.
    pub(super) fn changed(
        &mut self,
        doing: &Doing,
        result: Result<()>,
        state: Fact<DomainState>,
        stale: bool,
    ) {
        let refused = result.as_ref().is_err_and(is_refusal);
        match doing.change {
            Change::Pause => {
                if self.hold == Hold::Asked {
                    self.hold = if refused { Hold::Free } else { Hold::Held };
                }
                if result.is_err() && !refused {
                    self.pause_may_land = doing.at + LANDS;
                }
                match doing.act {
                    Act::PauseSource if !refused => self.unstick_paused(),
                    Act::PauseSource => {}
                    _ => self.watch.context.forced |= result.is_ok(),
                }
            }
            Change::StartPostCopy if result.is_ok() && !stale => {
                self.watch.post_copy(self.now, &mut self.record);
            }
            Change::StartPostCopy => self.maybe_post_copy |= result.is_err() && !refused && !stale,
            Change::SetMaxDowntime(limit) if result.is_ok() && !stale => {
                self.watch.context.downtime_limit_ms = Some(limit);
            }
            Change::Resume => self.unstick_resumed(result.is_ok()),
            Change::Abort if stale => return self.tell(doing, result, true),
            Change::Abort => {
                if !self.restart_aborted(doing, &result, refused) {
                    self.aborted(doing, result, state);
                }
                return;
            }
            _ => {}
        }
        self.tell(doing, result, stale);
    }

    /// The job is to be aborted and the call made again.
    pub(super) fn restart(&mut self, action: Action) {
        self.state =
            State::Restarting(Restarting { action, abort: Abort::Out, returned: None, failed: None });
    }

    /// The call returned.
    pub(super) fn called(&mut self, result: Result<()>, connected: bool, location: Option<GuestLocation>) {
        let state = std::mem::replace(&mut self.state, State::Ended);
        let error = match (result, state) {
            (Ok(()), _) => return self.conclude(Ok(()), location),
            (Err(error), State::Restarting(restarting)) if is_cancelled(&error) && connected => {
                if self.aborting.wanted {
                    let message = "the migration was aborted before it began again";
                    let error = LibvirtError::found_here(LibvirtError::OPERATION_ABORTED, message);
                    return self.conclude(Err(error.into()), location);
                }
                let returned = Some(self.now);
                self.state = State::Restarting(Restarting { returned, ..restarting });
                return;
            }
            (Err(error), State::Restarting(restarting))
                if connected && location.is_none() && !self.aborting.wanted && may_be_our_abort(&error) =>
            {
                let returned = Some(self.now);
                self.state = State::Restarting(Restarting { returned, failed: Some(error), ..restarting });
                return;
            }
            (Err(error), _) => error,
        };
        if error.libvirt_code().is_none() || location.is_some() || self.case.scope.is_beside() {
            self.conclude(Err(error), location);
        } else if !connected {
            self.lose(Story::Broke(error));
        } else {
            self.conclude(Err(error), None);
        }
    }

    /// It is followed without a call from now on.
    pub(super) fn follow(&mut self, story: Story) {
        // What is out may hang with the call's connection: it holds up no look, and what the policy still wants it will
        // say again.
        self.lane = None;
        while let Some(decision) = self.watch.decisions.pop_front() {
            self.watch.carried_out(self.now, &decision, false);
        }
        self.state = State::Following(Following::new(story, self.now));
        self.watch.sample_at = self.now;
    }

    /// The source cannot be reached.
    pub(super) fn lose(&mut self, story: Story) {
        self.lost = true;
        self.state = State::Lost(Lost { story, since: self.now, again_at: self.now });
    }

    pub(super) fn restarting_at(&self, restarting: &Restarting) -> Option<Duration> {
        match (restarting.returned, restarting.abort) {
            (Some(returned), Abort::Out) => Some(returned + ABORT_PATIENCE),
            (Some(_), _) => Some(self.now),
            (None, Abort::Unknown(since)) => Some(since + ABORT_LOST),
            (None, _) => None,
        }
    }

    pub(super) fn restarting_due(&mut self, restarting: Restarting) {
        let due = self.restarting_at(&restarting).is_some_and(|at| at <= self.now);
        if !due {
            self.state = State::Restarting(restarting);
        } else if restarting.returned.is_none() {
            self.state = State::Calling(Calling::default());
        } else if let Some(error) = restarting.failed.filter(|_| restarting.abort != Abort::Taken) {
            // It was not the abort.
            self.conclude(Err(error), None);
        } else {
            if restarting.abort != Abort::Taken {
                // It did what it was for, whatever becomes of its answer.
                self.watch.succeeded(&restarting.action);
            }
            self.attempt += 1;
            self.watch.restart(self.now);
            // What is out belongs to the run before.
            self.lane = None;
            self.terms = self.terms.with(restarting.action);
            self.order(Order::Call(self.terms), Purpose::Call);
            self.state = State::Calling(Calling::default());
        }
    }

    /// Whether libvirt's statistics say that the job is over, beside a call of somebody else's.
    fn seen_beside(&mut self, job: &Result<Box<JobInfo>>) {
        let State::Calling(calling) = &mut self.state else { return };
        let completed = match job {
            Ok(job) => match job.kind {
                JobType::Completed => Some(true),
                JobType::Failed | JobType::Cancelled => Some(false),
                _ => {
                    *calling = Calling::default();
                    return;
                }
            },
            // The guest is gone from here: it has moved where that was told, or has ended. One that ends keeps its
            // definition; a migration that has moved the guest may be asked to remove it.
            Err(error) if Fact::<()>::from_answer(Err(error.clone())) == Fact::Absent => {
                let undefined =
                    Self::has_left(error) && self.case.flags.contains(MigrateFlags::UNDEFINE_SOURCE);
                calling.completed.or((self.watch.succeeded || undefined).then_some(true))
            }
            Err(_) => return,
        };
        calling.over_since.get_or_insert(self.now);
        calling.completed = completed;
    }

    pub(super) fn calling_at(&self, calling: &Calling) -> Option<Duration> {
        let Scope::Beside { confirm_for } = self.case.scope else { return None };
        let since = calling.asked_at.or(calling.over_since)?;
        self.awaiting.is_none().then_some(since + confirm_for)
    }

    /// A call of somebody else's that does not return, although the job is over: both hosts know where the guest is.
    pub(super) fn calling_due(&mut self, mut calling: Calling) {
        if self.calling_at(&calling).is_some_and(|at| at <= self.now) {
            calling.asked_at = Some(self.now);
            if !self.case.destination {
                // Nobody but libvirt's statistics can say more.
                let moved = calling.completed == Some(true);
                let place = calling.completed.is_none().then_some(GuestLocation::Unknown);
                return self.conclude_without_return(moved, place);
            }
            self.for_state(Order::Ask);
        }
        self.state = State::Calling(calling);
    }

    pub(super) fn asked_without_return(&mut self, calling: Calling, location: GuestLocation) {
        let there = location.is_at_destination() || location == GuestLocation::DestinationShutOff;
        let here = location.is_at_source() || location == GuestLocation::SourceShutOff;
        if here || there {
            return self.conclude_without_return(there, Some(location));
        }
        self.state = State::Calling(calling);
    }

    fn conclude_without_return(&mut self, moved: bool, location: Option<GuestLocation>) {
        let taken = self.aborting.taken;
        let code = if taken { LibvirtError::OPERATION_ABORTED } else { LibvirtError::OPERATION_FAILED };
        let message = "libvirt's job has ended, and the call does not return";
        let error: Error = LibvirtError::found_here(code, message).into();
        self.conclude(if moved { Ok(()) } else { Err(error) }, location);
    }
}

/// Whether the call may have ended by our abort, although the error does not say so: the abort ends the destination's QEMU
/// too, and libvirt tells of what it notices first.
fn may_be_our_abort(error: &Error) -> bool {
    matches!(error.libvirt_code(), Some(LibvirtError::OPERATION_FAILED | LibvirtError::INTERNAL_ERROR))
}
