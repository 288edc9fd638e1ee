//! The one error type of the crate. Each variant keeps what a caller needs to act on it.

use crate::domain_xml::XmlError;

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A parameter, flag or argument that is refused before anything is sent to a hypervisor.
    #[error("{name}: {reason}")]
    InvalidParameter {
        /// The parameter under libvirt's name, or the argument.
        name: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// A domain definition that is refused before anything is sent to a hypervisor.
    #[error("{context}: {source}")]
    InvalidDomainXml {
        /// Which document: `destination_xml`, `persistent_xml`, …
        context: String,
        /// What is wrong, with line and column.
        source: XmlError,
    },
}

impl Error {
    /// An [`Error::InvalidParameter`].
    pub fn parameter(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::InvalidParameter { name: name.into(), reason: reason.into() }
    }
}
