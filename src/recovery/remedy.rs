//! What would put a guest right, from what its two hosts say. Pure: nobody is asked here.

use super::reason::Reason;
use crate::location::{Answer, GuestLocation};
use crate::state::DomainState;

/// What is known of a guest at its two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The source's answer.
    pub source: Answer,
    /// The destination's answer.
    pub destination: Answer,
    /// The source has an outgoing migration of it.
    pub job: bool,
    /// The destination keeps a persistent definition.
    pub persistent: bool,
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
        use Answer::{Absent, State, Unknown};
        use Remedy::Impossible;
        match (self.source, self.destination) {
            // A guest that arrives here: the two hosts are the wrong way round.
            (State(source), _)
                if source.is_running() && (source.is_post_copy() || source.is_post_copy_failed()) =>
            {
                Impossible(Reason::Both)
            }
            (Unknown, _) => Impossible(Reason::SourceUnknown),
            (_, Unknown) => Impossible(Reason::DestinationUnknown),
            (State(source), _) if source.is_running() || is_elsewise_paused(source) => self.at_source(source),
            (State(source), _) if source.is_post_copy() => {
                self.in_post_copy(Remedy::PostCopy, Remedy::Release)
            }
            (State(source), _) if source.is_post_copy_failed() => {
                self.in_post_copy(Remedy::AwaitDestination, Remedy::ResumePostCopy)
            }
            (State(source), _) if source.is_paused() => self.at_switchover(),
            (Absent, Absent) => Impossible(Reason::Nowhere),
            (State(source), _) if !source.is_shut_off() => Impossible(Reason::Both),
            (source, destination) => self.gone_from_source(source, destination),
        }
    }

    /// It runs at the source, or stands still there for a reason of its own.
    fn at_source(self, source: DomainState) -> Remedy {
        if self.job {
            return Remedy::Migrating;
        }
        let place =
            if source.is_running() { GuestLocation::SourceRunning } else { GuestLocation::SourcePaused };
        match self.destination {
            Answer::State(there) if there.is_arriving() => Remedy::RemoveDestination,
            Answer::State(there) if is_whole(there) => self.of_twins(source, there),
            Answer::State(there) if !there.is_shut_off() => Remedy::Impossible(Reason::Both),
            Answer::State(_) if self.keep == Some(Keep::Source) && self.persistent => {
                Remedy::UndefineDestination
            }
            _ if self.keep == Some(Keep::Source) && !source.is_running() => Remedy::ResumeSource,
            _ => Remedy::Whole(place),
        }
    }

    /// Either side has all of the guest.
    fn of_twins(self, source: DomainState, there: DomainState) -> Remedy {
        match self.keep {
            Some(Keep::Source) => Remedy::RemoveDestination,
            Some(Keep::Destination) => self.old_self(),
            None if source.is_running() && there.is_running() => Remedy::PauseSource,
            None if there.is_running() => Remedy::Impossible(Reason::Twins),
            None => Remedy::Impossible(Reason::Both),
        }
    }

    fn in_post_copy(self, healthy: Remedy, failed: Remedy) -> Remedy {
        match self.destination {
            Answer::State(there) if there.is_post_copy() => healthy,
            Answer::State(there) if there.is_post_copy_failed() => failed,
            Answer::State(there) if is_whole(there) => self.old_self(),
            Answer::State(there) if there.is_arriving() => Remedy::PostCopy,
            _ => Remedy::Impossible(Reason::DestinationLost),
        }
    }

    /// It stands still at the source for the migration.
    fn at_switchover(self) -> Remedy {
        if self.job {
            return Remedy::Migrating;
        }
        match self.destination {
            Answer::State(there) if is_whole(there) => self.old_self(),
            Answer::State(there) if there.is_arriving() => Remedy::RemoveDestination,
            // A destination that is to keep the definition writes it before the guest runs there.
            Answer::Absent if self.for_good => Remedy::ResumeSource,
            Answer::Absent => Remedy::Impossible(Reason::MayHaveRun),
            Answer::State(there) if there.is_shut_off() => Remedy::Impossible(Reason::MayHaveRun),
            _ => Remedy::Impossible(Reason::Both),
        }
    }

    /// It is whole at the destination, and the source has the process that it left.
    fn old_self(self) -> Remedy {
        // Without a definition there, the one at the source is the last one.
        if self.for_good && !self.persistent {
            Remedy::Impossible(Reason::NoDefinition)
        } else {
            Remedy::RemoveSource
        }
    }

    /// It is shut off at the source, or not there.
    fn gone_from_source(self, source: Answer, destination: Answer) -> Remedy {
        let Answer::State(there) = destination else {
            return Remedy::Impossible(Reason::Nowhere);
        };
        if there.is_post_copy() || there.is_post_copy_failed() {
            return Remedy::Impossible(Reason::SourceLost);
        }
        if there.is_arriving() || there.is_shut_off() {
            return Remedy::Impossible(Reason::Nowhere);
        }
        if !is_whole(there) {
            return Remedy::Impossible(Reason::Both);
        }
        let place = if there.is_running() {
            GuestLocation::DestinationRunning
        } else {
            GuestLocation::DestinationPaused
        };
        match (source, self.for_good, self.persistent) {
            (Answer::Absent, ..) | (_, false, _) => Remedy::Whole(place),
            (_, true, true) => Remedy::UndefineSource,
            (_, true, false) => Remedy::Impossible(Reason::NoDefinition),
        }
    }
}

/// Paused, but not for a migration.
fn is_elsewise_paused(state: DomainState) -> bool {
    state.is_paused() && !state.is_migrating() && !state.is_post_copy() && !state.is_post_copy_failed()
}

/// All of the guest is there, whether it runs or was paused by somebody.
fn is_whole(state: DomainState) -> bool {
    (state.is_running() || state.is_paused())
        && !(state.is_arriving() || state.is_post_copy() || state.is_post_copy_failed())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        View { source, destination, job: false, persistent: true, keep, for_good: true }.remedy()
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
    fn nothing_is_removed_while_a_migration_runs() {
        for (source, destination) in [(RUNNING, MIGRATING), (MIGRATING, MIGRATING), (MIGRATING, MIGRATED)] {
            let view = View { source, destination, job: true, persistent: true, keep: None, for_good: true };
            assert_eq!(view.remedy(), Remedy::Migrating);
        }
    }

    #[test]
    fn the_last_definition_is_kept() {
        for (source, for_good, expected) in [
            (LEFT, true, Remedy::Impossible(Reason::NoDefinition)),
            (MIGRATING, true, Remedy::Impossible(Reason::NoDefinition)),
            (LEFT, false, Remedy::Whole(GuestLocation::DestinationRunning)),
        ] {
            let view =
                View { source, destination: MIGRATED, job: false, persistent: false, keep: None, for_good };
            assert_eq!(view.remedy(), expected);
        }
        // Without a definition at the destination there is no proof that it never ran there.
        let view = View {
            source: MIGRATING,
            destination: Answer::Absent,
            job: false,
            persistent: false,
            keep: None,
            for_good: false,
        };
        assert_eq!(view.remedy(), Remedy::Impossible(Reason::MayHaveRun));
    }

    /// Whatever the hosts say: a side is removed only if the other one has all of the guest.
    #[test]
    fn a_side_is_removed_only_if_the_other_has_all_of_the_guest() {
        let states = (0..=7).flat_map(|code| (0..=13).map(move |reason| state(code, reason)));
        let answers: Vec<_> = states.chain([Answer::Absent, Answer::Unknown]).collect();
        let whole = |answer| matches!(answer, Answer::State(state) if is_whole(state));
        for &source in &answers {
            for &destination in &answers {
                match remedy(source, destination) {
                    Remedy::RemoveSource | Remedy::UndefineSource => {
                        assert!(whole(destination) && !whole(source), "{source:?} {destination:?}");
                    }
                    Remedy::RemoveDestination => {
                        let has_run = matches!(destination, Answer::State(state) if state.is_running());
                        assert!(!has_run && !whole(destination), "{source:?} {destination:?}");
                    }
                    Remedy::ResumeSource => assert_eq!(destination, Answer::Absent),
                    _ => {}
                }
            }
        }
    }
}
