//! How a migration ended.

use std::time::Duration;

use super::step::Step;
use crate::place::GuestLocation;

/// How a migration ended, whether it moved the guest or not.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// From the start to the end of libvirt's call, which is later than the guest's arrival: the source ends
    /// its hypervisor process first.
    pub total_time: Duration,
    /// The pause that the guest saw, as QEMU measured it; `None` where nobody told.
    pub downtime: Option<Duration>,
    /// Passes over the memory.
    pub iterations: u64,
    /// Memory and disks sent, bytes.
    pub bytes: u64,
    /// What was decided and done, in order.
    pub decisions: Vec<Step>,
    /// Where the guest is.
    pub guest_location: GuestLocation,
    /// What belonged to the guest and did not come along, one sentence each.
    pub left_behind: Vec<String>,
}
