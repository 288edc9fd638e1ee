//! What would put a guest right, from what its two hosts say. Pure: nobody is asked here.

use super::reason::Reason;
use crate::fact::Fact;
use crate::location::{Answer, GuestLocation};
use crate::standing::{Beside, Left, Standing, judge};

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
            Standing::SourceLost => Impossible(Reason::SourceLost),
            Standing::DestinationLost => Impossible(Reason::DestinationLost),
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
            None => Remedy::Impossible(Reason::Both),
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
            Left::ShutOff if self.for_good => self.with_definition_there(Remedy::UndefineSource),
            _ => Remedy::Whole(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::DomainState;

    const fn state(code: i32, reason: i32) -> Answer {
        Answer::State(DomainState::new(code, reason))
    }
    const RUNNING: Answer = state(1, 1);
    const MIGRATED: Answer = state(1, 2);
    const PAUSED: Answer = state(3, 1);
    const MIGRATING: Answer = state(3, 2);
    const STARTING: Answer = state(3, 11);
    const POST_COPY: Answer = state(3, 12);
    const FAILED: Answer = state(3, 13);
    const POST_COPY_THERE: Answer = state(1, 10);
    const FAILED_THERE: Answer = state(1, 11);
    const LEFT: Answer = state(5, 4);
    const CRASHED: Answer = state(5, 3);

    fn remedy(source: Answer, destination: Answer) -> Remedy {
        kept(source, destination, None)
    }

    fn kept(source: Answer, destination: Answer, keep: Option<Keep>) -> Remedy {
        View { source, destination, job: Fact::Absent, persistent: Fact::Known(()), keep, for_good: true }
            .remedy()
    }

    #[test]
    fn the_next_step_follows_from_both_answers() {
        use Answer::{Absent, Unknown};
        use GuestLocation::*;
        use Remedy::*;
        for (source, destination, expected) in [
            (RUNNING, Absent, Whole(SourceRunning)),
            (RUNNING, LEFT, Whole(SourceRunning)),
            (PAUSED, Absent, Whole(SourcePaused)),
            (RUNNING, MIGRATING, RemoveDestination),
            (RUNNING, STARTING, RemoveDestination),
            (PAUSED, MIGRATING, RemoveDestination),
            (MIGRATING, MIGRATING, RemoveDestination),
            (MIGRATING, Absent, ResumeSource),
            (MIGRATING, MIGRATED, RemoveSource),
            (MIGRATING, PAUSED, RemoveSource),
            (MIGRATING, CRASHED, Impossible(Reason::MayHaveRun)),
            (RUNNING, MIGRATED, PauseSource),
            (PAUSED, MIGRATED, Impossible(Reason::Twins)),
            (RUNNING, PAUSED, Impossible(Reason::Both)),
            (POST_COPY_THERE, POST_COPY, Impossible(Reason::Both)),
            (state(6, 1), MIGRATED, Impossible(Reason::Both)),
            (PAUSED, PAUSED, Impossible(Reason::Both)),
            (POST_COPY, POST_COPY_THERE, PostCopy),
            (POST_COPY, MIGRATING, PostCopy),
            (POST_COPY, FAILED_THERE, Release),
            (POST_COPY, MIGRATED, RemoveSource),
            (POST_COPY, CRASHED, Impossible(Reason::DestinationLost)),
            (FAILED, POST_COPY_THERE, AwaitDestination),
            (FAILED, FAILED_THERE, ResumePostCopy),
            (FAILED, FAILED, ResumePostCopy),
            (FAILED, MIGRATED, RemoveSource),
            (FAILED, Absent, Impossible(Reason::DestinationLost)),
            (LEFT, MIGRATED, UndefineSource),
            (Absent, MIGRATED, Whole(DestinationRunning)),
            (Absent, PAUSED, Whole(DestinationPaused)),
            (CRASHED, FAILED_THERE, Impossible(Reason::SourceLost)),
            (Absent, POST_COPY_THERE, Impossible(Reason::SourceLost)),
            (CRASHED, Absent, Impossible(Reason::Nowhere)),
            (Absent, Absent, Impossible(Reason::Nowhere)),
            (Unknown, MIGRATED, Impossible(Reason::SourceUnknown)),
            (MIGRATING, Unknown, Impossible(Reason::DestinationUnknown)),
            (FAILED, Unknown, Impossible(Reason::DestinationUnknown)),
        ] {
            assert_eq!(remedy(source, destination), expected, "{source:?} {destination:?}");
        }
    }

    #[test]
    fn of_twins_the_one_to_keep_is_kept() {
        for (source, destination, keep, expected) in [
            (RUNNING, MIGRATED, Keep::Source, Remedy::RemoveDestination),
            (PAUSED, MIGRATED, Keep::Source, Remedy::RemoveDestination),
            (PAUSED, state(5, 2), Keep::Source, Remedy::UndefineDestination),
            (PAUSED, Answer::Absent, Keep::Source, Remedy::ResumeSource),
            (RUNNING, Answer::Absent, Keep::Source, Remedy::Whole(GuestLocation::SourceRunning)),
            (RUNNING, MIGRATED, Keep::Destination, Remedy::RemoveSource),
            (PAUSED, MIGRATED, Keep::Destination, Remedy::RemoveSource),
            (state(5, 2), MIGRATED, Keep::Destination, Remedy::UndefineSource),
            // What is not whole is not kept, whatever is said.
            (MIGRATING, MIGRATED, Keep::Source, Remedy::RemoveSource),
            (RUNNING, MIGRATING, Keep::Destination, Remedy::RemoveDestination),
            (FAILED, FAILED_THERE, Keep::Source, Remedy::ResumePostCopy),
        ] {
            assert_eq!(
                kept(source, destination, Some(keep)),
                expected,
                "{source:?} {destination:?} {keep:?}"
            );
        }
    }

    #[test]
    fn nothing_is_removed_while_a_migration_runs_or_may_run() {
        for (source, destination) in [(RUNNING, MIGRATING), (MIGRATING, MIGRATING), (MIGRATING, MIGRATED)] {
            let persistent = Fact::Known(());
            let view =
                |job| View { source, destination, job, persistent, keep: None, for_good: true }.remedy();
            assert_eq!(view(Fact::Known(())), Remedy::Migrating);
            assert_eq!(view(Fact::Unknown), Remedy::Await(Reason::JobUnknown));
        }
    }

    #[test]
    fn the_last_definition_is_kept() {
        let view = |source, destination, persistent, for_good| {
            View { source, destination, job: Fact::Absent, persistent, keep: None, for_good }.remedy()
        };
        for (source, persistent, for_good, expected) in [
            (LEFT, Fact::Absent, true, Remedy::Impossible(Reason::NoDefinition)),
            (MIGRATING, Fact::Absent, true, Remedy::Impossible(Reason::NoDefinition)),
            (LEFT, Fact::Unknown, true, Remedy::Await(Reason::DestinationUnknown)),
            (MIGRATING, Fact::Unknown, true, Remedy::Await(Reason::DestinationUnknown)),
            (LEFT, Fact::Absent, false, Remedy::Whole(GuestLocation::DestinationRunning)),
        ] {
            assert_eq!(view(source, MIGRATED, persistent, for_good), expected);
        }
        // Without a definition at the destination there is no proof that it never ran there.
        let found = view(MIGRATING, Answer::Absent, Fact::Absent, false);
        assert_eq!(found, Remedy::Impossible(Reason::MayHaveRun));
    }

    fn answers() -> Vec<Answer> {
        let states = (0..=7).flat_map(|code| (0..=13).map(move |reason| state(code, reason)));
        states.chain([Answer::Absent, Answer::Unknown]).collect()
    }

    fn all_views() -> impl Iterator<Item = View> {
        let facts = [Fact::Known(()), Fact::Absent, Fact::Unknown];
        let keeps = [None, Some(Keep::Source), Some(Keep::Destination)];
        let pairs = answers().into_iter().flat_map(|source| answers().into_iter().map(move |d| (source, d)));
        pairs.flat_map(move |(source, destination)| {
            let jobs = facts.into_iter().flat_map(move |job| facts.map(|persistent| (job, persistent)));
            jobs.flat_map(move |(job, persistent)| {
                keeps.into_iter().flat_map(move |keep| {
                    [true, false].map(|for_good| View {
                        source,
                        destination,
                        job,
                        persistent,
                        keep,
                        for_good,
                    })
                })
            })
        })
    }

    /// All of the guest is there, whether it runs or was paused by somebody: said here once more, by hand.
    fn is_whole(answer: Answer) -> bool {
        let Answer::State(state) = answer else { return false };
        match state.code {
            1 => !matches!(state.reason, 10 | 11),
            2 | 7 => true,
            3 => !matches!(state.reason, 2 | 11 | 12 | 13),
            _ => false,
        }
    }

    /// Whatever the hosts say, and whatever is not known.
    #[test]
    fn a_side_is_removed_only_if_the_other_has_all_of_the_guest() {
        for view in all_views() {
            let View { source, destination, job, persistent, keep, for_good } = view;
            match view.remedy() {
                Remedy::RemoveSource => {
                    assert!(is_whole(destination), "{view:?}");
                    assert!(!is_whole(source) || keep == Some(Keep::Destination), "{view:?}");
                    assert!(!for_good || persistent == Fact::Known(()), "{view:?}");
                }
                Remedy::UndefineSource => {
                    assert!(is_whole(destination) && !is_whole(source), "{view:?}");
                    assert_eq!(persistent, Fact::Known(()), "{view:?}");
                }
                Remedy::RemoveDestination => {
                    assert_eq!(job, Fact::Absent, "{view:?}");
                    let kept = keep == Some(Keep::Source) && is_whole(source);
                    assert!(kept || !is_whole(destination), "{view:?}");
                }
                Remedy::ResumeSource => assert_eq!((destination, job), (Answer::Absent, Fact::Absent)),
                _ => {}
            }
        }
    }

    /// On an unknown nothing is done, and nothing is told as whole.
    #[test]
    fn an_answer_that_is_missing_changes_nothing() {
        for view in all_views() {
            let remedy = view.remedy();
            let sides = [view.source, view.destination].contains(&Answer::Unknown);
            let looks = matches!(
                remedy,
                Remedy::Impossible(_) | Remedy::Await(_) | Remedy::Migrating | Remedy::PostCopy
            );
            assert!(!sides || looks, "{view:?}: {remedy:?}");
        }
    }

    /// Where a guest is said to be is where the remedy has it.
    #[test]
    fn place_and_remedy_agree() {
        for view in all_views() {
            let place = GuestLocation::from_answers(view.source, view.destination);
            match view.remedy() {
                Remedy::Whole(whole) => assert_eq!(whole, place, "{view:?}"),
                Remedy::ResumePostCopy | Remedy::AwaitDestination | Remedy::Release => {
                    assert_eq!(place, GuestLocation::PostCopyBroken, "{view:?}");
                }
                Remedy::Impossible(Reason::SourceLost | Reason::DestinationLost) => {
                    assert_eq!(place, GuestLocation::PostCopyBroken, "{view:?}");
                }
                Remedy::PauseSource => assert_eq!(place, GuestLocation::BothRunning, "{view:?}"),
                Remedy::UndefineSource => assert!(place.is_at_destination(), "{view:?}"),
                _ => {}
            }
        }
    }
}
