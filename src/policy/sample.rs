//! What a policy may look at.

use std::time::Duration;

use crate::job::{JobInfo, JobType};
use crate::phase::Phase;

/// What is known about a migration besides libvirt's statistics: from events, and from what was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context {
    /// Post-copy has started (SUSPENDED_POSTCOPY, or `virDomainMigrateStartPostCopy` returned).
    pub post_copy: bool,
    /// The guest has been stopped at the source for the last part (SUSPENDED_MIGRATED).
    pub switchover: bool,
    /// The guest runs at the destination and the source is being cleaned up.
    pub finishing: bool,
    /// Somebody, a user or the policy, has forced it: the guest is paused or in post-copy until it is over.
    pub forced: bool,
    /// The downtime limit in force, ms; `None` where nobody set it, which means QEMU's 300 ms.
    pub downtime_limit_ms: Option<u64>,
}

/// One look at a migration. Sizes are bytes, rates bytes/s.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// Since the (first) start of the migration, by the caller's clock.
    pub elapsed: Duration,
    /// Whether libvirt reports a job that runs.
    pub active: bool,
    /// Where the migration is.
    pub phase: Phase,
    /// Passes over the memory, the current one counted; 0 before the first.
    pub iteration: u64,
    /// Memory of the guest; 0 while unknown.
    pub memory_total: u64,
    /// Memory moved so far; more than the total once pages are sent again.
    pub memory_processed: u64,
    /// Memory that is known to be left.
    pub memory_remaining: u64,
    /// Memory that was gone through and needed no sending, since its pages are of one byte: zero, mostly.
    pub memory_constant: u64,
    /// Disks to copy; 0 where there are none.
    pub disk_total: u64,
    /// Disks copied so far.
    pub disk_processed: u64,
    /// Disks left.
    pub disk_remaining: u64,
    /// How fast the guest dirties memory; `None` before QEMU has measured it, which takes a whole pass.
    pub dirty_rate: Option<f64>,
    /// How fast memory is moved; `None` before QEMU has measured it.
    pub throughput: Option<f64>,
    /// How fast disks are copied; `None` before it was measured.
    pub disk_throughput: Option<f64>,
    /// Size of a page.
    pub page_size: u64,
    /// How much the guest is slowed down, %.
    pub throttle: u8,
    /// The pause that QEMU expects; `None` before it has measured one.
    pub expected_downtime: Option<Duration>,
    /// The guest already runs at the destination and fetches its memory.
    pub post_copy: bool,
    /// It was forced: what is asked for at any price is not given up.
    pub forced: bool,
    /// The downtime limit in force, ms.
    pub downtime_limit_ms: u64,
}

/// QEMU's downtime limit where nobody set another, ms (`DEFAULT_MIGRATE_SET_DOWNTIME`).
pub const DEFAULT_DOWNTIME_MS: u64 = 300;

/// QEMU's page size on x86, for a libvirt that does not tell it.
const PAGE: u64 = 4096;

impl Sample {
    /// The sample in libvirt's statistics, `elapsed` after the start.
    ///
    /// A figure that libvirt does not have yet stays `None` or 0 and is never made up: QEMU reports a dirty
    /// rate of 0 and its own downtime limit as the expected pause until the second pass has begun.
    pub fn from_job(job: &JobInfo, elapsed: Duration, context: Context) -> Self {
        let iteration = job.memory_iteration.unwrap_or(0);
        let page_size = job.memory_page_size.filter(|size| *size > 0).unwrap_or(PAGE);
        let measured = |rate: Option<u64>| rate.filter(|rate| *rate > 0).map(|rate| rate as f64);
        let second_pass = iteration >= 2;
        let pages = measured(job.memory_dirty_rate);
        Self {
            elapsed,
            active: matches!(job.kind, JobType::Bounded | JobType::Unbounded),
            phase: phase(job, context),
            iteration,
            memory_total: job.memory_total.unwrap_or(0),
            memory_processed: job.memory_processed.unwrap_or(0),
            memory_remaining: job.memory_remaining.unwrap_or(0),
            memory_constant: job.memory_constant.unwrap_or(0).saturating_mul(page_size),
            disk_total: job.disk_total.unwrap_or(0),
            disk_processed: job.disk_processed.unwrap_or(0),
            disk_remaining: job.disk_remaining.unwrap_or(0),
            dirty_rate: pages.map(|pages| pages * page_size as f64),
            throughput: measured(job.memory_bps),
            disk_throughput: measured(job.disk_bps),
            page_size,
            throttle: job.auto_converge_throttle.unwrap_or(0).clamp(0, 99) as u8,
            expected_downtime: job.downtime.filter(|_| second_pass).map(Duration::from_millis),
            post_copy: context.post_copy,
            forced: context.forced,
            downtime_limit_ms: context.downtime_limit_ms.unwrap_or(DEFAULT_DOWNTIME_MS),
        }
    }

    /// The pause that sending the rest would take now; `None` while the throughput is unknown.
    pub fn pause(&self) -> Option<Duration> {
        let seconds = self.memory_remaining as f64 / self.throughput?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

fn phase(job: &JobInfo, context: Context) -> Phase {
    let some = |count: Option<u64>| count.is_some_and(|count| count > 0);
    // In the order in which a migration cannot go back.
    if context.finishing || job.kind == JobType::Completed {
        Phase::Finishing
    } else if context.post_copy {
        Phase::PostCopy
    } else if context.switchover {
        Phase::Switchover
    } else if some(job.memory_iteration) || some(job.memory_processed) {
        Phase::Memory
    } else if some(job.disk_remaining) || some(job.disk_processed) {
        Phase::Disks
    } else {
        Phase::Setup
    }
}
