//! What would put a guest right, from what its two hosts say. Pure: nobody is asked here.

mod reason;

pub use reason::Reason;

use crate::fact::Fact;
use crate::location::{Answer, GuestLocation};
use crate::standing::{Beside, Kept, Left, Standing, judge};

/// What is known of a guest at its two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The source's answer.
    pub source: Answer,
    /// The destination's answer.
    pub destination: Answer,
    /// The source has an outgoing migration of it.
    pub job: Fact<()>,
    /// The destination keeps a persistent definition.
    pub persistent: Fact<()>,
    /// Which side to keep where the guest goes on at both.
    pub keep: Option<Keep>,
    /// The migration was to leave a persistent definition at the destination, and none at the source.
    pub for_good: bool,
    /// The guest was sent paused, so that it never ran at the destination as long as the source had it.
    pub exclusive: bool,
}

/// A side of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Keep {
    Source,
    Destination,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// It is whole, in this place, and nothing is left elsewhere.
    Whole(GuestLocation),
    /// Its migration goes on, in pre-copy.
    Migrating,
    /// Something that decides could not be found out: ask again, and do nothing where no answer comes.
    Await(Reason),
    /// Post-copy goes on, as far as either side knows: look whether memory still moves.
    PostCopy,
    /// The source takes a broken post-copy for a healthy one: have it stop.
    Release,
    /// The source knows that post-copy broke, and the destination does not.
    AwaitDestination,
    /// Both sides know that post-copy broke: go on with it.
    ResumePostCopy,
    /// The guest is whole at the source, and an unfinished copy is left at the destination.
    RemoveDestination,
    /// The guest runs at both hosts: pause it at the source until it is known which one to keep.
    PauseSource,
    /// The definition of a side that is not kept is left at the destination.
    UndefineDestination,
    /// The guest is whole at the source, where it waits for a migration that is over.
    ResumeSource,
    /// The guest is whole at the destination, where it waits to be told to go on: nothing of it is left at the source.
    ResumeDestination,
    /// The guest is whole at the destination, and its old self is left at the source.
    RemoveSource,
    /// The guest is whole at the destination, and its definition is left at the source.
    UndefineSource,
    /// Nothing can be done from here.
    Impossible(Reason),
}

impl View {
    /// The next step.
    pub fn remedy(self) -> Remedy {
        use Remedy::Impossible;
        match judge(self.source, self.destination) {
            Standing::SourceUnknown => Impossible(Reason::SourceUnknown),
            Standing::DestinationUnknown => Impossible(Reason::DestinationUnknown),
            Standing::Source { running, beside } => self.without_job(|| self.at_source(running, beside)),
            Standing::Switchover(beside) => self.without_job(|| self.at_switchover(beside)),
            Standing::Destination { left: Left::Process, .. } if self.source_waits() => {
                self.without_job(|| self.old_self())
            }
            Standing::Destination { left: Left::Process, .. } => self.old_self(),
            Standing::Destination { running, left } => self.at_destination(running, left),
            Standing::PostCopy { failed_here: false, failed_there: false } => Remedy::PostCopy,
            Standing::PostCopy { failed_here: false, failed_there: true } => Remedy::Release,
            Standing::PostCopy { failed_here: true, failed_there: false } => self.broken_here(),
            Standing::PostCopy { failed_here: true, failed_there: true } => Remedy::ResumePostCopy,
            // It went since all had arrived, and the destination's daemon is just learning of that.
            Standing::SourceLost if matches!(self.source, Answer::State(state) if state.has_migrated()) => {
                Remedy::Await(Reason::SourceLost)
            }
            Standing::SourceLost => Impossible(Reason::SourceLost),
            Standing::DestinationLost => Impossible(Reason::DestinationLost),
            Standing::EndedThere => Impossible(Reason::EndedThere),
            Standing::ShutOff(Kept::Nowhere) => Impossible(Reason::Absent),
            Standing::ShutOff(Kept::Both) => Impossible(Reason::BothShutOff),
            Standing::ShutOff(_) => Impossible(Reason::ShutOff),
            Standing::Nowhere => Impossible(Reason::Nowhere),
            Standing::Contradiction => Impossible(Reason::Both),
        }
    }

    /// What is to be done where no migration runs any more. Whatever is done beside one that runs could end it.
    fn without_job(self, remedy: impl FnOnce() -> Remedy) -> Remedy {
        match self.job {
            Fact::Known(()) => Remedy::Migrating,
            Fact::Unknown => Remedy::Await(Reason::JobUnknown),
            Fact::Absent => remedy(),
        }
    }

    /// It stands still at the source for the switchover, not in post-copy.
    fn source_waits(self) -> bool {
        matches!(self.source, Answer::State(state) if state.is_migrating())
    }

    /// It runs at the source, or stands still there for a reason of its own.
    fn at_source(self, running: bool, beside: Beside) -> Remedy {
        let place = if running { GuestLocation::SourceRunning } else { GuestLocation::SourcePaused };
        let kept = self.keep == Some(Keep::Source);
        match beside {
            Beside::Copy => Remedy::RemoveDestination,
            Beside::Twin { running: there } => self.of_twins(running, there),
            Beside::ShutOff if kept => match self.persistent {
                Fact::Known(()) => Remedy::UndefineDestination,
                Fact::Unknown => Remedy::Await(Reason::DestinationUnknown),
                Fact::Absent => Remedy::Whole(place),
            },
            Beside::Nothing if kept && !running => Remedy::ResumeSource,
            Beside::Nothing | Beside::ShutOff => Remedy::Whole(place),
        }
    }

    /// Either side has all of the guest.
    fn of_twins(self, here: bool, there: bool) -> Remedy {
        match self.keep {
            Some(Keep::Source) => Remedy::RemoveDestination,
            Some(Keep::Destination) => self.old_self(),
            None if here && there => Remedy::PauseSource,
            None if there => Remedy::Impossible(Reason::Twins),
            // It never ran.
            None if here && self.exclusive => Remedy::RemoveDestination,
            None => Remedy::Impossible(Reason::StandsThere),
        }
    }

    /// Post-copy broke by the source's word alone. A destination that has not begun it has to learn what it is first.
    fn broken_here(self) -> Remedy {
        let begun = !self.destination.is_arriving();
        if begun { Remedy::AwaitDestination } else { Remedy::PostCopy }
    }

    /// It stands still at the source for the migration.
    fn at_switchover(self, beside: Beside) -> Remedy {
        match beside {
            Beside::Copy => Remedy::RemoveDestination,
            // A destination that is to keep the definition writes it before the guest runs there.
            Beside::Nothing if self.for_good => Remedy::ResumeSource,
            Beside::Nothing | Beside::ShutOff if self.exclusive => Remedy::ResumeSource,
            Beside::Nothing | Beside::ShutOff => Remedy::Impossible(Reason::MayHaveRun),
            Beside::Twin { .. } => Remedy::Impossible(Reason::Both),
        }
    }

    /// It is whole at the destination, and the source has the process that it left.
    fn old_self(self) -> Remedy {
        self.with_definition_there(Remedy::RemoveSource)
    }

    /// Without a definition at the destination, the one at the source is the last one.
    fn with_definition_there(self, remedy: Remedy) -> Remedy {
        match self.persistent {
            _ if !self.for_good => remedy,
            Fact::Known(()) => remedy,
            Fact::Absent => Remedy::Impossible(Reason::NoDefinition),
            Fact::Unknown => Remedy::Await(Reason::DestinationUnknown),
        }
    }

    /// It is whole at the destination, and no process of it is left at the source.
    fn at_destination(self, running: bool, left: Left) -> Remedy {
        let place =
            if running { GuestLocation::DestinationRunning } else { GuestLocation::DestinationPaused };
        match left {
            // Before anything else: it stands still.
            _ if self.exclusive && !running => Remedy::ResumeDestination,
            Left::ShutOff if self.for_good => self.with_definition_there(Remedy::UndefineSource),
            _ => Remedy::Whole(place),
        }
    }
}

#[cfg(test)]
mod tests;
