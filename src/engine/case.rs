//! What is known of a migration from its beginning.

use std::time::Duration;

use crate::domain::GuestFacts;
use crate::flags::MigrateFlags;

/// A migration, as it is asked for or found.
#[derive(Debug, Clone)]
pub struct Case {
    /// The guest, as it was before.
    pub guest: GuestFacts,
    /// The destination's daemon is known, so that it can be asked.
    pub destination: bool,
    /// The flags that it runs with.
    pub flags: MigrateFlags,
    /// How much of it is the engine's.
    pub scope: Scope,
    /// It is sent paused, and goes on at the destination once the source is known to have given it up: then, and only
    /// then, the engine has it go on.
    pub exclusive: bool,
}

/// Beside a call of somebody else's: how long it may take to return once libvirt's statistics say that the job has
/// ended, before both hosts are asked. It takes one or two seconds: the source ends its QEMU meanwhile.
pub const CONFIRM_FOR: Duration = Duration::from_secs(60);

/// How much of a migration is the engine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Whole,
    /// The call and what follows from its end: nobody watches or steers.
    Call,
    /// Watching and steering beside a call that somebody else makes and reports.
    Beside {
        /// How long the call may take to return once the job is over ([`CONFIRM_FOR`]).
        confirm_for: Duration,
    },
}

impl Scope {
    /// Whether the call is somebody else's.
    pub const fn is_beside(self) -> bool {
        matches!(self, Self::Beside { .. })
    }
}

impl Case {
    /// Whether the guest stood still before it was migrated.
    pub fn was_paused(&self) -> bool {
        // One that stands still for a migration that was found running, or for a post-copy that broke, goes on with it.
        self.guest.state.is_some_and(|state| {
            state.is_paused()
                && !state.is_migrating()
                && !state.is_post_copy()
                && !state.is_post_copy_failed()
        })
    }

    /// Whether it can be switched to post-copy.
    pub fn allows_post_copy(&self) -> bool {
        self.flags.contains(MigrateFlags::POSTCOPY) && !self.was_paused()
    }

    /// The guest's name for messages.
    pub fn name(&self) -> &str {
        self.guest.name.as_deref().unwrap_or("the guest")
    }
}
