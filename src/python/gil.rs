//! Going without the GIL, and coming back to it.
//!
//! Before Python 3.14, a thread that comes back once the interpreter is going is ended from within, by unwinding
//! through the frames of whoever called. Rust's must not be unwound so, hence nobody comes back late: the
//! interpreter's end is told first (`close`), and from then on threads stay where they are.

use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// The thread that ends the interpreter.
static CLOSER: OnceLock<ThreadId> = OnceLock::new();
/// How many threads are on the way back to the GIL.
static COMING: AtomicUsize = AtomicUsize::new(0);

/// Whether the interpreter is going, and another thread than this one ends it.
fn closes_elsewhere() -> bool {
    CLOSER.get().is_some_and(|closer| *closer != thread::current().id())
}

/// Runs `body` without the GIL. A call that is over when the interpreter is going never returns.
pub fn released<T: Send>(py: Python<'_>, body: impl Send + FnOnce() -> T) -> T {
    let result = py.detach(|| {
        let result = body();
        // Counted first, so that `close` misses no one.
        COMING.fetch_add(1, Ordering::SeqCst);
        if closes_elsewhere() {
            COMING.fetch_sub(1, Ordering::SeqCst);
            stay();
        }
        result
    });
    COMING.fetch_sub(1, Ordering::SeqCst);
    result
}

/// What may call libvirt when it is let go of, and is let go of without the GIL then: closing a connection waits for
/// the daemon's answer.
pub struct Detached<T: Send>(Option<T>);

impl<T: Send> Detached<T> {
    pub fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: Send> Deref for Detached<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is taken out by drop only")
    }
}

impl<T: Send> Drop for Detached<T> {
    fn drop(&mut self) {
        let Some(value) = self.0.take() else { return };
        let mut value = Some(value);
        // Where the interpreter is going, nothing is given back, and so nothing is called either.
        Python::try_attach(|py| released(py, || drop(value.take())));
    }
}

/// Ends with the process.
fn stay() -> ! {
    loop {
        thread::park();
    }
}

/// Has no other thread come back any more, and waits for those on the way. Called without the GIL.
pub fn close(patience: Duration) {
    let _ = CLOSER.set(thread::current().id());
    let until = Instant::now() + patience;
    while COMING.load(Ordering::SeqCst) > 0 && Instant::now() < until {
        thread::sleep(Duration::from_millis(1));
    }
}
