//! What a retargeting names and a definition does not have.
//!
//! That is an error for one definition alone. Of the two of a guest, the live one and the persistent one, it may be in the
//! other: a disk that was plugged in while the guest runs is in one of them only.

use std::collections::HashSet;

use crate::domain_xml::XmlError;
use crate::domain_xml::element::Element;

/// What is missing, each with the error that says so, in the order of the steps.
pub(in crate::domain_xml) struct Missing {
    found: Vec<(String, XmlError)>,
    is_allowed: bool,
}

impl Missing {
    /// For one definition alone: the first thing that is missing is an error at once.
    pub fn is_an_error() -> Self {
        Self { found: Vec::new(), is_allowed: false }
    }

    /// For one of two.
    pub fn may_be_elsewhere() -> Self {
        Self { found: Vec::new(), is_allowed: true }
    }

    /// `what` is the same text for the same thing in each definition.
    pub fn add(&mut self, place: Element<'_>, what: String) -> Result<(), XmlError> {
        let error = place.error(what.as_str());
        if !self.is_allowed {
            return Err(error);
        }
        self.found.push((what, error));
        Ok(())
    }

    /// The first thing that is missing here and there.
    pub fn first_of_both(self, other: &Self) -> Option<XmlError> {
        let there: HashSet<&str> = other.found.iter().map(|(what, _)| what.as_str()).collect();
        self.found.into_iter().find(|(what, _)| there.contains(what.as_str())).map(|(_, error)| error)
    }
}
