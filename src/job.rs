//! The statistics of a job as libvirt counts them.

use std::collections::BTreeMap;

use crate::numbers::jobs;

/// A typed value as libvirt hands it out.
#[derive(Debug, Clone, PartialEq)]
pub enum StatValue {
    /// `int` and `long long`.
    Int(i64),
    /// `unsigned int` and `unsigned long long`.
    UInt(u64),
    /// `double`.
    Double(f64),
    /// `boolean`.
    Bool(bool),
    /// `string`.
    String(String),
}

impl StatValue {
    fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Int(number) => u64::try_from(*number).ok(),
            Self::UInt(number) => Some(*number),
            _ => None,
        }
    }

    /// A time; [`as_u64`](Self::as_u64) under the name that tells Python which statistics are times.
    fn as_milliseconds(&self) -> Option<u64> {
        self.as_u64()
    }

    fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::UInt(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            // Some bindings hand booleans out as numbers.
            Self::Int(0) | Self::UInt(0) => Some(false),
            Self::Int(1) | Self::UInt(1) => Some(true),
            _ => None,
        }
    }

    fn as_text(&self) -> Option<String> {
        match self {
            Self::String(text) => Some(text.clone()),
            _ => None,
        }
    }
}

/// Calls `$callback!` with every statistic: name, Rust type, conversion, and what it counts.
///
/// The names are libvirt's own, lower-cased, and so are the units: times are milliseconds, sizes bytes.
macro_rules! for_each_job_statistic {
    ($callback:ident) => {
        $callback! {
            time_elapsed: u64, as_milliseconds, "Since the start.";
            time_remaining: u64, as_milliseconds, "Until the end of a bounded job.";
            downtime: u64, as_milliseconds, "The pause: expected while it runs, measured once it is over.";
            data_total: u64, as_u64, "Memory and disks, bytes.";
            data_processed: u64, as_u64, "Memory and disks moved, bytes.";
            data_remaining: u64, as_u64, "Memory and disks left, bytes.";
            memory_total: u64, as_u64, "Memory, bytes.";
            memory_processed: u64, as_u64, "Memory moved, bytes.";
            memory_remaining: u64, as_u64, "Memory left, bytes.";
            memory_constant: u64, as_u64, "Pages that needed no sending, since they were of one byte.";
            memory_normal: u64, as_u64, "Pages sent whole.";
            memory_normal_bytes: u64, as_u64, "Pages sent whole, bytes.";
            disk_total: u64, as_u64, "Disks, bytes.";
            disk_processed: u64, as_u64, "Disks moved, bytes.";
            disk_remaining: u64, as_u64, "Disks left, bytes.";
            compression_cache: u64, as_u64, "Size of the XBZRLE cache, bytes.";
            compression_bytes: u64, as_u64, "Compressed data sent, bytes.";
            compression_pages: u64, as_u64, "Compressed pages sent.";
            compression_cache_misses: u64, as_u64, "Pages that the XBZRLE cache did not have.";
            compression_overflow: u64, as_u64, "Pages that compression would have made larger.";
            setup_time: u64, as_milliseconds, "Before the first byte was sent.";
            memory_bps: u64, as_u64, "Speed of memory, bytes/s.";
            disk_bps: u64, as_u64, "Speed of disks, bytes/s.";
            time_elapsed_net: u64, as_milliseconds, "Since the start, without the two hosts' clock difference.";
            downtime_net: u64, as_milliseconds, "The pause, without the two hosts' clock difference.";
            memory_dirty_rate: u64, as_u64, "Memory that the guest dirties, pages/s.";
            memory_iteration: u64, as_u64, "Passes over the memory so far.";
            auto_converge_throttle: i64, as_i64, "How much the guest is slowed down, %.";
            operation: i64, as_i64, "What the job does: 4 is an incoming, 5 an outgoing migration.";
            memory_page_size: u64, as_u64, "Size of a page, bytes.";
            memory_postcopy_requests: u64, as_u64, "Pages that the destination asked for in post-copy.";
            success: bool, as_bool, "Whether a job that is over succeeded.";
            disk_temp_used: u64, as_u64, "Temporary disk space in use, bytes.";
            disk_temp_total: u64, as_u64, "Temporary disk space, bytes.";
            errmsg: String, as_text, "What went wrong in a job that is over.";
            vfio_data_transferred: u64, as_u64, "State of VFIO devices moved, bytes.";
        }
    };
}

macro_rules! job_info {
    ($($name:ident: $type:ty, $convert:ident, $doc:literal;)+) => {
        /// What libvirt tells of a domain's job, in its units: times are milliseconds. A statistic that it does not tell
        /// is `None`.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct JobInfo {
            /// What kind of job there is, and whether it is over.
            pub kind: JobType,
            $(#[doc = $doc] pub $name: Option<$type>,)+
            /// Statistics that this project does not know, or of a type that it does not expect.
            pub extra: BTreeMap<String, StatValue>,
        }

        impl JobInfo {
            /// libvirt's names of the known statistics.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// Stores one statistic under libvirt's name.
            pub fn set(&mut self, name: &str, value: StatValue) {
                match name {
                    $(stringify!($name) if value.$convert().is_some() => self.$name = value.$convert(),)+
                    other => { self.extra.insert(other.to_owned(), value); }
                }
            }
        }
    };
}

for_each_job_statistic!(job_info);
#[cfg(feature = "python")]
pub(crate) use for_each_job_statistic;

/// `virDomainJobType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum JobType {
    /// No job.
    #[default]
    None,
    /// A job with a known end.
    Bounded,
    /// A job whose end is not known; a migration is one.
    Unbounded,
    /// A job that has succeeded.
    Completed,
    /// A job that has failed.
    Failed,
    /// A job that was aborted.
    Cancelled,
    /// A number that libvirt 12.8.0 does not have.
    Unknown(i64),
}

impl JobType {
    /// Whether the job runs.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Bounded | Self::Unbounded)
    }

    /// The type from libvirt's number.
    pub const fn from_number(number: i64) -> Self {
        match number {
            jobs::NONE => Self::None,
            jobs::BOUNDED => Self::Bounded,
            jobs::UNBOUNDED => Self::Unbounded,
            jobs::COMPLETED => Self::Completed,
            jobs::FAILED => Self::Failed,
            jobs::CANCELLED => Self::Cancelled,
            other => Self::Unknown(other),
        }
    }

    /// libvirt's number.
    pub const fn number(self) -> i64 {
        match self {
            Self::None => jobs::NONE,
            Self::Bounded => jobs::BOUNDED,
            Self::Unbounded => jobs::UNBOUNDED,
            Self::Completed => jobs::COMPLETED,
            Self::Failed => jobs::FAILED,
            Self::Cancelled => jobs::CANCELLED,
            Self::Unknown(number) => number,
        }
    }

    /// The name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bounded => "bounded",
            Self::Unbounded => "unbounded",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl JobInfo {
    /// Whether a job runs that moves the guest away from here, as far as libvirt says what it does.
    pub fn is_outgoing(&self) -> bool {
        self.kind.is_active()
            && self.operation.is_none_or(|operation| operation == jobs::OPERATION_MIGRATION_OUT)
    }

    /// Whether these statistics of a job that is over are those of one that moved the guest away from here, or tried to.
    pub fn is_last_outgoing(&self) -> bool {
        self.operation.is_none_or(|operation| operation == jobs::OPERATION_MIGRATION_OUT)
    }
}
