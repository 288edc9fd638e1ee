//! The one thread that wakes engines when their time has come, and everything that an engine wants done.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::call;
use super::hands::Hands;
use super::shared::{Shared, Wanted, event_sink};
use crate::engine::{Input, Order};
use crate::{Error, Result};

/// What long pauses are rounded up to, so that a hundred migrations wake this process a few times in a second and not a
/// hundred times.
const STEP: Duration = Duration::from_millis(200);

/// The clock of one process: a fork takes the variable along and leaves the thread behind.
static CLOCK: Mutex<Option<(u32, Arc<Clock>)>> = Mutex::new(None);

pub(super) struct Clock {
    hands: Hands,
    started: Instant,
    times: Mutex<Times>,
    changed: Condvar,
}

#[derive(Default)]
struct Times {
    /// The migrations that have not ended.
    migrations: HashMap<u64, Timed>,
    /// When which one is due. An entry counts only if the migration has the same time.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Until when the thread sleeps; `None` while it works.
    asleep_until: Option<Instant>,
}

/// A migration that has not ended.
struct Timed {
    shared: Arc<Shared>,
    /// When it is to be woken.
    due: Option<Instant>,
    /// What was wanted last.
    turn: u64,
}

/// Has a new migration driven. It lives until its engine has ended, whoever lets go of its handle.
pub(super) fn add(shared: &Arc<Shared>) -> Result<()> {
    let clock = this_process()?;
    // Kept with it: a lock of the whole process's that is taken all the time would be held at the moment of a fork.
    let _ = shared.clock.set(clock.clone());
    clock.lock().migrations.insert(shared.id, Timed { shared: shared.clone(), due: None, turn: 0 });
    Ok(())
}

/// Forgets one that could not be started.
pub(super) fn forget(shared: &Shared) {
    if let Some(clock) = shared.clock.get() {
        clock.lock().migrations.remove(&shared.id);
    }
}

/// Tells the engine what happened, and has done what it wants.
pub(super) fn deliver(shared: &Arc<Shared>, input: Input) {
    serve(shared, shared.handle(Some(input)));
}

/// Has done what an engine wants.
pub(super) fn serve(shared: &Arc<Shared>, wanted: Wanted) {
    let Some(clock) = shared.clock.get() else { return };
    for (ticket, order) in wanted.orders {
        if let Order::Call(terms) = order {
            if let Err(error) = call::spawn(shared, ticket, terms) {
                deliver(shared, call::returned(ticket, Err(error), true));
            }
            continue;
        }
        let shared = shared.clone();
        clock.give(move || {
            let sink = event_sink(&shared, deliver);
            deliver(&shared, shared.carry_out(ticket, &order, &sink));
        });
    }
    if wanted.ended {
        clock.lock().migrations.remove(&shared.id);
        let shared = shared.clone();
        clock.give(move || shared.ground.let_go());
    } else {
        clock.wake(shared.id, wanted.turn, wanted.wake_at);
    }
}

fn this_process() -> Result<Arc<Clock>> {
    let mut clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some((owner, clock)) = &*clock
        && *owner == process
    {
        return Ok(clock.clone());
    }
    let new = Arc::new(Clock {
        hands: Hands::default(),
        started: Instant::now(),
        times: Mutex::default(),
        changed: Condvar::new(),
    });
    let running = new.clone();
    let thread = std::thread::Builder::new().name("migration-watch".into());
    thread
        .spawn(move || running.run())
        .map_err(|error| Error::not_now(format!("no thread to watch migrations: {error}")))?;
    // What a fork has brought along is another process's, connections above all, and is not let go of.
    std::mem::forget(clock.replace((process, new.clone())));
    Ok(new)
}

impl Clock {
    fn lock(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a hand do something. Where all hands are at work, the thread looks after a while whether one is stuck.
    fn give(&self, order: impl FnOnce() + Send + 'static) {
        if !self.hands.give(order) {
            self.rouse(&mut self.lock(), Instant::now() + super::hands::STUCK);
        }
    }

    /// Has the thread awake at this moment at the latest.
    fn rouse(&self, times: &mut Times, at: Instant) {
        if times.asleep_until.is_some_and(|until| at < until) {
            times.asleep_until = Some(at);
            self.changed.notify_all();
        }
    }

    fn wake(&self, id: u64, turn: u64, at: Option<Instant>) {
        let at = at.map(|at| self.in_step(at));
        let mut times = self.lock();
        let Some(timed) = times.migrations.get_mut(&id).filter(|timed| timed.turn < turn) else { return };
        timed.turn = turn;
        if timed.due == at {
            return;
        }
        timed.due = at;
        if let Some(at) = at {
            times.due.push(Reverse((at, id)));
            self.rouse(&mut times, at);
        }
    }

    /// The moment itself, or the next multiple of a step where it is long until then.
    fn in_step(&self, at: Instant) -> Instant {
        if at.saturating_duration_since(Instant::now()) < 2 * STEP {
            return at;
        }
        let steps = at.saturating_duration_since(self.started).as_millis().div_ceil(STEP.as_millis());
        u32::try_from(steps).map_or(at, |steps| self.started + STEP * steps)
    }

    fn run(&self) {
        /// Longer than anything that is waited for; whoever wants something earlier says so.
        const LONG: Duration = Duration::from_secs(3600);
        let mut times = self.lock();
        loop {
            let now = Instant::now();
            let due = times.take_due(now);
            if !due.is_empty() {
                times.asleep_until = None;
                drop(times);
                for shared in due {
                    deliver(&shared, Input::Woken);
                }
                times = self.lock();
                continue;
            }
            let next = times.due.peek().map(|Reverse((at, _))| *at);
            let until = [next, self.hands.relieve(now), Some(now + LONG)].into_iter().flatten().min();
            let until = until.unwrap_or(now + LONG);
            times.asleep_until = Some(until);
            let pause = until.saturating_duration_since(now);
            times = self.changed.wait_timeout(times, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Times {
    /// The migrations whose time has come.
    fn take_due(&mut self, now: Instant) -> Vec<Arc<Shared>> {
        let mut found = vec![];
        while let Some(&Reverse((at, id))) = self.due.peek()
            && at <= now
        {
            self.due.pop();
            if let Some(timed) = self.migrations.get_mut(&id)
                && timed.due == Some(at)
            {
                timed.due = None;
                found.push(timed.shared.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_pauses_end_in_step() {
        let clock = Clock {
            hands: Hands::default(),
            started: Instant::now(),
            times: Mutex::default(),
            changed: Condvar::new(),
        };
        let now = Instant::now();
        assert_eq!(clock.in_step(now + Duration::from_millis(50)), now + Duration::from_millis(50));
        for late in [1000, 1001, 1199, 60_000] {
            let at = now + Duration::from_millis(late);
            let longer = clock.in_step(at) - at;
            assert!(longer < STEP, "{longer:?}");
            assert_eq!((clock.in_step(at) - clock.started).as_millis() % STEP.as_millis(), 0);
        }
    }
}
