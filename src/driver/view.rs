//! Asking the two hosts of a guest.

use std::sync::Arc;

use crate::domain::DomainOps;
use crate::engine::{Moved, Viewed};
use crate::fact::Fact;

use crate::location::{Answer, Answers};
use crate::numbers::jobs::OPERATION_MIGRATION_IN;

/// The two hosts, as far as they are known.
pub(crate) struct Sides {
    pub source: Arc<dyn DomainOps>,
    /// The source does not know the guest any more.
    pub gone: bool,
    /// The URI of the destination's daemon.
    pub destination: Option<String>,
    pub uuid: Option<String>,
}

impl Sides {
    fn source(&self) -> Answer {
        if self.gone { Answer::Absent } else { Answer::of(self.source.state()) }
    }

    /// Asks the source, and then the destination where the source's answer does not settle it: what has left the one
    /// has arrived at the other before.
    pub fn ask(&self) -> Answers {
        let source = self.source();
        // One that runs has not left, unless libvirt has it go on: it does so where it lost the destination's answer,
        // and the destination may go on as well.
        let settles = matches!(source, Answer::State(state) if state.is_running()
            && !state.goes_on_after_failure() && !state.is_post_copy() && !state.is_post_copy_failed());
        if settles {
            return Answers { source, destination: Answer::Unknown };
        }
        let uuid = self.uuid.clone().or_else(|| self.source.uuid().ok());
        let destination = match (self.destination.as_deref(), uuid) {
            (Some(destination), Some(uuid)) => self.source.ask_destination(destination, &uuid),
            _ => Answer::Unknown,
        };
        Answers { source, destination }
    }

    /// Asks both for all that a remedy follows from. The guest at the destination comes with it.
    pub fn view(&self) -> (Viewed, Option<Arc<dyn DomainOps>>) {
        let source = self.source();
        let there = match (self.destination.as_deref(), self.uuid.as_deref()) {
            (Some(uri), Some(uuid)) => self.source.at(uri, uuid).map_err(drop),
            _ => Err(()),
        };
        let destination = match &there {
            Ok(None) => Answer::Absent,
            Ok(Some(there)) => Answer::of(there.state()),
            Err(()) => Answer::Unknown,
        };
        let there = there.ok().flatten();
        let job = if self.gone { Fact::Absent } else { Fact::from_answer(self.source.job_info(false)) };
        let job = job
            .filter(|job| job.kind.is_active() && job.operation != Some(OPERATION_MIGRATION_IN))
            .map(|job| Moved { processed: job.memory_processed, remaining: job.memory_remaining });
        let persistent = match &there {
            Some(there) => Fact::from_answer(there.is_persistent()).filter(|kept| *kept).map(drop),
            None if destination == Answer::Unknown => Fact::Unknown,
            None => Fact::Absent,
        };
        (Viewed { source, destination, job, persistent }, there)
    }
}
