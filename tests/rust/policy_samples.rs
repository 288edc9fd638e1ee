//! The adaptive policy, sample by sample.

use std::time::Duration;

use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::policy::{
    Action, Context, Convergence, Decision, Intent, OnDeadline, Outlook, Policy, Sample, policy,
};

const PAUSE: Intent = Intent {
    max_downtime: 0.3,
    deadline: None,
    post_copy: false,
    throttle: false,
    on_deadline: OnDeadline::Abort,
    max_post_copy: None,
    exclusive: false,
};

fn made(intent: Intent, more: F) -> Box<dyn Policy> {
    let mut flags = F::DEFAULT | more;
    flags.set(F::POSTCOPY, intent.post_copy);
    policy(&Convergence::adaptive(intent).unwrap(), flags)
}

/// What is asked for at this sample: MiB left, over 100 MiB/s, of a guest of 1000 MiB.
fn seen(policy: &mut dyn Policy, at: f64, iteration: u64, left: u64) -> Vec<Action> {
    let job = JobInfo {
        kind: JobType::Unbounded,
        memory_total: Some(1000 << 20),
        memory_processed: Some(1),
        memory_remaining: Some(left << 20),
        memory_bps: Some(100 << 20),
        memory_iteration: Some(iteration),
        ..JobInfo::default()
    };
    let sample = Sample::from_job(&job, Duration::from_secs_f64(at), Context::default());
    let decisions = policy.observe(&sample);
    decisions.iter().map(|Decision { action, .. }| *action).collect()
}

#[test]
fn a_single_sample_decides_nothing() {
    let mut policy = made(Intent { max_downtime: 3.0, post_copy: true, ..PAUSE }, F::empty());
    policy.begin(Duration::ZERO);
    assert_eq!(seen(policy.as_mut(), 1.0, 1, 900), []);
    // One sample of a second pass with much left, and the next one with nearly nothing.
    assert_eq!(seen(policy.as_mut(), 10.0, 2, 200), []);
    assert_eq!(seen(policy.as_mut(), 10.1, 3, 20), []);
    // The same sample again is still one.
    let mut policy = made(Intent { max_downtime: 3.0, ..PAUSE }, F::empty());
    assert_eq!(seen(policy.as_mut(), 10.0, 2, 250), []);
    assert_eq!(seen(policy.as_mut(), 10.0, 2, 250), []);
    assert_eq!(seen(policy.as_mut(), 10.1, 2, 250), [Action::SetMaxDowntime(2900)]);
}

/// A policy that has watched passes of 10 s that never leave less than 900 MiB.
fn stuck(intent: Intent) -> Box<dyn Policy> {
    let mut policy = made(intent, F::empty());
    policy.begin(Duration::ZERO);
    for iteration in 1..5 {
        for tenth in 0..2 {
            let at = (iteration - 1) as f64 * 10.0 + f64::from(tenth) * 0.1 + 0.1;
            assert_eq!(seen(policy.as_mut(), at, iteration, 900 - u64::from(tenth as u32) * 10), []);
        }
    }
    assert!(matches!(policy.outlook(), Outlook::Stuck { iteration: 4, .. }), "{:?}", policy.outlook());
    policy
}

/// A policy that has watched a first pass of 10 s, which left 900 MiB.
fn second_pass(intent: Intent) -> Box<dyn Policy> {
    let mut policy = made(intent, F::empty());
    policy.begin(Duration::ZERO);
    assert_eq!(seen(policy.as_mut(), 0.1, 1, 1000), []);
    assert_eq!(seen(policy.as_mut(), 10.1, 2, 900), []);
    policy
}

#[test]
fn an_action_is_not_repeated_while_it_is_under_way_or_done() {
    let mut policy = second_pass(Intent { post_copy: true, ..PAUSE });
    assert_eq!(seen(policy.as_mut(), 10.2, 2, 890), [Action::StartPostCopy]);
    assert_eq!(seen(policy.as_mut(), 10.3, 2, 880), []);
    policy.succeeded(&Action::StartPostCopy);
    assert_eq!(seen(policy.as_mut(), 45.0, 3, 790), []);
}

#[test]
fn a_pass_whose_begin_was_missed_tells_nothing_of_how_fast_the_guest_writes() {
    let mut policy = made(Intent { post_copy: true, ..PAUSE }, F::empty());
    policy.begin(Duration::ZERO);
    seen(policy.as_mut(), 0.1, 1, 1000);
    for at in [10.0, 10.1, 10.2] {
        assert_eq!(seen(policy.as_mut(), at, 3, 900), []);
    }
}

#[test]
fn post_copy_that_keeps_failing_gives_way_to_throttling() {
    let mut policy = second_pass(Intent { post_copy: true, throttle: true, ..PAUSE });
    for attempt in 0..3 {
        let at = 11.0 + f64::from(attempt);
        assert_eq!(seen(policy.as_mut(), at, 2, 800), [Action::StartPostCopy]);
        assert_eq!(seen(policy.as_mut(), at + 0.01, 2, 800), [], "it is under way");
        policy.failed(&Action::StartPostCopy, Duration::from_secs_f64(at + 0.01));
        if attempt < 2 {
            assert_eq!(seen(policy.as_mut(), at + 0.05, 2, 800), [], "it rests");
        }
    }
    for (at, iteration) in [(19.1, 3), (28.1, 4), (28.2, 4), (30.0, 4)] {
        assert_eq!(seen(policy.as_mut(), at, iteration, 900), []);
    }
    assert!(matches!(seen(policy.as_mut(), 38.0, 4, 600)[..], [Action::Restart(_)]));
}

#[test]
fn a_restart_waits_for_a_part_of_the_first_pass() {
    let mut policy = stuck(Intent { throttle: true, ..PAUSE });
    // The first pass took 10 s, and nobody knows yet whether the load lasts.
    assert_eq!(seen(policy.as_mut(), 31.0, 4, 800), []);
    assert!(matches!(seen(policy.as_mut(), 33.0, 4, 700)[..], [Action::Restart(_)]));
}

#[test]
fn passes_that_were_met_somewhere_in_their_course_take_more_of_them() {
    let mut policy = made(PAUSE, F::empty());
    for (index, iteration) in [2, 4, 7, 9, 12, 14].into_iter().enumerate() {
        assert_eq!(policy.outlook(), Outlook::Unknown, "iteration {iteration}");
        let at = 10.0 + index as f64;
        seen(policy.as_mut(), at, iteration, 100);
        seen(policy.as_mut(), at + 0.01, iteration, 99);
    }
    assert!(matches!(policy.outlook(), Outlook::Stuck { iteration: 14, .. }), "{:?}", policy.outlook());
}

#[test]
fn an_old_sample_changes_nothing() {
    let mut policy = stuck(Intent { throttle: true, ..PAUSE });
    assert_eq!(seen(policy.as_mut(), 5.0, 1, 500), []);
    // What was learnt in the first pass is still known.
    assert!(matches!(seen(policy.as_mut(), 33.0, 4, 700)[..], [Action::Restart(_)]));
}

#[test]
fn a_guest_that_calms_down_is_no_longer_stuck() {
    let mut policy = stuck(PAUSE);
    assert_eq!(seen(policy.as_mut(), 41.0, 5, 300), []);
    assert_eq!(seen(policy.as_mut(), 44.0, 6, 100), []);
    assert_eq!(policy.outlook(), Outlook::Converging);
}

#[test]
fn nothing_is_done_to_a_guest_that_has_left_or_a_job_that_is_over() {
    let mut policy = made(Intent { deadline: Some(5.0), ..PAUSE }, F::empty());
    let job = JobInfo { memory_iteration: Some(3), kind: JobType::Unbounded, ..JobInfo::default() };
    let at = Duration::from_secs(9);
    for context in [
        Context { post_copy: true, ..Context::default() },
        Context { switchover: true, ..Context::default() },
        Context { finishing: true, ..Context::default() },
    ] {
        assert_eq!(policy.observe(&Sample::from_job(&job, at, context)), []);
    }
    let over = JobInfo { kind: JobType::None, ..job };
    assert_eq!(policy.observe(&Sample::from_job(&over, at, Context::default())), []);
}

#[test]
fn a_forced_end_waits_for_the_disks_and_an_abort_does_not() {
    let disks = JobInfo {
        kind: JobType::Unbounded,
        disk_total: Some(1 << 30),
        disk_remaining: Some(1 << 29),
        disk_processed: Some(1 << 29),
        ..JobInfo::default()
    };
    let sample = |at| Sample::from_job(&disks, Duration::from_secs(at), Context::default());
    let force = Intent { deadline: Some(5.0), on_deadline: OnDeadline::Force, ..PAUSE };
    let mut policy = made(force, F::NON_SHARED_INC);
    assert_eq!(policy.observe(&sample(9)), []);
    assert_eq!(seen(policy.as_mut(), 20.0, 1, 900), [Action::Pause]);
    let mut policy = made(Intent { deadline: Some(5.0), ..PAUSE }, F::NON_SHARED_INC);
    let decisions = policy.observe(&sample(9));
    assert_eq!(decisions[0].action, Action::Abort);
    assert!(decisions[0].reason.contains("disks still being copied"), "{decisions:?}");
}

#[test]
fn a_short_pause_is_set_before_anything_is_measured() {
    let mut policy = made(Intent { max_downtime: 0.05, ..PAUSE }, F::empty());
    let decisions = policy.begin(Duration::ZERO);
    assert_eq!(
        decisions.iter().map(|decision| decision.action).collect::<Vec<_>>(),
        [Action::SetMaxDowntime(45)]
    );
    // Where that fails there is another attempt with the samples.
    policy.failed(&Action::SetMaxDowntime(45), Duration::ZERO);
    assert_eq!(seen(policy.as_mut(), 0.5, 1, 900), [Action::SetMaxDowntime(45)]);
    policy.succeeded(&Action::SetMaxDowntime(45));
    assert_eq!(seen(policy.as_mut(), 1.0, 1, 800), []);
}

/// What is asked for of a guest of 512 MiB at 60 MiB/s, whose first pass ends with memory that is zero: MiB sent, zero and
/// left, and the throughput that QEMU measured, MiB/s.
fn through_zeroes(policy: &mut dyn Policy, at: f64, iteration: u64, counts: [u64; 4]) -> Vec<Action> {
    let [sent, zero, left, throughput] = counts;
    let job = JobInfo {
        kind: JobType::Unbounded,
        memory_total: Some(512 << 20),
        memory_processed: Some(sent << 20),
        memory_remaining: Some(left << 20),
        memory_constant: Some(zero << 8),
        memory_page_size: Some(4096),
        memory_bps: Some(throughput << 20),
        memory_iteration: Some(iteration),
        ..JobInfo::default()
    };
    let sample = Sample::from_job(&job, Duration::from_secs_f64(at), Context::default());
    policy.observe(&sample).iter().map(|decision| decision.action).collect()
}

#[test]
fn memory_that_is_zero_makes_no_slow_link() {
    let mut policy = made(Intent { max_downtime: 0.5, post_copy: true, ..PAUSE }, F::empty());
    policy.begin(Duration::ZERO);
    for tenth in 0..27 {
        let (at, sent) = (1.0 + f64::from(tenth) * 0.1, 6 * u64::from(tenth as u32));
        assert_eq!(through_zeroes(policy.as_mut(), at, 1, [sent, 15, 497 - sent, 60]), []);
    }
    // QEMU goes through zeroes as fast as the processor lets it, and sends nearly nothing meanwhile.
    for (tenth, zero) in [(27, 80), (28, 150), (29, 220), (30, 290), (31, 352)] {
        let at = 1.0 + f64::from(tenth) * 0.1;
        assert_eq!(through_zeroes(policy.as_mut(), at, 1, [160, zero, 352 - zero, 5]), []);
    }
    assert!(!policy.is_about_to_decide());
    assert_eq!(through_zeroes(policy.as_mut(), 4.2, 2, [166, 352, 160, 60]), []);
    // What is known now only has to be so at another sample, which is to come soon.
    assert!(policy.is_about_to_decide());
    assert_eq!(through_zeroes(policy.as_mut(), 4.3, 2, [172, 352, 154, 60]), [Action::StartPostCopy]);
}
