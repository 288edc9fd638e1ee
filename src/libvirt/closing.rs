//! The end of the process. Whatever is open is left to the kernel then.
//!
//! Each call to libvirt tells the event loop, closing a connection included, and the loop may be written in
//! Python. A thread that comes to Python once the interpreter is going is ended from within, with the whole
//! process where it has to unwind through Rust. So before the interpreter goes, calls in the background end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static LEAVING: AtomicBool = AtomicBool::new(false);
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// Held during calls that nobody waits for.
pub struct InBackground(());

impl InBackground {
    /// `None` once the process is about to end: the call is not to be made any more.
    pub fn begin() -> Option<Self> {
        AT_WORK.fetch_add(1, Ordering::SeqCst);
        // Counted first, so that `leave` misses no one.
        let begun = Self(());
        (!LEAVING.load(Ordering::SeqCst)).then_some(begun)
    }
}

impl Drop for InBackground {
    fn drop(&mut self) {
        AT_WORK.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Lets no call in the background begin any more, and waits for those at work, though not for one that hangs.
pub fn leave(patience: Duration) {
    LEAVING.store(true, Ordering::SeqCst);
    let until = Instant::now() + patience;
    while AT_WORK.load(Ordering::SeqCst) > 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
}
