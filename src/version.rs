//! Versions of libvirt, ordered and printed as libvirt counts them.

use std::fmt;

/// A version of libvirt, for instance 9.0.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LibvirtVersion {
    /// Major release.
    pub major: u32,
    /// Minor release.
    pub minor: u32,
    /// Maintenance release.
    pub release: u32,
}

impl LibvirtVersion {
    /// The version `major.minor.release`.
    pub const fn new(major: u32, minor: u32, release: u32) -> Self {
        Self { major, minor, release }
    }

    /// The version from libvirt's number: 1,000,000 × major + 1,000 × minor + release.
    pub const fn from_number(number: u64) -> Self {
        Self {
            major: (number / 1_000_000) as u32,
            minor: (number / 1_000 % 1_000) as u32,
            release: (number % 1_000) as u32,
        }
    }

    /// libvirt's number for this version.
    pub const fn number(self) -> u64 {
        self.major as u64 * 1_000_000 + self.minor as u64 * 1_000 + self.release as u64
    }
}

impl fmt::Display for LibvirtVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.release)
    }
}
