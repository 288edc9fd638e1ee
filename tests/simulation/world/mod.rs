//! Two hosts, what connects them, and libvirt's migration between them, on a virtual clock.
//!
//! The rules are libvirt 9.0's and QEMU's as `docs/reliability.md` and `tests/faults` have found them out. Where the
//! model and the lab differ the model is wrong.

mod agenda;
mod api;
mod arrival;
mod failing;
mod flow;
mod host;
mod links;
mod restart;
mod sending;
mod truth;

pub use agenda::{Agenda, MS, S, Time};
pub use api::{Api, Said};
pub use arrival::{Arrival, There};
pub use flow::{Flow, Phase};
pub use host::{Daemon, Domain, Host, Qemu};
pub use links::Links;
pub use sending::Sending;
pub use truth::Places;

use libvirt_migrate::domain::DomainEvent;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::JobInfo;
use libvirt_migrate::state::DomainState;

use crate::dice::{Dice, Draw};

/// libvirt closes a connection that is silent for this long: 5 × 5 s, and one more.
pub const KEEPALIVE: Time = 30 * S;

/// One of the two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    Source,
    Destination,
}

/// What happens by itself, to the migration with this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    // Of the source's daemon.
    Begun(u32),
    Prepared(u32),
    /// The destination could not make a copy.
    Unprepared(u32),
    Switchover(u32),
    PerformDone(u32),
    Finished(u32, bool),
    Confirm(u32, bool),
    Forget(u32),
    Unattended(u32),
    LoseDestination(u32),
    /// The daemons' connection is closed unless it has come back.
    PartFor(u32, u64),
    // Of the two QEMUs.
    DisksCopied(u32),
    PassOver(u32, u32),
    Sent(u32),
    PostCopyDone(u32, u32),
    Noted(u32),
    // Of the destination's daemon.
    Prepare(u32),
    Ready(u32),
    Finish(u32),
    Start(u32),
    Completed(u32),
    CleanUp(u32),
    LoseSource(u32),
    LearnsOfBreak(u32),
}

/// How far a migration has come: faults wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    Begin,
    Prepare,
    Perform,
    Pass(u64),
    PostCopy,
    Switchover,
    Sent,
    Finish,
    Arrived,
    Confirm,
    Cancel,
    Over,
}

/// How a migration is made, beside its flags.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Memory, bytes.
    pub memory: f64,
    /// What the guest writes to, bytes.
    pub hot: f64,
    /// How fast it dirties that, bytes/s.
    pub dirty: f64,
    /// How fast the link is, bytes/s.
    pub bandwidth: f64,
    /// Disks to copy, bytes.
    pub disks: f64,
    /// The guest is idle from then on.
    pub calm: Time,
}

/// See the module.
pub struct World {
    pub now: Time,
    pub dice: Dice,
    pub hosts: [Host; 2],
    pub links: Links,
    pub load: Load,
    pub flow: Option<Flow>,
    pub arrival: Option<Arrival>,
    pub flows: u32,
    /// What libvirt has told at the source.
    pub news: Vec<DomainEvent>,
    /// Calls that are over: whose, and with which error.
    pub ended: Vec<(usize, Result<(), i32>)>,
    pub stages: Vec<Stage>,
    /// The statistics of the job that is over.
    pub completed: Option<JobInfo>,
    /// The source's daemon is slow to take note of the switchover.
    pub unseen: bool,
    /// When the source was last had back that could not be asked.
    pub answers_since: Time,
    /// QEMU hangs in an abort at the switchover.
    pub hangs: bool,
    /// Steps that wait for this host's daemon, or for the QEMUs' connection.
    pub due: Vec<(Time, Step)>,
    /// The destination has run since the last migration began, so the source's memory is old.
    pub stale: bool,
    /// libvirt had the guest go on at both hosts.
    pub twins: bool,
    /// The guest has stood still at the source for the last part of a migration, or has moved by post-copy.
    pub switched: bool,
    /// Somebody else has paused the guest: whether libvirt took it for one that stood still before only the destination knows.
    pub doubtful: bool,
}

impl World {
    pub fn new(seed: u64, load: Load, state: DomainState, persistent: bool) -> Self {
        let source = Host {
            domain: Some(Domain { state, persistent, autostart: true }),
            qemu: Some(Qemu { cpus: state.is_running(), whole: true }),
            ..Host::default()
        };
        Self {
            now: 0,
            dice: Dice::new(seed),
            hosts: [source, Host::default()],
            links: Links::default(),
            load,
            flow: None,
            arrival: None,
            flows: 0,
            news: vec![],
            ended: vec![],
            stages: vec![],
            completed: None,
            unseen: false,
            answers_since: 0,
            hangs: false,
            due: vec![],
            stale: false,
            twins: false,
            switched: false,
            doubtful: false,
        }
    }

    pub fn host(&mut self, side: Side) -> &mut Host {
        &mut self.hosts[side as usize]
    }

    pub fn at(&self, side: Side) -> &Host {
        &self.hosts[side as usize]
    }

    /// Has a step taken after so many milliseconds, more or less.
    pub fn after(&mut self, least: u64, most: u64, step: Step) {
        let pause = self.dice.between(Draw::Step, least * MS, most * MS);
        self.due.push((self.now + pause, step));
    }

    pub fn emit(&mut self, event: i32, detail: i32) {
        self.news.push(DomainEvent::Lifecycle { event, detail });
    }

    pub fn stage(&mut self, stage: Stage) {
        self.stages.push(stage);
    }

    /// Sets the state of the guest at a host, where that knows it.
    pub fn set_state(&mut self, side: Side, code: i32, reason: i32) {
        if let Some(domain) = &mut self.host(side).domain {
            domain.state = DomainState::new(code, reason);
        }
    }

    /// Takes a step, unless whoever takes it cannot now.
    pub fn step(&mut self, step: Step) {
        if step.crosses() && self.links.daemons_cut {
            return self.links.control_parked.push(step);
        }
        match step.of() {
            Party::Daemon(side) => match self.at(side).daemon {
                Daemon::Down => return,
                Daemon::Hung => return self.host(side).parked.push(step),
                Daemon::Up if self.at(side).deaf => return self.host(side).parked.push(step),
                Daemon::Up => {}
            },
            Party::Qemus if self.links.data_cut => return self.links.parked.push(step),
            Party::Qemus | Party::Nobody => {}
        }
        self.take(step);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Begun(id) if self.runs(id) => self.begun(id),
            Step::Prepared(id) if self.runs(id) => self.prepared(id),
            Step::Unprepared(id) if self.runs(id) => self.fail(1),
            Step::Switchover(id) if self.runs(id) => self.switchover(id),
            Step::PerformDone(id) if self.runs(id) => self.perform_done(id),
            Step::Finished(id, done) if self.runs(id) => self.finished(id, done),
            Step::Confirm(id, done) if self.runs(id) => self.confirm(done),
            Step::Forget(id) if self.runs(id) => self.forget(),
            Step::Unattended(id) if self.runs(id) => self.unattended(),
            Step::LoseDestination(id) if self.runs(id) => self.part(),
            Step::PartFor(id, cut) if self.runs(id) => self.part_for(cut),
            Step::DisksCopied(id) if self.runs(id) => self.disks_copied(id),
            Step::PassOver(id, pass) if self.runs(id) => self.pass_over(id, pass),
            Step::Sent(id) if self.runs(id) => self.sent(id),
            Step::PostCopyDone(id, stream) if self.runs(id) => self.post_copy_done(id, stream),
            Step::Noted(id) if self.runs(id) => self.note_end(),
            Step::Prepare(id) => self.prepare_there(id),
            Step::Ready(id) if self.arrives(id) => self.ready_there(id),
            Step::Finish(id) if self.arrives(id) => self.finish_there(id),
            Step::Start(id) if self.arrives(id) => self.start_there(id),
            Step::Completed(id) if self.arrives(id) => self.completed_there(id),
            Step::CleanUp(id) => self.clean_up(id),
            Step::LoseSource(id) if self.arrives(id) => self.lose_source(),
            Step::LearnsOfBreak(id) if self.arrives(id) => self.learns_of_break(),
            _ => {}
        }
    }

    fn runs(&self, id: u32) -> bool {
        self.flow.as_ref().is_some_and(|flow| flow.id == id)
    }

    fn arrives(&self, id: u32) -> bool {
        self.arrival.as_ref().is_some_and(|arrival| arrival.id == id)
    }

    /// Starts a migration for the call with this number, if anybody waits for it.
    pub fn migrate(
        &mut self,
        caller: Option<usize>,
        flags: MigrateFlags,
        throttled: bool,
    ) -> Result<(), i32> {
        let state = self.at(Side::Source).domain.map(|domain| domain.state).ok_or(42)?;
        if self.at(Side::Source).qemu.is_none() {
            return Err(55);
        }
        if self.flow.is_some() {
            return Err(68);
        }
        self.flows += 1;
        let id = self.flows;
        self.flow = Some(Flow::new(id, caller, flags, state, throttled, self.now));
        self.stage(Stage::Begin);
        self.after(10, 200, Step::Begun(id));
        Ok(())
    }
}

/// Who takes a step.
enum Party {
    Daemon(Side),
    Qemus,
    Nobody,
}

impl Step {
    /// Whether one daemon has told the other to do it.
    const fn crosses(self) -> bool {
        matches!(
            self,
            Self::Prepare(_)
                | Self::Prepared(_)
                | Self::Unprepared(_)
                | Self::Finish(_)
                | Self::Finished(..)
                | Self::CleanUp(_)
        )
    }

    const fn of(self) -> Party {
        match self {
            Self::Begun(_)
            | Self::Prepared(_)
            | Self::Unprepared(_)
            | Self::Switchover(_)
            | Self::PerformDone(_)
            | Self::Noted(_)
            | Self::Finished(..)
            | Self::Confirm(..)
            | Self::Forget(_)
            | Self::Unattended(_)
            | Self::LoseDestination(_) => Party::Daemon(Side::Source),
            Self::Prepare(_)
            | Self::Ready(_)
            | Self::Finish(_)
            | Self::Start(_)
            | Self::Completed(_)
            | Self::CleanUp(_)
            | Self::LoseSource(_)
            | Self::LearnsOfBreak(_) => Party::Daemon(Side::Destination),
            Self::DisksCopied(_) | Self::PassOver(..) | Self::Sent(_) | Self::PostCopyDone(..) => {
                Party::Qemus
            }
            Self::PartFor(..) => Party::Nobody,
        }
    }
}
