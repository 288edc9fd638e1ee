//! How a guest's migration will go: [`Guest::forecast`]. Asks the source, measures the guest there, and moves nothing.

mod measuring;

use std::time::Duration;

use measuring::measure;

use crate::domain::{DomainOps, XmlFlags};
use crate::driver::same_process;
use crate::forecast::{Known, Prospect, check_intent};
use crate::guest::Guest;
use crate::learnt::Route;
use crate::policy::Convergence;
use crate::uri::check_uri;
use crate::{Error, Result};

/// What a forecast is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Way<'a> {
    /// The URI of the destination's daemon: a migration of this process to there may have learnt what the link carries.
    pub destination: Option<&'a str>,
    /// What the link carries, bytes/s, where somebody knows it.
    pub link: Option<f64>,
    /// Disks that are copied, bytes.
    pub disks: f64,
}

impl Guest {
    /// How the guest's migration will go with this intent.
    ///
    /// libvirt's dirty-rate calculation at the source (`virDomainStartDirtyRateCalc`, by sampling pages) is run for five
    /// seconds; the destination is not asked. What cannot be known is told, and nothing fails for it. Refused are a guest
    /// that is shut off, figures that are none, and a schedule. `interrupted` is asked now and then; once it says yes this
    /// returns with an error.
    pub fn forecast(
        &self,
        way: Way<'_>,
        convergence: &Convergence,
        mut interrupted: impl FnMut() -> bool,
    ) -> Result<Prospect> {
        same_process(self.process())?;
        check_intent(convergence)?;
        check_way(way)?;
        let domain = self.shared_domain();
        let mut known = memory_of(domain.as_ref())?;
        (known.given, known.disks) = (way.link, way.disks);
        known.learnt = domain
            .home()
            .zip(way.destination)
            .and_then(|(here, there)| Route::new(&here, there).carries(Duration::ZERO));
        measure(domain.as_ref(), &mut known, &mut interrupted)?;
        known.prospect(convergence)
    }
}

/// Refuses what is wrong before anything is measured.
fn check_way(way: Way<'_>) -> Result<()> {
    if let Some(uri) = way.destination {
        check_uri("destination", uri)?;
    }
    for (name, number, least) in [("link", way.link.unwrap_or(1.0), 1.0), ("disks", way.disks, 0.0)] {
        if !(number >= least && number <= 1e18) {
            return Err(Error::parameter(name, format!("{number} is not between {least} and 1e18")));
        }
    }
    Ok(())
}

/// The memory that the guest has, and how much of it is not empty.
fn memory_of(domain: &dyn DomainOps) -> Result<Known> {
    let stats = domain.memory_stats().unwrap_or_default();
    let xml = domain.xml(XmlFlags::empty())?;
    let total = stats.current.or_else(|| defined_memory(&xml));
    let total = total.ok_or_else(|| Error::not_now("nobody tells how much memory the guest has"))? as f64;
    // Huge pages count as nobody's.
    let resident = stats.resident.filter(|_| !xml.contains("<hugepages"));
    Ok(Known { total, resident: resident.map(|bytes| bytes as f64), ..Known::default() })
}

/// The memory in a definition as libvirt writes it.
fn defined_memory(xml: &str) -> Option<u64> {
    let (_, rest) = xml.split_once("<memory unit='KiB'>")?;
    let kib: u64 = rest.split_once('<')?.0.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::defined_memory;

    #[test]
    fn the_memory_is_read_as_libvirt_writes_it() {
        assert_eq!(defined_memory("<domain><memory unit='KiB'>2048</memory></domain>"), Some(2 << 20));
        for odd in
            ["<domain/>", "<memory unit='KiB'>x</memory>", "<memory unit='KiB'>99999999999999999999</memory>"]
        {
            assert_eq!(defined_memory(odd), None, "{odd}");
        }
    }
}
