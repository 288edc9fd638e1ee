//! Where a guest is, from what the two hosts say.

use std::fmt;

use crate::state::DomainState;

/// Where the guest is after a migration ended, one way or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum GuestLocation {
    SourceRunning,
    SourcePaused,
    DestinationRunning,
    DestinationPaused,
    BothPaused,
    BothRunning,
    PostCopyBroken,
    Unknown,
}

/// What one host answered about a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The guest's state there.
    State(DomainState),
    /// The host does not know the guest.
    Absent,
    /// The host was not or could not be asked.
    Unknown,
}

impl GuestLocation {
    /// The place that follows from both answers; unknown where they do not prove one.
    pub fn from_answers(source: Answer, destination: Answer) -> Self {
        use Answer::State;
        let broken = |answer| matches!(answer, State(state) if state.is_post_copy_failed());
        if broken(source) || broken(destination) {
            return Self::PostCopyBroken;
        }
        let running = |answer| matches!(answer, State(state) if state.is_running());
        let paused = |answer| matches!(answer, State(state) if state.is_paused());
        match (source, destination) {
            (s, d) if running(s) && running(d) => Self::BothRunning,
            (s, _) if running(s) => Self::SourceRunning,
            (_, d) if running(d) => Self::DestinationRunning,
            (s, d) if paused(s) && paused(d) => Self::BothPaused,
            // The destination of an unfinished migration is paused too, so an unasked one proves nothing
            // unless the source's own pause has another reason than the migration.
            (State(s), Answer::Unknown) if s.is_paused() && is_migrating(s) => Self::Unknown,
            (s, _) if paused(s) => Self::SourcePaused,
            // The destination of a migration that goes on, whatever the source does.
            (Answer::Unknown, State(d)) if d.is_arriving() => Self::Unknown,
            (_, d) if paused(d) => Self::DestinationPaused,
            _ => Self::Unknown,
        }
    }

    /// At the source, running or paused.
    pub const fn is_at_source(self) -> bool {
        matches!(self, Self::SourceRunning | Self::SourcePaused)
    }

    /// At the destination, running or paused.
    pub const fn is_at_destination(self) -> bool {
        matches!(self, Self::DestinationRunning | Self::DestinationPaused)
    }

    /// The name at the Python surface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SourceRunning => "source-running",
            Self::SourcePaused => "source-paused",
            Self::DestinationRunning => "destination-running",
            Self::DestinationPaused => "destination-paused",
            Self::BothPaused => "both-paused",
            Self::BothRunning => "both-running",
            Self::PostCopyBroken => "post-copy-broken",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for GuestLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Paused for a migration [3, 2] or in post-copy [3, 12].
fn is_migrating(state: DomainState) -> bool {
    matches!(state, DomainState { code: 3, reason: 2 | 12 })
}

#[cfg(test)]
mod tests {
    use super::{Answer, GuestLocation};
    use crate::state::DomainState;

    const RUNNING: Answer = Answer::State(DomainState::new(1, 1));
    const PAUSED: Answer = Answer::State(DomainState::new(3, 1));
    const MIGRATING: Answer = Answer::State(DomainState::new(3, 2));
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
            (MIGRATING, PAUSED, BothPaused),
            (Answer::Absent, Answer::Absent, Unknown),
            (SHUT_OFF, Answer::Unknown, Unknown),
            (Answer::State(DomainState::new(3, 13)), RUNNING, PostCopyBroken),
            (Answer::Unknown, Answer::State(DomainState::new(1, 11)), PostCopyBroken),
        ] {
            let found = GuestLocation::from_answers(source, destination);
            assert_eq!(found, expected, "{source:?} {destination:?}");
        }
    }
}
