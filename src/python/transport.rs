//! How memory is to travel, for a caller that makes the call itself: the drop-in for Nova.

use pyo3::prelude::*;

use super::guest::PyGuest;
use crate::error::LibvirtError;
use crate::flags::MigrateFlags;
use crate::guest::learnt_transport;
use crate::learnt::Route;
use crate::params::{MigrateParams, Param, Value};
use crate::transport::is_refusal;

/// Over how many connections memory is to be sent compressed with zstd, and why, where migrations of this process have found
/// the link to be slow (`Engine.learn`) and both hosts take it; `None` leaves it as it is. `destination` is the URI of the
/// destination's daemon, `migrate_uri` and `flags` are what libvirt is going to be given.
///
/// Raises InvalidParameter where these do not go together.
#[pyfunction]
#[pyo3(signature = (guest, destination, migrate_uri, flags))]
pub fn _compression(
    py: Python<'_>,
    guest: &PyGuest,
    destination: String,
    migrate_uri: Option<String>,
    flags: u32,
) -> PyResult<Option<(u8, String)>> {
    let params = travelling(destination, migrate_uri, MigrateFlags::from_bits_retain(flags))?;
    let chosen = guest.call(py, |domain| {
        let route = domain.home().and_then(|home| Route::of(&home, &params));
        Ok(learnt_transport(domain, &params, route.as_ref()))
    })?;
    Ok(chosen.map(|transport| (transport.connections, transport.to_string())))
}

/// Whether an error with libvirt's number `code` says that libvirt or QEMU does not take what was chosen, as they say before
/// anything is moved.
#[pyfunction]
#[pyo3(signature = (code, message))]
pub fn _is_refusal(code: i32, message: &str) -> bool {
    is_refusal(&LibvirtError::found_here(code, message).into())
}

/// What of a migration's parameters says how memory travels.
pub(super) fn travelling(
    destination: String,
    migrate_uri: Option<String>,
    flags: MigrateFlags,
) -> PyResult<MigrateParams> {
    let uri = migrate_uri.map(|uri| (Param::MigrateUri, Value::String(uri)));
    Ok(MigrateParams::new(None, uri, Some(destination), Some(flags))?)
}
