//! Putting a guest right after its migration is over: which step is next, and when it is given up. What a step follows
//! from is [`View::remedy`]; here is what time and repetition add to it.

use std::time::Duration;

use super::input::{Moved, Viewed};
use super::order::Change;
use crate::fact::Fact;
use crate::record::Act;
use crate::remedy::{Keep, Reason, Remedy, View};
use crate::standing::{Beside, Standing, judge};

/// How long nothing may move before a side is taken for stuck: longer than a busy host keeps a stream waiting.
pub(crate) const STILL: Duration = Duration::from_secs(5);
/// How long a destination may take to learn that all has arrived, or that its connection is dead: where the network was
/// cut, the word of it is sent again at growing intervals.
const DEAF: Duration = Duration::from_secs(30);
/// How long a destination that has written the definition may take to tell that a guest that was sent paused has arrived.
const ARRIVES: Duration = Duration::from_secs(2);
/// Between two looks.
pub(crate) const LOOK: Duration = Duration::from_millis(100);
/// How often a step may fail, one after the other, before it is given up; ten times as often one without an effect.
const ATTEMPTS: u32 = 3;

/// One guest that is being put right.
#[derive(Debug)]
pub(crate) struct Settle {
    keep: Option<Keep>,
    for_good: bool,
    exclusive: bool,
    /// The destination has a copy that never ran: with a definition that the migration has written, or writes while it
    /// is being removed.
    unwanted: bool,
    /// The last remedy with what had moved, and since when both are the same.
    still: Option<((Remedy, Fact<Moved>), Duration)>,
    /// The source's outgoing migration at the last look.
    job: Fact<()>,
    /// The step that was taken last, and how often one after the other.
    last: Option<Act>,
    repeats: u32,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: the guest is whole in one place, or a post-copy that broke may be resumed.
    Settled(Remedy),
    /// Look again, [`LOOK`] later.
    Wait,
    /// A step.
    Take(Taking),
    /// It is being migrated.
    Migrating,
    /// Nothing more can be done from here.
    Hopeless(Reason),
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taking {
    pub change: Change,
    pub act: Act,
    pub reason: &'static str,
}

/// What follows from a step that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Look again: the guest may have changed by itself in between.
    Look,
    /// It has failed too often.
    Failed,
    /// It has been taken often, and changes nothing.
    NoEffect,
}

/// A copy that never ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copied {
    /// Its definition came with it.
    Unwanted,
    /// It may have been there before, or was written just now.
    Unclear,
}

impl Settle {
    pub fn new(keep: Option<Keep>, for_good: bool, exclusive: bool) -> Self {
        Self {
            keep,
            for_good,
            exclusive,
            unwanted: false,
            still: None,
            job: Fact::Unknown,
            last: None,
            repeats: 0,
        }
    }

    /// What follows from this look.
    pub fn next(&mut self, now: Duration, viewed: &Viewed) -> Next {
        self.job = viewed.job.map(drop);
        let copy = self.copy(viewed);
        self.unwanted = copy == Some(Copied::Unwanted);
        let view = View {
            source: viewed.source,
            destination: viewed.destination,
            job: self.job,
            persistent: viewed.persistent,
            keep: self.keep,
            for_good: self.for_good,
            exclusive: self.exclusive,
        };
        let remedy = view.remedy();
        let seen = (remedy, viewed.job);
        let since = match self.still {
            Some((last, since)) if last == seen => since,
            _ => now,
        };
        self.still = Some((seen, since));
        let late = matches!(remedy, Remedy::AwaitDestination | Remedy::Await(Reason::SourceLost));
        let patience = if late { DEAF } else { STILL };
        let stuck = now.saturating_sub(since) >= patience;
        match remedy {
            Remedy::Whole(_) | Remedy::ResumePostCopy => Next::Settled(remedy),
            // An answer that did not come may come the next time.
            Remedy::Impossible(Reason::SourceUnknown | Reason::DestinationUnknown) if !stuck => Next::Wait,
            Remedy::Impossible(reason) => Next::Hopeless(reason),
            Remedy::Migrating => Next::Migrating,
            Remedy::Await(reason) if stuck => Next::Hopeless(reason),
            Remedy::AwaitDestination if stuck => Next::Hopeless(Reason::DestinationDeaf),
            Remedy::PostCopy if stuck => {
                let reason = "no memory has moved for seconds";
                Next::Take(Taking { change: Change::Release, act: Act::Release, reason })
            }
            Remedy::Await(_) | Remedy::PostCopy | Remedy::AwaitDestination => Next::Wait,
            Remedy::RemoveDestination
                if copy == Some(Copied::Unclear) && now.saturating_sub(since) < ARRIVES =>
            {
                Next::Wait
            }
            step => taking(step).map_or(Next::Wait, Next::Take),
        }
    }

    /// What a destination has of a guest that was sent paused, and goes on at the source.
    fn copy(&self, viewed: &Viewed) -> Option<Copied> {
        match judge(viewed.source, viewed.destination) {
            _ if !self.exclusive => None,
            Standing::Source { running: true, beside: Beside::Twin { running: false } } => {
                Some(Copied::Unwanted)
            }
            Standing::Source { running: true, beside: Beside::Copy } => match viewed.persistent {
                // What is there once it is removed was written meanwhile.
                Fact::Absent => Some(Copied::Unwanted),
                _ => Some(Copied::Unclear),
            },
            _ => None,
        }
    }

    /// A step was taken; `done` says that libvirt took it. Whether the same one was the last before is for the record.
    pub fn taken(&mut self, act: Act, done: bool) -> (bool, After) {
        if act == Act::RemoveDestination && done && self.unwanted {
            // And its definition with it.
            self.keep = Some(Keep::Source);
        }
        let same = self.last.replace(act) == Some(act);
        self.repeats = if same { self.repeats + 1 } else { 1 };
        let after = match done {
            false if self.repeats >= ATTEMPTS => After::Failed,
            true if self.repeats >= 10 * ATTEMPTS => After::NoEffect,
            _ => After::Look,
        };
        (same, after)
    }

    /// Whether a migration may still run, for all that the source told last.
    pub fn may_still_run(&self) -> bool {
        self.job != Fact::Absent
    }
}

fn taking(remedy: Remedy) -> Option<Taking> {
    let (change, act, reason) = match remedy {
        Remedy::Release => (Change::Release, Act::Release, "the destination knows that post-copy broke"),
        Remedy::RemoveDestination => (
            Change::DestroyDestination,
            Act::RemoveDestination,
            "the source has all of the guest, and the migration is over",
        ),
        Remedy::ResumeSource => (Change::Resume, Act::Resume, "the destination has nothing of the guest"),
        Remedy::ResumeDestination => (
            Change::ResumeDestination,
            Act::ResumeDestination,
            "it was sent paused, and the source has given it up",
        ),
        Remedy::RemoveSource => {
            (Change::DestroySource, Act::RemoveSource, "the destination has all of the guest")
        }
        Remedy::PauseSource => (Change::Pause, Act::PauseSource, "the guest runs at both hosts"),
        Remedy::UndefineDestination => {
            (Change::UndefineDestination, Act::UndefineDestination, "the guest is kept at the source")
        }
        Remedy::UndefineSource => (
            Change::UndefineSource,
            Act::UndefineSource,
            "the guest and its definition are at the destination",
        ),
        _ => return None,
    };
    Some(Taking { change, act, reason })
}
