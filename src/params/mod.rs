//! What a migration is told: libvirt's 25 parameters, its flags and the destination.
//!
//! [`Definition`] is the one type that holds a destination's XML, and it always holds both of them.

mod build;
mod definition;
mod given;
mod rules;
mod table;
mod value;

pub use build::MigrateParams;
pub use definition::{DESTINATION_XML, Definition, PERSISTENT_XML};
pub use table::{Kind, Param};
pub use value::Value;
