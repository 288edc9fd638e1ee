//! What was done to a migration, when, why, and with what result.

use std::fmt;
use std::time::Duration;

use crate::action::Action;

/// Something done to a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// What the policy or the user asked for.
    Take(Action),
    /// The bandwidth was limited, MiB/s; 0 is unlimited.
    SetBandwidth(u64),
    /// Post-copy was asked for and is left out.
    DropPostCopy,
    /// Memory goes over so many connections, compressed with zstd.
    Compress(u8),
    /// What was chosen for memory was refused, and it travels as the caller has it.
    GoPlain,
    /// A guest that was paused for a migration that failed goes on.
    Resume,
    /// A guest that was sent paused goes on at the destination.
    ResumeDestination,
    /// An error of libvirt's call is not one: the guest is at the destination.
    TrustDestination,
    /// The connection to the source broke, and the migration was followed over another one.
    Reconnect,
    /// The destination was told whether to start the guest by itself, as the source did.
    SetAutostart(bool),
    /// So many of the guest's checkpoints were defined at the destination.
    RedefineCheckpoints(usize),
    /// Both hosts were asked, since nothing was heard of the migration for long. What they said is the reason.
    Look,
    /// The source was paused, since the guest ran at both hosts, or since libvirt waits for a guest to stop that goes on
    /// there although nothing is moved any more. Which, the reason says.
    PauseSource,
    /// QEMU hung in an abort, and was told to finish it.
    FinishAbort,
    /// A post-copy that one side takes for healthy was stopped.
    Release,
    /// A post-copy that broke was gone on with.
    ResumePostCopy,
    /// What was left at the destination was ended there.
    RemoveDestination,
    /// What was left at the source was ended there.
    RemoveSource,
    /// The definition that was left at the source was removed there.
    UndefineSource,
    /// The definition that was left at the destination was removed there.
    UndefineDestination,
}

impl Act {
    /// A name for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Take(action) => action.name(),
            Self::SetBandwidth(_) => "set-bandwidth",
            Self::DropPostCopy => "drop-post-copy",
            Self::Compress(_) => "compress",
            Self::GoPlain => "go-plain",
            Self::Resume => "resume",
            Self::ResumeDestination => "resume-destination",
            Self::TrustDestination => "trust-destination",
            Self::Reconnect => "reconnect",
            Self::Look => "look",
            Self::SetAutostart(_) => "set-autostart",
            Self::RedefineCheckpoints(_) => "redefine-checkpoints",
            Self::PauseSource => "pause-source",
            Self::FinishAbort => "finish-abort",
            Self::Release => "release",
            Self::ResumePostCopy => "resume-post-copy",
            Self::RemoveDestination => "remove-destination",
            Self::RemoveSource => "remove-source",
            Self::UndefineSource => "undefine-source",
            Self::UndefineDestination => "undefine-destination",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Take(action) => action.fmt(f),
            Self::SetBandwidth(0) => f.write_str("lift the limit on the bandwidth"),
            Self::SetBandwidth(mib) => write!(f, "limit the bandwidth to {mib} MiB/s"),
            Self::DropPostCopy => f.write_str("go without post-copy"),
            Self::Compress(connections) => {
                write!(f, "send memory compressed with zstd, over {connections} connections")
            }
            Self::GoPlain => f.write_str("send memory as it is, over one connection"),
            Self::Resume => f.write_str("have the guest go on"),
            Self::ResumeDestination => f.write_str("have the guest go on at the destination"),
            Self::TrustDestination => f.write_str("count the migration as done"),
            Self::Reconnect => f.write_str("connect to the source again"),
            Self::Look => f.write_str("ask both hosts"),
            Self::SetAutostart(true) => f.write_str("have the destination start the guest by itself"),
            Self::SetAutostart(false) => {
                f.write_str("keep the destination from starting the guest by itself")
            }
            Self::RedefineCheckpoints(count) => {
                write!(
                    f,
                    "define {count} checkpoint{} at the destination",
                    if *count == 1 { "" } else { "s" }
                )
            }
            Self::PauseSource => f.write_str("pause the guest at the source"),
            Self::FinishAbort => f.write_str("have QEMU finish the abort"),
            Self::Release => f.write_str("stop the post-copy that hangs"),
            Self::ResumePostCopy => f.write_str("go on with the post-copy that broke"),
            Self::RemoveDestination => f.write_str("end the unfinished copy at the destination"),
            Self::RemoveSource => f.write_str("end what is left at the source"),
            Self::UndefineSource => f.write_str("remove the definition that is left at the source"),
            Self::UndefineDestination => f.write_str("remove the definition that is left at the destination"),
        }
    }
}

/// One entry of a migration's record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Since the start of the migration.
    pub at: Duration,
    /// What was done, or tried.
    pub act: Act,
    /// Why: one sentence.
    pub reason: String,
    /// Why it could not be done; `None` where it was.
    pub error: Option<String>,
}

impl Step {
    /// Whether this is the same failure once more.
    pub(crate) fn repeats(&self, earlier: &Self) -> bool {
        self.error.is_some() && (&self.act, &self.error) == (&earlier.act, &earlier.error)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.act, self.reason)?;
        match &self.error {
            Some(error) => write!(f, " (failed: {error})"),
            None => Ok(()),
        }
    }
}
