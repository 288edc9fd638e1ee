//! Has libvirt measure how much memory a guest dirties.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::domain::DomainOps;
use crate::forecast::{Dirtied, Known};
use crate::{Error, Result};

const MIB: f64 = 1048576.0;

/// Measured one after the other, s: of two times the working set is known, and two of the same tell whether the guest
/// always writes.
const PERIODS: [u16; 3] = [1, 1, 3];

/// QEMU samples so many pages of each GiB.
const SAMPLES: f64 = 512.0;

/// Beside what is sampled, a measurement is off by this part at least.
const LEAST_OFF: f64 = 0.03;

/// How often it is looked whether a measurement is over.
const LOOK: Duration = Duration::from_millis(50);

/// How much longer than its time a measurement is waited for: a host may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes into `known` what is found, and why something is not.
pub(super) fn measure(
    domain: &dyn DomainOps,
    known: &mut Known,
    interrupted: &mut dyn FnMut() -> bool,
) -> Result<()> {
    let state = domain.state()?;
    if state.is_shut_off() {
        return Err(Error::not_now("the guest is shut off: it has no memory to move"));
    }
    if state.is_paused() {
        known.dirtied = PERIODS[1..].iter().map(|after| Dirtied::new(f64::from(*after), 0.0)).collect();
        return Ok(());
    }
    // Beside another job of the domain libvirt would wait for half a minute, and refuse.
    if domain.job_info(false).is_ok_and(|job| job.kind.is_active()) {
        known
            .unknown
            .push("how fast the guest writes: a job of it runs, and it is not measured beside one".into());
        return Ok(());
    }
    for seconds in PERIODS {
        match one(domain, seconds, known.total, interrupted) {
            Ok(dirtied) => known.dirtied.push(dirtied),
            Err(_) if interrupted() => return Err(Error::not_now("the measurement was interrupted")),
            Err(error) => {
                known.unknown.push(format!("how fast the guest writes: {error}"));
                break;
            }
        }
    }
    Ok(())
}

/// One measurement.
fn one(
    domain: &dyn DomainOps,
    seconds: u16,
    memory: f64,
    interrupted: &mut dyn FnMut() -> bool,
) -> Result<Dirtied> {
    domain.start_dirty_rate(seconds)?;
    let until = Instant::now() + Duration::from_secs(seconds.into()) + PATIENCE;
    loop {
        let rate = domain.memory_stats()?.dirty_rate.filter(|rate| rate.seconds == u64::from(seconds));
        if let Some(found) = rate.and_then(|rate| rate.mib_per_second) {
            return Ok(dirtied(seconds, found, memory));
        }
        if interrupted() || Instant::now() > until {
            return Err(Error::not_now("a measurement does not come to its end"));
        }
        sleep(LOOK);
    }
}

/// What a rate of whole MiB/s comes to, and how far off it may be in a guest with so much memory.
fn dirtied(seconds: u16, mib_per_second: u64, memory: f64) -> Dirtied {
    let after = f64::from(seconds);
    let bytes = (mib_per_second as f64 * MIB * after).min(memory);
    let samples = (memory / MIB / 1024.0 * SAMPLES).max(1.0);
    let part = (bytes / memory).clamp(1.0 / samples, 1.0);
    let sampled = ((1.0 - part) / (part * samples)).sqrt();
    let rounded = if bytes > 0.0 { 0.5 * after * MIB / bytes } else { 0.0 };
    Dirtied { after, bytes, off: sampled.max(LEAST_OFF) + rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_guest_is_measured_less_exactly() {
        let off = |gib: f64, mib: u64| dirtied(1, mib, gib * 1024.0 * MIB).off;
        assert!(off(64.0, 6000) < 0.05);
        assert!(off(0.25, 16) > 0.3);
        assert!(off(0.5, 160) < off(0.5, 16));
        let none = dirtied(3, 0, 1e9);
        assert!(none.bytes == 0.0 && none.off.is_finite());
        assert_eq!(dirtied(3, u64::MAX, 1e9).bytes, 1e9);
    }
}
