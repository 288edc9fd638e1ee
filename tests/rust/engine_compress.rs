//! The engine that starts a run again with compressed memory, where both hosts take it.

use crate::play::*;
use libvirt_migrate::engine::{Change, Engine, Input, Order, Probe, Reply, Terms, Wish};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::fact::Fact;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::location::GuestLocation;
use libvirt_migrate::numbers::events::{SUSPENDED, SUSPENDED_MIGRATED};
use libvirt_migrate::policy::{Action, Throttle};

const AGAIN: Action = Action::RestartCompressed(2);
const ABORTED: i32 = LibvirtError::OPERATION_ABORTED;
const ASKED: Order = Order::Probe(Probe::Compression { post_copy: false });

/// A migration of which both hosts are asked whether they take it.
fn asking() -> (Play, Script) {
    let script = Script::default();
    let mut play = Play::steered(whole(), script.policy());
    play.prepared(true);
    script.decide(AGAIN);
    play.sampled(memory(1, 100));
    assert!(play.is_out(&ASKED));
    assert_eq!(play.changes(), []);
    (play, script)
}

/// The call returns, and the guest is there.
fn arrives(play: &mut Play) {
    play.called(Ok(()));
    play.brought(Default::default());
    play.completed(Ok(last(libvirt_migrate::job::JobType::Completed)));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)), "{:?}", play.out);
}

fn calls_again(play: &Play) -> bool {
    play.is_out(&Order::Call(Terms { connections: Some(2), ..Terms::default() }))
}

fn refused() -> libvirt_migrate::Error {
    error(LibvirtError::OPERATION_INVALID)
}

#[test]
fn it_is_aborted_and_called_again_once_both_hosts_have_said_that_they_take_it() {
    let (mut play, script) = asking();
    play.probed(Ok(()));
    assert_eq!(play.changes(), [Change::Abort]);
    assert_eq!(script.heard(), []);
    play.changed(Change::Abort, Ok(()));
    assert_eq!(script.heard(), [(AGAIN, true)]);
    play.called(Err(error(ABORTED)));
    assert!(calls_again(&play));
    assert_eq!(play.acts().len(), 1);
    assert_eq!(play.acts()[0].name(), "restart-compressed");
    arrives(&mut play);
}

#[test]
fn it_is_looked_at_while_they_are_asked() {
    let (mut play, script) = asking();
    let before = script.samples();
    play.wait(ms(1000));
    play.sampled(memory(1, 90));
    assert_eq!(script.samples(), before + 1);
    assert!(play.is_out(&ASKED));
}

#[test]
fn where_one_does_not_take_it_the_run_goes_on_and_nothing_is_told() {
    let (mut play, script) = asking();
    play.probed(Err(refused()));
    assert_eq!(play.changes(), []);
    assert_eq!(script.heard(), [(AGAIN, false)]);
    assert_eq!(play.acts(), []);
    arrives(&mut play);
}

#[test]
fn the_end_waits_for_no_answer() {
    let (mut play, _) = asking();
    arrives(&mut play);
    play.probed(Ok(()));
    assert_eq!(play.changes(), []);
}

#[test]
fn an_answer_that_comes_late_is_too_late() {
    for (after, again) in [(ms(3000), vec![Change::Abort]), (ms(3001), vec![])] {
        let (mut play, script) = asking();
        play.wait(after);
        play.probed(Ok(()));
        assert_eq!(play.changes(), again, "{after:?}");
        assert_eq!(script.heard().is_empty(), !again.is_empty());
    }
}

#[test]
fn what_has_come_meanwhile_counts() {
    // A user has aborted it.
    let (mut play, script) = asking();
    play.wish(1, Wish::Abort);
    play.probed(Ok(()));
    assert_eq!(play.changes(), [Change::Abort], "the user's alone");
    assert_eq!(script.heard(), [(AGAIN, false)]);
    play.changed(Change::Abort, Ok(()));
    play.called(Err(error(ABORTED)));
    assert!(!calls_again(&play));
    // A user has forced it.
    let (mut play, script) = asking();
    play.wish(1, Wish::Force);
    play.probed(Ok(()));
    assert_eq!(play.changes(), [Change::Pause]);
    assert_eq!(script.heard(), [(AGAIN, false)]);
    // It switches over.
    let (mut play, script) = asking();
    play.event(SUSPENDED, SUSPENDED_MIGRATED);
    play.probed(Ok(()));
    assert_eq!(play.changes(), []);
    assert_eq!(script.heard(), [(AGAIN, false)]);
    // The policy has decided something else, which is still to be done.
    let (mut play, script) = asking();
    script.decide(Action::SetMaxDowntime(400));
    script.decide(Action::Abort);
    play.wait(ms(1000));
    play.sampled(memory(1, 90));
    play.probed(Ok(()));
    assert_eq!(play.changes(), [Change::SetMaxDowntime(400)]);
    assert_eq!(script.heard(), [(AGAIN, false)]);
}

#[test]
fn an_answer_of_the_run_before_starts_nothing_again() {
    const THROTTLE: Throttle = Throttle { initial: 40, increment: 10 };
    let script = Script::default();
    let mut play = Play::steered(whole(), script.policy());
    play.prepared(true);
    script.decide(AGAIN);
    script.decide(Action::Restart(THROTTLE));
    play.sampled(memory(1, 100));
    assert_eq!(play.changes(), [Change::Abort]);
    let late = play.take(|order| *order == ASKED);
    play.changed(Change::Abort, Ok(()));
    play.called(Err(error(ABORTED)));
    assert!(play.is_out(&Order::Call(Terms { throttle: Some(THROTTLE), connections: None })));
    play.hand(Input::Done(late, Reply::Changed { result: Ok(()), state: Fact::Unknown }));
    assert_eq!(play.changes(), []);
    assert_eq!(script.heard(), [(Action::Restart(THROTTLE), true)]);
}

#[test]
fn a_run_that_compresses_can_be_started_again_throttled_and_stays_compressed() {
    const THROTTLE: Throttle = Throttle { initial: 40, increment: 10 };
    let (mut play, script) = asking();
    play.probed(Ok(()));
    play.changed(Change::Abort, Ok(()));
    play.called(Err(error(ABORTED)));
    play.wait(ms(0));
    let again = play.out.iter().rposition(|(_, order)| matches!(order, Order::Sample { .. })).unwrap();
    play.out.swap(0, again);
    script.decide(Action::Restart(THROTTLE));
    play.sampled(memory(4, 100));
    play.changed(Change::Abort, Ok(()));
    play.called(Err(error(ABORTED)));
    assert!(play.is_out(&Order::Call(Terms { throttle: Some(THROTTLE), connections: Some(2) })));
}

#[test]
fn with_post_copy_the_hosts_have_to_take_both() {
    let mut case = whole();
    case.flags |= MigrateFlags::POSTCOPY;
    let script = Script::default();
    let mut play = Play::steered(case, script.policy());
    play.prepared(true);
    script.decide(AGAIN);
    play.sampled(memory(1, 100));
    assert!(play.is_out(&Order::Probe(Probe::Compression { post_copy: true })));
}

#[test]
fn what_others_have_started_is_not_started_again() {
    let script = Script::default();
    let mut play = Play::new(Engine::adopt(whole(), Some(script.policy())));
    play.prepared(true);
    script.decide(AGAIN);
    play.sampled(memory(1, 100));
    assert!(!play.is_out(&ASKED));
    assert_eq!(script.heard(), [(AGAIN, false)]);
}
