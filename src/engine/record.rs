//! What is told of a migration: its steps, its progress, its end, and the answers to wishes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::progress::{Phase, Progress};
use crate::record::{Act, Outcome, Step};
use crate::update::Update;

/// What was told, and what is still to be told.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub steps: Vec<Step>,
    pub progress: Progress,
    /// The switchover has been told.
    pub switched: bool,
    /// The end has been told.
    pub ended: bool,
    updates: VecDeque<Update>,
    answers: VecDeque<(u64, Result<()>)>,
}

impl Record {
    /// Adds to the steps, unless it is the last one's failure once more.
    pub fn step(&mut self, step: Step) {
        if !self.steps.last().is_some_and(|last| step.repeats(last)) {
            self.steps.push(step.clone());
            self.tell(Update::Step(step));
        }
    }

    /// Adds something done at this time.
    pub fn act(&mut self, at: Duration, act: Act, reason: impl Into<String>, error: Option<String>) {
        self.step(Step { at, act, reason: reason.into(), error });
    }

    /// A new progress.
    pub fn progress(&mut self, progress: Progress) {
        if !self.ended {
            self.progress = progress;
            self.tell(Update::Progress(progress));
        }
    }

    /// Tells the switchover, once.
    pub fn switch(&mut self, at: Duration) {
        if !std::mem::replace(&mut self.switched, true) {
            self.tell(Update::Switchover { at });
        }
    }

    /// Tells the end, once. Nothing is told after it.
    pub fn end(&mut self, at: Duration, end: Result<Outcome>) {
        if self.ended {
            return;
        }
        if end.is_ok() {
            self.switch(at);
            self.progress(Progress {
                phase: Phase::Finishing,
                elapsed: at,
                memory_remaining: 0,
                disk_remaining: 0,
                expected_downtime: None,
                expected_time_left: Some(Duration::ZERO),
                stuck: false,
                fraction: 1.0,
                ..self.progress
            });
        }
        self.tell(Update::Ended(Arc::new(end)));
        self.ended = true;
    }

    fn tell(&mut self, update: Update) {
        if !self.ended {
            self.updates.push_back(update);
        }
    }

    /// Answers a wish.
    pub fn answer(&mut self, wish: u64, result: Result<()>) {
        self.answers.push_back((wish, result));
    }

    pub fn poll_update(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }

    pub fn poll_answer(&mut self) -> Option<(u64, Result<()>)> {
        self.answers.pop_front()
    }
}
