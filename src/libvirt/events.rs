//! Events of a domain, from libvirt's event loop to a function of the caller's.

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use virt::sys;

use super::closing::InBackground;
use super::domain::Domain;
use super::error::check;
use super::typed_params;
use crate::Result;
use crate::domain::{DomainEvent, EventSink};
use crate::job::{JobInfo, JobType};

/// Who wants events, by the number that libvirt carries as the callback's opaque pointer.
///
/// A number cannot dangle: an event on its way while its subscription ends finds no entry, and a registration
/// that fails half-way leaves nothing to free, whatever this libvirt does with the opaque pointer then.
static SINKS: OnceLock<Mutex<Sinks>> = OnceLock::new();

#[derive(Default)]
struct Sinks {
    last: usize,
    by_number: HashMap<usize, EventSink>,
}

fn sinks() -> MutexGuard<'static, Sinks> {
    SINKS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Delivers the domain's events until it is dropped.
pub(super) struct EventSubscription {
    domain: Domain,
    number: usize,
    callbacks: Vec<c_int>,
}

impl EventSubscription {
    /// Registers for what drives a migration. All or nothing.
    pub(super) fn new(domain: Domain, sink: EventSink) -> Result<Self> {
        let number = {
            let mut sinks = sinks();
            sinks.last += 1;
            let number = sinks.last;
            sinks.by_number.insert(number, sink);
            number
        };
        let mut subscription = Self { domain, number, callbacks: Vec::new() };
        subscription.register(sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE, generic(lifecycle as *const c_void))?;
        let iteration = generic(iteration as *const c_void);
        subscription.register(sys::VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, iteration)?;
        let completed = generic(job_completed as *const c_void);
        subscription.register(sys::VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, completed)?;
        Ok(subscription)
    }

    fn register(&mut self, id: u32, callback: sys::virConnectDomainEventGenericCallback) -> Result<()> {
        let (domain, connection) = (self.domain.as_ptr(), self.domain.connection());
        let _call = self.domain.enter();
        // SAFETY: domain and connection are valid while `self` holds the domain. The callback has the signature
        // that libvirt's header gives to this event, is never unloaded, and reads the opaque as a number.
        let result = check(unsafe {
            sys::virConnectDomainEventRegisterAny(
                connection,
                domain,
                id as c_int,
                callback,
                self.number as *mut c_void,
                None,
            )
        })?;
        self.callbacks.push(result);
        Ok(())
    }
}

impl Drop for EventSubscription {
    fn drop(&mut self) {
        // Bound, so that it goes when the lock has.
        let _sink = sinks().by_number.remove(&self.number);
        let Some(_call) = InBackground::begin() else { return };
        let _turn = self.domain.enter();
        for &callback in &self.callbacks {
            // SAFETY: the connection is valid while `self` holds the domain; each number is given back once.
            unsafe { sys::virConnectDomainEventDeregisterAny(self.domain.connection(), callback) };
        }
    }
}

/// Any callback as libvirt takes it.
fn generic(function: *const c_void) -> sys::virConnectDomainEventGenericCallback {
    // SAFETY: libvirt's header asks for this cast; it calls the function with the signature of its event.
    Some(unsafe {
        std::mem::transmute::<
            *const c_void,
            unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *mut c_void),
        >(function)
    })
}

/// Hands an event on. On libvirt's thread, so a panic must not get out; the sink does not block.
fn deliver(opaque: *mut c_void, event: impl FnOnce() -> DomainEvent) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let sink = sinks().by_number.get(&(opaque as usize)).cloned();
        if let Some(sink) = sink {
            sink(event());
        }
    }));
}

extern "C" fn lifecycle(
    _: sys::virConnectPtr,
    _: sys::virDomainPtr,
    event: c_int,
    detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    deliver(opaque, || DomainEvent::Lifecycle { event, detail });
    0
}

extern "C" fn iteration(_: sys::virConnectPtr, _: sys::virDomainPtr, iteration: c_int, opaque: *mut c_void) {
    deliver(opaque, || DomainEvent::Iteration(u64::try_from(iteration).unwrap_or(0)));
}

extern "C" fn job_completed(
    _: sys::virConnectPtr,
    _: sys::virDomainPtr,
    params: sys::virTypedParameterPtr,
    count: c_int,
    opaque: *mut c_void,
) {
    deliver(opaque, || {
        let mut info = JobInfo::default();
        // SAFETY: libvirt's list, of this length, which it frees when the callback is over.
        for (name, value) in unsafe { typed_params::read(params, count) } {
            info.set(&name, value);
        }
        info.kind = if info.success == Some(false) { JobType::Failed } else { JobType::Completed };
        DomainEvent::JobCompleted(Box::new(info))
    });
}
