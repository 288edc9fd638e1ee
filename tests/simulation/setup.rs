//! How a migration is made and watched, before anything goes wrong.

use std::time::Duration;

use libvirt_migrate::engine::Scope;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::policy::{Convergence, Intent, OnDeadline, ScheduleOptions};
use libvirt_migrate::state::DomainState;

use crate::world::{Load, MS, S, Time};

/// How a migration is made and watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    pub scope: Scope,
    /// It runs already, for this long at least.
    pub adopted: Option<Time>,
    pub paused: bool,
    /// It is sent paused, and told to go on by whoever drives it.
    pub exclusive: bool,
    pub flags: MigrateFlags,
    pub convergence: Option<Convergence>,
    pub load: Load,
    /// The destination can be asked.
    pub destination: bool,
    /// Whether events are to be had: never, after so many attempts.
    pub events: Option<u32>,
    /// A dead connection of the caller's is noticed.
    pub keepalive: bool,
}

const MIB: f64 = 1048576.0;

impl Setup {
    /// A plain one: a guest of 1 GiB that converges, over a link of 500 MiB/s.
    pub fn plain() -> Self {
        Self {
            scope: Scope::Whole,
            adopted: None,
            paused: false,
            exclusive: false,
            flags: MigrateFlags::DEFAULT,
            convergence: Some(Convergence::default()),
            load: Load {
                memory: 1024.0 * MIB,
                hot: 64.0 * MIB,
                dirty: 50.0 * MIB,
                bandwidth: 500.0 * MIB,
                disks: 0.0,
                calm: 120 * S,
            },
            destination: true,
            events: Some(0),
            keepalive: true,
        }
    }

    /// The state of the guest before.
    pub fn state(&self) -> DomainState {
        if self.paused { DomainState::new(3, 1) } else { DomainState::new(1, 1) }
    }

    /// One that does not converge by itself before the guest calms down.
    pub fn busy() -> Self {
        let mut setup = Self::plain();
        (setup.load.hot, setup.load.dirty) = (700.0 * MIB, 2000.0 * MIB);
        setup
    }

    /// With an intent. Its flags come along as `Convergence::apply` adds them.
    pub fn with(mut self, intent: Intent) -> Self {
        let convergence = Convergence::adaptive(intent).expect("an intent that makes sense");
        if convergence.post_copy() {
            self.flags |= MigrateFlags::POSTCOPY;
        }
        self.convergence = Some(convergence);
        self
    }

    /// Sent paused.
    pub fn exclusive(mut self) -> Self {
        self.exclusive = true;
        self.flags |= MigrateFlags::PAUSED;
        self
    }

    /// The same, sent paused, where that is possible.
    pub fn maybe_exclusive(self) -> Self {
        let possible = !self.paused
            && self.destination
            && !self.flags.contains(MigrateFlags::POSTCOPY)
            && !self.convergence.is_some_and(|convergence| convergence.post_copy())
            && !matches!(self.scope, Scope::Beside { .. });
        if possible { self.exclusive() } else { self }
    }

    /// With post-copy allowed, and needed.
    pub fn post_copy() -> Self {
        Self::busy().with(Intent { post_copy: true, ..Intent::default() })
    }

    pub fn drawn(rng: &mut fastrand::Rng) -> Self {
        let mut setup = if rng.u8(0..3) == 0 { Self::busy() } else { Self::plain() };
        setup.load.memory = rng.u64(64..2048) as f64 * MIB;
        setup.load.hot = setup.load.hot.min(setup.load.memory * 0.7);
        setup.load.calm = rng.u64(20..90) * S;
        if rng.u8(0..8) == 0 {
            setup.load.disks = rng.u64(64..4096) as f64 * MIB;
            setup.flags |= MigrateFlags::NON_SHARED_DISK;
        }
        setup.paused = rng.u8(0..10) == 0;
        setup.scope = match rng.u8(0..12) {
            0 => Scope::Call,
            1 | 2 => Scope::Beside { confirm_for: Duration::from_secs(rng.u64(0..60)) },
            _ => Scope::Whole,
        };
        setup.adopted = (rng.u8(0..6) == 0).then(|| rng.u64(0..4000) * MS);
        if setup.adopted.is_some() {
            setup.scope = Scope::Whole;
        }
        setup.events = match rng.u8(0..8) {
            0 => None,
            1 => Some(rng.u32(1..4)),
            _ => Some(0),
        };
        setup.destination = rng.u8(0..12) != 0;
        setup.keepalive = rng.u8(0..6) != 0;
        if rng.u8(0..12) == 0 {
            setup.flags.remove(MigrateFlags::PERSIST_DEST | MigrateFlags::UNDEFINE_SOURCE);
        }
        setup.convergence(rng);
        if setup.load.disks == 0.0 && rng.u8(0..16) == 0 {
            // So slow that compressed memory pays.
            setup.load.bandwidth = rng.u64(6..14) as f64 * MIB;
            setup.load.memory = setup.load.memory.min(400.0 * MIB);
            setup.load.dirty = setup.load.dirty.min(4.0 * MIB);
        }
        setup
    }

    fn convergence(&mut self, rng: &mut fastrand::Rng) {
        let post_copy = !self.paused && rng.u8(0..3) == 0;
        if post_copy {
            self.flags |= MigrateFlags::POSTCOPY;
        }
        let deadline = (rng.u8(0..3) == 0).then(|| rng.u64(1..40) as f64);
        let force = deadline.is_some() && rng.bool();
        let on_deadline = if force { OnDeadline::Force } else { OnDeadline::Abort };
        self.convergence = match rng.u8(0..8) {
            0 => None,
            1 => Convergence::schedule(ScheduleOptions {
                post_copy,
                timeout_action: on_deadline,
                completion_timeout: rng.u64(0..20),
                steps: 3,
                delay: 3,
                max_downtime: 0.1 + rng.f64() * 0.9,
                ..ScheduleOptions::default()
            })
            .ok(),
            _ => Convergence::adaptive(Intent {
                max_downtime: 0.05 + rng.f64() * 0.6,
                deadline,
                post_copy,
                throttle: rng.u8(0..4) == 0,
                on_deadline,
                max_post_copy: None,
                exclusive: false,
            })
            .ok(),
        };
    }
}
