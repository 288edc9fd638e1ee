//! The source's half of a migration: what its daemon does, step by step, as long as nothing breaks.

use libvirt_migrate::domain::DomainEvent;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::state::DomainState;

use super::{Sending, Side, Stage, Step, Time, World};

/// Where a migration is, by the source's daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Begin,
    Prepare,
    /// QEMU moves disks and memory.
    Perform,
    /// The guest stands still, and the rest is being sent.
    Switchover,
    /// All was sent, and the destination has been asked to start the guest.
    Done,
    /// The guest runs at the destination, and the rest is being sent.
    PostCopy,
    /// Post-copy failed by the word of the daemons. The stream may go on without them.
    Broken,
    /// It failed in the switchover before the daemon took note of that, which waits now for a guest to stop that goes on.
    Unseen,
    /// It was aborted, and QEMU waits for a word that nobody gives: the guest stands still.
    Hung,
    /// It failed, and what was begun is being undone.
    Cancelling,
    /// It succeeded, and the source's process is being ended.
    Confirming,
}

/// One migration, as the source has it.
#[derive(Debug, Clone)]
pub struct Flow {
    pub id: u32,
    pub phase: Phase,
    /// The call that waits for it.
    pub caller: Option<usize>,
    pub flags: MigrateFlags,
    /// The guest ran when it began.
    pub ran: bool,
    /// It is to stand still at the destination.
    pub arrives_paused: bool,
    pub throttled: bool,
    pub began: Time,
    /// An abort was taken.
    pub aborted: bool,
    pub error: Option<i32>,
    /// The two daemons are connected for it.
    pub connected: bool,
    /// The QEMUs' connection stands.
    pub stream: bool,
    /// QEMU has stopped the guest for the switchover, and nobody else had.
    pub stopped: bool,
    pub sending: Sending,
}

impl Flow {
    pub fn new(
        id: u32,
        caller: Option<usize>,
        flags: MigrateFlags,
        state: DomainState,
        throttled: bool,
        now: Time,
    ) -> Self {
        Self {
            id,
            phase: Phase::Begin,
            caller,
            flags,
            ran: state.is_running(),
            arrives_paused: false,
            throttled,
            began: now,
            aborted: false,
            error: None,
            connected: false,
            stream: false,
            stopped: false,
            sending: Sending::default(),
        }
    }

    /// What its job's statistics say as long as there is one. QEMU knows of a failure before the daemon is done with it.
    pub fn kind(&self) -> JobType {
        match (self.phase, self.error) {
            (Phase::Cancelling, Some(78)) => JobType::Cancelled,
            (Phase::Cancelling, _) => JobType::Failed,
            _ => JobType::Unbounded,
        }
    }
}

impl World {
    /// Whether it was aborted meanwhile; then it fails by that.
    fn was_aborted(&mut self) -> bool {
        let aborted = self.flow.as_ref().is_some_and(|flow| flow.aborted);
        if aborted {
            self.fail(78);
        }
        aborted
    }

    fn in_phase(&self, phase: Phase) -> bool {
        self.flow.as_ref().is_some_and(|flow| flow.phase == phase)
    }

    fn enter(&mut self, phase: Phase, stage: Stage) {
        if let Some(flow) = &mut self.flow {
            flow.phase = phase;
        }
        self.stage(stage);
    }

    pub(super) fn begun(&mut self, id: u32) {
        if !self.in_phase(Phase::Begin) || self.was_aborted() {
            return;
        }
        if self.at(Side::Destination).daemon == super::Daemon::Down {
            return self.fail(38);
        }
        if self.links.daemons_cut {
            // It goes on trying to connect.
            return self.after(500, 500, Step::Begun(id));
        }
        self.enter(Phase::Prepare, Stage::Prepare);
        // Seen in the lab: one that is paused while the daemons are being connected stands still at the destination.
        let runs = self.at(Side::Source).runs();
        if let Some(flow) = &mut self.flow {
            flow.connected = true;
            flow.arrives_paused = flow.flags.contains(MigrateFlags::PAUSED) || !runs;
        }
        self.watch_connection();
        self.after(1, 20, Step::Prepare(id));
    }

    pub(super) fn prepared(&mut self, id: u32) {
        if !self.in_phase(Phase::Prepare) || self.was_aborted() {
            return;
        }
        self.enter(Phase::Perform, Stage::Perform);
        if let Some(flow) = &mut self.flow {
            flow.stream = true;
        }
        if self.load.disks > 0.0 {
            let time = (self.load.disks / self.rate() * 1e3) as u64;
            self.after(time, time, Step::DisksCopied(id));
        } else {
            self.next_pass(self.load.memory);
        }
    }

    pub(super) fn disks_copied(&mut self, _id: u32) {
        if self.in_phase(Phase::Perform) && self.flow.as_ref().is_some_and(|flow| flow.stream) {
            self.next_pass(self.load.memory);
        }
    }

    /// The daemon learns that QEMU has stopped the guest, and has it send the rest.
    pub(super) fn switchover(&mut self, id: u32) {
        if !self.in_phase(Phase::Perform) || self.was_aborted() {
            return;
        }
        self.enter(Phase::Switchover, Stage::Switchover);
        self.switched = true;
        if self.at(Side::Source).domain.is_some_and(|domain| domain.state.is_running()) {
            self.set_state(Side::Source, 3, 2);
            self.emit(3, 1);
            self.flow.iter_mut().for_each(|flow| flow.stopped = true);
        }
        let rest = (self.rest() / self.rate() * 1e3) as u64;
        self.after(10 + rest, 60 + rest, Step::Sent(id));
    }

    pub(super) fn sent(&mut self, id: u32) {
        let stream = self.flow.as_ref().is_some_and(|flow| flow.stream);
        if !self.in_phase(Phase::Switchover) || !stream || self.at(Side::Destination).qemu.is_none() {
            return;
        }
        if let Some(qemu) = &mut self.host(Side::Destination).qemu {
            qemu.whole = true;
        }
        self.stage(Stage::Sent);
        self.after(1, 20, Step::PerformDone(id));
    }

    /// All was sent. An abort is too late from here on.
    pub(super) fn perform_done(&mut self, id: u32) {
        if self.in_phase(Phase::Switchover) {
            self.enter(Phase::Done, Stage::Finish);
            self.after(1, 20, Step::Finish(id));
        }
    }

    /// The destination has answered.
    pub(super) fn finished(&mut self, id: u32, done: bool) {
        match self.flow.as_ref().map(|flow| flow.phase) {
            Some(Phase::Done | Phase::PostCopy) if done => {
                self.enter(Phase::Confirming, Stage::Confirm);
                self.after(5, 100, Step::Confirm(id, true));
            }
            Some(Phase::Done) => self.cancel(38),
            // Post-copy has no way back.
            Some(Phase::PostCopy) => self.break_post_copy(38),
            _ => {}
        }
    }

    pub(super) fn confirm(&mut self, done: bool) {
        if done { self.leave(true) } else { self.go_on_here() }
    }

    /// A post-copy is over that nobody waited for any more.
    pub(super) fn unattended(&mut self) {
        if self.in_phase(Phase::Broken) {
            self.leave(false);
        }
    }

    /// The guest has left for good.
    pub(super) fn leave(&mut self, attended: bool) {
        let Some(flow) = &self.flow else { return };
        let (id, undefines) = (flow.id, flow.flags.contains(MigrateFlags::UNDEFINE_SOURCE));
        self.completed = Some(self.statistics(flow, JobType::Completed));
        if self.at(Side::Source).qemu.is_some() {
            self.host(Side::Source).end(5, 4);
            self.emit(5, 3);
        }
        self.tell_completed(true);
        // Whoever only follows it has no word of what was asked for.
        if attended && undefines {
            return self.after(1, 20, Step::Forget(id));
        }
        self.left();
    }

    /// The source's definition goes, after its process.
    pub(super) fn forget(&mut self) {
        self.host(Side::Source).domain = None;
        self.emit(1, 0);
        self.left();
    }

    fn left(&mut self) {
        if let Some(flow) = self.flow.take() {
            self.over(&flow, Ok(()));
        }
    }

    /// It has failed: the guest goes on here where it ran before.
    fn go_on_here(&mut self) {
        let Some(flow) = self.flow.take() else { return };
        self.completed = Some(self.statistics(&flow, flow.kind()));
        if flow.ran {
            self.resume_for_failure();
        }
        self.tell_completed(false);
        let error = flow.error.unwrap_or(1);
        self.over(&flow, Err(error));
    }

    /// libvirt has a guest go on that it had paused.
    pub(super) fn resume_for_failure(&mut self) {
        let Some(qemu) = &mut self.host(Side::Source).qemu else { return };
        if !std::mem::replace(&mut qemu.cpus, true) {
            self.set_state(Side::Source, 1, 6);
            self.emit(4, 1);
        }
        self.twins |= self.at(Side::Destination).runs();
    }

    fn tell_completed(&mut self, success: bool) {
        if let Some(job) = self.completed.clone() {
            let job = JobInfo { success: Some(success), ..job };
            self.news.push(DomainEvent::JobCompleted(Box::new(job)));
        }
    }

    pub(super) fn over(&mut self, flow: &Flow, result: Result<(), i32>) {
        self.stage(Stage::Over);
        if let Some(caller) = flow.caller {
            self.ended.push((caller, result));
        }
    }
}
