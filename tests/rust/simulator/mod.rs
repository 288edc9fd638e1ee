//! The crate's simulator, which forecasts as well, and scenes for it.

pub mod scenes;

pub use libvirt_migrate::forecast::simulator::*;
