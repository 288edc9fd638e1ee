//! What a watch learns from libvirt's events, and from the domain's state where none tells of it.

use std::time::Instant;

use super::watch::Watch;
use crate::job::{JobInfo, JobType};
use crate::policy::Sample;
use crate::state::DomainState;

impl Watch {
    /// Whether this is the pause at the end of a migration rather than one of somebody's.
    fn is_switchover(&self) -> bool {
        !self.shared.was_paused() && !self.shared.lock().pauses.taken
    }

    /// The domain's state, where no event tells of it.
    pub(super) fn seen(&mut self, state: DomainState) {
        if state.is_post_copy() {
            self.post_copy();
        } else if state.is_migrating() && self.is_switchover() {
            self.switchover();
        }
    }

    fn post_copy(&mut self) {
        let mut state = self.shared.lock();
        state.context.post_copy = true;
        // Nothing is aborted there any more.
        state.abort_again = false;
        self.shared.switch(&mut state);
    }

    fn switchover(&mut self) {
        let mut state = self.shared.lock();
        state.context.switchover = true;
        self.shared.switch(&mut state);
    }

    /// libvirt's news, in the numbers of its header.
    pub fn event(&mut self, event: crate::domain::DomainEvent) {
        use crate::domain::DomainEvent::{Iteration, JobCompleted, Lifecycle};
        use crate::numbers::events::{
            RESUMED, STOPPED, STOPPED_MIGRATED, SUSPENDED, SUSPENDED_MIGRATED, SUSPENDED_POSTCOPY,
        };
        match event {
            Iteration(_) => self.moving = true,
            JobCompleted(job) => self.completed(*job),
            Lifecycle { event: SUSPENDED, detail: SUSPENDED_MIGRATED } if self.is_switchover() => {
                self.switchover()
            }
            Lifecycle { event: SUSPENDED, detail: SUSPENDED_POSTCOPY } => self.post_copy(),
            // Back at the source.
            Lifecycle { event: RESUMED, .. } => {
                let mut state = self.shared.lock();
                state.context.switchover = false;
                // One that was paused by force, and that somebody has had go on.
                state.context.forced = state.context.post_copy;
            }
            Lifecycle { event: STOPPED, detail } => {
                self.succeeded |= detail == STOPPED_MIGRATED;
                self.over = self.shared.adopted;
            }
            Lifecycle { .. } => {}
        }
        self.silence.broken(Instant::now());
        self.hurry();
    }

    fn completed(&mut self, job: JobInfo) {
        if job.operation.is_some_and(|operation| operation != super::conclude::OUTGOING) {
            return;
        }
        let succeeded = has_succeeded(&job);
        self.succeeded |= succeeded;
        let progress = {
            let mut state = self.shared.lock();
            state.context.finishing |= succeeded;
            if succeeded {
                self.shared.switch(&mut state);
            }
            let sample = Sample::from_job(&job, self.shared.elapsed(), state.context);
            let place = if succeeded { &mut state.last_job } else { &mut state.failed_job };
            *place = Some(job);
            self.tracker.observe(&sample)
        };
        self.shared.advance(progress);
    }
}

/// Whether these are the last statistics of a job that moved the guest. libvirt before 7.8 tells it by the kind alone.
fn has_succeeded(job: &JobInfo) -> bool {
    job.success != Some(false) && !matches!(job.kind, JobType::Failed | JobType::Cancelled)
}
