//! Guests that fit to what was measured.

use super::Dirtied;
use super::simulator::{Guest, Load};

/// Pages are sampled, so that a measurement of a large guest is off by about this part.
pub(super) const ERROR: f64 = 0.05;

/// A guest of which one measurement is all that is known writes to this many times what was found dirty, or to no more.
const WIDER: [f64; 3] = [1.02, 2.0, 6.0];

/// Writes that hit a working set this many times over leave nothing of it clean.
const SATURATED: f64 = 8.0;

/// Where nothing was left clean the guest may write this many times faster than that takes: nobody knows, and it matters
/// where it is throttled. A processor dirties gigabytes a second.
const FASTER: f64 = 20.0;

/// Measurements that differ by more than this many times what they may be off are of a guest that does not always write.
const DIFFERENT: f64 = 3.0;

/// Bursts with the rest after them, as parts of the longest time that was measured.
const CYCLES: [f64; 3] = [0.3, 1.0, 3.0];

/// The guests, at least one. Each writes to pages of its working set at random.
pub(super) fn candidates(memory: f64, dirtied: &[Dirtied]) -> Vec<Guest> {
    let seen = means(dirtied);
    if is_unsteady(dirtied) {
        return in_bursts(memory, dirtied);
    }
    match seen.as_slice() {
        // An idle guest, and some that are not.
        [] => [0.0, 0.05, 0.3].iter().map(|part| guest(memory, part * memory, part * memory)).collect(),
        [one] => WIDER.iter().map(|wider| with_hot(memory, *one, wider * one.bytes)).collect(),
        [first, .., last] => {
            let pairs = around(first).into_iter().flat_map(|low| around(last).map(move |high| (low, high)));
            let fitted = pairs.map(|(low, high)| {
                let first = Dirtied { bytes: low, ..*first };
                fitting(memory, first, Dirtied { bytes: high, ..*last })
            });
            fitted.flat_map(|guest| [Some(guest), faster(guest, last.after)]).flatten().collect()
        }
    }
}

/// One that writes faster, which would not have been found otherwise.
fn faster(guest: Guest, after: f64) -> Option<Guest> {
    match guest.load {
        Load::Steady(rate) if rate * after >= 0.9 * SATURATED * guest.hot => {
            Some(Guest { load: Load::Steady(FASTER * rate), ..guest })
        }
        _ => None,
    }
}

/// What it is, and as much less and more as it may be off.
fn around(dirtied: &Dirtied) -> [f64; 3] {
    let off = dirtied.off.min(0.9);
    [1.0, 1.0 - off, 1.0 + off].map(|part| part * dirtied.bytes)
}

/// One for each time that was measured, by the time.
fn means(dirtied: &[Dirtied]) -> Vec<Dirtied> {
    let mut sorted = dirtied.to_vec();
    sorted.sort_by(|one, other| one.after.total_cmp(&other.after));
    let same = sorted.chunk_by(|one, other| one.after == other.after);
    same.map(|same| {
        let count = same.len() as f64;
        let mean = |figure: fn(&Dirtied) -> f64| same.iter().map(figure).sum::<f64>() / count;
        Dirtied {
            after: same[0].after,
            bytes: mean(|one| one.bytes),
            off: mean(|one| one.off) / count.sqrt(),
        }
    })
    .collect()
}

/// Whether it was found writing in one measurement and hardly in another one, of the same length or a shorter one.
pub(super) fn is_unsteady(dirtied: &[Dirtied]) -> bool {
    let room = |one: &Dirtied| DIFFERENT * one.off * one.bytes;
    dirtied.iter().any(|more| {
        dirtied.iter().any(|less| {
            // In a longer time no more than in proportion is found of a guest that always writes.
            let times = more.after / less.after;
            times >= 1.0 && more.bytes - room(more) > times * (less.bytes + room(less))
        })
    })
}

/// Guests that write to all that was ever found dirty at once, and rest.
fn in_bursts(memory: f64, dirtied: &[Dirtied]) -> Vec<Guest> {
    let hot = dirtied.iter().map(|one| one.bytes).fold(1.0, f64::max).clamp(1.0, memory);
    let longest = dirtied.iter().map(|one| one.after).fold(0.0, f64::max);
    let (time, busy) = dirtied.iter().fold((0.0, 0.0), |(time, busy), one| {
        (time + one.after, busy + one.after * (one.bytes / hot).min(1.0))
    });
    let part = (busy / time).clamp(0.05, 0.95);
    let one = |cycle: &f64| {
        let cycle = cycle * longest;
        let load = Load::Bursts {
            rate: SATURATED * hot / (part * cycle),
            busy: part * cycle,
            calm: (1.0 - part) * cycle,
        };
        Guest { memory, hot, load }
    };
    CYCLES.iter().map(one).collect()
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
        Dirtied::new(after, hot * (1.0 - (-rate * after / hot).exp()))
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
    fn a_guest_of_which_nothing_is_left_clean_may_write_faster() {
        let rates = |figures: &[(f64, f64)]| -> Vec<f64> {
            let seen: Vec<_> = figures.iter().map(|(after, mib)| Dirtied::new(*after, mib * MIB)).collect();
            let rate = |guest: &Guest| match guest.load {
                Load::Steady(rate) => rate / guest.hot,
                _ => panic!("{guest:?}"),
            };
            candidates(4096.0 * MIB, &seen).iter().map(rate).collect()
        };
        let saturated = rates(&[(1.0, 400.0), (3.0, 400.0)]);
        assert!(saturated.iter().any(|rate| *rate > 40.0) && saturated.iter().any(|rate| *rate < 9.0));
        assert!(rates(&[(1.0, 100.0), (3.0, 280.0)]).iter().all(|rate| *rate < 9.0));
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
                        seen.iter().map(|(after, bytes)| Dirtied::new(*after, *bytes)).collect();
                    for guest in candidates(1e9, &seen) {
                        let (Load::Steady(rate) | Load::Bursts { rate, .. }) = guest.load else {
                            panic!("{guest:?}")
                        };
                        assert!(
                            rate.is_finite() && rate >= 0.0 && (1.0..=1e9).contains(&guest.hot),
                            "{seen:?}: {guest:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_guest_that_rests_is_told_from_one_that_always_writes() {
        let seen = |figures: &[(f64, f64)]| -> Vec<Dirtied> {
            figures.iter().map(|(after, mib)| Dirtied::new(*after, mib * MIB)).collect()
        };
        for (figures, expected) in [
            (&[(1.0, 100.0), (1.0, 104.0), (3.0, 110.0)][..], false),
            (&[(1.0, 20.0), (1.0, 21.0), (3.0, 60.0)], false),
            (&[(1.0, 0.0), (1.0, 60.0), (3.0, 62.0)], true),
            (&[(1.0, 0.0), (3.0, 62.0)], true),
            (&[(1.0, 0.0), (3.0, 0.0)], false),
            (&[], false),
        ] {
            assert_eq!(is_unsteady(&seen(figures)), expected, "{figures:?}");
        }
        let guests = candidates(512.0 * MIB, &seen(&[(1.0, 0.0), (1.0, 60.0), (3.0, 62.0)]));
        for guest in guests {
            let Load::Bursts { busy, calm, .. } = guest.load else { panic!("{guest:?}") };
            assert!(busy > 0.0 && calm > 0.0 && (guest.hot / MIB - 62.0).abs() < 1.0, "{guest:?}");
        }
    }
}
