//! Chance that can be replayed: each kind of draw has a row of its own, so that a plan with one fault less draws the
//! same for everything else.

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// How long a step of libvirt's takes.
    Step,
    /// How long a request or its answer is under way.
    Way,
    /// How long an event is under way.
    Event,
    /// Which way of several something goes.
    Fork,
}

/// One world's chance.
#[derive(Debug, Clone)]
pub struct Dice {
    seed: u64,
    drawn: [u64; 4],
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: [0; 4] }
    }

    fn next(&mut self, what: Draw) -> fastrand::Rng {
        let drawn = &mut self.drawn[what as usize];
        *drawn += 1;
        // Rows and draws far apart, so that neighbours have nothing in common.
        let place = (what as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(*drawn << 8);
        fastrand::Rng::with_seed(self.seed ^ place)
    }

    /// A number between both, both included.
    pub fn between(&mut self, what: Draw, least: u64, most: u64) -> u64 {
        self.next(what).u64(least..=most)
    }

    /// Yes in so many of a hundred.
    pub fn percent(&mut self, what: Draw, percent: u64) -> bool {
        self.next(what).u64(0..100) < percent
    }
}
