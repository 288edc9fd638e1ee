//! How a migration ended.

use std::time::Duration;

use super::step::Step;
use crate::job::JobInfo;
use crate::location::GuestLocation;
use crate::progress::Progress;

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

impl Outcome {
    /// The outcome from the job's last statistics, and where there are none from the last progress.
    pub(crate) fn new(
        total_time: Duration,
        job: Option<&JobInfo>,
        progress: &Progress,
        decisions: Vec<Step>,
        guest_location: GuestLocation,
    ) -> Self {
        let seen = progress.memory_processed + progress.disk_processed;
        let told = job.and_then(|job| {
            job.data_processed
                .or_else(|| Some(job.memory_processed? + job.disk_processed.unwrap_or_default()))
        });
        Self {
            total_time,
            downtime: job.and_then(|job| job.downtime).map(Duration::from_millis),
            iterations: job.and_then(|job| job.memory_iteration).unwrap_or(0).max(progress.iteration),
            bytes: told.unwrap_or(seen),
            decisions,
            guest_location,
            left_behind: Vec::new(),
        }
    }
}
