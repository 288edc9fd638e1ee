//! Calls as a daemon carries them out.

use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::state::DomainState;

use super::{Phase, Side, Stage, Step, World};

/// A call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Api {
    /// Another connection, and the guest looked up over it.
    Open,
    State,
    JobInfo {
        completed: bool,
    },
    Persistent,
    Subscribe,
    Migrate {
        throttled: bool,
    },
    Suspend,
    Resume,
    Abort {
        post_copy: bool,
    },
    /// QEMU is told past the daemon.
    FinishAbort,
    SetMaxDowntime(u64),
    SetBandwidth(u64),
    StartPostCopy,
    Destroy,
    Undefine,
    /// Write a definition of nothing.
    Probe,
    SetAutostart(bool),
}

/// What it returns.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Nothing,
    State(DomainState),
    Job(Box<JobInfo>),
    Yes(bool),
}

impl Api {
    /// Whether it waits for a lock that others may hold.
    const fn locks(self) -> bool {
        !matches!(self, Self::Open | Self::State | Self::Persistent | Self::Subscribe | Self::Probe)
    }

    /// Whether it waits for a QEMU that does not answer, too. To end one is to kill it first.
    const fn needs_qemu(self) -> bool {
        self.locks() && !matches!(self, Self::Destroy)
    }
}

impl World {
    /// Carries a call out; an error is libvirt's number. A call that blocks returns later: `None`.
    pub fn call(
        &mut self,
        side: Side,
        api: Api,
        number: usize,
        flags: MigrateFlags,
    ) -> Option<Result<Said, i32>> {
        let host = self.at(side);
        if host.locked && api.locks() || host.deaf && api.needs_qemu() {
            return Some(Err(68));
        }
        if let Api::Migrate { throttled } = api {
            return self.migrate(Some(number), flags, throttled).err().map(Err);
        }
        let known = match api {
            Api::Probe => return Some(if host.full { Err(38) } else { Ok(Said::Nothing) }),
            Api::Subscribe => return Some(Ok(Said::Yes(true))),
            _ => host.domain,
        };
        let Some(domain) = known else { return Some(Err(42)) };
        let there = host.qemu.is_some();
        Some(match api {
            Api::State => Ok(Said::State(domain.state)),
            Api::Persistent => Ok(Said::Yes(domain.persistent)),
            Api::JobInfo { completed: true } => Ok(self.last_job()),
            Api::Undefine => self.undefine(side, domain.persistent),
            Api::SetAutostart(on) => self.set_autostart(side, on),
            Api::Open => Ok(Said::Nothing),
            _ if !there => Err(55),
            Api::JobInfo { completed: false } => Ok(self.job(side)),
            Api::Suspend => self.suspend(side),
            Api::Resume => self.resume(side),
            Api::Destroy => self.destroy(side),
            _ => self.steer(api),
        })
    }

    fn last_job(&self) -> Said {
        Said::Job(Box::new(self.completed.clone().unwrap_or_default()))
    }

    fn job(&self, side: Side) -> Said {
        let running = match (side, &self.flow) {
            (Side::Source, Some(flow)) => self.statistics(flow, flow.kind()),
            (Side::Destination, _) if self.arrival.is_some() => {
                JobInfo { kind: JobType::Unbounded, operation: Some(4), ..JobInfo::default() }
            }
            _ => JobInfo::default(),
        };
        Said::Job(Box::new(running))
    }

    fn undefine(&mut self, side: Side, persistent: bool) -> Result<Said, i32> {
        if !persistent {
            return Err(55);
        }
        let host = self.host(side);
        if host.qemu.is_none() {
            host.domain = None;
        }
        if let Some(domain) = &mut host.domain {
            domain.persistent = false;
        }
        Ok(Said::Nothing)
    }

    fn set_autostart(&mut self, side: Side, on: bool) -> Result<Said, i32> {
        if let Some(domain) = &mut self.host(side).domain {
            domain.autostart = on;
        }
        Ok(Said::Nothing)
    }

    fn suspend(&mut self, side: Side) -> Result<Said, i32> {
        let migrates = side == Side::Source && self.flow.is_some();
        let Some(qemu) = &mut self.host(side).qemu else { return Err(55) };
        if std::mem::replace(&mut qemu.cpus, false) {
            let (reason, detail) = if migrates { (2, 1) } else { (1, 0) };
            self.set_state(side, 3, reason);
            if side == Side::Source {
                self.emit(3, detail);
                self.note_end();
            }
        }
        Ok(Said::Nothing)
    }

    fn resume(&mut self, side: Side) -> Result<Said, i32> {
        // A migration that runs, or that broke in post-copy, keeps the lock that this needs.
        if side == Side::Source && self.flow.is_some() {
            return Err(68);
        }
        // One that arrives keeps it as well.
        if side == Side::Destination && self.arrival.is_some() {
            return Err(68);
        }
        let Some(qemu) = &mut self.host(side).qemu else { return Err(55) };
        if std::mem::replace(&mut qemu.cpus, true) {
            return Err(55);
        }
        self.set_state(side, 1, 5);
        if side == Side::Destination {
            self.stale = true;
            self.twins |= self.at(Side::Source).runs();
        }
        if side == Side::Source {
            self.emit(4, 0);
        }
        Ok(Said::Nothing)
    }

    fn destroy(&mut self, side: Side) -> Result<Said, i32> {
        self.host(side).end(5, 2);
        if std::mem::take(&mut self.host(side).deaf) {
            self.release(side);
        }
        match side {
            Side::Source => {
                self.emit(6, 2);
                self.emit(5, 1);
                self.lose_source_qemu();
            }
            Side::Destination => self.lose_destination_qemu(),
        }
        Ok(Said::Nothing)
    }

    /// Calls to the migration that runs at the source.
    fn steer(&mut self, api: Api) -> Result<Said, i32> {
        let Some(flow) = &mut self.flow else { return Err(55) };
        let post_copy = matches!(flow.phase, Phase::PostCopy | Phase::Broken);
        match api {
            Api::Abort { post_copy: false } if post_copy => return Err(55),
            Api::Abort { post_copy: false } => {
                flow.aborted = true;
                if matches!(flow.phase, Phase::Perform | Phase::Switchover)
                    && !self.hosts[Side::Destination as usize].whole()
                {
                    if flow.phase == Phase::Switchover && flow.stopped && self.hangs {
                        return self.hang_in_abort();
                    }
                    self.fail(78);
                }
            }
            Api::FinishAbort if flow.phase == Phase::Hung => self.note_end(),
            Api::Abort { post_copy: true } if flow.phase == Phase::PostCopy => self.reset_data(),
            Api::Abort { post_copy: true } if flow.phase == Phase::Broken => {
                flow.stream = false;
                let id = flow.id;
                self.after(1, 50, Step::LearnsOfBreak(id));
            }
            Api::Abort { post_copy: true } | Api::FinishAbort => return Err(55),
            Api::SetMaxDowntime(_) if post_copy => return Err(55),
            Api::SetMaxDowntime(ms) => flow.sending.limit = ms as f64 / 1e3,
            Api::SetBandwidth(0) => flow.sending.bandwidth = f64::INFINITY,
            Api::SetBandwidth(mib) => flow.sending.bandwidth = mib as f64 * 1048576.0,
            Api::StartPostCopy => return self.start_post_copy(),
            _ => return Err(3),
        }
        Ok(Said::Nothing)
    }

    fn start_post_copy(&mut self) -> Result<Said, i32> {
        let Some(flow) = &mut self.flow else { return Err(55) };
        let allowed = flow.flags.contains(MigrateFlags::POSTCOPY);
        let ready = flow.phase == Phase::Perform && flow.sending.pass > 0 && flow.stream;
        // QEMU has stopped the guest already where it is about to switch over.
        if !allowed || !ready || !self.hosts[Side::Source as usize].runs() {
            return Err(55);
        }
        let id = flow.id;
        flow.phase = Phase::PostCopy;
        if let Some(arrival) = &mut self.arrival {
            arrival.post_copy = true;
        }
        if let Some(qemu) = &mut self.host(Side::Source).qemu {
            qemu.cpus = false;
        }
        self.switched = true;
        self.set_state(Side::Source, 3, 12);
        self.emit(3, 1);
        self.emit(3, 7);
        self.send_in_post_copy();
        self.stage(Stage::PostCopy);
        self.after(1, 20, Step::Finish(id));
        Ok(Said::Nothing)
    }
}
