//! The processor time that watching simulated migrations takes, in seconds for each second, and the memory of them all
//! with their domains, MiB: bench/watch.py sets the first against Nova's loops. The domains have events, as libvirt's
//! have, and none happen; their jobs go on. `WATCHED` says how many, 100 by default.

#![allow(missing_docs)]

#[path = "../tests/rust/fake/mod.rs"]
mod fake;

use std::time::{Duration, Instant};

use fake::{Fake, Run, memory};
use libvirt_migrate::job::JobInfo;

const SECONDS: u64 = 20;

/// Nanoseconds of processor time that the threads of this process have had, without the one that simulates.
fn cpu() -> u64 {
    let simulator = std::process::id().to_string();
    let tasks = std::fs::read_dir("/proc/self/task").expect("this process").flatten();
    let times = tasks
        .filter(|task| task.file_name().to_str() != Some(&simulator))
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
    times.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum()
}

/// MiB that this process has in memory.
fn memory_of_all() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("this process");
    let pages: f64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4096.0 / (1 << 20) as f64
}

/// A guest of 64 GiB of which this much is left.
fn job(left: u64) -> JobInfo {
    let total = 64 << 30;
    let processed = Some(total - left);
    let (memory_total, memory_remaining) = (Some(total), Some(left));
    JobInfo { memory_total, memory_processed: processed, memory_remaining, ..memory(1, 0) }
}

fn main() {
    let many = std::env::var("WATCHED").map_or(100, |many| many.parse().expect("WATCHED=<number>"));
    let empty = memory_of_all();
    let runs: Vec<Run> = (0..many).map(|_| Run::new(Fake::default())).collect();
    runs.iter().for_each(|run| run.fake.set_job(job(60 << 30)));
    let (start, before) = (Instant::now(), cpu());
    for step in 0..SECONDS * 2 {
        std::thread::sleep(Duration::from_millis(500));
        for run in &runs {
            run.fake.set_job(job((60 << 30) - ((step * 250) << 20)));
        }
    }
    let share = (cpu() - before) as f64 / start.elapsed().as_nanos() as f64;
    println!("{share:.6} {:.1}", memory_of_all() - empty);
    assert!(runs.iter().all(|run| run.migration.progress().elapsed.as_secs() >= SECONDS - 2));
    std::process::exit(0);
}
