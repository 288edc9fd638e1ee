//! The handle of a migration.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::clock::deliver;
use super::shared::{Shared, tell};
use crate::Result;
use crate::engine::{Input, Wish};
use crate::progress::Progress;
use crate::record::{Outcome, Step};
use crate::update::{Update, UpdateSink};

/// A migration that runs, or is over. Clones are the same migration; dropping all of them leaves it running.
#[derive(Clone)]
pub struct Migration {
    pub(super) shared: Arc<Shared>,
}

impl Migration {
    /// Waits until it is over, for ever or as long as `timeout`; says whether it is.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        self.shared.check_process()?;
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Ok(self.shared.wait_until(until, |state| state.end.is_some()).end.is_some())
    }

    /// Waits until it is over, and says how it ended.
    pub fn result(&self) -> Result<Outcome> {
        self.wait(None)?;
        match self.ended().as_deref() {
            Some(end) => end.clone(),
            None => unreachable!("it was waited for"),
        }
    }

    /// How it ended; `None` while it runs.
    pub fn ended(&self) -> Option<Arc<Result<Outcome>>> {
        self.shared.peek()?.end.clone()
    }

    /// The last progress.
    pub fn progress(&self) -> Progress {
        self.shared.peek().map(|state| state.progress).unwrap_or_default()
    }

    /// Waits for a progress after the one with this number (0 for the first), at most as long as `timeout`.
    /// `Ok(None)` when the time is over, and once the migration is over and its last progress was told.
    pub fn progress_after(&self, seen: u64, timeout: Option<Duration>) -> Result<Option<(u64, Progress)>> {
        self.shared.check_process()?;
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let state = self.shared.wait_until(until, |state| state.sequence > seen || state.end.is_some());
        Ok((state.sequence > seen).then_some((state.sequence, state.progress)))
    }

    /// What was decided and done so far.
    pub fn decisions(&self) -> Vec<Step> {
        self.shared.peek().map(|state| state.steps.clone()).unwrap_or_default()
    }

    /// Whether libvirt's events drive it; without them it is polled.
    pub fn has_events(&self) -> bool {
        self.shared.peek().is_some_and(|state| state.engine.has_events())
    }

    /// Tells `sink` everything from now on; the end also where it was before.
    pub fn observe(&self, sink: UpdateSink) {
        let mut state = self.shared.lock();
        match &state.end {
            Some(end) => tell(&sink, Update::Ended(end.clone())),
            None => state.sinks.push(sink),
        }
    }

    /// Aborts it: the guest goes on at the source. Returns once libvirt was asked; [`Migration::result`] waits
    /// for the end, which may be a success where the guest had arrived before.
    ///
    /// Before the job has begun it is aborted as soon as it can be. After the end nothing is done. In post-copy it is
    /// refused: neither host has all of the guest.
    pub fn abort(&self) -> Result<()> {
        self.wish(Wish::Abort)
    }

    /// Gets it over at any price: by post-copy where that is allowed, else by pausing the guest until it has
    /// moved. Before the job has begun that is done as soon as it has; after the end nothing is done.
    pub fn force_complete(&self) -> Result<()> {
        self.wish(Wish::Force)
    }

    /// Sets the longest pause that it may cause, in milliseconds. A policy may change it again, never beyond
    /// its own intent.
    pub fn set_max_downtime(&self, milliseconds: u64) -> Result<()> {
        self.wish(Wish::SetMaxDowntime(milliseconds))
    }

    /// Limits its bandwidth; 0 is unlimited. Post-copy has a limit of its own, which is meant once it is in
    /// post-copy.
    pub fn set_bandwidth(&self, mib_per_second: u64) -> Result<()> {
        self.wish(Wish::SetBandwidth(mib_per_second))
    }

    /// Has the engine do what is wanted, and waits for its answer: until libvirt has said what it thinks of that.
    fn wish(&self, wish: Wish) -> Result<()> {
        self.shared.check_process()?;
        let number = {
            let mut inner = self.shared.lock();
            inner.wishes += 1;
            inner.wishes
        };
        deliver(&self.shared, Input::Wish(number, wish));
        let mut inner = self.shared.wait_until(None, |inner| inner.answers.contains_key(&number));
        inner.answers.remove(&number).unwrap_or(Ok(()))
    }
}
