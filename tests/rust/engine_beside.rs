//! The engine beside a call that somebody else makes and reports, as Nova does.

use crate::play::*;
use libvirt_migrate::engine::{Case, Change, Input, Order, Outside, Wish};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::record::Act;

fn alone() -> Case {
    Case { destination: false, ..beside() }
}

/// The statistics say from now on that the job is over like this.
fn over(play: &mut Play, job: Result<JobInfo, i32>) {
    let next = play.engine.wake_at().expect("a look is due");
    play.until(next);
    play.looked(job.map_err(error), Some(Ok(RUNNING)), true);
}

/// Goes on for this long, with the same statistics at every look.
fn stays(play: &mut Play, milliseconds: u64, job: &Result<JobInfo, i32>) {
    let end = play.now + ms(milliseconds);
    while play.now < end {
        let next = play.engine.wake_at().unwrap_or(end).min(end);
        play.until(next);
        if play.out.iter().any(|(_, order)| matches!(order, Order::Sample { .. })) {
            play.looked(job.clone().map_err(error), Some(Ok(RUNNING)), true);
        }
        if play.is_out(&Order::Look) {
            play.seen_in_silence(Answer::Unknown, Answer::Unknown);
        }
    }
}

#[test]
fn no_call_is_made_and_nothing_is_prepared() {
    let mut play = Play::start(beside());
    let orders: Vec<_> = play.out.iter().map(|(_, order)| order.clone()).collect();
    assert_eq!(orders, []);
    assert_eq!(play.engine.wake_at(), Some(ms(0)));
    play.until(ms(0));
    assert!(play.is_out(&Order::Sample { state: false }));
    play.sampled(memory(1, 100));
    // How often to look is the caller's.
    assert!(play.out.is_empty());
    play.hand(Input::Woken);
    // Once it has begun the state tells the switchover; events are their owner's.
    assert!(play.is_out(&Order::Sample { state: true }) && !play.is_out(&Order::Subscribe));
}

#[test]
fn their_calls_return_is_the_end() {
    let mut play = started();
    play.their_call(Ok(()), None);
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
    assert!(play.engine.is_ended() && !play.is_out(&Order::Bring) && !play.is_out(&Order::Completed));
}

fn started() -> Play {
    let mut play = Play::start(beside());
    play.until(ms(0));
    play.sampled(memory(1, 100));
    play
}

#[test]
fn the_source_is_believed_of_itself_and_the_destination_is_asked() {
    let mut play = started();
    play.their_call(Err(error(9)), Some(GuestLocation::SourceRunning));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    let mut play = started();
    play.their_call(Err(error(9)), Some(GuestLocation::PostCopyBroken));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::PostCopyBroken)));
    let mut play = started();
    play.their_call(Err(error(9)), Some(GuestLocation::DestinationRunning));
    assert_eq!(play.how(), None);
    play.asked(says(LEFT), says(ARRIVED));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
    assert_eq!(play.acts(), [Act::TrustDestination]);
    // Where it cannot be asked, it is believed.
    let mut play = Play::start(alone());
    play.until(ms(0));
    play.sampled(memory(1, 100));
    play.their_call(Err(error(9)), Some(GuestLocation::DestinationRunning));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)));
}

#[test]
fn both_hosts_are_asked_once_and_believed() {
    for (source, destination, place) in [
        (says(RUNNING), Answer::Absent, GuestLocation::SourceRunning),
        (says(POST_COPY_FAILED), Answer::Unknown, GuestLocation::PostCopyBroken),
        (Answer::Unknown, Answer::Unknown, GuestLocation::Unknown),
        (says(SHUT_OFF), Answer::Absent, GuestLocation::SourceShutOff),
        (Answer::Absent, Answer::Absent, GuestLocation::Absent),
    ] {
        let mut play = started();
        play.their_call(Err(error(9)), None);
        play.asked(source, destination);
        assert_eq!(play.how(), Some((How::Failed, place)));
    }
    // Only what has been moved is not defined at the source any more.
    let mut play = started();
    play.their_call(Err(error(9)), None);
    play.asked(Answer::Absent, says(SHUT_OFF));
    assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationShutOff)));
    let mut play = Play::start(alone());
    play.until(ms(0));
    play.sampled(memory(1, 100));
    play.their_call(Err(error(9)), None);
    play.asked(Answer::Unknown, Answer::Unknown);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
}

#[test]
fn a_pause_is_not_ours_to_undo() {
    let mut play = started();
    play.outside(Outside::Paused);
    play.their_call(Err(error(9)), None);
    play.asked(says(PAUSED), Answer::Absent);
    assert_eq!(play.changes(), []);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourcePaused)));
}

#[test]
fn a_call_that_does_not_return_is_asked_about_after_a_minute() {
    for job in [
        Ok(last(JobType::Completed)),
        Ok(last(JobType::Failed)),
        Ok(last(JobType::Cancelled)),
        Err(LibvirtError::NO_DOMAIN),
    ] {
        let mut play = started();
        over(&mut play, job.clone());
        stays(&mut play, 59_000, &job);
        assert!(!play.is_out(&Order::Ask), "{job:?}");
        stays(&mut play, 1_500, &job);
        assert!(play.is_out(&Order::Ask), "{job:?}");
        // What proves nothing is asked for a minute later.
        play.asked(Answer::Unknown, Answer::Unknown);
        assert_eq!(play.how(), None);
        stays(&mut play, 59_000, &job);
        assert!(!play.is_out(&Order::Ask), "{job:?}");
        stays(&mut play, 2_500, &job);
        play.asked(says(LEFT), says(ARRIVED));
        assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationRunning)), "{job:?}");
    }
}

#[test]
fn one_that_ended_meanwhile_needs_no_return() {
    for (source, there, how) in [
        (says(SHUT_OFF), Answer::Absent, (How::Failed, GuestLocation::SourceShutOff)),
        (Answer::Absent, says(SHUT_OFF), (How::Moved, GuestLocation::DestinationShutOff)),
    ] {
        let mut play = started();
        over(&mut play, Err(LibvirtError::OPERATION_INVALID));
        stays(&mut play, 61_000, &Err(LibvirtError::OPERATION_INVALID));
        play.asked(source, there);
        assert_eq!(play.how(), Some(how));
    }
}

#[test]
fn one_that_stayed_has_failed_and_one_that_was_aborted_was_cancelled() {
    for (aborted, how, code) in [
        (false, How::Failed, LibvirtError::OPERATION_FAILED),
        (true, How::Cancelled, LibvirtError::OPERATION_ABORTED),
    ] {
        let mut play = started();
        if aborted {
            play.outside(Outside::Aborted);
        }
        let job = Ok(last(JobType::Failed));
        over(&mut play, job.clone());
        stays(&mut play, 61_000, &job);
        play.asked(says(RUNNING), Answer::Absent);
        assert_eq!(play.how(), Some((how, GuestLocation::SourceRunning)));
        assert_eq!(play.end_code(), Some(code));
    }
}

#[test]
fn a_job_that_goes_on_or_cannot_be_read_is_not_over() {
    for job in [Ok(memory(2, 50)), Err(LibvirtError::OPERATION_TIMEOUT)] {
        let mut play = started();
        stays(&mut play, 130_000, &job);
        assert!(!play.is_out(&Order::Ask), "{job:?}");
    }
    // What was over for a moment only begins anew.
    let mut play = started();
    over(&mut play, Ok(last(JobType::Failed)));
    stays(&mut play, 50_000, &Ok(last(JobType::Failed)));
    over(&mut play, Ok(memory(1, 10)));
    stays(&mut play, 50_000, &Ok(last(JobType::Failed)));
    assert!(!play.is_out(&Order::Ask));
}

#[test]
fn without_a_destination_the_statistics_alone_tell() {
    for (job, how) in [
        (Ok(last(JobType::Completed)), Some((How::Moved, GuestLocation::DestinationRunning))),
        (Err(LibvirtError::NO_DOMAIN), Some((How::Moved, GuestLocation::DestinationRunning))),
        // Its process has ended, which is all that is known.
        (Err(LibvirtError::OPERATION_INVALID), Some((How::Failed, GuestLocation::Unknown))),
        (Ok(last(JobType::Failed)), Some((How::Failed, GuestLocation::SourceRunning))),
    ] {
        let mut play = Play::start(alone());
        play.until(ms(0));
        play.sampled(memory(1, 100));
        over(&mut play, job.clone());
        stays(&mut play, 62_000, &job);
        if play.is_out(&Order::Ask) {
            play.asked(says(RUNNING), Answer::Unknown);
        }
        assert_eq!(play.how(), how, "{job:?}");
    }
}

#[test]
fn a_destination_that_is_known_only_later_is_asked() {
    let mut play = Play::start(alone());
    play.until(ms(0));
    play.sampled(memory(1, 100));
    play.engine.set_destination(true);
    let job = Ok(last(JobType::Completed));
    over(&mut play, job.clone());
    stays(&mut play, 62_000, &job);
    assert!(play.is_out(&Order::Ask));
    assert_eq!(play.how(), None);
}

#[test]
fn others_may_pause_switch_and_abort() {
    let mut play = started();
    play.outside(Outside::Paused);
    play.wish(1, Wish::Force);
    assert_eq!((play.answer(1), play.changes()), (Some(Ok(())), vec![]));
    let mut play = started();
    play.outside(Outside::PostCopy);
    assert_eq!(play.switchovers(), 1);
    play.wish(1, Wish::Abort);
    assert_eq!(play.answer(1), Some(Err(Some(LibvirtError::OPERATION_INVALID))));
    play.wish(2, Wish::SetBandwidth(7));
    assert_eq!(play.changes(), [Change::SetBandwidth { mib_per_second: 7, post_copy: true }]);
    let mut play = started();
    play.outside(Outside::Aborted);
    play.wish(1, Wish::Abort);
    assert_eq!((play.answer(1), play.changes()), (Some(Ok(())), vec![]));
}

/// Only the destination would know how it has arrived (SEED=160484948).
#[test]
fn a_guest_that_others_paused_early_is_not_told_to_run_where_nobody_can_be_asked() {
    let ends = |early: bool| {
        let mut play = Play::start(alone());
        play.until(ms(0));
        if early {
            play.outside(Outside::Paused);
        }
        play.sampled(memory(1, 100));
        if !early {
            play.outside(Outside::Paused);
        }
        over(&mut play, Ok(last(JobType::Completed)));
        stays(&mut play, 62_000, &Ok(last(JobType::Completed)));
        play.how()
    };
    assert_eq!(ends(true), Some((How::Moved, GuestLocation::Unknown)));
    assert_eq!(ends(false), Some((How::Moved, GuestLocation::DestinationRunning)));
}
