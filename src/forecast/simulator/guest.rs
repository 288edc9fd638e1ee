//! What a guest does to its memory.

/// How fast the guest writes, bytes of distinct pages per second, over time.
#[derive(Debug, Clone, Copy)]
pub enum Load {
    /// Always the same.
    Steady(f64),
    /// One rate until a time (s), another after.
    Phases { first: f64, until: f64, then: f64 },
    /// Writes for a time (s), and rests for another.
    Bursts { rate: f64, busy: f64, calm: f64 },
    /// Rises from 0 to a rate over a period (s), and drops again.
    SawTooth { peak: f64, period: f64 },
}

impl Load {
    fn rate(self, at: f64) -> f64 {
        match self {
            Self::Steady(rate) => rate,
            Self::Phases { first, until, then } => {
                if at < until {
                    first
                } else {
                    then
                }
            }
            Self::Bursts { rate, busy, calm } => {
                if at % (busy + calm) < busy {
                    rate
                } else {
                    0.0
                }
            }
            Self::SawTooth { peak, period } => peak * (at / period).fract(),
        }
    }
}

/// A guest: its memory, the part of it that it writes to, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Guest {
    /// Bytes.
    pub memory: f64,
    /// The working set, bytes: writes hit its pages at random.
    pub hot: f64,
    pub load: Load,
}

impl Guest {
    /// The bytes that become dirty in `step` seconds at `at`, with `dirty` bytes dirty already, where the
    /// guest is slowed down by `throttle` %.
    pub fn dirties(&self, at: f64, step: f64, dirty: f64, throttle: f64) -> f64 {
        let rate = self.load.rate(at) * (1.0 - throttle / 100.0);
        (self.hot - dirty).max(0.0) * (1.0 - (-rate * step / self.hot).exp())
    }
}
