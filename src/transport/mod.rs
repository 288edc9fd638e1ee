//! How memory travels: chosen before a migration begins, from what is known then.
//!
//! Over a link that carries less than the processors can compress, memory is there sooner where it is sent compressed. That
//! a link is so slow is known from an earlier migration of this process over the same route (`src/learnt.rs`), or since the
//! caller's `bandwidth` makes it so. What the caller has chosen stays, and where anything is not known nothing is chosen:
//! then memory travels as libvirt has it travel, over one connection and as it is.
//!
//! Only what was measured to pay is chosen (`docs/convergence.md`), so the rules are few.

mod hosts;

use std::fmt;

pub use hosts::{Host, Hosts};

use crate::flags::MigrateFlags as F;
use crate::numbers::errors;
use crate::params::{MigrateParams, Param, Value};
use crate::uri::scheme;
use crate::version::LibvirtVersion;
use crate::{Error, Result};

/// Links that carry less than this, bytes/s, are worth the processors' time.
pub const SLOW: f64 = 15e6;
/// The connections that memory is compressed for: each has a thread at either end.
pub const CONNECTIONS: u8 = 2;

const MIB: f64 = 1048576.0;
/// libvirt that takes zstd beside PARALLEL.
const ZSTD: LibvirtVersion = LibvirtVersion::new(9, 4, 0);
/// QEMU in whose multifd zeroes cost as little as without it.
const MULTIFD: LibvirtVersion = LibvirtVersion::new(9, 0, 0);
/// QEMU that can switch a migration over several connections to post-copy.
const WITH_POST_COPY: LibvirtVersion = LibvirtVersion::new(10, 1, 0);

/// Flags with which memory travels in a way of its own, or is not all that travels.
pub(crate) const OTHERWISE: F = F::TUNNELLED
    .union(F::COMPRESSED)
    .union(F::PARALLEL)
    .union(F::ZEROCOPY)
    .union(F::RDMA_PIN_ALL)
    .union(F::TLS)
    .union(F::OFFLINE)
    .union(F::POSTCOPY_RESUME)
    .union(F::NON_SHARED);

/// What is chosen beside what the caller has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transport {
    /// Compressed with zstd, over so many connections.
    pub connections: u8,
    /// What the link carries, bytes/s.
    pub link: f64,
}

impl Transport {
    /// What pays for a migration with these parameters over a link that carries `link` bytes/s, between hosts that
    /// `hosts` finds; `None` leaves it as it is. The hosts are only asked where it depends on them alone.
    pub fn choose(
        params: &MigrateParams,
        link: Option<f64>,
        hosts: impl FnOnce() -> Option<Hosts>,
    ) -> Option<Self> {
        let link = narrowest(params, link).filter(|link| *link < SLOW)?;
        (Self::is_free(params) && hosts()?.can_compress(params.flags().contains(F::POSTCOPY)))
            .then_some(Self { connections: CONNECTIONS, link })
    }

    /// The parameters with it.
    pub fn apply(self, params: &MigrateParams) -> Result<MigrateParams> {
        compressed(params, self.connections)
    }

    /// Whether nothing is said of how memory travels, and it is what travels.
    pub fn is_free(params: &MigrateParams) -> bool {
        let chosen = [Param::ParallelConnections, Param::Compression, Param::CompressionXbzrleCache];
        let plain = match params.get(Param::MigrateUri) {
            Some(Value::String(uri)) => scheme(uri) == Some("tcp"),
            _ => true,
        };
        plain
            && !params.is_as_given()
            && params.flags().contains(F::LIVE)
            && !params.flags().intersects(OTHERWISE)
            && chosen.iter().all(|param| params.get(*param).is_none())
    }
}

/// The parameters with memory compressed over so many connections.
pub(crate) fn compressed(params: &MigrateParams, connections: u8) -> Result<MigrateParams> {
    let ours = [
        (Param::ParallelConnections, Value::Number(connections.into())),
        (Param::Compression, Value::Strings(vec!["zstd".into()])),
    ];
    let theirs = params.values().map(|(param, value)| (param, value.clone()));
    let flags = params.flags() | F::PARALLEL | F::COMPRESSED;
    let destination = params.destination().map(str::to_owned);
    MigrateParams::new(params.definition().cloned(), theirs.chain(ours), destination, Some(flags))
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the link carries {:.1} MiB/s, and the processors compress faster than that",
            self.link / MIB
        )
    }
}

/// Whether libvirt or QEMU does not take what was asked for, as they say before anything is moved.
pub(crate) fn is_refusal(error: &Error) -> bool {
    const REFUSALS: [i32; 5] = [
        errors::INVALID_ARG,
        errors::NO_SUPPORT,
        errors::CONFIG_UNSUPPORTED,
        errors::ARGUMENT_UNSUPPORTED,
        errors::OPERATION_UNSUPPORTED,
    ];
    error.libvirt_code().is_some_and(|code| REFUSALS.contains(&code))
        || error.to_string().contains("'migrate-set-")
}

/// What the link carries at most, with the caller's limit.
fn narrowest(params: &MigrateParams, link: Option<f64>) -> Option<f64> {
    let limit = params.bandwidth_limit().map(|mib| mib as f64 * MIB);
    [link, limit].into_iter().flatten().min_by(f64::total_cmp)
}

impl Hosts {
    /// Whether both take several connections with zstd, and have the processors for it; `post_copy` in a migration that may
    /// switch to that.
    pub fn can_compress(&self, post_copy: bool) -> bool {
        let qemu = if post_copy { WITH_POST_COPY } else { MULTIFD };
        let can = |host: &Host| {
            host.libvirt >= ZSTD && host.hypervisor >= qemu && host.processors >= u32::from(CONNECTIONS)
        };
        can(&self.source) && can(&self.destination)
    }
}
