//! A word to QEMU past libvirt, for the one thing that libvirt has no call for.
//!
//! The function is in a library of its own, which comes with libvirt's client. It is loaded when it is needed: nearly no
//! migration does. libvirt notes in its log that the guest is tainted by it.

use std::ffi::{c_char, c_int, c_uint};

use virt::sys;

use super::error::{copy, last_error};
use super::typed_params::c_string;
use crate::Result;
use crate::error::LibvirtError;

/// Ends the wait of an outgoing migration that is being cancelled, and of no other.
pub(crate) const CONTINUE_CANCELLING: &str =
    r#"{"execute":"migrate-continue","arguments":{"state":"cancelling"}}"#;

type MonitorCommand =
    unsafe extern "C" fn(sys::virDomainPtr, *const c_char, *mut *mut c_char, c_uint) -> c_int;

/// Has QEMU carry out a command of its monitor; an error also where QEMU says that it failed.
///
/// # Safety
/// `domain` is a valid virDomainPtr.
pub(super) unsafe fn command(domain: sys::virDomainPtr, command: &str) -> Result<()> {
    let call = monitor_command()?;
    let command = c_string("command", command)?;
    let mut reply = std::ptr::null_mut();
    // SAFETY: the caller promises the domain, the command is NUL-terminated, and the reply is ours to free.
    let reply = unsafe {
        if call(domain, command.as_ptr(), &mut reply, 0) != 0 {
            return Err(last_error().into());
        }
        let text = copy(reply);
        libc::free(reply.cast());
        text
    };
    judge_reply(&reply.unwrap_or_default())
}

/// libvirt takes an error of QEMU's for an answer like any other.
pub(crate) fn judge_reply(reply: &str) -> Result<()> {
    let reply: serde_json::Value = serde_json::from_str(reply).unwrap_or_default();
    if reply.get("return").is_some() {
        return Ok(());
    }
    let said = reply.pointer("/error/desc").and_then(serde_json::Value::as_str);
    let message = format!("QEMU: {}", said.unwrap_or("it answers nothing that can be read"));
    Err(LibvirtError::found_here(LibvirtError::OPERATION_INVALID, message).into())
}

fn monitor_command() -> Result<MonitorCommand> {
    // SAFETY: both names are NUL-terminated; loading it runs no code but libvirt's. It stays loaded, as the function has to.
    let address = unsafe {
        let library = libc::dlopen(c"libvirt-qemu.so.0".as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        if library.is_null() {
            std::ptr::null_mut()
        } else {
            libc::dlsym(library, c"virDomainQemuMonitorCommand".as_ptr())
        }
    };
    if address.is_null() {
        let message = "libvirt-qemu.so.0 of libvirt's client is not here";
        return Err(LibvirtError::found_here(LibvirtError::NO_SUPPORT, message).into());
    }
    // SAFETY: libvirt's header declares the function with this signature.
    Ok(unsafe { std::mem::transmute::<*mut libc::c_void, MonitorCommand>(address) })
}

#[cfg(test)]
mod tests {
    use super::judge_reply as judge;

    #[test]
    fn what_qemu_refuses_is_an_error() {
        assert!(judge(r#"{"return":{},"id":"libvirt-7"}"#).is_ok());
        let refused = r#"{"id":"libvirt-7","error":{"class":"GenericError","desc":"not in that state"}}"#;
        let error = judge(refused).unwrap_err();
        assert_eq!((error.libvirt_code(), error.to_string().contains("not in that state")), (Some(55), true));
        assert_eq!(judge("").unwrap_err().libvirt_code(), Some(55));
    }
}
