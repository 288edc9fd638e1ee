//! What a retargeting names and a definition does not have.
//!
//! That is an error for one definition alone. Of the two of a guest, the live one and the persistent one, it may be in the
//! other: a disk that was plugged in while the guest runs is in one of them only.

use crate::domain_xml::XmlError;
use crate::domain_xml::element::Element;

/// What is missing, each with the error that says so, in the order of the steps.
#[derive(Default)]
pub(in crate::domain_xml) struct Missing(Vec<(String, XmlError)>);

impl Missing {
    /// `what` is the same text for the same thing in each definition.
    pub fn add(&mut self, place: Element<'_>, what: String) {
        let error = place.error(what.as_str());
        self.0.push((what, error));
    }

    /// The first thing that is missing here.
    pub fn first(self) -> Option<XmlError> {
        self.0.into_iter().map(|(_, error)| error).next()
    }

    /// The first thing that is missing here and there.
    pub fn first_of_both(self, other: &Self) -> Option<XmlError> {
        let there: std::collections::HashSet<&str> = other.0.iter().map(|(what, _)| what.as_str()).collect();
        self.0.into_iter().find(|(what, _)| there.contains(what.as_str())).map(|(_, error)| error)
    }
}
