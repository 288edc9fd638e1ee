//! A live-migration core for libvirt.
//!
//! The pure layers ([`params`], [`flags`], [`domain_xml`], [`job`], [`policy`]) know nothing of Python,
//! libvirt's library or clocks. [`libvirt`] is the only module with `unsafe`. [`guest`] runs a migration;
//! the Python module (feature `python`) wraps it.

pub mod domain_xml;
pub mod error;
pub mod policy;

#[cfg(feature = "python")]
mod python;

pub use error::{Error, Result};
