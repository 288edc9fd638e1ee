//! The combinations that libvirt's QEMU driver refuses, found before it is asked.

use super::build::MigrateParams;
use super::table::Param;
use super::value::Value;
use crate::flags::MigrateFlags as F;
use crate::uri::scheme;
use crate::{Error, Result};

/// Flags that libvirt does not take together: all of the first with any of the second.
const EXCLUSIVE: [(F, F); 7] = [
    (F::POSTCOPY, F::PAUSED),
    (F::POSTCOPY, F::TUNNELLED),
    (F::NON_SHARED_DISK, F::NON_SHARED_INC),
    (F::TUNNELLED, F::NON_SHARED),
    (F::TUNNELLED, F::PARALLEL),
    (F::OFFLINE, F::NON_SHARED),
    (F::OFFLINE, F::TUNNELLED),
];

/// Flags that libvirt takes only with another: the first needs any of the second.
const NEEDED: [(F, F); 7] = [
    (F::POSTCOPY, F::LIVE),
    (F::ZEROCOPY, F::PARALLEL),
    (F::OFFLINE, F::PERSIST_DEST),
    (F::TUNNELLED, F::PEER2PEER),
    (F::POSTCOPY_RESUME, F::POSTCOPY),
    (F::POSTCOPY_RESUME, F::CHANGE_PROTECTION.union(F::PEER2PEER)),
    (F::NON_SHARED_SYNCHRONOUS_WRITES, F::NON_SHARED),
];

pub(super) fn check(params: &MigrateParams) -> Result<()> {
    check_flags(params.flags())?;
    for (param, _) in params.values() {
        let needs = param.needs();
        if !needs.is_empty() && !params.flags().intersects(needs) {
            return Err(Error::parameter(param.name(), format!("needs the flag {}", either(needs))));
        }
    }
    check_tls_over_unix(params)?;
    check_compression(params)
}

fn check_flags(flags: F) -> Result<()> {
    for (first, second) in EXCLUSIVE {
        if flags.contains(first) && flags.intersects(second) {
            let both = flags & second;
            return Err(Error::parameter("flags", format!("libvirt refuses {first} with {both}")));
        }
    }
    for (first, needs) in NEEDED {
        if flags.contains(first) && !flags.intersects(needs) {
            return Err(Error::parameter(
                "flags",
                format!("libvirt refuses {first} without {}", either(needs)),
            ));
        }
    }
    Ok(())
}

fn check_tls_over_unix(params: &MigrateParams) -> Result<()> {
    let unix = |param| match params.get(param) {
        Some(Value::String(uri)) => scheme(uri) == Some("unix"),
        _ => false,
    };
    if params.flags().contains(F::TLS)
        && (unix(Param::MigrateUri) || unix(Param::DisksUri))
        && params.get(Param::TlsDestination).is_none()
    {
        let reason = "is needed for TLS over a unix socket, which has no host name to check";
        return Err(Error::parameter(Param::TlsDestination.name(), reason));
    }
    Ok(())
}

/// Each method's own settings want the method; the ways of QEMU's multifd and the older ones do not mix.
fn check_compression(params: &MigrateParams) -> Result<()> {
    let methods: &[String] = match params.get(Param::Compression) {
        Some(Value::Strings(methods)) => methods,
        _ => &[],
    };
    for (param, method) in [
        (Param::CompressionMtLevel, "mt"),
        (Param::CompressionMtThreads, "mt"),
        (Param::CompressionMtDthreads, "mt"),
        (Param::CompressionZlibLevel, "zlib"),
        (Param::CompressionZstdLevel, "zstd"),
    ] {
        if params.get(param).is_some() && !methods.iter().any(|given| given == method) {
            return Err(Error::parameter(param.name(), format!("needs compression={method:?}")));
        }
    }
    let parallel = params.flags().contains(F::PARALLEL);
    if parallel && methods.len() > 1 {
        let reason = "libvirt takes one method with the flag PARALLEL";
        return Err(Error::parameter(Param::Compression.name(), reason));
    }
    for method in methods {
        let multifd = matches!(method.as_str(), "zlib" | "zstd");
        if multifd != parallel {
            let relation = if multifd { "needs" } else { "does not go with" };
            let reason = format!("{method:?} {relation} the flag PARALLEL");
            return Err(Error::parameter(Param::Compression.name(), reason));
        }
    }
    Ok(())
}

fn either(flags: F) -> String {
    flags.iter_names().map(|(name, _)| name).collect::<Vec<_>>().join(" or ")
}
