//! A guest that was paused by us only to be moved, and was not, goes on at the source: as soon as no other host can run it.

use std::time::Duration;

use super::Engine;
use super::doing::Hold;
use super::order::{Change, Order};
use super::state::{Concluding, Stage, State, Story};
use crate::location::{Answer, Answers, GuestLocation};
use crate::standing::{Beside, Standing, judge};

/// How often a pause is tried to be undone, and the time between two attempts.
pub(super) const UNDO: (u32, Duration) = (10, Duration::from_millis(500));
/// How often a source is tried to be reached at which the guest stands still by our hand, at that time between two
/// attempts: longer than a daemon takes to start.
pub(super) const REACH: u32 = 60;
/// How often a destination is asked again that may be about to start the guest, at that time between two questions, while
/// it stands still at the source by our hand.
pub(super) const START: u32 = 60;
/// After how many of them its copy is removed.
const REMOVE: u32 = 10;

impl Engine {
    /// Whether the guest stands still at the source by our hand.
    pub(super) fn is_held(&self) -> bool {
        self.hold == Hold::Held && !self.case.was_paused() && !self.case.scope.is_beside()
    }

    /// The next step towards a guest that goes on, after both hosts' answers; the conclusion comes back where there is none.
    pub(super) fn undo_pause(&mut self, mut concluding: Concluding, answers: Answers) -> Option<Concluding> {
        // One that was seen to run there may have written since.
        if !self.is_held() || self.seen_at_destination {
            return Some(concluding);
        }
        let runs = matches!(answers.source, Answer::State(state) if state.is_running());
        if answers.source == Answer::Unknown && concluding.waited < REACH {
            // It stands still by our hand, and would for good; the connection may be dead.
            concluding.waited += 1;
            concluding.stage = Stage::Reconnect;
            self.for_state(Order::Reconnect);
        } else if runs && concluding.undone == 0 {
            // By an answer that may be older than the pause.
            concluding.undone = 1;
            self.ask(concluding);
            return None;
        } else if self.is_about_to_start(answers) && concluding.waited < START {
            concluding.waited += 1;
            if let Some(story) = self.removes_copy(&concluding) {
                self.over(story);
                return None;
            }
            concluding.stage = Stage::Again(self.now + UNDO.1);
        } else if may_go_on(answers, self.record.switched) && concluding.undone < UNDO.0 {
            concluding.undone += 1;
            concluding.stage = Stage::Resume;
            self.change_for_state(Change::Resume);
        } else {
            return Some(concluding);
        }
        self.state = State::Concluding(concluding);
        None
    }

    /// Whether the destination may be about to start the guest: it may have all of it, whatever was seen of that, and an
    /// order for that may be under way there. Soon it runs there, or is gone. One that was sent paused never starts by
    /// itself.
    pub(super) fn is_about_to_start(&self, answers: Answers) -> bool {
        !self.case.exclusive && matches!(answers.destination, Answer::State(state) if state.is_arriving())
    }

    /// Whether a copy that never ran is removed now: nobody else does, and it may start at any time. The source goes on once
    /// it is gone.
    fn removes_copy(&self, concluding: &Concluding) -> Option<Story> {
        let now = concluding.waited == REMOVE && self.case.destination && !self.followed_up;
        let error = concluding.result.as_ref().err().filter(|_| now)?;
        Some(Story::Broke(error.clone()))
    }
}

/// Whether a guest that is paused at the source by our hand may go on there: no other host can run it.
///
/// Once the migration has failed libvirt has had it go on itself, so a pause that is still there came later. That is
/// undone even where the destination cannot be asked, unless the guest was seen to leave.
pub(super) fn may_go_on(answers: Answers, seen_to_leave: bool) -> bool {
    let paused = matches!(answers.source, Answer::State(state) if state.is_paused() && !state.is_migrating());
    paused
        && match judge(answers.source, answers.destination) {
            Standing::Source { running: false, beside } => !matches!(beside, Beside::Twin { .. }),
            Standing::DestinationUnknown => {
                !seen_to_leave
                    && GuestLocation::from_answers(answers.source, Answer::Unknown)
                        == GuestLocation::SourcePaused
            }
            _ => false,
        }
}
