//! The orders that go one after the other: what is due of them, and when. One that hangs holds up the next one, never
//! what a user wants.

use std::time::Duration;

use super::doing::{ASKED_FOR, Doing, Hold, Who};
use super::order::{Change, Order, Probe};
use super::state::{State, Story};
use super::{Engine, Purpose, Scope};
use crate::error::LibvirtError;
use crate::flags::MigrateFlags;
use crate::policy::{Action, Decision};
use crate::record::Act;
use crate::{Error, Result};

/// A start again was decided by what was left then. After a longer time it costs more than was counted with.
const STILL_PAYS: Duration = Duration::from_secs(3);

impl Engine {
    /// Whether there is something to look at. What goes on without its call has to be, whoever made that.
    fn is_watched(&self) -> bool {
        match self.state {
            State::Calling(_) | State::Restarting(_) => self.case.scope != Scope::Call,
            // No call tells its end.
            State::Following(_) => true,
            _ => false,
        }
    }

    /// When the next one is due; `None` while one is out, or none will be.
    pub(super) fn lane_at(&self) -> Option<Duration> {
        if self.lane.is_some() || !self.is_watched() {
            return None;
        }
        if !self.watch.decisions.is_empty() {
            return Some(self.now);
        }
        let subscribe = self.watch.subscribe_at().filter(|_| self.case.scope == Scope::Whole);
        [Some(self.watch.sample_at), subscribe, self.abort_at()].into_iter().flatten().min()
    }

    /// Gives out the next one, if it is due.
    pub(super) fn lane_due(&mut self) {
        if self.lane.is_some() || !self.is_watched() {
            return;
        }
        if self.abort_at().is_some_and(|at| at <= self.now) {
            let doing = self.doing(Change::Abort, Act::Take(Action::Abort), ASKED_FOR, Who::Earlier);
            return self.in_lane(Order::Change(Change::Abort), Purpose::Change(doing));
        }
        while let Some(decision) = self.watch.decisions.pop_front() {
            self.decided(decision);
            if self.lane.is_some() {
                return;
            }
        }
        if self.watch.sample_at <= self.now {
            self.watch.sample(self.now);
            return self.in_lane(Order::Sample { state: self.needs_state() }, Purpose::Sample);
        }
        if self.case.scope == Scope::Whole && self.watch.subscribe_at().is_some_and(|at| at <= self.now) {
            self.in_lane(Order::Subscribe, Purpose::Subscribe);
        }
    }

    /// The domain's state tells the switchover where no event does, and the end of what no call of ours sits in.
    fn needs_state(&self) -> bool {
        match self.state {
            State::Following(_) => true,
            _ if self.case.scope.is_beside() => self.watch.begun,
            _ => !self.watch.events && self.record.progress.iteration > 0,
        }
    }

    /// A change for somebody, decided now.
    pub(super) fn doing(&self, change: Change, act: Act, reason: &str, who: Who) -> Doing {
        Doing { at: self.now, change, act, reason: reason.to_owned(), who }
    }

    /// Has a decision of the policy's carried out, or drops one that something else has overtaken.
    fn decided(&mut self, decision: Decision) {
        let gives_up = decision.action == Action::Abort || decision.action.restarts();
        // Decided before it was forced, or aborted.
        if (gives_up && self.is_forced()) || self.aborting.wanted {
            return self.watch.carried_out(self.now, &decision, false);
        }
        let change = match decision.action {
            Action::SetMaxDowntime(limit) => Change::SetMaxDowntime(limit),
            Action::StartPostCopy => Change::StartPostCopy,
            Action::Pause => Change::Pause,
            Action::Abort | Action::Restart(_) | Action::RestartCompressed(_) => Change::Abort,
        };
        let (act, at) = (Act::Take(decision.action), decision.at);
        let reason = decision.reason.clone();
        let doing = Doing { at, change, act, reason, who: Who::Policy(decision) };
        match self.refused(&doing) {
            Some(error) => self.not_done(&doing, error),
            None => self.carry_out(doing, true),
        }
    }

    /// Why a change is not to be made now, whatever libvirt would say.
    pub(super) fn refused(&self, doing: &Doing) -> Option<Error> {
        let why = match doing.act {
            _ if doing.restarts() && !self.can_restart() => {
                "a migration that others started cannot be started again"
            }
            _ if doing.restarts() && self.hold != Hold::Free => "it is forced already",
            Act::Take(Action::Pause) if matches!(self.state, State::Restarting(_)) => {
                "the migration is being started again, and a guest that is paused before is moved as a paused one"
            }
            Act::Take(Action::Pause) if !self.watch.has_looked => {
                "libvirt has not looked at the guest yet, and one that is paused before is moved as a paused one"
            }
            _ => return None,
        };
        Some(Error::not_now(why))
    }

    fn can_restart(&self) -> bool {
        self.case.scope == Scope::Whole && matches!(self.state, State::Calling(_))
    }

    /// A change was refused here.
    pub(super) fn not_done(&mut self, doing: &Doing, error: Error) {
        self.changed(doing, Err(error), crate::fact::Fact::Unknown, false);
    }

    /// Gives a change out, with the question before it where there is one.
    pub(super) fn carry_out(&mut self, doing: Doing, in_lane: bool) {
        if doing.change == Change::Pause {
            if self.hold != Hold::Free {
                return self.changed_already(&doing);
            }
            self.hold = Hold::Asked;
        }
        match self.probe(&doing) {
            // What changes nothing goes beside the looks: a destination that hangs must not hold them up.
            Some(probe) => {
                let order = Order::Probe(probe);
                let in_lane = in_lane && order.changes();
                self.give(order, Purpose::Probe(doing), in_lane);
            }
            None => self.make(doing, in_lane),
        }
    }

    fn give(&mut self, order: Order, purpose: Purpose, in_lane: bool) {
        if in_lane {
            self.in_lane(order, purpose);
        } else {
            self.order(order, purpose);
        }
    }

    /// What is to be found out before a change.
    fn probe(&self, doing: &Doing) -> Option<Probe> {
        let flags = self.case.flags;
        if matches!(doing.act, Act::Take(Action::RestartCompressed(_))) {
            return Some(Probe::Compression { post_copy: flags.contains(MigrateFlags::POSTCOPY) });
        }
        // libvirt writes the guest's own definition when the guest has left already, and ends it at the destination
        // where that fails. In pre-copy it goes on at the source then; in post-copy it would be lost.
        let writes = doing.change == Change::StartPostCopy
            && self.case.scope == Scope::Whole
            && self.case.destination
            && flags.contains(MigrateFlags::PERSIST_DEST);
        writes.then_some(Probe::Definition)
    }

    /// Gives a change out.
    fn make(&mut self, doing: Doing, in_lane: bool) {
        if let (true, Act::Take(action)) = (doing.restarts(), doing.act) {
            self.restart(action);
        }
        self.give(Order::Change(doing.change), Purpose::Change(doing), in_lane);
    }

    /// A pause that is made already, or being made, for somebody else.
    fn changed_already(&mut self, doing: &Doing) {
        match &doing.who {
            Who::Policy(decision) => self.watch.carried_out(self.now, decision, true),
            Who::Wish(wish) => self.record.answer(*wish, Ok(())),
            Who::Earlier => {}
        }
    }

    /// Whether it is forced, or being forced.
    pub(super) fn is_forced(&self) -> bool {
        let being = |purpose: &Purpose| match purpose {
            Purpose::Change(doing) | Purpose::Probe(doing) => doing.is_force(),
            _ => false,
        };
        self.watch.context.forced || self.forcing.wanted || self.out.values().any(|out| being(&out.purpose))
    }

    /// Whether a change can be made, as was found out.
    pub(super) fn probed(&mut self, doing: Doing, result: Result<()>, stale: bool) {
        match result {
            result if doing.restarts() => self.probed_restart(doing, result.is_ok(), stale),
            Ok(()) if !stale && !self.state.is_over() => {
                let in_lane = !matches!(doing.who, Who::Wish(_));
                self.make(doing, in_lane);
            }
            Ok(()) => self.changed(&doing, Err(self.is_over_error()), crate::fact::Fact::Unknown, stale),
            Err(error) => {
                let why = format!(
                    "the destination cannot keep a definition now, and in post-copy the guest would be lost by that: \
                     {error}"
                );
                self.changed(&doing, Err(Error::not_now(why)), crate::fact::Fact::Unknown, stale);
            }
        }
    }

    /// Both hosts have been asked whether they take what it is to be started again with. Where they do not, or something
    /// has come between, it goes on as it is: nothing was tried, and nothing is told.
    fn probed_restart(&mut self, doing: Doing, takes: bool, stale: bool) {
        let overtaken = self.is_forced()
            || self.aborting.wanted
            || self.watch.context.switchover
            || !self.watch.decisions.is_empty()
            || self.now > doing.at + STILL_PAYS;
        if takes && !stale && !overtaken && self.refused(&doing).is_none() {
            self.make(doing, false);
        } else if let (false, Who::Policy(decision)) = (stale, &doing.who) {
            self.watch.carried_out(self.now, decision, false);
        }
    }

    pub(super) fn is_over_error(&self) -> Error {
        Error::not_now(format!("the migration of {} is over", self.case.name()))
    }

    /// Why it is followed without a call, where it is.
    pub(super) fn story(&self) -> Option<&Story> {
        match &self.state {
            State::Following(following) => Some(&following.story),
            _ => None,
        }
    }

    /// Whether libvirt has no job that it could do this to.
    pub(super) fn has_no_job(error: &Error) -> bool {
        error.libvirt_code() == Some(LibvirtError::OPERATION_INVALID)
    }

    /// Whether the source does not know the guest any more.
    pub(super) fn has_left(error: &Error) -> bool {
        error.libvirt_code() == Some(LibvirtError::NO_DOMAIN)
    }
}
