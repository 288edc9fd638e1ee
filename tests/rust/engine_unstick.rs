//! A call of libvirt's that waits for a guest to stop that runs on at the source, in the engine.

use crate::play::*;
use libvirt_migrate::engine::{Case, Change, Order, Wish};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::numbers::events::{RESUMED, SUSPENDED, SUSPENDED_MIGRATED};
use libvirt_migrate::record::Act;
use libvirt_migrate::state::DomainState;

/// As libvirt has it once QEMU has gone on by itself.
const UNPAUSED: DomainState = DomainState::new(1, 5);
const PAUSED: DomainState = DomainState::new(3, 1);

/// It was aborted while libvirt had not seen yet that the guest stands still for the switchover.
fn stuck() -> Play {
    stuck_with(whole())
}

fn stuck_with(case: Case) -> Play {
    let mut play = Play::running(case);
    play.event(SUSPENDED, SUSPENDED_MIGRATED);
    play.wish(1, Wish::Abort);
    play.changed(Change::Abort, Ok(()));
    play.event(RESUMED, 0);
    play
}

/// A job of which QEMU tells nothing any more.
fn empty() -> JobInfo {
    JobInfo { kind: JobType::Unbounded, operation: memory(1, 1).operation, ..no_job() }
}

/// Waits until both hosts are asked, whatever else is looked at; they say this.
fn silence(play: &mut Play, source: Answer, destination: Answer) {
    for _ in 0..100 {
        if play.is_out(&Order::Look) {
            return play.seen_in_silence(source, destination);
        }
        play.wait(ms(500));
        if play.out.iter().any(|(_, order)| matches!(order, Order::Sample { .. })) {
            play.sampled(empty());
        }
    }
    panic!("nobody asks");
}

#[test]
fn a_short_pause_lets_the_call_return_and_is_undone() {
    let mut play = stuck();
    silence(&mut play, Answer::State(UNPAUSED), Answer::Absent);
    assert_eq!(play.changes(), [Change::Pause]);
    play.changed(Change::Pause, Ok(()));
    assert_eq!(play.acts().last(), Some(&Act::PauseSource));
    play.failed(error(LibvirtError::OPERATION_FAILED));
    play.asked(Answer::State(PAUSED), Answer::Absent);
    assert_eq!(play.changes(), [Change::Resume], "libvirt may leave it as it is");
    play.changed(Change::Resume, Ok(()));
    play.asked(Answer::State(UNPAUSED), Answer::Absent);
    assert_eq!(play.how(), Some((How::Cancelled, GuestLocation::SourceRunning)));
}

#[test]
fn a_guest_whose_call_does_not_return_for_that_goes_on_soon() {
    let mut play = stuck();
    silence(&mut play, Answer::State(UNPAUSED), Answer::Absent);
    play.changed(Change::Pause, Ok(()));
    play.wait(ms(1999));
    assert_eq!(play.changes(), []);
    play.wait(ms(1));
    assert_eq!(play.changes(), [Change::Resume]);
    // It is told again until it does.
    play.changed(Change::Resume, Err(error(1)));
    play.wait(ms(2000));
    play.changed(Change::Resume, Ok(()));
    assert_eq!((play.acts().last(), play.failures()), (Some(&Act::Resume), vec![Act::Resume]));
    // One is enough to know that it does not help.
    silence(&mut play, Answer::State(UNPAUSED), Answer::Absent);
    assert_eq!(play.changes(), []);
    assert_eq!(play.how(), None);
}

#[test]
fn only_a_guest_that_no_migration_moves_any_more_is_paused() {
    let there = Answer::State(PAUSED);
    for (source, destination) in [
        (Answer::State(UNPAUSED), there),
        (Answer::State(UNPAUSED), Answer::Unknown),
        (Answer::State(PAUSED), Answer::Absent),
        // libvirt has seen the end.
        (Answer::State(DomainState::new(1, 6)), Answer::Absent),
        (Answer::Unknown, Answer::Absent),
        (Answer::Absent, Answer::Absent),
    ] {
        let mut play = stuck();
        silence(&mut play, source, destination);
        assert_eq!(play.changes(), [], "{source:?} {destination:?}");
    }
    // Before memory is moved the destination may not know the guest yet: that may take as long as it likes.
    let mut play = Play::start(whole());
    play.prepared(true);
    silence(&mut play, Answer::State(UNPAUSED), Answer::Absent);
    assert_eq!(play.changes(), []);
    // QEMU moves memory, or tries to.
    let mut play = stuck();
    for _ in 0..100 {
        play.wait(ms(500));
        if play.is_out(&Order::Look) {
            play.seen_in_silence(Answer::State(UNPAUSED), Answer::Absent);
        } else if play.out.iter().any(|(_, order)| matches!(order, Order::Sample { .. })) {
            play.sampled(memory(1, 100));
        }
    }
    assert_eq!(play.changes(), []);
    // libvirt may be busy with a disk, and would keep the guest from going on until it is done.
    let mut play = stuck_with(with(MigrateFlags::NON_SHARED_DISK));
    silence(&mut play, Answer::State(UNPAUSED), Answer::Absent);
    assert_eq!(play.changes(), []);
}

#[test]
fn a_pause_that_is_refused_is_asked_for_again() {
    let mut play = stuck();
    for _ in 0..2 {
        silence(&mut play, Answer::State(UNPAUSED), Answer::Absent);
        play.changed(Change::Pause, Err(error(LibvirtError::OPERATION_INVALID)));
        assert_eq!(play.changes(), []);
    }
    assert_eq!(play.failures(), [Act::PauseSource], "which is told once");
}

#[test]
fn one_that_is_held_already_is_left_to_that() {
    let mut play = Play::running(whole());
    play.wish(1, Wish::Force);
    play.changed(Change::Pause, Ok(()));
    play.wish(2, Wish::Abort);
    play.changed(Change::Abort, Ok(()));
    silence(&mut play, Answer::State(UNPAUSED), Answer::Absent);
    assert_eq!(play.changes(), []);
}

/// As libvirt has it at the switchover.
const SWITCHING: DomainState = DomainState::new(3, 2);

/// QEMU has stopped the guest for the switchover, and nothing moves from then on.
fn stands(aborted: bool) -> Play {
    let mut play = Play::running(whole());
    play.event(SUSPENDED, SUSPENDED_MIGRATED);
    if aborted {
        play.wish(1, Wish::Abort);
        play.changed(Change::Abort, Ok(()));
    }
    play
}

#[test]
fn an_abort_in_which_qemu_hangs_is_finished() {
    let mut play = stands(true);
    silence(&mut play, Answer::State(SWITCHING), Answer::Absent);
    assert_eq!(play.changes(), [Change::FinishAbort]);
    play.changed(Change::FinishAbort, Ok(()));
    play.failed(error(LibvirtError::OPERATION_ABORTED));
    play.asked(Answer::State(UNPAUSED), Answer::Absent);
    assert_eq!(play.how(), Some((How::Cancelled, GuestLocation::SourceRunning)));
    assert_eq!(play.acts().last(), Some(&Act::FinishAbort));
}

#[test]
fn qemu_is_told_so_a_few_times() {
    let mut play = stands(true);
    for _ in 0..3 {
        silence(&mut play, Answer::State(SWITCHING), Answer::Unknown);
        play.changed(Change::FinishAbort, Err(error(LibvirtError::OPERATION_INVALID)));
    }
    silence(&mut play, Answer::State(SWITCHING), Answer::Unknown);
    assert_eq!(play.changes(), []);
}

#[test]
fn qemu_is_told_so_only_of_a_guest_that_may_have_been_aborted() {
    let copy = Answer::State(DomainState::new(3, 2));
    for (aborted, source, destination) in [
        // Somebody else has, for all that is known.
        (false, SWITCHING, Answer::Absent),
        (true, SWITCHING, copy),
    ] {
        let mut play = stands(aborted);
        silence(&mut play, Answer::State(source), destination);
        assert_eq!(play.changes(), [Change::FinishAbort], "{aborted} {destination:?}");
    }
    for (aborted, source, destination) in [
        (false, SWITCHING, copy),
        (false, SWITCHING, Answer::Unknown),
        // Paused by a user, or in post-copy.
        (true, PAUSED, Answer::Absent),
        (true, DomainState::new(3, 12), Answer::Absent),
        (true, DomainState::new(1, 6), Answer::Absent),
    ] {
        let mut play = stands(aborted);
        silence(&mut play, Answer::State(source), destination);
        assert_eq!(play.changes(), [], "{aborted} {source:?} {destination:?}");
    }
}
