//! The adaptive policy over a link that turns out to be slow: started again with compressed memory, where that pays.

use std::time::Duration;

use crate::simulator::{Drop, End, Guest, Link, Load, MIB, Report, Start, Watch, fixed_limit, migrate};
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::policy::{Action, Context, Convergence, Intent, Sample, policy};
use proptest::prelude::*;

/// Memory like text, as measured.
const TEXT: Option<f64> = Some(1.5);
const AGAIN: Action = Action::RestartCompressed(2);

fn link(mib: f64) -> Link {
    Link { rate: mib * MIB, noise: 0.1, seed: 1, drop: None }
}

fn idle(memory: f64) -> Guest {
    Guest { memory: memory * MIB, hot: MIB, load: Load::Steady(0.0) }
}

fn run(guest: Guest, link: Link, start: Start, convergence: Convergence, flags: F) -> Report {
    migrate(guest, link, start, Watch::default(), policy(&convergence, F::DEFAULT | flags).as_mut())
}

fn plainly(guest: Guest, link: Link, compresses: Option<f64>) -> Report {
    let start = Start { compresses, ..Start::default() };
    run(guest, link, start, Convergence::default(), F::empty())
}

fn restarts(report: &Report) -> usize {
    report.done.iter().filter(|(_, action)| *action == AGAIN).count()
}

fn asked(report: &Report) -> usize {
    report.decisions.iter().filter(|decision| decision.action == AGAIN).count()
}

#[test]
fn memory_is_compressed_by_starting_again_over_a_slow_link() {
    let report = plainly(idle(1024.0), link(11.0), TEXT);
    assert_eq!((report.end, restarts(&report)), (End::Done, 1));
    let decision = report.decisions.iter().find(|decision| decision.action == AGAIN).unwrap();
    assert!((1.0..1.5).contains(&decision.at.as_secs_f64()), "{decision}");
    let text = decision.to_string();
    assert!(
        text.contains("start again with memory compressed with zstd, over 2 connections: the link carries"),
        "{text}"
    );
    assert!(
        text.contains(
            "and the processors compress faster than that; the rest would take 85 s, and 1.1 s are lost"
        ),
        "{text}"
    );
    let plain = fixed_limit(idle(1024.0), link(11.0), Start::default(), 300, 600.0).unwrap();
    assert!(report.time < 0.72 * plain, "{} {plain}", report.time);
}

#[test]
fn where_a_host_does_not_take_it_nothing_is_different_and_it_is_asked_once() {
    let report = plainly(idle(1024.0), link(11.0), None);
    assert_eq!((report.end, restarts(&report), asked(&report)), (End::Done, 0, 1));
    let plain = fixed_limit(idle(1024.0), link(11.0), Start::default(), 300, 600.0).unwrap();
    assert!((report.time - plain).abs() < 0.5, "{} {plain}", report.time);
}

#[test]
fn a_link_that_is_not_slow_and_a_guest_that_is_small_are_left_alone() {
    // 15 MB/s are 14.3 MiB/s.
    for (memory, mib) in [(4096.0, 16.0), (4096.0, 100.0), (50.0, 11.0)] {
        let report = plainly(idle(memory), link(mib), TEXT);
        assert_eq!((report.end, asked(&report)), (End::Done, 0), "{memory} {mib}");
    }
    assert_eq!(restarts(&plainly(idle(110.0), link(11.0), TEXT)), 1, "the rest takes 9 s then");
}

#[test]
fn what_is_empty_takes_no_time_and_does_not_count() {
    let start = Start { compresses: TEXT, empty: 8192.0 * MIB, ..Start::default() };
    let report = run(idle(100.0), link(11.0), start, Convergence::default(), F::empty());
    assert_eq!((report.end, asked(&report)), (End::Done, 0));
}

#[test]
fn a_link_that_drops_for_a_moment_is_not_a_slow_one() {
    let drop = Some(Drop { from: 1.5, until: 5.0, to: 0.1 });
    let report = plainly(idle(1024.0), Link { drop, ..link(60.0) }, TEXT);
    assert_eq!((report.end, asked(&report)), (End::Done, 0));
}

#[test]
fn after_the_first_pass_it_is_too_late() {
    let guest = Guest { memory: 512.0 * MIB, hot: 500.0 * MIB, load: Load::Steady(9000.0 * MIB) };
    let drop = Some(Drop { from: 1.3, until: 1e9, to: 0.01 });
    let report = plainly(guest, Link { drop, ..link(500.0) }, TEXT);
    assert_eq!(asked(&report), 0);
}

/// What the policy is shown of a slow link `at` so many seconds, in the first pass.
fn slow_at(at: f64) -> Sample {
    let job = JobInfo {
        kind: JobType::Unbounded,
        memory_total: Some(1 << 30),
        memory_processed: Some((at * 11.0 * MIB) as u64),
        memory_remaining: Some((1u64 << 30).saturating_sub((at * 11.0 * MIB) as u64)),
        memory_bps: Some(11 << 20),
        memory_iteration: Some(1),
        ..JobInfo::default()
    };
    Sample::from_job(&job, Duration::from_secs_f64(at), Context::default())
}

#[test]
fn nothing_is_decided_while_it_is_started_again() {
    let intent = Intent { deadline: Some(300.0), ..Intent::default() };
    for (done, after) in [(true, vec![]), (false, vec![Action::Abort])] {
        let mut policy = policy(&Convergence::adaptive(intent).unwrap(), F::DEFAULT);
        policy.begin(Duration::ZERO);
        let mut seen = |at: f64| -> Vec<Action> {
            policy.observe(&slow_at(at)).iter().map(|decision| decision.action).collect()
        };
        let asked: Vec<_> = (1..30).flat_map(|tenth| seen(f64::from(tenth) / 10.0)).collect();
        assert_eq!(asked, [AGAIN]);
        if done {
            policy.succeeded(&AGAIN);
        }
        let later: Vec<_> = policy.observe(&slow_at(320.0)).iter().map(|decision| decision.action).collect();
        assert_eq!(later, after, "{done}");
    }
}

#[test]
fn what_sockets_take_at_once_hides_no_slow_link() {
    let drop = Some(Drop { from: 0.0, until: 0.3, to: 6.0 });
    let report = plainly(idle(140.0), Link { drop, ..link(11.0) }, TEXT);
    assert_eq!((report.end, restarts(&report)), (End::Done, 1));
    let at = report.decisions.iter().find(|decision| decision.action == AGAIN).unwrap().at;
    assert!(at.as_secs_f64() < 1.3, "{at:?}");
}

#[test]
fn who_has_chosen_is_not_asked() {
    let start = Start { compresses: TEXT, ..Start::default() };
    for flags in [F::PARALLEL, F::COMPRESSED, F::TLS, F::TUNNELLED, F::NON_SHARED_DISK] {
        let report = run(idle(1024.0), link(11.0), start, Convergence::default(), flags);
        assert_eq!(asked(&report), 0, "{flags}");
    }
    let report =
        run(idle(1024.0), link(11.0), start, Convergence::default().with_transport(false), F::empty());
    assert_eq!(asked(&report), 0);
}

#[test]
fn a_deadline_that_would_be_met_is_not_missed_for_it() {
    let start = Start { compresses: Some(1.0), ..Start::default() };
    let plain = fixed_limit(idle(1024.0), link(11.0), Start::default(), 300, 600.0).unwrap();
    for (deadline, again) in [(plain + 1.0, 0), (plain * 1.2, 1), (plain * 0.8, 1)] {
        let intent = Intent { deadline: Some(deadline), ..Intent::default() };
        let report = run(idle(1024.0), link(11.0), start, Convergence::adaptive(intent).unwrap(), F::empty());
        assert_eq!(restarts(&report), again, "{deadline} {plain}");
        assert_eq!(report.end, if deadline > plain { End::Done } else { End::Aborted });
    }
}

#[test]
fn a_run_that_throttles_is_not_started_again() {
    let guest = Guest { memory: 512.0 * MIB, hot: 400.0 * MIB, load: Load::Steady(3000.0 * MIB) };
    let intent = Intent { throttle: true, max_downtime: 0.2, ..Intent::default() };
    let drop = Some(Drop { from: 60.0, until: 1e9, to: 0.1 });
    let start = Start { compresses: TEXT, ..Start::default() };
    let convergence = Convergence::adaptive(intent).unwrap();
    let report = run(guest, Link { drop, ..link(60.0) }, start, convergence, F::empty());
    assert!(report.done.iter().any(|(_, action)| matches!(action, Action::Restart(_))));
    assert_eq!(restarts(&report), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is in the memory, at most a quarter is lost.
    #[test]
    fn little_is_lost_and_it_is_started_again_once(
        memory in 64.0..2048.0f64,
        rate in 2.0..20.0f64,
        compresses in 1.0..4.0f64,
        noise in 0.0..0.2f64,
        seed in 0u64..1000,
    ) {
        let link = Link { rate: rate * MIB, noise, seed, drop: None };
        let start = Start { compresses: Some(compresses), ..Start::default() };
        let watch = Watch { until: 5000.0, ..Watch::default() };
        let ours = migrate(idle(memory), link, start, watch, policy(&Convergence::default(), F::DEFAULT).as_mut());
        let plain = fixed_limit(idle(memory), link, Start::default(), 300, 5000.0).unwrap();
        prop_assert!(restarts(&ours) <= 1);
        prop_assert!(ours.time <= plain * 1.25 + 0.2, "{} {plain}", ours.time);
        if compresses > 1.5 {
            prop_assert!(ours.time <= plain + 1.0, "{} {plain}", ours.time);
        }
    }
}
