//! Calls for a guest's memory: how much there is of it, and how fast it is dirtied.

use std::ffi::{c_int, c_uint};
use std::ptr;

use virt::sys;

use super::error::check;
use super::typed_params::read;
use crate::Result;
use crate::domain::{DirtyRate, MemoryStats};
use crate::job::StatValue;

const KIB: u64 = 1024;

/// Begins a measurement by sampling pages (`VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING`), since libvirt 7.2.0.
pub(super) fn start(domain: sys::virDomainPtr, seconds: u16) -> Result<()> {
    // SAFETY: the caller's domain is valid.
    check(unsafe { sys::virDomainStartDirtyRateCalc(domain, c_int::from(seconds), 0) })?;
    Ok(())
}

/// What libvirt's statistics tell of its memory. A job of the domain is not waited for: what is not to be had beside it is left out.
pub(super) fn stats(domain: sys::virDomainPtr) -> Result<MemoryStats> {
    let wanted: c_uint = sys::VIR_DOMAIN_STATS_BALLOON | sys::VIR_DOMAIN_STATS_DIRTYRATE;
    let mut records: *mut sys::virDomainStatsRecordPtr = ptr::null_mut();
    let mut domains = [domain, ptr::null_mut()];
    let flags = sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
    // SAFETY: the caller's domain is valid and its list ends with NULL; libvirt sets the records, or leaves them.
    let count =
        check(unsafe { sys::virDomainListGetStats(domains.as_mut_ptr(), wanted, &mut records, flags) })?;
    let mut told = Told::default();
    if count > 0 && !records.is_null() {
        // SAFETY: libvirt has set so many records, each with its parameters, which are read before they are freed.
        unsafe {
            let record = &**records;
            read(record.params, record.nparams).for_each(|(name, value)| told.take(&name, value));
        }
    }
    // SAFETY: the list is libvirt's, ends with NULL, and is given back once; its function takes NULL.
    unsafe { sys::virDomainStatsRecordListFree(records) };
    Ok(told.stats())
}

/// The statistics as libvirt numbers them.
#[derive(Default)]
struct Told {
    current: Option<u64>,
    resident: Option<u64>,
    status: Option<u64>,
    period: Option<u64>,
    rate: Option<u64>,
}

impl Told {
    fn take(&mut self, name: &str, value: StatValue) {
        let number = match value {
            StatValue::Int(number) => u64::try_from(number).ok(),
            StatValue::UInt(number) => Some(number),
            _ => None,
        };
        match name {
            "balloon.current" => self.current = number,
            "balloon.rss" => self.resident = number,
            "dirtyrate.calc_status" => self.status = number,
            "dirtyrate.calc_period" => self.period = number,
            "dirtyrate.megabytes_per_second" => self.rate = number,
            _ => {}
        }
    }

    fn stats(&self) -> MemoryStats {
        let measured = self.status == Some(u64::from(sys::VIR_DOMAIN_DIRTYRATE_MEASURED));
        let begun =
            self.status.is_some_and(|status| status != u64::from(sys::VIR_DOMAIN_DIRTYRATE_UNSTARTED));
        let period = self.period.filter(|_| begun);
        MemoryStats {
            current: self.current.map(|kib| kib.saturating_mul(KIB)),
            resident: self.resident.map(|kib| kib.saturating_mul(KIB)),
            dirty_rate: period
                .map(|seconds| DirtyRate { seconds, mib_per_second: self.rate.filter(|_| measured) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(figures: &[(&str, u64)]) -> MemoryStats {
        let mut told = Told::default();
        figures.iter().for_each(|(name, number)| told.take(name, StatValue::UInt(*number)));
        told.stats()
    }

    #[test]
    fn a_rate_is_told_only_once_it_is_measured() {
        assert_eq!(told(&[]), MemoryStats::default());
        let unstarted = told(&[("dirtyrate.calc_status", 0), ("dirtyrate.calc_period", 0)]);
        assert_eq!(unstarted.dirty_rate, None);
        let running = [("dirtyrate.calc_status", 1), ("dirtyrate.calc_period", 3)];
        assert_eq!(told(&running).dirty_rate, Some(DirtyRate { seconds: 3, mib_per_second: None }));
        let over = told(&[
            ("dirtyrate.calc_status", 2),
            ("dirtyrate.calc_period", 3),
            ("dirtyrate.megabytes_per_second", 20),
            ("balloon.current", 1024),
            ("balloon.rss", 2048),
        ]);
        assert_eq!(over.dirty_rate, Some(DirtyRate { seconds: 3, mib_per_second: Some(20) }));
        assert_eq!((over.current, over.resident), (Some(1 << 20), Some(2 << 20)));
    }
}
