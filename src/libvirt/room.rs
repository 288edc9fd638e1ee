//! The files and the memory that a host has for a guest.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_uint};

use virt::sys;

use super::connection::Connection;
use super::error::{check, last_error};
use super::typed_params::c_string;
use crate::error::LibvirtError;
use crate::{Error, Result};

/// The free pages of a host: for each NUMA node and page size, bytes, how many.
pub type FreePages = BTreeMap<(u32, u64), u64>;

impl Connection {
    /// Whether the host has a file, or a folder, at this path. An error where its daemon cannot tell.
    ///
    /// libvirt has no call for this. It is asked for the definition in a saved guest of this path, for which it opens
    /// the file, reads its first bytes and finds that it is none. Nothing is written, but a device is opened too.
    pub fn has_file(&self, path: &str) -> Result<bool> {
        if !path.starts_with('/') {
            return Err(Error::parameter("path", "is not absolute"));
        }
        let path = c_string("path", path)?;
        // SAFETY: the connection is open as long as `self`, and the path lives through the call.
        let xml = unsafe { sys::virDomainSaveImageGetXMLDesc(self.as_ptr(), path.as_ptr(), 0) };
        if !xml.is_null() {
            // SAFETY: a string that libvirt has handed out, freed once.
            unsafe { libc::free(xml.cast()) };
            return Ok(true);
        }
        let error = last_error();
        match (error.code, error.numbers[0]) {
            // What is read of a file that was opened is no saved guest.
            (LibvirtError::OPERATION_FAILED, _) => Ok(true),
            (LibvirtError::SYSTEM_ERROR, libc::ENOENT | libc::ENOTDIR) => Ok(false),
            // A socket cannot be opened, but it is there.
            (LibvirtError::SYSTEM_ERROR, libc::ENXIO) => Ok(true),
            _ => Err(error.into()),
        }
    }

    /// The free pages of each of these sizes, bytes, on each of the NUMA nodes. One that the host does not tell of is
    /// an error for all.
    pub fn free_pages(&self, cells: &[u32], sizes: &[u64]) -> Result<FreePages> {
        let kib =
            |size: &u64| c_uint::try_from(size / 1024).map_err(|_| Error::parameter("sizes", "too large"));
        let mut asked = sizes.iter().map(kib).collect::<Result<Vec<_>>>()?;
        let mut found = FreePages::new();
        for &cell in cells {
            let number = c_int::try_from(cell).map_err(|_| Error::parameter("cells", "too large"))?;
            let mut counts = vec![0; asked.len()];
            let (length, flags) = (asked.len() as c_uint, 0);
            // SAFETY: the connection is open as long as `self`; both arrays have `length` elements, as many as libvirt
            // reads of the one and writes of the other for one node.
            check(unsafe {
                sys::virNodeGetFreePages(
                    self.as_ptr(),
                    length,
                    asked.as_mut_ptr(),
                    number,
                    1,
                    counts.as_mut_ptr(),
                    flags,
                )
            })?;
            found.extend(sizes.iter().zip(counts).map(|(&size, count)| ((cell, size), count)));
        }
        Ok(found)
    }
}
