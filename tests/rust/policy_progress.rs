//! Samples from libvirt's statistics, and the progress made of them.

use std::time::Duration;

use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::policy::{Context, Sample};
use libvirt_migrate::progress::{Phase, Progress, ProgressTracker};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

fn memory(iteration: u64, left: u64) -> JobInfo {
    JobInfo {
        kind: JobType::Unbounded,
        memory_total: Some(1000 * MIB),
        memory_processed: Some(iteration * 900 * MIB),
        memory_remaining: Some(left * MIB),
        memory_iteration: Some(iteration),
        memory_bps: Some(100 * MIB),
        memory_dirty_rate: Some(if iteration < 2 { 0 } else { 5120 }),
        memory_page_size: Some(4096),
        downtime: Some(300),
        ..JobInfo::default()
    }
}

fn disks(left: u64) -> JobInfo {
    JobInfo {
        kind: JobType::Unbounded,
        disk_total: Some(1000 * MIB),
        disk_processed: Some((1000 - left) * MIB),
        disk_remaining: Some(left * MIB),
        disk_bps: Some(200 * MIB),
        ..JobInfo::default()
    }
}

fn at(tracker: &mut ProgressTracker, seconds: f64, job: &JobInfo, context: Context) -> Progress {
    tracker.observe(&Sample::from_job(job, Duration::from_secs_f64(seconds), context))
}

#[test]
fn a_sample_makes_nothing_up() {
    let first = Sample::from_job(&memory(1, 900), Duration::from_secs(1), Context::default());
    // QEMU says 0 and its own limit until it has measured.
    assert_eq!((first.dirty_rate, first.expected_downtime), (None, None));
    assert_eq!(first.downtime_limit_ms, 300);
    let second = Sample::from_job(&memory(2, 100), Duration::from_secs(9), Context::default());
    assert_eq!(second.dirty_rate, Some(20.0 * MIB as f64));
    assert_eq!(second.expected_downtime, Some(Duration::from_millis(300)));
    assert_eq!(second.pause(), Some(Duration::from_secs(1)));
    let empty = Sample::from_job(&JobInfo::default(), Duration::ZERO, Context::default());
    assert_eq!(
        (empty.active, empty.phase, empty.throughput, empty.pause()),
        (false, Phase::Setup, None, None)
    );
}

#[test]
fn the_phases_follow_the_statistics_and_the_events() {
    let phase = |job: &JobInfo, context| Sample::from_job(job, Duration::ZERO, context).phase;
    let none = Context::default();
    let running = JobInfo { kind: JobType::Unbounded, ..JobInfo::default() };
    assert_eq!(phase(&running, none), Phase::Setup);
    assert_eq!(phase(&disks(500), none), Phase::Disks);
    // A disk that the guest writes to stays behind a little while memory is moved.
    assert_eq!(phase(&JobInfo { disk_remaining: Some(1), ..memory(2, 10) }, none), Phase::Memory);
    let switchover = Context { switchover: true, ..none };
    assert_eq!(phase(&memory(3, 10), switchover), Phase::Switchover);
    assert_eq!(phase(&memory(3, 10), Context { post_copy: true, ..switchover }), Phase::PostCopy);
    assert_eq!(phase(&memory(3, 10), Context { finishing: true, ..switchover }), Phase::Finishing);
    assert_eq!(phase(&JobInfo { kind: JobType::Completed, ..memory(3, 0) }, none), Phase::Finishing);
}

#[test]
fn time_left_and_pause_are_told_once_they_are_known() {
    let mut tracker = ProgressTracker::default();
    let none = Context::default();
    let first = at(&mut tracker, 1.0, &memory(1, 900), none);
    // The rest of the pass, at the least.
    assert_eq!(first.expected_time_left, Some(Duration::from_secs(9)));
    assert_eq!((first.expected_downtime, first.dirty_rate), (None, None));
    assert_eq!(first.throughput, Some(100.0 * MIB as f64));
    let second = at(&mut tracker, 10.0, &memory(2, 200), none);
    assert_eq!(second.expected_downtime, Some(Duration::from_secs(2)));
    // 200 MiB down to the 30 of 300 ms, at 100 - 20 MiB/s, and the pause.
    let left = second.expected_time_left.unwrap().as_secs_f64();
    assert!((left - (170.0 / 80.0 + 0.3)).abs() < 1e-6, "{left}");
}

#[test]
fn a_guest_that_will_not_converge_has_no_time_left() {
    let mut tracker = ProgressTracker::default();
    for iteration in 1..6 {
        let job = JobInfo { memory_dirty_rate: Some(40_000), ..memory(iteration, 900) };
        let progress = at(&mut tracker, iteration as f64 * 9.0, &job, Context::default());
        let known = progress.expected_time_left.is_some();
        assert_eq!((known, progress.stuck), (iteration < 2, iteration >= 2), "iteration {iteration}");
    }
}

#[test]
fn disks_have_a_rate_and_an_end_before_memory_begins() {
    let mut tracker = ProgressTracker::new(Some(1000 * MIB));
    let untold = |left| JobInfo { disk_bps: None, ..disks(left) };
    let first = at(&mut tracker, 1.0, &untold(900), Context::default());
    assert_eq!((first.throughput, first.expected_time_left, first.stuck), (None, None, false));
    let later = at(&mut tracker, 3.0, &untold(700), Context::default());
    assert_eq!(later.throughput, Some(100.0 * MIB as f64));
    // 7 s for the disks and 10 s for the memory.
    assert_eq!(later.expected_time_left, Some(Duration::from_secs(17)));
}

#[test]
fn a_disk_that_is_written_as_fast_as_it_is_copied_is_found_within_seconds() {
    let mut tracker = ProgressTracker::new(Some(1000 * MIB));
    for second in 0..20 {
        let job = JobInfo {
            disk_total: Some((3000 + second * 98) * MIB),
            disk_processed: Some(second * 100 * MIB),
            disk_remaining: Some((3000 - second * 2) * MIB),
            ..disks(0)
        };
        let progress = at(&mut tracker, second as f64, &job, Context::default());
        assert_eq!(progress.stuck, second >= 3, "{second} s");
        assert_eq!(progress.expected_time_left.is_some(), second < 3, "{second} s");
    }
}

#[test]
fn post_copy_knows_its_end() {
    let context = Context { post_copy: true, ..Context::default() };
    let progress = at(&mut ProgressTracker::default(), 9.0, &memory(3, 500), context);
    assert_eq!(progress.expected_time_left, Some(Duration::from_secs(5)));
    assert_eq!(progress.expected_downtime, None);
}

#[test]
fn the_fraction_waits_for_memory_after_disks_and_for_the_end() {
    let mut tracker = ProgressTracker::new(Some(1000 * MIB));
    let none = Context::default();
    let half = at(&mut tracker, 5.0, &disks(0), none);
    assert!((half.fraction - 0.475).abs() < 1e-9, "{half:?}");
    assert_eq!(half.throughput, Some(200.0 * MIB as f64));
    let job = JobInfo { disk_total: Some(1000 * MIB), disk_remaining: Some(0), ..memory(1, 500) };
    let more = at(&mut tracker, 9.0, &job, none).fraction;
    assert!((more - 0.95 * 0.75).abs() < 1e-9, "{more}");
    let all = at(&mut tracker, 15.0, &memory(5, 0), none).fraction;
    assert!((0.9..=0.95).contains(&all));
    // libvirt has no statistics any more, and the last ones are still true.
    let finishing = Context { finishing: true, ..none };
    let end = at(&mut tracker, 16.0, &JobInfo::default(), finishing);
    assert_eq!((end.fraction, end.phase, end.memory_total), (1.0, Phase::Finishing, 1000 * MIB));
}

#[test]
fn disks_alone_are_not_everything() {
    let progress = at(&mut ProgressTracker::default(), 5.0, &disks(0), Context::default());
    assert!(progress.fraction < 0.5);
}

#[test]
fn an_old_sample_changes_nothing() {
    let mut tracker = ProgressTracker::default();
    let now = at(&mut tracker, 9.0, &memory(2, 300), Context::default());
    assert_eq!(at(&mut tracker, 8.0, &memory(1, 900), Context::default()), now);
    assert_eq!(tracker.last(), now);
}

fn number() -> impl Strategy<Value = Option<u64>> {
    proptest::option::of(prop_oneof![0..4u64, 0..1u64 << 40, any::<u64>()])
}

fn any_job() -> impl Strategy<Value = JobInfo> {
    let memory = (number(), number(), number(), number(), number());
    let disks = (number(), number(), number());
    (memory, disks, number(), number(), -9..9i64, proptest::option::of(any::<i64>())).prop_map(
        |(memory, disks, pages, page_size, kind, throttle)| JobInfo {
            kind: JobType::from_number(kind),
            memory_total: memory.0,
            memory_processed: memory.1,
            memory_remaining: memory.2,
            memory_iteration: memory.3,
            memory_bps: memory.4,
            disk_total: disks.0,
            disk_processed: disks.1,
            disk_remaining: disks.2,
            memory_dirty_rate: pages,
            memory_page_size: page_size,
            auto_converge_throttle: throttle,
            ..JobInfo::default()
        },
    )
}

proptest! {
    /// Whatever libvirt says, in whatever order: no panic, and the fraction stays in bounds and never falls.
    #[test]
    fn the_fraction_never_goes_back(jobs in proptest::collection::vec((any_job(), any::<(bool, bool, bool)>()), 1..30)) {
        let mut tracker = ProgressTracker::default();
        let mut last = 0.0;
        for (index, (job, (post_copy, switchover, finishing))) in jobs.iter().enumerate() {
            let context = Context {
                post_copy: *post_copy,
                switchover: *switchover,
                finishing: *finishing && index > 20,
                ..Context::default()
            };
            let progress = at(&mut tracker, index as f64 / 7.0, job, context);
            prop_assert!((last..=1.0).contains(&progress.fraction), "{progress:?}");
            last = progress.fraction;
        }
    }
}
