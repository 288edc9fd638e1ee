//! How far a migration is, for people and programs.

use std::time::Duration;

use crate::policy::Sample;

/// Where a migration is. In the order in which it goes on; post-copy comes with its switchover first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Phase {
    /// The two hosts prepare.
    #[default]
    Setup,
    /// Disks are copied; memory has not begun.
    Disks,
    /// Memory is moved, the guest runs at the source.
    Memory,
    /// The guest stands still while the last of it is moved.
    Switchover,
    /// The guest runs at the destination and fetches the rest of its memory.
    PostCopy,
    /// The guest runs at the destination; the hosts clean up.
    Finishing,
}

impl Phase {
    /// The name: `setup`, `disks`, `memory`, `switchover`, `post-copy` or `finishing`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Disks => "disks",
            Self::Memory => "memory",
            Self::Switchover => "switchover",
            Self::PostCopy => "post-copy",
            Self::Finishing => "finishing",
        }
    }
}

/// How far a migration is. Sizes are bytes, rates bytes/s.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// Where it is.
    pub phase: Phase,
    /// Since its start.
    pub elapsed: Duration,
    /// Memory of the guest; 0 while unknown.
    pub memory_total: u64,
    /// Memory moved; more than the total once pages are sent again.
    pub memory_processed: u64,
    /// Memory that is known to be left.
    pub memory_remaining: u64,
    /// Disks to copy.
    pub disk_total: u64,
    /// Disks copied.
    pub disk_processed: u64,
    /// Disks left.
    pub disk_remaining: u64,
    /// Passes over the memory, the current one counted; 0 before the first.
    pub iteration: u64,
    /// How fast memory is moved (disks in their phase), smoothed; `None` while unknown.
    pub throughput: Option<f64>,
    /// How fast the guest dirties memory; `None` while unknown.
    pub dirty_rate: Option<f64>,
    /// The pause that the guest would see now; `None` while unknown.
    pub expected_downtime: Option<Duration>,
    /// Until the end; `None` while unknown, and for a guest that will not converge like this.
    pub expected_time_left: Option<Duration>,
    /// How much the guest is slowed down, %.
    pub throttle: u8,
    /// The part that is done, 0 to 1. Never goes back. 1 means that the guest runs at the destination with
    /// all its memory.
    pub fraction: f64,
}

/// Turns samples into [`Progress`] that does not go back.
#[derive(Debug, Clone, Default)]
pub struct ProgressTracker {
    memory: u64,
    last: Progress,
}

impl ProgressTracker {
    /// A tracker for a guest with this much memory (bytes), where that is known before libvirt tells it.
    pub fn new(memory: Option<u64>) -> Self {
        Self { memory: memory.unwrap_or(0), last: Progress::default() }
    }

    /// The progress at this sample. Samples come in the order of `elapsed`; an older one changes nothing.
    pub fn observe(&mut self, sample: &Sample) -> Progress {
        let _ = (sample, self.memory);
        todo!()
    }

    /// The last progress.
    pub fn last(&self) -> Progress {
        self.last
    }
}
