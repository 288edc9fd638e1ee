//! The handle of a migration.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conclude::OUTGOING;
use super::outcome::Outcome;
use super::perform::{perform, text};
use super::shared::{Shared, tell};
use super::start::is_active;
use super::step::{Act, Step};
use super::update::{Update, UpdateSink};
use super::watcher;
use crate::error::LibvirtError;
use crate::job::JobInfo;
use crate::policy::{Action, Decision};
use crate::progress::Progress;
use crate::{Error, Result};

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
        self.shared.lock().end.clone()
    }

    /// The last progress.
    pub fn progress(&self) -> Progress {
        self.shared.lock().progress
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
        self.shared.lock().steps.clone()
    }

    /// Whether libvirt's events drive it; without them it is polled.
    pub fn has_events(&self) -> bool {
        self.shared.has_events()
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
    /// Before the job has begun it is not started, or aborted as soon as it can be. After the end nothing is
    /// done. In post-copy it is refused: neither host has all of the guest.
    pub fn abort(&self) -> Result<()> {
        self.shared.check_process()?;
        {
            let mut state = self.shared.lock();
            if state.end.is_some() || state.abort_taken {
                return Ok(());
            }
            if state.context.post_copy {
                return Err(self.in_post_copy());
            }
            state.abort = true;
            if !state.called {
                return Ok(());
            }
        }
        self.shared.acting(|| self.abort_job())
    }

    fn abort_job(&self) -> Result<()> {
        let domain = self.shared.control();
        let Err(error) = domain.abort_job(false) else {
            self.shared.abort_taken();
            return Ok(());
        };
        let mut state = self.shared.lock();
        if state.end.is_some() {
            return Ok(());
        }
        drop(state);
        let post_copy = domain.state().is_ok_and(|state| state.is_post_copy() || state.is_post_copy_failed());
        state = self.shared.lock();
        if post_copy {
            state.abort = false;
            return Err(self.in_post_copy());
        }
        if error.libvirt_code() == Some(LibvirtError::OPERATION_INVALID) {
            // There is no job yet, so it is asked for until there is one.
            state.abort_again = true;
            drop(state);
            watcher::wake(&self.shared);
            return Ok(());
        }
        state.abort = false;
        Err(error)
    }

    fn in_post_copy(&self) -> Error {
        let name = self.shared.name();
        Error::not_now(format!(
            "{name} is in post-copy: part of its memory is at either host, so the migration can only go on"
        ))
    }

    /// Gets it over at any price: by post-copy where that is allowed, else by pausing the guest until it has
    /// moved. Before the job has begun that is done as soon as it has; after the end nothing is done.
    pub fn force_complete(&self) -> Result<()> {
        self.shared.check_process()?;
        {
            let state = self.shared.lock();
            if state.end.is_some() || state.pauses.taken || state.context.post_copy {
                return Ok(());
            }
        }
        if !self.has_job() {
            self.shared.lock().force = true;
            watcher::wake(&self.shared);
            return Ok(());
        }
        self.act(self.shared.forcing())
    }

    /// Whether there is a job that can be forced. A guest that is paused before libvirt was asked to move it would be
    /// moved as a paused one.
    fn has_job(&self) -> bool {
        let (begun, called) = {
            let state = self.shared.lock();
            if state.restart.is_some() {
                return false;
            }
            (state.begun, state.called)
        };
        let outgoing =
            |job: JobInfo| is_active(job.kind) && job.operation.is_none_or(|kind| kind == OUTGOING);
        begun || called && self.shared.control().job_info(false).is_ok_and(outgoing)
    }

    /// Sets the longest pause that it may cause, in milliseconds. A policy may change it again, never beyond
    /// its own intent.
    pub fn set_max_downtime(&self, milliseconds: u64) -> Result<()> {
        self.act(Action::SetMaxDowntime(milliseconds))
    }

    /// Limits its bandwidth; 0 is unlimited. Post-copy has a limit of its own, which is meant once it is in
    /// post-copy.
    pub fn set_bandwidth(&self, mib_per_second: u64) -> Result<()> {
        self.check_running()?;
        let post_copy = self.shared.lock().context.post_copy;
        self.shared.acting(|| {
            let result = self.shared.control().set_bandwidth(mib_per_second, post_copy);
            self.shared.record_act(Act::SetBandwidth(mib_per_second), "it was asked for", text(&result));
            result
        })
    }

    fn act(&self, action: Action) -> Result<()> {
        self.check_running()?;
        let decision = Decision { at: self.shared.elapsed(), action, reason: "it was asked for".to_owned() };
        let result = perform(&self.shared, &decision);
        watcher::wake(&self.shared);
        result
    }

    fn check_running(&self) -> Result<()> {
        self.shared.check_process()?;
        if self.shared.lock().end.is_some() {
            return Err(Error::not_now(format!("the migration of {} is over", self.shared.name())));
        }
        Ok(())
    }
}
