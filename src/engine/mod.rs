//! One migration as a state machine: what happens goes in with its time, orders and updates come out. Pure: it has no
//! clock, thread or lock, and knows neither libvirt nor Python.
//!
//! ```text
//! engine.handle(now, input)
//! while let Some((ticket, order)) = engine.poll_order()  { carry it out, and hand its reply in with the ticket }
//! while let Some((number, result)) = engine.poll_answer() { tell whoever wished for it }
//! while let Some(update) = engine.poll_update()           { tell it }
//! engine.wake_at()                                         { handle Input::Woken then, if nothing happens before }
//! ```
//!
//! Times are counted from the migration's start. With [`Scope::Beside`] the call is somebody else's: its return is
//! handed in with [`Engine::CALL`].

mod answered;
mod arriving;
mod case;
mod conclude;
mod doing;
mod explain;
mod finish;
mod finish_abort;
mod following;
mod input;
mod lane;
mod observed;
mod order;
mod pace;
mod record;
mod running;
pub(crate) mod settle;
mod settling;
mod silence;
mod state;
mod undo;
mod unstick;
mod watch;
mod wishes;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use case::{CONFIRM_FOR, Case, Scope};
pub use input::{Input, Moved, Outside, Reconnected, Reply, Viewed, Wish};
pub use order::{Change, Order, Probe, Terms, Ticket};

use crate::Result;
use crate::location::GuestLocation;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::record::{Act, Step};
use crate::update::Update;
use doing::{Doing, Hold};
use record::Record;
use state::{Calling, Following, State, Story};
use watch::Watch;

/// One migration.
pub struct Engine {
    case: Case,
    /// Others have started it.
    adopted: bool,
    state: State,
    now: Duration,
    attempt: u32,
    /// What this attempt is made with.
    terms: Terms,
    /// The number of the last order.
    last: u64,
    out: BTreeMap<u64, Out>,
    orders: VecDeque<(Ticket, Order)>,
    /// The order that is out of those that go one after the other.
    lane: Option<u64>,
    /// The order that the state waits for.
    awaiting: Option<u64>,
    watch: Watch,
    hold: Hold,
    /// Until then a pause whose answer was lost may still be made.
    pause_may_land: Duration,
    aborting: wishes::Aborting,
    /// A post-copy that broke has been looked after.
    followed_up: bool,
    /// The destination was seen to run all of the guest.
    seen_at_destination: bool,
    /// It was seen to have ended there, and is in this place since.
    ended_at_destination: Option<GuestLocation>,
    /// The answer to a switch to post-copy was lost.
    maybe_post_copy: bool,
    /// A pause was out when the end was told.
    late: bool,
    /// The wishes that were out with it, and libvirt's answers.
    late_wishes: Vec<(u64, Result<()>)>,
    forcing: wishes::Forcing,
    unstick: unstick::Unstick,
    /// The source could not be reached once: its daemon may have ended, and know no more than QEMU tells.
    lost: bool,
    /// How often QEMU was told to finish an abort.
    finish_aborts: u32,
    arrival: arriving::Arrival,
    record: Record,
}

/// An order that is out.
struct Out {
    attempt: u32,
    changes: bool,
    purpose: Purpose,
}

/// What an order is for.
enum Purpose {
    Call,
    Prepare,
    Subscribe,
    Reach,
    Sample,
    /// Silence.
    Look,
    /// A change, before which is found out whether it can be made.
    Probe(Doing),
    Change(Doing),
    /// A guest that was sent paused going on at the destination.
    Arrival,
    /// What the state waits for.
    State,
    /// What the end tells besides the place.
    End,
}

impl Engine {
    /// Under this ticket whoever made the call reports its return, with [`Scope::Beside`].
    pub const CALL: Ticket = Ticket { number: 0, attempt: 0 };

    /// A migration that begins now: at 0.
    pub fn start(case: Case, policy: Option<Box<dyn Policy>>) -> Self {
        let mut engine = Self::new(case, policy);
        match engine.case.scope {
            Scope::Whole => {
                engine.order(Order::Call(Terms::default()), Purpose::Call);
                engine.in_lane(Order::Prepare, Purpose::Prepare);
            }
            Scope::Call => {
                engine.order(Order::Call(Terms::default()), Purpose::Call);
            }
            Scope::Beside { .. } => {
                let call = Out { attempt: 0, changes: false, purpose: Purpose::Call };
                engine.out.insert(Self::CALL.number, call);
                engine.state = State::Calling(Calling::default());
            }
        }
        engine
    }

    /// A migration that was found running, which others have started.
    pub fn adopt(case: Case, policy: Option<Box<dyn Policy>>) -> Self {
        let mut engine = Self::new(case, policy);
        engine.adopted = true;
        engine.watch.context.post_copy = engine.case.guest.state.is_some_and(|state| state.is_post_copy());
        engine.state = State::Following(Following::new(Story::Adopted, Duration::ZERO));
        engine.in_lane(Order::Prepare, Purpose::Prepare);
        engine
    }

    fn new(mut case: Case, policy: Option<Box<dyn Policy>>) -> Self {
        // One that stood still before stays so.
        case.exclusive &= !case.was_paused() && !case.scope.is_beside();
        Self {
            case,
            adopted: false,
            state: State::Preparing,
            now: Duration::ZERO,
            attempt: 0,
            terms: Terms::default(),
            last: 0,
            out: BTreeMap::new(),
            orders: VecDeque::new(),
            lane: None,
            awaiting: None,
            watch: Watch::new(policy),
            hold: Hold::Free,
            pause_may_land: Duration::ZERO,
            aborting: wishes::Aborting::default(),
            followed_up: false,
            seen_at_destination: false,
            ended_at_destination: None,
            maybe_post_copy: false,
            late: false,
            late_wishes: vec![],
            forcing: wishes::Forcing::default(),
            unstick: unstick::Unstick::default(),
            lost: false,
            finish_aborts: 0,
            arrival: arriving::Arrival::default(),
            record: Record::default(),
        }
    }

    /// Takes something that happened `now`. A time that goes back counts as the last one.
    pub fn handle(&mut self, now: Duration, input: Input) {
        self.now = self.now.max(now);
        match input {
            Input::Woken => self.woken(),
            Input::Event(event) => self.event(event),
            Input::Done(ticket, reply) => self.done(ticket, reply),
            Input::Wish(number, wish) => self.wish(number, wish),
            Input::Outside(outside) => self.outside(outside),
        }
        self.advance();
    }

    /// Beside a call of somebody else's a look is ordered whenever its caller wakes the engine: how often to look is the
    /// caller's.
    fn woken(&mut self) {
        if self.case.scope.is_beside() {
            self.watch.sample_at = self.now;
        }
    }

    /// Whether the destination can be asked, which may be known only later.
    pub const fn set_destination(&mut self, known: bool) {
        self.case.destination = known;
    }

    /// The next thing to do, if any is due.
    pub fn poll_order(&mut self) -> Option<(Ticket, Order)> {
        self.orders.pop_front()
    }

    /// The next answer to a wish, under its number.
    pub fn poll_answer(&mut self) -> Option<(u64, Result<()>)> {
        self.record.poll_answer()
    }

    /// The next thing to tell.
    pub fn poll_update(&mut self) -> Option<Update> {
        self.record.poll_update()
    }

    /// When it wants to be handled next if nothing happens; `None` while it waits for replies alone, and after the end.
    pub fn wake_at(&self) -> Option<Duration> {
        let silence = self.look_at();
        let lane = self.lane_at();
        let state = match &self.state {
            State::Preparing | State::Ended => None,
            State::Calling(calling) => self.calling_at(calling),
            State::Restarting(restarting) => self.restarting_at(restarting),
            State::Lost(lost) => self.awaiting.is_none().then_some(lost.again_at),
            State::Following(following) => following.over_at,
            State::Concluding(concluding) => self.concluding_at(concluding),
            State::Settling(settling) => settling.again_at,
            State::Resuming(resuming) => Some(self.resuming_at(resuming)),
            State::Finishing(finishing) => self.finishing_at(finishing),
            State::Trailing(trailing) => Self::trailing_at(trailing),
        };
        [silence, lane, state, self.unstick_at()].into_iter().flatten().min()
    }

    /// Whether it has ended: nothing that changes something is out, and nothing is ordered any more.
    pub const fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Whether its end has been told. Something may still be out then, which is undone when it comes back.
    pub const fn is_told(&self) -> bool {
        self.record.ended
    }

    /// The last progress.
    pub const fn progress(&self) -> Progress {
        self.record.progress
    }

    /// What was decided and done so far.
    pub fn steps(&self) -> &[Step] {
        &self.record.steps
    }

    /// Whether libvirt's events are delivered.
    pub const fn has_events(&self) -> bool {
        self.watch.events
    }

    /// Adds something to the record that was done before it began.
    pub fn note(&mut self, act: Act, reason: &str) {
        self.record.act(self.now, act, reason, None);
    }

    /// Gives an order out.
    fn order(&mut self, order: Order, purpose: Purpose) -> u64 {
        self.last += 1;
        let ticket = Ticket { number: self.last, attempt: self.attempt };
        self.out.insert(self.last, Out { attempt: self.attempt, changes: order.changes(), purpose });
        self.orders.push_back((ticket, order));
        self.last
    }

    /// Gives an order out that others wait for.
    fn in_lane(&mut self, order: Order, purpose: Purpose) {
        self.lane = Some(self.order(order, purpose));
    }

    /// Gives an order out that the state waits for.
    fn for_state(&mut self, order: Order) {
        self.awaiting = Some(self.order(order, Purpose::State));
    }

    /// Takes a reply. One that was given before, or never asked for, is nothing.
    fn done(&mut self, ticket: Ticket, reply: Reply) {
        let Some(out) = self.out.get(&ticket.number).filter(|out| out.attempt == ticket.attempt) else {
            return;
        };
        let stale = out.attempt != self.attempt;
        let awaited = self.awaiting == Some(ticket.number);
        if self.lane == Some(ticket.number) {
            self.lane = None;
        }
        if awaited {
            self.awaiting = None;
        }
        let Some(out) = self.out.remove(&ticket.number) else { return };
        match (out.purpose, reply) {
            (Purpose::Call, Reply::Called { result, connected, location }) if !stale => {
                self.called(result, connected, location);
            }
            (Purpose::Prepare, Reply::Subscribed { events }) => self.prepared(events),
            (Purpose::Subscribe, Reply::Subscribed { events }) => self.watch.subscribed(self.now, events),
            (Purpose::Sample, Reply::Sampled { job, state, connected }) if !stale => {
                self.sampled(job, state, connected);
            }
            (Purpose::Look, Reply::Asked(answers)) => self.looked(answers),
            (Purpose::Probe(doing), Reply::Changed { result, .. }) => self.probed(doing, result, stale),
            (Purpose::Change(doing), Reply::Changed { result, state }) => {
                self.changed(&doing, result, state, stale);
            }
            (Purpose::Arrival, Reply::Changed { result, .. }) => self.went_on(result),
            (Purpose::End, reply) => self.state_reply(reply),
            (Purpose::State, reply) if awaited => self.state_reply(reply),
            // One that comes too late is none. Nor is one of another kind: whoever carries orders out has made a mistake, and the world has not.
            _ => {}
        }
    }

    fn state_reply(&mut self, reply: Reply) {
        match (std::mem::replace(&mut self.state, State::Ended), reply) {
            (State::Calling(calling), Reply::Asked(answers)) => {
                self.asked_without_return(calling, answers.location());
            }
            (State::Calling(calling), Reply::Located(place)) => self.asked_without_return(calling, place),
            (State::Lost(lost), Reply::Reconnected(found)) => self.reconnected(lost, found),
            (State::Concluding(concluding), reply) => self.concluding(concluding, reply),
            (State::Settling(settling), reply) => self.settled(settling, reply),
            (State::Resuming(resuming), Reply::Asked(answers)) => self.resuming(resuming, answers),
            (State::Finishing(finishing), reply) => self.finishing(finishing, reply),
            (State::Trailing(trailing), reply) => self.trailing(trailing, reply),
            (state, _) => self.state = state,
        }
    }

    /// Gives out what is due now.
    fn advance(&mut self) {
        if self.look_at().is_some_and(|due| due <= self.now) {
            // Beside whatever hangs.
            self.watch.silence.look(self.now);
            self.order(Order::Look, Purpose::Look);
        }
        self.lane_due();
        self.unstick_due();
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Calling(calling) => self.calling_due(calling),
            State::Restarting(restarting) => self.restarting_due(restarting),
            State::Lost(lost) => self.lost_due(lost),
            State::Following(following) => self.following_due(following),
            State::Concluding(concluding) => self.concluding_due(concluding),
            State::Settling(settling) => self.settling_due(settling),
            State::Resuming(resuming) => self.resuming_due(resuming),
            State::Finishing(finishing) => self.finishing_due(finishing),
            State::Trailing(trailing) => self.trailing_due(trailing),
            state => self.state = state,
        }
    }

    /// When both hosts are to be asked since nothing is heard.
    fn look_at(&self) -> Option<Duration> {
        let looks = !self.record.ended
            && match self.case.scope {
                Scope::Whole => true,
                Scope::Call => false,
                // Its caller knows whom to ask once libvirt was asked to move the guest.
                Scope::Beside { .. } => self.case.destination,
            };
        looks.then(|| self.watch.silence.due(self.record.switched)).flatten()
    }

    fn looked(&mut self, answers: crate::location::Answers) {
        if let Some(said) = self.watch.silence.looked(answers, self.now)
            && !self.record.ended
        {
            self.record.act(self.now, Act::Look, said, None);
        }
        self.seen_there(answers);
        self.unstick(answers);
        self.finish_abort(answers);
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Resuming(resuming) if answers.location() == GuestLocation::DestinationRunning => {
                self.resuming(resuming, answers);
            }
            State::Concluding(concluding) => self.looked_instead(concluding, answers),
            state => self.state = state,
        }
    }

    /// Whether others have started it.
    fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Whether a change of the watch's or a user's is out; with `pauses` only pauses count.
    fn is_changing(&self, pauses: bool) -> bool {
        self.out.values().any(|out| match &out.purpose {
            Purpose::Change(doing) => !pauses || doing.change == Change::Pause,
            Purpose::Probe(_) => out.changes && !pauses,
            _ => false,
        })
    }

    /// Whether anything is out that changes something.
    fn is_at_work(&self) -> bool {
        self.out.values().any(|out| out.changes)
    }
}
