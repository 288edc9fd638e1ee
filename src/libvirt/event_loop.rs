//! The event loop of the process, which libvirt has one of, shared with whoever else uses libvirt.
//!
//! libvirt delivers events only through an implementation that was registered before the connection was
//! opened, and only while somebody runs it. So:
//! - Nobody has registered one when a connection of ours is opened: libvirt's default is registered and run on
//!   one thread of ours.
//! - Somebody else has, libvirt-python's user for instance: a timer of ours shows whether it is run. Where it
//!   is not, and it is libvirt's default, a thread of ours runs it. That is sound even if its owner starts to
//!   run it later: an iteration takes ownership of GLib's main context, and two threads take turns.
//! - Another implementation that nobody runs: there are no events until somebody does, and callers poll.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use virt::sys;

use super::glib;

/// How long a loop that somebody runs may take to serve a timer that is due.
const PATIENCE: Duration = Duration::from_millis(250);

/// What is known of the loop.
#[derive(Clone, Copy, PartialEq)]
enum Loop {
    /// Nobody has looked yet.
    Unseen,
    /// A thread registers one, with a call that calls nobody.
    Registering,
    /// Registered by others. The timer was added then, and a thread of ours runs it or not.
    Theirs { since: Instant, run_here: bool },
    /// Registered and run by this module.
    Ours,
}

struct State {
    process: u32,
    kind: Loop,
}

/// Held for a moment only, and never through a call: an implementation that is written in Python wants the
/// interpreter, and whoever has that may be waiting for this lock.
static STATE: Mutex<State> = Mutex::new(State { process: 0, kind: Loop::Unseen });
/// Somebody has registered one.
static REGISTERED: Condvar = Condvar::new();
/// The timer has fired: somebody runs the loop.
static ALIVE: AtomicBool = AtomicBool::new(false);
/// The thread of ours is to end.
static STOP: AtomicBool = AtomicBool::new(false);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an implementation was registered, by whomever, before this is called for the first time.
///
/// A connection that exists then may have been opened with it; one that exists when nobody has registered
/// any never gets events.
#[cfg(feature = "python")]
pub(super) fn is_registered() -> bool {
    matches!(look(), Loop::Theirs { .. })
}

/// Sees to it that an implementation is registered. To be called before a connection is opened.
pub(super) fn require() {
    if matches!(look(), Loop::Theirs { .. } | Loop::Ours) {
        return;
    }
    {
        let registering = |state: &mut State| state.kind == Loop::Registering;
        let mut state = REGISTERED.wait_while(state(), registering).unwrap_or_else(PoisonError::into_inner);
        if state.kind != Loop::Unseen {
            return;
        }
        state.kind = Loop::Registering;
    }
    // SAFETY: takes no arguments; the state keeps this to one thread.
    let registered = unsafe { sys::virEventRegisterDefaultImpl() } == 0;
    let mut state = state();
    state.kind = if registered { Loop::Ours } else { Loop::Unseen };
    state.process = std::process::id();
    drop(state);
    REGISTERED.notify_all();
    if registered {
        spawn();
    }
}

/// What is known, once somebody has looked whether an implementation is there: one takes the timer. Several threads may
/// look at once; a timer too many fires once and is gone.
fn look() -> Loop {
    let known = state().kind;
    if known != Loop::Unseen {
        return known;
    }
    // SAFETY: the callback is a function of this module and takes any arguments.
    let timer = unsafe { sys::virEventAddTimeout(0, Some(fired), std::ptr::null_mut(), None) };
    let mut state = state();
    if timer >= 0 && state.kind == Loop::Unseen {
        state.kind = Loop::Theirs { since: Instant::now(), run_here: false };
        state.process = std::process::id();
    }
    state.kind
}

/// Whether events are delivered now. Starts to run a loop that its owner does not, where that is sound.
pub(super) fn delivers() -> bool {
    {
        let mut state = state();
        // Threads do not survive a fork, and nor does the ownership of GLib's main context.
        if state.process != std::process::id() || STOP.load(Ordering::Relaxed) {
            return false;
        }
        match state.kind {
            Loop::Unseen | Loop::Registering => return false,
            Loop::Ours => return true,
            Loop::Theirs { .. } if ALIVE.load(Ordering::Relaxed) => return true,
            Loop::Theirs { run_here: true, .. } => return true,
            Loop::Theirs { since, .. } if since.elapsed() < PATIENCE => return false,
            // Asked again, by others too, only after another while.
            Loop::Theirs { .. } => {
                state.kind = Loop::Theirs { since: Instant::now(), run_here: false };
            }
        }
    }
    if !glib::is_libvirts_loop() {
        return false;
    }
    let mut state = state();
    if let Loop::Theirs { since, run_here: false } = state.kind {
        state.kind = Loop::Theirs { since, run_here: true };
        drop(state);
        spawn();
    }
    true
}

/// Ends the thread that runs the loop, if there is one of ours. Events stop.
pub fn stop_event_loop() {
    let run_here = {
        let state = state();
        STOP.store(true, Ordering::Relaxed);
        let ours = matches!(state.kind, Loop::Ours | Loop::Theirs { run_here: true, .. });
        ours && state.process == std::process::id()
    };
    if run_here {
        // Wakes the loop. SAFETY: the callback is a function of this module and takes any arguments.
        unsafe { sys::virEventAddTimeout(0, Some(woken), std::ptr::null_mut(), None) };
    }
}

extern "C" fn fired(timer: c_int, _: *mut c_void) {
    ALIVE.store(true, Ordering::Relaxed);
    // SAFETY: the timer is the one that fires; libvirt's documentation allows its removal from there.
    unsafe { sys::virEventRemoveTimeout(timer) };
}

extern "C" fn woken(timer: c_int, _: *mut c_void) {
    // SAFETY: as in `fired`.
    unsafe { sys::virEventRemoveTimeout(timer) };
}

/// Runs the loop on a thread of its own, for as long as the process lives or until it is stopped.
fn spawn() {
    let thread = std::thread::Builder::new().name("libvirt-events".into());
    let spawned = thread.spawn(|| {
        while !STOP.load(Ordering::Relaxed) {
            // SAFETY: takes no arguments; the default implementation is registered, and several threads may
            // run it.
            if unsafe { sys::virEventRunDefaultImpl() } < 0 {
                std::thread::sleep(PATIENCE);
            }
        }
    });
    if spawned.is_err() {
        // No thread to be had: events never come, and callers poll as well.
        STOP.store(true, Ordering::Relaxed);
    }
}
