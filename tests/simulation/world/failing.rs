//! What breaks, and what each party makes of it.

use libvirt_migrate::job::JobType;

use super::{Daemon, KEEPALIVE, MS, Phase, Said, Side, Stage, Step, World};

impl World {
    /// The migration fails with this error, and what was begun is undone.
    pub(super) fn fail(&mut self, error: i32) {
        let Some(flow) = &mut self.flow else { return };
        if matches!(flow.phase, Phase::Cancelling | Phase::Confirming | Phase::Broken) {
            return;
        }
        let there = self.hosts[Side::Source as usize].qemu.is_some();
        if flow.phase == Phase::Switchover && flow.stopped && there && self.unseen {
            return self.go_on_unseen(error);
        }
        let (id, asks) = (flow.id, flow.connected && flow.phase != Phase::Begin);
        (flow.phase, flow.error, flow.stream) = (Phase::Cancelling, Some(error), false);
        self.stage(Stage::Cancel);
        let step = if asks { Step::CleanUp(id) } else { Step::Confirm(id, false) };
        self.after(1, 50, step);
    }

    /// QEMU has the guest go on before the daemon knows that it stood still, and the daemon waits for it to stop.
    fn go_on_unseen(&mut self, error: i32) {
        let Some(flow) = &mut self.flow else { return };
        (flow.phase, flow.error, flow.stream, flow.stopped) = (Phase::Unseen, Some(error), false, false);
        let id = flow.id;
        if let Some(qemu) = &mut self.host(Side::Source).qemu {
            qemu.cpus = true;
            self.set_state(Side::Source, 1, 5);
            self.emit(4, 0);
        }
        self.after(1, 300, Step::LearnsOfBreak(id));
        // Where too little is known, somebody sees to it at last.
        self.after(300_000, 300_000, Step::Noted(id));
    }

    /// QEMU takes an abort, and goes on waiting for the daemon's word all the same.
    pub(super) fn hang_in_abort(&mut self) -> Result<Said, i32> {
        let Some(flow) = &mut self.flow else { return Err(55) };
        (flow.phase, flow.error, flow.stream) = (Phase::Hung, Some(78), false);
        let id = flow.id;
        self.after(1, 300, Step::LearnsOfBreak(id));
        // Somebody sees to it at last.
        self.after(300_000, 300_000, Step::Noted(id));
        Ok(Said::Nothing)
    }

    /// The guest stands still, as the daemon has waited for.
    pub(super) fn note_end(&mut self) {
        if let Some(flow) =
            self.flow.as_ref().filter(|flow| matches!(flow.phase, Phase::Unseen | Phase::Hung))
        {
            self.fail(flow.error.unwrap_or(9));
        }
    }

    /// The destination has refused to start the guest, or its answer was lost: that counts as a failure.
    pub(super) fn cancel(&mut self, error: i32) {
        let Some(flow) = &mut self.flow else { return };
        (flow.phase, flow.error) = (Phase::Cancelling, Some(error));
        let id = flow.id;
        self.stage(Stage::Cancel);
        self.after(1, 50, Step::Confirm(id, false));
    }

    /// Post-copy has failed, by the source's daemon. The job stays.
    pub(super) fn break_post_copy(&mut self, error: i32) {
        let Some(flow) = &mut self.flow else { return };
        flow.phase = Phase::Broken;
        let caller = flow.caller.take();
        self.set_state(Side::Source, 3, 13);
        self.emit(3, 8);
        self.ended.extend(caller.map(|caller| (caller, Err(error))));
    }

    /// The connection of the daemons is gone, as the source sees it.
    pub(super) fn part(&mut self) {
        let Some(flow) = &mut self.flow else { return };
        if !std::mem::replace(&mut flow.connected, false) {
            return;
        }
        let id = flow.id;
        self.links.control_parked.clear();
        match flow.phase {
            Phase::Begin | Phase::Broken | Phase::Confirming | Phase::Unseen | Phase::Hung => {}
            Phase::Prepare | Phase::Perform | Phase::Switchover => self.fail(1),
            Phase::Done => self.cancel(1),
            Phase::PostCopy => self.break_post_copy(1),
            // The destination's answer to the clean-up is not waited for any more.
            Phase::Cancelling => self.after(1, 10, Step::Confirm(id, false)),
        }
    }

    pub fn reset_daemons(&mut self) {
        self.part();
        if let Some(arrival) = self.arrival {
            self.after(1, 50, Step::LoseSource(arrival.id));
        }
    }

    /// Has the daemons' connection closed once it was silent for long.
    pub fn watch_connection(&mut self) {
        if self.is_silent() {
            self.links.cuts += 1;
            let (when, cut) = (self.now + KEEPALIVE, self.links.cuts);
            self.due.extend(self.flow.as_ref().map(|flow| (when, Step::PartFor(flow.id, cut))));
        }
    }

    fn is_silent(&self) -> bool {
        self.links.daemons_cut || self.hosts.iter().any(|host| host.daemon == Daemon::Hung)
    }

    pub(super) fn part_for(&mut self, cut: u64) {
        if !self.is_silent() || self.links.cuts != cut {
            return;
        }
        // One that hangs learns of it when it goes on.
        if self.at(Side::Source).daemon == Daemon::Up {
            self.part();
        }
        if let Some(arrival) = self.arrival {
            self.step(Step::LoseSource(arrival.id));
        }
    }

    pub fn heal_daemons(&mut self) {
        self.links.daemons_cut = false;
        let parked = std::mem::take(&mut self.links.control_parked);
        self.due.extend(parked.into_iter().map(|step| (self.now + 10 * MS, step)));
    }

    pub fn reset_data(&mut self) {
        let all_sent = self.at(Side::Destination).whole();
        let Some(flow) = &mut self.flow else { return };
        if !std::mem::replace(&mut flow.stream, false) {
            return;
        }
        let id = flow.id;
        match flow.phase {
            Phase::Perform => self.fail(1),
            Phase::Switchover if !all_sent => self.fail(1),
            Phase::PostCopy => self.break_post_copy(9),
            _ => return,
        }
        self.after(1, 300, Step::LearnsOfBreak(id));
    }

    pub fn cut_data(&mut self) {
        (self.links.data_cut, self.links.since) = (true, self.now);
    }

    pub fn heal_data(&mut self) {
        self.links.data_cut = false;
        let parked = std::mem::take(&mut self.links.parked);
        self.due.extend(parked.into_iter().map(|step| (self.now + 10 * MS, step)));
    }

    pub fn kill_qemu(&mut self, side: Side) {
        if self.at(side).qemu.is_none() {
            return;
        }
        self.host(side).end(5, 3);
        match side {
            Side::Source => {
                self.emit(5, 5);
                self.lose_source_qemu();
            }
            Side::Destination => self.lose_destination_qemu(),
        }
    }

    pub(super) fn lose_source_qemu(&mut self) {
        let all_sent = self.at(Side::Destination).whole();
        let Some(flow) = &mut self.flow else { return };
        let id = flow.id;
        flow.stream = false;
        match flow.phase {
            Phase::Begin | Phase::Prepare | Phase::Perform | Phase::Unseen | Phase::Hung => self.fail(9),
            Phase::Switchover if !all_sent => self.fail(9),
            // The destination has all, or will tell.
            Phase::Switchover | Phase::Done | Phase::Cancelling | Phase::Confirming => {}
            Phase::PostCopy | Phase::Broken => {
                if !all_sent {
                    let Some(flow) = self.flow.take() else { return };
                    self.completed = Some(self.statistics(&flow, JobType::Failed));
                    self.over(&flow, Err(9));
                    self.after(1, 100, Step::LearnsOfBreak(id));
                }
            }
        }
    }

    pub(super) fn lose_destination_qemu(&mut self) {
        let arrives = self.arrival.take().is_some();
        let Some(flow) = &mut self.flow else { return };
        if !arrives {
            return;
        }
        flow.stream = false;
        match flow.phase {
            Phase::Prepare | Phase::Perform | Phase::Switchover => self.fail(1),
            Phase::Done => self.cancel(9),
            Phase::PostCopy => self.break_post_copy(9),
            _ => {}
        }
    }
}
