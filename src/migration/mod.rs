//! A migration that runs: its handle, its thread, and the one thread that watches all of them.
//!
//! - [`Migration`] is the handle. Dropping it leaves the migration running.
//! - libvirt's call blocks until the end, so each migration has a thread that sits in it (`call`).
//! - One thread of the process (`watcher`) keeps the time of all migrations, takes libvirt's events, feeds
//!   [`ProgressTracker`](crate::progress::ProgressTracker) and [`Policy`](crate::policy::Policy), and decides.
//! - It never calls libvirt itself: a daemon that hangs would stop it for everyone. Calls go to `hands`, one
//!   at a time for each migration. There is one hand, and more only while that one is stuck in a call.
//! - Whoever wants to know more than the end gives a function that takes [`Update`]s.

mod call;
mod conclude;
mod handle;
mod hands;
mod news;
mod order;
mod outcome;
mod pace;
mod pausing;
mod perform;
mod regain;
mod shared;
mod silence;
mod start;
mod step;
mod update;
mod watch;
mod watcher;

pub use handle::Migration;
pub use outcome::Outcome;
pub(crate) use shared::same_process;
pub(crate) use start::{WeakMigration, is_active};
pub use step::{Act, Step};
pub use update::{Update, UpdateSink};
