//! What connects the parties.

use super::{Step, Time};

/// See the module. A connection that is cut carries nothing; one that is reset is gone at once, and is made anew.
#[derive(Debug, Default)]
pub struct Links {
    /// The caller and each host.
    pub caller_cut: [bool; 2],
    /// The two daemons.
    pub daemons_cut: bool,
    /// Counts how often the daemons could not hear each other.
    pub cuts: u64,
    /// The two QEMUs.
    pub data_cut: bool,
    /// Since when the two QEMUs' connection is cut.
    pub since: Time,
    /// How much slower than usual the QEMUs' connection is.
    pub slow: f64,
    /// What the daemons have told each other meanwhile.
    pub control_parked: Vec<Step>,
    /// What the QEMUs will do once they hear each other again.
    pub parked: Vec<Step>,
}

impl Links {
    /// Since when nothing moves.
    pub fn still_since(&self) -> Option<Time> {
        self.data_cut.then_some(self.since)
    }
}
