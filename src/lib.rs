//! A live-migration core for libvirt.
//!
//! The pure layers ([`params`], [`flags`], [`domain_xml`], [`job`], [`policy`]) know nothing of Python,
//! libvirt's library or clocks. [`libvirt`] is the only module with `unsafe`. [`guest`] starts a migration, the
//! [`engine`] decides about it and a driver carries that out; the Python module (feature `python`) wraps it.
//!
//! What this crate tells, errors, updates, outcomes, actions, may get more variants and fields: match with a `_` arm.
//! What is given to it, such as [`policy::Intent`], is made with `..Default::default()` for the same reason.

pub mod action;
mod answer;
#[doc(hidden)]
pub mod belongings;
mod copied;
pub mod domain;
pub mod domain_xml;
mod driver;
#[doc(hidden)]
pub mod engine;
pub mod error;
mod eta;
#[doc(hidden)]
pub mod exposure;
#[doc(hidden)]
pub mod fact;
pub mod flags;
pub mod forecast;
pub mod foresee;
pub mod guest;
pub mod job;
mod learnt;
pub mod libvirt;
pub mod location;
pub mod numbers;
mod pace;
pub mod params;
mod phase;
mod place;
pub mod policy;
pub mod progress;
pub mod record;
pub mod recovery;
#[doc(hidden)]
pub mod remedy;
mod secrets;
mod standing;
pub mod state;
#[doc(hidden)]
pub mod transport;
pub mod update;
pub mod uri;
pub mod version;
pub mod whereabouts;
mod xml_error;

#[cfg(feature = "python")]
mod python;

pub use driver::Migration;
pub use error::{Error, Result};
pub use guest::Guest;
pub use params::MigrateParams;
