//! What users and the policy want of a migration in the engine, and what they are told.

use crate::play::*;
use libvirt_migrate::engine::{Case, Change, Engine, Order, Outside, Probe, Wish};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::fact::Fact;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::JobInfo;
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::policy::Action;
use libvirt_migrate::progress::Phase;
use libvirt_migrate::record::Act;

const INVALID: i32 = LibvirtError::OPERATION_INVALID;
const TAKEN: Option<Result<(), Option<i32>>> = Some(Ok(()));

fn steered(case: Case) -> (Play, Script) {
    let script = Script::default();
    let mut play = Play::steered(case, script.policy());
    play.prepared(true);
    (play, script)
}

/// Goes on to the next look, which sees this pass.
fn look(play: &mut Play, iteration: u64) {
    while !play.out.iter().any(|(_, order)| matches!(order, Order::Sample { .. })) {
        let next = play.engine.wake_at().expect("a look is due");
        play.until(next);
    }
    play.sampled(memory(iteration, 1000 - iteration));
}

#[test]
fn an_abort_is_made_at_once_whatever_is_out() {
    let mut play = Play::start(whole());
    play.wish(1, Wish::Abort);
    assert_eq!(play.changes(), [Change::Abort]);
    assert_eq!(play.answer(1), None);
    play.changed(Change::Abort, Ok(()));
    assert_eq!(play.answer(1), TAKEN);
    assert_eq!(play.acts(), [Act::Take(Action::Abort)]);
    // A second one has nothing to do.
    play.wish(2, Wish::Abort);
    assert_eq!((play.answer(2), play.changes()), (TAKEN, vec![]));
}

#[test]
fn an_abort_before_there_is_a_job_is_made_when_there_is_one() {
    let mut play = Play::start(whole());
    play.prepared(true);
    play.wish(1, Wish::Abort);
    play.changed(Change::Abort, Err(error(INVALID)));
    assert_eq!(play.answer(1), TAKEN);
    assert_eq!(play.engine.steps(), []);
    play.sampled(no_job());
    play.wait(ms(49));
    assert_eq!(play.changes(), []);
    play.wait(ms(1));
    assert_eq!(play.changes(), [Change::Abort]);
    play.changed(Change::Abort, Ok(()));
    assert_eq!(play.acts(), [Act::Take(Action::Abort)]);
    look(&mut play, 1);
    play.wait(ms(10_000));
    assert_eq!(play.changes(), []);
}

#[test]
fn an_abort_that_is_refused_is_told_to_whoever_asked_and_not_asked_again() {
    let mut play = Play::running(whole());
    play.wish(1, Wish::Abort);
    play.changed(Change::Abort, Err(error(1)));
    assert_eq!(play.answer(1), Some(Err(Some(1))));
    assert_eq!(play.engine.steps(), []);
    look(&mut play, 2);
    play.wait(ms(10_000));
    assert_eq!(play.changes(), []);
    // It was aborted by nobody, so what fails then has failed.
    play.failed(error(9));
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Failed, GuestLocation::SourceRunning)));
}

/// libvirt refuses both once the guest has left, which nobody can know beforehand.
#[test]
fn what_is_to_get_it_over_and_comes_too_late_is_no_error() {
    for (wish, change) in [(Wish::Abort, Change::Abort), (Wish::Force, Change::Pause)] {
        let mut play = Play::running(whole());
        play.wish(1, wish);
        play.changed(change, Err(error(LibvirtError::NO_DOMAIN)));
        assert_eq!(play.answer(1), TAKEN, "{change:?}");
        let mut play = Play::running(whole());
        play.wish(1, wish);
        play.called(Ok(()));
        play.changed(change, Err(error(INVALID)));
        play.wait(ms(60_000));
        assert_eq!(play.answer(1), TAKEN, "{change:?} after the end");
    }
    // A limit that was not set is told.
    let mut play = Play::running(whole());
    play.wish(1, Wish::SetMaxDowntime(300));
    play.changed(Change::SetMaxDowntime(300), Err(error(LibvirtError::NO_DOMAIN)));
    assert_eq!(play.answer(1), Some(Err(Some(LibvirtError::NO_DOMAIN))));
}

#[test]
fn an_abort_in_post_copy_is_none() {
    for state in [POST_COPY, POST_COPY_FAILED] {
        let mut play = Play::running(whole());
        play.wish(1, Wish::Abort);
        play.changed_in(Change::Abort, Err(error(INVALID)), Fact::Known(state));
        assert_eq!(play.answer(1), Some(Err(Some(INVALID))));
        look(&mut play, 2);
        play.wait(ms(5000));
        assert_eq!(play.changes(), [], "{state:?}");
    }
    let mut play = Play::running(whole());
    play.event(3, 7);
    play.wish(1, Wish::Abort);
    assert_eq!((play.answer(1), play.changes()), (Some(Err(Some(INVALID))), vec![]));
    let refusal = play.answers[0].1.as_ref().unwrap_err().to_string();
    assert!(refusal.starts_with("vm1 is in post-copy"), "{refusal}");
    // One that was refused before for want of a job is asked for no more.
    let mut play = Play::start(whole());
    play.prepared(true);
    play.wish(1, Wish::Abort);
    play.changed(Change::Abort, Err(error(INVALID)));
    play.event(3, 7);
    play.sampled(memory(1, 1));
    play.wait(ms(5000));
    assert_eq!(play.changes(), []);
}

#[test]
fn limits_are_set_at_once_and_known_to_the_policy() {
    let (mut play, script) = steered(whole());
    play.wish(1, Wish::SetMaxDowntime(700));
    play.wish(2, Wish::SetBandwidth(5));
    assert_eq!(
        play.changes(),
        [Change::SetMaxDowntime(700), Change::SetBandwidth { mib_per_second: 5, post_copy: false }]
    );
    look(&mut play, 1);
    assert_eq!(script.last_sample().downtime_limit_ms, 300);
    play.changed(Change::SetMaxDowntime(700), Ok(()));
    play.changed(Change::SetBandwidth { mib_per_second: 5, post_copy: false }, Err(error(1)));
    assert_eq!((play.answer(1), play.answer(2)), (TAKEN, Some(Err(Some(1)))));
    look(&mut play, 2);
    assert_eq!(script.last_sample().downtime_limit_ms, 700);
    play.wish(3, Wish::SetMaxDowntime(900));
    play.changed(Change::SetMaxDowntime(900), Err(error(1)));
    look(&mut play, 3);
    assert_eq!(script.last_sample().downtime_limit_ms, 700);
}

#[test]
fn whoever_changes_something_sees_soon_what_came_of_it() {
    let mut play = Play::running(whole());
    let next = play.engine.wake_at().unwrap();
    assert!(next > ms(60), "{next:?}");
    play.wait(ms(5));
    play.wish(1, Wish::SetBandwidth(5));
    assert_eq!(play.engine.wake_at(), Some(ms(20)));
}

#[test]
fn force_pauses_or_switches_as_is_allowed() {
    let mut play = Play::running(whole());
    play.wish(1, Wish::Force);
    assert_eq!(play.changes(), [Change::Pause]);
    // The guest that stood still cannot be switched.
    let guest = paused().guest;
    let mut play = Play::running(Case { guest, ..with(MigrateFlags::POSTCOPY) });
    play.wish(1, Wish::Force);
    assert_eq!(play.changes(), [Change::Pause]);
    let mut play = Play::running(with(MigrateFlags::POSTCOPY));
    play.wish(1, Wish::Force);
    // First it is asked whether the destination can keep a definition.
    assert_eq!(play.changes(), []);
    assert_eq!(play.switchovers(), 0);
    play.probed(Ok(()));
    assert_eq!((play.changes(), play.answer(1)), (vec![Change::StartPostCopy], None));
    play.changed(Change::StartPostCopy, Ok(()));
    assert_eq!((play.answer(1), play.switchovers()), (TAKEN, 1));
    assert_eq!(play.acts(), [Act::Take(Action::StartPostCopy)]);
}

#[test]
fn nothing_is_asked_where_no_definition_is_to_be_kept_or_nobody_can_be_asked() {
    let post_copy = with(MigrateFlags::POSTCOPY);
    let gone = Case { flags: MigrateFlags::LIVE | MigrateFlags::POSTCOPY, ..whole() };
    for case in [gone, Case { destination: false, ..post_copy }] {
        let mut play = Play::running(case);
        play.wish(1, Wish::Force);
        assert_eq!(play.changes(), [Change::StartPostCopy]);
    }
}

#[test]
fn a_destination_that_cannot_keep_a_definition_refuses_post_copy() {
    let mut play = Play::running(with(MigrateFlags::POSTCOPY));
    play.wish(1, Wish::Force);
    play.probed(Err(error(38)));
    assert_eq!((play.answer(1), play.changes()), (Some(Err(Some(INVALID))), vec![]));
    assert!(play.engine.steps()[0].error.as_ref().unwrap().contains("cannot keep a definition"));
    // The next one asks again.
    play.wish(2, Wish::Force);
    assert!(play.is_out(&Order::Probe(Probe::Definition)));
    // An answer that comes after the end is too late for anything.
    play.called(Ok(()));
    play.probed(Ok(()));
    assert_eq!((play.answer(2), play.changes()), (TAKEN, vec![]));
}

#[test]
fn what_is_forced_is_not_forced_again() {
    let mut play = Play::running(whole());
    play.wish(1, Wish::Force);
    play.wish(2, Wish::Force);
    assert_eq!((play.answer(2), play.changes()), (TAKEN, vec![Change::Pause]));
    play.changed(Change::Pause, Ok(()));
    play.wish(3, Wish::Force);
    assert_eq!((play.answer(3), play.changes()), (TAKEN, vec![]));
    // A pause that was refused may be asked for again.
    let mut play = Play::running(whole());
    play.wish(1, Wish::Force);
    play.changed(Change::Pause, Err(error(INVALID)));
    assert_eq!(play.answer(1), Some(Err(Some(INVALID))));
    play.wish(2, Wish::Force);
    assert_eq!(play.changes(), [Change::Pause]);
    // Of one whose answer was lost nobody knows: it counts as made.
    play.changed(Change::Pause, Err(error(LibvirtError::OPERATION_TIMEOUT)));
    play.wish(3, Wish::Force);
    assert_eq!((play.answer(3), play.changes()), (TAKEN, vec![]));
    // By switching as well.
    let mut play = Play::running(with(MigrateFlags::POSTCOPY));
    play.wish(1, Wish::Force);
    play.wish(2, Wish::Force);
    assert_eq!(play.answer(2), TAKEN);
    assert_eq!(play.out.iter().filter(|(_, order)| matches!(order, Order::Probe(_))).count(), 1);
}

#[test]
fn force_waits_for_a_job() {
    let mut play = Play::start(whole());
    play.prepared(true);
    play.sampled(no_job());
    play.wish(1, Wish::Force);
    play.wish(2, Wish::Force);
    assert_eq!((play.answer(1), play.changes()), (None, vec![]));
    // It is looked for at once, and then done as soon as there is one.
    assert!(play.is_out(&Order::Sample { state: false }));
    play.sampled(memory(0, 0));
    assert_eq!((play.answer(1), play.answer(2), play.changes()), (None, TAKEN, vec![Change::Pause]));
    play.changed(Change::Pause, Ok(()));
    assert_eq!(play.answer(1), TAKEN);
    // Without one whoever asked is told, and it is done later.
    let mut play = Play::start(whole());
    play.prepared(true);
    play.wish(1, Wish::Force);
    play.looked(Err(error(1)), None, true);
    assert_eq!((play.answer(1), play.changes()), (TAKEN, vec![]));
    look(&mut play, 1);
    assert_eq!(play.changes(), [Change::Pause]);
    // Or never, where it is over before.
    let mut play = Play::start(whole());
    play.wish(1, Wish::Force);
    play.failed(error(9));
    assert_eq!((play.answer(1), play.changes()), (TAKEN, vec![]));
}

/// Seen in the lab: while the daemons are being connected there is a job already, and libvirt has not looked at the guest.
#[test]
fn a_pause_waits_until_libvirt_has_looked_at_the_guest() {
    let connecting = || JobInfo { memory_total: Some(0), disk_total: Some(0), ..memory(0, 0) };
    let copying = JobInfo { disk_total: Some(1 << 30), ..connecting() };
    for moving in [memory(1, 100), copying] {
        let mut play = Play::start(whole());
        play.prepared(true);
        play.sampled(connecting());
        play.wish(1, Wish::Force);
        assert_eq!((play.answer(1), play.changes()), (None, vec![]));
        play.wait(ms(200));
        play.sampled(connecting());
        assert_eq!((play.answer(1), play.changes()), (TAKEN, vec![]));
        play.wait(ms(200));
        play.sampled(moving);
        assert_eq!(play.changes(), [Change::Pause]);
    }
    // Post-copy pauses nothing, and libvirt says itself whether it can begin.
    let mut play = Play::start(with(MigrateFlags::POSTCOPY));
    play.prepared(true);
    play.sampled(connecting());
    play.wish(1, Wish::Force);
    assert!(play.is_out(&Order::Probe(Probe::Definition)));
    // Nor does a policy that wants it at once.
    let (mut play, script) = steered(whole());
    script.decide(Action::Pause);
    play.sampled(connecting());
    assert_eq!((play.changes(), script.heard()), (vec![], vec![(Action::Pause, false)]));
}

#[test]
fn the_policy_has_one_thing_done_after_the_other() {
    let (mut play, script) = steered(whole());
    script.decide(Action::SetMaxDowntime(100));
    script.decide(Action::Pause);
    play.sampled(memory(1, 100));
    assert_eq!(play.changes(), [Change::SetMaxDowntime(100)]);
    play.wait(ms(5000));
    assert_eq!(play.changes(), [Change::SetMaxDowntime(100)]);
    assert_eq!(script.heard(), []);
    play.changed(Change::SetMaxDowntime(100), Err(error(1)));
    assert_eq!(play.changes(), [Change::Pause]);
    play.changed(Change::Pause, Ok(()));
    assert_eq!(script.heard(), [(Action::SetMaxDowntime(100), false), (Action::Pause, true)]);
    assert_eq!(play.acts(), [Act::Take(Action::Pause)]);
    assert_eq!(play.failures(), [Act::Take(Action::SetMaxDowntime(100))]);
    // The record has when it was decided.
    assert_eq!(play.engine.steps()[1].at, ms(0));
    assert_eq!(play.engine.steps()[1].reason, "the test");
    look(&mut play, 2);
    assert!(script.last_sample().forced);
}

#[test]
fn the_policy_asks_the_destination_before_it_switches() {
    for answer in [Ok(()), Err(error(38))] {
        let (mut play, script) = steered(with(MigrateFlags::POSTCOPY));
        script.decide(Action::StartPostCopy);
        play.sampled(memory(1, 100));
        assert!(play.is_out(&Order::Probe(Probe::Definition)));
        play.probed(answer.clone());
        if answer.is_ok() {
            play.changed(Change::StartPostCopy, Ok(()));
            look(&mut play, 2);
            assert!(script.last_sample().post_copy && script.last_sample().forced);
            assert_eq!(play.engine.progress().phase, Phase::PostCopy);
        }
        assert_eq!(script.heard(), [(Action::StartPostCopy, answer.is_ok())]);
        assert_eq!(play.changes(), []);
    }
}

#[test]
fn the_policy_does_not_give_up_what_a_user_forces() {
    let (mut play, script) = steered(whole());
    play.sampled(memory(1, 100));
    play.wish(1, Wish::Force);
    script.decide(Action::Abort);
    look(&mut play, 2);
    assert_eq!(script.heard(), [(Action::Abort, false)]);
    assert_eq!(play.changes(), [Change::Pause]);
    play.changed(Change::Pause, Ok(()));
    script.decide(Action::Abort);
    look(&mut play, 3);
    assert_eq!((script.heard().len(), play.changes()), (2, vec![]));
    // Somebody has the guest go on: it may be given up again.
    play.event(4, 0);
    script.decide(Action::Abort);
    look(&mut play, 4);
    assert!(!script.last_sample().forced);
    assert_eq!(play.changes(), [Change::Abort]);
}

#[test]
fn a_pause_that_others_have_made_is_made_for_the_policy_too() {
    let (mut play, script) = steered(whole());
    play.sampled(memory(1, 100));
    play.outside(Outside::Paused);
    script.decide(Action::Pause);
    look(&mut play, 2);
    assert_eq!((script.heard(), play.changes()), (vec![(Action::Pause, true)], vec![]));
    let (mut play, script) = steered(whole());
    play.sampled(memory(1, 100));
    play.wish(1, Wish::Force);
    script.decide(Action::Pause);
    look(&mut play, 2);
    assert_eq!((script.heard(), play.changes()), (vec![(Action::Pause, true)], vec![Change::Pause]));
}

#[test]
fn nothing_is_decided_any_more_once_it_is_to_be_aborted() {
    let (mut play, script) = steered(whole());
    play.sampled(memory(1, 100));
    play.wish(1, Wish::Abort);
    script.decide(Action::SetMaxDowntime(5));
    look(&mut play, 2);
    assert_eq!(script.heard(), [(Action::SetMaxDowntime(5), false)]);
    assert_eq!(play.changes(), [Change::Abort]);
}

#[test]
fn an_abort_of_the_policys_that_fails_is_in_the_record() {
    let (mut play, script) = steered(whole());
    script.decide(Action::Abort);
    play.sampled(memory(1, 100));
    play.changed_in(Change::Abort, Err(error(INVALID)), Fact::Known(POST_COPY));
    assert_eq!(script.heard(), [(Action::Abort, false)]);
    assert_eq!(play.failures(), [Act::Take(Action::Abort)]);
    play.wait(ms(60));
    assert_eq!(play.changes(), []);
    script.decide(Action::Abort);
    look(&mut play, 2);
    play.changed(Change::Abort, Ok(()));
    assert_eq!(script.heard()[1], (Action::Abort, true));
    // It was cancelled then.
    play.failed(error(9));
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.how(), Some((How::Cancelled, GuestLocation::SourceRunning)));
}

#[test]
fn a_restart_needs_a_call_of_ours() {
    let throttle = libvirt_migrate::policy::Throttle { initial: 1, increment: 1 };
    let script = Script::default();
    let mut play = Play::new(Engine::adopt(whole(), Some(script.policy())));
    play.prepared(true);
    script.decide(Action::Restart(throttle));
    play.seen(Ok(memory(1, 100)), Ok(RUNNING));
    assert_eq!(script.heard(), [(Action::Restart(throttle), false)]);
    assert_eq!(play.changes(), []);
    assert!(play.engine.steps()[0].error.as_ref().unwrap().contains("others started"));
}

#[test]
fn what_is_decided_when_it_is_over_is_not_done() {
    let (mut play, script) = steered(whole());
    script.decide(Action::SetMaxDowntime(1));
    script.decide(Action::SetMaxDowntime(2));
    play.sampled(memory(1, 100));
    // The first one hangs, and holds up nothing.
    play.failed(error(9));
    play.changed(Change::SetMaxDowntime(1), Ok(()));
    assert_eq!(script.heard(), [(Action::SetMaxDowntime(1), true)]);
    assert_eq!(play.changes(), []);
    play.asked(says(RUNNING), Answer::Absent);
    assert_eq!(play.acts(), [Act::Take(Action::SetMaxDowntime(1))]);
}

#[test]
fn a_user_is_answered_while_the_policys_order_hangs() {
    let (mut play, script) = steered(with(MigrateFlags::POSTCOPY));
    script.decide(Action::SetMaxDowntime(1));
    play.sampled(memory(1, 100));
    play.wish(1, Wish::Force);
    play.probed(Ok(()));
    assert_eq!(play.changes(), [Change::SetMaxDowntime(1), Change::StartPostCopy]);
}

#[test]
fn events_tell_the_policy_where_it_is() {
    let (mut play, script) = steered(whole());
    play.sampled(memory(1, 100));
    assert_eq!(script.last_sample().phase, Phase::Memory);
    play.event(3, 1);
    look(&mut play, 2);
    assert_eq!(script.last_sample().phase, Phase::Switchover);
    // Back at the source.
    play.event(4, 1);
    look(&mut play, 2);
    assert_eq!((script.last_sample().phase, script.last_sample().forced), (Phase::Memory, false));
    play.event(3, 7);
    look(&mut play, 3);
    assert_eq!((script.last_sample().phase, script.last_sample().forced), (Phase::PostCopy, true));
    // Of a post-copy nobody comes back.
    play.event(4, 0);
    look(&mut play, 3);
    assert!(script.last_sample().forced);
    assert_eq!(play.switchovers(), 1);
    // Once the guest has arrived there is nothing to decide.
    let seen = script.samples();
    play.job_completed(last(libvirt_migrate::job::JobType::Completed));
    look(&mut play, 3);
    assert_eq!(script.samples(), seen);
}

#[test]
fn a_pause_of_ours_or_of_the_guests_own_is_no_switchover() {
    let mut play = Play::running(whole());
    play.wish(1, Wish::Force);
    play.event(3, 1);
    assert_eq!(play.switchovers(), 0);
    let mut play = Play::running(paused());
    play.event(3, 1);
    assert_eq!(play.switchovers(), 0);
    let mut play = Play::running(whole());
    for (event, detail) in [(3, 0), (5, 0), (4, 1), (2, 1)] {
        play.event(event, detail);
    }
    assert_eq!(play.switchovers(), 0);
}

#[test]
fn the_policy_begins_with_the_job_and_is_not_asked_before() {
    let (mut play, script) = steered(whole());
    play.sampled(no_job());
    assert_eq!((script.begun(), script.samples()), (0, 0));
    let told = play.told.len();
    look(&mut play, 1);
    assert_eq!((script.begun(), script.samples()), (1, 1));
    assert_eq!(play.told.len(), told + 1);
    look(&mut play, 2);
    assert_eq!((script.begun(), script.samples()), (1, 2));
    // A job that is an incoming one is none of it.
    let (mut play, script) = steered(whole());
    play.sampled(libvirt_migrate::job::JobInfo { operation: Some(4), ..memory(1, 1) });
    assert_eq!((script.begun(), script.samples()), (0, 0));
}

#[test]
fn the_next_look_comes_with_the_phase() {
    // With a call of ours the end tells itself: slowly once it is done.
    let mut play = Play::running(whole());
    play.job_completed(last(libvirt_migrate::job::JobType::Completed));
    look(&mut play, 3);
    assert_eq!(play.engine.wake_at(), Some(play.now + ms(2000)));
    // The first pass makes itself known, and the figures follow.
    let mut play = Play::start(whole());
    play.prepared(true);
    let setup = || libvirt_migrate::job::JobInfo {
        memory_iteration: None,
        memory_processed: None,
        memory_remaining: None,
        ..memory(0, 0)
    };
    play.sampled(setup());
    assert_eq!(play.engine.wake_at(), Some(ms(500)));
    play.hand(libvirt_migrate::engine::Input::Event(libvirt_migrate::domain::DomainEvent::Iteration(1)));
    assert_eq!(play.engine.wake_at(), Some(ms(20)));
    play.until(ms(20));
    play.sampled(setup());
    assert_eq!(play.engine.wake_at(), Some(ms(40)));
}

#[test]
fn without_events_a_preparation_that_takes_long_is_looked_at_less_often() {
    for (after, pause) in [(1000, 50), (2000, 200)] {
        let mut play = Play::start(whole());
        play.prepared(false);
        play.until(ms(after));
        let job =
            libvirt_migrate::job::JobInfo { kind: libvirt_migrate::job::JobType::Unbounded, ..no_job() };
        play.looked(Ok(job), None, true);
        play.subscribed(false);
        assert_eq!(play.engine.wake_at(), Some(ms(after + pause)));
    }
}

#[test]
fn what_was_done_before_it_began_is_in_the_record() {
    let mut play = Play::start(whole());
    play.engine.note(Act::DropPostCopy, "the guest is paused");
    assert_eq!(play.acts(), [Act::DropPostCopy]);
    assert_eq!(play.engine.steps()[0].reason, "the guest is paused");
    play.hand(libvirt_migrate::engine::Input::Woken);
    assert!(!play.told.is_empty());
}
