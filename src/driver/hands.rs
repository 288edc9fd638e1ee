//! Threads that make calls which may block, one order after the other.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an order may wait before there is another hand for it: far longer than a call of a healthy daemon.
pub const STUCK: Duration = Duration::from_millis(100);
/// How long a hand beyond the first stays without an order.
const IDLE: Duration = Duration::from_secs(5);

use crate::libvirt::InBackground;

type Order = Box<dyn FnOnce() + Send>;

/// The orders that wait, and the hands that take them.
///
/// One hand serves all migrations while calls return. Only when orders wait for it does another one come, so
/// a hung daemon costs one hand for each of its migrations and holds no other migration up for more than
/// [`STUCK`].
#[derive(Clone, Default)]
pub struct Hands(Arc<(Mutex<Queue>, Condvar)>);

#[derive(Default)]
struct Queue {
    orders: VecDeque<(Instant, Order)>,
    hands: usize,
    idle: usize,
}

impl Hands {
    /// Has an order carried out. Says whether there is a hand for it at once.
    pub fn give(&self, order: impl FnOnce() + Send + 'static) -> bool {
        let mut queue = self.lock();
        queue.orders.push_back((Instant::now(), Box::new(order)));
        let first = queue.hands == 0;
        if first {
            self.hire(&mut queue);
        }
        let at_once = first || queue.idle >= queue.orders.len();
        drop(queue);
        self.0.1.notify_one();
        at_once
    }

    /// Gets help where orders have waited for too long. Returns when to look again, if any wait.
    pub fn relieve(&self, now: Instant) -> Option<Instant> {
        let mut queue = self.lock();
        let waiting = queue.orders.front()?.0;
        if now.saturating_duration_since(waiting) >= STUCK && queue.idle == 0 {
            self.hire(&mut queue);
            return Some(now + STUCK);
        }
        Some(waiting + STUCK)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hire(&self, queue: &mut Queue) {
        let hands = self.clone();
        let thread = std::thread::Builder::new().name("migration-hand".into());
        // Without another thread, the orders wait for the hands that are there.
        if thread.spawn(move || hands.work()).is_ok() {
            queue.hands += 1;
        }
    }

    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some((_, order)) = queue.orders.pop_front() {
                drop(queue);
                match InBackground::begin() {
                    // Its fault must not cost the hand.
                    Some(_call) => drop(catch_unwind(AssertUnwindSafe(order))),
                    None => std::mem::forget(order),
                }
                queue = self.lock();
                continue;
            }
            queue.idle += 1;
            let (locked, waited) = self.0.1.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = locked;
            queue.idle -= 1;
            if waited.timed_out() && queue.orders.is_empty() && queue.hands > 1 {
                queue.hands -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn one_hand_does_all_that_returns() {
        let hands = Hands::default();
        let (sender, done) = channel();
        for number in 0..100 {
            let sender = sender.clone();
            hands.give(move || sender.send((number, std::thread::current().id())).unwrap());
        }
        let done: Vec<_> = done.iter().take(100).collect();
        assert!(done.iter().enumerate().all(|(index, (number, id))| index == *number && *id == done[0].1));
        assert_eq!(hands.lock().hands, 1);
    }

    /// The clock is the test's: how long a new hand takes to begin is the machine's affair.
    #[test]
    fn an_order_that_is_stuck_holds_the_next_one_up_only_for_a_while() {
        let hands = Hands::default();
        let (began, begun) = channel();
        let (release, stuck) = channel::<()>();
        hands.give(move || {
            began.send(()).unwrap();
            let _ = stuck.recv();
        });
        begun.recv().unwrap();
        let (sender, done) = channel();
        assert!(!hands.give(move || sender.send(()).unwrap()), "the one hand is at work");
        let waiting = hands.lock().orders[0].0;
        let early = waiting + STUCK - Duration::from_millis(1);
        assert_eq!(hands.relieve(early), Some(waiting + STUCK));
        assert_eq!(hands.lock().hands, 1);
        assert!(done.try_recv().is_err());
        assert_eq!(hands.relieve(waiting + STUCK), Some(waiting + 2 * STUCK));
        done.recv().unwrap();
        assert_eq!(hands.lock().hands, 2);
        assert_eq!(hands.relieve(waiting + 10 * STUCK), None);
        release.send(()).unwrap();
    }
}
