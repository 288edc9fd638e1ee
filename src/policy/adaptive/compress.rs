//! A link that is found to be slow: memory compressed, which QEMU takes only when a migration starts.

use std::time::Duration;

use super::{Adaptive, COMPRESS};
use crate::policy::text::bytes;
use crate::policy::{Action, Decision, Sample};
use crate::transport::{CONNECTIONS, SLOW};

/// For so long has memory to have moved: what was sent before may be what sockets and queues took at once.
const SEEN: Duration = Duration::from_secs(2);
/// The part of the time that compression saves where memory is like text. Memory that does not compress loses nothing by it
/// (both as measured, `docs/convergence.md`).
const SAVES: f64 = 1.0 / 3.0;
/// So many times what the start again costs has to be saved, since it is not known what is in the memory.
const PAYS: f64 = 2.0;
/// The part by which what a link carries is off after so short a time.
const NOISE: f64 = 0.1;
/// What it takes until the second run moves memory, s.
const START: f64 = 0.5;

impl Adaptive {
    /// Starts again with compressed memory over a slow link, once, early in the first pass.
    pub(super) fn compress(&mut self, sample: &Sample) -> Option<Decision> {
        let tried = self.steps.failures(COMPRESS) > 0;
        if !self.may_compress || tried || sample.iteration > 1 {
            return None;
        }
        let moved = self.estimate.moved_for(sample.elapsed)?;
        let link = self.estimate.at_best()?;
        let calm = !self.estimate.link_has_dropped();
        if !self.slow_link.holds(link < SLOW && moved >= SEEN && calm, sample.elapsed) {
            return None;
        }
        // As much of the rest is sent as of what was gone through.
        let sent = sample.memory_processed as f64;
        let share = sent / (sent + sample.memory_constant as f64);
        let rest = sample.memory_remaining as f64 * share / link;
        let cost = moved.as_secs_f64() + START;
        if SAVES * rest < PAYS * cost || self.deadline_is_lost(sample, rest, START + sent / link) {
            return None;
        }
        let reason = format!(
            "the link carries {}/s, and the processors compress faster than that; the rest would take {rest:.0} s, and \
             {cost:.1} s are lost",
            bytes(link),
        );
        self.steps.ask(Action::RestartCompressed(CONNECTIONS), sample.elapsed, reason)
    }

    /// Whether the deadline may be met as it is, with about `rest` seconds to go, and not with `more` besides.
    fn deadline_is_lost(&self, sample: &Sample, rest: f64, more: f64) -> bool {
        self.intent.deadline().is_some_and(|deadline| {
            let left = deadline.saturating_sub(sample.elapsed).as_secs_f64();
            (rest * (1.0 - NOISE)..(rest + more) * (1.0 + NOISE)).contains(&left)
        })
    }
}
