//! Domains of libvirt-python, which keeps its pointers in capsules.

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ptr::NonNull;

use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use virt::sys;

use super::domain::Domain;

/// The name that libvirt-python gives to capsules of domains.
const DOMAIN: &CStr = c"virDomainPtr";

/// The domain in a capsule of libvirt-python, which is borrowed as long as the capsule is.
pub struct CapsuleDomain<'a>(NonNull<sys::virDomain>, PhantomData<&'a PyCapsule>);

// SAFETY: libvirt's objects may be used from any thread, and the pointer is all that is in here.
unsafe impl Send for CapsuleDomain<'_> {}

impl<'a> CapsuleDomain<'a> {
    /// A capsule of another name is refused with an exception.
    pub fn new(capsule: &'a Bound<'_, PyCapsule>) -> PyResult<Self> {
        Ok(Self(capsule.pointer_checked(Some(DOMAIN))?.cast(), PhantomData))
    }

    /// A reference of our own. To be called without the GIL, as whatever calls libvirt.
    pub fn domain(self) -> crate::Result<Domain> {
        // SAFETY: libvirt-python makes capsules of this name for valid domains only, and frees the domain when the
        // Python object that owns the capsule goes. The caller's reference keeps that object as long as `'a`.
        unsafe { Domain::from_borrowed(self.0.as_ptr()) }
    }
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
