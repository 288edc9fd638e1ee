//! The one error type of the crate. Each variant keeps what a caller needs to act on it.

use std::sync::Arc;

use crate::numbers::errors;
use crate::place::GuestLocation;
use crate::record::Outcome;
use crate::secrets::mask_uris;
use crate::xml_error::XmlError;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
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
    /// libvirt refused or failed.
    #[error(transparent)]
    Libvirt(#[from] LibvirtError),
    /// A call on a domain object of another language failed with an error of that language.
    #[error("{}", mask_uris(&source.to_string()))]
    Foreign {
        /// The error itself.
        source: Arc<dyn std::error::Error + Send + Sync>,
        /// libvirt's number of it, where it is an error of libvirt's.
        code: Option<i32>,
    },
    /// The migration ended without moving the guest.
    #[error("{cause} (the guest is {location})")]
    MigrationFailed {
        /// What libvirt or the domain object said.
        cause: Box<Error>,
        /// Where the guest is now.
        location: GuestLocation,
        /// What is known of the migration besides.
        outcome: Box<Outcome>,
    },
    /// The migration was aborted on request.
    #[error("{cause} (the guest is {location})")]
    MigrationCancelled {
        /// What libvirt or the domain object said.
        cause: Box<Error>,
        /// Where the guest is now.
        location: GuestLocation,
        /// What is known of the migration besides.
        outcome: Box<Outcome>,
    },
}

impl Error {
    /// An [`Error::InvalidParameter`].
    pub fn parameter(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::InvalidParameter { name: name.into(), reason: reason.into() }
    }

    /// libvirt's number of the error, where it is one of libvirt's.
    pub fn libvirt_code(&self) -> Option<i32> {
        match self {
            Self::Libvirt(error) => Some(error.code),
            Self::Foreign { code, .. } => *code,
            Self::MigrationFailed { cause, .. } | Self::MigrationCancelled { cause, .. } => {
                cause.libvirt_code()
            }
            Self::InvalidParameter { .. } | Self::InvalidDomainXml { .. } => None,
        }
    }

    /// Something that this kind of domain object cannot do.
    pub fn unsupported(what: &str) -> Self {
        LibvirtError::found_here(
            LibvirtError::NO_SUPPORT,
            format!("this domain object does not support {what}"),
        )
        .into()
    }

    /// A call that the guest's state does not allow, found before libvirt was asked.
    pub fn not_now(message: impl Into<String>) -> Self {
        LibvirtError::found_here(LibvirtError::OPERATION_INVALID, message).into()
    }
}

/// An error of libvirt, with everything that it carries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LibvirtError {
    /// `virErrorNumber`.
    pub code: i32,
    /// `virErrorDomain`: the part of libvirt that it comes from.
    pub domain: i32,
    /// The message.
    pub message: String,
    /// `virErrorLevel`: 1 is a warning, 2 an error.
    pub level: i32,
    /// Additional texts, mostly the format and arguments of the message.
    pub strings: [Option<String>; 3],
    /// Additional numbers.
    pub numbers: [i32; 2],
}

impl LibvirtError {
    /// `VIR_ERR_NO_DOMAIN`: the host does not know the domain.
    pub const NO_DOMAIN: i32 = errors::NO_DOMAIN;
    /// `VIR_ERR_OPERATION_INVALID`: not in this state.
    pub const OPERATION_INVALID: i32 = errors::OPERATION_INVALID;
    /// `VIR_ERR_OPERATION_FAILED`: started and failed.
    pub const OPERATION_FAILED: i32 = errors::OPERATION_FAILED;
    /// `VIR_ERR_SYSTEM_ERROR`: the host's own system refused something, such as room on a disk.
    pub const SYSTEM_ERROR: i32 = errors::SYSTEM_ERROR;
    /// `VIR_ERR_OPERATION_TIMEOUT`: no answer in time, which says nothing of what was asked.
    pub const OPERATION_TIMEOUT: i32 = errors::OPERATION_TIMEOUT;
    /// `VIR_ERR_OPERATION_ABORTED`: on request.
    pub const OPERATION_ABORTED: i32 = errors::OPERATION_ABORTED;
    /// `VIR_ERR_NO_SUPPORT`: this connection has no such call.
    pub const NO_SUPPORT: i32 = errors::NO_SUPPORT;
    /// `VIR_ERR_INTERNAL_ERROR`: a fault, or what has no number of its own.
    pub const INTERNAL_ERROR: i32 = errors::INTERNAL_ERROR;

    /// Without what can be secret: in URIs, and in the line of a document that libvirt's XML parser quotes.
    pub fn masked(mut self) -> Self {
        fn mask(text: &str) -> String {
            mask_uris(without_excerpt(text))
        }
        self.message = mask(&self.message);
        self.strings = self.strings.map(|text| text.as_deref().map(mask));
        self
    }

    /// An error of libvirt's QEMU driver that this project found before libvirt was asked.
    pub fn found_here(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            domain: errors::FROM_QEMU,
            message: message.into(),
            level: errors::LEVEL_ERROR,
            strings: [None, None, None],
            numbers: [-1, -1],
        }
    }

    /// A daemon that did not answer in time.
    pub fn no_answer(message: impl Into<String>) -> Self {
        Self { domain: errors::FROM_RPC, ..Self::found_here(Self::OPERATION_TIMEOUT, message) }
    }
}

/// libvirt ends an XML parser's message with the line that it is about and one of dashes that points into it.
fn without_excerpt(message: &str) -> &str {
    let lines = message.trim_end().rsplit_once('\n');
    let Some((before, _)) = lines.filter(|(_, last)| last.trim_start_matches('-') == "^") else {
        return message;
    };
    before.rsplit_once('\n').map_or("", |(reason, _excerpt)| reason)
}

#[cfg(test)]
mod tests {
    use super::LibvirtError;

    #[test]
    fn libvirts_messages_lose_excerpts_and_the_secrets_of_uris() {
        let message = "(domain_definition):2: tag mismatch\n<graphics passwd='pw'>\n-----^";
        let mut error = LibvirtError::found_here(LibvirtError::INTERNAL_ERROR, message);
        error.strings = [Some("cannot reach %s".into()), Some("tcp://u:pw@h/".into()), None];
        let masked = error.masked();
        assert_eq!(masked.message, "(domain_definition):2: tag mismatch");
        assert_eq!(masked.strings, [Some("cannot reach %s".into()), Some("tcp://h/".into()), None]);
        for message in ["two\nlines", "points nowhere ^", "a\nb -^", ""] {
            assert_eq!(
                LibvirtError::found_here(LibvirtError::INTERNAL_ERROR, message).masked().message,
                message
            );
        }
    }
}
