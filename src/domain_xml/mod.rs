//! Domain definitions as text: checked, read and edited without ever building a tree.

mod error;
mod identity;

pub use error::XmlError;
pub use identity::DomainIdentity;
