//! What a domain does, as libvirt reports it.

/// `virDomainState` and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DomainState {
    /// libvirt's number of the state.
    pub code: i32,
    /// libvirt's number of the reason; what it means depends on the state.
    pub reason: i32,
}

const RUNNING: i32 = 1;
const BLOCKED: i32 = 2;
const PAUSED: i32 = 3;
const SHUTDOWN: i32 = 4;
const SHUT_OFF: i32 = 5;
const CRASHED: i32 = 6;
const PM_SUSPENDED: i32 = 7;

/// The reasons of each state, by libvirt's numbers.
const REASONS: [(i32, &[&str]); 8] = [
    (0, &["unknown"]),
    (
        RUNNING,
        &[
            "unknown",
            "booted",
            "migrated",
            "restored",
            "from snapshot",
            "unpaused",
            "migration canceled",
            "save canceled",
            "wakeup",
            "crashed",
            "post-copy",
            "post-copy failed",
        ],
    ),
    (BLOCKED, &["unknown"]),
    (
        PAUSED,
        &[
            "unknown",
            "user",
            "migration",
            "save",
            "dump",
            "I/O error",
            "watchdog",
            "from snapshot",
            "shutting down",
            "snapshot",
            "crashed",
            "starting up",
            "post-copy",
            "post-copy failed",
        ],
    ),
    (SHUTDOWN, &["unknown", "user"]),
    (
        SHUT_OFF,
        &[
            "unknown",
            "shutdown",
            "destroyed",
            "crashed",
            "migrated",
            "saved",
            "failed",
            "from snapshot",
            "daemon",
        ],
    ),
    (CRASHED, &["unknown", "panicked"]),
    (PM_SUSPENDED, &["unknown"]),
];

impl DomainState {
    /// A state that libvirt reported.
    pub const fn new(code: i32, reason: i32) -> Self {
        Self { code, reason }
    }

    /// The state in words.
    pub const fn name(self) -> &'static str {
        match self.code {
            0 => "no state",
            RUNNING => "running",
            BLOCKED => "blocked",
            PAUSED => "paused",
            SHUTDOWN => "in shutdown",
            SHUT_OFF => "shut off",
            CRASHED => "crashed",
            PM_SUSPENDED => "suspended by its power management",
            _ => "unknown",
        }
    }

    /// The reason in words.
    pub fn reason_name(self) -> &'static str {
        REASONS
            .iter()
            .find(|(code, _)| *code == self.code)
            .and_then(|(_, names)| names.get(usize::try_from(self.reason).ok()?))
            .copied()
            .unwrap_or("unknown")
    }

    /// Whether there is no guest to move but a definition.
    pub const fn is_shut_off(self) -> bool {
        self.code == SHUT_OFF
    }

    /// Whether the guest's processors run.
    pub const fn is_running(self) -> bool {
        matches!(self.code, RUNNING | BLOCKED)
    }

    /// Whether the guest is there but stands still.
    pub const fn is_paused(self) -> bool {
        matches!(self.code, PAUSED | PM_SUSPENDED)
    }

    /// Whether this side is in the middle of a healthy post-copy: paused [3, 12] or running [1, 10].
    pub const fn is_post_copy(self) -> bool {
        matches!((self.code, self.reason), (PAUSED, 12) | (RUNNING, 10))
    }

    /// Whether this side says that a post-copy broke: paused [3, 13] or running [1, 11].
    pub const fn is_post_copy_failed(self) -> bool {
        matches!((self.code, self.reason), (PAUSED, 13) | (RUNNING, 11))
    }

    /// Whether this side is paused for a migration: [3, 2].
    pub const fn is_migrating(self) -> bool {
        matches!((self.code, self.reason), (PAUSED, 2))
    }

    /// Whether this side goes on after a migration that libvirt counts as failed: [1, 6].
    pub const fn goes_on_after_failure(self) -> bool {
        matches!((self.code, self.reason), (RUNNING, 6))
    }

    /// Whether this may be the paused copy that a destination has before the guest runs there: [3, 2] or starting
    /// up [3, 11]. A source that is paused for a migration has the first one too.
    pub const fn is_arriving(self) -> bool {
        matches!((self.code, self.reason), (PAUSED, 2 | 11))
    }

    /// Whether this side is shut off since its guest has moved: [5, 4].
    pub const fn has_migrated(self) -> bool {
        matches!((self.code, self.reason), (SHUT_OFF, 4))
    }
}
