//! What the oldest supported release of libvirt lacks.
//!
//! Functions are looked up when they are called: linking one would keep the whole module from loading there. A flag is
//! known or not to the daemon, which refuses the whole call for one that it does not know.

use std::ffi::{CStr, c_int, c_uint};

use virt::sys;

use crate::error::LibvirtError;
use crate::version::LibvirtVersion;

/// Since when a daemon knows `VIR_DOMAIN_UNDEFINE_KEEP_TPM`.
pub(super) const UNDEFINE_KEEP_TPM: LibvirtVersion = LibvirtVersion::new(8, 9, 0);

type AbortJobFlags = unsafe extern "C" fn(sys::virDomainPtr, c_uint) -> c_int;

/// `virDomainAbortJobFlags`, since libvirt 8.5.0.
pub(super) fn abort_job_flags() -> Result<AbortJobFlags, LibvirtError> {
    let address = look_up(c"virDomainAbortJobFlags").ok_or_else(|| {
        LibvirtError::found_here(LibvirtError::NO_SUPPORT, "virDomainAbortJobFlags needs libvirt 8.5.0")
    })?;
    // SAFETY: libvirt's header declares the function with this signature.
    Ok(unsafe { std::mem::transmute::<*mut libc::c_void, AbortJobFlags>(address.as_ptr()) })
}

fn look_up(name: &CStr) -> Option<std::ptr::NonNull<libc::c_void>> {
    // SAFETY: the name is NUL-terminated; libvirt is linked, so it is among the libraries that are searched.
    std::ptr::NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}
