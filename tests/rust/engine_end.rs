//! The end of a migration in the engine: what it waits for, and a pause of ours that must not outlive it.

use crate::play::*;
use libvirt_migrate::belongings::Brought;
use libvirt_migrate::domain::GuestFacts;
use libvirt_migrate::engine::{Case, Change, Input, Order, Outside, Reconnected, Reply, Wish};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::fact::Fact;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::record::Act;
use libvirt_migrate::state::DomainState;

const REFUSED: i32 = LibvirtError::OPERATION_INVALID;
const LOST: i32 = LibvirtError::OPERATION_TIMEOUT;

/// One whose pause is out.
fn pausing(case: Case) -> Play {
    let mut play = Play::running(case);
    play.wish(1, Wish::Force);
    assert_eq!(play.changes(), [Change::Pause]);
    play
}

/// One whose guest we have paused.
fn held(case: Case) -> Play {
    let mut play = pausing(case);
    play.changed(Change::Pause, Ok(()));
    assert_eq!(play.answer(1), Some(Ok(())));
    play
}

#[test]
fn a_guest_that_was_paused_for_nothing_goes_on() {
    for paused in [Ok(()), Err(error(LOST))] {
        let mut play = pausing(whole());
        play.changed(Change::Pause, paused);
        play.failed(error(9));
        play.asked(says(PAUSED), Answer::Absent);
        assert_eq!(play.changes(), [Change::Resume]);
        assert_eq!(play.how(), None);
        play.changed(Change::Resume, Ok(()));
        play.asked(says(RUNNING), Answer::Absent);
        assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
        assert_eq!(play.acts().last(), Some(&Act::Resume));
    }
}

#[test]
fn one_that_stood_still_or_was_never_paused_is_left_as_it_is() {
    let mut refused = pausing(whole());
    refused.changed(Change::Pause, Err(error(REFUSED)));
    for mut play in [refused, held(paused()), Play::running(whole())] {
        play.failed(error(9));
        play.asked(says(PAUSED), Answer::Absent);
        assert_eq!(play.changes(), []);
        assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourcePaused)));
    }
}

#[test]
fn a_guest_goes_on_only_where_no_other_host_can_run_it() {
    for (source, destination, goes_on) in [
        (PAUSED, Answer::Absent, true),
        (PAUSED, says(SHUT_OFF), true),
        (PAUSED, says(ARRIVED), false),
        (PAUSED, says(PAUSED), false),
        (PAUSED, Answer::Unknown, true),
        (MIGRATING, Answer::Absent, false),
        (MIGRATING, Answer::Unknown, false),
        (RUNNING, Answer::Absent, false),
        (POST_COPY, Answer::Unknown, false),
        (POST_COPY_FAILED, Answer::Unknown, false),
        (SHUT_OFF, Answer::Absent, false),
    ] {
        let mut play = held(whole());
        play.failed(error(9));
        play.asked(says(source), destination);
        assert_eq!(play.changes() == [Change::Resume], goes_on, "{source:?} {destination:?}");
    }
    // It was seen to leave, and the destination may run it.
    let mut play = Play::running(whole());
    play.event(3, 1);
    play.wish(1, Wish::Force);
    play.changed(Change::Pause, Ok(()));
    play.failed(error(9));
    play.asked(says(PAUSED), Answer::Unknown);
    assert_eq!(play.changes(), []);
}

#[test]
fn a_copy_that_may_be_started_there_is_removed_before_the_source_goes_on() {
    let copy = says(DomainState::new(3, 2));
    // Most often libvirt removes it, or it starts: so that is waited for first.
    let waited = |case: Case| {
        let mut play = held(case);
        play.failed(error(9));
        for _ in 0..9 {
            play.asked(says(PAUSED), copy);
            assert_eq!(play.changes(), []);
            play.wait(ms(500));
        }
        play
    };
    let mut play = waited(whole());
    play.asked(says(PAUSED), copy);
    play.viewed(view(says(PAUSED), copy, Fact::Absent));
    assert_eq!(play.changes(), [Change::DestroyDestination]);
    play.changed(Change::DestroyDestination, Ok(()));
    play.wait(ms(100));
    play.viewed(view(says(PAUSED), Answer::Absent, Fact::Absent));
    play.asked(says(PAUSED), Answer::Absent);
    assert_eq!(play.changes(), [Change::Resume]);
    play.changed(Change::Resume, Ok(()));
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    assert_eq!(play.acts().last_chunk(), Some(&[Act::RemoveDestination, Act::Resume]));
    // It was started in the last moment: nothing of either is touched.
    let mut play = waited(whole());
    play.asked(says(PAUSED), copy);
    play.viewed(view(says(PAUSED), says(ARRIVED), Fact::Absent));
    play.asked(says(PAUSED), says(ARRIVED));
    assert_eq!(play.changes(), []);
    // It cannot be removed: half a minute is waited, and then libvirt's word is taken, which had the source go on.
    let mut play = waited(whole());
    play.asked(says(PAUSED), copy);
    for _ in 0..3 {
        play.viewed(view(says(PAUSED), copy, Fact::Absent));
        play.changed(Change::DestroyDestination, Err(error(LOST)));
        play.wait(ms(100));
    }
    for _ in 0..60 {
        play.asked(says(PAUSED), copy);
        assert_eq!(play.changes(), []);
        play.wait(ms(500));
    }
    play.asked(says(PAUSED), copy);
    assert_eq!(play.changes(), [Change::Resume]);
    // Without a way to the destination there is only the wait.
    let mut play = waited(Case { destination: false, ..whole() });
    play.asked(says(PAUSED), copy);
    assert!(!play.is_out(&Order::View));
    // What was sent paused starts at no moment by itself.
    let mut play = held(exclusive());
    play.failed(error(9));
    play.asked(says(PAUSED), copy);
    assert_eq!(play.changes(), [Change::Resume]);
}

#[test]
fn a_definition_that_was_moved_without_its_guest_is_told_as_shut_off() {
    let off = GuestFacts { state: Some(SHUT_OFF), ..whole().guest };
    let keeps = MigrateFlags::OFFLINE | MigrateFlags::PEER2PEER | MigrateFlags::PERSIST_DEST;
    for (flags, place) in [
        (keeps | MigrateFlags::UNDEFINE_SOURCE, GuestLocation::DestinationShutOff),
        (keeps, GuestLocation::BothShutOff),
    ] {
        let mut play = Play::start(Case { guest: off.clone(), flags, ..whole() });
        play.called(Ok(()));
        for _ in 0..20 {
            if play.is_out(&Order::Bring) {
                play.brought(Brought::default());
            }
            if play.is_out(&Order::Completed) {
                play.completed(Err(error(1)));
            }
            play.wait(ms(1000));
        }
        assert_eq!(play.how(), Some((How::Moved, place)));
    }
}

#[test]
fn a_pause_that_cannot_be_undone_is_tried_ten_times() {
    let mut play = held(whole());
    play.failed(error(9));
    let mut tries = 0;
    loop {
        play.asked(says(PAUSED), Answer::Absent);
        if play.changes().is_empty() {
            break;
        }
        tries += 1;
        play.changed(Change::Resume, Err(error(1)));
        assert_eq!(play.engine.wake_at(), Some(play.now + ms(500)));
        play.wait(ms(500));
    }
    assert_eq!(tries, 10);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourcePaused)));
    assert_eq!(play.failures(), [Act::Resume]);
}

#[test]
fn a_failed_end_waits_for_what_is_out_but_not_for_long() {
    // Half a second for a change, ten seconds for a pause, nothing where nothing is out.
    for (wish, change, patience) in
        [(Wish::SetMaxDowntime(9), Change::SetMaxDowntime(9), 500), (Wish::Force, Change::Pause, 10_000)]
    {
        let mut play = Play::running(whole());
        play.wish(1, wish);
        play.wait(ms(1000));
        play.failed(error(9));
        play.wait(ms(patience - 1));
        assert!(!play.is_out(&Order::Ask), "{wish:?}");
        play.wait(ms(1));
        assert!(play.is_out(&Order::Ask), "{wish:?}");
        assert_eq!(play.changes(), [change]);
    }
    let mut play = Play::running(whole());
    play.wish(1, Wish::Force);
    play.failed(error(9));
    play.wait(ms(100));
    play.changed(Change::Pause, Ok(()));
    assert!(play.is_out(&Order::Ask), "at once when it is back");
}

#[test]
fn a_look_that_hangs_holds_no_end_up() {
    let mut play = Play::running(whole());
    play.wait(ms(1000));
    let hangs = play.take(|order| matches!(order, Order::Sample { .. }));
    play.failed(error(9));
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    let told = play.told.len();
    let job = Ok(Box::new(memory(7, 1)));
    play.hand(Input::Done(hangs, Reply::Sampled { job, state: None, connected: true }));
    assert_eq!(play.told.len(), told);
    // Nor what the connection was lost with.
    let mut play = Play::running(whole());
    play.wait(ms(1000));
    play.take(|order| matches!(order, Order::Sample { .. }));
    play.returned(Err(error(38)), false, None);
    play.reconnected(Reconnected::There { events: true });
    assert!(play.is_out(&Order::Sample { state: true }));
}

#[test]
fn hosts_that_do_not_answer_hold_the_end_up_for_a_minute() {
    let mut play = Play::running(whole());
    play.failed(error(9));
    play.wait(ms(59_999));
    assert_eq!(play.how(), None);
    play.wait(ms(1));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    // The answer comes too late.
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    assert!(play.engine.is_ended());
}

#[test]
fn where_the_question_hangs_what_was_seen_in_the_silence_answers_it() {
    let mut play = held(whole());
    play.failed(error(9));
    while !play.is_out(&Order::Look) {
        play.wait(ms(500));
    }
    // Half an answer is none.
    play.seen_in_silence(says(PAUSED), Answer::Unknown);
    assert_eq!(play.changes(), []);
    while !play.is_out(&Order::Look) {
        play.wait(ms(500));
    }
    play.seen_in_silence(says(PAUSED), Answer::Absent);
    play.changed(Change::Resume, Ok(()));
    // The answer that comes at last is the first question's; the second is the one that counts.
    play.asked(says(PAUSED), Answer::Absent);
    assert_eq!(play.how(), None);
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
}

#[test]
fn what_was_asked_in_a_silence_before_the_end_does_not_answer_it() {
    let mut play = Play::running(whole());
    while !play.is_out(&Order::Look) {
        play.wait(ms(500));
    }
    play.wait(ms(1000));
    play.failed(error(9));
    assert!(play.is_out(&Order::Ask));
    play.seen_in_silence(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), None);
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
}

#[test]
fn one_that_may_have_run_without_a_trace_is_nowhere_for_sure() {
    for (flags, told) in [
        (MigrateFlags::DEFAULT, GuestLocation::SourcePaused),
        (MigrateFlags::LIVE | MigrateFlags::PEER2PEER, GuestLocation::Unknown),
    ] {
        let mut play = Play::running(Case { flags, ..whole() });
        play.failed(error(9));
        play.asked(says(MIGRATING), Answer::Absent);
        assert_eq!(play.how(), Some((How::Failed, told)));
        let advised = play.end_message().contains("may have run at the destination since");
        assert_eq!(advised, told == GuestLocation::Unknown);
    }
}

#[test]
fn answers_of_another_time_are_asked_for_again() {
    let mut play = held(whole());
    play.failed(error(9));
    for _ in 0..5 {
        play.wait(ms(5001));
        play.asked(says(PAUSED), Answer::Absent);
        assert_eq!(play.changes(), []);
        if play.is_out(&Order::Look) {
            play.seen_in_silence(Answer::Unknown, Answer::Unknown);
        }
    }
    play.wait(ms(5001));
    play.asked(says(PAUSED), Answer::Absent);
    assert_eq!(play.changes(), [Change::Resume], "no better ones are to be had");
    let mut play = held(whole());
    play.failed(error(9));
    play.wait(ms(5000));
    play.asked(says(PAUSED), Answer::Absent);
    assert_eq!(play.changes(), [Change::Resume], "that is soon enough");
}

#[test]
fn one_that_was_seen_to_run_there_is_not_resumed_here() {
    let mut play = held(whole());
    play.failed(error(9));
    play.asked(says(RUNNING), says(ARRIVED));
    play.changed(Change::Pause, Ok(()));
    play.asked(says(PAUSED), Answer::Unknown);
    assert_eq!(play.changes(), []);
    ends(&mut play);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::DestinationRunning)));
}

#[test]
fn what_has_left_and_is_not_there_has_ended_where_the_destination_keeps_no_definition() {
    let bare = MigrateFlags::LIVE | MigrateFlags::PEER2PEER;
    for (flags, source, doubted) in [
        (bare, says(LEFT), true),
        (MigrateFlags::DEFAULT, says(LEFT), false),
        // It was never seen to run there, and may still be on its way.
        (bare, says(MIGRATING), false),
    ] {
        let mut play = Play::running(Case { flags, ..whole() });
        while !play.is_out(&Order::Look) {
            play.wait(ms(500));
        }
        play.seen_in_silence(source, Answer::Absent);
        play.called(Ok(()));
        assert_eq!(play.is_out(&Order::Ask), doubted, "{source:?}");
        if doubted {
            play.asked(source, Answer::Absent);
        }
        ends(&mut play);
        let moved = Some((How::Moved, GuestLocation::DestinationRunning));
        let told = if doubted { Some((How::Failed, GuestLocation::Unknown)) } else { moved };
        assert_eq!(play.how(), told, "{source:?}");
    }
}

#[test]
fn a_guest_that_was_seen_to_run_there_and_is_forgotten_there_has_ended() {
    let mut play = Play::running(Case { flags: MigrateFlags::LIVE | MigrateFlags::PEER2PEER, ..whole() });
    for destination in [says(ARRIVED), Answer::Absent] {
        while !play.is_out(&Order::Look) {
            play.wait(ms(500));
        }
        play.seen_in_silence(says(MIGRATING), destination);
    }
    play.called(Ok(()));
    play.asked(says(LEFT), Answer::Absent);
    ends(&mut play);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    assert!(play.end_message().contains("was seen to have ended"), "{}", play.end_message());
}

#[test]
fn a_guest_that_goes_on_at_both_hosts_is_paused_at_the_source() {
    let held = says(DomainState::new(3, 1));
    for (result, asked, place) in [
        (Ok(()), Some((held, says(ARRIVED))), GuestLocation::DestinationRunning),
        // It was seen to run there.
        (Ok(()), Some((held, Answer::Unknown)), GuestLocation::DestinationRunning),
        (Ok(()), None, GuestLocation::DestinationRunning),
        // It has ended there since.
        (Ok(()), Some((held, Answer::Absent)), GuestLocation::Unknown),
        // Somebody has had it go on: it is not paused again.
        (Ok(()), Some((says(DomainState::new(1, 5)), says(ARRIVED))), GuestLocation::BothRunning),
        (Err(error(1)), None, GuestLocation::BothRunning),
    ] {
        let paused = result.is_ok();
        let mut play = Play::running(whole());
        play.failed(error(9));
        play.asked(says(DomainState::new(1, 6)), says(ARRIVED));
        assert_eq!(play.changes(), [Change::Pause]);
        play.changed(Change::Pause, result);
        match asked {
            Some((source, destination)) => play.asked(source, destination),
            None if paused => play.wait(ms(60_000)),
            None => {}
        }
        if play.is_out(&Order::Completed) {
            play.completed(Err(error(1)));
            play.wait(ms(500));
        }
        assert_eq!(play.how(), Some((How::Failed, place)));
        let record = if paused { play.acts() } else { play.failures() };
        assert_eq!(record, [Act::PauseSource]);
        // What stands still at the source is told where the place alone does not say it.
        let told = play.end_message().contains("recover with keep=\"destination\" or keep=\"source\"");
        assert_eq!(told, place == GuestLocation::DestinationRunning);
        assert!(play.engine.is_ended());
    }
    // Not beside a call of somebody else's, who knows better.
    let mut play = Play::start(beside());
    play.until(ms(0));
    play.sampled(memory(1, 1));
    play.their_call(Err(error(9)), None);
    play.asked(says(DomainState::new(1, 6)), says(ARRIVED));
    assert_eq!(play.changes(), []);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::BothRunning)));
}

#[test]
fn a_source_that_goes_on_alone_by_its_own_word_is_doubted() {
    let end = |source: DomainState, destination: Answer, held_by_us: bool| {
        let mut play = if held_by_us { held(whole()) } else { Play::running(whole()) };
        play.failed(error(9));
        play.asked(says(source), destination);
        if held_by_us {
            // The first answer may be older than the pause.
            play.asked(says(source), destination);
        }
        play.end_message().contains("may run the guest as well")
    };
    let goes_on = DomainState::new(1, 6);
    assert!(end(goes_on, Answer::Unknown, false));
    assert!(!end(goes_on, Answer::Absent, false));
    assert!(!end(RUNNING, Answer::Unknown, false));
    assert!(end(goes_on, Answer::Unknown, true));
}

#[test]
fn an_abort_that_was_taken_makes_a_failure_at_the_source_a_cancellation() {
    let end = |code, source: Answer, destination| {
        let mut play = Play::running(whole());
        play.wish(1, Wish::Abort);
        play.changed(Change::Abort, Ok(()));
        play.failed(error(code));
        play.asked(source, destination);
        play.how()
    };
    let here = GuestLocation::SourceRunning;
    assert_eq!(end(9, says(RUNNING), Answer::Absent), Some((How::Cancelled, here)));
    assert_eq!(end(9, Answer::Unknown, Answer::Unknown), Some((How::Failed, GuestLocation::Unknown)));
}

#[test]
fn the_last_statistics_are_waited_for_where_events_are_delivered() {
    let moved = |events: bool| {
        let mut play = Play::start(whole());
        play.prepared(events);
        play.sampled(memory(2, 50));
        play.called(Ok(()));
        play.brought(Brought::default());
        play
    };
    let mut play = moved(true);
    play.completed(Err(error(42)));
    play.wait(ms(499));
    assert_eq!(play.how(), None);
    play.job_completed(JobInfo { data_processed: Some(77), ..last(JobType::Completed) });
    assert_eq!((play.outcome().bytes, play.outcome().downtime), (77, Some(ms(70))));
    let mut play = moved(true);
    play.completed(Err(error(42)));
    play.wait(ms(500));
    assert_eq!((play.outcome().downtime, play.outcome().iterations), (None, 2));
    let mut play = moved(false);
    play.completed(Err(error(42)));
    assert_eq!(play.outcome().downtime, None);
    // Those of a job of another kind are none.
    let mut play = moved(false);
    play.completed(Ok(JobInfo { operation: Some(4), ..last(JobType::Completed) }));
    assert_eq!(play.outcome().downtime, None);
    let mut play = moved(true);
    play.completed(Ok(last(JobType::Completed)));
    assert_eq!(play.outcome().downtime, Some(ms(70)));
}

#[test]
fn what_is_brought_is_in_the_record_and_the_end_waits_for_it() {
    let mut play = Play::running(whole());
    play.called(Ok(()));
    play.completed(Ok(last(JobType::Completed)));
    play.wait(ms(4999));
    assert_eq!(play.how(), None);
    let acts = vec![(Act::SetAutostart(true), None), (Act::RedefineCheckpoints(2), Some("no".to_owned()))];
    play.brought(Brought { acts, left: vec!["two checkpoints".into()] });
    assert_eq!(play.acts(), [Act::SetAutostart(true)]);
    assert_eq!(play.failures(), [Act::RedefineCheckpoints(2)]);
    assert_eq!(play.outcome().left_behind, ["two checkpoints"]);
}

#[test]
fn what_takes_too_long_to_be_brought_is_told_as_left() {
    let mut play = Play::running(whole());
    play.wait(ms(1000));
    play.called(Ok(()));
    play.wait(ms(4999));
    assert_eq!(play.how(), None);
    play.wait(ms(1));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
    assert!(play.outcome().left_behind[0].contains("took too long"));
    assert!(!play.engine.is_ended(), "it is still being brought");
    play.completed(Ok(last(JobType::Completed)));
    assert!(!play.engine.is_ended());
    play.brought(Brought::default());
    assert!(play.engine.is_ended());
    // Figures alone are not told as left.
    let mut play = Play::running(whole());
    play.called(Ok(()));
    play.brought(Brought::default());
    play.wait(ms(4999));
    assert_eq!(play.how(), None);
    play.wait(ms(1));
    assert_eq!(play.outcome().left_behind, [""; 0]);
    assert!(play.engine.is_ended());
}

#[test]
fn a_source_that_does_not_say_whether_our_pause_is_left_is_asked_again() {
    let mut play = held(whole());
    play.failed(error(9));
    let mut questions = 0;
    while play.how().is_none() {
        play.asked(Answer::Unknown, Answer::Unknown);
        questions += 1;
        if play.is_out(&Order::Reconnect) {
            play.reconnected(Reconnected::Failed(error(38)));
        }
        play.wait(ms(500));
    }
    assert_eq!(questions, 61);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
    let mut play = held(whole());
    play.failed(error(9));
    play.asked(Answer::Unknown, Answer::Unknown);
    play.reconnected(Reconnected::Failed(error(38)));
    play.wait(ms(499));
    assert!(!play.is_out(&Order::Ask));
    play.wait(ms(1));
    play.asked(Answer::Unknown, Answer::Unknown);
    // Over another connection there is an answer.
    play.reconnected(Reconnected::There { events: true });
    play.asked(says(PAUSED), Answer::Absent);
    assert_eq!(play.changes(), [Change::Resume]);
    // After the end as well.
    let mut play = late();
    play.changed(Change::Pause, Ok(()));
    for _ in 0..60 {
        play.asked(Answer::Unknown, Answer::Unknown);
        play.reconnected(Reconnected::There { events: true });
        play.wait(ms(499));
        assert!(!play.is_out(&Order::Ask));
        play.wait(ms(1));
    }
    assert!(!play.engine.is_ended());
    play.asked(Answer::Unknown, Answer::Unknown);
    assert!(play.engine.is_ended());
}

#[test]
fn a_change_that_is_out_is_waited_for_before_a_good_end_is_told() {
    let ending = || {
        let mut play = Play::running(whole());
        play.wish(1, Wish::SetMaxDowntime(9));
        play.wait(ms(1000));
        play.called(Ok(()));
        play.brought(Brought::default());
        play.completed(Ok(last(JobType::Completed)));
        play
    };
    let mut play = ending();
    play.wait(ms(499));
    assert_eq!(play.how(), None);
    play.wait(ms(1));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
    assert!(play.engine.is_told() && !play.engine.is_ended(), "the change is still out");
    play.changed(Change::SetMaxDowntime(9), Ok(()));
    assert!(play.engine.is_ended());
    assert_eq!(play.answer(1), Some(Ok(())));
    let mut play = ending();
    play.changed(Change::SetMaxDowntime(9), Ok(()));
    assert_eq!(play.acts().len(), 1);
    assert!(play.engine.is_ended());
}

#[test]
fn the_statistics_of_a_failed_run_are_told_where_the_guest_stayed() {
    let mut play = Play::running(whole());
    play.job_completed(JobInfo { data_processed: Some(5), ..last(JobType::Failed) });
    play.failed(error(9));
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.outcome().bytes, 5);
    // Not where it moved after all: those are of a run before.
    let mut play = Play::running(whole());
    play.job_completed(JobInfo { data_processed: Some(5), downtime: Some(9), ..last(JobType::Cancelled) });
    play.called(Ok(()));
    play.brought(Brought::default());
    play.completed(Err(error(1)));
    play.wait(ms(500));
    assert_eq!(play.outcome().downtime, None);
    // Nor those of an incoming job.
    let mut play = Play::running(whole());
    play.job_completed(JobInfo { data_processed: Some(5), operation: Some(4), ..last(JobType::Failed) });
    play.failed(error(9));
    play.asked(says(RUNNING), Answer::Absent);
    assert_ne!(play.outcome().bytes, 5);
}

/// One whose end was told while a pause was out.
fn late() -> Play {
    let mut play = pausing(whole());
    play.failed(error(9));
    play.wait(ms(10_000));
    play.asked(says(RUNNING), Answer::Absent);
    play.wait(ms(500));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    assert!(play.engine.is_told() && !play.engine.is_ended());
    play
}

#[test]
fn a_pause_that_comes_after_the_end_is_undone() {
    let mut play = late();
    play.wait(ms(100_000));
    play.changed(Change::Pause, Ok(()));
    play.asked(says(PAUSED), Answer::Absent);
    assert_eq!(play.changes(), [Change::Resume]);
    assert!(!play.engine.is_ended());
    assert_eq!(play.answer(1), None);
    play.changed(Change::Resume, Ok(()));
    assert!(play.engine.is_ended());
    assert_eq!(play.answer(1), Some(Ok(())));
    assert_eq!(play.acts(), [], "nothing is told after the end");
    assert_eq!(play.engine.wake_at(), None);
}

#[test]
fn a_late_pause_that_was_refused_or_that_others_undid_is_nothing() {
    let mut play = late();
    play.changed(Change::Pause, Err(error(REFUSED)));
    assert!(play.engine.is_ended());
    let mut play = late();
    play.changed(Change::Pause, Ok(()));
    play.asked(says(RUNNING), Answer::Absent);
    assert!(play.engine.is_ended());
}

#[test]
fn a_pause_whose_answer_was_lost_may_still_be_made() {
    // The daemon has it, and waits for the guest's lock.
    let mut play = late();
    let asked = play.now;
    play.changed(Change::Pause, Err(error(38)));
    for _ in 0..3 {
        play.asked(says(RUNNING), Answer::Absent);
        assert!(!play.engine.is_ended());
        play.wait(ms(1000));
    }
    play.asked(says(PAUSED), Answer::Absent);
    play.changed(Change::Resume, Ok(()));
    assert!(play.engine.is_ended());
    // It never is.
    let mut play = late();
    play.changed(Change::Pause, Err(error(38)));
    while !play.engine.is_ended() {
        play.asked(says(RUNNING), Answer::Absent);
        play.wait(ms(1000));
    }
    assert!((asked + ms(20_000)..asked + ms(36_000)).contains(&play.now), "{:?}", play.now);
}

#[test]
fn a_pause_whose_answer_was_lost_before_the_end_is_watched_until_it_cannot_be_made_any_more() {
    for (ends_after, watched) in [(ms(34_999), true), (ms(35_000), false)] {
        let mut play = pausing(whole());
        play.changed(Change::Pause, Err(error(38)));
        play.wait(ends_after);
        play.failed(error(9));
        // The first answer may be older than the pause.
        for _ in 0..2 {
            play.asked(says(RUNNING), Answer::Absent);
        }
        assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
        assert_eq!(play.is_out(&Order::Ask), watched, "{ends_after:?}");
        assert_eq!(play.engine.is_ended(), !watched);
    }
}

#[test]
fn a_late_pause_that_cannot_be_undone_is_tried_ten_times() {
    let mut play = late();
    play.changed(Change::Pause, Err(error(LOST)));
    for attempt in 1..=10 {
        play.asked(says(PAUSED), Answer::Absent);
        assert_eq!(play.changes(), [Change::Resume], "{attempt}");
        play.changed(Change::Resume, Err(error(1)));
        assert_eq!(play.engine.wake_at(), Some(play.now + ms(500)));
        play.wait(ms(499));
        assert!(!play.is_out(&Order::Ask));
        play.wait(ms(1));
    }
    play.asked(says(PAUSED), Answer::Absent);
    assert!(play.engine.is_ended());
}

#[test]
fn a_late_pause_of_a_guest_that_moved_or_stood_still_is_left() {
    let mut play = pausing(whole());
    play.called(Ok(()));
    play.brought(Brought::default());
    play.completed(Ok(last(JobType::Completed)));
    play.wait(ms(500));
    assert!(play.engine.is_told());
    play.changed(Change::Pause, Ok(()));
    assert!(play.engine.is_ended() && !play.is_out(&Order::Ask));
    let mut play = pausing(paused());
    play.failed(error(9));
    play.wait(ms(10_000));
    play.asked(says(PAUSED), Answer::Absent);
    play.wait(ms(500));
    play.changed(Change::Pause, Ok(()));
    assert!(play.engine.is_ended() && !play.is_out(&Order::Ask));
}

#[test]
fn wishes_after_the_end_are_answered() {
    let mut play = Play::running(whole());
    play.failed(error(9));
    let wishes = [Wish::Abort, Wish::Force, Wish::SetMaxDowntime(1), Wish::SetBandwidth(1)];
    let refused = Some(Err(Some(REFUSED)));
    let expected = [Some(Ok(())), Some(Ok(())), refused, refused];
    for (number, (wish, answer)) in wishes.into_iter().zip(expected).enumerate() {
        play.wish(number as u64, wish);
        assert_eq!(play.answer(number as u64), answer, "{wish:?}");
    }
    play.asked(says(RUNNING), Answer::Absent);
    play.wish(9, Wish::SetMaxDowntime(1));
    assert_eq!(play.answer(9), refused);
    assert_eq!(play.changes(), []);
    play.outside(Outside::Paused);
    assert!(play.engine.is_ended());
}

#[test]
fn a_success_that_is_told_late_is_not_told_of_a_guest_that_has_ended_since() {
    for (asked, told) in [
        (says(SHUT_OFF), (How::Failed, GuestLocation::DestinationShutOff)),
        (says(ARRIVED), (How::Moved, GuestLocation::DestinationRunning)),
        (Answer::Unknown, (How::Failed, GuestLocation::Unknown)),
    ] {
        let mut play = Play::running(whole());
        while !play.is_out(&Order::Look) {
            play.wait(ms(500));
        }
        play.seen_in_silence(Answer::Absent, says(SHUT_OFF));
        play.called(Ok(()));
        play.asked(Answer::Absent, asked);
        ends(&mut play);
        assert_eq!(play.how(), Some(told));
        if told.0 == How::Failed {
            assert!(play.end_message().contains("ended at the destination"), "{}", play.end_message());
        }
    }
}

#[test]
fn a_guest_that_is_seen_to_have_ended_as_the_end_is_made_is_told_so() {
    let mut play = Play::running(whole());
    while !play.is_out(&Order::Look) {
        play.wait(ms(500));
    }
    play.called(Ok(()));
    assert!(play.is_out(&Order::Bring));
    play.seen_in_silence(Answer::Absent, says(SHUT_OFF));
    ends(&mut play);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::DestinationShutOff)));
}

/// Nothing is to be had of the end's figures.
fn ends(play: &mut Play) {
    while play.how().is_none() {
        if play.is_out(&Order::Bring) {
            play.brought(Brought::default());
        }
        if play.is_out(&Order::Completed) {
            play.completed(Err(error(1)));
        }
        play.wait(ms(500));
    }
}

/// Only the destination knows whether libvirt took it for one that had stood still before.
#[test]
fn a_guest_that_somebody_else_pauses_early_is_asked_for_where_it_arrives() {
    // As libvirt tells it while there is a job, and before.
    const PAUSES: (i32, i32) = (3, 1);
    const PAUSES_BEFORE: (i32, i32) = (3, 0);
    const RESUMES: (i32, i32) = (4, 0);
    let moved = |case: Case, early: bool, event: (i32, i32)| {
        let mut play = Play::start(case);
        play.prepared(true);
        if !early {
            play.sampled(memory(1, 100));
        }
        play.event(event.0, event.1);
        play.called(Ok(()));
        play
    };
    let ends = |mut play: Play| {
        play.brought(Brought::default());
        play.completed(Ok(last(JobType::Completed)));
        play.how()
    };
    for (case, event) in [(whole(), PAUSES), (whole(), PAUSES_BEFORE), (paused(), RESUMES)] {
        for (says, place) in [
            (says(PAUSED), GuestLocation::DestinationPaused),
            (says(ARRIVED), GuestLocation::DestinationRunning),
        ] {
            let mut play = moved(case.clone(), true, event);
            assert!(play.is_out(&Order::Ask));
            play.asked(Answer::Absent, says);
            assert_eq!(ends(play), Some((How::Moved, place)));
        }
    }
    // Where it does not answer nobody knows.
    let mut play = moved(whole(), true, PAUSES);
    play.asked(Answer::Absent, Answer::Unknown);
    play.brought(Brought::default());
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::Unknown)));
    let mut play = moved(Case { destination: false, ..whole() }, true, PAUSES);
    play.brought(Brought::default());
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::Unknown)));
    // Afterwards libvirt has it go on, whoever paused it.
    let play = moved(whole(), false, PAUSES);
    assert!(!play.is_out(&Order::Ask));
    assert_eq!(ends(play), Some((How::Moved, GuestLocation::DestinationRunning)));
}

#[test]
fn a_guest_that_others_pause_early_beside_their_call_is_asked_for() {
    let mut play = Play::start(beside());
    play.outside(Outside::Paused);
    play.their_call(Ok(()), None);
    assert!(play.is_out(&Order::Ask));
    let mut play = Play::start(beside());
    play.until(ms(0));
    play.sampled(memory(1, 100));
    play.outside(Outside::Paused);
    play.their_call(Ok(()), None);
    assert!(!play.is_out(&Order::Ask), "libvirt had looked at it before");
}
