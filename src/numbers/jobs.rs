//! `VIR_DOMAIN_JOB_*`: the types of a job (`virDomainJobType`), what it does (`virDomainJobOperation`), and how its
//! statistics are asked for (`virDomainGetJobStatsFlags`).

/// No job.
pub const NONE: i64 = 0;
/// A job with a known end.
pub const BOUNDED: i64 = 1;
/// A job whose end is not known; a migration is one.
pub const UNBOUNDED: i64 = 2;
/// A job that has succeeded.
pub const COMPLETED: i64 = 3;
/// A job that has failed.
pub const FAILED: i64 = 4;
/// A job that was aborted.
pub const CANCELLED: i64 = 5;

/// It takes a guest in.
pub const OPERATION_MIGRATION_IN: i64 = 4;
/// It moves a guest away.
pub const OPERATION_MIGRATION_OUT: i64 = 5;

/// Those of the last job that is over.
pub const STATS_COMPLETED: u32 = 1;
/// The same, and libvirt keeps them.
pub const STATS_KEEP_COMPLETED: u32 = 2;
