//! The engine that has a run aborted in order to start again with the guest throttled.

use crate::play::*;
use libvirt_migrate::engine::{Change, Input, Order, Reply, Terms, Wish};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::policy::{Action, Throttle};

const THROTTLE: Throttle = Throttle { initial: 40, increment: 10 };
const RESTART: Action = Action::Restart(THROTTLE);
const ABORTED: i32 = LibvirtError::OPERATION_ABORTED;

/// A migration whose abort is out.
fn restarting() -> (Play, Script) {
    let script = Script::default();
    let mut play = Play::steered(whole(), script.policy());
    play.prepared(true);
    script.decide(RESTART);
    play.sampled(memory(1, 100));
    assert_eq!(play.changes(), [Change::Abort]);
    (play, script)
}

fn calls_again(play: &Play) -> bool {
    play.is_out(&Order::Call(Terms { throttle: Some(THROTTLE), ..Terms::default() }))
}

#[test]
fn it_calls_again_once_the_abort_is_taken_and_the_call_is_back() {
    let (mut play, script) = restarting();
    play.wait(ms(100));
    play.changed(Change::Abort, Ok(()));
    assert_eq!(script.heard(), [(RESTART, true)]);
    play.wait(ms(100));
    assert!(!calls_again(&play));
    play.called(Err(error(ABORTED)));
    assert!(calls_again(&play));
    play.wait(ms(0));
    // The second run is one as the first was: its job is the policy's to begin with.
    assert_eq!(script.begun(), 1);
    let seen = play.out.iter().filter(|(ticket, _)| ticket.attempt == 1).count();
    assert!(seen >= 2, "{:?}", play.out);
    let again = play.out.iter().rposition(|(_, order)| matches!(order, Order::Sample { .. })).unwrap();
    play.out.swap(0, again);
    play.sampled(memory(1, 100));
    assert_eq!(script.begun(), 2);
    assert_eq!(play.acts().len(), 1);
    play.called(Ok(()));
    play.brought(Default::default());
    play.completed(Ok(last(libvirt_migrate::job::JobType::Completed)));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
}

#[test]
fn a_look_at_the_run_before_says_nothing_of_the_next() {
    let (mut play, script) = restarting();
    play.changed(Change::Abort, Ok(()));
    play.wait(ms(2000));
    let late = play.take(|order| matches!(order, Order::Sample { .. }));
    play.called(Err(error(ABORTED)));
    assert!(calls_again(&play));
    let (told, job) = (play.told.len(), Ok(Box::new(memory(7, 1))));
    play.hand(Input::Done(late, Reply::Sampled { job, state: None, connected: true }));
    assert_eq!((script.begun(), play.told.len()), (1, told));
    play.wait(ms(0));
    play.sampled(memory(1, 100));
    assert_eq!(script.begun(), 2);
}

#[test]
fn an_abort_that_is_still_out_may_be_late_for_a_second() {
    let (mut play, script) = restarting();
    play.called(Err(error(ABORTED)));
    play.wait(ms(999));
    assert!(!calls_again(&play));
    play.wait(ms(1));
    assert!(calls_again(&play));
    // It did what it was for, and its own answer is of the run before.
    assert_eq!(script.heard(), [(RESTART, true)]);
    play.changed(Change::Abort, Err(error(55)));
    assert_eq!(script.heard(), [(RESTART, true)]);
    assert!(calls_again(&play));
}

#[test]
fn an_abort_that_is_refused_leaves_the_run_as_it_is() {
    let (mut play, script) = restarting();
    play.changed(Change::Abort, Err(error(LibvirtError::OPERATION_INVALID)));
    assert_eq!(script.heard(), [(RESTART, false)]);
    play.wait(ms(20_000));
    assert!(!calls_again(&play));
    play.failed(error(ABORTED));
    assert!(play.is_out(&Order::Ask), "an abort of somebody else's is the end");
}

#[test]
fn an_abort_whose_answer_was_lost_counts_as_not_taken_after_a_while() {
    for (later, again) in [(ms(4999), true), (ms(5000), false)] {
        let (mut play, _) = restarting();
        play.changed(Change::Abort, Err(error(LibvirtError::OPERATION_TIMEOUT)));
        play.wait(later);
        play.called(Err(error(ABORTED)));
        assert_eq!(calls_again(&play), again, "{later:?}");
    }
}

#[test]
fn a_run_that_ends_otherwise_is_not_begun_again() {
    let (mut play, _) = restarting();
    play.called(Ok(()));
    assert!(play.is_out(&Order::Bring) && !calls_again(&play));
    for refused in [true, false] {
        // By the error alone it may have been the abort, whose answer tells.
        let (mut play, _) = restarting();
        play.failed(error(LibvirtError::OPERATION_FAILED));
        if refused {
            play.changed(Change::Abort, Err(error(LibvirtError::OPERATION_INVALID)));
        } else {
            play.wait(ms(1000));
        }
        assert!(!calls_again(&play));
        play.wait(ms(500));
        play.asked(says(RUNNING), Answer::Absent);
        play.wait(ms(500));
        assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    }
    let (mut play, _) = restarting();
    play.changed(Change::Abort, Ok(()));
    play.failed(error(LibvirtError::NO_DOMAIN));
    assert!(!calls_again(&play), "that is no abort");
    // An abort by the error's word alone, where the connection is gone, may be none.
    let (mut play, _) = restarting();
    play.returned(Err(error(ABORTED)), false, None);
    assert!(play.is_out(&Order::Reconnect) && !calls_again(&play));
}

/// Seen in the lab under load: the destination's QEMU ends by the abort, and libvirt notices that first.
#[test]
fn an_abort_that_libvirt_tells_as_the_destinations_end_is_one() {
    for answer_first in [true, false] {
        for code in [LibvirtError::OPERATION_FAILED, LibvirtError::INTERNAL_ERROR] {
            let (mut play, script) = restarting();
            if answer_first {
                play.changed(Change::Abort, Ok(()));
            }
            play.failed(error(code));
            if !answer_first {
                assert!(!calls_again(&play));
                play.wait(ms(500));
                play.changed(Change::Abort, Ok(()));
            }
            assert!(calls_again(&play), "{code} {answer_first}");
            assert_eq!(script.heard(), [(RESTART, true)]);
        }
    }
}

#[test]
fn a_user_who_aborts_in_between_is_heard() {
    let (mut play, _) = restarting();
    play.wish(1, Wish::Abort);
    assert_eq!(play.changes(), [Change::Abort, Change::Abort]);
    play.changed(Change::Abort, Ok(()));
    play.changed(Change::Abort, Err(error(LibvirtError::OPERATION_INVALID)));
    play.called(Err(error(ABORTED)));
    assert!(!calls_again(&play));
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Cancelled, GuestLocation::SourceRunning)));
    assert_eq!(play.answer(1), Some(Ok(())));
}

#[test]
fn what_the_policy_wants_of_the_run_before_is_not_done_to_the_next() {
    let script = Script::default();
    let mut play = Play::steered(whole(), script.policy());
    play.prepared(true);
    script.decide(RESTART);
    script.decide(Action::SetMaxDowntime(500));
    play.sampled(memory(1, 100));
    play.called(Err(error(ABORTED)));
    play.wait(ms(1000));
    assert!(calls_again(&play));
    assert_eq!(play.changes(), [Change::Abort]);
}

#[test]
fn a_pause_and_a_second_restart_wait_for_the_next_run() {
    for action in [Action::Pause, RESTART] {
        let script = Script::default();
        let mut play = Play::steered(whole(), script.policy());
        play.prepared(true);
        script.decide(RESTART);
        script.decide(action);
        play.sampled(memory(1, 100));
        play.changed(Change::Abort, Ok(()));
        assert_eq!(script.heard(), [(RESTART, true), (action, false)]);
        assert_eq!(play.changes(), []);
    }
}

#[test]
fn a_guest_that_is_held_is_not_started_again() {
    let script = Script::default();
    let mut play = Play::steered(whole(), script.policy());
    play.prepared(true);
    script.decide(Action::Pause);
    script.decide(RESTART);
    play.sampled(memory(1, 100));
    play.changed(Change::Pause, Ok(()));
    assert_eq!(script.heard(), [(Action::Pause, true), (RESTART, false)]);
    assert_eq!(play.changes(), []);
}

#[test]
fn the_next_run_is_not_judged_while_it_begins() {
    let (mut play, script) = restarting();
    let before = script.samples();
    play.changed(Change::Abort, Ok(()));
    play.wait(ms(2000));
    script.decide(Action::SetMaxDowntime(1));
    play.sampled(memory(1, 90));
    assert_eq!(script.samples(), before);
    assert_eq!(play.changes(), []);
}

/// libvirt looks again whether it runs.
#[test]
fn a_guest_that_somebody_has_paused_is_moved_as_a_paused_one_by_the_next_run() {
    for (resumed, asks) in [(false, true), (true, false)] {
        let (mut play, _) = restarting();
        play.event(3, 0);
        if resumed {
            play.event(4, 0);
        }
        play.changed(Change::Abort, Ok(()));
        play.called(Err(error(ABORTED)));
        assert!(calls_again(&play));
        play.called(Ok(()));
        assert_eq!(play.is_out(&Order::Ask), asks);
    }
}
