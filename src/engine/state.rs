//! Where a migration is, as an enum: what is not possible in a state has no field in it.

use std::time::Duration;

use super::arriving::Resuming;
use super::input::Moved;
use super::settle::Settle;
use crate::action::Action;
use crate::location::GuestLocation;
use crate::{Error, Result};

/// Where a migration is.
#[derive(Debug)]
pub(super) enum State {
    /// The call is out, and nobody can watch yet.
    Preparing,
    /// The call is out.
    Calling(Calling),
    /// The job is being aborted so that the call can be made again.
    Restarting(Restarting),
    /// The connection to the source is gone, and the migration may go on without it.
    Lost(Lost),
    /// It goes on without a call.
    Following(Following),
    /// It is over: where the guest is, is being found out.
    Concluding(Concluding),
    /// It is over, and what nobody else will remove is being removed.
    Settling(Settling),
    /// It has arrived paused, as it was sent, and is to go on there.
    Resuming(Resuming),
    /// It is known where the guest is; what the end tells is being collected.
    Finishing(Finishing),
    /// The end has been told. Something that was out before is waited for, and undone.
    Trailing(Trailing),
    /// Nothing is out that changes anything, and nothing will be.
    Ended,
}

/// The call is out.
#[derive(Debug, Default)]
pub(super) struct Calling {
    /// Beside a call of somebody else's: since when libvirt's statistics say that the job is over.
    pub over_since: Option<Duration>,
    /// When both hosts were asked last because that call did not return.
    pub asked_at: Option<Duration>,
    /// What the statistics said of the end.
    pub completed: Option<bool>,
}

/// A run that is being aborted in order to start again.
#[derive(Debug)]
pub(super) struct Restarting {
    /// What it is started again with.
    pub action: Action,
    /// What became of the abort.
    pub abort: Abort,
    /// When the call returned, aborted.
    pub returned: Option<Duration>,
    /// The error that it returned, where that is not the abort's: it counts unless the abort was taken.
    pub failed: Option<Error>,
}

/// What became of an abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abort {
    Out,
    Taken,
    /// Its answer was lost, at this time.
    Unknown(Duration),
}

/// Why a migration is followed without a call.
#[derive(Debug, Clone)]
pub(super) enum Story {
    /// Others have started it.
    Adopted,
    /// The call failed since its connection broke.
    Broke(Error),
    /// The call failed, and the source says that post-copy broke, which it may say too early.
    PostCopyBroke(Error),
}

/// A source that cannot be reached.
#[derive(Debug)]
pub(super) struct Lost {
    pub story: Story,
    pub since: Duration,
    pub again_at: Duration,
}

/// A migration that goes on without a call.
#[derive(Debug)]
pub(super) struct Following {
    pub story: Story,
    /// When the source last told anything.
    pub heard: Duration,
    /// What had moved, and since when it is the same.
    pub still: Option<(Moved, Duration)>,
    /// The job's event has said that it is over: when that counts, unless a look says more before.
    pub over_at: Option<Duration>,
}

/// A migration that is over.
#[derive(Debug)]
pub(super) struct Concluding {
    /// What the call said, or what stands for it.
    pub result: Result<()>,
    /// Where the guest is known to be.
    pub known: Option<GuestLocation>,
    pub since: Duration,
    /// When the hosts were asked last.
    pub asked: Duration,
    pub stage: Stage,
    /// How often a host was asked again, while the guest stands still by our hand.
    pub waited: u32,
    /// How often a guest that we have paused was told to go on.
    pub undone: u32,
    /// It ran at both hosts, and was paused at the source.
    pub parted: bool,
    /// How often an answer was too old to be acted on.
    pub late: u32,
}

/// What a conclusion waits for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// Changes that are out.
    Quiet,
    /// The last statistics of a migration that had no call of ours.
    Completed,
    /// Both hosts' answers.
    Ask,
    /// The time to ask them again.
    Again(Duration),
    /// Another connection to a source that does not answer.
    Reconnect,
    /// The guest going on.
    Resume,
    /// The source standing still.
    PauseSource,
}

/// A guest that is being put right.
#[derive(Debug)]
pub(super) struct Settling {
    /// Why the call ended.
    pub error: Error,
    pub settle: Settle,
    /// The time to look again, unless a look or a step is out.
    pub again_at: Option<Duration>,
    /// The step that is out.
    pub taking: Option<super::settle::Taking>,
    /// When both hosts were asked last.
    pub asked: Duration,
    /// How often their answers were too old to be acted on.
    pub late: u32,
}

/// A migration whose end is known.
#[derive(Debug)]
pub(super) struct Finishing {
    pub location: GuestLocation,
    pub verdict: Verdict,
    pub since: Duration,
    /// Belongings are being brought.
    pub bringing: bool,
    pub left_behind: Vec<String>,
    pub statistics: Statistics,
}

/// How it ended.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    Moved,
    Failed(Error),
    Cancelled(Error),
    /// An error that is not libvirt's, and says nothing of the migration.
    Raw(Error),
}

/// The last statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statistics {
    /// They are being asked for.
    Out,
    /// Their event is waited for, until then.
    Event(Duration),
    /// They are there, or will not come.
    Done,
}

/// What is out when the end has been told.
#[derive(Debug)]
pub(super) struct Trailing {
    /// The guest has moved, so that nothing of it is left here to be undone.
    pub moved: bool,
    pub stage: Trail,
    /// How often a host was asked again.
    pub waited: u32,
    pub undone: u32,
}

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trail {
    Wait,
    Ask,
    Again(Duration),
    /// Another connection to a source that does not answer.
    Reconnect,
    Resume,
}

impl State {
    /// Whether the migration is over for whoever wishes anything of it.
    pub const fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Concluding(_)
                | Self::Settling(_)
                | Self::Resuming(_)
                | Self::Finishing(_)
                | Self::Trailing(_)
                | Self::Ended
        )
    }

    /// Whether a call of ours, or one that somebody else makes, will tell the end.
    pub const fn has_call(&self) -> bool {
        matches!(self, Self::Preparing | Self::Calling(_) | Self::Restarting(_))
    }
}
