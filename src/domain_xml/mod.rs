//! Domain definitions as text: checked, read and edited without ever building a tree.

mod error;
mod identity;
mod targets;

pub use error::XmlError;
pub use identity::DomainIdentity;
pub use targets::disk_targets;
