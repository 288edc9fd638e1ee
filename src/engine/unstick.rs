//! A call that libvirt never returns from, although nothing is moved any more.
//!
//! Where a migration ends between QEMU's stop for the switchover and the moment in which libvirt takes note of it (it
//! was aborted, or the destination's QEMU went), QEMU has the guest go on at the source. libvirt then waits for a guest
//! to stop that runs on: for ever, and refuses every other job meanwhile (seen in 9.0.0 with QEMU 7.2, on a machine at
//! its limit). A short pause is what it waits for. It takes note of the end then, and has the guest go on itself.

use std::time::Duration;

use super::doing::{Hold, Who};
use super::order::{Change, Ticket};
use super::state::{Calling, State};
use super::{Engine, Purpose};
use crate::flags::MigrateFlags;
use crate::location::{Answer, Answers};
use crate::record::Act;

/// How long the guest stands still for that at most. libvirt needs milliseconds.
const HOLD: Duration = Duration::from_secs(2);
/// How often it is asked to pause, and told to go on, where that fails.
const ATTEMPTS: u32 = 10;

const PAUSE: &str = "libvirt waits for the guest to stand still, which goes on at the source since nothing is moved any \
                     more: it is paused until libvirt has taken note of that";
const RESUME: &str = "libvirt has not taken note of it";

/// What was done about such a call.
#[derive(Debug, Default)]
pub(super) struct Unstick {
    /// How often it was asked to pause.
    asked: u32,
    /// It was paused once, which helps or does not.
    paused: bool,
    /// When the guest goes on, whatever libvirt does.
    resume_at: Option<Duration>,
    resumed: u32,
}

impl Engine {
    /// Both hosts have answered, after a time in which nothing was heard.
    pub(super) fn unstick(&mut self, answers: Answers) {
        let tried = self.unstick.paused || self.unstick.asked >= ATTEMPTS;
        if tried || self.hold != Hold::Free || !self.is_stuck(answers) {
            return;
        }
        self.unstick.asked += 1;
        // It is over, so there is nothing to start again.
        if matches!(self.state, State::Restarting(_)) {
            self.state = State::Calling(Calling::default());
        }
        let doing = self.doing(Change::Pause, Act::PauseSource, PAUSE, Who::Earlier);
        self.carry_out(doing, false);
    }

    /// Nothing else looks like this: there is a job without figures, although memory was moved, QEMU and not libvirt has had
    /// the guest go on, and the destination does not know it. While libvirt may be busy with disks nothing is known.
    fn is_stuck(&self, answers: Answers) -> bool {
        let waits = matches!(self.state, State::Calling(_) | State::Restarting(_) | State::Following(_));
        let copies =
            self.case.flags.intersects(MigrateFlags::NON_SHARED) || self.record.progress.disk_total > 0;
        let by_qemu = matches!(answers.source, Answer::State(state) if state.goes_on_by_itself());
        let gone = self.watch.emptied && answers.destination == Answer::Absent;
        waits && !copies && by_qemu && gone && self.watch.silence.lasts()
    }

    /// The pause was made, or may have been.
    pub(super) fn unstick_paused(&mut self) {
        (self.unstick.paused, self.unstick.resume_at) = (true, Some(self.now + HOLD));
    }

    /// Whether the guest is paused by this order for a moment only, rather than to get the migration over.
    pub fn holds(&self, ticket: Ticket) -> bool {
        self.out.get(&ticket.number).is_some_and(|out| {
            matches!(&out.purpose, Purpose::Change(doing) if doing.change == Change::Pause && doing.act == Act::PauseSource)
        })
    }

    /// When the guest is to go on, unless the call returns before: then its end sees to that.
    pub(super) fn unstick_at(&self) -> Option<Duration> {
        self.unstick.resume_at.filter(|_| !self.state.is_over() && self.hold == Hold::Held)
    }

    pub(super) fn unstick_due(&mut self) {
        if self.unstick_at().is_none_or(|at| at > self.now) {
            return;
        }
        self.unstick.resumed += 1;
        self.unstick.resume_at = None;
        let doing = self.doing(Change::Resume, Act::Resume, RESUME, Who::Earlier);
        self.carry_out(doing, false);
    }

    /// What came of having it go on.
    pub(super) fn unstick_resumed(&mut self, resumed: bool) {
        if resumed {
            self.hold = Hold::Free;
        } else if self.unstick.resumed < ATTEMPTS {
            self.unstick.resume_at = Some(self.now + HOLD);
        }
    }
}
