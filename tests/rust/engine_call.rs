//! The engine while its call is out, and what the call's return leads to.

use crate::play::*;
use libvirt_migrate::Error;
use libvirt_migrate::engine::{Order, Reconnected, Scope, Terms};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::{Answer, GuestLocation};

fn sample(state: bool) -> Order {
    Order::Sample { state }
}

#[test]
fn it_calls_and_prepares_at_once() {
    let mut play = Play::start(whole());
    let orders: Vec<_> = play.out.iter().map(|(_, order)| order.clone()).collect();
    assert_eq!(orders, [Order::Call(Terms::default()), Order::Prepare]);
    assert!(!play.engine.has_events() && !play.engine.is_told() && !play.engine.is_ended());
    // Nothing is looked at before.
    play.until(ms(3000));
    assert_eq!(play.out.len(), 2);
    play.prepared(true);
    assert!(play.engine.has_events());
    assert!(play.is_out(&Order::Reach) && play.is_out(&sample(false)));
}

#[test]
fn a_destination_that_is_not_known_is_not_reached_for() {
    let mut play = Play::start(libvirt_migrate::engine::Case { destination: false, ..whole() });
    play.prepared(true);
    assert!(!play.is_out(&Order::Reach) && play.is_out(&sample(false)));
}

#[test]
fn a_call_that_returns_before_anything_is_prepared_is_the_end_too() {
    let mut play = Play::start(whole());
    play.called(Ok(()));
    play.brought(Default::default());
    play.completed(Ok(last(JobType::Completed)));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
    assert!(play.engine.is_ended());
    // Its preparation comes back to nothing.
    play.prepared(true);
    assert!(!play.is_out(&Order::Reach) && !play.is_out(&sample(false)));
    assert_eq!(play.engine.wake_at(), None);
}

#[test]
fn one_look_is_out_at_a_time_and_the_next_comes_by_itself() {
    let mut play = Play::start(whole());
    play.prepared(true);
    play.wait(ms(5000));
    assert_eq!(play.out.iter().filter(|(_, order)| *order == sample(false)).count(), 1);
    play.sampled(no_job());
    // There is no job yet: soon again.
    assert_eq!(play.engine.wake_at(), Some(play.now + ms(50)));
    play.wait(ms(49));
    assert!(!play.is_out(&sample(false)));
    play.wait(ms(1));
    assert!(play.is_out(&sample(false)));
}

#[test]
fn what_cannot_be_read_is_looked_for_often_at_first_and_slowly_later() {
    let mut play = Play::start(whole());
    play.prepared(true);
    play.looked(Err(error(1)), None, true);
    assert_eq!(play.engine.wake_at(), Some(ms(50)));
    play.until(ms(2000));
    play.looked(Err(error(1)), None, true);
    assert_eq!(play.engine.wake_at(), Some(ms(4000)));
}

#[test]
fn the_state_is_asked_for_where_no_event_tells_the_switchover() {
    let mut play = Play::start(whole());
    play.prepared(false);
    assert!(play.is_out(&sample(false)));
    play.sampled(memory(1, 100));
    // Events are asked for again after 300 ms, and the looks are between.
    play.wait(ms(400));
    assert!(play.is_out(&sample(true)));
    play.seen(Ok(memory(2, 50)), Ok(MIGRATING));
    assert_eq!(play.switchovers(), 1);
}

#[test]
fn events_that_are_not_to_be_had_are_asked_for_again_and_more_slowly() {
    let mut play = Play::start(whole());
    play.prepared(false);
    let mut asked = vec![];
    while asked.len() < 5 {
        if play.is_out(&Order::Subscribe) {
            asked.push(play.now.as_millis());
            play.subscribed(false);
        } else if play.out.iter().any(|(_, order)| matches!(order, Order::Sample { .. })) {
            play.looked(Ok(no_job()), Some(Ok(RUNNING)), true);
        } else {
            let next = play.engine.wake_at().expect("something is due");
            play.until(next);
        }
    }
    // 300 ms after the first answer, then 600, 1200 and 2 s; a look that is due comes before.
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!((asked[0], pauses), (300, vec![600, 1200, 2000, 2000]));
}

#[test]
fn a_guest_that_moved_is_at_the_destination_and_what_belongs_to_it_comes_along() {
    let mut play = Play::running(whole());
    play.job_completed(last(JobType::Completed));
    assert_eq!(play.switchovers(), 1);
    play.wait(ms(300));
    play.called(Ok(()));
    // Its statistics have come as an event.
    assert!(play.is_out(&Order::Bring) && !play.is_out(&Order::Completed));
    assert!(!play.engine.is_told());
    play.brought(libvirt_migrate::belongings::Brought { left: vec!["a save".into()], ..Default::default() });
    let outcome = play.outcome();
    assert_eq!(outcome.guest_location, GuestLocation::DestinationRunning);
    assert_eq!((outcome.total_time, outcome.downtime), (ms(300), Some(ms(70))));
    assert_eq!(outcome.left_behind, ["a save"]);
    assert!(play.engine.is_ended());
    assert_eq!(play.engine.progress().fraction, 1.0);
    assert_eq!(play.engine.progress().expected_time_left, Some(ms(0)));
}

#[test]
fn the_last_progress_is_of_a_guest_that_has_arrived() {
    use libvirt_migrate::progress::Phase;
    let job = |iteration| libvirt_migrate::job::JobInfo {
        memory_bps: Some(1000),
        memory_dirty_rate: Some(1),
        disk_total: Some(50),
        disk_remaining: Some(20),
        ..memory(iteration, 3000)
    };
    let mut play = Play::start(whole());
    play.prepared(true);
    for iteration in 1..4 {
        play.sampled(job(iteration));
        play.wait(ms(2000));
    }
    let before = play.engine.progress();
    assert!(before.expected_downtime.is_some() && before.disk_remaining > 0, "{before:?}");
    play.called(Ok(()));
    play.brought(Default::default());
    play.completed(Err(error(1)));
    play.wait(ms(500));
    let last = play.engine.progress();
    assert_eq!((last.phase, last.elapsed, last.fraction), (Phase::Finishing, ms(6500), 1.0));
    assert_eq!((last.memory_remaining, last.disk_remaining, last.expected_downtime), (0, 0, None));
    assert_eq!((last.iteration, last.memory_total), (3, 1 << 30));
}

#[test]
fn a_guest_that_stood_still_stands_still_at_the_destination() {
    for (case, expected) in [
        (paused(), GuestLocation::DestinationPaused),
        (with(MigrateFlags::PAUSED), GuestLocation::DestinationPaused),
        (whole(), GuestLocation::DestinationRunning),
    ] {
        let mut play = Play::running(case);
        play.called(Ok(()));
        play.brought(Default::default());
        play.completed(Err(error(1)));
        play.wait(ms(500));
        assert_eq!(play.how(), Some((How::Moved, expected)));
    }
}

/// How a call ends that fails like this, over a connection that stands, where both hosts then say this.
fn failed(error: Error, source: Answer, destination: Answer) -> Play {
    let mut play = Play::running(whole());
    play.failed(error);
    play.asked(source, destination);
    assert!(play.engine.is_ended());
    play
}

#[test]
fn a_call_that_fails_ends_where_both_hosts_say() {
    let (fails, aborted) = (LibvirtError::OPERATION_FAILED, LibvirtError::OPERATION_ABORTED);
    let play = failed(error(fails), says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    assert_eq!(play.end_code(), Some(fails));
    assert_eq!(play.engine.steps(), []);
    let play = failed(error(aborted), says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Cancelled, GuestLocation::SourceRunning)));
    let play = failed(error(fails), Answer::Unknown, Answer::Unknown);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
}

#[test]
fn an_error_that_says_the_guest_is_gone_proves_nothing_alone() {
    use libvirt_migrate::record::Act;
    for code in [LibvirtError::NO_DOMAIN, LibvirtError::OPERATION_INVALID] {
        let play = failed(error(code), says(RUNNING), Answer::Absent);
        assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
        let mut play = Play::running(whole());
        play.failed(error(code));
        play.asked(Answer::Absent, says(ARRIVED));
        play.brought(Default::default());
        play.completed(Err(error(code)));
        play.wait(ms(500));
        assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
        assert_eq!(play.acts(), [Act::TrustDestination]);
    }
    // Any other error stays one, wherever the guest is.
    let mut play = Play::running(whole());
    play.failed(error(1));
    play.asked(says(MIGRATING), says(ARRIVED));
    play.completed(Err(error(1)));
    play.wait(ms(500));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::DestinationRunning)));
}

#[test]
fn an_error_that_is_not_libvirts_is_told_as_it_is() {
    let mut play = Play::running(whole());
    play.failed(Error::parameter("bandwidth", "is wrong"));
    assert_eq!(play.how(), Some((How::Raw, GuestLocation::Unknown)));
    assert!(play.engine.is_ended());
}

#[test]
fn a_place_that_the_caller_has_found_is_not_asked_for_again() {
    let mut play = Play::running(whole());
    play.returned(Err(error(1)), true, Some(GuestLocation::SourcePaused));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourcePaused)));
    // Even where the connection is gone.
    let mut play = Play::running(whole());
    play.returned(Err(error(1)), false, Some(GuestLocation::SourceRunning));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
}

#[test]
fn a_connection_that_broke_is_made_again_and_the_migration_followed() {
    let mut play = Play::running(whole());
    play.returned(Err(error(38)), false, None);
    assert!(play.is_out(&Order::Reconnect) && !play.is_out(&Order::Ask));
    assert_eq!(play.how(), None);
    play.reconnected(Reconnected::There { events: true });
    assert!(play.is_out(&sample(true)));
}

#[test]
fn a_call_that_fails_is_looked_after_since_its_post_copy_may_go_on() {
    for (job, state, goes_on) in [
        (Ok(memory(1, 100)), Ok(RUNNING), false),
        (Ok(memory(1, 100)), Ok(POST_COPY), false),
        (Ok(no_job()), Ok(POST_COPY_FAILED), false),
        (Err(error(38)), Err(error(38)), true),
        (Ok(memory(1, 100)), Ok(POST_COPY_FAILED), true),
        (Err(error(38)), Ok(POST_COPY_FAILED), true),
    ] {
        let mut play = Play::running(whole());
        play.returned(Err(error(9)), true, None);
        play.asked(says(POST_COPY_FAILED), Answer::Unknown);
        assert_eq!(play.how(), None);
        play.seen(job, state.clone());
        assert_eq!(play.is_out(&Order::Ask), !goes_on, "{state:?}");
    }
}

#[test]
fn tls_is_explained_where_it_was_asked_for_and_nowhere_else() {
    let message = "Cannot read from TLS channel: Input/output error";
    let told = |flags: MigrateFlags| {
        let mut play = Play::running(with(flags));
        play.failed(LibvirtError::found_here(1, message).into());
        play.asked(says(RUNNING), Answer::Absent);
        play.end_message()
    };
    assert!(told(MigrateFlags::TLS).contains("certificate"));
    assert!(!told(MigrateFlags::empty()).contains("certificate"));
}

#[test]
fn a_call_alone_is_not_watched() {
    let mut play = Play::start(case(Scope::Call));
    let orders: Vec<_> = play.out.iter().map(|(_, order)| order.clone()).collect();
    assert_eq!(orders, [Order::Call(Terms::default())]);
    assert_eq!(play.engine.wake_at(), None);
    play.wait(ms(100_000));
    assert_eq!(play.out.len(), 1);
    play.called(Ok(()));
    // What belongs to the guest is its caller's.
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
    assert!(play.out.is_empty() && play.engine.is_ended());
    let mut play = Play::start(case(Scope::Call));
    play.failed(error(1));
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
}

#[test]
fn replies_that_belong_to_nothing_are_nothing() {
    use libvirt_migrate::engine::{Input, Reply, Ticket};
    let mut play = Play::running(whole());
    let before = play.out.clone();
    let reply = || Reply::Called { result: Ok(()), connected: true, location: None };
    play.hand(Input::Done(Ticket { number: 99, attempt: 0 }, reply()));
    // Of another attempt, and of another kind.
    let ticket = play.out.iter().find(|(_, order)| matches!(order, Order::Call(_))).unwrap().0;
    play.hand(Input::Done(Ticket { attempt: 1, ..ticket }, reply()));
    assert_eq!(play.how(), None);
    assert_eq!(play.out, before);
    // The real one counts, once.
    play.returned(Ok(()), true, Some(GuestLocation::DestinationPaused));
    assert!(play.is_out(&Order::Bring));
    play.hand(Input::Done(ticket, reply()));
    assert_eq!(play.out.iter().filter(|(_, order)| *order == Order::Bring).count(), 1);
}

#[test]
fn time_does_not_go_back() {
    let mut play = Play::running(whole());
    play.wait(ms(1000));
    play.sampled(memory(2, 50));
    play.now = ms(10);
    play.called(Ok(()));
    play.brought(Default::default());
    play.completed(Ok(last(JobType::Completed)));
    assert_eq!(play.outcome().total_time, ms(1000));
}

#[test]
fn both_hosts_are_asked_when_nothing_is_heard() {
    use libvirt_migrate::record::Act;
    let mut play = Play::running(whole());
    play.event(3, 1);
    assert_eq!(play.switchovers(), 1);
    // Whatever else hangs: the look that is out never returns.
    play.until(ms(9_900));
    assert!(!play.is_out(&Order::Look));
    play.until(ms(10_100));
    assert!(play.is_out(&Order::Look));
    play.seen_in_silence(says(MIGRATING), says(ARRIVED));
    assert_eq!(play.acts(), [Act::Look]);
    assert!(play.engine.steps()[0].reason.contains("the guest runs at the destination"));
    // Asked again after 5 s, and told once.
    play.wait(ms(5000));
    play.seen_in_silence(says(MIGRATING), says(ARRIVED));
    assert_eq!(play.acts(), [Act::Look]);
    assert_eq!(play.how(), None);
}

#[test]
fn a_policy_that_waits_for_one_more_look_gets_it_soon() {
    let script = Script::default();
    let mut play = Play::steered(whole(), script.policy());
    play.prepared(true);
    play.sampled(memory(1, 900 << 20));
    let slow = JobInfo { memory_bps: Some(10 << 20), ..memory(1, 800 << 20) };
    let mut pauses = vec![];
    for about_to in [false, true, false] {
        while !play.is_out(&Order::Sample { state: false }) {
            let next = play.engine.wake_at().expect("a look is due");
            play.until(next);
        }
        script.is_about_to(about_to);
        play.sampled(slow.clone());
        pauses.push(play.engine.wake_at().expect("a look is due") - play.now);
    }
    assert_eq!(pauses, [ms(1000), ms(100), ms(1000)]);
}
