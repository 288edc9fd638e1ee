//! Calls for what belongs to a domain beside its definitions.

use std::ffi::c_int;

use virt::sys;

use super::error::{check, copy, last_error};
use super::typed_params::c_string;
use crate::Result;

/// Whether the host starts the domain by itself.
pub(super) fn autostart(domain: sys::virDomainPtr) -> Result<bool> {
    let mut on: c_int = 0;
    // SAFETY: the caller's domain is valid, and `on` lives through the call.
    check(unsafe { sys::virDomainGetAutostart(domain, &mut on) })?;
    Ok(on != 0)
}

/// Has the host start the domain by itself, or not.
pub(super) fn set_autostart(domain: sys::virDomainPtr, on: bool) -> Result<()> {
    // SAFETY: the caller's domain is valid.
    check(unsafe { sys::virDomainSetAutostart(domain, on.into()) })?;
    Ok(())
}

/// The definitions of the domain's checkpoints with all that a redefinition needs, each after its parent.
pub(super) fn checkpoints(domain: sys::virDomainPtr) -> Result<Vec<String>> {
    let mut list: *mut sys::virDomainCheckpointPtr = std::ptr::null_mut();
    let flags = sys::VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL;
    // SAFETY: the caller's domain is valid; libvirt sets the list, or leaves it as it is.
    let count = check(unsafe { sys::virDomainListAllCheckpoints(domain, &mut list, flags) })?;
    let mut found = Ok(Vec::new());
    for index in 0..count as usize {
        // SAFETY: the list has `count` checkpoints, each with a reference that is given back here once; a text is freed
        // once it is copied.
        unsafe {
            let checkpoint = *list.add(index);
            if let Ok(documents) = &mut found {
                let text =
                    sys::virDomainCheckpointGetXMLDesc(checkpoint, sys::VIR_DOMAIN_CHECKPOINT_XML_SECURE);
                match copy(text) {
                    Some(document) => documents.push(document),
                    None => found = Err(last_error().into()),
                }
                libc::free(text.cast());
            }
            sys::virDomainCheckpointFree(checkpoint);
        }
    }
    // SAFETY: the list itself is ours, or NULL.
    unsafe { libc::free(list.cast()) };
    found
}

/// Defines a checkpoint that the domain's disks have already.
pub(super) fn redefine_checkpoint(domain: sys::virDomainPtr, xml: &str) -> Result<()> {
    let xml = c_string("checkpoint", xml)?;
    let flags = sys::VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE;
    // SAFETY: the caller's domain is valid and the document a C string; a checkpoint that is handed out is given back.
    unsafe {
        let made = sys::virDomainCheckpointCreateXML(domain, xml.as_ptr(), flags);
        if made.is_null() {
            return Err(last_error().into());
        }
        sys::virDomainCheckpointFree(made);
    }
    Ok(())
}
