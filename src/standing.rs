//! How a guest stands between the two hosts of a migration, judged from what both say of it. Pure, and the only place
//! that judges: where the guest is told to be ([`GuestLocation`](crate::location::GuestLocation)) and what puts it right
//! ([`View::remedy`](crate::recovery::View::remedy)) both follow from it.

use crate::answer::Answer;
use crate::state::DomainState;

/// What both answers prove together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// All of it is at the source, where it runs or was paused by somebody.
    Source {
        /// Its processors run.
        running: bool,
        /// What the destination has beside it.
        beside: Beside,
    },
    /// It stands still at the source for a migration, and all of it is there.
    Switchover(Beside),
    /// All of it is at the destination.
    Destination {
        /// Its processors run.
        running: bool,
        /// What is left of it at the source.
        left: Left,
    },
    /// It runs at the destination while memory is still at the source: by whose word that broke.
    PostCopy {
        /// The source says that it broke.
        failed_here: bool,
        /// The destination says so.
        failed_there: bool,
    },
    /// Post-copy was not over, and the source's part of the memory is gone.
    SourceLost,
    /// Post-copy had begun, and what ran at the destination is gone.
    DestinationLost,
    /// The source did not answer.
    SourceUnknown,
    /// The destination did not answer.
    DestinationUnknown,
    /// It runs at neither host, by the word of both: it is shut off, and its definition is here.
    ShutOff(Kept),
    /// It ran at the destination before all of its memory was there, and was shut down or destroyed there. What the
    /// source has is old.
    EndedThere,
    /// It has left the source, and the destination does not have it.
    Nowhere,
    /// Both hosts have it in states that no migration leaves.
    Contradiction,
}

/// What a destination has beside a source that has all of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// It does not know the guest.
    Nothing,
    /// A definition of it.
    ShutOff,
    /// A copy that is not finished.
    Copy,
    /// The whole guest as well.
    Twin {
        /// Its processors run.
        running: bool,
    },
}

/// What is left at the source of a guest that is whole at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// A definition.
    ShutOff,
    /// The process that it came from, which stands still.
    Process,
}

/// Who keeps the definition of a guest that is shut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The source, where it ran last as far as is known.
    Source,
    /// The destination, where it ran last as far as is known.
    Destination,
    /// Both, and neither tells where it ran last.
    Both,
    /// Nobody: neither host knows the guest.
    Nowhere,
}

/// What one side may be, in the terms of a migration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Unknown,
    Absent,
    ShutOff,
    /// All of the guest is there, for all that this side knows.
    Whole {
        running: bool,
    },
    /// Paused for a migration: a source at the switchover, a destination before it.
    Waiting,
    /// Memory is at both hosts.
    PostCopy {
        failed: bool,
        running: bool,
    },
    /// Crashed, in shutdown, or a source that is starting up.
    Odd,
}

fn source_side(answer: Answer) -> Side {
    match side(answer, DomainState::is_migrating) {
        // One that is only starting up has not got all of anything.
        Side::Whole { running: false } if answer.is_arriving() => Side::Odd,
        side => side,
    }
}

fn destination_side(answer: Answer) -> Side {
    side(answer, DomainState::is_arriving)
}

fn side(answer: Answer, waits: impl FnOnce(DomainState) -> bool) -> Side {
    let state = match answer {
        Answer::Unknown => return Side::Unknown,
        Answer::Absent => return Side::Absent,
        Answer::State(state) => state,
    };
    let running = state.is_running();
    if state.is_post_copy() || state.is_post_copy_failed() {
        Side::PostCopy { failed: state.is_post_copy_failed(), running }
    } else if state.is_shut_off() {
        Side::ShutOff
    } else if running || state.is_paused() {
        if waits(state) { Side::Waiting } else { Side::Whole { running } }
    } else {
        Side::Odd
    }
}

/// Judges both answers. The source is to be asked first: what has left it has arrived before.
pub fn judge(source: Answer, destination: Answer) -> Standing {
    let (here, there) = (source_side(source), destination_side(destination));
    match (here, there) {
        // A guest that arrives here: the two hosts are the wrong way round.
        (Side::PostCopy { running: true, .. }, _) => Standing::Contradiction,
        (Side::Unknown, _) => Standing::SourceUnknown,
        (_, Side::Unknown) => Standing::DestinationUnknown,
        (Side::Whole { running }, _) => match beside(there) {
            Some(beside) => Standing::Source { running, beside },
            None => Standing::Contradiction,
        },
        (Side::PostCopy { .. }, Side::ShutOff) if was_ended(destination) => Standing::EndedThere,
        (Side::PostCopy { failed, .. }, _) => in_post_copy(failed, there),
        (Side::Waiting, Side::Whole { running }) => Standing::Destination { running, left: Left::Process },
        (Side::Waiting, _) => beside(there).map_or(Standing::Contradiction, Standing::Switchover),
        (Side::Odd, _) => Standing::Contradiction,
        (Side::Absent | Side::ShutOff, _) => gone_from_source(source, destination, there),
    }
}

fn beside(there: Side) -> Option<Beside> {
    match there {
        Side::Absent => Some(Beside::Nothing),
        Side::ShutOff => Some(Beside::ShutOff),
        Side::Waiting => Some(Beside::Copy),
        Side::Whole { running } => Some(Beside::Twin { running }),
        Side::Unknown | Side::PostCopy { .. } | Side::Odd => None,
    }
}

fn in_post_copy(failed_here: bool, there: Side) -> Standing {
    match there {
        Side::PostCopy { failed: failed_there, .. } => Standing::PostCopy { failed_here, failed_there },
        // The switch is just being made.
        Side::Waiting => Standing::PostCopy { failed_here, failed_there: false },
        Side::Whole { running } => Standing::Destination { running, left: Left::Process },
        _ => Standing::DestinationLost,
    }
}

/// In post-copy a destination that is shut off was active before, so the reason is this end's.
fn was_ended(destination: Answer) -> bool {
    matches!(destination, Answer::State(state) if state.was_ended())
}

fn gone_from_source(source: Answer, destination: Answer, there: Side) -> Standing {
    let left = if source == Answer::Absent { Left::Nothing } else { Left::ShutOff };
    match there {
        Side::Whole { running } => Standing::Destination { running, left },
        // A source goes only after its destination has all, so this one never will.
        Side::PostCopy { .. } => Standing::SourceLost,
        Side::Odd => Standing::Contradiction,
        Side::Absent | Side::ShutOff => {
            kept(source, destination).map_or(Standing::Nowhere, Standing::ShutOff)
        }
        // The copy may be about to start.
        Side::Waiting | Side::Unknown => Standing::Nowhere,
    }
}

/// Where the definition of a guest is that has a process at neither host.
fn kept(source: Answer, destination: Answer) -> Option<Kept> {
    match (source, destination) {
        (Answer::State(here), Answer::Absent) => (!here.has_migrated()).then_some(Kept::Source),
        (Answer::State(here), _) if here.has_migrated() => Some(Kept::Destination),
        // What post-copy leaves at a source is destroyed or killed, and does not shut itself down.
        (Answer::State(here), _) if here.has_shut_down() => Some(Kept::Source),
        (Answer::State(_), _) => Some(Kept::Both),
        (_, Answer::State(_)) => Some(Kept::Destination),
        _ => Some(Kept::Nowhere),
    }
}

/// What the source's answer proves alone, where the destination cannot be asked.
pub(crate) fn source_alone(source: Answer) -> Option<Standing> {
    match source_side(source) {
        Side::Whole { running } => Some(Standing::Source { running, beside: Beside::Nothing }),
        Side::PostCopy { failed: true, .. } => {
            Some(Standing::PostCopy { failed_here: true, failed_there: false })
        }
        _ => None,
    }
}

/// What the destination's answer proves alone, where the source cannot be asked.
pub(crate) fn destination_alone(destination: Answer) -> Option<Standing> {
    match destination_side(destination) {
        Side::Whole { running } => Some(Standing::Destination { running, left: Left::Nothing }),
        Side::PostCopy { failed: true, .. } => {
            Some(Standing::PostCopy { failed_here: false, failed_there: true })
        }
        _ => None,
    }
}
