//! What a domain does, as libvirt reports it.

use std::fmt;

use crate::numbers::states::*;

/// `virDomainState` and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DomainState {
    /// libvirt's number of the state.
    pub code: i32,
    /// libvirt's number of the reason; what it means depends on the state.
    pub reason: i32,
}

impl fmt::Display for DomainState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.reason_name())
    }
}

impl DomainState {
    /// A state that libvirt reported.
    pub const fn new(code: i32, reason: i32) -> Self {
        Self { code, reason }
    }

    /// The state in words.
    pub const fn name(self) -> &'static str {
        match self.code {
            NOSTATE => "no state",
            RUNNING => "running",
            BLOCKED => "blocked",
            PAUSED => "paused",
            SHUTDOWN => "in shutdown",
            SHUTOFF => "shut off",
            CRASHED => "crashed",
            PMSUSPENDED => "suspended by its power management",
            _ => "unknown",
        }
    }

    /// The reason in words.
    pub const fn reason_name(self) -> &'static str {
        match self.code {
            RUNNING => running(self.reason),
            PAUSED => paused(self.reason),
            SHUTOFF => shut_off(self.reason),
            SHUTDOWN if self.reason == SHUTDOWN_USER => "user",
            CRASHED if self.reason == CRASHED_PANICKED => "panicked",
            _ => "unknown",
        }
    }

    /// Whether there is no guest to move but a definition.
    pub const fn is_shut_off(self) -> bool {
        self.code == SHUTOFF
    }

    /// Whether the guest's processors run.
    pub const fn is_running(self) -> bool {
        matches!(self.code, RUNNING | BLOCKED)
    }

    /// Whether the guest is there but stands still.
    pub const fn is_paused(self) -> bool {
        matches!(self.code, PAUSED | PMSUSPENDED)
    }

    /// Whether this side is in the middle of a healthy post-copy.
    pub const fn is_post_copy(self) -> bool {
        matches!((self.code, self.reason), (PAUSED, PAUSED_POSTCOPY) | (RUNNING, RUNNING_POSTCOPY))
    }

    /// Whether this side says that a post-copy broke.
    pub const fn is_post_copy_failed(self) -> bool {
        matches!(
            (self.code, self.reason),
            (PAUSED, PAUSED_POSTCOPY_FAILED) | (RUNNING, RUNNING_POSTCOPY_FAILED)
        )
    }

    /// Whether this side is paused for a migration.
    pub const fn is_migrating(self) -> bool {
        matches!((self.code, self.reason), (PAUSED, PAUSED_MIGRATION))
    }

    /// Whether this side goes on after a migration that libvirt counts as failed.
    pub const fn goes_on_after_failure(self) -> bool {
        matches!((self.code, self.reason), (RUNNING, RUNNING_MIGRATION_CANCELED))
    }

    /// Whether it goes on after it stood still, without libvirt having said so: QEMU, or somebody, has had it go on.
    pub const fn goes_on_by_itself(self) -> bool {
        matches!((self.code, self.reason), (RUNNING, RUNNING_UNPAUSED))
    }

    /// Whether this may be the paused copy that a destination has before the guest runs there: for a migration, as a
    /// source at the switchover too, or starting up.
    pub const fn is_arriving(self) -> bool {
        matches!((self.code, self.reason), (PAUSED, PAUSED_MIGRATION | PAUSED_STARTING_UP))
    }

    /// Whether this side is shut off since its guest shut itself down here.
    pub const fn has_shut_down(self) -> bool {
        matches!((self.code, self.reason), (SHUTOFF, SHUTOFF_SHUTDOWN))
    }

    /// Whether this side is shut off since its guest shut itself down, or was destroyed: its process did not just die.
    pub const fn was_ended(self) -> bool {
        matches!((self.code, self.reason), (SHUTOFF, SHUTOFF_SHUTDOWN | SHUTOFF_DESTROYED))
    }

    /// Whether this side is shut off since its guest has moved.
    pub const fn has_migrated(self) -> bool {
        matches!((self.code, self.reason), (SHUTOFF, SHUTOFF_MIGRATED))
    }
}

const fn running(reason: i32) -> &'static str {
    match reason {
        RUNNING_BOOTED => "booted",
        RUNNING_MIGRATED => "migrated",
        RUNNING_RESTORED => "restored",
        RUNNING_FROM_SNAPSHOT => "from snapshot",
        RUNNING_UNPAUSED => "unpaused",
        RUNNING_MIGRATION_CANCELED => "migration canceled",
        RUNNING_SAVE_CANCELED => "save canceled",
        RUNNING_WAKEUP => "wakeup",
        RUNNING_CRASHED => "crashed",
        RUNNING_POSTCOPY => "post-copy",
        RUNNING_POSTCOPY_FAILED => "post-copy failed",
        _ => "unknown",
    }
}

const fn paused(reason: i32) -> &'static str {
    match reason {
        PAUSED_USER => "user",
        PAUSED_MIGRATION => "migration",
        PAUSED_SAVE => "save",
        PAUSED_DUMP => "dump",
        PAUSED_IOERROR => "I/O error",
        PAUSED_WATCHDOG => "watchdog",
        PAUSED_FROM_SNAPSHOT => "from snapshot",
        PAUSED_SHUTTING_DOWN => "shutting down",
        PAUSED_SNAPSHOT => "snapshot",
        PAUSED_CRASHED => "crashed",
        PAUSED_STARTING_UP => "starting up",
        PAUSED_POSTCOPY => "post-copy",
        PAUSED_POSTCOPY_FAILED => "post-copy failed",
        _ => "unknown",
    }
}

const fn shut_off(reason: i32) -> &'static str {
    match reason {
        SHUTOFF_SHUTDOWN => "shutdown",
        SHUTOFF_DESTROYED => "destroyed",
        SHUTOFF_CRASHED => "crashed",
        SHUTOFF_MIGRATED => "migrated",
        SHUTOFF_SAVED => "saved",
        SHUTOFF_FAILED => "failed",
        SHUTOFF_FROM_SNAPSHOT => "from snapshot",
        SHUTOFF_DAEMON => "daemon",
        _ => "unknown",
    }
}
