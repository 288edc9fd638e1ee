//! A link that is found to be slow: memory compressed, which QEMU takes only when a migration starts.

use std::time::Duration;

use super::{Adaptive, COMPRESS};
use crate::policy::text::bytes;
use crate::policy::{Action, Decision, Sample};
use crate::transport::{CONNECTIONS, SLOW};

/// For so long has memory to have moved.
const SEEN: Duration = Duration::from_secs(1);
/// So many times as long as the migration has run has the rest to take, since that is what a start again loses. Compression
/// saves a third to two thirds of the rest where memory is like text, and nothing where it does not compress, of which
/// nobody knows (both as measured, `docs/convergence.md`).
const PAYS: f64 = 4.0;
/// The part by which what a link carries is off after so short a time.
const NOISE: f64 = 0.1;

impl Adaptive {
    /// Starts again with compressed memory over a slow link, once, early in the first pass.
    pub(super) fn compress(&mut self, sample: &Sample) -> Option<Decision> {
        let tried = self.steps.failures(COMPRESS) > 0;
        if !self.may_compress || tried || sample.iteration > 1 {
            return None;
        }
        let moved = self.estimate.moved_for(sample.elapsed)?;
        let link = self.estimate.link()?;
        if !self.slow_link.holds(link < SLOW && moved >= SEEN, sample.elapsed) {
            return None;
        }
        let rest = sample.memory_remaining as f64 * self.estimate.sent_share() / link;
        let (lost, setup) = (sample.elapsed.as_secs_f64(), (sample.elapsed - moved).as_secs_f64());
        let again = setup + sample.memory_processed as f64 / link;
        if rest < PAYS * lost || self.deadline_is_lost(sample, rest, again) {
            return None;
        }
        let reason = format!(
            "the link carries {}/s, and the processors compress faster than that; the rest would take {rest:.0} s, and \
             {lost:.1} s are lost",
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
