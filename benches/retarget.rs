//! `Retarget::apply` against one bare quick-xml pass over the same bytes: a small and a large guest, every step that
//! each has a use for. Then the cost of a disk among 1, 10, 100 and 1000. All of them take turns in one run, and each
//! ratio is one of medians.

#[path = "../tests/rust/generate/mod.rs"]
mod generate;

use std::hint::black_box;
use std::time::Instant;

use generate::{Shape, guest, retarget};
use quick_xml::Reader;
use quick_xml::events::Event;

const ROUNDS: usize = 1001;
/// What the project aims at.
const AIM: f64 = 2.5;
const DISKS: [usize; 4] = [1, 10, 100, 1000];

fn main() {
    against_a_bare_pass("small guest", &Shape::SMALL);
    against_a_bare_pass("large guest", &Shape::LARGE);
    linear();
}

fn against_a_bare_pass(name: &str, shape: &Shape) {
    let (xml, retarget) = (guest(shape), retarget(shape));
    assert_ne!(retarget.apply(&xml).unwrap(), xml);
    let (mut bare, mut ours) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        bare.push(timed(|| bare_pass(black_box(&xml))));
        ours.push(timed(|| black_box(&retarget).apply(black_box(&xml)).unwrap()));
    }
    let (bare, ours) = (median(bare), median(ours));
    println!(
        "retarget, {name}, {} bytes: {ours:.1} us; bare quick-xml pass: {bare:.1} us; ratio {:.2} (aim: {AIM} at most)",
        xml.len(),
        ours / bare
    );
}

fn linear() {
    let cases = DISKS.map(|disks| {
        let shape = Shape { disks, ..Shape::SMALL };
        (guest(&shape), retarget(&shape))
    });
    // What the rest of the guest costs is not the disks'.
    let none = Shape { disks: 0, ..Shape::SMALL };
    let (empty, nothing) = (guest(&none), retarget(&none));
    let mut base = Vec::new();
    let mut times = DISKS.map(|_| Vec::new());
    for _ in 0..ROUNDS / 5 {
        base.push(timed(|| nothing.apply(black_box(&empty)).unwrap()));
        for ((xml, retarget), times) in cases.iter().zip(&mut times) {
            times.push(timed(|| retarget.apply(black_box(xml)).unwrap()));
        }
    }
    let base = median(base);
    let each: Vec<f64> =
        DISKS.iter().zip(times).map(|(disks, times)| (median(times) - base) / *disks as f64).collect();
    for (disks, each) in DISKS.iter().zip(&each) {
        println!("retarget, {disks} disks: {each:.2} us a disk");
    }
    println!("retarget, a disk among 1000 against one among 10: ratio {:.2}", each[3] / each[1]);
}

/// The second of two runs: what ran before leaves neither of them at a disadvantage.
fn timed<T>(work: impl Fn() -> T) -> f64 {
    black_box(work());
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64() * 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn bare_pass(xml: &str) -> usize {
    let mut reader = Reader::from_str(xml);
    let mut events = 0;
    while !matches!(reader.read_event().unwrap(), Event::Eof) {
        events += 1;
    }
    events
}
