//! How soon to look at a migration again.

use std::time::Duration;

use crate::progress::{Phase, Progress};

/// Two looks are never closer than this, whatever the events say.
pub const CLOSEST: Duration = Duration::from_millis(20);

/// The pause until the next look.
///
/// Without events the last part matters, so the closer the end the shorter the pause. With events each pass
/// over the memory and the end make themselves known, and looks in between only keep the figures fresh.
pub fn interval(progress: &Progress, events: bool) -> Duration {
    let ms = Duration::from_millis;
    match progress.phase {
        // The first pass is an event. Without those: a migration of an idle guest is over in a second or two.
        Phase::Setup if events => ms(500),
        Phase::Setup if progress.elapsed < Duration::from_secs(2) => ms(50),
        Phase::Setup => ms(200),
        Phase::Disks => ms(500),
        Phase::Memory => {
            let (shortest, longest) = if events { (ms(100), ms(1000)) } else { (CLOSEST, ms(500)) };
            let left = progress.expected_time_left.or_else(|| one_pass(progress));
            // Until anything is known of the speed, a tenth of a second.
            left.map_or(ms(100), |left| left / 8).clamp(shortest, longest)
        }
        Phase::Switchover => {
            if events {
                ms(200)
            } else {
                ms(50)
            }
        }
        Phase::PostCopy => {
            if events {
                ms(500)
            } else {
                ms(200)
            }
        }
        Phase::Finishing => ms(200),
    }
}

/// How long what is left takes if nothing is added.
fn one_pass(progress: &Progress) -> Option<Duration> {
    let throughput = progress.throughput.filter(|rate| *rate > 0.0)?;
    Duration::try_from_secs_f64(progress.memory_remaining as f64 / throughput).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(left: Option<u64>) -> Progress {
        let expected_time_left = left.map(Duration::from_millis);
        Progress { phase: Phase::Memory, expected_time_left, ..Progress::default() }
    }

    #[test]
    fn the_end_is_watched_more_closely() {
        let polled: Vec<_> =
            [60_000, 2000, 400, 10].map(|left| interval(&memory(Some(left)), false).as_millis()).into();
        assert_eq!(polled, [500, 250, 50, 20]);
    }

    #[test]
    fn events_allow_longer_pauses() {
        for left in [None, Some(60_000), Some(1000), Some(1)] {
            let progress = memory(left);
            assert!(interval(&progress, true) >= interval(&progress, false), "{left:?}");
        }
        assert_eq!(interval(&memory(Some(60_000)), true).as_millis(), 1000);
    }

    #[test]
    fn without_an_estimate_the_rest_of_the_pass_counts() {
        let progress = Progress { memory_remaining: 800, throughput: Some(1000.0), ..memory(None) };
        assert_eq!(interval(&progress, false).as_millis(), 100);
        let still = Progress { throughput: Some(0.0), ..progress };
        assert_eq!(interval(&still, false).as_millis(), 100);
    }
}
