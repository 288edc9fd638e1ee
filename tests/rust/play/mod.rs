//! An engine that a test plays by hand: the orders that it has given out, what it has told, and a clock.

mod cases;
mod script;

use std::time::Duration;

use libvirt_migrate::belongings::Brought;
use libvirt_migrate::domain::DomainEvent;
use libvirt_migrate::engine::{
    Case, Change, Engine, Input, Order, Outside, Reconnected, Reply, Ticket, Viewed, Wish,
};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::fact::Fact;
use libvirt_migrate::job::JobInfo;
use libvirt_migrate::location::{Answer, Answers, GuestLocation};
use libvirt_migrate::policy::Policy;
use libvirt_migrate::record::{Act, Outcome};
use libvirt_migrate::state::DomainState;
use libvirt_migrate::update::Update;
use libvirt_migrate::{Error, Result};

pub use cases::*;
pub use script::Script;

/// A migration that is played.
pub struct Play {
    pub engine: Engine,
    pub now: Duration,
    /// The orders that are out, in the order in which they came.
    pub out: Vec<(Ticket, Order)>,
    pub told: Vec<Update>,
    pub answers: Vec<(u64, Result<()>)>,
    /// How often something was handed in: an engine that goes round in circles fails its test.
    handed: u32,
}

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Moved,
    Failed,
    Cancelled,
    /// Neither: an error that is not libvirt's.
    Raw,
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn error(code: i32) -> Error {
    LibvirtError::found_here(code, format!("error {code}")).into()
}

impl Play {
    pub fn new(engine: Engine) -> Self {
        let mut play =
            Self { engine, now: Duration::ZERO, out: vec![], told: vec![], answers: vec![], handed: 0 };
        play.collect();
        play
    }

    pub fn start(case: Case) -> Self {
        Self::new(Engine::start(case, None))
    }

    pub fn steered(case: Case, policy: Box<dyn Policy>) -> Self {
        Self::new(Engine::start(case, Some(policy)))
    }

    /// One that is watched already: its job is seen at once.
    pub fn running(case: Case) -> Self {
        let mut play = Self::start(case);
        play.prepared(true);
        play.sampled(memory(1, 100));
        play
    }

    fn collect(&mut self) {
        /// More than an engine ever has to say at once.
        const MANY: usize = 1000;
        self.out.extend(std::iter::from_fn(|| self.engine.poll_order()).take(MANY));
        self.told.extend(std::iter::from_fn(|| self.engine.poll_update()).take(MANY));
        self.answers.extend(std::iter::from_fn(|| self.engine.poll_answer()).take(MANY));
    }

    pub fn hand(&mut self, input: Input) {
        self.handed += 1;
        assert!(self.handed < 20_000, "it does not end");
        self.engine.handle(self.now, input);
        self.collect();
    }

    /// Goes on to this time, waking the engine whenever it wants to be.
    pub fn until(&mut self, time: Duration) {
        while let Some(at) = self.engine.wake_at().filter(|at| *at <= time) {
            self.now = self.now.max(at);
            self.hand(Input::Woken);
        }
        self.now = time;
        self.hand(Input::Woken);
    }

    pub fn wait(&mut self, time: Duration) {
        self.until(self.now + time);
    }

    pub fn is_out(&self, order: &Order) -> bool {
        self.out.iter().any(|(_, out)| out == order)
    }

    /// The changes that are out.
    pub fn changes(&self) -> Vec<Change> {
        let change = |(_, order): &(Ticket, Order)| match order {
            Order::Change(change) => Some(*change),
            _ => None,
        };
        self.out.iter().filter_map(change).collect()
    }

    /// Takes the oldest order like this out of those that are out.
    pub fn take(&mut self, wanted: impl Fn(&Order) -> bool) -> Ticket {
        let index = self.out.iter().position(|(_, order)| wanted(order));
        let index = index.unwrap_or_else(|| panic!("not out, but {:?}", self.out));
        self.out.remove(index).0
    }

    fn reply(&mut self, wanted: impl Fn(&Order) -> bool, reply: Reply) {
        let ticket = self.take(wanted);
        self.hand(Input::Done(ticket, reply));
    }

    pub fn called(&mut self, result: Result<()>) {
        self.returned(result, true, None);
    }

    /// The call failed.
    pub fn failed(&mut self, error: Error) {
        self.called(Err(error));
    }

    pub fn returned(&mut self, result: Result<()>, connected: bool, location: Option<GuestLocation>) {
        let reply = Reply::Called { result, connected, location };
        self.reply(|order| matches!(order, Order::Call(_)), reply);
    }

    /// Somebody else's call returned.
    pub fn their_call(&mut self, result: Result<()>, location: Option<GuestLocation>) {
        let reply = Reply::Called { result, connected: true, location };
        self.hand(Input::Done(Engine::CALL, reply));
    }

    pub fn prepared(&mut self, events: bool) {
        self.reply(|order| *order == Order::Prepare, Reply::Subscribed { events });
    }

    pub fn subscribed(&mut self, events: bool) {
        self.reply(|order| *order == Order::Subscribe, Reply::Subscribed { events });
    }

    pub fn sampled(&mut self, job: JobInfo) {
        self.looked(Ok(job), None, true);
    }

    /// A look at one that is followed: the job and the domain's state.
    pub fn seen(&mut self, job: Result<JobInfo>, state: Result<DomainState>) {
        self.looked(job, Some(state), true);
    }

    pub fn looked(&mut self, job: Result<JobInfo>, state: Option<Result<DomainState>>, connected: bool) {
        let reply = Reply::Sampled { job: job.map(Box::new), state, connected };
        self.reply(|order| matches!(order, Order::Sample { .. }), reply);
    }

    pub fn asked(&mut self, source: Answer, destination: Answer) {
        self.reply(|order| *order == Order::Ask, Reply::Asked(Answers { source, destination }));
    }

    pub fn seen_in_silence(&mut self, source: Answer, destination: Answer) {
        self.reply(|order| *order == Order::Look, Reply::Asked(Answers { source, destination }));
    }

    pub fn changed(&mut self, change: Change, result: Result<()>) {
        self.changed_in(change, result, Fact::Unknown);
    }

    pub fn changed_in(&mut self, change: Change, result: Result<()>, state: Fact<DomainState>) {
        self.reply(|order| *order == Order::Change(change), Reply::Changed { result, state });
    }

    pub fn probed(&mut self, result: Result<()>) {
        self.reply(|order| matches!(order, Order::Probe(_)), Reply::Changed { result, state: Fact::Unknown });
    }

    pub fn reconnected(&mut self, found: Reconnected) {
        self.reply(|order| *order == Order::Reconnect, Reply::Reconnected(found));
    }

    pub fn viewed(&mut self, viewed: Viewed) {
        self.reply(|order| *order == Order::View, Reply::Viewed(viewed));
    }

    pub fn completed(&mut self, job: Result<JobInfo>) {
        self.reply(|order| *order == Order::Completed, Reply::Completed(job.map(Box::new)));
    }

    pub fn brought(&mut self, brought: Brought) {
        self.reply(|order| *order == Order::Bring, Reply::Brought(brought));
    }

    pub fn event(&mut self, event: i32, detail: i32) {
        self.hand(Input::Event(DomainEvent::Lifecycle { event, detail }));
    }

    pub fn job_completed(&mut self, job: JobInfo) {
        self.hand(Input::Event(DomainEvent::JobCompleted(Box::new(job))));
    }

    pub fn wish(&mut self, number: u64, wish: Wish) {
        self.hand(Input::Wish(number, wish));
    }

    pub fn outside(&mut self, outside: Outside) {
        self.hand(Input::Outside(outside));
    }

    /// The answer to a wish: libvirt's number of the error, if any, or nothing yet. There is never a second one.
    pub fn answer(&self, number: u64) -> Option<Result<(), Option<i32>>> {
        let mut found = self.answers.iter().filter(|(wish, _)| *wish == number);
        let answer = found.next().map(|(_, answer)| answer.clone().map_err(|error| error.libvirt_code()));
        assert!(found.next().is_none(), "a second answer to {number}: {:?}", self.answers);
        answer
    }

    /// What the record has, without what failed.
    pub fn acts(&self) -> Vec<Act> {
        let steps = self.engine.steps().iter().filter(|step| step.error.is_none());
        steps.map(|step| step.act).collect()
    }

    /// What the record has of what failed.
    pub fn failures(&self) -> Vec<Act> {
        let steps = self.engine.steps().iter().filter(|step| step.error.is_some());
        steps.map(|step| step.act).collect()
    }

    pub fn switchovers(&self) -> usize {
        self.told.iter().filter(|update| matches!(update, Update::Switchover { .. })).count()
    }

    /// The end, which is told once and last.
    fn end(&self) -> Option<&Result<Outcome>> {
        let end = self.told.iter().position(|update| matches!(update, Update::Ended(_)))?;
        assert_eq!(end, self.told.len() - 1, "told after the end: {:?}", &self.told[end..]);
        match &self.told[end] {
            Update::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// How it ended, and where the guest is said to be; nothing before it has.
    pub fn how(&self) -> Option<(How, GuestLocation)> {
        Some(match self.end()? {
            Ok(outcome) => (How::Moved, outcome.guest_location),
            Err(Error::MigrationFailed { location, .. }) => (How::Failed, *location),
            Err(Error::MigrationCancelled { location, .. }) => (How::Cancelled, *location),
            Err(_) => (How::Raw, GuestLocation::Unknown),
        })
    }

    pub fn outcome(&self) -> &Outcome {
        match self.end().expect("it has ended") {
            Ok(outcome) => outcome,
            Err(Error::MigrationFailed { outcome, .. } | Error::MigrationCancelled { outcome, .. }) => {
                outcome
            }
            Err(error) => panic!("no outcome: {error}"),
        }
    }

    pub fn end_message(&self) -> String {
        self.end().expect("it has ended").as_ref().unwrap_err().to_string()
    }

    pub fn end_code(&self) -> Option<i32> {
        self.end().expect("it has ended").as_ref().unwrap_err().libvirt_code()
    }
}
