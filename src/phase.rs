//! Where a migration is, by name.

/// Where a migration is. In the order in which it goes on; post-copy comes with its switchover first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
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
