//! What holds for the adaptive policy in every simulated migration.

use std::collections::HashSet;
use std::time::Duration;

use crate::simulator::scenes::{LONGEST_PASS, any_scene, even_scene, scenes};
use crate::simulator::{
    End, Guest, Link, Load, MIB, OVERHEAD, Report, Start, Watch, best, fixed_limit, migrate,
    post_copy_after_a_pass,
};
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::policy::{Action, Convergence, Intent, OnDeadline, policy};
use libvirt_migrate::progress::{Phase, Progress};
use proptest::prelude::*;

/// What two samples and the guest's start take, s: no policy can do without.
const SLACK: f64 = 0.5;
/// Another limit ends a pass at another moment, and the throughput is another in each tenth of a second.
const GRAIN: f64 = 0.1;

fn run(intent: Intent, guest: Guest, link: Link, start: Start, watch: Watch) -> Report {
    let convergence = Convergence::adaptive(intent).unwrap();
    let mut flags = F::DEFAULT;
    flags.set(F::POSTCOPY, intent.post_copy);
    flags.set(F::NON_SHARED_INC, start.disks > 0.0);
    migrate(guest, link, start, watch, policy(&convergence, flags).as_mut())
}

/// The highest limit that the policy sets for a pause of `ms`, ms.
fn highest(ms: u64) -> u64 {
    let kept = ms - (ms / 10).min(100);
    if ms >= 300 { kept.max(300) } else { kept }
}

fn intents() -> impl Strategy<Value = Intent> {
    let deadline = prop_oneof![Just(None), (3.0..60.0).prop_map(Some)];
    (0.02..3.0, deadline, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(max_downtime, deadline, post_copy, throttle, force)| Intent {
            max_downtime,
            deadline,
            post_copy,
            throttle,
            max_post_copy: None,
            on_deadline: if force && deadline.is_some() { OnDeadline::Force } else { OnDeadline::Abort },
            exclusive: false,
        },
    )
}

fn watches() -> impl Strategy<Value = Watch> {
    (0.02..0.5, any::<bool>(), prop_oneof![Just(0.0), 0.0..0.6]).prop_map(|(poll, events, failing)| Watch {
        poll,
        events,
        failing,
        told: 1.0,
        until: 70.0,
    })
}

fn check_decisions(intent: &Intent, report: &Report) -> Result<(), TestCaseError> {
    let max_ms = (intent.max_downtime * 1000.0) as u64;
    let late = |at: Duration| intent.deadline.is_some_and(|deadline| at.as_secs_f64() >= deadline);
    for decision in &report.decisions {
        let reason = &decision.reason;
        prop_assert!(reason.len() > 30 && reason.contains(|c: char| c.is_ascii_digit()), "{reason:?}");
        match decision.action {
            Action::SetMaxDowntime(ms) => prop_assert!(ms > 0 && ms <= max_ms, "{decision}"),
            Action::StartPostCopy => prop_assert!(intent.post_copy, "{decision}"),
            Action::Restart(throttle) => {
                prop_assert!(intent.throttle, "{decision}");
                prop_assert!((1..=99).contains(&throttle.initial) && (1..=99).contains(&throttle.increment));
            }
            Action::Pause => {
                prop_assert!(intent.on_deadline == OnDeadline::Force && late(decision.at), "{decision}");
            }
            Action::Abort => {
                prop_assert!(intent.on_deadline == OnDeadline::Abort && late(decision.at), "{decision}");
            }
            other => prop_assert!(false, "a new action has no property yet: {other:?}"),
        }
    }
    prop_assert!(report.decisions.is_sorted_by_key(|decision| decision.at));
    let once: HashSet<_> = report.done.iter().collect();
    prop_assert_eq!(once.len(), report.done.len(), "an action was repeated: {:?}", report.done);
    Ok(())
}

fn check_progress(progress: &[Progress]) -> Result<(), TestCaseError> {
    for pair in progress.windows(2) {
        prop_assert!(pair[1].fraction >= pair[0].fraction, "{pair:?}");
    }
    for seen in progress {
        prop_assert!((0.0..1.0).contains(&seen.fraction), "it is not over: {seen:?}");
        if seen.iteration < 2 && seen.phase == Phase::Memory {
            prop_assert_eq!(seen.expected_downtime, None);
        }
        if seen.phase == Phase::Memory && seen.throughput.is_some() {
            prop_assert!(
                seen.expected_time_left.is_some() != seen.stuck,
                "nothing is said of the end: {seen:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_global_rejects: 5000, ..ProptestConfig::default() })]

    /// Whatever guest, link and intent: only what is allowed, never past the pause, nothing twice, each with
    /// its reason; and the progress never goes back.
    #[test]
    fn nothing_but_what_is_allowed((link, guest) in any_scene(), intent in intents(), watch in watches()) {
        let report = run(intent, guest, link, Start::default(), watch);
        check_decisions(&intent, &report)?;
        check_progress(&report.progress)?;
    }

    /// On a link that carries what it did before, the guest sees no longer pause than stated: a tenth of it is
    /// left for the devices' state and the start, which take longer than that only for the shortest pauses.
    #[test]
    fn the_pause_is_as_stated((link, guest) in any_scene(), intent in intents(), watch in watches()) {
        let link = Link { noise: 0.0, ..link };
        let watch = Watch { failing: 0.0, ..watch };
        let report = run(intent, guest, link, Start::default(), watch);
        prop_assume!(report.end == End::Done && !report.paused);
        let pause = report.pause.unwrap();
        prop_assert!(pause - OVERHEAD <= intent.max_downtime, "{report:?}");
        if intent.max_downtime >= 0.35 || (0.2..0.3).contains(&intent.max_downtime) {
            prop_assert!(pause <= intent.max_downtime + 1e-6, "{report:?}");
        }
    }

    /// A deadline is kept: aborted at once, or forced and over soon after.
    #[test]
    fn a_deadline_ends_it((link, guest) in any_scene(), intent in intents(), watch in watches()) {
        let intent = Intent { deadline: intent.deadline.or(Some(10.0)), ..intent };
        let deadline = intent.deadline.unwrap();
        let watch = Watch { failing: watch.failing.min(0.3), ..watch };
        let report = run(intent, guest, link, Start::default(), Watch { until: 200.0, ..watch });
        // What is left at the deadline is moved once, at worst at the link's worst; retries rest up to 5 s.
        let once = guest.memory / link.rate * 1.3;
        prop_assert!(report.end != End::Never, "{report:?}");
        prop_assert!(report.time < deadline + once + 15.0, "{report:?}");
        if report.end == End::Aborted {
            prop_assert_eq!(intent.on_deadline, OnDeadline::Abort);
        }
    }

    /// A guest that a limit within the intent ends by itself is ended by the policy, nearly as fast as by the
    /// highest limit from the second pass on: the first one is for the guest to run in.
    #[test]
    fn what_can_converge_does((link, guest) in scenes(0.001..1.0, 0.0..1.5), max_downtime in 0.05..3.0f64,
                              events in any::<bool>()) {
        let ms = (max_downtime * 1000.0) as u64;
        let within = |ms: u64| best(guest, link, Start::default(), ms.min(300), ms, 60.0);
        // With a quarter less than the intent it still converges: not a matter of noise.
        prop_assume!(within(ms * 3 / 4).is_some());
        // The policy keeps a tenth for what the limit does not count, see the_pause_is_as_stated.
        let best = within(highest(ms)).unwrap();
        let watch = Watch { events, until: 200.0, ..Watch::default() };
        let report = run(Intent { max_downtime, ..Intent::default() }, guest, link, Start::default(), watch);
        prop_assert_eq!(report.end, End::Done);
        prop_assert!(report.time <= 1.5 * best + SLACK, "{} s, best {best} s: {:?}", report.time, report.decisions);
    }

    /// Nobody waits longer than with libvirt's own limit, where the intent allows that.
    #[test]
    fn never_slower_than_no_policy((link, guest) in even_scene(), max_downtime in 0.3..3.0f64, watch in watches()) {
        let default = fixed_limit(guest, link, Start::default(), 300, 60.0);
        prop_assume!(default.is_some());
        let report = run(Intent { max_downtime, ..Intent::default() }, guest, link, Start::default(), watch);
        prop_assert!(report.time <= 1.05 * default.unwrap() + GRAIN, "{} s, default {default:?}", report.time);
    }

    /// A guest that cannot converge is recognised within five iterations, and what is allowed ends it.
    #[test]
    fn what_cannot_converge_is_recognised((link, guest) in scenes(0.5..1.0, 2.0..10.0), part in 0.05..0.38,
                                          means in 0..3) {
        // The limit moves less than half of the working set, and passes are long enough for two samples.
        let memory = guest.memory.max(1.2 * link.rate);
        let guest = Guest { memory, hot: guest.hot.max(memory / 2.0), ..guest };
        let max_downtime = guest.hot / link.rate * part;
        prop_assume!(fixed_limit(guest, link, Start::default(), (max_downtime * 1000.0) as u64, 60.0).is_none());
        let intent = Intent { max_downtime, post_copy: means == 1, throttle: means == 2, ..Intent::default() };
        let watch = Watch { until: 300.0, ..Watch::default() };
        let report = run(intent, guest, link, Start::default(), watch);
        if means != 1 {
            prop_assert!(report.stuck.is_some_and(|iteration| iteration <= 5), "{:?}", report.stuck);
        }
        match means {
            // That waits for no more than a pass, and with a short one for a few.
            1 => {
                let by_hand = post_copy_after_a_pass(guest, link);
                prop_assert_eq!(report.end, End::PostCopy);
                prop_assert!(report.time <= 1.1 * by_hand + SLACK, "{} s, by hand {by_hand} s", report.time);
            }
            2 => prop_assert_eq!(report.end, End::Done, "{:?}", report.decisions),
            _ => prop_assert_eq!(report.end, End::Never),
        }
    }

    /// Disks that are still being copied are not memory that will not converge.
    #[test]
    fn disks_are_waited_for((link, guest) in scenes(0.5..1.0, 2.0..10.0), seconds in 1.0..20.0,
                            watch in watches()) {
        let start = Start { disks: seconds * link.rate, ..Start::default() };
        let intent = Intent { max_downtime: 1.0, post_copy: true, throttle: true, ..Intent::default() };
        let report = run(intent, guest, link, start, watch);
        let disks_took = start.disks / (link.rate * (1.0 + link.noise));
        for decision in &report.decisions {
            prop_assert!(decision.at.as_secs_f64() > disks_took, "{decision}");
            prop_assert!(!matches!(decision.action, Action::Restart(_)), "it would copy the disks again");
        }
    }
}

/// Whether a saw-tooth ends early or late is luck with any limit, so here it is the sum that counts.
#[test]
fn no_slower_than_no_policy_with_saw_teeth_either() {
    let (mut ours, mut theirs) = (0.0, 0.0);
    for index in 0..600 {
        let number = |what: u64, from: f64, to: f64| {
            from + (to - from) * (crate::simulator::symmetric(what, index) + 1.0) / 2.0
        };
        let rate = number(1, 100.0, 3000.0) * MIB;
        let link = Link { rate, noise: 0.1, seed: index, drop: None };
        let memory = number(2, 0.3, LONGEST_PASS) * rate;
        let load = Load::SawTooth { peak: number(3, 0.0, 4.0) * rate, period: number(4, 1.0, 20.0) };
        let guest = Guest { memory, hot: number(5, 0.001, 1.0) * memory, load };
        let Some(default) = fixed_limit(guest, link, Start::default(), 300, 60.0) else { continue };
        let report = run(Intent::default(), guest, link, Start::default(), Watch::default());
        ours += report.time;
        theirs += default;
    }
    assert!(ours <= 1.05 * theirs, "{ours} s against {theirs} s");
}
