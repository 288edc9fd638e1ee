//! What belongs to a guest beside its definitions: what comes along, and what is told of the rest.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::fake::*;
use libvirt_migrate::Guest;
use libvirt_migrate::policy::Convergence;
use libvirt_migrate::record::Outcome;

/// `VIR_ERR_OPERATION_TIMEOUT`: a lock that another call holds.
const LOCKED: i32 = 68;

/// The outcome of a migration that moved the guest away from `source`, which has forgotten it or not.
fn moved(source: &Arc<Fake>, there: Option<&Arc<Fake>>, forgotten: bool) -> Outcome {
    if let Some(there) = there {
        source.set_there(there);
    }
    let guest = Guest::new(source.clone());
    let migration = guest.start_migration(&plain(), &Convergence::default(), vec![]).unwrap();
    eventually("the call", || !source.calls("migrate").is_empty());
    eventually("what belongs to it was read", || migration.has_events());
    source.persistent.store(!forgotten, Ordering::SeqCst);
    source.end(None);
    migration.result().unwrap()
}

fn acts(outcome: &Outcome) -> Vec<(&'static str, bool)> {
    outcome.decisions.iter().map(|step| (step.act.name(), step.error.is_none())).collect()
}

fn pair(autostart: bool, checkpoints: &[&str], there: bool) -> (Arc<Fake>, Arc<Fake>) {
    let (source, destination) = (Arc::new(Fake::default()), Arc::new(Fake::default()));
    source.set_belongings(autostart, checkpoints);
    destination.set_belongings(there, &[]);
    (source, destination)
}

#[test]
fn autostart_is_set_as_it_was_and_only_where_it_differs() {
    for (here, there) in [(true, false), (false, true), (true, true), (false, false)] {
        let (source, destination) = pair(here, &[], there);
        let outcome = moved(&source, Some(&destination), true);
        let expected = if here == there { vec![] } else { vec![format!("set_autostart {here}")] };
        assert_eq!(destination.calls("set_autostart"), expected, "{here} {there}");
        assert_eq!(acts(&outcome).len(), expected.len());
        assert!(outcome.left_behind.is_empty(), "{:?}", outcome.left_behind);
    }
}

#[test]
fn checkpoints_are_defined_in_their_order_up_to_one_that_is_refused() {
    let (source, destination) = pair(false, &["one", "two", "three"], false);
    let outcome = moved(&source, Some(&destination), true);
    let all = ["redefine_checkpoint one", "redefine_checkpoint two", "redefine_checkpoint three"];
    assert_eq!(destination.calls("redefine_checkpoint"), all);
    assert_eq!(acts(&outcome), [("redefine-checkpoints", true)]);
    assert!(outcome.left_behind.is_empty());

    let (source, destination) = pair(false, &["one", "two", "three"], false);
    destination.refuse("redefine_checkpoint", &[1]);
    let outcome = moved(&source, Some(&destination), true);
    assert_eq!(acts(&outcome), [("redefine-checkpoints", false)]);
    let left = &outcome.left_behind[0];
    assert!(left.starts_with("checkpoints: 3 of 3 are not defined at the destination (error 1)"), "{left}");
}

#[test]
fn what_cannot_be_set_is_told() {
    let (source, destination) = pair(true, &[], false);
    destination.refuse("set_autostart", &[1]);
    let outcome = moved(&source, Some(&destination), true);
    assert_eq!(acts(&outcome), [("set-autostart", false)]);
    assert!(outcome.left_behind[0].contains("it is on at the source and could not be set"), "{outcome:?}");

    // The destination cannot be asked: what is off may stay so.
    for (on, told) in [(true, 1), (false, 0)] {
        let (source, _) = pair(on, &[], false);
        assert_eq!(moved(&source, None, true).left_behind.len(), told, "{on}");
    }

    let (source, destination) = pair(true, &[], false);
    destination.persistent.store(false, Ordering::SeqCst);
    let outcome = moved(&source, Some(&destination), true);
    assert!(outcome.left_behind[0].contains("the destination keeps no definition"), "{outcome:?}");
    assert!(destination.calls("set_autostart").is_empty());
}

#[test]
fn a_source_that_keeps_a_guest_it_starts_by_itself_is_told() {
    for (on, told) in [(true, 1), (false, 0)] {
        let (source, destination) = pair(on, &[], on);
        let left = moved(&source, Some(&destination), false).left_behind;
        assert_eq!(left.len(), told, "{left:?}");
        assert!(left.iter().all(|text| text.contains("the source keeps the definition")), "{left:?}");
    }
}

#[test]
fn a_source_of_which_it_is_not_known_is_told_as_such() {
    let (source, destination) = pair(true, &[], true);
    source.refuse("is_persistent", &[LOCKED]);
    let left = moved(&source, Some(&destination), true).left_behind;
    assert!(left.len() == 1 && left[0].contains("did not tell whether it keeps the definition"), "{left:?}");
}

#[test]
fn what_the_source_did_not_tell_is_told_as_not_known() {
    let (source, destination) = pair(true, &["one"], false);
    source.refuse("autostart", &[LOCKED]);
    source.refuse("checkpoints", &[LOCKED]);
    let outcome = moved(&source, Some(&destination), true);
    assert!(destination.calls("set_autostart").is_empty());
    let [autostart, checkpoints] = &outcome.left_behind[..] else { panic!("{outcome:?}") };
    assert!(autostart.starts_with("autostart: the source did not tell"), "{autostart}");
    assert!(checkpoints.starts_with("checkpoints: the source did not tell"), "{checkpoints}");
}

#[test]
fn of_a_domain_without_such_things_nothing_is_told() {
    let source = Arc::new(Fake::default());
    let outcome = moved(&source, None, true);
    assert_eq!((acts(&outcome), outcome.left_behind), (vec![], vec![]));
}
