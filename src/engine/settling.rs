//! What a call that broke has left behind, and nobody else removes: one step after the other.

use std::time::Duration;

use super::Engine;
use super::answered::{LATE, OLD};
use super::input::Reply;
use super::order::{Change, Order};
use super::settle::{After, LOOK, Next};
use super::state::{Settling, State, Story};
use crate::error::LibvirtError;
use crate::location::{Answer, Answers, GuestLocation};
use crate::remedy::Remedy;
use crate::{Error, Result};

impl Engine {
    pub(super) fn settling_due(&mut self, mut settling: Settling) {
        if settling.again_at.is_some_and(|at: Duration| at <= self.now) {
            settling.again_at = None;
            settling.asked = self.now;
            self.for_state(Order::View);
        }
        self.state = State::Settling(settling);
    }

    pub(super) fn settled(&mut self, mut settling: Settling, reply: Reply) {
        if let Reply::Viewed(viewed) = &reply {
            self.seen_there(Answers { source: viewed.source, destination: viewed.destination });
        }
        match reply {
            Reply::Viewed(_) if self.now.saturating_sub(settling.asked) > OLD => {
                // Nothing is done by the word of another time.
                settling.late += 1;
                if settling.late > LATE {
                    return self.hopeless(settling);
                }
                settling.again_at = Some(self.now + LOOK);
            }
            Reply::Viewed(viewed) => match settling.settle.next(self.now, &viewed) {
                Next::Settled(Remedy::Whole(place)) => return self.whole(settling, place),
                Next::Settled(_) => return self.conclude(Err(settling.error), None),
                Next::Migrating | Next::Hopeless(_) => return self.hopeless(settling),
                // The connection may be dead.
                Next::Wait if viewed.source == Answer::Unknown => self.for_state(Order::Reconnect),
                Next::Wait => settling.again_at = Some(self.now + LOOK),
                Next::Take(taking) if taking.change == Change::ResumeDestination => {
                    if !self.goes_on_while_it_settles() {
                        // The end sees to that, with more patience.
                        return self.whole(settling, GuestLocation::DestinationPaused);
                    }
                    settling.again_at = Some(self.now + LOOK);
                }
                Next::Take(taking) => {
                    settling.taking = Some(taking);
                    self.change_for_state(taking.change);
                }
            },
            Reply::Changed { result, .. } => {
                if let Some(taking) = settling.taking.take() {
                    let (same, after) = settling.settle.taken(taking.act, result.is_ok());
                    self.record_taking(taking, same, &result);
                    if after != After::Look {
                        return self.hopeless(settling);
                    }
                }
                settling.again_at = Some(self.now + LOOK);
            }
            _ => settling.again_at = Some(self.now + LOOK),
        }
        self.state = State::Settling(settling);
    }

    fn record_taking(&mut self, taking: super::settle::Taking, same: bool, result: &Result<()>) {
        let error = result.as_ref().err().map(ToString::to_string);
        if !same || error.is_some() {
            self.record.act(self.now, taking.act, taking.reason, error);
        }
    }

    fn whole(&mut self, settling: Settling, place: GuestLocation) {
        let error = settling.error;
        if place.is_at_destination() {
            return self.conclude(Ok(()), Some(place));
        }
        let error = if self.aborting.taken {
            Error::Libvirt(LibvirtError::found_here(LibvirtError::OPERATION_ABORTED, error.to_string()))
        } else {
            error
        };
        self.conclude(Err(error), Some(place));
    }

    fn hopeless(&mut self, settling: Settling) {
        if settling.settle.may_still_run() {
            self.untold(Story::Broke(settling.error));
        } else {
            self.conclude(Err(settling.error), None);
        }
    }
}
