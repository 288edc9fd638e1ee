//! The migrations that docs/convergence.md draws, in the simulator: docs/convergence.json is what comes out.
//!
//! `scripts/plots.py` writes it anew (with the variable `WRITE` set for this test) and draws it.

use std::time::Duration;

use crate::simulator::{End, Guest, Link, Load, MIB, Report, Start, Watch, migrate};
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::policy::{Action, Convergence, Decision, Intent, OnDeadline, policy};
use libvirt_migrate::progress::Progress;
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/convergence.json");
const LINK: Link = Link { rate: 400.0 * MIB, noise: 0.1, seed: 1, drop: None };
const INTENT: Intent = Intent {
    max_downtime: 0.5,
    deadline: None,
    post_copy: false,
    throttle: false,
    on_deadline: OnDeadline::Abort,
    max_post_copy: None,
    exclusive: false,
};

/// A guest with 2 GiB that writes to a part of it (MiB) all the time.
fn scene(hot: f64, intent: Intent) -> Report {
    let guest = Guest { memory: 2048.0 * MIB, hot: hot * MIB, load: Load::Steady(3000.0 * MIB) };
    let flags = F::DEFAULT | if intent.post_copy { F::POSTCOPY } else { F::empty() };
    let mut policy = policy(&Convergence::adaptive(intent).unwrap(), flags);
    migrate(guest, LINK, Start::default(), Watch::default(), policy.as_mut())
}

/// To a thousandth, so that another machine's last digits are of no account.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

fn seconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64())
}

fn sample(progress: &Progress) -> Value {
    json!({
        "phase": progress.phase.name(),
        "elapsed": seconds(progress.elapsed),
        "memory_remaining": progress.memory_remaining,
        "disk_remaining": progress.disk_remaining,
        "throughput": progress.throughput.map(f64::round),
        "dirty_rate": progress.dirty_rate.map(f64::round),
        "expected_downtime": progress.expected_downtime.map(seconds),
    })
}

fn decision(decision: &Decision) -> Value {
    let limit = match decision.action {
        Action::SetMaxDowntime(ms) => Some(ms as f64 / 1000.0),
        _ => None,
    };
    json!({
        "at": seconds(decision.at),
        "description": decision.action.to_string(),
        "reason": decision.reason,
        "max_downtime": limit,
    })
}

fn traced(name: &str, intent: &str, report: &Report) -> Value {
    json!({
        "name": name,
        "intent": intent,
        "total_time": rounded(report.time),
        "downtime": report.pause.map(rounded),
        "samples": report.progress.iter().map(sample).collect::<Vec<_>>(),
        "decisions": report.decisions.iter().map(decision).collect::<Vec<_>>(),
    })
}

#[test]
fn the_documented_migrations_are_these() {
    let raised = scene(180.0, INTENT);
    assert_eq!(raised.end, End::Done);
    assert!(raised.pause.unwrap() <= 0.5);
    assert!(matches!(raised.done[..], [(0, Action::SetMaxDowntime(301..=450))]));

    let stuck = scene(700.0, Intent { post_copy: true, ..INTENT });
    assert_eq!(stuck.end, End::PostCopy);
    assert_eq!(stuck.done.last(), Some(&(0, Action::StartPostCopy)));

    let traces = json!({
        "raised": traced("a guest that needs a longer pause", "a pause of at most 500 ms", &raised),
        "post-copy": traced("a guest that does not come to its end", "a pause of at most 500 ms, post-copy allowed", &stuck),
    });
    let text = serde_json::to_string_pretty(&traces).unwrap() + "\n";
    if std::env::var_os("WRITE").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    assert!(std::fs::read_to_string(FILE).is_ok_and(|kept| kept == text), "scripts/plots.py writes it anew");
}
