//! How memory is to travel, for a caller that makes the call itself: the drop-in for Nova.

use pyo3::prelude::*;

use super::guest::PyGuest;
use crate::flags::MigrateFlags;
use crate::guest::learnt_transport;
use crate::params::{MigrateParams, Param, Value};

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
    let chosen = guest.call(py, |domain| Ok(learnt_transport(domain, &params)))?;
    Ok(chosen.map(|transport| (transport.connections, transport.to_string())))
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
