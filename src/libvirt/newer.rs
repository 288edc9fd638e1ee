//! What the oldest supported release of libvirt lacks.
//!
//! Functions are looked up when they are called: linking one would keep the whole module from loading there. A flag is
//! known or not to the daemon, which refuses the whole call for one that it does not know.

use std::ffi::{CStr, c_int, c_uint};

use virt::sys;

use crate::Result;
use crate::error::LibvirtError;
use crate::version::LibvirtVersion;

/// `VIR_DOMAIN_UNDEFINE_KEEP_TPM`, which daemons know since libvirt 8.9.0, or nothing for an older one. That removes the
/// state of an emulated TPM with this definition, so a guest that has one is refused.
pub(super) fn undefine_keep_tpm(daemon: LibvirtVersion, xml: impl FnOnce() -> Result<String>) -> Result<u32> {
    if daemon >= LibvirtVersion::new(8, 9, 0) {
        return Ok(sys::VIR_DOMAIN_UNDEFINE_KEEP_TPM);
    }
    // As libvirt writes definitions.
    let xml = xml()?;
    let emulated = xml.contains("<tpm ") && xml.contains("<backend type='emulator'");
    if emulated && !xml.contains(" persistent_state='yes'") {
        let message = format!(
            "libvirt {daemon} removes the state of the guest's emulated TPM together with its definition, and keeps \
             it only from 8.9.0 on: remove the definition by hand, once the state is not needed or saved"
        );
        return Err(LibvirtError::found_here(LibvirtError::NO_SUPPORT, message).into());
    }
    Ok(0)
}

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

#[cfg(test)]
mod tests {
    use super::undefine_keep_tpm;
    use crate::version::LibvirtVersion;

    #[test]
    fn a_daemon_that_cannot_keep_the_state_of_a_tpm_is_not_asked_to_remove_it() {
        let asked = |minor, backend: &str| {
            let xml = format!("<domain><devices><tpm model='tpm-crb'>{backend}</tpm></devices></domain>");
            undefine_keep_tpm(LibvirtVersion::new(8, minor, 0), || Ok(xml))
        };
        let emulated = "<backend type='emulator' version='2.0'/>";
        assert_eq!(asked(9, emulated).unwrap(), 64);
        assert_eq!(asked(8, emulated).unwrap_err().libvirt_code(), Some(3));
        assert_eq!(asked(8, "<backend type='emulator' persistent_state='yes'/>").unwrap(), 0);
        assert_eq!(asked(8, "<backend type='passthrough'/>").unwrap(), 0);
        assert_eq!(undefine_keep_tpm(LibvirtVersion::new(8, 0, 0), || Ok("<domain/>".into())).unwrap(), 0);
    }
}
