//! One host: its daemon, what that knows of the guest, and the guest's process.

use libvirt_migrate::state::DomainState;

use super::Step;

/// What a daemon does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Daemon {
    #[default]
    Up,
    /// It accepts and never answers.
    Hung,
    Down,
}

/// What a daemon knows of the guest. Without a process it is a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain {
    pub state: DomainState,
    pub persistent: bool,
    pub autostart: bool,
}

/// The guest's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Qemu {
    /// Its processors run.
    pub cpus: bool,
    /// It has all of the memory.
    pub whole: bool,
}

#[derive(Debug, Default)]
pub struct Host {
    pub daemon: Daemon,
    /// How often its daemon was killed: what it was asked for before is gone with it.
    pub killed: u32,
    pub domain: Option<Domain>,
    pub qemu: Option<Qemu>,
    /// Its QEMU does not answer the daemon.
    pub deaf: bool,
    /// A lock is held that most calls wait for in vain.
    pub locked: bool,
    /// It takes no copy.
    pub refuses: bool,
    /// It cannot write definitions.
    pub full: bool,
    /// What its daemon will do once it can.
    pub parked: Vec<Step>,
}

impl Host {
    pub fn runs(&self) -> bool {
        self.qemu.is_some_and(|qemu| qemu.cpus)
    }

    pub fn whole(&self) -> bool {
        self.qemu.is_some_and(|qemu| qemu.whole)
    }

    /// The process ends. A definition stays where there is one.
    pub fn end(&mut self, code: i32, reason: i32) {
        self.qemu = None;
        self.domain = self.domain.filter(|domain| domain.persistent);
        if let Some(domain) = &mut self.domain {
            domain.state = DomainState::new(code, reason);
        }
    }
}
