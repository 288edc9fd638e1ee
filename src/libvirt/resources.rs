//! What a guest's definition names and its host has to have: networks, interfaces, filters, secrets, devices.

use std::ffi::{CString, c_int};
use std::ptr::{NonNull, null_mut};

use virt::sys;

use super::connection::Connection;
use super::error::{check, last_error};
use super::host::owned_text;
use super::typed_params::c_string;
use crate::{Error, Result};

/// The kinds of host devices that are asked for, with libvirt's flags for them.
const CAPABILITIES: [(&str, u32); 6] = [
    ("net", sys::VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET),
    ("pci", sys::VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV),
    ("usb_device", sys::VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_DEV),
    ("scsi_host", sys::VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_HOST),
    ("scsi", sys::VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI),
    ("mdev", sys::VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV),
];

/// What secrets are for, with libvirt's numbers.
const USES: [(&str, u32); 5] = [
    ("volume", sys::VIR_SECRET_USAGE_TYPE_VOLUME),
    ("ceph", sys::VIR_SECRET_USAGE_TYPE_CEPH),
    ("iscsi", sys::VIR_SECRET_USAGE_TYPE_ISCSI),
    ("tls", sys::VIR_SECRET_USAGE_TYPE_TLS),
    ("vtpm", sys::VIR_SECRET_USAGE_TYPE_VTPM),
];

/// What a table has for a name; one that it does not have is refused.
fn number(context: &str, table: &[(&str, u32)], name: &str) -> Result<u32> {
    table.iter().find(|(known, _)| *known == name).map(|(_, number)| *number).ok_or_else(|| {
        let names: Vec<_> = table.iter().map(|(known, _)| *known).collect();
        Error::parameter(context, format!("is one of {}", names.join(", ")))
    })
}

// SAFETY of every call below: the connection is open as long as `self`, and every other pointer is to a value
// that outlives the call.
impl Connection {
    /// Whether the virtual network of this name is active, and its definition; `None` where the host has none.
    pub fn virtual_network(&self, name: &str) -> Result<Option<(bool, String)>> {
        let name = c_string("name", name)?;
        // SAFETY: see above.
        let network = unsafe { sys::virNetworkLookupByName(self.as_ptr(), name.as_ptr()) };
        let release = |network| {
            // SAFETY: the reference that the look-up has handed out, given back once.
            unsafe { sys::virNetworkFree(network) }
        };
        let Some(network) = Found::of(network, sys::VIR_ERR_NO_NETWORK, release)? else { return Ok(None) };
        // SAFETY: see above; `network` holds its reference.
        let active = check(unsafe { sys::virNetworkIsActive(network.as_ptr()) })? == 1;
        // SAFETY: as above.
        let xml = owned_text(unsafe { sys::virNetworkGetXMLDesc(network.as_ptr(), 0) })?;
        Ok(Some((active, xml)))
    }

    /// The definition of the host's network interface of this name; `None` where it has none.
    pub fn interface(&self, name: &str) -> Result<Option<String>> {
        let name = c_string("name", name)?;
        // SAFETY: see above.
        let interface = unsafe { sys::virInterfaceLookupByName(self.as_ptr(), name.as_ptr()) };
        let release = |interface| {
            // SAFETY: the reference that the look-up has handed out, given back once.
            unsafe { sys::virInterfaceFree(interface) }
        };
        let Some(interface) = Found::of(interface, sys::VIR_ERR_NO_INTERFACE, release)? else {
            return Ok(None);
        };
        // SAFETY: see above; `interface` holds its reference.
        owned_text(unsafe { sys::virInterfaceGetXMLDesc(interface.as_ptr(), 0) }).map(Some)
    }

    /// Whether the host has a network filter of this name.
    pub fn has_network_filter(&self, name: &str) -> Result<bool> {
        let name = c_string("name", name)?;
        // SAFETY: see above.
        let filter = unsafe { sys::virNWFilterLookupByName(self.as_ptr(), name.as_ptr()) };
        let release = |filter| {
            // SAFETY: the reference that the look-up has handed out, given back once.
            unsafe { sys::virNWFilterFree(filter) }
        };
        Ok(Found::of(filter, sys::VIR_ERR_NO_NWFILTER, release)?.is_some())
    }

    /// Whether the host has a secret, by its uuid. Its value is not asked for.
    pub fn has_secret(&self, uuid: &str) -> Result<bool> {
        let uuid = c_string("uuid", uuid)?;
        // SAFETY: see above.
        let secret = unsafe { sys::virSecretLookupByUUIDString(self.as_ptr(), uuid.as_ptr()) };
        Self::is_secret(secret)
    }

    /// Whether the host has a secret of this kind (volume, ceph, iscsi, tls, vtpm) for this use.
    pub fn has_secret_for(&self, kind: &str, usage: &str) -> Result<bool> {
        let kind = number("kind", &USES, kind)?;
        let usage = c_string("usage", usage)?;
        // SAFETY: see above.
        let secret = unsafe { sys::virSecretLookupByUsage(self.as_ptr(), kind as c_int, usage.as_ptr()) };
        Self::is_secret(secret)
    }

    fn is_secret(secret: sys::virSecretPtr) -> Result<bool> {
        let release = |secret| {
            // SAFETY: the reference that the look-up has handed out, given back once.
            unsafe { sys::virSecretFree(secret) }
        };
        Ok(Found::of(secret, sys::VIR_ERR_NO_SECRET, release)?.is_some())
    }

    /// The definitions of the host's devices with a capability: net, pci, usb_device, scsi_host, scsi or mdev.
    pub fn node_devices(&self, capability: &str) -> Result<Vec<String>> {
        let flag = number("capability", &CAPABILITIES, capability)?;
        let mut list: *mut sys::virNodeDevicePtr = null_mut();
        // SAFETY: see above; libvirt sets the list, or leaves it as it is.
        let count = check(unsafe { sys::virConnectListAllNodeDevices(self.as_ptr(), &mut list, flag) })?;
        let release = |device| {
            // SAFETY: the reference that came with the list, given back once.
            unsafe { sys::virNodeDeviceFree(device) }
        };
        // SAFETY: the list has `count` devices, each with a reference that is ours; the list itself is freed.
        let devices: Vec<_> = unsafe {
            let taken = (0..count as usize).filter_map(|index| NonNull::new(*list.add(index)));
            let taken = taken.map(|device| Found { pointer: device, release }).collect();
            libc::free(list.cast());
            taken
        };
        let mut found = Vec::with_capacity(devices.len());
        for device in &devices {
            // SAFETY: see above; `device` holds its reference.
            match owned_text(unsafe { sys::virNodeDeviceGetXMLDesc(device.as_ptr(), 0) }) {
                Ok(xml) => found.push(xml),
                // It has gone in the meantime.
                Err(error) if error.libvirt_code() == Some(sys::VIR_ERR_NO_NODE_DEVICE as i32) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// What the host's hypervisor offers to guests of an emulator, architecture, machine and domain type, as XML. An
    /// empty text leaves the choice to the host.
    pub fn domain_capabilities(&self, hypervisor: [&str; 4]) -> Result<String> {
        let mut texts: [Option<CString>; 4] = [const { None }; 4];
        for (text, given) in texts.iter_mut().zip(hypervisor) {
            *text = (!given.is_empty()).then(|| c_string("hypervisor", given)).transpose()?;
        }
        let [emulator, arch, machine, kind] =
            texts.each_ref().map(|text| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr()));
        // SAFETY: see above; the texts live to the end of this function.
        owned_text(unsafe {
            sys::virConnectGetDomainCapabilities(self.as_ptr(), emulator, arch, machine, kind, 0)
        })
    }
}

/// Something of libvirt's with a reference that is given back when it is dropped.
struct Found<T, F: Fn(*mut T) -> c_int> {
    pointer: NonNull<T>,
    release: F,
}

impl<T, F: Fn(*mut T) -> c_int> Found<T, F> {
    /// What a look-up found; nothing where it ended with the error `missing`.
    fn of(pointer: *mut T, missing: sys::virErrorNumber, release: F) -> Result<Option<Self>> {
        let Some(pointer) = NonNull::new(pointer) else {
            let error = last_error();
            return if error.code == missing as i32 { Ok(None) } else { Err(error.into()) };
        };
        Ok(Some(Self { pointer, release }))
    }

    fn as_ptr(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T, F: Fn(*mut T) -> c_int> Drop for Found<T, F> {
    fn drop(&mut self) {
        (self.release)(self.pointer.as_ptr());
    }
}
