//! What a migration tells while it runs.

use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::progress::Progress;
use crate::record::{Outcome, Step};

/// News of a migration, in the order in which it happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Update {
    /// It has begun, or was found running.
    Started {
        /// The guest's name.
        guest: String,
        /// For people: what is done, the destination without user or password, and what is allowed.
        what: String,
    },
    /// A sample was taken.
    Progress(Progress),
    /// Something was done to it.
    Step(Step),
    /// The guest has stopped at the source and starts to run at the destination. Told once; a migration may
    /// still fail after it, and the guest then goes on at the source.
    Switchover {
        /// Since the start.
        at: Duration,
    },
    /// It is over; nothing comes after this.
    Ended(Arc<Result<Outcome>>),
}

/// Takes updates, on whatever thread they come up, with the migration locked: it may put them into a queue and
/// nothing else.
pub type UpdateSink = Box<dyn Fn(Update) + Send>;
