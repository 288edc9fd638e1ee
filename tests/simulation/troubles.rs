//! Having troubles begin and end.

use libvirt_migrate::engine::{Input, Outside, Scope};

use crate::plan::Trouble;
use crate::sim::{Happening, Sim};
use crate::world::{Api, Daemon, KEEPALIVE, MS, Side, Time};

impl Trouble {
    /// How long it lasts.
    const fn time(self) -> Time {
        match self {
            Self::KillDaemon(_, time)
            | Self::HangDaemon(_, time)
            | Self::DeafQemu(_, time)
            | Self::Lock(_, time)
            | Self::FillDisk(_, time)
            | Self::CutCaller(_, time)
            | Self::CutDaemons(time)
            | Self::CutData(time)
            | Self::SlowData(time)
            | Self::LoseEvents(time)
            | Self::LateEvents(time)
            | Self::DoubleEvents(time) => time,
            _ => 0,
        }
    }
}

impl Sim {
    pub fn begin_trouble(&mut self, number: usize) -> Result<(), String> {
        let trouble = self.plan.troubles[number].1;
        self.note(|_| format!("!! {trouble:?}"));
        let end = self.world.now + trouble.time();
        self.quiet = self.quiet.max(end);
        let wrong = &mut self.caller.wrong;
        match trouble {
            Trouble::KillDaemon(side, _) => {
                self.world.kill_daemon(side);
                self.caller.waiting[side as usize].clear();
                self.cut_connections(side);
            }
            Trouble::HangDaemon(side, _) => {
                self.world.hang(side);
                self.watch_connections(side);
            }
            Trouble::KillQemu(side) => self.world.kill_qemu(side),
            Trouble::DeafQemu(side, _) => self.world.host(side).deaf = true,
            Trouble::Lock(side, _) => self.world.host(side).locked = true,
            Trouble::FillDisk(side, _) => self.world.host(side).full = true,
            Trouble::CutCaller(side, _) => {
                self.world.links.caller_cut[side as usize] = true;
                self.watch_connections(side);
            }
            Trouble::ResetCaller(side) => self.cut_connections(side),
            Trouble::CutDaemons(_) => {
                self.world.links.daemons_cut = true;
                self.world.watch_connection();
            }
            Trouble::ResetDaemons => self.world.reset_daemons(),
            Trouble::CutData(_) => self.world.cut_data(),
            Trouble::RefuseCopy => self.world.host(Side::Destination).refuses = true,
            // Where less is known nothing is done about it, and the call does not return.
            Trouble::Unseen => {
                let setup = &self.plan.setup;
                let known = setup.scope == Scope::Whole && setup.destination && setup.load.disks == 0.0;
                self.world.unseen = known;
            }
            // As above.
            Trouble::HangInAbort => {
                let setup = &self.plan.setup;
                self.world.hangs = setup.scope == Scope::Whole && setup.destination;
            }
            Trouble::ResetData => self.world.reset_data(),
            Trouble::SlowData(_) => self.world.links.slow = 20.0,
            Trouble::Refuse(kind, code, times) => wrong.refuse.push((kind, code, times)),
            Trouble::LoseReply(kind) => wrong.lose.push(kind),
            Trouble::LateCall(kind, time) => wrong.late_call.push((kind, time)),
            Trouble::LateReply(kind, time) => wrong.late_reply.push((kind, time)),
            Trouble::Twice(kind, time) => wrong.twice.push((kind, time)),
            Trouble::LoseEvents(_) => wrong.lose_events += 1,
            Trouble::LateEvents(time) => wrong.late_events.push(time),
            Trouble::DoubleEvents(_) => wrong.double_events += 1,
            Trouble::Outside(outside) => self.outside(outside)?,
        }
        if trouble.time() > 0 {
            self.agenda.put(end, Happening::Heal(number));
        }
        Ok(())
    }

    /// Somebody else does something, and tells where libvirt takes it.
    fn outside(&mut self, outside: Outside) -> Result<(), String> {
        let api = match outside {
            Outside::Paused => Api::Suspend,
            Outside::PostCopy => Api::StartPostCopy,
            Outside::Aborted => Api::Abort { post_copy: false },
        };
        let migrates = self.world.migrates() && self.world.at(Side::Source).daemon == Daemon::Up;
        if !migrates {
            return Ok(());
        }
        let flags = self.plan.setup.flags;
        let result = self.world.call(Side::Source, api, usize::MAX, flags);
        if matches!(result, Some(Ok(_))) {
            self.world.doubtful |= outside == Outside::Paused;
            self.handle(Input::Outside(outside))?;
        }
        Ok(())
    }

    /// Has the caller's connections closed once they were silent for long.
    fn watch_connections(&mut self, side: Side) {
        self.cuts[side as usize] += 1;
        if self.plan.setup.keepalive {
            let cut = self.cuts[side as usize];
            self.agenda.put(self.world.now + KEEPALIVE, Happening::Keepalive(side, cut));
        }
    }

    pub fn heal(&mut self, number: usize) {
        let trouble = self.plan.troubles[number].1;
        self.note(|_| format!("-- {trouble:?}"));
        let side = match trouble {
            Trouble::KillDaemon(side, _) | Trouble::HangDaemon(side, _) | Trouble::CutCaller(side, _) => {
                Some(side)
            }
            _ => None,
        };
        if side == Some(Side::Source) {
            self.world.answers_since = self.world.now;
        }
        let wrong = &mut self.caller.wrong;
        match trouble {
            Trouble::KillDaemon(side, _) => self.world.start_daemon(side),
            Trouble::HangDaemon(side, _) => {
                self.world.unhang(side);
                self.deliver(side);
            }
            Trouble::DeafQemu(side, _) => {
                self.world.host(side).deaf = false;
                self.world.release(side);
            }
            Trouble::Lock(side, _) => self.world.host(side).locked = false,
            Trouble::FillDisk(side, _) => self.world.host(side).full = false,
            Trouble::CutCaller(side, _) => {
                self.world.links.caller_cut[side as usize] = false;
                self.deliver(side);
            }
            Trouble::CutDaemons(_) => self.world.heal_daemons(),
            Trouble::CutData(_) => self.world.heal_data(),
            Trouble::SlowData(_) => self.world.links.slow = 1.0,
            Trouble::LoseEvents(_) => wrong.lose_events -= 1,
            Trouble::LateEvents(_) => drop(wrong.late_events.pop()),
            Trouble::DoubleEvents(_) => wrong.double_events -= 1,
            _ => {}
        }
    }

    /// What waited for a way to a host, or back, goes on.
    fn deliver(&mut self, side: Side) {
        let now = self.world.now;
        for number in std::mem::take(&mut self.caller.waiting[side as usize]) {
            self.agenda.put(now + MS, Happening::Arrive(number));
        }
        for (number, result) in std::mem::take(&mut self.caller.coming[side as usize]) {
            self.agenda.put(now + MS, Happening::Answer(number, result));
        }
        if side == Side::Source && !self.world.links.caller_cut[side as usize] {
            for (connection, event) in std::mem::take(&mut self.caller.events) {
                self.agenda.put(now + MS, Happening::Event(connection, event));
            }
        }
    }
}
