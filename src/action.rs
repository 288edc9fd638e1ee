//! What can be done to a migration that runs, what a policy asks for, and why.

use std::fmt;
use std::time::Duration;

/// How QEMU slows a guest down that dirties more than half of what is sent, twice in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Throttle {
    /// The first step, % of the guest's CPU time, 1-99 (`auto_converge.initial`).
    pub initial: u8,
    /// Each further step, %, 1-99 (`auto_converge.increment`).
    pub increment: u8,
}

/// One thing to do to a running migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Allow the guest to be paused this long at the end, in milliseconds
    /// (`virDomainMigrateSetMaxDowntime`).
    SetMaxDowntime(u64),
    /// Run the guest at the destination now and fetch its memory after (`virDomainMigrateStartPostCopy`).
    StartPostCopy,
    /// Pause the guest until it has moved (`virDomainSuspend`). Whoever does so resumes it if the migration
    /// fails.
    Pause,
    /// Give up (`virDomainAbortJob`). The guest goes on at the source.
    Abort,
    /// Abort the job and start it again with the guest throttled ([`Throttle::apply`] makes the parameters).
    ///
    /// libvirt takes auto-converge only when a migration starts, so this is the only way to throttle a guest
    /// after its dirty rate is known. The time goes on: `elapsed` counts from the first start.
    Restart(Throttle),
    /// Abort the job and start it again with memory compressed with zstd, over so many connections, where both hosts take
    /// that; they are asked first ([`Transport`](crate::transport::Transport)).
    ///
    /// QEMU takes either only when a migration starts. The time goes on, as with a throttled start.
    RestartCompressed(u8),
}

impl Action {
    /// A name for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SetMaxDowntime(_) => "set-max-downtime",
            Self::StartPostCopy => "start-post-copy",
            Self::Pause => "pause",
            Self::Abort => "abort",
            Self::Restart(_) => "restart",
            Self::RestartCompressed(_) => "restart-compressed",
        }
    }

    /// Whether the job is aborted and started again.
    pub const fn restarts(&self) -> bool {
        matches!(self, Self::Restart(_) | Self::RestartCompressed(_))
    }

    /// The pause that is allowed by [`Action::SetMaxDowntime`]; `None` for all else.
    pub const fn max_downtime(&self) -> Option<Duration> {
        match self {
            Self::SetMaxDowntime(milliseconds) => Some(Duration::from_millis(*milliseconds)),
            _ => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetMaxDowntime(ms) => write!(f, "allow a pause of {ms} ms"),
            Self::StartPostCopy => f.write_str("switch to post-copy"),
            Self::Pause => f.write_str("pause the guest until it has moved"),
            Self::Abort => f.write_str("abort"),
            Self::Restart(throttle) => write!(f, "start again with {throttle}"),
            Self::RestartCompressed(connections) => {
                write!(f, "start again with memory compressed with zstd, over {connections} connections")
            }
        }
    }
}

/// An action, when it was decided, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Since the start of the migration.
    pub at: Duration,
    /// What to do.
    pub action: Action,
    /// Why: one sentence with the figures, for people.
    pub reason: String,
}

impl Decision {
    /// One that was made at this time since the start.
    pub fn new(at: Duration, action: Action, reason: impl Into<String>) -> Self {
        Self { at, action, reason: reason.into() }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s: {}: {}", self.at.as_secs_f64(), self.action, self.reason)
    }
}

impl fmt::Display for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the guest throttled by {} %, then {} % more each time", self.initial, self.increment)
    }
}
