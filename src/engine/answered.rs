//! Both hosts' answers at the end of a migration: what they prove, and what is asked or done before they are believed.

use std::time::Duration;

use super::Engine;
use super::arriving::gave_up;
use super::explain::{LEFT_BEHIND, STANDS_THERE, explain, explain_doubt, explain_end};
use super::order::Order;
use super::state::{Concluding, Stage, State, Story};
use super::undo::REACH;
use crate::Error;
use crate::error::LibvirtError;
use crate::flags::MigrateFlags;
use crate::location::{Answer, Answers, GuestLocation};
use crate::remedy::Reason;
use crate::standing::{Beside, Kept, Standing, judge};

/// An answer that took longer is of another time: the guest may have gone on somewhere since.
pub(super) const OLD: Duration = Duration::from_secs(5);
/// How often hosts are asked again for that.
pub(super) const LATE: u32 = 5;

impl Engine {
    /// Both hosts have answered the conclusion's question.
    pub(super) fn asked(&mut self, mut concluding: Concluding, answers: Answers) {
        let old = self.now.saturating_sub(concluding.asked) > OLD;
        if old && concluding.late < LATE {
            concluding.late += 1;
            self.seen_there(answers);
            return self.ask(concluding);
        }
        self.answered(concluding, answers);
    }

    /// Both hosts were asked over connections of their own, since nothing is heard. Where the conclusion's own question
    /// hangs this is its answer.
    pub(super) fn looked_instead(&mut self, concluding: Concluding, answers: Answers) {
        let known = answers.source != Answer::Unknown && answers.destination != Answer::Unknown;
        let since = self.watch.silence.asked_since(concluding.asked);
        if concluding.stage == Stage::Ask && known && since {
            self.awaiting = None;
            return self.answered(concluding, answers);
        }
        self.state = State::Concluding(concluding);
    }

    pub(super) fn answered(&mut self, concluding: Concluding, answers: Answers) {
        if gave_up(answers.source) {
            self.source_has_given_up();
        }
        self.seen_there(answers);
        let Some(mut concluding) = self.undo_pause(concluding, answers) else { return };
        if let Err(error) = &concluding.result
            && self.may_get_over(answers)
        {
            // The daemons may have lost each other in post-copy, and the memory still move.
            self.followed_up = true;
            let error = error.clone();
            return self.follow(Story::PostCopyBroke(error));
        }
        if let Err(error) = &concluding.result
            && self.leaves_a_copy(answers)
        {
            let error = error.clone();
            return self.over(Story::Broke(error));
        }
        if self.may_run_at_source(answers) && concluding.waited < REACH {
            concluding.waited += 1;
            concluding.stage = Stage::Reconnect;
            self.for_state(Order::Reconnect);
            self.state = State::Concluding(concluding);
            return;
        }
        if concluding.parted && answers.destination == Answer::Unknown {
            // It was seen to run there, and the source stands still since.
            return self.judged(concluding, GuestLocation::DestinationRunning);
        }
        let location = self.adopted_place(&mut concluding, answers).unwrap_or_else(|| answers.location());
        let unsure = self.unsure(answers, location);
        let (location, doubt) = match answers.destination {
            // It was seen to run there, and does for all that is known.
            Answer::Unknown if self.seen_at_destination && location.is_at_source() => {
                (GuestLocation::Unknown, true)
            }
            _ if unsure.is_some() => (GuestLocation::Unknown, false),
            _ => (location, false),
        };
        // What was sent paused runs nowhere else.
        let sure = self.case.exclusive && matches!(answers.source, Answer::State(_));
        // After what may have said something else: the doubt is never lost.
        if !sure && let Err(error) = &mut concluding.result {
            explain_doubt(answers, doubt, error);
        }
        if let Err(error) = &mut concluding.result {
            explain_end(answers, error);
            if let Some(why) = unsure {
                explain(why, error);
            }
        }
        self.located(concluding, location);
    }

    /// Why answers that name a place do not prove it, where they do not.
    fn unsure(&self, answers: Answers, location: GuestLocation) -> Option<&'static str> {
        if self.may_run_at_source(answers) {
            Some(STANDS_THERE)
        } else if self.may_have_run(answers) {
            Some(Reason::MayHaveRun.advice())
        } else if self.is_left_behind(location) {
            Some(LEFT_BEHIND)
        } else {
            None
        }
    }

    /// Whether the guest may have gone on at the destination and ended there, without a trace: one that keeps no
    /// definition forgets it. What waits at the source is old then.
    fn may_have_run(&self, answers: Answers) -> bool {
        judge(answers.source, answers.destination) == Standing::Switchover(Beside::Nothing)
            && !self.case.exclusive
            && !self.keeps_there()
    }

    /// Whether the destination keeps a definition of what has run there.
    fn keeps_there(&self) -> bool {
        self.case.flags.contains(MigrateFlags::PERSIST_DEST)
    }

    /// Both hosts have answered: whether the destination runs the guest, or has run it, is kept.
    pub(super) fn seen_there(&mut self, answers: Answers) {
        let runs = runs_there(answers);
        self.seen_at_destination |= runs;
        let ended = match judge(answers.source, answers.destination) {
            Standing::ShutOff(Kept::Destination) => Some(GuestLocation::DestinationShutOff),
            // It kept no definition there. The source was asked first, and had let go of it: it was there before.
            Standing::Nowhere if answers.destination == Answer::Absent && !self.keeps_there() => {
                Some(GuestLocation::Unknown)
            }
            Standing::Switchover(Beside::Nothing) if self.seen_at_destination => Some(GuestLocation::Unknown),
            _ => None,
        };
        // Somebody may have started it again.
        self.ended_at_destination = ended.or(self.ended_at_destination.filter(|_| !runs));
    }

    /// Whether what stands still at the source is a twin of one that was seen to run at the destination, and is not there
    /// any more.
    fn is_left_behind(&self, location: GuestLocation) -> bool {
        self.seen_at_destination && location == GuestLocation::SourcePaused
    }

    /// Whether the source says that post-copy broke, which nobody has looked after yet.
    fn may_get_over(&self, answers: Answers) -> bool {
        let broken = matches!(answers.source, Answer::State(state) if state.is_post_copy_failed());
        broken && !self.followed_up && !self.adopted && !self.case.scope.is_beside()
    }

    /// Where the guest of a migration without a call of ours is, if it has moved; the result is changed to that.
    fn adopted_place(&self, concluding: &mut Concluding, answers: Answers) -> Option<GuestLocation> {
        if !self.is_adopted() {
            return None;
        }
        let location = answers.location();
        let left = matches!(answers.source, Answer::State(state) if state.has_migrated());
        let succeeded = (self.watch.succeeded || left) && location != GuestLocation::PostCopyBroken;
        let unknown = location == GuestLocation::Unknown || location.is_shut_off();
        // Where post-copy broke nobody may have started it there.
        let post_copy = self.watch.context.post_copy || self.maybe_post_copy;
        let broke = self.watch.broke || (post_copy && self.lost);
        let proven = !unknown
            || (answers.destination == Answer::Unknown && !broke && self.ended_at_destination.is_none());
        if succeeded && proven {
            concluding.result = Ok(());
            return Some(if unknown { self.arrived() } else { location });
        }
        let Err(Error::Libvirt(error)) = &mut concluding.result else { return None };
        if succeeded {
            let there = match location {
                GuestLocation::DestinationShutOff => "has ended at the destination",
                _ if self.ended_at_destination.is_some() => "was seen to have ended at the destination",
                _ => "the destination does not say that it has it",
            };
            error.message = format!("the guest has left the source, and {there}");
            return None;
        }
        match answers.source {
            // The guest is not here. Only the destination can tell whether it is there.
            Answer::Absent if error.code == LibvirtError::OPERATION_FAILED => {
                error.code = LibvirtError::NO_DOMAIN;
                error.message = "the source does not know the guest any more".to_owned();
            }
            Answer::Unknown => error.message = "the source does not tell how the migration ended".to_owned(),
            _ => {}
        }
        None
    }
}

/// Whether the destination runs all of the guest, for all that both know.
fn runs_there(answers: Answers) -> bool {
    matches!(
        judge(answers.source, answers.destination),
        Standing::Source { beside: Beside::Twin { running: true }, .. }
            | Standing::Destination { running: true, .. }
    )
}
