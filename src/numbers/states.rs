//! `VIR_DOMAIN_*`: the states of a domain (`virDomainState`), and the reasons of each state.

/// The hypervisor tells none.
pub const NOSTATE: i32 = 0;
/// Its processors run.
pub const RUNNING: i32 = 1;
/// It waits for something; its processors count as running.
pub const BLOCKED: i32 = 2;
/// It stands still.
pub const PAUSED: i32 = 3;
/// It is shutting down.
pub const SHUTDOWN: i32 = 4;
/// There is no guest but a definition.
pub const SHUTOFF: i32 = 5;
/// It has crashed.
pub const CRASHED: i32 = 6;
/// Suspended by its power management.
pub const PMSUSPENDED: i32 = 7;

/// Nobody knows why.
pub const RUNNING_UNKNOWN: i32 = 0;
/// It was started.
pub const RUNNING_BOOTED: i32 = 1;
/// It has come from another host.
pub const RUNNING_MIGRATED: i32 = 2;
/// From a saved guest.
pub const RUNNING_RESTORED: i32 = 3;
/// From a snapshot.
pub const RUNNING_FROM_SNAPSHOT: i32 = 4;
/// It was paused and goes on.
pub const RUNNING_UNPAUSED: i32 = 5;
/// Its migration has failed or was aborted.
pub const RUNNING_MIGRATION_CANCELED: i32 = 6;
/// Saving it has failed or was aborted.
pub const RUNNING_SAVE_CANCELED: i32 = 7;
/// It was woken up.
pub const RUNNING_WAKEUP: i32 = 8;
/// It has crashed and goes on.
pub const RUNNING_CRASHED: i32 = 9;
/// It has come by post-copy, and memory is still at the source.
pub const RUNNING_POSTCOPY: i32 = 10;
/// The same, and the post-copy broke.
pub const RUNNING_POSTCOPY_FAILED: i32 = 11;

/// Nobody knows why.
pub const PAUSED_UNKNOWN: i32 = 0;
/// Somebody has paused it.
pub const PAUSED_USER: i32 = 1;
/// For a migration: a source at the switchover, a destination before it.
pub const PAUSED_MIGRATION: i32 = 2;
/// It is being saved.
pub const PAUSED_SAVE: i32 = 3;
/// Its memory is being dumped.
pub const PAUSED_DUMP: i32 = 4;
/// An error of a disk.
pub const PAUSED_IOERROR: i32 = 5;
/// Its watchdog.
pub const PAUSED_WATCHDOG: i32 = 6;
/// From a snapshot of a paused guest.
pub const PAUSED_FROM_SNAPSHOT: i32 = 7;
/// It is shutting down.
pub const PAUSED_SHUTTING_DOWN: i32 = 8;
/// A snapshot is being made.
pub const PAUSED_SNAPSHOT: i32 = 9;
/// It has crashed.
pub const PAUSED_CRASHED: i32 = 10;
/// It is starting up.
pub const PAUSED_STARTING_UP: i32 = 11;
/// It runs at the destination, and memory is still here.
pub const PAUSED_POSTCOPY: i32 = 12;
/// The same, and the post-copy broke.
pub const PAUSED_POSTCOPY_FAILED: i32 = 13;

/// Nobody knows why.
pub const SHUTDOWN_UNKNOWN: i32 = 0;
/// On request.
pub const SHUTDOWN_USER: i32 = 1;

/// Nobody knows why.
pub const SHUTOFF_UNKNOWN: i32 = 0;
/// It was shut down.
pub const SHUTOFF_SHUTDOWN: i32 = 1;
/// It was ended at once.
pub const SHUTOFF_DESTROYED: i32 = 2;
/// It has crashed.
pub const SHUTOFF_CRASHED: i32 = 3;
/// It has moved to another host.
pub const SHUTOFF_MIGRATED: i32 = 4;
/// It was saved.
pub const SHUTOFF_SAVED: i32 = 5;
/// It could not be started.
pub const SHUTOFF_FAILED: i32 = 6;
/// From a snapshot of a guest that was shut off.
pub const SHUTOFF_FROM_SNAPSHOT: i32 = 7;
/// The daemon has ended it.
pub const SHUTOFF_DAEMON: i32 = 8;

/// Nobody knows why.
pub const CRASHED_UNKNOWN: i32 = 0;
/// Its kernel has told so.
pub const CRASHED_PANICKED: i32 = 1;
