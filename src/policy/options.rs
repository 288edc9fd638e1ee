//! Nova's options for convergence.

use super::OnDeadline;
use super::intent::{LONGEST_DEADLINE, LONGEST_PAUSE};
use crate::{Error, Result};

/// Nova's options `live_migration_*`, with Nova's defaults, not checked yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScheduleOptions {
    /// `live_migration_downtime`: the last step, s (Nova's is ms); at least 0.1.
    pub max_downtime: f64,
    /// `live_migration_downtime_steps`: at least 3.
    pub steps: u32,
    /// `live_migration_downtime_delay`: between two steps, s per GiB of data; at least 3.
    pub delay: u64,
    /// `live_migration_completion_timeout`: s per GiB of data; 0 is none.
    pub completion_timeout: u64,
    /// `live_migration_timeout_action`: `abort` or `force_complete`.
    pub timeout_action: OnDeadline,
    /// Whether `force_complete` may use post-copy (`live_migration_permit_post_copy`).
    pub post_copy: bool,
    /// Nova's count of the data, GiB: [`ScheduleOptions::data_gb`]. `None` takes it from the first sample
    /// that has one, which counts a little more than Nova: video memory is memory as well.
    pub data_gb: Option<f64>,
}

impl Default for ScheduleOptions {
    fn default() -> Self {
        Self {
            max_downtime: 0.5,
            steps: 10,
            delay: 75,
            completion_timeout: 800,
            timeout_action: OnDeadline::Abort,
            post_copy: false,
            data_gb: None,
        }
    }
}

impl ScheduleOptions {
    /// Nova's count of the data to move, GiB: the memory and each disk (bytes), each counted as 2 at least.
    pub fn data_gb(memory: u64, disks: impl IntoIterator<Item = u64>) -> f64 {
        const GIB: f64 = (1u64 << 30) as f64;
        let counted = |bytes: u64| (bytes as f64 / GIB).max(2.0);
        // Nova adds the disks up first; the order decides the last bit of the sum.
        counted(memory) + disks.into_iter().map(counted).fold(0.0, |sum, disk| sum + disk)
    }

    /// Refuses what Nova's own configuration refuses, and absurd numbers.
    pub(super) fn check(&self) -> Result<()> {
        if !(0.1..=LONGEST_PAUSE).contains(&self.max_downtime) {
            let reason = format!("{} s is not between 0.1 and {LONGEST_PAUSE}", self.max_downtime);
            return Err(Error::parameter("max_downtime", reason));
        }
        // Nova has no upper bounds; these keep the list of steps and its times in reason.
        bounds("steps", self.steps.into(), 3, 10_000, "steps")?;
        bounds("delay", self.delay, 3, LONGEST_DEADLINE as u64, "s per GiB")?;
        bounds("completion_timeout", self.completion_timeout, 0, LONGEST_DEADLINE as u64, "s per GiB")?;
        if let Some(data) = self.data_gb
            && !(data > 0.0 && data <= 1e9)
        {
            return Err(Error::parameter("data_gb", format!("{data} is not a number of GiB above 0")));
        }
        Ok(())
    }
}

fn bounds(name: &str, value: u64, least: u64, most: u64, unit: &str) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::parameter(name, format!("{value} {unit} is not between {least} and {most}")))
}
