//! What a schedule is: how the migration is made, what goes wrong and what users want, all of it from one seed.

use std::time::Duration;

use libvirt_migrate::engine::{Outside, Scope, Wish};
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::policy::{Convergence, Intent, OnDeadline, ScheduleOptions};
use libvirt_migrate::state::DomainState;

use crate::task::Kind;
use crate::world::{Load, MS, S, Side, Stage, Time};

/// When something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    At(Time),
    /// So long after the migration has come this far for the first time.
    On(Stage, Time),
    /// So long after an order of this kind was given for the first time.
    Ordered(Kind, Time),
    /// So long after the end was told.
    Told(Time),
}

/// What goes wrong, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trouble {
    /// The daemon is killed, and started after this.
    KillDaemon(Side, Time),
    HangDaemon(Side, Time),
    KillQemu(Side),
    /// The QEMU does not answer its monitor.
    DeafQemu(Side, Time),
    /// A lock is held.
    Lock(Side, Time),
    /// It cannot write definitions.
    FillDisk(Side, Time),
    CutCaller(Side, Time),
    ResetCaller(Side),
    CutDaemons(Time),
    ResetDaemons,
    CutData(Time),
    ResetData,
    SlowData(Time),
    /// The next calls of orders of this kind are refused with this error.
    Refuse(Kind, i32, u32),
    /// The next call of an order of this kind is carried out, and its connection breaks before the answer.
    LoseReply(Kind),
    /// The next call of an order of this kind takes so long to be carried out.
    LateCall(Kind, Time),
    /// The next answer to an order of this kind takes so long.
    LateReply(Kind, Time),
    /// The next reply to an order of this kind is handed in again after this.
    Twice(Kind, Time),
    /// The destination has no room for a copy.
    RefuseCopy,
    /// Events are lost.
    LoseEvents(Time),
    /// Events take so long.
    LateEvents(Time),
    /// Events come twice.
    DoubleEvents(Time),
    /// Somebody else does something to the migration, and says so.
    Outside(Outside),
}

/// How a migration is made and watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    pub scope: Scope,
    /// It runs already, for this long at least.
    pub adopted: Option<Time>,
    pub paused: bool,
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

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub seed: u64,
    pub setup: Setup,
    pub troubles: Vec<(When, Trouble)>,
    pub wishes: Vec<(When, Wish)>,
}

const MIB: f64 = 1048576.0;

impl Setup {
    /// A plain one: a guest of 1 GiB that converges, over a link of 500 MiB/s.
    pub fn plain() -> Self {
        Self {
            scope: Scope::Whole,
            adopted: None,
            paused: false,
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

    /// With post-copy allowed, and needed.
    pub fn post_copy() -> Self {
        Self::busy().with(Intent { post_copy: true, ..Intent::default() })
    }

    fn drawn(rng: &mut fastrand::Rng) -> Self {
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
            })
            .ok(),
        };
    }
}

impl Plan {
    /// The schedule of a seed.
    pub fn drawn(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let setup = Setup::drawn(&mut rng);
        let troubles = match rng.u8(0..10) {
            0 | 1 => 0,
            2..6 => 1,
            6..9 => 2,
            _ => rng.usize(3..6),
        };
        let wishes = if rng.u8(0..3) == 0 { rng.usize(1..4) } else { 0 };
        Self {
            seed,
            setup,
            troubles: (0..troubles).map(|_| (when(&mut rng), trouble(&mut rng))).collect(),
            wishes: (0..wishes).map(|_| (when(&mut rng), wish(&mut rng))).collect(),
        }
    }

    pub fn new(setup: Setup) -> Self {
        Self { seed: 1, setup, troubles: vec![], wishes: vec![] }
    }

    pub fn trouble(mut self, when: When, trouble: Trouble) -> Self {
        self.troubles.push((when, trouble));
        self
    }

    pub fn wish(mut self, when: When, wish: Wish) -> Self {
        self.wishes.push((when, wish));
        self
    }

    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

fn when(rng: &mut fastrand::Rng) -> When {
    let delay = match rng.u8(0..3) {
        0 => 0,
        1 => rng.u64(0..50 * MS),
        _ => rng.u64(0..3 * S),
    };
    match rng.u8(0..10) {
        0 | 1 => When::At(rng.u64(0..30 * S)),
        2..4 => When::Ordered(kind(rng), delay),
        4 if rng.bool() => When::Told(delay),
        _ => When::On(stage(rng), delay),
    }
}

fn stage(rng: &mut fastrand::Rng) -> Stage {
    match rng.u8(0..14) {
        0 => Stage::Begin,
        1 => Stage::Prepare,
        2 => Stage::Perform,
        3 | 4 => Stage::Pass(rng.u64(1..6)),
        5 | 6 => Stage::PostCopy,
        7 | 8 => Stage::Switchover,
        9 => Stage::Sent,
        10 => Stage::Finish,
        11 => Stage::Arrived,
        12 => Stage::Confirm,
        _ => Stage::Cancel,
    }
}

fn kind(rng: &mut fastrand::Rng) -> Kind {
    Kind::ALL[rng.usize(0..Kind::ALL.len())]
}

fn side(rng: &mut fastrand::Rng) -> Side {
    if rng.bool() { Side::Source } else { Side::Destination }
}

fn code(rng: &mut fastrand::Rng) -> i32 {
    [1, 9, 38, 39, 55, 68][rng.usize(0..6)]
}

fn trouble(rng: &mut fastrand::Rng) -> Trouble {
    let long = [MS * 200, S, 5 * S, 35 * S, 90 * S][rng.usize(0..5)];
    match rng.u8(0..26) {
        0 | 1 => Trouble::KillDaemon(side(rng), long),
        2 | 3 => Trouble::HangDaemon(side(rng), long),
        4 => Trouble::KillQemu(side(rng)),
        5 => Trouble::DeafQemu(side(rng), long),
        6 => Trouble::Lock(side(rng), long),
        7 => Trouble::FillDisk(Side::Destination, long),
        8 | 9 => Trouble::CutCaller(side(rng), long),
        10 | 11 => Trouble::ResetCaller(side(rng)),
        12 => Trouble::CutDaemons(long),
        13 => Trouble::ResetDaemons,
        14 if rng.u8(0..4) == 0 => Trouble::RefuseCopy,
        14 => Trouble::CutData(long),
        15 => Trouble::ResetData,
        16 => Trouble::SlowData(long),
        17 | 18 => Trouble::Refuse(kind(rng), code(rng), rng.u32(1..5)),
        19 => Trouble::LoseReply(kind(rng)),
        20 => Trouble::LateCall(kind(rng), long),
        21 => Trouble::LateReply(kind(rng), long),
        22 => Trouble::Twice(kind(rng), long),
        23 => Trouble::LoseEvents(long),
        24 if rng.bool() => Trouble::DoubleEvents(long),
        24 => Trouble::LateEvents(long.min(5 * S)),
        _ => Trouble::Outside([Outside::Paused, Outside::PostCopy, Outside::Aborted][rng.usize(0..3)]),
    }
}

fn wish(rng: &mut fastrand::Rng) -> Wish {
    match rng.u8(0..6) {
        0 | 1 => Wish::Abort,
        2 | 3 => Wish::Force,
        4 => Wish::SetMaxDowntime(rng.u64(1..2000)),
        // So slow that it ends all the same.
        _ => Wish::SetBandwidth([0, rng.u64(50..500)][rng.usize(0..2)]),
    }
}
