//! Changes that are out, and for whom.

use std::time::Duration;

use super::order::Change;
use crate::error::LibvirtError;
use crate::numbers::errors;
use crate::policy::Decision;
use crate::record::{Act, Step};
use crate::{Error, Result};

/// A change that is being made.
#[derive(Debug, Clone)]
pub(super) struct Doing {
    pub at: Duration,
    pub change: Change,
    /// What the record calls it.
    pub act: Act,
    pub reason: String,
    pub who: Who,
}

/// For whom.
#[derive(Debug, Clone)]
pub(super) enum Who {
    /// The policy has decided it.
    Policy(Decision),
    /// A user waits for the answer.
    Wish(u64),
    /// Somebody has asked for it before it could be done.
    Earlier,
}

impl Doing {
    /// The record's entry for what came of it.
    pub fn step(&self, result: &Result<()>) -> Step {
        Step {
            at: self.at,
            act: self.act,
            reason: self.reason.clone(),
            error: result.as_ref().err().map(ToString::to_string),
        }
    }

    /// Whether the migration is started again after it.
    pub fn restarts(&self) -> bool {
        matches!(self.act, Act::Take(action) if action.restarts())
    }

    /// Whether it gets the migration over at any price.
    pub const fn is_force(&self) -> bool {
        matches!(self.change, Change::Pause | Change::StartPostCopy)
    }
}

/// What is known of a pause of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// There is none.
    Free,
    /// It is being made.
    Asked,
    /// It was made, or may have been: its answer was lost.
    Held,
}

/// Whether an error says that the change was not made. Of one whose answer was lost nobody knows.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(
        error.libvirt_code(),
        Some(
            errors::NO_DOMAIN
                | errors::OPERATION_INVALID
                | errors::OPERATION_FAILED
                | errors::NO_SUPPORT
                | errors::INTERNAL_ERROR
                | errors::INVALID_ARG
                | errors::OPERATION_UNSUPPORTED
                | errors::ACCESS_DENIED
        )
    )
}

/// Whether it says that the migration was aborted.
pub(super) fn is_cancelled(error: &Error) -> bool {
    error.libvirt_code() == Some(LibvirtError::OPERATION_ABORTED)
}

/// What a user wants is in the record with this reason.
pub(super) const ASKED_FOR: &str = "it was asked for";
