//! Daemons that die and start again: what is lost, and what they make of what they find.

use super::{Daemon, MS, Phase, Side, Step, There, World};

impl World {
    pub fn hang(&mut self, side: Side) {
        if self.at(side).daemon == Daemon::Up {
            self.host(side).daemon = Daemon::Hung;
            self.watch_connection();
        }
    }

    pub fn unhang(&mut self, side: Side) {
        if self.at(side).daemon != Daemon::Hung {
            return;
        }
        self.host(side).daemon = Daemon::Up;
        self.release(side);
        // The other side may have closed the connection meanwhile.
        let lost = self.flow.as_ref().is_none_or(|flow| !flow.connected);
        if let Some(arrival) = self.arrival.filter(|_| lost && side == Side::Destination) {
            self.after(1, 50, Step::LoseSource(arrival.id));
        }
        let gone = self.flow.as_ref().is_some_and(|flow| flow.connected && flow.phase != Phase::Begin)
            && self.arrival.is_none()
            && self.at(Side::Destination).qemu.is_none();
        if gone && side == Side::Source {
            self.reset_daemons();
        }
    }

    /// What waited for the daemon of a host is done now.
    pub fn release(&mut self, side: Side) {
        let parked = std::mem::take(&mut self.host(side).parked);
        self.due.extend(parked.into_iter().map(|step| (self.now + MS, step)));
    }

    pub fn kill_daemon(&mut self, side: Side) {
        let host = self.host(side);
        host.daemon = Daemon::Down;
        host.killed += 1;
        host.parked.clear();
        host.locked = false;
        match side {
            Side::Source => {
                if let Some(flow) = &mut self.flow {
                    // Its call fails by its connection.
                    flow.caller = None;
                    flow.connected = false;
                }
                if let Some(arrival) = self.arrival {
                    self.after(1, 50, Step::LoseSource(arrival.id));
                }
            }
            Side::Destination => self.reset_daemons(),
        }
    }

    pub fn start_daemon(&mut self, side: Side) {
        if self.at(side).daemon != Daemon::Down {
            return;
        }
        self.host(side).daemon = Daemon::Up;
        match side {
            Side::Source => self.recover_outgoing(),
            Side::Destination => self.recover_incoming(),
        }
    }

    /// What a daemon makes of a migration from here that it finds.
    fn recover_outgoing(&mut self) {
        let Some(flow) = &mut self.flow else { return };
        let (id, ran) = (flow.id, flow.ran);
        if self.hosts[Side::Source as usize].qemu.is_none() {
            self.flow = None;
            return;
        }
        match flow.phase {
            Phase::Begin | Phase::Prepare => self.flow = None,
            Phase::Perform | Phase::Switchover | Phase::Cancelling | Phase::Unseen | Phase::Hung => {
                self.flow = None;
                if ran {
                    self.resume_for_failure();
                }
                self.after(1, 50, Step::LearnsOfBreak(id));
            }
            // Whether the guest was started there is not known: it is left as it is.
            Phase::Done => self.flow = None,
            Phase::PostCopy | Phase::Broken => {
                flow.phase = Phase::Broken;
                self.set_state(Side::Source, 3, 13);
                if self.at(Side::Destination).whole() {
                    self.after(1, 50, Step::Unattended(id));
                }
            }
            Phase::Confirming => self.leave(false),
        }
    }

    /// What a daemon makes of a guest that was arriving.
    fn recover_incoming(&mut self) {
        let Some(arrival) = self.arrival else { return };
        match arrival.there {
            There::Starting | There::Waiting | There::Finishing if !arrival.post_copy => self.end_there(),
            There::Starting | There::Waiting | There::Finishing => {
                self.set_there_broken();
                self.set_state(Side::Destination, 3, 13);
            }
            There::PostCopy | There::Broken => {
                self.set_there_broken();
                self.set_state(Side::Destination, 1, 11);
                if self.at(Side::Destination).whole() {
                    self.after(1, 50, Step::Completed(arrival.id));
                }
            }
        }
    }

    fn set_there_broken(&mut self) {
        if let Some(arrival) = &mut self.arrival {
            arrival.there = There::Broken;
        }
    }
}
