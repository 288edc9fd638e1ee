//! `VIR_DOMAIN_*`: flags of single calls.

/// For `virDomainAbortJobFlags`: also a job in post-copy.
pub const ABORT_JOB_POSTCOPY: u32 = 1;
/// For `virDomainMigrateSetMaxSpeed`: the limit in post-copy.
pub const MIGRATE_MAX_SPEED_POSTCOPY: u32 = 1;
