//! A link, with noise, and with a drop.

/// A link that carries a little more or less than it should all the time.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Bytes/s.
    pub rate: f64,
    /// The part of the rate by which it is off at most, in each tenth of a second.
    pub noise: f64,
    pub seed: u64,
    pub drop: Option<Drop>,
}

/// A time in which a link carries less.
#[derive(Debug, Clone, Copy)]
pub struct Drop {
    /// s.
    pub from: f64,
    /// s.
    pub until: f64,
    /// The part of the rate that is carried.
    pub to: f64,
}

impl Link {
    /// Bytes/s at this time: the same for every migration over this link.
    pub fn at(&self, at: f64) -> f64 {
        let drop = self.drop.filter(|drop| (drop.from..drop.until).contains(&at));
        drop.map_or(1.0, |drop| drop.to)
            * self.rate
            * (1.0 + self.noise * symmetric(self.seed, (at * 10.0) as u64))
    }
}

/// A number between -1 and 1, the same for the same arguments (splitmix64).
pub fn symmetric(seed: u64, index: u64) -> f64 {
    let mut bits = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) as f64 / u64::MAX as f64) * 2.0 - 1.0
}
