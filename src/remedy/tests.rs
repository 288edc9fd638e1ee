//! The remedy of every pair of answers: by hand where it matters most, by rule for all.

use super::*;
use crate::state::DomainState;

const fn state(code: i32, reason: i32) -> Answer {
    Answer::State(DomainState::new(code, reason))
}
const RUNNING: Answer = state(1, 1);
const MIGRATED: Answer = state(1, 2);
const PAUSED: Answer = state(3, 1);
const MIGRATING: Answer = state(3, 2);
const STARTING: Answer = state(3, 11);
const POST_COPY: Answer = state(3, 12);
const FAILED: Answer = state(3, 13);
const POST_COPY_THERE: Answer = state(1, 10);
const FAILED_THERE: Answer = state(1, 11);
const LEFT: Answer = state(5, 4);
const CRASHED: Answer = state(5, 3);
const ENDED: Answer = state(5, 1);

fn remedy(source: Answer, destination: Answer) -> Remedy {
    kept(source, destination, None)
}

fn kept(source: Answer, destination: Answer, keep: Option<Keep>) -> Remedy {
    View {
        source,
        destination,
        job: Fact::Absent,
        persistent: Fact::Known(()),
        keep,
        for_good: true,
        exclusive: false,
    }
    .remedy()
}

#[test]
fn the_next_step_follows_from_both_answers() {
    use Answer::{Absent, Unknown};
    use GuestLocation::*;
    use Remedy::*;
    for (source, destination, expected) in [
        (RUNNING, Absent, Whole(SourceRunning)),
        (RUNNING, LEFT, Whole(SourceRunning)),
        (PAUSED, Absent, Whole(SourcePaused)),
        (RUNNING, MIGRATING, RemoveDestination),
        (RUNNING, STARTING, RemoveDestination),
        (PAUSED, MIGRATING, RemoveDestination),
        (MIGRATING, MIGRATING, RemoveDestination),
        (MIGRATING, Absent, ResumeSource),
        (MIGRATING, MIGRATED, RemoveSource),
        (MIGRATING, PAUSED, RemoveSource),
        (MIGRATING, CRASHED, Impossible(Reason::MayHaveRun)),
        (RUNNING, MIGRATED, PauseSource),
        (PAUSED, MIGRATED, Impossible(Reason::Twins)),
        (RUNNING, PAUSED, Impossible(Reason::StandsThere)),
        (POST_COPY_THERE, POST_COPY, Impossible(Reason::Both)),
        (state(6, 1), MIGRATED, Impossible(Reason::Both)),
        (PAUSED, PAUSED, Impossible(Reason::StandsThere)),
        (POST_COPY, POST_COPY_THERE, PostCopy),
        (POST_COPY, MIGRATING, PostCopy),
        (POST_COPY, FAILED_THERE, Release),
        (POST_COPY, MIGRATED, RemoveSource),
        (POST_COPY, CRASHED, Impossible(Reason::DestinationLost)),
        (FAILED, POST_COPY_THERE, AwaitDestination),
        (FAILED, FAILED_THERE, ResumePostCopy),
        (FAILED, FAILED, ResumePostCopy),
        (FAILED, MIGRATED, RemoveSource),
        (FAILED, Absent, Impossible(Reason::DestinationLost)),
        (LEFT, MIGRATED, UndefineSource),
        (Absent, MIGRATED, Whole(DestinationRunning)),
        (Absent, PAUSED, Whole(DestinationPaused)),
        (CRASHED, FAILED_THERE, Impossible(Reason::SourceLost)),
        (Absent, POST_COPY_THERE, Impossible(Reason::SourceLost)),
        (POST_COPY, ENDED, Impossible(Reason::EndedThere)),
        (FAILED, ENDED, Impossible(Reason::EndedThere)),
        (CRASHED, Absent, Impossible(Reason::ShutOff)),
        (Absent, ENDED, Impossible(Reason::ShutOff)),
        (state(5, 0), ENDED, Impossible(Reason::BothShutOff)),
        (Absent, Absent, Impossible(Reason::Absent)),
        // The copy may be about to start.
        (CRASHED, MIGRATING, Impossible(Reason::Nowhere)),
        (LEFT, Absent, Impossible(Reason::Nowhere)),
        (Unknown, MIGRATED, Impossible(Reason::SourceUnknown)),
        (MIGRATING, Unknown, Impossible(Reason::DestinationUnknown)),
        (FAILED, Unknown, Impossible(Reason::DestinationUnknown)),
    ] {
        assert_eq!(remedy(source, destination), expected, "{source:?} {destination:?}");
    }
}

#[test]
fn of_twins_the_one_to_keep_is_kept() {
    for (source, destination, keep, expected) in [
        (RUNNING, MIGRATED, Keep::Source, Remedy::RemoveDestination),
        (PAUSED, MIGRATED, Keep::Source, Remedy::RemoveDestination),
        (PAUSED, state(5, 2), Keep::Source, Remedy::UndefineDestination),
        // One that was paused when it was migrated, and whose arrival libvirt has lost.
        (PAUSED, PAUSED, Keep::Source, Remedy::RemoveDestination),
        (PAUSED, PAUSED, Keep::Destination, Remedy::RemoveSource),
        (PAUSED, Answer::Absent, Keep::Source, Remedy::ResumeSource),
        (RUNNING, Answer::Absent, Keep::Source, Remedy::Whole(GuestLocation::SourceRunning)),
        (RUNNING, MIGRATED, Keep::Destination, Remedy::RemoveSource),
        (PAUSED, MIGRATED, Keep::Destination, Remedy::RemoveSource),
        (state(5, 2), MIGRATED, Keep::Destination, Remedy::UndefineSource),
        // What is not whole is not kept, whatever is said.
        (MIGRATING, MIGRATED, Keep::Source, Remedy::RemoveSource),
        (RUNNING, MIGRATING, Keep::Destination, Remedy::RemoveDestination),
        (FAILED, FAILED_THERE, Keep::Source, Remedy::ResumePostCopy),
    ] {
        assert_eq!(kept(source, destination, Some(keep)), expected, "{source:?} {destination:?} {keep:?}");
    }
}

/// libvirt keeps the job of a post-copy that broke, so that it would be waited for without an end.
#[test]
fn what_a_post_copy_leaves_at_the_source_is_removed_whatever_its_job() {
    for source in [POST_COPY, FAILED] {
        for job in [Fact::Known(()), Fact::Absent, Fact::Unknown] {
            let view = View {
                source,
                destination: MIGRATED,
                job,
                persistent: Fact::Known(()),
                keep: None,
                for_good: true,
                exclusive: false,
            };
            assert_eq!(view.remedy(), Remedy::RemoveSource, "{source:?} {job:?}");
        }
    }
}

/// One that was to leave its definition where it is, or to have none at all.
#[test]
fn no_definition_is_asked_for_where_none_was_to_move() {
    for persistent in [Fact::Known(()), Fact::Absent, Fact::Unknown] {
        let view = View {
            source: MIGRATING,
            destination: MIGRATED,
            job: Fact::Absent,
            persistent,
            keep: None,
            for_good: false,
            exclusive: false,
        };
        assert_eq!(view.remedy(), Remedy::RemoveSource, "{persistent:?}");
        let left = View { source: LEFT, ..view };
        assert_eq!(left.remedy(), Remedy::Whole(GuestLocation::DestinationRunning), "{persistent:?}");
    }
}

#[test]
fn nothing_is_removed_while_a_migration_runs_or_may_run() {
    for (source, destination) in [(RUNNING, MIGRATING), (MIGRATING, MIGRATING), (MIGRATING, MIGRATED)] {
        let persistent = Fact::Known(());
        let view = |job| {
            View { source, destination, job, persistent, keep: None, for_good: true, exclusive: false }
                .remedy()
        };
        assert_eq!(view(Fact::Known(())), Remedy::Migrating);
        assert_eq!(view(Fact::Unknown), Remedy::Await(Reason::JobUnknown));
    }
}

#[test]
fn the_last_definition_is_kept() {
    let view = |source, destination, persistent, for_good| {
        View { source, destination, job: Fact::Absent, persistent, keep: None, for_good, exclusive: false }
            .remedy()
    };
    for (source, persistent, for_good, expected) in [
        (LEFT, Fact::Absent, true, Remedy::Impossible(Reason::NoDefinition)),
        (MIGRATING, Fact::Absent, true, Remedy::Impossible(Reason::NoDefinition)),
        (LEFT, Fact::Unknown, true, Remedy::Await(Reason::DestinationUnknown)),
        (MIGRATING, Fact::Unknown, true, Remedy::Await(Reason::DestinationUnknown)),
        (LEFT, Fact::Absent, false, Remedy::Whole(GuestLocation::DestinationRunning)),
    ] {
        assert_eq!(view(source, MIGRATED, persistent, for_good), expected);
    }
    // Without a definition at the destination there is no proof that it never ran there.
    let found = view(MIGRATING, Answer::Absent, Fact::Absent, false);
    assert_eq!(found, Remedy::Impossible(Reason::MayHaveRun));
}

fn answers() -> Vec<Answer> {
    let states = (0..=7).flat_map(|code| (0..=13).map(move |reason| state(code, reason)));
    states.chain([Answer::Absent, Answer::Unknown]).collect()
}

fn all_views() -> impl Iterator<Item = View> {
    let facts = [Fact::Known(()), Fact::Absent, Fact::Unknown];
    let keeps = [None, Some(Keep::Source), Some(Keep::Destination)];
    let pairs = answers().into_iter().flat_map(|source| answers().into_iter().map(move |d| (source, d)));
    pairs.flat_map(move |(source, destination)| {
        let jobs = facts.into_iter().flat_map(move |job| facts.map(|persistent| (job, persistent)));
        jobs.flat_map(move |(job, persistent)| {
            keeps.into_iter().flat_map(move |keep| {
                [(true, false), (false, false), (true, true), (false, true)].map(|(for_good, exclusive)| {
                    View { source, destination, job, persistent, keep, for_good, exclusive }
                })
            })
        })
    })
}

/// All of the guest is there, whether it runs or was paused by somebody: said here once more, by hand.
fn is_whole(answer: Answer) -> bool {
    let Answer::State(state) = answer else { return false };
    match state.code {
        1 => !matches!(state.reason, 10 | 11),
        2 | 7 => true,
        3 => !matches!(state.reason, 2 | 11 | 12 | 13),
        _ => false,
    }
}

fn runs(answer: Answer) -> bool {
    matches!(answer, Answer::State(state) if state.is_running())
}

fn is_shut_off(answer: Answer) -> bool {
    matches!(answer, Answer::State(state) if state.is_shut_off())
}

#[test]
fn one_that_was_sent_paused_goes_on_where_it_is_alone() {
    let view = |source, destination| {
        let (job, persistent, keep) = (Fact::Absent, Fact::Known(()), None);
        View { source, destination, job, persistent, keep, for_good: true, exclusive: true }.remedy()
    };
    for (source, destination, expected) in [
        (Answer::Absent, PAUSED, Remedy::ResumeDestination),
        (LEFT, PAUSED, Remedy::ResumeDestination),
        (LEFT, MIGRATED, Remedy::UndefineSource),
        (MIGRATING, PAUSED, Remedy::RemoveSource),
        (RUNNING, PAUSED, Remedy::RemoveDestination),
        (RUNNING, MIGRATED, Remedy::PauseSource),
        (PAUSED, PAUSED, Remedy::Impossible(Reason::StandsThere)),
        (MIGRATING, state(5, 1), Remedy::ResumeSource),
        (Answer::Unknown, PAUSED, Remedy::Impossible(Reason::SourceUnknown)),
    ] {
        assert_eq!(view(source, destination), expected, "{source:?} {destination:?}");
    }
}

/// Whatever the hosts say, and whatever is not known.
#[test]
fn a_side_is_removed_only_if_the_other_has_all_of_the_guest() {
    for view in all_views() {
        let View { source, destination, job, persistent, keep, for_good, exclusive } = view;
        match view.remedy() {
            Remedy::RemoveSource => {
                assert!(is_whole(destination), "{view:?}");
                assert!(!is_whole(source) || keep == Some(Keep::Destination), "{view:?}");
                assert!(!for_good || persistent == Fact::Known(()), "{view:?}");
            }
            Remedy::UndefineSource => {
                assert!(is_whole(destination) && !is_whole(source), "{view:?}");
                assert_eq!(persistent, Fact::Known(()), "{view:?}");
            }
            Remedy::RemoveDestination => {
                assert_eq!(job, Fact::Absent, "{view:?}");
                let kept = keep == Some(Keep::Source) && is_whole(source);
                // Of an exclusive one the copy never ran, where the source does.
                let never_ran = exclusive && runs(source) && !runs(destination);
                assert!(kept || never_ran || !is_whole(destination), "{view:?}");
            }
            Remedy::ResumeSource => {
                assert_eq!(job, Fact::Absent, "{view:?}");
                let nothing = destination == Answer::Absent || (exclusive && is_shut_off(destination));
                assert!(nothing, "{view:?}");
            }
            Remedy::ResumeDestination => {
                assert!(exclusive && is_whole(destination) && !runs(destination), "{view:?}");
                assert!(source == Answer::Absent || is_shut_off(source), "{view:?}");
            }
            _ => {}
        }
    }
}

/// On an unknown nothing is done, and nothing is told as whole.
#[test]
fn an_answer_that_is_missing_changes_nothing() {
    for view in all_views() {
        let remedy = view.remedy();
        let sides = [view.source, view.destination].contains(&Answer::Unknown);
        let looks =
            matches!(remedy, Remedy::Impossible(_) | Remedy::Await(_) | Remedy::Migrating | Remedy::PostCopy);
        assert!(!sides || looks, "{view:?}: {remedy:?}");
    }
}

/// Where a guest is said to be is where the remedy has it.
#[test]
fn place_and_remedy_agree() {
    for view in all_views() {
        let place = GuestLocation::from_answers(view.source, view.destination);
        match view.remedy() {
            Remedy::Whole(whole) => assert_eq!(whole, place, "{view:?}"),
            Remedy::ResumePostCopy | Remedy::AwaitDestination | Remedy::Release => {
                assert_eq!(place, GuestLocation::PostCopyBroken, "{view:?}");
            }
            Remedy::Impossible(Reason::SourceLost | Reason::DestinationLost | Reason::EndedThere) => {
                assert_eq!(place, GuestLocation::PostCopyBroken, "{view:?}");
            }
            Remedy::Impossible(Reason::ShutOff) => {
                let shut_off = [GuestLocation::SourceShutOff, GuestLocation::DestinationShutOff];
                assert!(shut_off.contains(&place), "{view:?}");
            }
            Remedy::PauseSource => assert_eq!(place, GuestLocation::BothRunning, "{view:?}"),
            Remedy::UndefineSource => assert!(place.is_at_destination(), "{view:?}"),
            _ => {}
        }
    }
}
