//! Where a guest is, by name.

use std::fmt;

/// Where the guest is after a migration ended, one way or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum GuestLocation {
    SourceRunning,
    SourcePaused,
    DestinationRunning,
    DestinationPaused,
    BothPaused,
    BothRunning,
    PostCopyBroken,
    /// It runs at neither host, by the word of both, and ended at the source or never ran elsewhere.
    SourceShutOff,
    /// It runs at neither host, by the word of both, and the destination has its definition.
    DestinationShutOff,
    /// It runs at neither host, by the word of both, which both have a definition of it.
    BothShutOff,
    /// Neither host knows it any more.
    Absent,
    Unknown,
}

impl GuestLocation {
    /// At the source, running or paused.
    pub const fn is_at_source(self) -> bool {
        matches!(self, Self::SourceRunning | Self::SourcePaused)
    }

    /// At the destination, running or paused.
    pub const fn is_at_destination(self) -> bool {
        matches!(self, Self::DestinationRunning | Self::DestinationPaused)
    }

    /// It runs at neither host, by the word of both.
    pub const fn is_shut_off(self) -> bool {
        matches!(self, Self::SourceShutOff | Self::DestinationShutOff | Self::BothShutOff | Self::Absent)
    }

    /// All of them.
    const ALL: [Self; 12] = [
        Self::SourceRunning,
        Self::SourcePaused,
        Self::DestinationRunning,
        Self::DestinationPaused,
        Self::BothPaused,
        Self::BothRunning,
        Self::PostCopyBroken,
        Self::SourceShutOff,
        Self::DestinationShutOff,
        Self::BothShutOff,
        Self::Absent,
        Self::Unknown,
    ];

    /// The place with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.name() == name)
    }

    /// The name at the Python surface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SourceRunning => "source-running",
            Self::SourcePaused => "source-paused",
            Self::DestinationRunning => "destination-running",
            Self::DestinationPaused => "destination-paused",
            Self::BothPaused => "both-paused",
            Self::BothRunning => "both-running",
            Self::PostCopyBroken => "post-copy-broken",
            Self::SourceShutOff => "source-shut-off",
            Self::DestinationShutOff => "destination-shut-off",
            Self::BothShutOff => "both-shut-off",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for GuestLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
