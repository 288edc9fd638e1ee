//! Functions of libvirt that the oldest supported release lacks, looked up when they are called.
//!
//! Linking one would keep the whole module from loading there.

use std::ffi::{CStr, c_int, c_uint};

use virt::sys;

use crate::error::LibvirtError;

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
