//! The deadline: what is done when it passes, and just before.

use super::Adaptive;
use crate::phase::Phase;
use crate::policy::text::{bytes, time};
use crate::policy::{Action, Decision, OnDeadline, Sample};

/// Post-copy is used in time for the deadline once what is left takes this factor and this many seconds less.
const LATEST: f64 = 1.25;
const LATEST_REST: f64 = 1.0;

impl Adaptive {
    /// What is due at the deadline.
    pub(super) fn deadline(&mut self, sample: &Sample) -> Option<Decision> {
        let deadline = self.intent.deadline()?;
        if sample.elapsed < deadline {
            return None;
        }
        let (action, what) = match self.intent.on_deadline() {
            OnDeadline::Abort => (Action::Abort, "the intent is to give up then"),
            // Neither makes disks faster, and a pause would last until they are copied.
            OnDeadline::Force if sample.phase != Phase::Memory => return None,
            OnDeadline::Force if self.post_copy_left() => {
                (Action::StartPostCopy, "the intent is to force it then, and post-copy is allowed")
            }
            OnDeadline::Force => {
                (Action::Pause, "the intent is to force it then, and post-copy cannot be used")
            }
        };
        let reason = format!(
            "the deadline of {:.1} s has passed with {} of memory left{}; {what}",
            deadline.as_secs_f64(),
            bytes(sample.memory_remaining as f64),
            if sample.phase == Phase::Disks { " and disks still being copied" } else { "" },
        );
        self.steps.ask(action, sample.elapsed, reason)
    }

    /// Post-copy in time for the deadline, for a guest that converges too slowly for it.
    pub(super) fn last_chance(&mut self, sample: &Sample) -> Option<Decision> {
        let left = self.intent.deadline()?.checked_sub(sample.elapsed)?.as_secs_f64();
        let limit = self.limit(sample) as f64 / 1000.0;
        let throughput = self.estimate.throughput()?;
        let rest = self.estimate.rest(sample.elapsed)?;
        let late = self.estimate.seconds_until(limit, sample.memory_remaining as f64)? > left;
        let now = late && rest < left && left < rest * LATEST + LATEST_REST;
        if !(self.too_slow.holds(now, sample.elapsed) && self.post_copy_is_short()) {
            return None;
        }
        let reason = format!(
            "the deadline is {left:.1} s away, the {} that are left need {}, and the guest would not have \
             converged by then; post-copy is allowed",
            bytes(rest * throughput),
            time(rest),
        );
        self.steps.ask(Action::StartPostCopy, sample.elapsed, reason)
    }
}
