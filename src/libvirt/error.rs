//! libvirt's last error, read on the thread of the call that failed.

use std::ffi::{CStr, c_char};

use virt::sys;

use crate::error::LibvirtError;

/// The error of the libvirt call that just failed on this thread, without secrets.
pub(super) fn last_error() -> LibvirtError {
    // SAFETY: the pointer is to thread-local storage of libvirt, valid until this thread's next libvirt call,
    // and nothing below makes one.
    let raw = unsafe { sys::virGetLastError().as_ref() };
    let Some(raw) = raw else {
        return LibvirtError::found_here(LibvirtError::INTERNAL_ERROR, "libvirt failed without saying why");
    };
    // SAFETY: the strings of a virError are NUL-terminated or NULL, and live as long as the error.
    let text = |pointer: *mut c_char| unsafe { copy(pointer) };
    LibvirtError {
        code: raw.code,
        domain: raw.domain,
        message: text(raw.message).unwrap_or_default(),
        level: raw.level as i32,
        strings: [text(raw.str1), text(raw.str2), text(raw.str3)],
        numbers: [raw.int1, raw.int2],
    }
    .masked()
}

/// A copy of a C string, or nothing for NULL. What is not UTF-8 is replaced.
///
/// # Safety
/// `pointer` is NULL or points to a NUL-terminated string.
pub(super) unsafe fn copy(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// `Ok` for libvirt's success, which is any number but -1, and its error otherwise.
pub(super) fn check(result: std::ffi::c_int) -> Result<std::ffi::c_int, LibvirtError> {
    if result < 0 { Err(last_error()) } else { Ok(result) }
}
