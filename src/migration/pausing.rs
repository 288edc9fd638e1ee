//! A pause that gets a migration over, and what becomes of one that comes too late: a guest that was paused only to be
//! moved, and was not, goes on.

use std::time::{Duration, Instant};

use super::perform::text;
use super::shared::Shared;
use super::step::Act;
use crate::domain::DomainOps;
use crate::{Error, Result};

/// How long the end waits for a pause that is under way, so that it can be told what became of it. One that hangs for
/// longer is undone when it comes back.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a pause that came too late is tried to be undone, and the time between two attempts.
const UNDO: (u32, Duration) = (10, Duration::from_millis(500));

/// The pauses of one migration.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// How many calls are out.
    out: usize,
    /// One was carried out, or is being carried out.
    pub taken: bool,
    /// The call has failed: none begins any more.
    closed: bool,
    /// The end waits no longer: whoever comes back undoes what he did.
    late: bool,
}

/// Pauses the guest until it has moved.
pub(super) fn pause(shared: &Shared, domain: &dyn DomainOps) -> Result<()> {
    let before = begin(shared)?;
    let result = domain.suspend();
    if end(shared, result.is_ok(), before) {
        undo(domain);
    }
    result
}

/// Takes note that a pause is under way, before the call: its event may be faster than its answer, and is no switchover.
fn begin(shared: &Shared) -> Result<bool> {
    let mut state = shared.lock();
    if state.pauses.closed || state.end.is_some() {
        return Err(Error::not_now("the migration is over, and a pause would keep the guest from going on"));
    }
    if state.restart.is_some() {
        return Err(Error::not_now(
            "the migration is being started again, and a guest that is paused before is moved as a paused one",
        ));
    }
    state.pauses.out += 1;
    Ok(std::mem::replace(&mut state.pauses.taken, true))
}

/// Takes note that one is over. Says whether it came too late.
fn end(shared: &Shared, done: bool, before: bool) -> bool {
    let mut state = shared.lock();
    state.pauses.out -= 1;
    if !done {
        state.pauses.taken = before;
    }
    let late = done && state.pauses.late;
    drop(state);
    shared.notify();
    late
}

fn undo(domain: &dyn DomainOps) {
    let (attempts, pause) = UNDO;
    for _ in 0..attempts {
        // Others may have had it go on, ended it or paused it themselves since.
        let paused = domain.state().map(|state| state.is_paused() && !state.is_migrating());
        if paused.is_ok_and(|paused| !paused) || domain.resume().is_ok() {
            return;
        }
        std::thread::sleep(pause);
    }
}

/// Lets no pause of a migration that has failed begin any more, and waits for those that are under way.
pub(super) fn close(shared: &Shared) {
    shared.lock().pauses.closed = true;
    let until = Instant::now().checked_add(PATIENCE);
    let mut state = shared.wait_until(until, |state| state.pauses.out == 0);
    state.pauses.late = state.pauses.out > 0;
    drop(state);
    shared.settle();
}

/// Has a guest go on that was paused only for this migration. libvirt does so as well; a daemon that was restarted does
/// not, nor does anyone for a pause that came after libvirt had.
pub(super) fn resume(shared: &Shared) {
    let result = shared.control().resume();
    let reason = "it was paused only to get the migration over";
    shared.record_act(Act::Resume, reason, text(&result));
}
