//! One question of a kind at a time: what hangs at a host is not asked again beside it.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// The process, who is asked, and what. A fork takes the questions along and leaves the threads behind.
type Question = (u32, String, String);

static OVER: Condvar = Condvar::new();

fn out() -> MutexGuard<'static, HashSet<Question>> {
    static OUT: OnceLock<Mutex<HashSet<Question>>> = OnceLock::new();
    OUT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to ask, until it is dropped.
pub(super) struct Turn(Question);

impl Turn {
    /// Waits while the same question is out, no longer than until then; `None` where it still is.
    pub(super) fn take(whom: String, what: String, until: Instant) -> Option<Self> {
        let question = (std::process::id(), whom, what);
        let mut asked = out();
        while asked.contains(&question) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            asked = OVER.wait_timeout(asked, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        asked.insert(question.clone());
        Some(Self(question))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        out().remove(&self.0);
        OVER.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Turn;

    fn take(whom: &str, what: &str) -> Option<Turn> {
        Turn::take(whom.to_owned(), what.to_owned(), Instant::now() + Duration::from_millis(20))
    }

    #[test]
    fn the_same_question_waits_and_others_do_not() {
        let first = take("host", "vm1").unwrap();
        assert!(take("host", "vm1").is_none());
        assert!(take("host", "vm2").is_some() && take("other", "vm1").is_some());
        let waiting = std::thread::spawn(|| {
            Turn::take("host".into(), "vm1".into(), Instant::now() + Duration::from_secs(60)).is_some()
        });
        drop(first);
        assert!(waiting.join().unwrap());
        assert!(take("host", "vm1").is_some());
    }
}
