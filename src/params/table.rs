//! libvirt's migration parameters, but for the two definitions: name, type, range and first release.

use crate::flags::MigrateFlags;
use crate::version::LibvirtVersion;

/// libvirt's type of a parameter, and what it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A string that is not empty.
    String,
    /// A URI that QEMU connects or listens to.
    Uri,
    /// Disk targets, each of them once.
    Disks,
    /// Compression methods, each of them once.
    Methods,
    /// An `int` within these bounds.
    Int(i32, i32),
    /// An `unsigned long long` within these bounds.
    UnsignedLong(u64, u64),
}

/// libvirt multiplies MiB/s into bytes/s in a signed 64-bit number; more than this overflows there.
const MAX_MIB_PER_SECOND: u64 = i64::MAX as u64 / (1024 * 1024);

macro_rules! params {
    ($($variant:ident $name:literal $kind:expr, ($major:literal, $minor:literal, $release:literal), $flags:expr;)+) => {
        /// A parameter other than `destination_xml` and `persistent_xml`, which only
        /// [`Definition`](super::Definition) can give.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)]
        #[non_exhaustive]
        pub enum Param { $($variant),+ }

        impl Param {
            /// All of them, in the order of libvirt's manual.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// libvirt's name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it holds.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => $kind),+ }
            }

            /// The release of libvirt that brought it.
            pub const fn since(self) -> LibvirtVersion {
                match self { $(Self::$variant => LibvirtVersion::new($major, $minor, $release)),+ }
            }

            /// The flags of which libvirt wants one before it takes the parameter; empty where it wants none.
            pub const fn needs(self) -> MigrateFlags {
                match self { $(Self::$variant => $flags),+ }
            }
        }
    };
}

const NONE: MigrateFlags = MigrateFlags::empty();
const DISKS: MigrateFlags = MigrateFlags::NON_SHARED;
const COMPRESSED: MigrateFlags = MigrateFlags::COMPRESSED;
const CONVERGE: MigrateFlags = MigrateFlags::AUTO_CONVERGE;

// The ranges are QEMU's: percentages 1-99, channels and threads one byte, levels as each method has them.
params! {
    MigrateUri "migrate_uri" Kind::Uri, (1, 1, 0), NONE;
    DestinationName "destination_name" Kind::String, (1, 1, 0), NONE;
    Bandwidth "bandwidth" Kind::UnsignedLong(0, MAX_MIB_PER_SECOND), (1, 1, 0), NONE;
    BandwidthPostcopy "bandwidth.postcopy" Kind::UnsignedLong(0, MAX_MIB_PER_SECOND), (5, 1, 0), MigrateFlags::POSTCOPY;
    BandwidthAvailSwitchover "bandwidth.avail.switchover" Kind::UnsignedLong(0, i64::MAX as u64), (11, 1, 0), NONE;
    GraphicsUri "graphics_uri" Kind::Uri, (1, 1, 0), NONE;
    ListenAddress "listen_address" Kind::String, (1, 1, 4), NONE;
    MigrateDisks "migrate_disks" Kind::Disks, (1, 2, 17), DISKS;
    MigrateDisksDetectZeroes "migrate_disks_detect_zeroes" Kind::Disks, (10, 9, 0), DISKS;
    MigrateDisksTargetZero "migrate_disks_target_zero" Kind::Disks, (12, 2, 0), DISKS;
    DisksPort "disks_port" Kind::Int(0, 65535), (1, 3, 3), NONE;
    DisksUri "disks_uri" Kind::Uri, (6, 8, 0), NONE;
    Compression "compression" Kind::Methods, (1, 3, 4), COMPRESSED;
    CompressionMtLevel "compression.mt.level" Kind::Int(0, 9), (1, 3, 4), COMPRESSED;
    CompressionMtThreads "compression.mt.threads" Kind::Int(1, 255), (1, 3, 4), COMPRESSED;
    CompressionMtDthreads "compression.mt.dthreads" Kind::Int(1, 255), (1, 3, 4), COMPRESSED;
    CompressionXbzrleCache "compression.xbzrle.cache" Kind::UnsignedLong(1, i64::MAX as u64), (1, 3, 4), COMPRESSED;
    CompressionZlibLevel "compression.zlib.level" Kind::Int(0, 9), (9, 4, 0), COMPRESSED;
    CompressionZstdLevel "compression.zstd.level" Kind::Int(0, 20), (9, 4, 0), COMPRESSED;
    AutoConvergeInitial "auto_converge.initial" Kind::Int(1, 99), (2, 0, 0), CONVERGE;
    AutoConvergeIncrement "auto_converge.increment" Kind::Int(1, 99), (2, 0, 0), CONVERGE;
    ParallelConnections "parallel.connections" Kind::Int(1, 255), (5, 2, 0), MigrateFlags::PARALLEL;
    TlsDestination "tls.destination" Kind::String, (6, 0, 0), MigrateFlags::TLS;
}

impl Param {
    /// The parameter with libvirt's name `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|param| param.name() == name)
    }

    /// The flag that giving this parameter asks for, where the caller states no flags.
    ///
    /// Post-copy is never asked for by the way: it changes what a failure costs. Nor is an incremental copy: onto an
    /// image without a backing file it loses whatever the source has in its own.
    pub fn implies(self) -> MigrateFlags {
        match self {
            Self::MigrateDisks => MigrateFlags::NON_SHARED_DISK,
            Self::BandwidthPostcopy | Self::MigrateDisksDetectZeroes | Self::MigrateDisksTargetZero => {
                MigrateFlags::empty()
            }
            other => other.needs(),
        }
    }
}
