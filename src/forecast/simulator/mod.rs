//! A guest, a link and QEMU's own rules, as far as a policy can tell them from the real ones.
//!
//! The rules are those of QEMU 7.2's migration thread: a pass sends what was dirty when it began; once what is
//! left of it fits into throughput × downtime limit, the dirty log is read, and where all of it still fits,
//! the guest is stopped; else the next pass begins. The throughput is measured every 100 ms, the dirty rate at
//! the first reading after each second, and auto-converge takes a step when twice more than half of what was
//! sent was dirtied. Time goes in steps of [`STEP`] seconds.

mod guest;
mod link;
mod qemu;
mod run;

pub use guest::{Guest, Load};
pub use link::{Drop, Link, symmetric};
pub use qemu::{OVERHEAD, Qemu, Start};
pub use run::{End, Report, Watch, best, fixed_limit, migrate, post_copy_after_a_pass};

/// A step of the simulation, s.
pub const STEP: f64 = 0.01;

/// A MiB.
pub const MIB: f64 = 1048576.0;
