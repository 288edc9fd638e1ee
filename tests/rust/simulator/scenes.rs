//! Guests and links to try everything with.

use proptest::prelude::*;

use super::{Guest, Link, Load, MIB};

/// The longest first pass, s: keeps the runs short.
pub const LONGEST_PASS: f64 = 12.0;

fn links() -> impl Strategy<Value = Link> {
    (100.0..3000.0, 0.0..0.15, any::<u64>()).prop_map(|(rate, noise, seed)| Link {
        rate: rate * MIB,
        noise,
        seed,
        drop: None,
    })
}

/// Guests whose load is a function of the link's rate; `hot` is a part of the memory.
fn guests(
    link: Link,
    hot: std::ops::Range<f64>,
    load: impl Strategy<Value = Load>,
) -> impl Strategy<Value = Guest> {
    let pass = 0.3..LONGEST_PASS;
    (pass, hot, load).prop_map(move |(pass, hot, load)| {
        let memory = pass * link.rate;
        Guest { memory, hot: (memory * hot).max(MIB), load }
    })
}

fn steady(link: Link, ratio: std::ops::Range<f64>) -> impl Strategy<Value = Load> {
    ratio.prop_map(move |ratio| Load::Steady(ratio * link.rate))
}

/// Loads that change once at most.
fn even_load(link: Link) -> impl Strategy<Value = Load> {
    let phases = (0.0..4.0, 0.0..40.0, 0.0..4.0).prop_map(move |(first, until, then)| Load::Phases {
        first: first * link.rate,
        until,
        then: then * link.rate,
    });
    prop_oneof![Just(Load::Steady(0.0)), steady(link, 0.0..3.0), phases]
}

fn saw_tooth(link: Link) -> impl Strategy<Value = Load> {
    (0.0..4.0, 1.0..20.0).prop_map(move |(peak, period)| Load::SawTooth { peak: peak * link.rate, period })
}

pub fn scenes(
    hot: std::ops::Range<f64>,
    ratio: std::ops::Range<f64>,
) -> impl Strategy<Value = (Link, Guest)> {
    links().prop_flat_map(move |link| (Just(link), guests(link, hot.clone(), steady(link, ratio.clone()))))
}

pub fn even_scene() -> impl Strategy<Value = (Link, Guest)> {
    links().prop_flat_map(|link| (Just(link), guests(link, 0.001..1.0, even_load(link))))
}

pub fn any_scene() -> impl Strategy<Value = (Link, Guest)> {
    let load = |link| prop_oneof![3 => even_load(link), 1 => saw_tooth(link)];
    links().prop_flat_map(move |link| (Just(link), guests(link, 0.001..1.0, load(link))))
}
