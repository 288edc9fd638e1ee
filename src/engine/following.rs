//! A migration that goes on without a call: one that others have started, or whose call's connection broke.

use std::time::Duration;

use super::Engine;
use super::input::{Moved, Reconnected};
use super::order::Order;
use super::settle::{STILL, Settle};
use super::state::{Following, Lost, Settling, State, Story};
use crate::error::LibvirtError;
use crate::fact::Fact;
use crate::flags::MigrateFlags;
use crate::job::{JobInfo, JobType};
use crate::location::{Answer, GuestLocation};
use crate::record::Act;
use crate::state::DomainState;
use crate::{Error, Result};

/// How long a source that cannot be reached, or tells nothing, is asked again: longer than a daemon takes to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// A stream of memory that has moved nothing for this long is taken for broken, where libvirt says so too.
const BROKEN: Duration = Duration::from_secs(1);
/// Between two attempts to reach the source.
const AGAIN: Duration = Duration::from_millis(200);
/// How often at least a migration that may be over is looked at.
const OFTEN: Duration = Duration::from_millis(200);

impl Engine {
    pub(super) fn lost_due(&mut self, lost: Lost) {
        if self.awaiting.is_none() && lost.again_at <= self.now {
            self.for_state(Order::Reconnect);
        }
        self.state = State::Lost(lost);
    }

    /// What another connection to the source finds.
    pub(super) fn reconnected(&mut self, mut lost: Lost, found: Reconnected) {
        let why = lost.story.why();
        match found {
            Reconnected::There { events } => {
                self.record.act(self.now, Act::Reconnect, why, None);
                self.watch.subscribed(self.now, events);
                self.follow(lost.story);
            }
            Reconnected::Gone => {
                self.record.act(self.now, Act::Reconnect, why, None);
                self.over(lost.story);
            }
            Reconnected::Failed(error) => {
                let never = error.libvirt_code() == Some(LibvirtError::NO_SUPPORT);
                self.record.act(self.now, Act::Reconnect, why, Some(error.to_string()));
                if never || self.now.saturating_sub(lost.since) >= PATIENCE {
                    return self.unreachable(lost.story);
                }
                lost.again_at = self.now + AGAIN;
                self.state = State::Lost(lost);
            }
        }
    }

    /// Nothing is known but what the hosts say now.
    fn unreachable(&mut self, story: Story) {
        match story {
            Story::Adopted => self.over(Story::Adopted),
            Story::Broke(error) | Story::PostCopyBroke(error) => self.conclude(Err(error), None),
        }
    }

    /// The job's event said that it is over, and no look has told more since.
    pub(super) fn following_due(&mut self, following: Following) {
        if following.over_at.is_some_and(|at| at <= self.now) {
            return self.over(following.story);
        }
        self.state = State::Following(following);
    }

    /// A look at a migration that is followed. What cannot be found out is asked for again: a lock that is held is no
    /// proof that nothing moves.
    pub(super) fn followed(
        &mut self,
        job: &Result<Box<JobInfo>>,
        state: Option<Result<DomainState>>,
        connected: bool,
    ) {
        let State::Following(mut following) = std::mem::replace(&mut self.state, State::Ended) else {
            return;
        };
        if !connected {
            return self.lose(following.story);
        }
        if state.is_none() {
            // Asked before it was followed, for less than is needed now.
            self.watch.sample_at = self.now;
            self.state = State::Following(following);
            return;
        }
        self.watch.sample_at = self.watch.sample_at.min(self.now.saturating_add(following.often()));
        let answer = state.map_or(Answer::Unknown, Answer::of);
        if let Story::PostCopyBroke(error) = &following.story
            && following.still.is_none()
            && !may_be_whole_yet(job, answer)
        {
            // The call's error is no broken post-copy's.
            return self.conclude(Err(error.clone()), None);
        }
        match (running(job), answer) {
            (_, Answer::Absent) | (Fact::Absent, Answer::State(_)) => return self.over(following.story),
            (_, Answer::State(state)) if state.is_shut_off() => return self.over(following.story),
            (Fact::Unknown, _) | (_, Answer::Unknown) => {
                if self.now.saturating_sub(following.heard) >= PATIENCE {
                    return self.untold(following.story);
                }
            }
            (Fact::Known(moved), Answer::State(state)) => {
                following.heard = self.now;
                following.over_at = following.over_at.filter(|_| !is_outgoing(job));
                let since =
                    following.still.filter(|(last, _)| *last == moved).map_or(self.now, |still| still.1);
                following.still = Some((moved, since));
                if self.is_broken(&following.story, state, self.now.saturating_sub(since)) {
                    return self.broken(following.story);
                }
            }
        }
        self.state = State::Following(following);
    }

    /// Whether a post-copy is broken for good: the source says so, and nothing moves.
    fn is_broken(&self, story: &Story, state: DomainState, still: Duration) -> bool {
        let patience = if matches!(story, Story::PostCopyBroke(_)) { BROKEN } else { STILL };
        state.is_post_copy_failed() && still >= patience
    }

    fn broken(&mut self, story: Story) {
        match story {
            Story::PostCopyBroke(error) => self.conclude(Err(error), None),
            other => self.over(other),
        }
    }

    /// It is over. How, the hosts tell; and where the daemons were on their own, nobody has removed what is left.
    pub(super) fn over(&mut self, story: Story) {
        let error = match story {
            Story::Adopted => return self.conclude_adopted(),
            Story::Broke(error) | Story::PostCopyBroke(error) => error,
        };
        self.followed_up = true;
        if !self.case.destination {
            return self.conclude(Err(error), None);
        }
        let for_good = self.case.flags.contains(MigrateFlags::PERSIST_DEST | MigrateFlags::UNDEFINE_SOURCE);
        let settle = Settle::new(None, for_good, self.case.exclusive);
        self.state = State::Settling(Settling {
            error,
            settle,
            again_at: None,
            taking: None,
            asked: self.now,
            late: 0,
        });
        self.for_state(Order::View);
    }

    /// A migration that may still run has no place to tell.
    pub(super) fn untold(&mut self, story: Story) {
        let mut error = match story {
            Story::Broke(error) | Story::PostCopyBroke(error) => error,
            Story::Adopted => LibvirtError::found_here(
                LibvirtError::OPERATION_FAILED,
                "nothing more is known of the migration",
            )
            .into(),
        };
        if let Error::Libvirt(error) = &mut error {
            error.message +=
                "; the source does not tell whether the migration still runs, so nothing was done about it";
        }
        self.conclude(Err(error), Some(GuestLocation::Unknown));
    }
}

impl Story {
    fn why(&self) -> String {
        match self {
            Self::Adopted => {
                "the connection to the source broke, and the migration goes on without it".to_owned()
            }
            Self::Broke(error) | Self::PostCopyBroke(error) => {
                format!("the connection broke ({error}), and the migration may go on without it")
            }
        }
    }
}

impl Following {
    pub(super) const fn new(story: Story, now: Duration) -> Self {
        Self { story, heard: now, still: None, over_at: None }
    }

    /// How often it is looked at.
    const fn often(&self) -> Duration {
        match self.story {
            Story::Adopted => Duration::MAX,
            Story::Broke(_) | Story::PostCopyBroke(_) => OFTEN,
        }
    }
}

/// Whether a post-copy whose call has failed may get over all the same, or has: the source says that it broke and not
/// that nothing moves any more, or has let go of the guest, or tells nothing just now.
fn may_be_whole_yet(job: &Result<Box<JobInfo>>, answer: Answer) -> bool {
    match answer {
        Answer::State(state) if state.is_post_copy_failed() => running(job) != Fact::Absent,
        Answer::State(state) => state.is_shut_off(),
        Answer::Absent | Answer::Unknown => true,
    }
}

fn is_outgoing(job: &Result<Box<JobInfo>>) -> bool {
    job.as_ref().is_ok_and(|job| job.is_outgoing())
}

/// What of the memory has moved, while something is being moved. One that has failed is still being cleared up at the
/// destination until libvirt forgets it.
fn running(job: &Result<Box<JobInfo>>) -> Fact<Moved> {
    match job {
        Ok(job) if job.kind == JobType::None => Fact::Absent,
        Ok(job) => Fact::Known(Moved { processed: job.memory_processed, remaining: job.memory_remaining }),
        Err(error) => Fact::<Moved>::from_answer(Err(error.clone())),
    }
}
