//! A guest that is sent paused in the engine: what has it go on at the destination, and what does not.

use crate::play::*;
use libvirt_migrate::engine::{Case, Change, Engine, Input, Order, Reconnected, Reply, Scope, Viewed};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::fact::Fact;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::JobType;
use libvirt_migrate::location::{Answer, Answers, GuestLocation};
use libvirt_migrate::record::Act;
use libvirt_migrate::state::DomainState;

const GOES_ON: Change = Change::ResumeDestination;
const MOVED: Option<(How, GuestLocation)> = Some((How::Moved, GuestLocation::DestinationRunning));
const STANDS: Option<(How, GuestLocation)> = Some((How::Failed, GuestLocation::DestinationPaused));
/// A source that libvirt has go on.
const GOES_ON_HERE: DomainState = DomainState::new(1, 6);

/// What comes after the place.
fn rest(play: &mut Play) {
    play.brought(Default::default());
    play.completed(Ok(last(JobType::Completed)));
}

/// The last one to be asked before it is told that it stands still: the newest of those that are out.
fn last_look(play: &mut Play, there: Answer) {
    let (ticket, order) = play.out.pop().unwrap();
    assert_eq!(order, Order::Look);
    play.hand(Input::Done(ticket, Reply::Asked(Answers { source: Answer::Absent, destination: there })));
}

#[test]
fn it_goes_on_when_the_call_has_returned() {
    let mut play = Play::running(exclusive());
    play.called(Ok(()));
    assert_eq!(play.changes(), [GOES_ON]);
    assert_eq!(play.how(), None);
    play.changed(GOES_ON, Ok(()));
    rest(&mut play);
    assert_eq!(play.how(), MOVED);
    assert_eq!(play.acts(), [Act::ResumeDestination]);
    assert!(play.engine.is_ended());
}

#[test]
fn it_goes_on_when_the_source_tells_that_it_has_ended_it_and_the_pause_is_told() {
    let mut play = Play::running(exclusive());
    play.event(3, 1);
    play.wait(ms(300));
    assert_eq!(play.changes(), [], "it stands still between the hosts");
    play.event(5, 3);
    assert_eq!(play.changes(), [GOES_ON]);
    play.wait(ms(20));
    play.changed(GOES_ON, Ok(()));
    play.event(5, 3);
    assert_eq!(play.changes(), [], "once");
    play.wait(ms(500));
    play.called(Ok(()));
    rest(&mut play);
    assert_eq!(play.how(), MOVED);
    // QEMU tells of 70 ms.
    assert_eq!(play.outcome().downtime, Some(ms(320)));
}

#[test]
fn nothing_else_has_it_go_on() {
    let mut play = Play::running(exclusive());
    play.event(3, 1);
    play.event(5, 5);
    play.wait(ms(1000));
    play.sampled(memory(2, 0));
    play.job_completed(last(JobType::Failed));
    assert_eq!(play.changes(), []);
    play.failed(error(9));
    // The source goes on, and its answer settles it.
    play.asked(says(RUNNING), Answer::Unknown);
    assert_eq!(play.changes(), []);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
}

#[test]
fn one_that_stood_still_or_is_to_stand_still_does() {
    let still = Case { guest: paused().guest, ..exclusive() };
    let asked_for = Case { exclusive: false, ..exclusive() };
    for case in [still, asked_for] {
        let mut play = Play::running(case);
        play.event(5, 3);
        play.called(Ok(()));
        assert_eq!(play.changes(), []);
        rest(&mut play);
        assert_eq!(play.how(), Some((How::Moved, GuestLocation::DestinationPaused)));
    }
}

#[test]
fn an_answer_that_was_lost_is_looked_after() {
    let mut play = Play::running(exclusive());
    play.called(Ok(()));
    play.changed(GOES_ON, Err(error(38)));
    play.asked(Answer::Absent, says(ARRIVED));
    rest(&mut play);
    assert_eq!(play.how(), MOVED);
    assert_eq!(play.failures(), [Act::ResumeDestination]);
}

#[test]
fn it_is_tried_for_a_minute_and_told_then() {
    let mut play = Play::running(exclusive());
    play.called(Ok(()));
    let begun = play.now;
    for answer in [says(PAUSED), Answer::Unknown].into_iter().cycle().take(120) {
        play.changed(GOES_ON, Err(error(38)));
        play.asked(Answer::Absent, answer);
        assert_eq!(play.changes(), []);
        play.wait(ms(500));
    }
    assert_eq!((play.now - begun, play.how()), (ms(60_000), None));
    last_look(&mut play, says(PAUSED));
    play.completed(Ok(last(JobType::Completed)));
    assert_eq!(play.how(), STANDS);
    let text = play.end_message();
    assert!(text.contains("stands still there") && text.contains("error 38"), "{text}");
    assert!(play.engine.is_ended());
}

#[test]
fn one_that_hangs_is_told_after_a_minute_and_waited_for() {
    let mut play = Play::running(exclusive());
    play.called(Ok(()));
    play.wait(ms(60_000));
    last_look(&mut play, says(PAUSED));
    play.completed(Ok(last(JobType::Completed)));
    assert_eq!(play.how(), STANDS);
    assert!(!play.engine.is_ended());
    play.changed(GOES_ON, Ok(()));
    assert!(play.engine.is_ended());
}

#[test]
fn an_answer_that_hangs_does_not_hide_that_it_goes_on() {
    // While nothing is heard both hosts are asked over connections of their own, and so at the end.
    let mut play = Play::running(exclusive());
    play.called(Ok(()));
    play.wait(ms(30_000));
    play.seen_in_silence(Answer::Absent, says(ARRIVED));
    rest(&mut play);
    assert_eq!(play.how(), MOVED);
    // One that still stands there was told to go on already.
    let mut play = Play::running(exclusive());
    play.called(Ok(()));
    play.wait(ms(30_000));
    play.seen_in_silence(Answer::Absent, says(PAUSED));
    play.wait(ms(1000));
    assert_eq!(play.changes(), [GOES_ON]);
    let mut play = Play::start(Case { scope: Scope::Call, ..exclusive() });
    play.called(Ok(()));
    play.wait(ms(60_000));
    last_look(&mut play, says(ARRIVED));
    assert_eq!(play.how(), MOVED);
    // One that tells nothing either leaves no place to tell.
    let mut play = Play::start(Case { scope: Scope::Call, ..exclusive() });
    play.called(Ok(()));
    play.wait(ms(75_000));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
}

#[test]
fn a_guest_that_is_gone_from_there_is_told() {
    for (source, there, place) in [
        (Answer::Absent, Answer::Absent, GuestLocation::Absent),
        // Somebody has started it there again.
        (says(RUNNING), says(PAUSED), GuestLocation::SourceRunning),
    ] {
        let mut play = Play::running(exclusive());
        play.called(Ok(()));
        play.changed(GOES_ON, Err(error(42)));
        play.asked(source, there);
        assert_eq!(play.changes(), []);
        assert_eq!(play.how(), Some((How::Failed, place)));
    }
}

#[test]
fn by_the_destinations_word_alone_it_may_run_at_the_source() {
    let silent = |play: &mut Play| {
        play.asked(Answer::Unknown, says(PAUSED));
        play.reconnected(Reconnected::There { events: true });
    };
    let mut play = Play::running(exclusive());
    play.failed(error(1));
    silent(&mut play);
    play.asked(says(RUNNING), says(PAUSED));
    assert!(play.is_out(&Order::View), "{:?}", play.changes());
    // One that never answers.
    for code in [LibvirtError::NO_DOMAIN, LibvirtError::OPERATION_FAILED] {
        let mut play = Play::running(exclusive());
        play.failed(error(code));
        for _ in 0..60 {
            silent(&mut play);
        }
        play.asked(Answer::Unknown, says(PAUSED));
        assert_eq!(play.changes(), []);
        assert_eq!(play.how(), Some((How::Failed, GuestLocation::Unknown)));
        assert!(play.end_message().contains("recover with exclusive"), "{}", play.end_message());
    }
}

#[test]
fn a_source_without_it_is_proof_whatever_the_call_says() {
    for (code, how) in [(LibvirtError::NO_DOMAIN, How::Moved), (LibvirtError::OPERATION_FAILED, How::Failed)]
    {
        for source in [Answer::Absent, says(SHUT_OFF), says(LEFT)] {
            let mut play = Play::running(exclusive());
            play.failed(error(code));
            play.asked(source, says(PAUSED));
            play.changed(GOES_ON, Ok(()));
            if how == How::Moved {
                play.brought(Default::default());
            }
            play.completed(Ok(last(JobType::Completed)));
            assert_eq!(play.how(), Some((how, GuestLocation::DestinationRunning)));
        }
    }
}

#[test]
fn a_copy_that_never_ran_is_removed_where_the_source_goes_on() {
    let mut play = Play::running(exclusive());
    play.failed(error(38));
    play.asked(says(GOES_ON_HERE), says(PAUSED));
    play.viewed(view(says(GOES_ON_HERE), says(PAUSED), Fact::Absent));
    assert_eq!(play.changes(), [Change::DestroyDestination]);
    play.changed(Change::DestroyDestination, Ok(()));
    play.wait(ms(100));
    // With the definition that it came with.
    play.viewed(view(says(GOES_ON_HERE), says(SHUT_OFF), Fact::Absent));
    assert_eq!(play.changes(), [Change::UndefineDestination]);
    play.changed(Change::UndefineDestination, Ok(()));
    play.wait(ms(100));
    play.viewed(view(says(GOES_ON_HERE), Answer::Absent, Fact::Absent));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    assert_eq!(play.end_code(), Some(38));
    // And where that is written just while it is being removed.
    let mut play = Play::running(exclusive());
    play.failed(error(38));
    play.asked(says(GOES_ON_HERE), says(MIGRATING));
    let transient =
        Viewed { persistent: Fact::Absent, ..view(says(GOES_ON_HERE), says(MIGRATING), Fact::Absent) };
    play.viewed(transient);
    play.changed(Change::DestroyDestination, Ok(()));
    play.wait(ms(100));
    play.viewed(view(says(GOES_ON_HERE), says(SHUT_OFF), Fact::Absent));
    assert_eq!(play.changes(), [Change::UndefineDestination]);
    // One that was there before stays.
    let mut play = Play::running(exclusive());
    play.failed(error(38));
    play.asked(says(GOES_ON_HERE), says(MIGRATING));
    // It may have been written just now, and the word of that be on its way.
    play.viewed(view(says(GOES_ON_HERE), says(MIGRATING), Fact::Absent));
    for _ in 0..20 {
        assert_eq!(play.changes(), []);
        play.wait(ms(100));
        play.viewed(view(says(GOES_ON_HERE), says(MIGRATING), Fact::Absent));
    }
    play.changed(Change::DestroyDestination, Ok(()));
    play.wait(ms(100));
    play.viewed(view(says(GOES_ON_HERE), says(SHUT_OFF), Fact::Absent));
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
    // Of one that is not exclusive nobody knows whether it ran.
    let mut play = Play::running(whole());
    play.failed(error(38));
    play.asked(says(GOES_ON_HERE), says(PAUSED));
    assert_eq!(play.changes(), []);
}

#[test]
fn one_whose_connection_broke_goes_on_while_the_source_is_cleared_up() {
    let mut play = Play::running(exclusive());
    play.returned(Err(error(38)), false, None);
    play.reconnected(Reconnected::There { events: true });
    play.seen(Ok(no_job()), Ok(MIGRATING));
    play.viewed(view(says(MIGRATING), says(PAUSED), Fact::Absent));
    assert_eq!(play.changes(), [Change::DestroySource], "it may go on there yet");
    play.changed(Change::DestroySource, Ok(()));
    play.wait(ms(100));
    play.viewed(view(says(SHUT_OFF), says(PAUSED), Fact::Absent));
    assert_eq!(play.changes(), [GOES_ON]);
    play.changed(GOES_ON, Ok(()));
    play.wait(ms(100));
    play.viewed(view(says(SHUT_OFF), says(ARRIVED), Fact::Absent));
    play.changed(Change::UndefineSource, Ok(()));
    play.wait(ms(100));
    play.viewed(view(Answer::Absent, says(ARRIVED), Fact::Absent));
    rest(&mut play);
    assert_eq!(play.how(), MOVED);
}

#[test]
fn one_that_others_have_started_goes_on_as_well() {
    let case = Case { flags: MigrateFlags::PAUSED, ..exclusive() };
    let mut play = Play::new(Engine::adopt(case, None));
    play.prepared(true);
    play.event(5, 3);
    assert_eq!(play.changes(), [GOES_ON]);
    play.changed(GOES_ON, Ok(()));
    play.completed(Ok(last(JobType::Completed)));
    play.asked(Answer::Absent, says(ARRIVED));
    rest(&mut play);
    assert_eq!(play.how(), MOVED);
}

#[test]
fn one_that_nobody_watches_goes_on_after_its_call() {
    let mut play = Play::start(Case { scope: Scope::Call, ..exclusive() });
    play.called(Ok(()));
    play.changed(GOES_ON, Ok(()));
    assert_eq!(play.how(), MOVED);
    assert!(!play.is_out(&Order::Ask));
}
