//! Domains of libvirt-python, which keeps its pointers in capsules.

use std::ffi::{CStr, CString};
use std::ptr::NonNull;

use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use virt::sys;

use super::domain::Domain;

/// The name that libvirt-python gives to capsules of domains.
const DOMAIN: &CStr = c"virDomainPtr";

/// A reference of our own to the domain in a capsule of libvirt-python.
///
/// A capsule of another name is refused with an exception.
pub fn domain_from_capsule(capsule: &Bound<'_, PyCapsule>) -> PyResult<crate::Result<Domain>> {
    let pointer: NonNull<sys::virDomain> = capsule.pointer_checked(Some(DOMAIN))?.cast();
    // SAFETY: libvirt-python makes capsules of this name for valid domains only, and frees the domain when the
    // Python object that owns the capsule goes. The caller's reference keeps it while the interpreter is held.
    Ok(unsafe { Domain::from_borrowed(pointer.as_ptr()) })
}

/// Whether the shared library at `path` uses the same libvirt as this module.
///
/// A process can hold two, where a wheel carries a copy; a pointer of the one is nothing to the other.
pub fn same_library(path: &CString) -> bool {
    // SAFETY: the path is a C string. NOLOAD only finds a library that is loaded already, so no code of its runs.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if handle.is_null() {
        return false;
    }
    // SAFETY: the handle is open, and the name a C string. The search covers what the library depends on.
    let theirs = unsafe { libc::dlsym(handle, c"virDomainRef".as_ptr()) };
    // SAFETY: the handle was opened above, and is closed once.
    unsafe { libc::dlclose(handle) };
    std::ptr::eq(theirs, sys::virDomainRef as *const libc::c_void)
}
