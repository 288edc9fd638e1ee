//! The world itself: without faults a migration passes through all of libvirt's states in order.

use libvirt_migrate::domain::DomainEvent;
use libvirt_migrate::location::GuestLocation;
use libvirt_migrate::state::DomainState;

use crate::plan::Plan;
use crate::setup::Setup;
use crate::world::{Agenda, Api, Side, Step, World};

/// Runs a migration in a world without a caller. Returns the states of both hosts, each change once, and the events.
fn alone(setup: &Setup, post_copy_at: Option<u64>) -> (Vec<[Option<DomainState>; 2]>, Vec<String>, World) {
    let mut world = World::new(1, setup.load, setup.state(), true);
    let mut agenda = Agenda::<Step>::default();
    world.migrate(None, setup.flags, false).unwrap();
    let (mut states, mut events) = (vec![], vec![]);
    loop {
        for (when, step) in std::mem::take(&mut world.due) {
            agenda.put(when, step);
        }
        let Some((when, step)) = agenda.next() else { break };
        world.now = when;
        if let Step::PassOver(_, pass) = step
            && post_copy_at == Some(u64::from(pass))
        {
            let switched = world.call(Side::Source, Api::StartPostCopy, 0, setup.flags);
            assert!(matches!(switched, Some(Ok(_))), "{switched:?}");
        }
        world.step(step);
        let now =
            [Side::Source, Side::Destination].map(|side| world.at(side).domain.map(|domain| domain.state));
        if states.last() != Some(&now) {
            states.push(now);
        }
        events.extend(std::mem::take(&mut world.news).into_iter().filter_map(|event| match event {
            DomainEvent::Lifecycle { event, detail } => Some(format!("{event}/{detail}")),
            DomainEvent::JobCompleted(_) => Some("completed".into()),
            _ => None,
        }));
    }
    (states, events, world)
}

const fn state(code: i32, reason: i32) -> Option<DomainState> {
    Some(DomainState::new(code, reason))
}

#[test]
fn a_migration_without_faults_passes_through_all_states() {
    let (states, events, world) = alone(&Setup::plain(), None);
    let expected = [
        [state(1, 1), None],
        [state(1, 1), state(3, 11)],
        [state(1, 1), state(3, 2)],
        [state(3, 2), state(3, 2)],
        [state(3, 2), state(1, 2)],
        [state(5, 4), state(1, 2)],
        [None, state(1, 2)],
    ];
    assert_eq!(states, expected);
    assert_eq!(events, ["3/1", "5/3", "completed", "1/0"]);
    assert!(world.places().has(GuestLocation::DestinationRunning));
    assert!(world.at(Side::Destination).domain.unwrap().persistent);
}

#[test]
fn post_copy_passes_through_its_own_states() {
    let (states, events, _) = alone(&Setup::post_copy(), Some(2));
    let expected = [
        [state(1, 1), None],
        [state(1, 1), state(3, 11)],
        [state(1, 1), state(3, 2)],
        [state(3, 12), state(3, 2)],
        [state(3, 12), state(1, 10)],
        [state(3, 12), state(1, 2)],
        [state(5, 4), state(1, 2)],
        [None, state(1, 2)],
    ];
    assert_eq!(states, expected);
    assert_eq!(events, ["3/1", "3/7", "5/3", "completed", "1/0"]);
}

#[test]
fn a_paused_guest_stays_paused() {
    let setup = Setup { paused: true, ..Setup::plain() };
    let (states, events, world) = alone(&setup, None);
    assert_eq!(states.last(), Some(&[None, state(3, 1)]));
    assert_eq!(events, ["5/3", "completed", "1/0"]);
    assert!(world.places().has(GuestLocation::DestinationPaused));
}

#[test]
fn a_seed_is_the_same_again() {
    for seed in [3, 77, 1234] {
        let (one, two) = (Plan::drawn(seed), Plan::drawn(seed));
        assert_eq!(one, two);
        let told = |plan: &Plan| format!("{:?}", crate::sim::run(plan, true).map_err(|fault| fault.trace));
        assert_eq!(told(&one), told(&two));
    }
}
