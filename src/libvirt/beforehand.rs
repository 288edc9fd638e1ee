//! What libvirt tells of a guest before it moves: what it keeps of it, what holds it, and whether it would begin.

use std::ptr::null_mut;

use virt::sys;

use super::control;
use super::domain::Domain;
use super::error::{check, last_error};
use super::typed_params::{TypedParams, c_string};
use crate::domain::{DomainOps, Kept};
use crate::error::LibvirtError;
use crate::flags::MigrateFlags;
use crate::params::MigrateParams;
use crate::{Error, Result};

/// Where a migration that is only asked for would send its data. libvirt knows three schemes; this is none of them, so
/// the destination refuses it before it prepares anything, and the source could not open it either.
const NOWHERE: &str = "asked-only://nowhere";

// SAFETY of every call below: the domain's pointer is valid by the invariant of its type, and every other pointer is
// NULL or to a value that outlives the call.
impl Domain {
    /// How many of these libvirt keeps of the domain.
    pub(super) fn kept_count(&self, what: Kept) -> Result<u32> {
        let _call = self.enter();
        let count = match what {
            // SAFETY: see above.
            Kept::Snapshots => unsafe { sys::virDomainSnapshotNum(self.as_ptr(), 0) },
            // SAFETY: see above; without a place for the list it is only counted.
            Kept::Checkpoints => unsafe { sys::virDomainListAllCheckpoints(self.as_ptr(), null_mut(), 0) },
            // SAFETY: see above.
            Kept::ManagedSave => unsafe { sys::virDomainHasManagedSaveImage(self.as_ptr(), 0) },
        };
        Ok(u32::try_from(check(count)?).unwrap_or_default())
    }

    /// Whether a block job works on this disk.
    pub(super) fn disk_has_block_job(&self, disk: &str) -> Result<bool> {
        let disk = c_string("disk", disk)?;
        let _call = self.enter();
        let mut info = sys::virDomainBlockJobInfo { type_: 0, bandwidth: 0, cur: 0, end: 0 };
        // SAFETY: see above; libvirt writes the structure, or leaves it as it is.
        let found = unsafe { sys::virDomainGetBlockJobInfo(self.as_ptr(), disk.as_ptr(), &mut info, 0) };
        Ok(check(found)? == 1)
    }

    /// Has libvirt begin the migration and the destination look at it, with nowhere to send data to: what would refuse
    /// it says so, and where nothing does, the destination refuses that address. Nothing is started at either host.
    ///
    /// With PEER2PEER the source's daemon calls the destination's, which it has to reach by itself; without, this
    /// process calls both. A tunnel has no address, so a migration over one cannot be asked for.
    pub(super) fn ask_to_begin(&self, destination: &str, params: &MigrateParams) -> Result<()> {
        let flags = params.flags();
        if flags.contains(MigrateFlags::TUNNELLED) {
            return Err(Error::unsupported("asking for a migration over a tunnel"));
        }
        let list = TypedParams::from_migration_to(params, NOWHERE)?;
        let _call = self.enter();
        let refusal = if flags.contains(MigrateFlags::PEER2PEER) {
            self.refusal_of_daemon(destination, &list, flags)?
        } else {
            self.refusal_of_steps(destination, &list, flags)?
        };
        match refusal {
            Some(error) if error.message.contains(NOWHERE) => Ok(()),
            Some(error) => Err(error.into()),
            None => {
                let message = format!("libvirt has taken {NOWHERE} for an address to migrate to");
                Err(LibvirtError::found_here(LibvirtError::OPERATION_FAILED, message).into())
            }
        }
    }

    /// Why a peer-to-peer migration fails.
    fn refusal_of_daemon(
        &self,
        destination: &str,
        list: &TypedParams,
        flags: MigrateFlags,
    ) -> Result<Option<LibvirtError>> {
        let destination = c_string("destination", destination)?;
        let count = u32::try_from(list.len()).unwrap_or_default();
        // SAFETY: see above; libvirt reads the list and changes nothing in it.
        let result = unsafe {
            let (uri, params) = (destination.as_ptr(), list.as_ptr());
            sys::virDomainMigrateToURI3(self.as_ptr(), uri, params, count, flags.bits())
        };
        Ok((result != 0).then(last_error))
    }

    /// Why a managed migration fails, whose steps this process calls.
    fn refusal_of_steps(
        &self,
        destination: &str,
        list: &TypedParams,
        flags: MigrateFlags,
    ) -> Result<Option<LibvirtError>> {
        let host = control::connection_to(destination.to_owned(), &self.uuid()?, self.limit())?;
        let count = u32::try_from(list.len()).unwrap_or_default();
        // SAFETY: see above; the connection is held here, and libvirt changes nothing in the list.
        let moved = unsafe {
            sys::virDomainMigrate3(self.as_ptr(), host.as_ptr(), list.as_ptr(), count, flags.bits())
        };
        if moved.is_null() {
            // Now: closing the connection is a call of libvirt's, which would have no error.
            return Ok(Some(last_error()));
        }
        // SAFETY: libvirt handed out a reference, which is given back.
        unsafe { sys::virDomainFree(moved) };
        Ok(None)
    }
}
