//! Post-copy by decision: what one pass has left tells whether waiting for the next ones is worth it.

use std::time::Duration;

use super::Adaptive;
use super::limit::LEAST_PATIENCE;
use crate::policy::text::{bytes, time};
use crate::policy::{Action, Decision, OnDeadline, Sample};

/// Passes are waited for while that costs at most this part of the whole time more than post-copy, ...
const WORTH_WAITING: f64 = 0.05;

impl Adaptive {
    /// Post-copy as soon as it is known that waiting takes longer, even for a guest that goes on as kindly as what was
    /// measured allows: it writes each time to memory that it has not written to yet, so a shorter pass finds less.
    pub(super) fn early(&mut self, sample: &Sample) -> Option<Decision> {
        let cap = self.cap() as f64 / 1000.0;
        let (pause, throughput) = (self.estimate.pause_at_best()?, self.estimate.at_best()?);
        let last = self.estimate.last_pass()?;
        let dirties = pause / last.max(1e-9);
        // Infinite for a guest that dirties in a pass what takes as long to send.
        let waiting = if dirties < 1.0 { (pause - cap) / (1.0 - dirties) + cap } else { f64::INFINITY };
        // ... or this many seconds, which nobody notices.
        let worth = ((sample.elapsed.as_secs_f64() + pause) * WORTH_WAITING).max(LEAST_PATIENCE);
        let too_much = pause > cap && waiting > pause + worth && !self.estimate.link_has_dropped();
        if !self.too_much.holds(too_much, sample.elapsed)
            || self.estimate.link_may_drop(sample)
            || !self.post_copy_fits(sample)
        {
            return None;
        }
        let waiting = match waiting.is_finite() {
            true => format!("at least {}", time(waiting)),
            false => "for ever".to_owned(),
        };
        let reason = format!(
            "a pass of {} left {}, which takes {} at {}/s; waiting until {} ms are enough for it would take \
             {waiting}; post-copy is allowed",
            time(last),
            bytes(pause * throughput),
            time(pause),
            bytes(throughput),
            self.intent.max_downtime_ms(),
        );
        self.steps.ask(Action::StartPostCopy, sample.elapsed, reason)
    }

    /// Whether post-copy can be used, and is over before the migration would be given up: once begun it cannot be.
    pub(super) fn post_copy_fits(&self, sample: &Sample) -> bool {
        let gives_up = self.intent.on_deadline() == OnDeadline::Abort;
        let deadline = self.intent.deadline().filter(|_| gives_up);
        let left = deadline.map(|deadline| deadline.saturating_sub(sample.elapsed));
        self.post_copy_is_short() && self.post_copy_takes_at_most(left)
    }

    /// Whether post-copy can be used, and is over in the time that the intent allows for it.
    pub(super) fn post_copy_is_short(&self) -> bool {
        self.post_copy_left() && self.post_copy_takes_at_most(self.intent.max_post_copy())
    }

    /// What was left when the pass began may be dirty again, so that is what has to follow.
    fn post_copy_takes_at_most(&self, bound: Option<Duration>) -> bool {
        bound.is_none_or(|bound| self.estimate.pause().is_some_and(|needed| needed <= bound.as_secs_f64()))
    }
}
