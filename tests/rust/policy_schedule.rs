//! Nova's schedule: its numbers, its times, and the two things that are done better.

use std::time::Duration;

use crate::simulator::{End, Guest, Link, Load, Start, Watch, migrate};
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::policy::{
    Action, Context, Convergence, Decision, DowntimeStep, OnDeadline, Policy, Sample, ScheduleOptions,
    completion_timeout, downtime_steps, policy,
};

fn options(downtime: u64, steps: u32, delay: u64) -> ScheduleOptions {
    ScheduleOptions { max_downtime: downtime as f64 / 1000.0, steps, delay, ..ScheduleOptions::default() }
}

/// What `nova.virt.libvirt.migration.downtime_steps` of Nova 34.0.0 returns, run on Python 3 with these
/// values of `live_migration_downtime`, `_downtime_steps`, `_downtime_delay` and `data_gb`.
#[test]
#[rustfmt::skip]
fn the_steps_are_novas() {
    let table: [(u64, u32, u64, f64, &[DowntimeStep]); 8] = [
        (500, 10, 75, 2.0, &[(0, 50), (150, 95), (300, 140), (450, 185), (600, 230), (750, 275), (900, 320),
            (1050, 365), (1200, 410), (1350, 455), (1500, 500)]),
        (400, 10, 30, 3.0, &[(0, 40), (90, 76), (180, 112), (270, 148), (360, 184), (450, 220), (540, 256),
            (630, 292), (720, 328), (810, 364), (900, 400)]),
        (500, 10, 75, 2.5, &[(0, 50), (187, 95), (374, 140), (561, 185), (748, 230), (935, 275), (1122, 320),
            (1309, 365), (1496, 410), (1683, 455), (1870, 500)]),
        (100, 3, 3, 2.0, &[(0, 33), (6, 55), (12, 77), (18, 100)]),
        (777, 7, 13, 6.3359375, &[(0, 111), (82, 206), (164, 301), (246, 396), (328, 491), (410, 586),
            (492, 681), (574, 777)]),
        (2000, 4, 5, 4.7, &[(0, 500), (23, 875), (46, 1250), (69, 1625), (92, 2000)]),
        (333, 5, 11, 66.0000001, &[(0, 66), (726, 119), (1452, 173), (2178, 226), (2904, 279), (3630, 333)]),
        (500, 10, 75, 0.1 + 0.2 + 2.0, &[(0, 50), (172, 95), (344, 140), (516, 185), (688, 230), (860, 275),
            (1032, 320), (1204, 365), (1376, 410), (1548, 455), (1720, 500)]),
    ];
    for (downtime, steps, delay, data_gb, expected) in table {
        assert_eq!(
            downtime_steps(&options(downtime, steps, delay), data_gb),
            expected,
            "{downtime} {data_gb}"
        );
    }
}

#[test]
fn times_beyond_all_bounds_stand_still() {
    // The longest delay, the most steps and as much data as can be given: the product is no number of seconds.
    let options = ScheduleOptions { data_gb: Some(1e9), ..options(500, 10_000, 31_536_000) };
    let steps = downtime_steps(&options, 1e9);
    assert_eq!((steps.len(), steps[0]), (10_001, (0, 0)));
    assert!(steps.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    assert_eq!(steps.last().map(|step| step.0), Some(u64::MAX));
    let mut policy = policy(&Convergence::schedule(options).unwrap(), F::empty());
    let job = JobInfo { kind: JobType::Unbounded, ..JobInfo::default() };
    let sample = Sample::from_job(&job, Duration::MAX, Context::default());
    let asked = policy.observe(&sample);
    assert_eq!(asked.len(), 1);
    // What fails at the end of all time is tried again without a rest.
    policy.failed(&asked[0].action, Duration::MAX);
    assert_eq!(policy.observe(&sample).len(), 1);
}

#[test]
fn the_data_is_counted_as_nova_does() {
    const GIB: u64 = 1 << 30;
    assert_eq!(ScheduleOptions::data_gb(512 << 20, []), 2.0);
    assert_eq!(ScheduleOptions::data_gb(3 * GIB, [GIB, 5 * GIB + GIB / 2]), 3.0 + 2.0 + 5.5);
    let defaults = ScheduleOptions::default();
    assert_eq!(completion_timeout(&defaults, 2.5), Some(2000));
    assert_eq!(completion_timeout(&ScheduleOptions { completion_timeout: 0, ..defaults }, 2.5), None);
}

/// A guest that writes to each of its pages within milliseconds. Measured with Nova 34's driver and a real guest
/// of this kind: 154 s, where libvirt alone takes 3 s.
#[test]
fn the_schedule_keeps_a_busy_guest_waiting_for_its_second_step() {
    const MIB: f64 = crate::simulator::MIB;
    let guest = Guest { memory: 512.0 * MIB, hot: 160.0 * MIB, load: Load::Steady(50_000.0 * MIB) };
    let link = Link { rate: 2000.0 * MIB, noise: 0.1, seed: 1, drop: None };
    let options = ScheduleOptions { data_gb: Some(2.0), ..ScheduleOptions::default() };
    let mut policy = policy(&Convergence::schedule(options).unwrap(), F::DEFAULT);
    let watch = Watch { poll: 0.5, events: false, ..Watch::default() };
    let report = migrate(guest, link, Start::default(), watch, policy.as_mut());
    assert_eq!(report.end, End::Done);
    assert!((150.0..151.0).contains(&report.time), "{}", report.time);
    let limits: Vec<_> = report.done.iter().map(|(_, action)| *action).collect();
    assert_eq!(limits, [Action::SetMaxDowntime(50), Action::SetMaxDowntime(95)]);
}

struct Watched {
    policy: Box<dyn Policy>,
    post_copy: bool,
}

impl Watched {
    fn new(options: ScheduleOptions) -> Self {
        let mut flags = F::DEFAULT;
        flags.set(F::POSTCOPY, options.post_copy);
        let mut policy = policy(&Convergence::schedule(options).unwrap(), flags);
        assert_eq!(policy.begin(Duration::ZERO), []);
        Self { policy, post_copy: false }
    }

    /// What is asked for at this time (s), without an answer.
    fn asked(&mut self, at: f64) -> Vec<Decision> {
        let job = JobInfo {
            kind: JobType::Unbounded,
            memory_total: Some(2 << 30),
            memory_remaining: Some(1 << 30),
            memory_iteration: Some(1),
            ..JobInfo::default()
        };
        let context = Context { post_copy: self.post_copy, ..Context::default() };
        self.policy.observe(&Sample::from_job(&job, Duration::from_secs_f64(at), context))
    }

    /// What is asked for at this time (s), and done.
    fn done(&mut self, at: f64) -> Vec<Action> {
        let actions: Vec<_> = self.asked(at).into_iter().map(|decision| decision.action).collect();
        actions.iter().for_each(|action| self.policy.succeeded(action));
        actions
    }
}

#[test]
fn each_step_is_taken_once_just_after_its_time() {
    let mut watched = Watched::new(ScheduleOptions { data_gb: Some(2.0), ..ScheduleOptions::default() });
    assert_eq!(watched.done(0.0), []);
    assert_eq!(watched.done(0.5), [Action::SetMaxDowntime(50)]);
    assert_eq!(watched.done(1.0), []);
    assert_eq!(watched.done(150.0), []);
    assert_eq!(watched.done(150.1), [Action::SetMaxDowntime(95)]);
    // A look that came late takes the newest step only.
    assert_eq!(watched.done(460.0), [Action::SetMaxDowntime(185)]);
    assert_eq!(watched.done(1599.0), [Action::SetMaxDowntime(500)]);
    assert_eq!(watched.done(1600.0), []);
}

#[test]
fn a_failed_step_is_tried_again() {
    let mut watched = Watched::new(ScheduleOptions { data_gb: Some(2.0), ..ScheduleOptions::default() });
    let at = Duration::from_millis(500);
    assert_eq!(watched.asked(0.5)[0].action, Action::SetMaxDowntime(50));
    assert_eq!(watched.asked(0.9), [], "nothing was heard of it yet");
    watched.policy.failed(&Action::SetMaxDowntime(50), at);
    assert_eq!(watched.done(1.0), [Action::SetMaxDowntime(50)]);
    assert_eq!(watched.done(1.5), []);
    // A step that keeps failing is given up for the next.
    assert_eq!(watched.asked(151.0)[0].action, Action::SetMaxDowntime(95));
    watched.policy.failed(&Action::SetMaxDowntime(95), Duration::from_secs(151));
    assert_eq!(watched.done(301.0), [Action::SetMaxDowntime(140)]);
}

/// A time-out of 20 s.
fn timing_out(timeout_action: OnDeadline, post_copy: bool) -> ScheduleOptions {
    ScheduleOptions {
        timeout_action,
        post_copy,
        data_gb: Some(2.0),
        completion_timeout: 10,
        ..ScheduleOptions::default()
    }
}

#[test]
fn the_time_out_action_comes_once() {
    for (timeout_action, post_copy, expected) in [
        (OnDeadline::Abort, false, Action::Abort),
        (OnDeadline::Abort, true, Action::Abort),
        (OnDeadline::Force, true, Action::StartPostCopy),
        (OnDeadline::Force, false, Action::Pause),
    ] {
        let options = timing_out(timeout_action, post_copy);
        let mut watched = Watched::new(options);
        assert_eq!(watched.done(20.0), [Action::SetMaxDowntime(50)]);
        let decision = watched.asked(20.1);
        assert_eq!(decision.len(), 1);
        assert_eq!(decision[0].action, expected);
        assert!(decision[0].reason.contains("20 s"), "{decision:?}");
        watched.policy.failed(&expected, Duration::from_secs_f64(20.1));
        assert_eq!(watched.done(21.0), [expected], "it failed");
        for at in 22..30 {
            assert_eq!(watched.done(f64::from(at)), [], "it was done");
        }
        // Nova pauses and goes on with its steps; after an abort or post-copy there is nothing to limit.
        let after = if expected == Action::Pause { vec![Action::SetMaxDowntime(95)] } else { vec![] };
        assert_eq!(watched.done(151.0), after);
    }
}

/// A guest that is paused before libvirt moves anything would be moved as a paused one.
#[test]
fn a_pause_waits_until_something_moves() {
    for (timeout_action, post_copy, waits) in [
        (OnDeadline::Force, false, true),
        (OnDeadline::Force, true, false),
        (OnDeadline::Abort, false, false),
    ] {
        let options = timing_out(timeout_action, post_copy);
        let job = |disk_total| JobInfo { kind: JobType::Unbounded, disk_total, ..JobInfo::default() };
        for (disks, waits) in [(None, waits), (Some(0), waits), (Some(1 << 30), false)] {
            let sample = Sample::from_job(&job(disks), Duration::from_secs(30), Context::default());
            let mut policy = policy(&Convergence::schedule(options).unwrap(), F::DEFAULT | F::POSTCOPY);
            assert_eq!(policy.begin(Duration::ZERO), []);
            policy.succeeded(&Action::SetMaxDowntime(50));
            let decisions = policy.observe(&sample);
            let steps_only = decisions.iter().all(|each| matches!(each.action, Action::SetMaxDowntime(_)));
            assert_eq!(steps_only, waits, "{timeout_action:?} {disks:?} {decisions:?}");
        }
    }
}

#[test]
fn nothing_is_done_in_post_copy_or_without_a_job() {
    let options = ScheduleOptions { data_gb: Some(2.0), ..ScheduleOptions::default() };
    let mut watched = Watched::new(options);
    watched.post_copy = true;
    assert_eq!(watched.asked(5000.0), []);
    let nothing = Sample::from_job(&JobInfo::default(), Duration::from_secs(5000), Context::default());
    assert_eq!(Watched::new(options).policy.observe(&nothing), []);
}

#[test]
fn data_that_nobody_counted_is_taken_from_the_first_sample() {
    let mut watched = Watched::new(ScheduleOptions::default());
    assert_eq!(watched.done(0.5), [Action::SetMaxDowntime(50)]);
    assert_eq!(watched.done(150.5), [Action::SetMaxDowntime(95)]);
}
