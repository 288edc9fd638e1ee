//! libvirt's migration flags (`virDomainMigrateFlags`).

use std::fmt;

use crate::version::LibvirtVersion;
use crate::{Error, Result};

bitflags::bitflags! {
    /// The 21 flags of libvirt 12.8.0, under libvirt's names without `VIR_MIGRATE_`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct MigrateFlags: u32 {
        /// The guest runs while it moves.
        const LIVE = 1 << 0;
        /// The source daemon connects to the destination daemon itself.
        const PEER2PEER = 1 << 1;
        /// The data goes through the daemons' own connection.
        const TUNNELLED = 1 << 2;
        /// The destination keeps a persistent definition.
        const PERSIST_DEST = 1 << 3;
        /// The source forgets its persistent definition at the end.
        const UNDEFINE_SOURCE = 1 << 4;
        /// The guest is left paused at the destination.
        const PAUSED = 1 << 5;
        /// Disks are copied whole, backing files included; every writable one that is not shareable, where no
        /// `migrate_disks` names them.
        const NON_SHARED_DISK = 1 << 6;
        /// Of disks only what their own image has is copied, onto images that have the same backing files.
        const NON_SHARED_INC = 1 << 7;
        /// Nothing else may change the domain while it moves.
        const CHANGE_PROTECTION = 1 << 8;
        /// Moves a guest even where libvirt thinks that unsafe (disk caches).
        const UNSAFE = 1 << 9;
        /// Moves the definition of a guest that is shut off.
        const OFFLINE = 1 << 10;
        /// Memory is compressed.
        const COMPRESSED = 1 << 11;
        /// A disk error aborts the migration.
        const ABORT_ON_ERROR = 1 << 12;
        /// The guest is slowed down until its memory converges.
        const AUTO_CONVERGE = 1 << 13;
        /// Memory is pinned for RDMA.
        const RDMA_PIN_ALL = 1 << 14;
        /// Switching to post-copy is allowed.
        const POSTCOPY = 1 << 15;
        /// The data is encrypted by QEMU.
        const TLS = 1 << 16;
        /// Memory goes over several connections.
        const PARALLEL = 1 << 17;
        /// Copied disks are written at both sides while the guest moves.
        const NON_SHARED_SYNCHRONOUS_WRITES = 1 << 18;
        /// Goes on with a post-copy migration that broke.
        const POSTCOPY_RESUME = 1 << 19;
        /// Memory is sent without being copied first.
        const ZEROCOPY = 1 << 20;
    }
}

impl MigrateFlags {
    /// What a migration does when nothing else is said: a running guest goes to the other host for good.
    pub const DEFAULT: Self =
        Self::LIVE.union(Self::PEER2PEER).union(Self::PERSIST_DEST).union(Self::UNDEFINE_SOURCE);

    /// Both ways of copying disks.
    pub const NON_SHARED: Self = Self::NON_SHARED_DISK.union(Self::NON_SHARED_INC);

    /// The flags from libvirt's number; refuses bits that libvirt 12.8.0 does not have.
    pub fn from_number(number: u64) -> Result<Self> {
        u32::try_from(number).ok().and_then(Self::from_bits).ok_or_else(|| {
            let unknown = number & !u64::from(Self::all().bits());
            Error::parameter("flags", format!("{unknown:#x} is not a migration flag of libvirt"))
        })
    }

    /// The release of libvirt that brought a flag.
    pub fn since(self) -> LibvirtVersion {
        let (major, minor, release) = match self {
            Self::LIVE => (0, 3, 2),
            Self::PEER2PEER | Self::TUNNELLED => (0, 7, 2),
            Self::PERSIST_DEST | Self::UNDEFINE_SOURCE => (0, 7, 3),
            Self::PAUSED => (0, 7, 5),
            Self::NON_SHARED_DISK | Self::NON_SHARED_INC => (0, 8, 2),
            Self::CHANGE_PROTECTION => (0, 9, 4),
            Self::UNSAFE => (0, 9, 11),
            Self::OFFLINE => (1, 0, 1),
            Self::COMPRESSED => (1, 0, 3),
            Self::ABORT_ON_ERROR => (1, 1, 0),
            Self::AUTO_CONVERGE => (1, 2, 3),
            Self::RDMA_PIN_ALL => (1, 2, 9),
            Self::POSTCOPY => (1, 3, 3),
            Self::TLS => (3, 2, 0),
            Self::PARALLEL => (5, 2, 0),
            Self::NON_SHARED_SYNCHRONOUS_WRITES => (8, 0, 0),
            Self::POSTCOPY_RESUME | Self::ZEROCOPY => (8, 5, 0),
            // A set of several flags is as new as the newest of them.
            several => return several.iter().map(Self::since).max().unwrap_or(LibvirtVersion::new(0, 0, 0)),
        };
        LibvirtVersion::new(major, minor, release)
    }
}

impl fmt::Display for MigrateFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bitflags::parser::to_writer(self, f)
    }
}
