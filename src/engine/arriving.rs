//! A guest that was sent paused, so that it runs at both hosts at no moment: it goes on at the destination once the source
//! is known to have given it up.
//!
//! Any of these is enough: libvirt's call has returned without an error, the source has told that it ended the guest's
//! process since the guest has moved, the source does not know the guest any more or has it shut off. That all of the memory
//! was sent is none: libvirt has the source go on where it loses the destination's answer after that.

use std::time::Duration;

use super::order::{Change, Order};
use super::state::{State, Verdict};
use super::undo::UNDO;
use super::{Engine, Purpose};
use crate::error::LibvirtError;
use crate::location::{Answer, Answers, GuestLocation};
use crate::record::Act;
use crate::standing::{Beside, Standing, judge};
use crate::{Error, Result};

/// How long it is tried: longer than a daemon takes to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long an answer is waited for before it is told without.
const LAST_ANSWER: Duration = Duration::from_secs(15);

/// What is known of a guest that was sent paused.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    /// The source has given it up.
    given_up: bool,
    /// It is being told to go on.
    out: bool,
    /// Since when it goes on at the destination.
    since: Option<Duration>,
    /// Since when it stands still at the source for the switchover.
    stopped: Option<Duration>,
    /// Why it could not be told to go on the last time.
    error: Option<Error>,
}

/// It has arrived, and is to go on there.
#[derive(Debug)]
pub(super) struct Resuming {
    verdict: Verdict,
    since: Duration,
    /// When it is told to go on the next time, unless something is out.
    again_at: Option<Duration>,
    /// When both hosts were asked for the last time, before it is told that it stands still.
    last_asked: Option<Duration>,
}

impl Engine {
    /// Whether the guest stands still for the switchover, for the length of its pause.
    pub(super) fn note_switchover(&mut self) {
        let stands = self.watch.context.switchover;
        self.arrival.stopped = self.arrival.stopped.or(Some(self.now)).filter(|_| stands);
    }

    /// The source has ended its process, and the guest is told to go on before libvirt's call returns.
    pub(super) fn source_has_ended_it(&mut self) {
        let first = !std::mem::replace(&mut self.arrival.given_up, true);
        if first && self.case.exclusive && !self.state.is_over() {
            self.have_it_go_on();
        }
    }

    /// The source is known to have given it up.
    pub(super) const fn source_has_given_up(&mut self) {
        self.arrival.given_up = true;
    }

    /// It is told to go on while what it has left behind is being removed. Returns whether that is worth another look.
    pub(super) fn goes_on_while_it_settles(&mut self) -> bool {
        self.arrival.given_up = true;
        if !self.arrival.out && self.arrival.since.is_none() && self.arrival.error.is_none() {
            self.have_it_go_on();
        }
        self.arrival.error.is_none()
    }

    fn have_it_go_on(&mut self) {
        self.arrival.out = true;
        self.order(Order::Change(Change::ResumeDestination), Purpose::Arrival);
    }

    /// What came of it.
    pub(super) fn went_on(&mut self, result: Result<()>) {
        self.arrival.out = false;
        if !self.record.ended {
            let error = result.as_ref().err().map(ToString::to_string);
            self.record.act(self.now, Act::ResumeDestination, "the source has given it up", error);
        }
        let done = result.is_ok();
        match result {
            Ok(()) => self.arrival.since = Some(self.now),
            Err(error) => self.arrival.error = Some(error),
        }
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Resuming(resuming) if done => {
                self.finish_here(resuming.verdict, GuestLocation::DestinationRunning);
            }
            State::Resuming(resuming) => {
                self.state = State::Resuming(resuming);
                self.for_state(Order::Ask);
            }
            state => self.state = state,
        }
    }

    /// Where a guest is that libvirt has moved: paused, unless it goes on already.
    pub(super) const fn goes_on_there(&self) -> bool {
        self.arrival.since.is_some()
    }

    /// The end is known. One that stands still at the destination, and need not, goes on first.
    pub(super) fn finish(&mut self, verdict: Verdict, location: GuestLocation) {
        if !self.case.exclusive || location != GuestLocation::DestinationPaused {
            return self.finish_here(verdict, location);
        }
        if self.goes_on_there() {
            return self.finish_here(verdict, GuestLocation::DestinationRunning);
        }
        if !self.arrival.given_up {
            return self.stands_there(verdict, "the source does not tell that it has given it up");
        }
        let again_at = (!self.arrival.out).then_some(self.now);
        self.resuming_due(Resuming { verdict, since: self.now, again_at, last_asked: None });
    }

    pub(super) fn resuming_at(&self, resuming: &Resuming) -> Duration {
        match (resuming.last_asked, resuming.again_at) {
            (Some(asked), _) => asked + LAST_ANSWER,
            (None, again_at) => again_at.unwrap_or(resuming.since + PATIENCE),
        }
    }

    pub(super) fn resuming_due(&mut self, mut resuming: Resuming) {
        if resuming.last_asked.is_some_and(|asked| asked + LAST_ANSWER <= self.now) {
            self.awaiting = None;
            return self.gives_up(resuming.verdict, GuestLocation::Unknown);
        }
        if resuming.last_asked.is_none() && self.now.saturating_sub(resuming.since) >= PATIENCE {
            // Over connections of their own: what is out may hang.
            (resuming.last_asked, resuming.again_at) = (Some(self.now), None);
            self.for_state(Order::Look);
        }
        if resuming.again_at.is_some_and(|at| at <= self.now) {
            resuming.again_at = None;
            self.have_it_go_on();
        }
        self.state = State::Resuming(resuming);
    }

    /// Both hosts' answers after it could not be told to go on: its answer may have been lost alone.
    pub(super) fn resuming(&mut self, mut resuming: Resuming, answers: Answers) {
        let location = answers.location();
        let gone = gave_up(answers.source);
        let stands = location == GuestLocation::DestinationPaused || answers.destination == Answer::Unknown;
        match location {
            GuestLocation::DestinationRunning => {
                self.arrival.since = Some(self.now);
                self.finish_here(resuming.verdict, location);
            }
            _ if resuming.last_asked.is_some() => self.gives_up(resuming.verdict, location),
            _ if stands && (gone || answers.source == Answer::Unknown) => {
                resuming.again_at = Some(self.now + UNDO.1);
                self.state = State::Resuming(resuming);
            }
            _ => {
                let error = self.arrival.error.take().unwrap_or_else(|| Error::not_now("it is not there"));
                self.finish_here(Verdict::Failed(error), location);
            }
        }
    }

    /// Whether the guest is paused at the destination by its word alone: the source may not have given it up, and run it.
    pub(super) fn may_run_at_source(&self, answers: Answers) -> bool {
        self.case.exclusive
            && !self.arrival.given_up
            && answers.source == Answer::Unknown
            && answers.location() == GuestLocation::DestinationPaused
    }

    fn gives_up(&mut self, verdict: Verdict, location: GuestLocation) {
        let why = self.arrival.error.as_ref().map_or_else(|| "no answer".to_owned(), ToString::to_string);
        self.stands_at(verdict, &why, location);
    }

    fn stands_there(&mut self, verdict: Verdict, why: &str) {
        self.stands_at(verdict, why, GuestLocation::DestinationPaused);
    }

    /// It has arrived and stands still there: whoever asked for the migration has to know.
    fn stands_at(&mut self, verdict: Verdict, why: &str, location: GuestLocation) {
        let text = format!(
            "the guest has arrived at the destination and stands still there, as it was sent: {why}. Once the source \
             is known to have nothing of it any more, recover with exclusive has it go on"
        );
        let error = match verdict {
            Verdict::Failed(Error::Libvirt(mut error)) => {
                error.message += &format!("; {text}");
                error
            }
            _ => LibvirtError::found_here(LibvirtError::OPERATION_FAILED, text),
        };
        self.finish_here(Verdict::Failed(error.into()), location);
    }

    /// Whether the destination has a copy that never ran, beside a source that goes on: libvirt has lost the destination's
    /// answer, and nobody else will remove it.
    pub(super) fn leaves_a_copy(&self, answers: Answers) -> bool {
        let leaves = |standing| match standing {
            Standing::Source { running: true, beside } => {
                matches!(beside, Beside::Copy | Beside::Twin { running: false })
            }
            _ => false,
        };
        self.case.exclusive
            && !self.arrival.given_up
            && !self.followed_up
            && self.case.destination
            && leaves(judge(answers.source, answers.destination))
    }

    /// How long the guest stood still, where it was sent paused and it was seen to stop.
    pub(super) fn stood_still(&self) -> Option<Duration> {
        Some(self.arrival.since?.saturating_sub(self.arrival.stopped?))
    }
}

/// Whether the source has no process of the guest's any more.
pub(super) const fn gave_up(source: Answer) -> bool {
    match source {
        Answer::Absent => true,
        Answer::State(state) => state.is_shut_off(),
        Answer::Unknown => false,
    }
}
