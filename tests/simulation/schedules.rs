//! Many schedules, each from a seed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::plan::Plan;
use crate::shrink::shrink;
use crate::sim::{Fault, run};

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// What is told of a schedule that fails.
fn telling(seed: u64, plan: &Plan, fault: &Fault) -> String {
    let mut text = format!("SEED={seed}: {}\n", fault.what);
    for line in &fault.trace {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "the least that fails like this: {plan:#?}");
    text
}

/// `SCHEDULES=…` says how many, `FIRST=…` with which seed they begin, `SEED=…` that one is told.
#[test]
fn schedules() {
    if let Some(seed) = number("SEED") {
        return one(seed);
    }
    let (count, first) = (number("SCHEDULES").unwrap_or(20_000), number("FIRST").unwrap_or(0));
    let keep_on = std::env::var_os("KEEP_ON").is_some();
    let (next, failed) = (AtomicU64::new(first), AtomicBool::new(false));
    let (faults, told) = (Mutex::new(vec![]), Mutex::new(BTreeMap::<String, u64>::new()));
    let start = Instant::now();
    let work = || {
        let mut mine = BTreeMap::<String, u64>::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count || (failed.load(Ordering::Relaxed) && !keep_on) {
                break;
            }
            match run(&Plan::drawn(seed), false) {
                Ok(report) => {
                    let place = report.told.map_or("none", |place| place.name());
                    let word = if report.moved { "moved, " } else { "" };
                    *mine.entry(format!("{word}{place}")).or_default() += 1;
                }
                Err(fault) => {
                    failed.store(true, Ordering::Relaxed);
                    faults.lock().unwrap().push((seed, fault.what));
                }
            }
        }
        let mut told = told.lock().unwrap();
        for (place, times) in mine {
            *told.entry(place).or_default() += times;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{count} schedules in {seconds:.1} s: {:.0} a second; told:", count as f64 / seconds);
    for (place, times) in told.into_inner().unwrap() {
        println!("  {times:>8} {place}");
    }
    let mut faults = faults.into_inner().unwrap();
    faults.sort();
    let Some((seed, _)) = faults.first() else { return };
    if keep_on {
        summary(&faults);
    }
    let (plan, fault) = shrink(&Plan::drawn(*seed));
    panic!("{}", telling(*seed, &plan, &fault));
}

/// Faults of a kind together.
fn summary(faults: &[(u64, String)]) {
    let mut kinds = BTreeMap::<String, Vec<u64>>::new();
    for (seed, what) in faults {
        let kind: String = what.split(": source ").next().unwrap_or(what).chars().take(110).collect();
        kinds.entry(kind).or_default().push(*seed);
    }
    for (kind, seeds) in kinds {
        println!("  {:>6} {kind}: {:?}", seeds.len(), &seeds[..seeds.len().min(4)]);
    }
}

/// One schedule, told.
fn one(seed: u64) {
    let plan = Plan::drawn(seed);
    let shrinks = std::env::var_os("WHOLE").is_none();
    match run(&plan, true) {
        Ok(report) => println!("SEED={seed}: {:?}, {:#?}", report.told, report.words),
        Err(_) if shrinks => {
            let (least, fault) = shrink(&plan);
            panic!("{}", telling(seed, &least, &fault));
        }
        Err(fault) => panic!("{}", telling(seed, &plan, &fault)),
    }
}
