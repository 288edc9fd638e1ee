//! What hosts answer about a guest.

use crate::Result;
use crate::error::LibvirtError;
use crate::state::DomainState;

/// What one host answered about a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The guest's state there.
    State(DomainState),
    /// The host does not know the guest.
    Absent,
    /// The host was not or could not be asked.
    Unknown,
}

impl Answer {
    /// What a host's answer to the question for a guest's state says. An error says nothing, unless it is that the host
    /// does not know the guest.
    pub fn of(state: Result<DomainState>) -> Self {
        match state {
            Ok(state) => Self::State(state),
            Err(error) if error.libvirt_code() == Some(LibvirtError::NO_DOMAIN) => Self::Absent,
            Err(_) => Self::Unknown,
        }
    }

    /// Whether it is a copy that waits for a migration, or is being made.
    pub(crate) const fn is_arriving(self) -> bool {
        matches!(self, Self::State(state) if state.is_arriving())
    }
}

/// What the two hosts of a migration say of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// The source's answer.
    pub source: Answer,
    /// The destination's answer.
    pub destination: Answer,
}
