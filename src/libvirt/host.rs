//! What a connection tells of its host: who it is, what runs there, and what it could take.

use std::ffi::{CStr, c_char, c_int};

use virt::sys;

use super::connection::Connection;
use super::domain::Domain;
use super::error::{check, copy, last_error};
use super::typed_params::c_string;
use crate::Result;
use crate::domain::DomainOps;

/// What a host's processor is to a guest that ran on another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CpuComparison {
    /// The host lacks something that the processor asked for has.
    Incompatible,
    /// The host has just that.
    Identical,
    /// The host has that, and more.
    Superset,
}

impl CpuComparison {
    /// The name at the Python surface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incompatible => "incompatible",
            Self::Identical => "identical",
            Self::Superset => "superset",
        }
    }
}

// SAFETY of every call below: the connection is open as long as `self`, and every other pointer is to a value
// that outlives the call.
impl Connection {
    /// The host's name, as it gives it itself.
    pub fn hostname(&self) -> Result<String> {
        // SAFETY: see above.
        owned_text(unsafe { sys::virConnectGetHostname(self.as_ptr()) })
    }

    /// The URI of the daemon, in full where libvirt chose it.
    pub fn uri(&self) -> Result<String> {
        // SAFETY: see above.
        owned_text(unsafe { sys::virConnectGetURI(self.as_ptr()) })
    }

    /// The host's capabilities, as XML.
    pub fn capabilities(&self) -> Result<String> {
        // SAFETY: see above.
        owned_text(unsafe { sys::virConnectGetCapabilities(self.as_ptr()) })
    }

    /// The guests that the host knows; those that run or are paused only, with `active`.
    pub fn domains(&self, active: bool) -> Result<Vec<Domain>> {
        let flags = if active { sys::VIR_CONNECT_LIST_DOMAINS_ACTIVE } else { 0 };
        let mut list: *mut sys::virDomainPtr = std::ptr::null_mut();
        // SAFETY: see above; libvirt sets the list, or leaves it as it is.
        let count = check(unsafe { sys::virConnectListAllDomains(self.as_ptr(), &mut list, flags) })?;
        // SAFETY: the list has `count` domains, each with a reference that is ours; the list itself is freed.
        unsafe {
            let domains =
                (0..count as usize).map(|index| Domain::from_owned(*list.add(index)).through(self)).collect();
            libc::free(list.cast());
            Ok(domains)
        }
    }

    /// Memory that a new guest could get, bytes: what is free, and what only caches files.
    pub fn free_memory(&self) -> Result<u64> {
        let mut count: c_int = 0;
        let ask = |stats: sys::virNodeMemoryStatsPtr, count: &mut c_int| {
            let all = sys::VIR_NODE_MEMORY_STATS_ALL_CELLS;
            // SAFETY: see above; without room libvirt tells how many figures it has, else it writes so many.
            check(unsafe { sys::virNodeGetMemoryStats(self.as_ptr(), all, stats, count, 0) })
        };
        ask(std::ptr::null_mut(), &mut count)?;
        let empty = sys::virNodeMemoryStats { field: [0; 80], value: 0 };
        let mut stats = vec![empty; usize::try_from(count).unwrap_or(0)];
        ask(stats.as_mut_ptr(), &mut count)?;
        let counted = [
            sys::VIR_NODE_MEMORY_STATS_FREE,
            sys::VIR_NODE_MEMORY_STATS_BUFFERS,
            sys::VIR_NODE_MEMORY_STATS_CACHED,
        ];
        // SAFETY: libvirt ends each name with a NUL within its 80 characters; those it left alone are empty.
        let name = |stat: &sys::virNodeMemoryStats| unsafe { CStr::from_ptr(stat.field.as_ptr()) }.to_owned();
        let found = stats.iter().filter(|stat| counted.contains(&name(stat).as_c_str()));
        Ok(found.map(|stat| stat.value * 1024).sum())
    }

    /// What the host's processor is to the `<cpu>` of a guest or of another host's capabilities.
    ///
    /// With `hypervisor` (emulator, architecture, machine, domain type) the hypervisor is asked, which may give
    /// guests less than the host has.
    pub fn compare_cpu(&self, cpu: &str, hypervisor: Option<[&str; 4]>) -> Result<CpuComparison> {
        let cpu = c_string("cpu", cpu)?;
        let result = match hypervisor {
            // SAFETY: see above.
            None => unsafe { sys::virConnectCompareCPU(self.as_ptr(), cpu.as_ptr(), 0) },
            Some([emulator, arch, machine, kind]) => {
                let [emulator, arch] = [c_string("emulator", emulator)?, c_string("arch", arch)?];
                let [machine, kind] = [c_string("machine", machine)?, c_string("type", kind)?];
                let host = self.as_ptr();
                let [emulator, arch] = [emulator.as_ptr(), arch.as_ptr()];
                let [machine, kind] = [machine.as_ptr(), kind.as_ptr()];
                // SAFETY: see above; the four strings live to the end of this block.
                unsafe {
                    sys::virConnectCompareHypervisorCPU(host, emulator, arch, machine, kind, cpu.as_ptr(), 0)
                }
            }
        };
        match check(result)? {
            1 => Ok(CpuComparison::Identical),
            2 => Ok(CpuComparison::Superset),
            _ => Ok(CpuComparison::Incompatible),
        }
    }

    /// Has the host read a definition as if to start it, without keeping it. Refused where it could not be.
    pub fn check_definition(&self, xml: &str) -> Result<()> {
        let xml = c_string("xml", xml)?;
        // SAFETY: see above. The answer, QEMU's command line, is of no interest here and may hold secrets.
        unsafe {
            let format = c"qemu-argv".as_ptr();
            let line = sys::virConnectDomainXMLToNative(self.as_ptr(), format, xml.as_ptr(), 0);
            owned_text(line).map(drop)
        }
    }

    /// Has the host keep a definition, and removes it again.
    pub fn try_definition(&self, xml: &str) -> Result<()> {
        let xml = c_string("xml", xml)?;
        // SAFETY: see above.
        let domain = unsafe { sys::virDomainDefineXML(self.as_ptr(), xml.as_ptr()) };
        if domain.is_null() {
            return Err(last_error().into());
        }
        // SAFETY: libvirt handed out a reference, which is taken over.
        unsafe { Domain::from_owned(domain) }.undefine()
    }
}

/// A text of libvirt's that is ours to free.
pub(super) fn owned_text(text: *mut c_char) -> Result<String> {
    // SAFETY: the callers pass what libvirt has just returned: NULL, or a string that is freed here once.
    unsafe {
        let copied = copy(text);
        libc::free(text.cast());
        copied.ok_or_else(|| last_error().into())
    }
}
