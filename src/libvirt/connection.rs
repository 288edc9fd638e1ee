//! A connection to a libvirt daemon, and looking a domain up there.

use std::ffi::{c_int, c_uint, c_ulong, c_void};
use std::mem::ManuallyDrop;
use std::sync::{Arc, Once};
use std::time::Duration;

use virt::connect::Connect;
use virt::sys;

use super::closing::InBackground;
use super::domain::Domain;
use super::error::{check, last_error};
use super::event_loop;
use super::gate::Gate;
use super::opening::{self, CONNECT_LIMIT};
use super::typed_params::c_string;
use crate::Result;
use crate::error::LibvirtError;
use crate::uri::check_uri;
use crate::version::LibvirtVersion;

/// Between two questions whether the daemon is there; libvirt's own numbers for its daemons.
const KEEPALIVE_SECONDS: c_int = 5;
/// So many of them without an answer, and the connection is closed.
const KEEPALIVE_COUNT: c_uint = 5;

/// An open connection; clones share it, and the last one closes it.
#[derive(Clone)]
pub struct Connection {
    open: Arc<Open>,
    /// How long another connection, made on behalf of this one, may take.
    limit: Duration,
}

/// What is open, closed when it is dropped.
pub(super) struct Open {
    connect: ManuallyDrop<Connect>,
    /// For whoever makes a call on it.
    pub gate: Gate,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(_call) = InBackground::begin() {
            // SAFETY: dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.connect) };
        }
    }
}

impl Open {
    /// Connects, however long that takes.
    pub(super) fn attempt(uri: Option<&str>) -> Result<Self> {
        // The remote driver asks for the event loop when it opens a connection, and never again.
        event_loop::require();
        // `virt` drops half of libvirt's error, so it is read again here, on the thread of the call.
        let connection = Connect::open(uri).map_err(|_| last_error())?;
        // Every error is returned; without a handler of its own libvirt would write it to standard error too.
        // SAFETY: the connection is open; the handler is never unloaded, and takes any arguments.
        unsafe { sys::virConnSetErrorFunc(connection.as_ptr(), std::ptr::null_mut(), Some(ignore)) };
        // A peer that is cut off without a word is noticed by this alone. Connections that are not remote refuse
        // it, and need none.
        // SAFETY: the connection is open.
        let _ =
            unsafe { sys::virConnectSetKeepAlive(connection.as_ptr(), KEEPALIVE_SECONDS, KEEPALIVE_COUNT) };
        Ok(Self { connect: ManuallyDrop::new(connection), gate: Gate::default() })
    }
}

impl Connection {
    /// Connects to `uri`, or to libvirt's default where it is `None`, within [`CONNECT_LIMIT`].
    pub fn open(uri: Option<&str>) -> Result<Self> {
        Self::open_within(uri, CONNECT_LIMIT)
    }

    /// Connects within this time. A daemon that does not answer by then gives
    /// [`OPERATION_TIMEOUT`](LibvirtError::OPERATION_TIMEOUT), which says nothing of it but that.
    ///
    /// At most one attempt at a time is made for a URI, however many ask for it.
    pub fn open_within(uri: Option<&str>, limit: Duration) -> Result<Self> {
        if let Some(uri) = uri {
            c_string("uri", uri)?;
            check_uri("uri", uri)?;
        }
        Ok(Self { open: Arc::new(opening::open(uri, limit)?), limit })
    }

    /// The domain with this uuid or name.
    pub fn lookup(&self, name_or_uuid: &str) -> Result<Domain> {
        let text = c_string("name_or_uuid", name_or_uuid)?;
        if is_uuid(name_or_uuid)
            && let Some(domain) = self.try_lookup(|connection| {
                // SAFETY: the connection is open and the uuid a C string.
                unsafe { sys::virDomainLookupByUUIDString(connection, text.as_ptr()) }
            })?
        {
            return Ok(domain);
        }
        // A name may look like a uuid.
        self.try_lookup(|connection| {
            // SAFETY: the connection is open and the name a C string.
            unsafe { sys::virDomainLookupByName(connection, text.as_ptr()) }
        })?
        .ok_or_else(|| no_domain(name_or_uuid).into())
    }

    /// `None` where the host does not know the domain, which is not an error for everyone who asks.
    fn try_lookup(
        &self,
        find: impl FnOnce(sys::virConnectPtr) -> sys::virDomainPtr,
    ) -> Result<Option<Domain>> {
        let _call = self.open.gate.enter();
        // SAFETY: the pointer is used only while `self` holds its reference.
        let found = find(unsafe { self.open.connect.as_ptr() });
        if found.is_null() {
            let error = last_error();
            return if error.code == LibvirtError::NO_DOMAIN { Ok(None) } else { Err(error.into()) };
        }
        // SAFETY: libvirt handed out a reference, which the value takes over.
        Ok(Some(unsafe { Domain::from_owned(found) }.through(self)))
    }

    /// Makes calls that no other thread's come between.
    pub fn alone<T>(&self, calls: impl FnOnce(&Self) -> T) -> T {
        let _call = self.open.gate.enter();
        calls(self)
    }

    /// What is open, to keep.
    pub(super) fn open_to_keep(&self) -> Arc<Open> {
        self.open.clone()
    }

    /// How long another connection on behalf of this one may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// The pointer, valid as long as `self`.
    pub(super) fn as_ptr(&self) -> sys::virConnectPtr {
        // SAFETY: the pointer is used only while `self` holds its reference.
        unsafe { self.open.connect.as_ptr() }
    }

    /// Whether the daemon still holds the other end.
    pub(super) fn is_alive(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { sys::virConnectIsAlive(self.open.connect.as_ptr()) == 1 }
    }

    /// The version of libvirt at the daemon's side.
    pub fn version(&self) -> Result<LibvirtVersion> {
        // SAFETY: the connection is open.
        Ok(version_of(unsafe { self.open.connect.as_ptr() })?)
    }
}

/// The version of libvirt behind a raw connection.
pub(super) fn version_of(
    connection: sys::virConnectPtr,
) -> std::result::Result<LibvirtVersion, LibvirtError> {
    let mut number: c_ulong = 0;
    // SAFETY: the caller's connection is open, and `number` lives through the call.
    check(unsafe { sys::virConnectGetLibVersion(connection, &mut number) })?;
    Ok(LibvirtVersion::from_number(number))
}

fn no_domain(name_or_uuid: &str) -> LibvirtError {
    let message = format!("Domain not found: no domain with matching name or uuid '{name_or_uuid}'");
    LibvirtError::found_here(LibvirtError::NO_DOMAIN, message)
}

/// 32 hexadecimal digits with dashes anywhere, as libvirt reads uuids.
fn is_uuid(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_hexdigit).count() == 32
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

extern "C" fn ignore(_: *mut c_void, _: sys::virErrorPtr) {}

/// Keeps libvirt from writing each error to standard error as well, for the whole process.
///
/// Only for a process in which nobody else has libvirt: the handler is process-wide, and libvirt-python's
/// users set their own.
pub fn silence_default_handler() {
    static SILENCED: Once = Once::new();
    SILENCED.call_once(|| {
        // SAFETY: the handler is a function of this module, which is never unloaded, and takes any arguments.
        unsafe { sys::virSetErrorFunc(std::ptr::null_mut(), Some(ignore)) }
    });
}

const _: () = assert!(size_of::<c_int>() == 4, "libvirt's flags are 32 bits");
