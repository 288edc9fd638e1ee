//! libvirt itself: the only module with `unsafe`. Its invariants are in `SAFETY.md` beside this file.
#![allow(unsafe_code)]

mod asking;
mod beforehand;
mod belongings;
mod closing;
mod connection;
mod control;
mod dirty_rate;
mod domain;
mod error;
mod event_loop;
mod events;
mod gate;
mod glib;
mod host;
mod monitor;
mod newer;
mod opening;
mod powers;
mod resources;
mod room;
mod storage;
mod turn;
mod typed_params;

#[cfg(feature = "python")]
mod capsule;

pub use asking::{DEFAULT_PATIENCE, where_is};
#[cfg(feature = "python")]
pub(crate) use capsule::{CapsuleDomain, same_library};
pub(crate) use closing::InBackground;
#[doc(hidden)]
pub use closing::leave;
pub use connection::{Connection, silence_default_handler};
pub use domain::Domain;
#[doc(hidden)]
pub use event_loop::stop_event_loop;
pub use host::CpuComparison;
#[cfg(feature = "python")]
pub(crate) use monitor::{CONTINUE_CANCELLING, judge_reply};
pub use opening::CONNECT_LIMIT;
