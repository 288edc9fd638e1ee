//! One call at a time on a connection of this package's.
//!
//! Where a daemon is stopped, libvirt's keepalive ends one of the calls that wait on a connection. The client (seen
//! in 9.0.0) has the next one wait for ever then, and may end the whole process when the daemon goes on. So no
//! second one waits there: it waits here, and learns of the dead connection when its turn has come.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// Longer than keepalive takes. A call that is out for so long hangs at a daemon that answers, and holds nobody up.
const PATIENCE: Duration = Duration::from_secs(35);

#[derive(Default)]
pub(super) struct Gate {
    /// Who is in, and how often: a call may be made of several.
    holder: Mutex<Option<(ThreadId, usize)>>,
    free: Condvar,
}

impl Gate {
    /// Waits until nobody else is in.
    pub(super) fn enter(&self) -> Entered<'_> {
        self.enter_within(PATIENCE)
    }

    fn enter_within(&self, patience: Duration) -> Entered<'_> {
        let (me, start) = (thread::current().id(), Instant::now());
        let mut holder = self.holder();
        loop {
            match &mut *holder {
                None => *holder = Some((me, 1)),
                Some((thread, depth)) if *thread == me => *depth += 1,
                Some(_) => {
                    let left = patience.saturating_sub(start.elapsed());
                    if left.is_zero() {
                        return Entered(None);
                    }
                    holder = self.free.wait_timeout(holder, left).unwrap_or_else(PoisonError::into_inner).0;
                    continue;
                }
            }
            return Entered(Some(self));
        }
    }

    fn holder(&self) -> MutexGuard<'_, Option<(ThreadId, usize)>> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In, until it is dropped, by the thread that entered.
pub(super) struct Entered<'a>(Option<&'a Gate>);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let Some(gate) = self.0 else { return };
        let mut holder = gate.holder();
        match &mut *holder {
            Some((_, depth)) if *depth > 1 => *depth -= 1,
            _ => {
                *holder = None;
                gate.free.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Gate;

    #[test]
    fn one_thread_is_in_as_often_as_it_likes() {
        let gate = Gate::default();
        let (first, again) = (gate.enter(), gate.enter());
        let tried = |patience| {
            std::thread::scope(|scope| {
                scope.spawn(|| gate.enter_within(Duration::from_millis(patience)).0.is_some()).join().unwrap()
            })
        };
        assert!(!tried(5));
        drop(first);
        assert!(!tried(5));
        drop(again);
        assert!(tried(60_000));
    }

    #[test]
    fn who_waits_gets_in() {
        let gate = Gate::default();
        let inside = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let _entered = gate.enter();
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
    }
}
