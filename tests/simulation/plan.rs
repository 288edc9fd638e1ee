//! What a schedule is: how the migration is made, what goes wrong and what users want, all of it from one seed.

use libvirt_migrate::engine::{Outside, Wish};

use crate::kind::Kind;
use crate::setup::Setup;
use crate::world::{MS, S, Side, Stage, Time};

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
    /// The source's daemon is slow to take note of the switchover: if it fails there, that goes unseen.
    Unseen,
    /// QEMU hangs in an abort that comes at the switchover.
    HangInAbort,
    /// Somebody else does something to the migration, and says so.
    Outside(Outside),
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub seed: u64,
    pub setup: Setup,
    pub troubles: Vec<(When, Trouble)>,
    pub wishes: Vec<(When, Wish)>,
}

const EXCLUSIVE: u64 = 0x6578_636c;

impl Plan {
    /// The schedule of a seed.
    pub fn drawn(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut setup = Setup::drawn(&mut rng);
        // Drawn apart, so that a seed's other draws are what they were.
        if fastrand::Rng::with_seed(seed ^ EXCLUSIVE).u8(0..5) == 0 {
            setup = setup.maybe_exclusive();
        }
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

/// A question is not refused with "not in this state" by a daemon that has the guest.
fn refusal(rng: &mut fastrand::Rng) -> Trouble {
    let (kind, code, times) = (kind(rng), code(rng), rng.u32(1..5));
    let asks = matches!(kind, Kind::Sample | Kind::View | Kind::Ask | Kind::Look | Kind::Completed);
    Trouble::Refuse(kind, if asks && code == 55 { 68 } else { code }, times)
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
        17 | 18 => refusal(rng),
        19 => Trouble::LoseReply(kind(rng)),
        20 => Trouble::LateCall(kind(rng), long),
        21 => Trouble::LateReply(kind(rng), long),
        22 => Trouble::Twice(kind(rng), long),
        23 => Trouble::LoseEvents(long),
        24 if rng.bool() => Trouble::DoubleEvents(long),
        24 => Trouble::LateEvents(long.min(5 * S)),
        _ if rng.u8(0..3) == 0 => [Trouble::Unseen, Trouble::HangInAbort][rng.usize(0..2)],
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
