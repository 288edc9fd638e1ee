//! What a host can do, as far as that decides how memory can travel.

use std::ffi::c_ulong;

use virt::sys;

use super::connection::{Connection, version_of};
use super::error::check;
use crate::Result;
use crate::transport::Host;
use crate::version::LibvirtVersion;

/// The host behind a raw connection.
pub(super) fn powers_of(connection: sys::virConnectPtr) -> Result<Host> {
    let mut number: c_ulong = 0;
    // SAFETY: the caller's connection is open, and `number` lives through the call.
    check(unsafe { sys::virConnectGetVersion(connection, &mut number) })?;
    // SAFETY: all of the structure's fields are numbers, for which 0 is a value.
    let mut node: sys::virNodeInfo = unsafe { std::mem::zeroed() };
    // SAFETY: the caller's connection is open, and `node` lives through the call.
    check(unsafe { sys::virNodeGetInfo(connection, &mut node) })?;
    Ok(Host {
        libvirt: version_of(connection)?,
        hypervisor: LibvirtVersion::from_number(number),
        processors: node.cpus,
    })
}

impl Connection {
    /// What its host can do.
    pub(super) fn powers(&self) -> Result<Host> {
        powers_of(self.as_ptr())
    }
}
