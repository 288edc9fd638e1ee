//! The one question to GLib: whether libvirt's own event loop is the one that is registered.
//!
//! libvirt does not tell which implementation it has. Its default keeps file descriptors in GLib's default
//! main context, where they can be seen. GLib is there because libvirt is built on it; its functions are
//! looked up, so this module needs no GLib to link with.

use std::ffi::{CStr, c_int, c_short, c_void};
use std::sync::OnceLock;

use virt::sys;

/// `GPollFD` on Unix, which is `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy)]
struct PollFd {
    fd: c_int,
    events: c_short,
    revents: c_short,
}

type Default = unsafe extern "C" fn() -> *mut c_void;
type Acquire = unsafe extern "C" fn(*mut c_void) -> c_int;
type Release = unsafe extern "C" fn(*mut c_void);
type Prepare = unsafe extern "C" fn(*mut c_void, *mut c_int) -> c_int;
type Query = unsafe extern "C" fn(*mut c_void, c_int, *mut c_int, *mut PollFd, c_int) -> c_int;

/// Whether the registered implementation is libvirt's default. `false` also where that cannot be found out,
/// as while another thread owns the main context.
pub(super) fn is_libvirts_loop() -> bool {
    let Some(fd) = probe() else { return false };
    // SAFETY: the descriptor is open for ever, and the callback takes any arguments.
    let watch = unsafe {
        let readable = sys::VIR_EVENT_HANDLE_READABLE as c_int;
        sys::virEventAddHandle(fd, readable, Some(ignore), std::ptr::null_mut(), None)
    };
    if watch < 0 {
        return false;
    }
    let found = main_context_polls(fd).unwrap_or(false);
    // SAFETY: the handle was added above.
    unsafe { sys::virEventRemoveHandle(watch) };
    found
}

extern "C" fn ignore(_: c_int, _: c_int, _: c_int, _: *mut c_void) {}

/// A descriptor that never becomes readable. It stays open, since an implementation may let go of it late.
fn probe() -> Option<c_int> {
    static PROBE: OnceLock<c_int> = OnceLock::new();
    // SAFETY: makes a descriptor from numbers.
    let fd = *PROBE.get_or_init(|| unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) });
    (fd >= 0).then_some(fd)
}

/// Whether GLib's default main context polls this descriptor; `None` while another thread owns the context.
fn main_context_polls(fd: c_int) -> Option<bool> {
    // SAFETY: the types are those of GLib's header, where these functions have been since 2.0.
    let (default, acquire, release, prepare, query) = unsafe {
        (
            std::mem::transmute::<*mut c_void, Default>(look_up(c"g_main_context_default")?),
            std::mem::transmute::<*mut c_void, Acquire>(look_up(c"g_main_context_acquire")?),
            std::mem::transmute::<*mut c_void, Release>(look_up(c"g_main_context_release")?),
            std::mem::transmute::<*mut c_void, Prepare>(look_up(c"g_main_context_prepare")?),
            std::mem::transmute::<*mut c_void, Query>(look_up(c"g_main_context_query")?),
        )
    };
    // SAFETY: the default main context is never freed. It is prepared and queried only while this thread owns it,
    // as GLib asks for, and nothing is dispatched. The array has the length that is told.
    unsafe {
        let context = default();
        if acquire(context) == 0 {
            return None;
        }
        let (mut priority, mut timeout) = (0, 0);
        prepare(context, &mut priority);
        let mut fds = vec![PollFd { fd: -1, events: 0, revents: 0 }; 64];
        loop {
            let room = c_int::try_from(fds.len()).unwrap_or(c_int::MAX);
            let needed = query(context, c_int::MAX, &mut timeout, fds.as_mut_ptr(), room);
            if needed <= room {
                release(context);
                let used = usize::try_from(needed).unwrap_or(0);
                return Some(fds[..used].iter().any(|polled| polled.fd == fd));
            }
            fds.resize(usize::try_from(needed).unwrap_or(0), fds[0]);
        }
    }
}

fn look_up(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name is a C string; libvirt is linked and depends on GLib.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}
