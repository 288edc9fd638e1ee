//! The engine that follows a migration without a call: one whose connection broke, and one that others have started.

use std::time::Duration;

use crate::play::*;
use libvirt_migrate::engine::{Case, Change, Engine, Moved, Order, Reconnected, Scope, Viewed, Wish};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::fact::Fact;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::record::Act;
use libvirt_migrate::state::DomainState;

const GONE: i32 = LibvirtError::NO_DOMAIN;
const LOCKED: i32 = LibvirtError::OPERATION_TIMEOUT;

/// A migration whose connection broke.
fn lost(case: Case) -> Play {
    let mut play = Play::running(case);
    play.returned(Err(error(38)), false, None);
    play
}

/// One that is followed since then.
fn followed() -> Play {
    let mut play = lost(whole());
    play.reconnected(Reconnected::There { events: true });
    play
}

fn adopted(case: Case) -> Play {
    let mut play = Play::new(Engine::adopt(case, None));
    play.prepared(true);
    play
}

/// Goes on like this, look for look, until it is followed no more or for this long. Returns how long it was.
fn goes_on(
    play: &mut Play,
    longest: Duration,
    look: impl Fn(Duration) -> (Result<JobInfo, i32>, Result<DomainState, i32>),
) -> Duration {
    let began = play.now;
    while play.now - began < longest {
        if play.out.iter().any(|(_, order)| matches!(order, Order::Sample { state: true })) {
            let (job, state) = look(play.now - began);
            play.seen(job.map_err(error), state.map_err(error));
        } else if play.is_out(&Order::Look) {
            play.seen_in_silence(Answer::Unknown, Answer::Unknown);
        } else if let Some(at) =
            play.engine.wake_at().filter(|_| play.out.iter().all(|(_, order)| *order == Order::Reach))
        {
            play.until(at);
        } else {
            break;
        }
    }
    play.now - began
}

#[test]
fn a_source_that_cannot_be_reached_is_tried_again_for_a_minute() {
    let mut play = lost(whole());
    let mut tries = 0;
    while !play.is_out(&Order::Ask) {
        if play.is_out(&Order::Reconnect) {
            tries += 1;
            play.reconnected(Reconnected::Failed(error(38)));
        } else if play.is_out(&Order::Look) {
            // The silence is another matter.
            play.seen_in_silence(Answer::Unknown, Answer::Unknown);
        } else {
            let next = play.engine.wake_at().expect("it is tried again");
            play.until(next);
        }
    }
    assert_eq!(tries, 301, "every 200 ms");
    assert_eq!(play.now, ms(60_000));
    play.asked(Answer::Unknown, says(ARRIVED));
    play.completed(Err(error(38)));
    play.wait(ms(500));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::DestinationRunning)));
    // The same failure is told once.
    assert_eq!(play.failures().first(), Some(&Act::Reconnect));
    assert!(play.failures().len() <= 2, "{:?}", play.failures());
}

#[test]
fn a_domain_object_that_cannot_be_had_again_is_not_asked_for_again() {
    let mut play = lost(whole());
    play.reconnected(Reconnected::Failed(error(LibvirtError::NO_SUPPORT)));
    assert!(play.is_out(&Order::Ask));
}

#[test]
fn a_source_that_has_forgotten_the_guest_leaves_the_rest_to_both_hosts() {
    let mut play = lost(whole());
    play.reconnected(Reconnected::Gone);
    assert_eq!(play.acts(), [Act::Reconnect]);
    play.viewed(view(Answer::Absent, says(ARRIVED), Fact::Absent));
    play.brought(Default::default());
    play.completed(Err(error(GONE)));
    play.wait(ms(500));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
}

#[test]
fn without_a_destination_nothing_is_put_right() {
    let mut play = lost(Case { destination: false, ..whole() });
    play.reconnected(Reconnected::Gone);
    play.asked(Answer::Absent, Answer::Unknown);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
}

#[test]
fn one_that_broke_is_looked_at_often_and_an_adopted_one_as_any() {
    let mut play = followed();
    let slow = || JobInfo { memory_bps: Some(1000), ..memory(1, 100_000) };
    play.seen(Ok(slow()), Ok(RUNNING));
    play.wait(ms(199));
    assert!(!play.is_out(&Order::Sample { state: true }));
    play.wait(ms(1));
    assert!(play.is_out(&Order::Sample { state: true }));
    let mut play = adopted(whole());
    play.seen(Ok(slow()), Ok(RUNNING));
    play.wait(ms(999));
    assert!(!play.is_out(&Order::Sample { state: true }));
}

#[test]
fn it_is_over_when_the_job_or_the_guest_is_gone() {
    type Look = (Result<JobInfo, i32>, Result<DomainState, i32>);
    let looks: [(Look, bool); 7] = [
        ((Ok(no_job()), Ok(RUNNING)), true),
        ((Err(LibvirtError::OPERATION_INVALID), Ok(RUNNING)), true),
        ((Ok(memory(2, 50)), Err(GONE)), true),
        ((Ok(memory(2, 50)), Ok(SHUT_OFF)), true),
        ((Err(LOCKED), Ok(LEFT)), true),
        ((Ok(memory(2, 50)), Ok(RUNNING)), false),
        // What cannot be found out is no end.
        ((Ok(no_job()), Err(LOCKED)), false),
    ];
    for ((job, state), over) in looks {
        let mut play = followed();
        play.seen(job.clone().map_err(error), state.map_err(error));
        assert_eq!(play.is_out(&Order::View), over, "{job:?} {state:?}");
    }
    // An event is as good as a look.
    let mut play = followed();
    play.event(5, 3);
    assert!(play.is_out(&Order::View));
    let mut play = Play::running(whole());
    play.event(5, 3);
    assert!(!play.is_out(&Order::View), "the call tells the end");
}

#[test]
fn a_source_that_tells_nothing_is_asked_for_a_minute() {
    for look in [(Err(LOCKED), Ok(RUNNING)), (Ok(memory(2, 50)), Err(LOCKED))] {
        let mut play = followed();
        let long = goes_on(&mut play, ms(90_000), |_| look.clone());
        assert!((ms(60_000)..ms(62_100)).contains(&long), "{long:?}");
        assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
        assert!(play.end_message().contains("nothing was done about it"));
        assert_eq!(play.changes(), []);
    }
    // One word in between, and it goes on.
    let mut play = followed();
    let long = goes_on(&mut play, ms(90_000), |now| {
        if now < ms(40_000) {
            (Ok(memory(2, now.as_millis() as u64)), Ok(RUNNING))
        } else {
            (Err(LOCKED), Ok(RUNNING))
        }
    });
    assert_eq!(long.max(ms(90_000)), long);
}

#[test]
fn an_adopted_one_that_tells_nothing_says_so() {
    let mut play = adopted(whole());
    goes_on(&mut play, ms(90_000), |_| (Err(LOCKED), Err(LOCKED)));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    assert!(play.end_message().contains("nothing more is known"), "{}", play.end_message());
}

#[test]
fn a_connection_that_breaks_again_is_made_again() {
    for mut play in [followed(), adopted(whole())] {
        play.looked(Err(error(38)), Some(Err(error(38))), false);
        assert!(play.is_out(&Order::Reconnect));
        play.reconnected(Reconnected::There { events: true });
        assert!(play.is_out(&Order::Sample { state: true }));
        play.seen(Ok(memory(3, 50)), Ok(RUNNING));
        assert_eq!(play.how(), None);
    }
}

#[test]
fn a_post_copy_is_broken_where_the_source_says_so_and_nothing_moves() {
    // The call's own error came with it: a second is enough. Otherwise five.
    let broken = |play: &mut Play| goes_on(play, ms(20_000), |_| (Ok(memory(2, 50)), Ok(POST_COPY_FAILED)));
    let mut play = Play::running(with(MigrateFlags::POSTCOPY));
    play.returned(Err(error(9)), true, None);
    play.asked(says(POST_COPY_FAILED), Answer::Unknown);
    play.seen(Ok(memory(2, 40)), Ok(POST_COPY_FAILED));
    let long = broken(&mut play);
    assert!((ms(1000)..ms(1300)).contains(&long), "{long:?}");
    play.asked(says(POST_COPY_FAILED), Answer::Unknown);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::PostCopyBroken)));
    let mut play = followed();
    let long = broken(&mut play);
    assert!((ms(5000)..ms(5300)).contains(&long), "{long:?}");
    assert!(play.is_out(&Order::View));
}

#[test]
fn a_post_copy_that_moves_or_is_healthy_goes_on() {
    for state in [POST_COPY_FAILED, POST_COPY] {
        let mut play = Play::running(with(MigrateFlags::POSTCOPY));
        play.returned(Err(error(9)), true, None);
        play.asked(says(POST_COPY_FAILED), Answer::Unknown);
        play.seen(Ok(memory(2, 40)), Ok(POST_COPY_FAILED));
        let moves = goes_on(&mut play, ms(20_000), |now| {
            let left = if state == POST_COPY { 50 } else { 100_000 - now.as_millis() as u64 };
            (Ok(memory(2, left)), Ok(state))
        });
        assert!(moves >= ms(20_000), "{state:?}");
        assert_eq!(play.how(), None);
    }
}

fn adopted_over(answers: (Answer, Answer), job: Result<JobInfo, i32>) -> Play {
    let mut play = adopted(whole());
    play.seen(Ok(memory(2, 50)), Ok(RUNNING));
    play.wait(ms(1000));
    play.seen(Ok(no_job()), Ok(RUNNING));
    play.completed(job.map_err(error));
    play.asked(answers.0, answers.1);
    if play.is_out(&Order::Bring) {
        play.brought(Default::default());
    }
    if play.is_out(&Order::Completed) {
        play.completed(Err(error(1)));
    }
    play.wait(ms(500));
    play
}

#[test]
fn how_an_adopted_one_ended_the_last_statistics_and_both_hosts_tell() {
    let said = |kind, errmsg: Option<&str>| Ok(JobInfo { errmsg: errmsg.map(str::to_owned), ..last(kind) });
    let here = (says(RUNNING), Answer::Absent);
    let play = adopted_over(here, said(JobType::Failed, Some("no room")));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    assert!(play.end_message().starts_with("no room"));
    let play = adopted_over(here, said(JobType::Cancelled, None));
    assert_eq!(play.how(), Some((How::Cancelled, GuestLocation::SourceRunning)));
    let play = adopted_over(here, Err(1));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    assert!(play.end_message().starts_with("the migration ended without moving the guest"));
    // That neither host knows it makes no failure of an abort.
    let play = adopted_over((Answer::Absent, Answer::Absent), said(JobType::Cancelled, None));
    assert!(matches!(play.how(), Some((How::Cancelled, _))), "{:?}", play.how());
    // Of another kind of job these are nothing.
    let other = JobInfo { operation: Some(3), ..last(JobType::Cancelled) };
    assert_eq!(adopted_over(here, Ok(other)).how(), Some((How::Failed, GuestLocation::SourceRunning)));
    for left in [says(LEFT), Answer::Absent] {
        let play = adopted_over((left, says(ARRIVED)), Err(1));
        assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)), "{left:?}");
    }
    // It has left, and the destination says that it has not got it: that is no success.
    let play = adopted_over((says(LEFT), Answer::Absent), Err(1));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    assert!(play.end_message().contains("does not say that it has it"));
    let play = adopted_over((says(LEFT), says(SHUT_OFF)), Err(1));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::DestinationShutOff)));
    assert!(play.end_message().contains("has ended at the destination"));
    // It has left, and only the source can be asked.
    let play = adopted_over((says(LEFT), Answer::Unknown), Err(1));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
    let play = adopted_over((Answer::Absent, Answer::Unknown), Err(1));
    assert_eq!((play.how(), play.end_code()), (Some((How::Failed, GuestLocation::Unknown)), Some(GONE)));
    let play = adopted_over((Answer::Unknown, Answer::Unknown), Err(1));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    assert!(play.end_message().starts_with("the source does not tell how"));
    // What broke has not moved, whatever the source says of its leaving.
    let play = adopted_over((says(POST_COPY_FAILED), Answer::Unknown), Err(1));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::PostCopyBroken)));
}

#[test]
fn one_that_left_after_its_post_copy_broke_may_run_nowhere() {
    for told_by_event in [true, false] {
        let mut play = adopted(whole());
        if told_by_event {
            play.event(3, 8);
            play.seen(Ok(memory(2, 50)), Ok(POST_COPY));
        } else {
            play.seen(Ok(memory(2, 50)), Ok(POST_COPY_FAILED));
        }
        play.event(5, 3);
        play.completed(Err(error(1)));
        play.asked(says(LEFT), Answer::Unknown);
        assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)), "{told_by_event}");
    }
}

#[test]
fn one_that_was_seen_to_have_ended_at_the_destination_is_not_told_as_running_there() {
    for (seen, told) in [
        (says(SHUT_OFF), (How::Failed, GuestLocation::Unknown)),
        (says(ARRIVED), (How::Moved, GuestLocation::DestinationRunning)),
    ] {
        let mut play = adopted(whole());
        play.seen(Ok(memory(2, 50)), Ok(RUNNING));
        play.event(5, 3);
        // The source's answer hangs, so both are looked at.
        while !play.is_out(&Order::Look) {
            play.wait(ms(500));
        }
        play.seen_in_silence(Answer::Absent, seen);
        play.completed(Err(error(68)));
        play.asked(Answer::Absent, Answer::Unknown);
        if play.is_out(&Order::Bring) {
            play.brought(Default::default());
            play.completed(Err(error(1)));
            play.wait(ms(500));
        }
        assert_eq!(play.how(), Some(told));
        if told.0 == How::Failed {
            assert!(play.end_message().contains("was seen to have ended at the destination"));
        }
    }
}

#[test]
fn an_event_of_success_counts_for_an_adopted_one() {
    let mut play = adopted(whole());
    play.seen(Ok(memory(2, 50)), Ok(RUNNING));
    play.event(5, 3);
    play.completed(Ok(last(JobType::Completed)));
    play.asked(Answer::Unknown, Answer::Unknown);
    play.brought(Default::default());
    if play.is_out(&Order::Completed) {
        play.completed(Err(error(1)));
    }
    play.wait(ms(500));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
}

#[test]
fn an_adopted_post_copy_is_one_from_its_beginning() {
    let guest = libvirt_migrate::domain::GuestFacts { state: Some(POST_COPY), ..whole().guest };
    let mut play = Play::new(Engine::adopt(Case { guest, ..whole() }, None));
    play.wish(1, Wish::Abort);
    assert_eq!(play.answer(1), Some(Err(Some(LibvirtError::OPERATION_INVALID))));
    assert_eq!(play.changes(), []);
    let mut play = Play::new(Engine::adopt(whole(), None));
    play.wish(1, Wish::Abort);
    assert_eq!(play.changes(), [Change::Abort]);
}

/// One that is over and has to be put right.
fn settling() -> Play {
    let mut play = lost(whole());
    play.reconnected(Reconnected::Gone);
    assert!(play.is_out(&Order::View));
    play
}

fn at_rest(source: Answer, destination: Answer) -> Viewed {
    view(source, destination, Fact::Absent)
}

#[test]
fn nothing_is_removed_by_the_word_of_another_time() {
    let mut play = settling();
    for _ in 0..5 {
        play.wait(ms(5001));
        if play.is_out(&Order::Look) {
            play.seen_in_silence(Answer::Unknown, Answer::Unknown);
        }
        play.viewed(at_rest(says(MIGRATING), says(MIGRATING)));
        assert_eq!(play.changes(), []);
        play.wait(ms(100));
    }
    // It is told that nothing is known rather than acted on.
    play.wait(ms(5001));
    play.viewed(at_rest(says(MIGRATING), says(MIGRATING)));
    assert_eq!(play.changes(), []);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    // One that comes in time is.
    let mut play = settling();
    play.wait(ms(5001));
    play.viewed(at_rest(says(MIGRATING), says(MIGRATING)));
    play.wait(ms(100));
    play.wait(ms(4999));
    play.viewed(at_rest(says(MIGRATING), says(MIGRATING)));
    assert_eq!(play.changes(), [Change::DestroyDestination]);
}

#[test]
fn a_connection_that_dies_while_a_guest_is_put_right_is_made_again() {
    let mut play = settling();
    play.viewed(view(Answer::Unknown, Answer::Absent, Fact::Unknown));
    play.reconnected(Reconnected::There { events: true });
    play.wait(ms(100));
    play.viewed(at_rest(says(MIGRATING), Answer::Absent));
    assert_eq!(play.changes(), [Change::Resume]);
}

#[test]
fn one_that_others_have_started_is_over_when_its_job_says_so() {
    let mut play = adopted(whole());
    play.seen(Ok(memory(2, 50)), Ok(RUNNING));
    // libvirt clears up first: not at once, and not by a look that hangs.
    play.job_completed(last(JobType::Failed));
    play.wait(ms(4_999));
    assert!(!play.is_out(&Order::Completed));
    play.wait(ms(1));
    play.completed(Ok(last(JobType::Failed)));
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    // A look that answers says when it has.
    let mut play = adopted(whole());
    play.seen(Ok(memory(2, 50)), Ok(RUNNING));
    play.job_completed(last(JobType::Failed));
    play.wait(ms(500));
    play.seen(Ok(no_job()), Ok(RUNNING));
    assert!(play.is_out(&Order::Completed));
    // Or that another one runs.
    let mut play = adopted(whole());
    play.seen(Ok(memory(2, 50)), Ok(RUNNING));
    play.job_completed(last(JobType::Failed));
    play.wait(ms(500));
    play.seen(Ok(memory(1, 70)), Ok(RUNNING));
    play.wait(ms(10_000));
    assert!(!play.is_out(&Order::Completed));
}

#[test]
fn what_is_left_is_removed_step_for_step() {
    let mut play = settling();
    play.viewed(at_rest(says(RUNNING), says(MIGRATING)));
    assert_eq!(play.changes(), [Change::DestroyDestination]);
    play.changed(Change::DestroyDestination, Ok(()));
    assert_eq!(play.engine.wake_at(), Some(play.now + ms(100)));
    play.wait(ms(99));
    assert!(!play.is_out(&Order::View));
    play.wait(ms(1));
    play.viewed(at_rest(says(RUNNING), Answer::Absent));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    assert_eq!(play.acts(), [Act::Reconnect, Act::RemoveDestination]);
    assert_eq!(play.end_code(), Some(38));
}

#[test]
fn a_destination_that_learns_late_that_all_has_arrived_is_waited_for() {
    let there = says(DomainState::new(1, 10));
    let mut play = settling();
    for _ in 0..300 {
        play.viewed(at_rest(says(LEFT), there));
        assert_eq!(play.changes(), []);
        assert!(!play.is_out(&Order::Ask));
        play.wait(ms(100));
    }
    play.viewed(at_rest(says(LEFT), there));
    // It says no more than that, and the source says that it has moved.
    play.asked(says(LEFT), there);
    play.completed(Err(error(1)));
    play.wait(ms(500));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::DestinationRunning)));
}

#[test]
fn a_step_that_fails_three_times_is_given_up_and_told_once() {
    let mut play = settling();
    for attempt in 1..=3 {
        play.viewed(at_rest(says(RUNNING), says(MIGRATING)));
        play.changed(Change::DestroyDestination, Err(error(1)));
        assert_eq!(play.is_out(&Order::Ask), attempt == 3, "{attempt}");
        play.wait(ms(100));
    }
    assert_eq!(play.failures(), [Act::RemoveDestination]);
    play.asked(says(RUNNING), says(MIGRATING));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
}

#[test]
fn a_step_that_changes_nothing_is_given_up_too() {
    let mut play = settling();
    let mut taken = 0;
    while !play.is_out(&Order::Ask) {
        play.viewed(at_rest(says(RUNNING), says(MIGRATING)));
        play.changed(Change::DestroyDestination, Ok(()));
        taken += 1;
        play.wait(ms(100));
    }
    assert_eq!(taken, 30);
    assert_eq!(play.acts(), [Act::Reconnect, Act::RemoveDestination]);
}

#[test]
fn another_step_in_between_counts_anew() {
    let mut play = settling();
    for _ in 0..2 {
        for _ in 0..2 {
            play.viewed(at_rest(says(RUNNING), says(MIGRATING)));
            play.changed(Change::DestroyDestination, Err(error(1)));
            play.wait(ms(100));
        }
        play.viewed(at_rest(says(MIGRATING), Answer::Absent));
        play.changed(Change::Resume, Ok(()));
        play.wait(ms(100));
    }
    assert!(play.is_out(&Order::View));
}

#[test]
fn a_guest_that_is_whole_somewhere_ends_it() {
    for (source, destination, how, place) in [
        (says(LEFT), says(PAUSED), How::Moved, GuestLocation::DestinationPaused),
        (says(PAUSED), Answer::Absent, How::Failed, GuestLocation::SourcePaused),
    ] {
        let mut play = settling();
        // A definition that is left at the source is one more step.
        play.viewed(at_rest(source, destination));
        if play.changes() == [Change::UndefineSource] {
            play.changed(Change::UndefineSource, Ok(()));
            play.wait(ms(100));
            play.viewed(at_rest(Answer::Absent, destination));
            play.brought(Default::default());
            play.completed(Err(error(1)));
            play.wait(ms(500));
        }
        assert_eq!(play.how(), Some((how, place)));
    }
}

#[test]
fn a_guest_that_was_aborted_and_is_whole_at_the_source_was_cancelled() {
    let mut play = Play::running(whole());
    play.wish(1, Wish::Abort);
    play.changed(Change::Abort, Ok(()));
    play.returned(Err(error(38)), false, None);
    play.reconnected(Reconnected::Gone);
    play.viewed(at_rest(says(RUNNING), Answer::Absent));
    assert_eq!(play.how(), Some((How::Cancelled, GuestLocation::SourceRunning)));
    assert_eq!(play.end_code(), Some(LibvirtError::OPERATION_ABORTED));
}

#[test]
fn what_may_still_run_is_left_alone() {
    // It runs again, or nobody says that it does not for five seconds.
    let mut play = settling();
    let running = Fact::Known(Moved::default());
    play.viewed(view(says(RUNNING), says(MIGRATING), running));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    assert!(play.end_message().contains("nothing was done about it"));
    let mut play = settling();
    while play.is_out(&Order::View) {
        play.viewed(view(says(RUNNING), says(MIGRATING), Fact::Unknown));
        play.wait(ms(100));
    }
    assert!((ms(5000)..ms(5300)).contains(&play.now), "{:?}", play.now);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    assert_eq!(play.changes(), []);
    // Nothing can be done, and nothing runs: both hosts say where it is.
    let mut play = settling();
    while play.is_out(&Order::View) {
        play.viewed(at_rest(Answer::Unknown, says(ARRIVED)));
        if play.is_out(&Order::Reconnect) {
            play.reconnected(Reconnected::Failed(error(38)));
        }
        play.wait(ms(100));
    }
    assert!((ms(5000)..ms(5300)).contains(&play.now), "{:?}", play.now);
    play.asked(Answer::Unknown, says(ARRIVED));
    play.completed(Err(error(1)));
    play.wait(ms(500));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::DestinationRunning)));
}

#[test]
fn a_post_copy_that_goes_on_is_waited_for_and_one_that_hangs_is_stopped() {
    let mut play = settling();
    let began = play.now;
    let moved = |processed| Fact::Known(Moved { processed: Some(processed), remaining: Some(1) });
    for processed in 0..60 {
        play.viewed(view(says(POST_COPY), says(DomainState::new(1, 10)), moved(processed)));
        play.wait(ms(100));
    }
    assert_eq!(play.changes(), []);
    while play.changes().is_empty() {
        play.viewed(view(says(POST_COPY), says(DomainState::new(1, 10)), moved(60)));
        play.wait(ms(100));
    }
    assert_eq!(play.changes(), [Change::Release]);
    assert!((ms(11_000)..ms(11_300)).contains(&(play.now - began)), "{:?}", play.now - began);
    play.changed(Change::Release, Ok(()));
    play.wait(ms(100));
    let failed = DomainState::new(1, 11);
    play.viewed(view(says(POST_COPY_FAILED), says(failed), moved(60)));
    // To go on with it is a recovery's.
    play.asked(says(POST_COPY_FAILED), says(failed));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::PostCopyBroken)));
}

#[test]
fn a_destination_that_does_not_learn_of_it_is_waited_for_longer() {
    let mut play = settling();
    let began = play.now;
    while play.is_out(&Order::View) {
        let there = says(DomainState::new(1, 10));
        play.viewed(view(says(POST_COPY_FAILED), there, Fact::Absent));
        play.wait(ms(100));
    }
    assert!((ms(30_000)..ms(30_300)).contains(&(play.now - began)), "{:?}", play.now - began);
    assert!(play.is_out(&Order::Ask));
}

#[test]
fn an_abort_that_is_wanted_while_nobody_can_be_asked_is_done_later() {
    let mut play = lost(whole());
    play.wish(1, Wish::Abort);
    assert_eq!(play.answer(1), Some(Ok(())));
    assert_eq!(play.changes(), []);
    play.reconnected(Reconnected::There { events: true });
    assert_eq!(play.changes(), [Change::Abort]);
    play.changed(Change::Abort, Ok(()));
    assert_eq!(play.acts(), [Act::Reconnect, Act::Take(libvirt_migrate::policy::Action::Abort)]);
    // In post-copy there is none.
    let mut play = lost(case(Scope::Whole));
    play.wish(1, Wish::Abort);
    play.event(3, 7);
    play.reconnected(Reconnected::There { events: true });
    assert_eq!(play.changes(), []);
}

#[test]
fn one_that_was_seen_to_run_there_is_not_told_as_paused_here() {
    let mut play = settling();
    play.viewed(at_rest(says(DomainState::new(1, 6)), says(ARRIVED)));
    play.changed(Change::Pause, Ok(()));
    play.wait(ms(100));
    play.viewed(at_rest(says(PAUSED), says(ARRIVED)));
    // Just now the destination cannot be asked any more.
    play.asked(says(PAUSED), Answer::Unknown);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    assert!(play.end_message().contains("the destination could not be asked, and may run the guest as well"));
}

/// A daemon that is started again has only QEMU's word, and nobody may have had the guest go on at the destination.
#[test]
fn a_post_copy_that_ended_behind_the_sources_back_proves_nothing() {
    for (state, lost, how) in [
        (POST_COPY, true, (How::Failed, GuestLocation::Unknown)),
        (POST_COPY, false, (How::Moved, GuestLocation::DestinationRunning)),
        (RUNNING, true, (How::Moved, GuestLocation::DestinationRunning)),
    ] {
        let mut play = adopted(whole());
        play.seen(Ok(memory(2, 50)), Ok(state));
        if lost {
            play.wait(ms(1000));
            play.looked(Err(error(38)), Some(Err(error(38))), false);
            play.reconnected(Reconnected::There { events: true });
        } else {
            play.wait(ms(1000));
        }
        play.seen(Ok(no_job()), Ok(LEFT));
        play.completed(Err(error(1)));
        play.asked(says(LEFT), Answer::Unknown);
        if play.is_out(&Order::Bring) {
            play.brought(Default::default());
        }
        if play.is_out(&Order::Completed) {
            play.completed(Err(error(1)));
        }
        play.wait(ms(500));
        assert_eq!(play.how(), Some(how), "{state:?} {lost}");
    }
}

/// Found by the soak: one that others have started, whose source libvirt had go on as well.
#[test]
fn an_adopted_one_that_went_on_at_both_hosts_is_not_told_as_unmoved() {
    let mut play = adopted(whole());
    play.seen(Ok(memory(2, 50)), Ok(RUNNING));
    play.wait(ms(1000));
    play.seen(Ok(no_job()), Ok(RUNNING));
    play.completed(Err(error(1)));
    play.asked(says(DomainState::new(1, 6)), says(ARRIVED));
    play.changed(Change::Pause, Ok(()));
    play.asked(says(DomainState::new(3, 1)), says(ARRIVED));
    while play.is_out(&Order::Completed) {
        play.completed(Err(error(1)));
        play.wait(ms(500));
    }
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::DestinationRunning)));
    let message = play.end_message();
    assert!(message.starts_with("the migration ended; it went on at both hosts"), "{message}");
}

#[test]
fn that_the_job_is_over_is_an_end_of_what_others_have_started_alone() {
    let over = |play: &mut Play| play.job_completed(last(JobType::Failed));
    let other = |play: &mut Play| play.event(4, 0);
    for (mut play, tells, ends) in [
        (adopted(whole()), over as fn(&mut Play), true),
        // Something else was told.
        (adopted(whole()), other as fn(&mut Play), false),
        // Its own job may be told of late, and what it moves goes on.
        (followed(), over as fn(&mut Play), false),
    ] {
        let is_over = |play: &Play| play.is_out(&Order::Completed) || play.is_out(&Order::View);
        tells(&mut play);
        for _ in 0..12 {
            while play.out.iter().any(|(_, order)| matches!(order, Order::Sample { .. })) {
                play.seen(Err(error(LOCKED)), Ok(RUNNING));
            }
            play.wait(ms(500));
        }
        assert_eq!(is_over(&play), ends);
    }
}
