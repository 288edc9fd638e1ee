//! Carries out what the [`engine`](crate::engine) orders, without a decision of its own.
//!
//! - [`Migration`] is the handle. Dropping it leaves the migration running.
//! - libvirt's call blocks until the end, so each migration has a thread that sits in it ([`call`]).
//! - All other orders go to [`hands`]. There is one hand, and more only while that one is stuck in a call.
//! - [`clock`] is the one thread of the process that wakes engines. It never calls libvirt: a daemon that hangs would
//!   stop it for everyone.
//! - Whatever happens, an event, a reply, a wish, the time, goes to the engine on the thread that it comes up on, with
//!   the migration locked ([`shared`]).

mod call;
mod clock;
mod ground;
mod handle;
mod hands;
mod here;
mod shared;
mod start;
mod tape;
mod view;

pub use handle::Migration;
pub(crate) use shared::same_process;
pub(crate) use start::WeakMigration;
pub(crate) use view::Sides;
