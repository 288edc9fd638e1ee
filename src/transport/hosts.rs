//! What decides at both hosts how memory can travel.

use crate::version::LibvirtVersion;

/// A host, as its daemon tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// libvirt's version.
    pub libvirt: LibvirtVersion,
    /// QEMU's, counted as libvirt's.
    pub hypervisor: LibvirtVersion,
    /// Processors that are in use.
    pub processors: u32,
}

/// Both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hosts {
    /// Where the guest is.
    pub source: Host,
    /// Where it goes.
    pub destination: Host,
}
