//! An abort that QEMU never finishes: the guest stands still at the source for good.
//!
//! Before the switchover QEMU waits for libvirt's word to go on, and an abort ends that wait. One that comes between QEMU's
//! last look for it and the wait ends nothing (seen in QEMU 7.2 on a machine at its limit; by reading, until 10.0): QEMU
//! says "cancelling" for ever, nothing moves, and libvirt waits for QEMU. The word that QEMU waits for lets it find the
//! abort, and the guest goes on. It is given for the state "cancelling" alone, so that QEMU refuses it in every other.

use super::Engine;
use super::doing::Who;
use super::order::Change;
use super::state::State;
use crate::location::{Answer, Answers};
use crate::record::Act;

/// How often it is told.
const ATTEMPTS: u32 = 3;

const REASON: &str =
    "it was aborted at the switchover, nothing moves any more, and QEMU does not have the guest go on";

impl Engine {
    /// Both hosts have answered, after a time in which nothing was heard.
    pub(super) fn finish_abort(&mut self, answers: Answers) {
        if self.finish_aborts < ATTEMPTS && self.is_left_in_abort(answers) {
            self.finish_aborts += 1;
            let doing = self.doing(Change::FinishAbort, Act::FinishAbort, REASON, Who::Earlier);
            self.carry_out(doing, false);
        }
    }

    /// It stands still for the switchover. Whether it was aborted we know, or the destination has given it up for a reason
    /// that we do not know: then QEMU knows.
    fn is_left_in_abort(&self, answers: Answers) -> bool {
        let waits = matches!(self.state, State::Calling(_) | State::Restarting(_) | State::Following(_));
        let stands =
            matches!(answers.source, Answer::State(state) if state.is_paused() && state.is_migrating());
        let aborted = self.aborting.taken || answers.destination == Answer::Absent;
        waits && stands && aborted && self.watch.silence.lasts()
    }
}
