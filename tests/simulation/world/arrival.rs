//! The destination's half of a migration.

use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::state::DomainState;

use super::{Domain, Phase, Qemu, Side, Stage, Step, World};

/// Where a guest that arrives is, by the destination's daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum There {
    /// Its process starts.
    Starting,
    /// It waits for memory, and then to be asked to start the guest.
    Waiting,
    /// It was asked to start the guest, and has its definition written.
    Finishing,
    /// The guest runs in post-copy.
    PostCopy,
    /// Post-copy failed by this daemon's word.
    Broken,
}

/// A guest that arrives.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    pub id: u32,
    pub there: There,
    pub paused: bool,
    pub keeps: bool,
    pub post_copy: bool,
    /// The source was lost while the process was being started, which is noted after that.
    pub lost: bool,
}

impl World {
    fn there(&self) -> Option<There> {
        self.arrival.map(|arrival| arrival.there)
    }

    fn set_there(&mut self, there: There) {
        if let Some(arrival) = &mut self.arrival {
            arrival.there = there;
        }
    }

    pub(super) fn prepare_there(&mut self, id: u32) {
        let Some(flow) = self.flow.as_ref().filter(|flow| flow.id == id && flow.connected) else { return };
        let (paused, keeps) = (flow.arrives_paused, flow.flags.contains(MigrateFlags::PERSIST_DEST));
        if self.at(Side::Destination).qemu.is_some() || self.at(Side::Destination).refuses {
            // A copy of an earlier run, or the guest itself.
            return self.after(1, 20, Step::Unprepared(id));
        }
        let kept = self.at(Side::Destination).domain.is_some_and(|domain| domain.persistent);
        let host = self.host(Side::Destination);
        host.qemu = Some(Qemu { cpus: false, whole: false });
        let state = DomainState::new(3, 11);
        host.domain = Some(Domain { state, persistent: kept, autostart: false });
        self.arrival =
            Some(Arrival { id, there: There::Starting, paused, keeps, post_copy: false, lost: false });
        self.after(100, 700, Step::Ready(id));
    }

    pub(super) fn ready_there(&mut self, id: u32) {
        if self.arrival.is_some_and(|arrival| arrival.lost) {
            return self.end_there();
        }
        if self.there() == Some(There::Starting) {
            self.set_there(There::Waiting);
            self.set_state(Side::Destination, 3, 2);
            self.after(1, 20, Step::Prepared(id));
        }
    }

    /// Writes the definition, before the guest runs: it runs nowhere then, and nowhere any more where that fails in
    /// post-copy.
    pub(super) fn finish_there(&mut self, id: u32) {
        if self.there() != Some(There::Waiting) {
            return self.after(1, 20, Step::Finished(id, false));
        }
        let keeps = self.arrival.is_some_and(|arrival| arrival.keeps);
        if keeps && self.at(Side::Destination).full {
            self.end_there();
            return self.after(1, 20, Step::Finished(id, false));
        }
        self.set_there(There::Finishing);
        if let Some(domain) = &mut self.host(Side::Destination).domain {
            domain.persistent |= keeps;
        }
        self.after(1, 100, Step::Start(id));
    }

    pub(super) fn start_there(&mut self, id: u32) {
        if self.there() != Some(There::Finishing) {
            return;
        }
        let Some(Arrival { paused, post_copy, .. }) = self.arrival else { return };
        if !paused {
            if let Some(qemu) = &mut self.host(Side::Destination).qemu {
                qemu.cpus = true;
            }
            self.stale = true;
            // The source may have been told that it failed.
            self.twins |= self.at(Side::Source).runs();
        }
        if post_copy {
            self.set_there(There::PostCopy);
            self.set_state(Side::Destination, 1, 10);
            // Its end may have come before.
            if self.at(Side::Destination).whole() {
                self.after(1, 10, Step::Completed(id));
            }
            return;
        }
        self.arrived(id);
    }

    fn arrived(&mut self, id: u32) {
        let paused = self.arrival.take().is_some_and(|arrival| arrival.paused);
        let (code, reason) = if paused { (3, 1) } else { (1, 2) };
        self.set_state(Side::Destination, code, reason);
        self.stage(Stage::Arrived);
        self.after(1, 20, Step::Finished(id, true));
    }

    /// QEMU has sent all of a post-copy.
    pub(super) fn post_copy_done(&mut self, id: u32, token: u32) {
        let Some(flow) = &self.flow else { return };
        let goes_on = flow.stream && matches!(flow.phase, Phase::PostCopy | Phase::Broken);
        let Some(there) = &mut self.hosts[Side::Destination as usize].qemu else { return };
        if !goes_on || flow.sending.token != token {
            return;
        }
        there.whole = true;
        if flow.phase == Phase::Broken {
            self.after(1, 50, Step::Unattended(id));
        }
        self.after(1, 50, Step::Completed(id));
    }

    /// The destination's daemon learns that a post-copy is over.
    pub(super) fn completed_there(&mut self, id: u32) {
        if matches!(self.there(), Some(There::PostCopy | There::Broken)) && self.at(Side::Destination).whole()
        {
            if self.at(Side::Destination).runs() {
                return self.arrived(id);
            }
            // Nobody has started it, so nobody waits to hear of that.
            self.arrival = None;
            self.set_state(Side::Destination, 3, 1);
            self.stage(Stage::Arrived);
        }
    }

    /// Ends a copy that is not wanted any more, and tells the source.
    pub(super) fn clean_up(&mut self, id: u32) {
        if self.arrives(id) && matches!(self.there(), Some(There::Starting | There::Waiting)) {
            self.end_there();
        }
        self.after(1, 20, Step::Confirm(id, false));
    }

    pub(super) fn end_there(&mut self) {
        self.arrival = None;
        self.host(Side::Destination).end(5, 6);
    }

    /// The connection to the source's daemon is gone. A guest that is being started goes on.
    pub(super) fn lose_source(&mut self) {
        let Some(arrival) = &mut self.arrival else { return };
        arrival.lost |= arrival.there == There::Starting;
        let arrival = *arrival;
        self.after(1, 50, Step::LoseDestination(arrival.id));
        match arrival.there {
            There::Starting => {}
            There::Waiting if !arrival.post_copy => self.end_there(),
            There::Waiting => {
                self.set_there(There::Broken);
                self.set_state(Side::Destination, 3, 13);
            }
            There::PostCopy => {
                self.set_there(There::Broken);
                self.set_state(Side::Destination, 1, 11);
            }
            There::Finishing | There::Broken => {}
        }
    }

    /// The destination learns that the QEMUs' connection is gone.
    pub(super) fn learns_of_break(&mut self) {
        match self.there() {
            Some(There::PostCopy) if !self.at(Side::Destination).whole() => {
                self.set_there(There::Broken);
                self.set_state(Side::Destination, 1, 11);
            }
            // Its process ends by itself.
            Some(There::Starting | There::Waiting) if !self.at(Side::Destination).whole() => self.end_there(),
            _ => {}
        }
    }
}
