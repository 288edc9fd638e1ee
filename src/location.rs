//! Where a guest is, from what the two hosts say.

use crate::standing::{Beside, Kept, Standing, destination_alone, judge, source_alone};

pub use crate::answer::{Answer, Answers};
pub use crate::place::GuestLocation;

impl Answers {
    /// Where the guest is by both.
    pub fn location(self) -> GuestLocation {
        GuestLocation::from_answers(self.source, self.destination)
    }
}

impl GuestLocation {
    /// The place that follows from both answers; unknown where they do not prove one.
    ///
    /// In a post-copy that goes on memory is at both hosts, and either may still fail: that is no place to end at.
    pub fn from_answers(source: Answer, destination: Answer) -> Self {
        let alone = match judge(source, destination) {
            Standing::SourceUnknown => destination_alone(destination),
            Standing::DestinationUnknown => source_alone(source),
            standing => Some(standing),
        };
        alone.map_or(Self::Unknown, |standing| Self::from_standing(standing, source, destination))
    }

    fn from_standing(standing: Standing, source: Answer, destination: Answer) -> Self {
        match standing {
            Standing::Source { running: true, beside: Beside::Twin { running: true } } => Self::BothRunning,
            Standing::Source { running: false, beside: Beside::Twin { running: true } } => {
                Self::DestinationRunning
            }
            Standing::Source { running: true, .. } => Self::SourceRunning,
            Standing::Source { beside: Beside::Copy | Beside::Twin { .. }, .. }
            | Standing::Switchover(Beside::Copy) => Self::BothPaused,
            // It may have run at the destination since, and what the source has may be old.
            Standing::Switchover(Beside::ShutOff) => Self::Unknown,
            Standing::Source { .. } | Standing::Switchover(_) => Self::SourcePaused,
            Standing::Destination { running: true, .. } => Self::DestinationRunning,
            Standing::Destination { running: false, .. } => Self::DestinationPaused,
            Standing::PostCopy { failed_here: false, failed_there: false } => Self::Unknown,
            // libvirt says that it has moved once QEMU has sent all of it; the daemon there may learn of that late.
            Standing::SourceLost if has_moved(source, destination) => {
                Self::where_it_runs(source, destination)
            }
            Standing::PostCopy { .. }
            | Standing::SourceLost
            | Standing::DestinationLost
            | Standing::EndedThere => Self::PostCopyBroken,
            Standing::Contradiction => Self::where_it_runs(source, destination),
            Standing::ShutOff(Kept::Source) => Self::SourceShutOff,
            Standing::ShutOff(Kept::Destination) => Self::DestinationShutOff,
            Standing::ShutOff(Kept::Both) => Self::BothShutOff,
            Standing::ShutOff(Kept::Nowhere) => Self::Absent,
            Standing::Nowhere | Standing::SourceUnknown | Standing::DestinationUnknown => Self::Unknown,
        }
    }

    /// Of states that no migration leaves, the one thing that matters.
    fn where_it_runs(source: Answer, destination: Answer) -> Self {
        let runs = |answer| matches!(answer, Answer::State(state) if state.is_running());
        match (runs(source), runs(destination)) {
            (true, true) => Self::BothRunning,
            (true, false) => Self::SourceRunning,
            (false, true) => Self::DestinationRunning,
            (false, false) => Self::Unknown,
        }
    }
}

/// Whether the source says that the guest has moved, and the destination does not say that it broke.
fn has_moved(source: Answer, destination: Answer) -> bool {
    matches!(source, Answer::State(state) if state.has_migrated())
        && !matches!(destination, Answer::State(state) if state.is_post_copy_failed())
}

#[cfg(test)]
mod tests {
    use super::{Answer, GuestLocation};
    use crate::state::DomainState;

    const RUNNING: Answer = Answer::State(DomainState::new(1, 1));
    const PAUSED: Answer = Answer::State(DomainState::new(3, 1));
    const MIGRATING: Answer = Answer::State(DomainState::new(3, 2));
    const SENDING: Answer = Answer::State(DomainState::new(3, 12));
    const FAILED: Answer = Answer::State(DomainState::new(3, 13));
    const IN_POST_COPY: Answer = Answer::State(DomainState::new(1, 10));
    const DEFINED: Answer = Answer::State(DomainState::new(5, 0));
    const ENDED: Answer = Answer::State(DomainState::new(5, 1));
    const CRASHED: Answer = Answer::State(DomainState::new(5, 3));
    const SHUT_OFF: Answer = Answer::State(DomainState::new(5, 4));

    #[test]
    fn places_follow_from_both_answers() {
        use GuestLocation::*;
        for (source, destination, expected) in [
            (RUNNING, Answer::Unknown, SourceRunning),
            (RUNNING, PAUSED, SourceRunning),
            (RUNNING, RUNNING, BothRunning),
            (SHUT_OFF, RUNNING, DestinationRunning),
            (Answer::Absent, RUNNING, DestinationRunning),
            (Answer::Absent, PAUSED, DestinationPaused),
            (Answer::Unknown, PAUSED, DestinationPaused),
            (Answer::Unknown, MIGRATING, Unknown),
            (Answer::Unknown, RUNNING, DestinationRunning),
            (PAUSED, Answer::Unknown, SourcePaused),
            (MIGRATING, Answer::Unknown, Unknown),
            (MIGRATING, Answer::Absent, SourcePaused),
            (MIGRATING, RUNNING, DestinationRunning),
            (MIGRATING, PAUSED, DestinationPaused),
            // It runs at neither, which both say.
            (Answer::Absent, Answer::Absent, Absent),
            (SHUT_OFF, Answer::Absent, Unknown),
            (ENDED, Answer::Absent, SourceShutOff),
            (CRASHED, Answer::Absent, SourceShutOff),
            (DEFINED, Answer::Absent, SourceShutOff),
            (ENDED, DEFINED, SourceShutOff),
            (SHUT_OFF, ENDED, DestinationShutOff),
            (Answer::Absent, ENDED, DestinationShutOff),
            (DEFINED, ENDED, BothShutOff),
            (CRASHED, ENDED, BothShutOff),
            (ENDED, MIGRATING, Unknown),
            (ENDED, Answer::Unknown, Unknown),
            (Answer::Unknown, ENDED, Unknown),
            // What the source has left of it is still there.
            (FAILED, ENDED, PostCopyBroken),
            (FAILED, CRASHED, PostCopyBroken),
            (SHUT_OFF, Answer::Unknown, Unknown),
            (MIGRATING, MIGRATING, BothPaused),
            (MIGRATING, SHUT_OFF, Unknown),
            (PAUSED, RUNNING, DestinationRunning),
            (PAUSED, PAUSED, BothPaused),
            (RUNNING, IN_POST_COPY, BothRunning),
            (Answer::State(DomainState::new(6, 1)), RUNNING, DestinationRunning),
            // What goes on has not arrived, and what has lost its source never will.
            (SENDING, IN_POST_COPY, Unknown),
            (SENDING, MIGRATING, Unknown),
            (SENDING, Answer::Unknown, Unknown),
            (Answer::Unknown, IN_POST_COPY, Unknown),
            (Answer::Absent, IN_POST_COPY, PostCopyBroken),
            (CRASHED, IN_POST_COPY, PostCopyBroken),
            // It has moved, and the destination's daemon has not learnt that yet.
            (SHUT_OFF, IN_POST_COPY, DestinationRunning),
            (SHUT_OFF, Answer::State(DomainState::new(1, 11)), PostCopyBroken),
            (SENDING, Answer::Absent, PostCopyBroken),
            (SENDING, SHUT_OFF, PostCopyBroken),
            (FAILED, IN_POST_COPY, PostCopyBroken),
            (FAILED, Answer::Unknown, PostCopyBroken),
            // By the source's word it broke, and then it became whole.
            (FAILED, RUNNING, DestinationRunning),
            (Answer::Unknown, Answer::State(DomainState::new(1, 11)), PostCopyBroken),
        ] {
            let found = GuestLocation::from_answers(source, destination);
            assert_eq!(found, expected, "{source:?} {destination:?}");
        }
    }
}
