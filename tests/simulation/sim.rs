//! One schedule: the engine, whoever carries its orders out, and the world, until all is over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use libvirt_migrate::domain::{DomainEvent, GuestFacts};
use libvirt_migrate::engine::{Case, Engine, Input, Order, Reply, Scope, Terms, Ticket};
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::location::GuestLocation;
use libvirt_migrate::{Result, policy};

use crate::caller::{Caller, broken, error, take};
use crate::dice::Draw;
use crate::judge::Judge;
use crate::kind::Kind;
use crate::plan::{Plan, When};
use crate::task::{Next, Returned, Task};
use crate::world::{Agenda, Daemon, S, Said, Side, Stage, Step, Time, World};

/// What happens next.
pub enum Happening {
    World(Step),
    Arrive(usize),
    /// A connection was not made in time.
    NotMade(usize),
    Answer(usize, Result<Said>),
    Broken(usize),
    Input(Box<Input>),
    Event(usize, DomainEvent),
    Trouble(usize),
    Heal(usize),
    /// The caller's connections to a host are closed, where they were silent since this cut.
    Keepalive(Side, u64),
    Wish(usize),
    Wake,
}

/// What went wrong, and what had happened.
#[derive(Debug, Clone)]
pub struct Fault {
    pub what: String,
    pub trace: Vec<String>,
}

/// How a schedule went.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The place that was told.
    pub told: Option<GuestLocation>,
    /// It was told as a success.
    pub moved: bool,
    /// What was told, in words.
    pub words: Vec<String>,
    /// Inputs that the engine took.
    pub inputs: u64,
    /// What both hosts are like at the end.
    pub end: String,
    pub ended_at: Time,
    pub events: Vec<DomainEvent>,
    pub trace: Vec<String>,
    /// What the engine was told of the world, as a tape has it, where that was asked for.
    pub heard: Vec<String>,
}

/// See the module.
pub struct Sim {
    pub plan: Plan,
    pub world: World,
    pub agenda: Agenda<Happening>,
    pub engine: Option<Engine>,
    pub judge: Judge,
    pub caller: Caller,
    pub tasks: Vec<Task>,
    /// The connection that each order has made.
    pub made: Vec<usize>,
    /// The time at which the engine's time begins.
    base: Time,
    woken: Option<Time>,
    reached: Vec<When>,
    /// When all is healed that was begun, for all that is known.
    pub quiet: Time,
    pub cuts: [u64; 2],
    pub trace: Option<Vec<String>>,
    hears: bool,
    pub report: Report,
}

/// More inputs than that are a circle.
const MOST_INPUTS: u64 = 30_000;
/// How long the end may take once nothing is wrong any more.
const PATIENCE: Time = 600 * S;

/// Runs a schedule to its end; with `traced` what happens is recorded.
pub fn run(plan: &Plan, traced: bool) -> std::result::Result<Report, Fault> {
    whole(Sim::new(plan.clone(), traced))
}

/// Runs a schedule to its end for what the engine is told in it.
pub fn hear(plan: &Plan) -> std::result::Result<Report, Fault> {
    whole(Sim { hears: true, ..Sim::new(plan.clone(), false) })
}

fn whole(mut sim: Sim) -> std::result::Result<Report, Fault> {
    // A panic of the engine's is a fault like any other, and is told with its seed.
    let ran = catch_unwind(AssertUnwindSafe(|| sim.run()));
    match ran.unwrap_or_else(|panic| Err(format!("panics: {}", message(&panic)))) {
        Ok(()) => Ok(Report { trace: sim.trace.unwrap_or_default(), ..sim.report }),
        Err(what) => Err(Fault { what, trace: sim.trace.unwrap_or_default() }),
    }
}

impl Sim {
    fn new(plan: Plan, traced: bool) -> Self {
        let setup = &plan.setup;
        let world = World::new(plan.seed, setup.load, setup.state(), true);
        Self {
            judge: Judge::new(setup),
            quiet: setup.load.calm,
            plan,
            world,
            agenda: Agenda::default(),
            engine: None,
            caller: Caller::new(),
            tasks: vec![],
            made: vec![],
            base: 0,
            woken: None,
            reached: vec![],
            cuts: [0; 2],
            trace: traced.then(Vec::new),
            hears: false,
            report: Report::default(),
        }
    }

    pub fn note(&mut self, what: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let line = format!("{:>9.3} {}", self.world.now as f64 / S as f64, what(self));
            self.trace.get_or_insert_default().push(line);
        }
    }

    fn run(&mut self) -> std::result::Result<(), String> {
        if !self.begin()? {
            return Ok(());
        }
        while let Some((when, what)) = self.agenda.next() {
            self.world.now = self.world.now.max(when);
            self.happen(what)?;
            self.collect()?;
            if self.world.now > self.quiet.max(self.plan.setup.load.calm) + PATIENCE {
                let ended = self.engine.as_ref().is_some_and(Engine::is_ended);
                return if ended { Ok(()) } else { Err("it never ends".into()) };
            }
            if self.report.inputs > MOST_INPUTS {
                return Err("it goes round in circles".into());
            }
        }
        self.report.end = self.world.in_words();
        let Some(engine) = &self.engine else { return Ok(()) };
        // Beside a call of somebody else's a pause is undone by whoever made the call.
        let ours = !self.plan.setup.scope.is_beside();
        self.judge.at_the_end(engine, &self.world, &self.report, ours)
    }

    /// Starts the engine. An adopted migration that is over by then is none.
    fn begin(&mut self) -> std::result::Result<bool, String> {
        let setup = self.plan.setup.clone();
        let mut flags = setup.flags;
        if let Some(time) = setup.adopted {
            self.world.migrate(None, flags, false).map_err(|code| format!("not started: {code}"))?;
            self.drain();
            self.agenda.put(time, Happening::Wake);
            while let Some((when, what)) = self.agenda.next() {
                self.world.now = when;
                let Happening::World(step) = what else { break };
                self.world.step(step);
                self.world.news.clear();
                self.drain();
            }
            if !self.world.migrates() || self.world.at(Side::Source).domain.is_none() {
                return Ok(false);
            }
            let post_copy = setup.convergence.is_some_and(|convergence| convergence.post_copy());
            flags = MigrateFlags::empty();
            flags.set(MigrateFlags::POSTCOPY, post_copy);
            flags.set(MigrateFlags::PAUSED, setup.exclusive);
        }
        self.base = self.world.now;
        let case = Case {
            guest: GuestFacts {
                name: Some("vm".into()),
                uuid: None,
                state: self.world.at(Side::Source).domain.map(|domain| domain.state),
                version: None,
            },
            destination: setup.destination,
            flags,
            scope: setup.scope,
            exclusive: setup.exclusive,
        };
        let policy = setup.convergence.filter(|_| setup.scope != Scope::Call);
        let again = setup.scope == Scope::Whole && setup.adopted.is_none();
        let policy = policy.map(|convergence| policy::policy(&convergence.with_transport(again), flags));
        self.engine = Some(match setup.adopted {
            Some(_) => Engine::adopt(case, policy),
            None => Engine::start(case, policy),
        });
        self.plan_ahead();
        if matches!(setup.scope, Scope::Beside { .. }) {
            self.give(Engine::CALL, Order::Call(Terms::default()))?;
        }
        self.poll()?;
        self.collect()?;
        Ok(true)
    }

    /// What happens at fixed times.
    fn plan_ahead(&mut self) {
        self.reach(None);
    }

    /// Has everything happen that waits for this; `None` is for the beginning.
    fn reach(&mut self, moment: Option<When>) {
        let now = self.world.now;
        let base = self.base;
        let when = |when: When| match (when, moment) {
            (When::At(time), None) => Some(base + time),
            (When::On(stage, time), Some(When::On(reached, _))) if stage == reached => Some(now + time),
            (When::Ordered(kind, time), Some(When::Ordered(given, _))) if kind == given => Some(now + time),
            (When::Told(time), Some(When::Told(_))) => Some(now + time),
            _ => None,
        };
        if let Some(moment) = moment {
            if self.reached.contains(&moment) {
                return;
            }
            self.reached.push(moment);
        }
        for (number, (at, _)) in self.plan.troubles.iter().enumerate() {
            if let Some(time) = when(*at) {
                self.agenda.put(time, Happening::Trouble(number));
            }
        }
        for (number, (at, _)) in self.plan.wishes.iter().enumerate() {
            if let Some(time) = when(*at) {
                self.agenda.put(time, Happening::Wish(number));
            }
        }
    }

    fn happen(&mut self, what: Happening) -> std::result::Result<(), String> {
        match what {
            Happening::World(step) => {
                self.note(|_| format!("{step:?}"));
                self.world.step(step);
            }
            Happening::Arrive(number) => self.arrive(number)?,
            Happening::NotMade(number) => {
                let request = &self.caller.requests[number];
                if !request.answered && self.caller.connections[request.connection].opening {
                    self.returned(number, (Err(error(68)), false))?;
                }
            }
            Happening::Answer(number, result) => self.answer(number, result)?,
            Happening::Broken(number) => self.returned(number, (Err(broken()), false))?,
            Happening::Input(input) => {
                self.judge.input(&input);
                self.handle(*input)?;
            }
            Happening::Event(connection, event) => {
                let connection = &self.caller.connections[connection];
                if connection.alive && connection.subscribed {
                    self.handle(Input::Event(event))?;
                }
            }
            Happening::Trouble(number) => self.begin_trouble(number)?,
            Happening::Heal(number) => self.heal(number),
            Happening::Keepalive(side, cut) => {
                let silent =
                    self.world.links.caller_cut[side as usize] || self.world.at(side).daemon == Daemon::Hung;
                if silent && self.cuts[side as usize] == cut {
                    self.cut_connections(side);
                }
            }
            Happening::Wish(number) => {
                let wish = self.plan.wishes[number].1;
                self.judge.wished(number as u64);
                self.handle(Input::Wish(number as u64, wish))?;
            }
            Happening::Wake => {
                self.woken = None;
                let due = self.engine.as_ref().and_then(Engine::wake_at);
                if due.is_some_and(|due| self.base + due.as_micros() as Time <= self.world.now) {
                    self.handle(Input::Woken)?;
                } else {
                    self.wake();
                }
            }
        }
        Ok(())
    }

    /// Everything that follows from what has just happened.
    fn collect(&mut self) -> std::result::Result<(), String> {
        self.drain();
        for (number, result) in std::mem::take(&mut self.world.ended) {
            let result = result.map(|()| Said::Nothing).map_err(error);
            self.judge.facts(self.world.now);
            self.send_answer(number, result, 0);
        }
        for event in std::mem::take(&mut self.world.news) {
            self.spread(event);
        }
        for stage in std::mem::take(&mut self.world.stages) {
            self.note(|sim| format!("    {stage:?}: {}", sim.world.in_words()));
            if stage == Stage::Arrived {
                self.judge.arrived(self.world.now);
            }
            self.reach(Some(When::On(stage, 0)));
        }
        self.judge.after(&self.world)
    }

    fn drain(&mut self) {
        for (when, step) in std::mem::take(&mut self.world.due) {
            self.agenda.put(when, Happening::World(step));
        }
    }

    /// Hands something to the engine, and does what it has done.
    pub fn handle(&mut self, input: Input) -> std::result::Result<(), String> {
        self.note(|_| format!("  in  {}", short(&format!("{input:?}"))));
        self.report.inputs += 1;
        if self.hears
            && let Some(words) = input.observed()
        {
            self.report.heard.push(words);
        }
        let now = Duration::from_micros(self.world.now - self.base);
        if let Some(engine) = &mut self.engine {
            engine.handle(now, input);
        }
        self.poll()
    }

    fn poll(&mut self) -> std::result::Result<(), String> {
        for rounds in 0.. {
            while let Some((ticket, order)) = self.engine.as_mut().and_then(Engine::poll_order) {
                if self.engine.as_ref().is_some_and(Engine::is_ended) {
                    return Err(format!("{order:?} after the end"));
                }
                self.give(ticket, order)?;
            }
            while let Some((number, result)) = self.engine.as_mut().and_then(Engine::poll_answer) {
                self.note(|_| format!("  answer to wish {number}: {result:?}"));
                self.judge.answered(number)?;
            }
            while let Some(update) = self.engine.as_mut().and_then(Engine::poll_update) {
                self.note(|_| format!("  told {}", short(&format!("{update:?}"))));
                let told = self.judge.told(&update, &self.world, &mut self.report)?;
                if told {
                    self.reach(Some(When::Told(0)));
                }
            }
            let due = self.engine.as_ref().and_then(Engine::wake_at);
            let now = Duration::from_micros(self.world.now - self.base);
            if due.is_none_or(|due| due > now) {
                break;
            }
            if rounds > 20 {
                return Err("it wants to be woken at once, and does nothing then".into());
            }
            if let Some(engine) = &mut self.engine {
                engine.handle(now, Input::Woken);
            }
        }
        self.wake();
        Ok(())
    }

    fn wake(&mut self) {
        let Some(due) = self.engine.as_ref().and_then(Engine::wake_at) else { return };
        // A microsecond later at most: the engine counts finer.
        let due = self.base + due.as_nanos().div_ceil(1000) as Time;
        if self.woken.is_none_or(|woken| due < woken) {
            self.woken = Some(due);
            self.agenda.put(due, Happening::Wake);
        }
    }

    /// Begins to carry an order out.
    fn give(&mut self, ticket: Ticket, order: Order) -> std::result::Result<(), String> {
        let kind = Kind::of(&order);
        self.note(|_| format!("  out {} {order:?}", ticket.number));
        self.judge.ordered(ticket.number, self.world.now);
        self.reach(Some(When::Ordered(kind, 0)));
        self.tasks.push(Task::new(ticket, order, self.plan.setup.destination, self.caller.gone));
        self.made.push(usize::MAX);
        self.go_on(self.tasks.len() - 1, None)
    }

    /// Has the next call of an order made, or its reply given.
    pub fn go_on(&mut self, task: usize, last: Option<Returned>) -> std::result::Result<(), String> {
        match self.tasks[task].next(last) {
            Next::Done(reply) => self.reply(task, *reply),
            Next::Call(over, api) => self.request(task, over, api),
        }
        Ok(())
    }

    fn reply(&mut self, task: usize, mut reply: Reply) {
        let Task { ticket, order, .. } = &self.tasks[task];
        let (ticket, kind) = (*ticket, Kind::of(order));
        if let Reply::Reconnected(libvirt_migrate::engine::Reconnected::Gone) = reply {
            self.caller.gone = true;
        }
        if let Reply::Called { result: Err(_), location, .. } = &mut reply
            && matches!(self.plan.setup.scope, Scope::Beside { .. })
            && self.world.dice.percent(Draw::Fork, 30)
        {
            *location = self.judge.honest(&self.world);
        }
        let late = take(&mut self.caller.wrong.late_reply, kind).unwrap_or(0);
        self.quiet = self.quiet.max(self.world.now + late);
        let done = |reply| Happening::Input(Box::new(Input::Done(ticket, reply)));
        if let Some(after) = take(&mut self.caller.wrong.twice, kind) {
            self.agenda.put(self.world.now + late + after, done(reply.clone()));
        }
        self.agenda.put(self.world.now + late, done(reply));
    }
}

fn message(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

/// A line that fits: without what is not known.
pub fn short(text: &str) -> String {
    let told = |part: &&str| !part.contains(": None") && !part.starts_with("memory_page_size");
    let text = text.split(", ").filter(told).collect::<Vec<_>>().join(", ");
    text.chars().take(260).collect()
}
