//! `VIR_DOMAIN_EVENT_*`: the kinds of a lifecycle event (`virDomainEventType`), and the details of each kind.

/// The guest was paused.
pub const SUSPENDED: i32 = 3;
/// Paused by somebody.
pub const SUSPENDED_PAUSED: i32 = 0;
/// Paused for the last part of its migration.
pub const SUSPENDED_MIGRATED: i32 = 1;
/// Paused since it goes on at the destination, by post-copy.
pub const SUSPENDED_POSTCOPY: i32 = 7;
/// Paused since post-copy broke.
pub const SUSPENDED_POSTCOPY_FAILED: i32 = 8;
/// The guest goes on.
pub const RESUMED: i32 = 4;
/// Somebody has it go on.
pub const RESUMED_UNPAUSED: i32 = 0;
/// The guest is not there any more.
pub const STOPPED: i32 = 5;
/// Not there any more since it has moved.
pub const STOPPED_MIGRATED: i32 = 3;
