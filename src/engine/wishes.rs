//! What users want of a migration, and what others do to it.

use std::time::Duration;

use super::doing::{ASKED_FOR, Doing, Hold, Who};
use super::input::{Outside, Wish};
use super::order::{Change, Order};
use super::state::{Abort, State};
use super::watch::NO_JOB_YET;
use super::{Engine, Purpose};
use crate::Error;
use crate::Result;
use crate::fact::Fact;
use crate::policy::Action;
use crate::record::Act;
use crate::state::DomainState;

/// A wish to get it over that came before a job was seen.
#[derive(Debug, Default)]
pub(super) struct Forcing {
    /// It is to be got over as soon as there is a job.
    pub wanted: bool,
    /// Who waits until it has been looked whether there is one.
    waiting: Vec<u64>,
}

/// An abort that somebody has asked for.
#[derive(Debug, Default)]
pub(super) struct Aborting {
    /// Somebody wants it, or had it done.
    pub wanted: bool,
    /// libvirt has taken one.
    pub taken: bool,
    /// libvirt has refused it, as it does while there is no job yet: it is asked again then.
    again_at: Option<Duration>,
}

impl Engine {
    /// Takes a wish. It gets one answer: at once, or when libvirt has said what it thinks of it.
    pub(super) fn wish(&mut self, number: u64, wish: Wish) {
        if self.state.is_over() {
            let harmless = matches!(wish, Wish::Abort | Wish::Force);
            let answer = if harmless { Ok(()) } else { Err(self.is_over_error()) };
            return self.record.answer(number, answer);
        }
        match wish {
            Wish::Abort => self.wish_abort(number),
            Wish::Force => self.wish_force(number),
            Wish::SetMaxDowntime(limit) => {
                let change = Change::SetMaxDowntime(limit);
                self.wish_change(number, change, Act::Take(Action::SetMaxDowntime(limit)));
            }
            Wish::SetBandwidth(mib_per_second) => {
                let post_copy = self.watch.context.post_copy;
                let change = Change::SetBandwidth { mib_per_second, post_copy };
                self.wish_change(number, change, Act::SetBandwidth(mib_per_second));
            }
        }
    }

    fn wish_change(&mut self, number: u64, change: Change, act: Act) {
        let doing = self.doing(change, act, ASKED_FOR, Who::Wish(number));
        self.carry_out(doing, false);
        self.watch.hurry();
    }

    fn wish_abort(&mut self, number: u64) {
        if self.aborting.taken {
            return self.record.answer(number, Ok(()));
        }
        if self.watch.context.post_copy {
            return self.record.answer(number, Err(self.in_post_copy()));
        }
        self.aborting.wanted = true;
        if matches!(self.state, State::Lost(_)) {
            // As soon as the source can be reached again.
            self.aborting.again_at = Some(self.now);
            return self.record.answer(number, Ok(()));
        }
        self.wish_change(number, Change::Abort, Act::Take(Action::Abort));
    }

    fn in_post_copy(&self) -> Error {
        let name = self.case.name();
        Error::not_now(format!(
            "{name} is in post-copy: part of its memory is at either host, so the migration can only go on"
        ))
    }

    fn wish_force(&mut self, number: u64) {
        // It is, or is being, forced.
        if self.hold == Hold::Held || (self.is_forced() && !self.forcing.wanted) {
            return self.record.answer(number, Ok(()));
        }
        let has_job = self.can_be_forced() && !matches!(self.state, State::Restarting(_) | State::Lost(_));
        if !has_job {
            self.forcing.wanted = true;
            self.watch.sample_at = self.now;
            return self.forcing.waiting.push(number);
        }
        let (change, action) = self.way_to_force();
        self.wish_change(number, change, Act::Take(action));
    }

    /// Whether there is a job that can be got over. A guest that is paused before libvirt has looked at it would be moved
    /// as a paused one.
    pub(super) fn can_be_forced(&self) -> bool {
        let pauses = self.way_to_force().0 == Change::Pause;
        self.watch.begun && (self.watch.has_looked || !pauses)
    }

    /// What gets it over at any price.
    pub(super) fn way_to_force(&self) -> (Change, Action) {
        if self.case.allows_post_copy() {
            (Change::StartPostCopy, Action::StartPostCopy)
        } else {
            (Change::Pause, Action::Pause)
        }
    }

    /// It has been looked whether there is a job that takes orders: what was wanted before is done now, or told to be
    /// done later.
    pub(super) fn force_now(&mut self, job: bool) {
        let waiting = std::mem::take(&mut self.forcing.waiting);
        if job && std::mem::take(&mut self.forcing.wanted) {
            let mut waiting = waiting.into_iter();
            let who = waiting.next().map_or(Who::Earlier, Who::Wish);
            let (change, action) = self.way_to_force();
            let doing = self.doing(change, Act::Take(action), ASKED_FOR, who);
            self.carry_out(doing, false);
            waiting.for_each(|wish| self.record.answer(wish, Ok(())));
        } else {
            waiting.into_iter().for_each(|wish| self.record.answer(wish, Ok(())));
        }
    }

    /// It is over: nobody forces it any more.
    pub(super) fn force_no_more(&mut self) {
        self.forcing.wanted = false;
        self.force_now(false);
    }

    /// When an abort that was refused is asked for again.
    pub(super) fn abort_at(&self) -> Option<Duration> {
        let wanted = !self.aborting.taken && !self.watch.context.post_copy;
        self.aborting.again_at.filter(|_| wanted)
    }

    /// What others have done, and libvirt has taken.
    pub(super) fn outside(&mut self, outside: Outside) {
        match outside {
            Outside::Paused => {
                (self.hold, self.watch.context.forced) = (Hold::Held, true);
                self.watch.doubtful |= !self.watch.has_looked;
            }
            Outside::PostCopy => self.watch.post_copy(self.now, &mut self.record),
            Outside::Aborted => (self.aborting.wanted, self.aborting.taken) = (true, true),
        }
    }

    /// What came of an abort. `state` is the domain's, where libvirt has refused it.
    pub(super) fn aborted(&mut self, doing: &Doing, result: Result<()>, state: Fact<DomainState>) {
        let Err(error) = result else {
            self.aborting.again_at = None;
            (self.aborting.wanted, self.aborting.taken) = (true, true);
            return self.tell(doing, Ok(()), false);
        };
        let post_copy =
            state.known().is_some_and(|state| state.is_post_copy() || state.is_post_copy_failed());
        let by_policy = matches!(doing.who, Who::Policy(_));
        if post_copy && !by_policy {
            (self.aborting.wanted, self.aborting.again_at) = (false, None);
            return self.answer(doing, Err(self.in_post_copy()));
        }
        if Self::has_no_job(&error) && !by_policy {
            // There is no job yet, so it is asked for until there is one.
            self.aborting.again_at = Some(self.now + NO_JOB_YET);
            return self.answer(doing, Ok(()));
        }
        if !by_policy {
            (self.aborting.wanted, self.aborting.again_at) = (false, None);
        }
        match doing.who {
            // Whoever asked is told; the record is of what was done.
            Who::Wish(_) => self.answer(doing, Err(error)),
            _ => self.tell(doing, Err(error), false),
        }
    }

    /// Records what came of a change, and tells whoever waits for that. What was done to a run that is over is nothing
    /// to a policy that has begun with the next one.
    pub(super) fn tell(&mut self, doing: &Doing, result: Result<()>, stale: bool) {
        if !self.record.ended {
            self.record.step(doing.step(&result));
        }
        match doing.who {
            // A pause that came back after the end is answered once it is undone.
            Who::Wish(wish) if self.record.ended => {
                let result = self.unless_too_late(doing, result);
                self.late_wishes.push((wish, result));
            }
            Who::Policy(_) | Who::Earlier if stale => {}
            _ => self.answer(doing, result),
        }
    }

    /// Answers those whose wish was still out when the end was told: what came of it is undone, or needs not be.
    pub(super) fn answer_late(&mut self) {
        for (wish, result) in std::mem::take(&mut self.late_wishes) {
            self.record.answer(wish, result);
        }
    }

    fn answer(&mut self, doing: &Doing, result: Result<()>) {
        match &doing.who {
            Who::Policy(decision) => self.watch.carried_out(self.now, decision, result.is_ok()),
            Who::Wish(wish) => {
                let result = self.unless_too_late(doing, result);
                self.record.answer(*wish, result);
            }
            Who::Earlier => {}
        }
    }

    /// What raced with the end and lost is answered as what is asked for after the end: to get over what is over is done.
    fn unless_too_late(&self, doing: &Doing, result: Result<()>) -> Result<()> {
        let over = self.state.is_over() || result.as_ref().is_err_and(Self::has_left);
        let harmless = doing.is_force() || doing.change == Change::Abort;
        if over && harmless { Ok(()) } else { result }
    }

    /// What came of the abort that a restart begins with. Returns whether that was one.
    pub(super) fn restart_aborted(&mut self, doing: &Doing, result: &Result<()>, refused: bool) -> bool {
        if !doing.restarts() {
            return false;
        }
        if let State::Restarting(restarting) = &mut self.state {
            restarting.abort = if result.is_ok() { Abort::Taken } else { Abort::Unknown(self.now) };
            if refused && restarting.returned.is_none() {
                self.state = State::Calling(super::Calling::default());
            }
        }
        self.tell(doing, result.clone(), false);
        true
    }

    /// Orders of its own to the state that it is in.
    pub(super) fn change_for_state(&mut self, change: Change) {
        self.awaiting = Some(self.order(Order::Change(change), Purpose::State));
    }
}
