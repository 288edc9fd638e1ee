//! Guests that fit to what was measured.

use super::Dirtied;
use super::simulator::{Guest, Load};

/// Pages are sampled, so that a measurement is off by about this part.
const ERROR: f64 = 0.05;

/// A guest of which one measurement is all that is known writes to this many times what was found dirty, or to no more.
const WIDER: [f64; 3] = [1.02, 2.0, 6.0];

/// Writes that hit a working set this many times over leave nothing of it clean.
const SATURATED: f64 = 8.0;

/// The guests, at least one. Each writes to pages of its working set at random.
pub(super) fn candidates(memory: f64, dirtied: &[Dirtied]) -> Vec<Guest> {
    let mut dirtied: Vec<Dirtied> = dirtied.to_vec();
    dirtied.sort_by(|one, other| one.after.total_cmp(&other.after));
    dirtied.dedup_by(|one, other| one.after == other.after);
    match dirtied.as_slice() {
        // An idle guest, and some that are not.
        [] => [0.0, 0.05, 0.3].iter().map(|part| guest(memory, part * memory, part * memory)).collect(),
        [one] => WIDER.iter().map(|wider| with_hot(memory, *one, wider * one.bytes)).collect(),
        [first, .., last] => {
            let off = [1.0, 1.0 - ERROR, 1.0 + ERROR];
            let pairs = off.iter().flat_map(|low| off.iter().map(move |high| (low, high)));
            pairs
                .map(|(low, high)| {
                    let first = Dirtied { bytes: first.bytes * low, ..*first };
                    fitting(memory, first, Dirtied { bytes: last.bytes * high, ..*last })
                })
                .collect()
        }
    }
}

fn guest(memory: f64, hot: f64, rate: f64) -> Guest {
    Guest { memory, hot: hot.clamp(1.0, memory), load: Load::Steady(rate.max(0.0)) }
}

/// The guest with this working set of which so much is found dirty.
fn with_hot(memory: f64, found: Dirtied, hot: f64) -> Guest {
    let hot = hot.clamp(1.0, memory);
    let part = (found.bytes / hot).clamp(0.0, 1.0);
    // 1 - exp(-rate × time / hot) of the working set is dirty.
    let times = (-(1.0 - part).ln()).min(SATURATED);
    guest(memory, hot, times * hot / found.after)
}

/// The guest of which both are found: the less the second one finds more, the smaller is its working set.
fn fitting(memory: f64, first: Dirtied, last: Dirtied) -> Guest {
    let found = |times: f64| (1.0 - (-times * last.after / first.after).exp()) / (1.0 - (-times).exp());
    let ratio = last.bytes / first.bytes.max(1.0);
    // `found` falls from last.after / first.after to 1 with how often the working set is written in the first time.
    let (mut low, mut high) = (1e-6, SATURATED);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if found(middle) > ratio { low = middle } else { high = middle }
    }
    with_hot(memory, last, last.bytes / (1.0 - (-low * last.after / first.after).exp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1048576.0;

    fn found(hot: f64, rate: f64, after: f64) -> Dirtied {
        Dirtied { after, bytes: hot * (1.0 - (-rate * after / hot).exp()) }
    }

    #[test]
    fn two_measurements_tell_the_working_set() {
        for (hot, rate) in [(100.0, 50.0), (400.0, 100.0), (900.0, 700.0)] {
            let seen = [found(hot * MIB, rate * MIB, 1.0), found(hot * MIB, rate * MIB, 4.0)];
            let first = candidates(4096.0 * MIB, &seen)[0];
            let Load::Steady(fitted) = first.load else { panic!("{first:?}") };
            assert!((first.hot / MIB / hot - 1.0).abs() < 0.03, "{hot}: {}", first.hot / MIB);
            assert!((fitted / MIB / rate - 1.0).abs() < 0.03, "{rate}: {}", fitted / MIB);
        }
    }

    #[test]
    fn whatever_was_measured_no_guest_is_absurd() {
        let odd = [0.0, 1.0, 5e9, 9e17];
        for bytes in odd {
            for more in odd {
                for seen in [
                    vec![],
                    vec![(1.0, bytes)],
                    vec![(1.0, bytes), (4.0, more)],
                    vec![(4.0, bytes), (4.0, more)],
                ] {
                    let seen: Vec<_> =
                        seen.iter().map(|(after, bytes)| Dirtied { after: *after, bytes: *bytes }).collect();
                    for guest in candidates(1e9, &seen) {
                        let Load::Steady(rate) = guest.load else { panic!("{guest:?}") };
                        assert!(
                            rate.is_finite() && rate >= 0.0 && (1.0..=1e9).contains(&guest.hot),
                            "{seen:?}: {guest:?}"
                        );
                    }
                }
            }
        }
    }
}
