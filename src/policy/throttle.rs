//! Slowing a guest down: QEMU's auto-converge and its two figures.

use crate::Result;
use crate::action::Throttle;
use crate::flags::MigrateFlags;
use crate::params::{MigrateParams, Param, Value};

/// The part of the throughput that a throttled guest should dirty at most. QEMU stops adding steps at a half.
const AIM: f64 = 0.5;

/// Steps from the first one to the most that QEMU takes, 99 %.
const STEPS: f64 = 3.0;

impl Throttle {
    /// The figures for a guest that dirties `dirty_rate` over a link that carries `throughput`, both bytes/s.
    ///
    /// A guest that runs x % of the time dirties x % as much, so the first step is the one after which it
    /// dirties half of what is carried. The measured rate counts a page once a pass however often it is
    /// written, so it may be too low; the increment then gets to the end in three steps.
    pub fn for_rates(dirty_rate: f64, throughput: f64) -> Self {
        let needed = 100.0 * (1.0 - AIM * throughput / dirty_rate);
        let initial = if needed.is_finite() { needed.ceil().clamp(1.0, 99.0) } else { 50.0 };
        let increment = ((99.0 - initial) / STEPS).ceil().clamp(5.0, 99.0);
        Self { initial: initial as u8, increment: increment as u8 }
    }

    /// The parameters of a migration that throttles its guest so. Figures that the caller gave stay.
    pub fn apply(self, params: &MigrateParams) -> Result<MigrateParams> {
        let ours = [
            (Param::AutoConvergeInitial, Value::Number(self.initial.into())),
            (Param::AutoConvergeIncrement, Value::Number(self.increment.into())),
        ];
        let theirs = params.values().map(|(param, value)| (param, value.clone()));
        MigrateParams::new(
            params.definition().cloned(),
            // Later entries win.
            ours.into_iter().chain(theirs),
            params.destination().map(str::to_owned),
            Some(params.flags() | MigrateFlags::AUTO_CONVERGE),
        )
    }
}
