//! What a host has of storage pools and volumes, and how large a guest's disk is.

use std::ffi::CString;

use virt::sys;

use super::connection::Connection;
use super::domain::Domain;
use super::error::{check, last_error};
use super::host::owned_text;
use super::typed_params::c_string;
use crate::domain_xml::{Pool, Volume, VolumePlace, XmlError};
use crate::error::LibvirtError;
use crate::numbers::errors;
use crate::{Error, Result};

/// A reference to a volume, which is given back once.
struct VolumeRef(sys::virStorageVolPtr);

impl Drop for VolumeRef {
    fn drop(&mut self) {
        // SAFETY: made of a reference that libvirt handed out, which is ours.
        unsafe { sys::virStorageVolFree(self.0) };
    }
}

/// A reference to a pool, which is given back once.
struct PoolRef(sys::virStoragePoolPtr);

impl Drop for PoolRef {
    fn drop(&mut self) {
        // SAFETY: made of a reference that libvirt handed out, which is ours.
        unsafe { sys::virStoragePoolFree(self.0) };
    }
}

// SAFETY of every call below: the connection is open as long as `self`, every string is a C string that outlives the
// call, and a reference is valid as long as its value.
impl Connection {
    /// The volume at a place; `None` where no active pool of the host has one there, which says nothing of files that
    /// are in no pool, nor of one that was made since the pool was looked at last.
    pub fn volume(&self, place: &VolumePlace) -> Result<Option<Volume>> {
        match place {
            VolumePlace::Path(path) => {
                let path = c_string("path", path)?;
                // SAFETY: see above.
                describe_volume(unsafe { sys::virStorageVolLookupByPath(self.as_ptr(), path.as_ptr()) })
            }
            VolumePlace::InPool { pool, name } => {
                let name = c_string("name", name)?;
                let Some(pool) = self.pool_ref(c_string("pool", pool)?)? else { return Ok(None) };
                // SAFETY: see above. The pool outlives the reading of the error, which giving it back would clear.
                describe_volume(unsafe { sys::virStorageVolLookupByName(pool.0, name.as_ptr()) })
            }
        }
    }

    /// The pool of this name, and whether it is active.
    pub fn pool(&self, name: &str) -> Result<Option<(Pool, bool)>> {
        let Some(pool) = self.pool_ref(c_string("name", name)?)? else { return Ok(None) };
        // SAFETY: see above.
        let active = check(unsafe { sys::virStoragePoolIsActive(pool.0) })? == 1;
        Ok(Some((describe(&pool)?, active)))
    }

    /// The active pool whose volumes are in this folder. There libvirt makes the image of a disk that is copied.
    pub fn pool_at(&self, folder: &str) -> Result<Option<Pool>> {
        let folder = c_string("folder", folder)?;
        // SAFETY: see above.
        let found = unsafe { sys::virStoragePoolLookupByTargetPath(self.as_ptr(), folder.as_ptr()) };
        if found.is_null() { absent(errors::NO_STORAGE_POOL) } else { describe(&PoolRef(found)).map(Some) }
    }

    fn pool_ref(&self, name: CString) -> Result<Option<PoolRef>> {
        // SAFETY: see above.
        let found = unsafe { sys::virStoragePoolLookupByName(self.as_ptr(), name.as_ptr()) };
        if found.is_null() { absent(errors::NO_STORAGE_POOL) } else { Ok(Some(PoolRef(found))) }
    }
}

/// Describes what a look-up has just found, and gives it back.
fn describe_volume(found: sys::virStorageVolPtr) -> Result<Option<Volume>> {
    if found.is_null() {
        return absent(errors::NO_STORAGE_VOL);
    }
    let volume = VolumeRef(found);
    // SAFETY: the reference is valid as long as its value. libvirt looks at the volume anew for this.
    let text = owned_text(unsafe { sys::virStorageVolGetXMLDesc(volume.0, 0) })?;
    Volume::parse(&text).map(Some).map_err(|error| not_understood("a volume", error))
}

fn describe(pool: &PoolRef) -> Result<Pool> {
    // SAFETY: the reference is valid as long as its value.
    let text = owned_text(unsafe { sys::virStoragePoolGetXMLDesc(pool.0, 0) })?;
    Pool::parse(&text).map_err(|error| not_understood("a pool", error))
}

/// What a look-up that found nothing says: with this error that there is nothing, with others that it is not known.
fn absent<T>(code: i32) -> Result<Option<T>> {
    let error = last_error();
    if error.code == code { Ok(None) } else { Err(error.into()) }
}

fn not_understood(what: &str, error: XmlError) -> Error {
    let message = format!("libvirt's description of {what} is not understood: {error}");
    LibvirtError::found_here(LibvirtError::INTERNAL_ERROR, message).into()
}

/// What a guest that runs sees of its disk with this target, bytes.
pub(super) fn disk_size(domain: &Domain, target: &str) -> Result<u64> {
    let target = c_string("target", target)?;
    let mut info = sys::virDomainBlockInfo { capacity: 0, allocation: 0, physical: 0 };
    // SAFETY: the domain's pointer is valid by the invariant of its type; libvirt writes into `info`, which outlives
    // the call.
    check(unsafe { sys::virDomainGetBlockInfo(domain.as_ptr(), target.as_ptr(), &mut info, 0) })?;
    Ok(info.capacity)
}
