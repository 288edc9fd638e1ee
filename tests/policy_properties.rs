//! What holds for the adaptive policy in every simulated migration.

mod simulator;

use std::collections::HashSet;
use std::time::Duration;

use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::policy::{Action, Convergence, Intent, OnDeadline, policy};
use libvirt_migrate::progress::{Phase, Progress};
use proptest::prelude::*;
use simulator::{End, Guest, Link, Load, MIB, Report, Start, Watch, fixed_limit, migrate};

/// The longest first pass, s: keeps the runs short.
const LONGEST_PASS: f64 = 12.0;
/// What two samples and the guest's start take, s: no policy can do without.
const SLACK: f64 = 0.5;

fn run(intent: Intent, guest: Guest, link: Link, start: Start, watch: Watch) -> Report {
    let convergence = Convergence::adaptive(intent).unwrap();
    let mut flags = F::DEFAULT;
    flags.set(F::POSTCOPY, intent.post_copy);
    flags.set(F::NON_SHARED_INC, start.disks > 0.0);
    migrate(guest, link, start, watch, policy(&convergence, flags).as_mut())
}

fn links() -> impl Strategy<Value = Link> {
    (100.0..3000.0, 0.0..0.15, any::<u64>()).prop_map(|(rate, noise, seed)| Link {
        rate: rate * MIB,
        noise,
        seed,
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

fn any_load(link: Link) -> impl Strategy<Value = Load> {
    let rate = link.rate;
    prop_oneof![
        Just(Load::Steady(0.0)),
        steady(link, 0.0..3.0),
        (0.0..4.0, 0.0..40.0, 0.0..4.0).prop_map(move |(first, until, then)| Load::Phases {
            first: first * rate,
            until,
            then: then * rate,
        }),
        (0.0..4.0, 1.0..20.0).prop_map(move |(peak, period)| Load::SawTooth { peak: peak * rate, period }),
    ]
}

fn scenes(hot: std::ops::Range<f64>, ratio: std::ops::Range<f64>) -> impl Strategy<Value = (Link, Guest)> {
    links().prop_flat_map(move |link| (Just(link), guests(link, hot.clone(), steady(link, ratio.clone()))))
}

fn any_scene() -> impl Strategy<Value = (Link, Guest)> {
    links().prop_flat_map(|link| (Just(link), guests(link, 0.001..1.0, any_load(link))))
}

fn intents() -> impl Strategy<Value = Intent> {
    let deadline = prop_oneof![Just(None), (3.0..60.0).prop_map(Some)];
    (0.02..3.0, deadline, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(max_downtime, deadline, post_copy, throttle, force)| Intent {
            max_downtime,
            deadline,
            post_copy,
            throttle,
            on_deadline: if force && deadline.is_some() { OnDeadline::Force } else { OnDeadline::Abort },
        },
    )
}

fn watches() -> impl Strategy<Value = Watch> {
    (0.02..0.5, any::<bool>(), prop_oneof![Just(0.0), 0.0..0.6]).prop_map(|(poll, events, failing)| Watch {
        poll,
        events,
        failing,
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
            prop_assert_eq!(seen.expected_time_left, None);
            prop_assert_eq!(seen.expected_downtime, None);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever guest, link and intent: only what is allowed, never past the pause, nothing twice, each with
    /// its reason; and the progress never goes back.
    #[test]
    fn nothing_but_what_is_allowed((link, guest) in any_scene(), intent in intents(), watch in watches()) {
        let report = run(intent, guest, link, Start::default(), watch);
        check_decisions(&intent, &report)?;
        check_progress(&report.progress)?;
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
    /// highest limit from the start.
    #[test]
    fn what_can_converge_does((link, guest) in scenes(0.001..1.0, 0.0..1.5), max_downtime in 0.05..3.0f64,
                              events in any::<bool>()) {
        let ms = max_downtime * 1000.0;
        let within = |part: f64| fixed_limit(guest, link, Start::default(), (ms * part) as u64, 60.0);
        // With a quarter less than the intent it still converges: not a matter of noise.
        prop_assume!(within(0.75).is_some());
        let best = within(1.0).unwrap();
        let watch = Watch { events, until: 200.0, ..Watch::default() };
        let report = run(Intent { max_downtime, ..Intent::default() }, guest, link, Start::default(), watch);
        prop_assert_eq!(report.end, End::Done);
        prop_assert!(report.time <= 1.5 * best + SLACK, "{} s, best {best} s: {:?}", report.time, report.decisions);
    }

    /// Nobody waits longer than with libvirt's own limit, where the intent allows that.
    #[test]
    fn never_slower_than_no_policy((link, guest) in any_scene(), max_downtime in 0.3..3.0f64, watch in watches()) {
        let default = fixed_limit(guest, link, Start::default(), 300, 60.0);
        prop_assume!(default.is_some());
        let report = run(Intent { max_downtime, ..Intent::default() }, guest, link, Start::default(), watch);
        prop_assert!(report.time <= 1.05 * default.unwrap(), "{} s, default {default:?}", report.time);
    }

    /// A guest that cannot converge is recognised within five iterations, and what is allowed ends it.
    #[test]
    fn what_cannot_converge_is_recognised((link, guest) in scenes(0.5..1.0, 2.0..10.0), part in 0.05..0.4f64,
                                          means in 0..3) {
        // The limit moves less than half of the working set.
        let max_downtime: f64 = (guest.hot / link.rate * part).max(0.02);
        prop_assume!(max_downtime * link.rate * 1.3 < guest.hot / 2.0);
        // Passes that are long enough for two samples: others go by unseen.
        prop_assume!(guest.hot / link.rate > 0.5);
        prop_assume!(fixed_limit(guest, link, Start::default(), (max_downtime * 1000.0) as u64, 60.0).is_none());
        let intent = Intent { max_downtime, post_copy: means == 1, throttle: means == 2, ..Intent::default() };
        let watch = Watch { until: 300.0, ..Watch::default() };
        let report = run(intent, guest, link, Start::default(), watch);
        prop_assert!(report.stuck.is_some_and(|iteration| iteration <= 5), "{:?}", report.stuck);
        match means {
            1 => prop_assert_eq!(report.end, End::PostCopy),
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
