//! A domain of libvirt: one method a call, each with its error.

use std::ffi::{c_char, c_int, c_uint};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use virt::sys;

use super::asking::ask_host;
use super::closing::InBackground;
use super::connection::{Connection, Open, version_of};
use super::error::{check, copy, last_error};
use super::events::EventSubscription;
use super::gate::Entered;
use super::opening::CONNECT_LIMIT;
use super::powers::powers_of;
use super::typed_params::{TypedParams, c_string};
use super::{belongings, control, dirty_rate, event_loop, monitor, newer, storage};
use crate::domain::{DomainOps, EventSink, GuestFacts, Kept, MemoryStats, Subscription, XmlFlags};
use crate::domain_xml::{Volume, VolumePlace};
use crate::error::LibvirtError;
use crate::job::{JobInfo, JobType};
use crate::location::Answer;
use crate::params::MigrateParams;
use crate::state::DomainState;
use crate::transport::Hosts;
use crate::uri::scheme;
use crate::version::LibvirtVersion;
use crate::{Error, Result};

/// A reference to a domain of libvirt.
///
/// Invariant: `pointer` is a valid virDomainPtr, of which this value holds one reference.
pub struct Domain {
    pointer: sys::virDomainPtr,
    connection: Owner,
    /// The daemon's URI, once it was asked for.
    uri: OnceLock<String>,
    /// How long another connection on behalf of this domain may take.
    limit: Duration,
}

/// Whose connection a domain came through.
enum Owner {
    /// This package's, opened with an event loop.
    Ours {
        /// The connection itself, for its gate, once it is known.
        open: Option<Arc<Open>>,
        /// Others find it as long as it is kept here.
        _kept: Option<Arc<Connection>>,
    },
    /// libvirt-python's.
    #[cfg_attr(not(feature = "python"), expect(dead_code, reason = "made from capsules only"))]
    Theirs {
        /// It may get events: a loop was registered when this was made.
        events: bool,
    },
}

// SAFETY: libvirt's objects may be used from any thread, and from several at once; its documentation says so
// of all connections and of the objects that they hand out. References are counted atomically.
unsafe impl Send for Domain {}
// SAFETY: as above.
unsafe impl Sync for Domain {}

impl Domain {
    /// Takes over a reference.
    ///
    /// # Safety
    /// `pointer` is a valid virDomainPtr, and the caller gives up one reference to it.
    pub(super) unsafe fn from_owned(pointer: sys::virDomainPtr) -> Self {
        Self::new(pointer, Owner::Ours { open: None, _kept: None })
    }

    fn new(pointer: sys::virDomainPtr, connection: Owner) -> Self {
        Self { pointer, connection, uri: OnceLock::new(), limit: CONNECT_LIMIT }
    }

    /// Says which connection it came through.
    pub(super) fn through(mut self, connection: &Connection) -> Self {
        self.limit = connection.limit();
        self.connection = Owner::Ours { open: Some(connection.open_to_keep()), _kept: None };
        self
    }

    /// For the time of a call to the daemon; not for the one that migrates, which others steer meanwhile.
    pub(super) fn enter(&self) -> Option<Entered<'_>> {
        match &self.connection {
            Owner::Ours { open: Some(open), .. } => Some(open.gate.enter()),
            _ => None,
        }
    }

    /// How long another connection on its behalf may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Takes a reference of its own.
    ///
    /// # Safety
    /// `pointer` is a valid virDomainPtr for the length of the call.
    #[cfg(feature = "python")]
    pub(super) unsafe fn from_borrowed(pointer: sys::virDomainPtr) -> Result<Self> {
        // SAFETY: promised by the caller.
        check(unsafe { sys::virDomainRef(pointer) })?;
        let connection = Owner::Theirs { events: event_loop::is_registered() };
        Ok(Self::new(pointer, connection))
    }

    /// Another reference to the domain, for whoever needs one of its own.
    fn another(&self) -> Result<Self> {
        // SAFETY: the invariant of the type.
        check(unsafe { sys::virDomainRef(self.pointer) })?;
        let open = match &self.connection {
            Owner::Ours { open, .. } => open.clone(),
            Owner::Theirs { .. } => None,
        };
        Ok(Self::new(self.pointer, Owner::Ours { open, _kept: None }))
    }

    /// The pointer, valid as long as `self`.
    pub(super) fn as_ptr(&self) -> sys::virDomainPtr {
        self.pointer
    }

    /// The domain's connection, valid as long as `self`; libvirt adds no reference here.
    pub(super) fn connection(&self) -> sys::virConnectPtr {
        // SAFETY: the invariant of the type.
        unsafe { sys::virDomainGetConnect(self.pointer) }
    }

    /// The URI of the daemon. A call the first time only.
    pub(super) fn uri(&self) -> Result<String> {
        if let Some(uri) = self.uri.get() {
            return Ok(uri.clone());
        }
        let _call = self.enter();
        // SAFETY: the connection is valid; the text is ours to free, once it is copied.
        let copied = unsafe {
            let text = sys::virConnectGetURI(self.connection());
            let copied = copy(text);
            libc::free(text.cast());
            copied
        };
        let uri = copied.ok_or_else(last_error)?;
        Ok(self.uri.get_or_init(|| uri).clone())
    }

    /// Keeps the connection that it came through for others to share.
    pub(super) fn keeping(mut self, connection: Arc<Connection>) -> Self {
        let open = Some(connection.open_to_keep());
        self.connection = Owner::Ours { open, _kept: Some(connection) };
        self
    }

    /// One call that answers 0 or -1.
    fn call(&self, function: impl FnOnce(sys::virDomainPtr) -> c_int) -> Result<()> {
        let _call = self.enter();
        check(function(self.pointer))?;
        Ok(())
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        if let Some(_call) = InBackground::begin() {
            // SAFETY: the invariant of the type; the reference is given back once.
            unsafe { sys::virDomainFree(self.pointer) };
        }
    }
}

// SAFETY of every call below: `self.pointer` is valid by the invariant of the type, and every other pointer is
// to a value that outlives the call.
impl DomainOps for Domain {
    fn name(&self) -> Result<String> {
        // SAFETY: see above; libvirt keeps the name as long as the domain.
        unsafe { copy(sys::virDomainGetName(self.pointer)) }.ok_or_else(|| last_error().into())
    }

    fn uuid(&self) -> Result<String> {
        let mut buffer = [0 as c_char; sys::VIR_UUID_STRING_BUFLEN as usize];
        // SAFETY: see above; the buffer has the length that libvirt asks for.
        self.call(|domain| unsafe { sys::virDomainGetUUIDString(domain, buffer.as_mut_ptr()) })?;
        // SAFETY: libvirt has written a NUL-terminated string.
        unsafe { copy(buffer.as_ptr()) }.ok_or_else(|| last_error().into())
    }

    fn id(&self) -> Result<Option<u32>> {
        // SAFETY: see above. The number of a domain that does not run is -1, as an unsigned int.
        let id = unsafe { sys::virDomainGetID(self.pointer) };
        Ok((id != c_uint::MAX).then_some(id))
    }

    fn is_active(&self) -> Result<bool> {
        let _call = self.enter();
        // SAFETY: see above.
        Ok(check(unsafe { sys::virDomainIsActive(self.pointer) })? == 1)
    }

    fn state(&self) -> Result<DomainState> {
        let (mut code, mut reason) = (0, 0);
        // SAFETY: see above.
        self.call(|domain| unsafe { sys::virDomainGetState(domain, &mut code, &mut reason, 0) })?;
        Ok(DomainState::new(code, reason))
    }

    fn xml(&self, flags: XmlFlags) -> Result<String> {
        let _call = self.enter();
        // SAFETY: see above; the string is ours to free, which is done once it is copied.
        unsafe {
            let text = sys::virDomainGetXMLDesc(self.pointer, flags.bits());
            let copied = copy(text);
            libc::free(text.cast());
            copied.ok_or_else(|| last_error().into())
        }
    }

    fn suspend(&self) -> Result<()> {
        // SAFETY: see above.
        self.call(|domain| unsafe { sys::virDomainSuspend(domain) })
    }

    fn resume(&self) -> Result<()> {
        // SAFETY: see above.
        self.call(|domain| unsafe { sys::virDomainResume(domain) })
    }

    fn abort_job(&self, post_copy: bool) -> Result<()> {
        if !post_copy {
            // SAFETY: see above.
            return self.call(|domain| unsafe { sys::virDomainAbortJob(domain) });
        }
        let abort = newer::abort_job_flags()?;
        // SAFETY: see above.
        self.call(|domain| unsafe { abort(domain, sys::VIR_DOMAIN_ABORT_JOB_POSTCOPY) })
    }

    fn finish_abort(&self) -> Result<()> {
        let _call = self.enter();
        // SAFETY: see above.
        unsafe { monitor::command(self.pointer, monitor::CONTINUE_CANCELLING) }
    }

    fn set_max_downtime(&self, milliseconds: u64) -> Result<()> {
        // SAFETY: see above.
        self.call(|domain| unsafe { sys::virDomainMigrateSetMaxDowntime(domain, milliseconds, 0) })
    }

    fn start_post_copy(&self) -> Result<()> {
        // SAFETY: see above.
        self.call(|domain| unsafe { sys::virDomainMigrateStartPostCopy(domain, 0) })
    }

    fn set_bandwidth(&self, mib_per_second: u64, post_copy: bool) -> Result<()> {
        let flags = if post_copy { sys::VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY } else { 0 };
        // SAFETY: see above.
        self.call(|domain| unsafe { sys::virDomainMigrateSetMaxSpeed(domain, mib_per_second, flags) })
    }

    fn job_info(&self, completed: bool) -> Result<JobInfo> {
        let _call = self.enter();
        let flags = if completed {
            sys::VIR_DOMAIN_JOB_STATS_COMPLETED | sys::VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
        } else {
            0
        };
        let mut kind = 0;
        let (stats, _) = TypedParams::filled_by(|params, count| {
            // SAFETY: see above; libvirt sets the array and its length, or leaves them as they are.
            check(unsafe { sys::virDomainGetJobStats(self.pointer, &mut kind, params, count, flags) })
        })?;
        let mut info = JobInfo { kind: JobType::from_number(kind.into()), ..JobInfo::default() };
        for (name, value) in stats.iter() {
            info.set(&name, value);
        }
        Ok(info)
    }

    fn migrate(&self, destination: &str, params: &MigrateParams) -> Result<()> {
        let destination = c_string("destination", destination)?;
        let list = TypedParams::from_migration(params)?;
        let (count, flags) = (list.len() as c_uint, params.flags().bits());
        // SAFETY: see above; libvirt reads the list and changes nothing in it.
        check(unsafe {
            sys::virDomainMigrateToURI3(self.pointer, destination.as_ptr(), list.as_ptr(), count, flags)
        })?;
        Ok(())
    }

    fn version(&self) -> Result<LibvirtVersion> {
        let _call = self.enter();
        let connection = self.connection();
        if connection.is_null() {
            return Err(Error::Libvirt(last_error()));
        }
        version_of(connection).map_err(LibvirtError::into)
    }

    fn start_dirty_rate(&self, seconds: u16) -> Result<()> {
        let _call = self.enter();
        dirty_rate::start(self.pointer, seconds)
    }

    fn memory_stats(&self) -> Result<MemoryStats> {
        let _call = self.enter();
        dirty_rate::stats(self.pointer)
    }

    fn ask_destination(&self, uri: &str, uuid: &str) -> Answer {
        // The end of a migration waits for this, and a host that is cut off answers no attempt to connect.
        const PATIENCE: Duration = Duration::from_secs(10);
        let guest = uuid.to_owned();
        match ask_host(uri, format!("state of {uuid}"), PATIENCE, move |host| host.lookup(&guest)?.state()) {
            Some(Ok(state)) => Answer::State(state),
            Some(Err(Error::Libvirt(error))) if error.code == LibvirtError::NO_DOMAIN => Answer::Absent,
            Some(Err(_)) | None => Answer::Unknown,
        }
    }

    fn destination_version(&self, uri: &str) -> Option<LibvirtVersion> {
        const PATIENCE: Duration = Duration::from_secs(3);
        ask_host(uri, "version".into(), PATIENCE, Connection::version)?.ok()
    }

    fn hosts(&self, destination: &str) -> Option<Hosts> {
        // The start of a migration waits for this.
        const PATIENCE: Duration = Duration::from_secs(10);
        let source = {
            let _call = self.enter();
            let connection = self.connection();
            if connection.is_null() {
                return None;
            }
            powers_of(connection).ok()?
        };
        let destination = ask_host(destination, "powers".into(), PATIENCE, Connection::powers)?.ok()?;
        Some(Hosts { source, destination })
    }

    fn home(&self) -> Option<String> {
        self.uri().ok()
    }

    fn check_destination_keeps(&self, uri: &str, xml: &str) -> Result<()> {
        // A guest that is to switch to post-copy waits for this.
        const PATIENCE: Duration = Duration::from_secs(3);
        let (what, xml) = (format!("keeping {xml}"), xml.to_owned());
        match ask_host(uri, what, PATIENCE, move |host| host.try_definition(&xml)) {
            Some(Err(Error::Libvirt(error))) if error.code == LibvirtError::SYSTEM_ERROR => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn destination_volumes(&self, uri: &str, places: Vec<VolumePlace>) -> Vec<Option<Volume>> {
        // The start of a migration waits for this.
        const PATIENCE: Duration = Duration::from_secs(10);
        let (count, what) = (places.len(), format!("volumes {places:?}"));
        let ask = move |host: &Connection| Ok(places.iter().map(|place| host.volume(place).ok()?).collect());
        ask_host(uri, what, PATIENCE, ask).and_then(Result::ok).unwrap_or_else(|| vec![None; count])
    }

    fn disk_size(&self, target: &str) -> Result<u64> {
        let _call = self.enter();
        storage::disk_size(self, target)
    }

    fn at(&self, uri: &str, uuid: &str) -> Result<Option<Arc<dyn DomainOps>>> {
        let connection = control::connection_to(uri.to_owned(), uuid, self.limit)?;
        match connection.lookup(uuid) {
            Ok(domain) => Ok(Some(Arc::new(domain.keeping(connection)))),
            Err(Error::Libvirt(error)) if error.code == LibvirtError::NO_DOMAIN => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn reopen(&self) -> Result<Arc<dyn DomainOps>> {
        let domain = control::domain_apart(self)?;
        let domain = domain.ok_or_else(|| Error::unsupported("another connection"))?;
        Ok(Arc::new(domain))
    }

    fn is_connected(&self) -> bool {
        // SAFETY: the connection is valid.
        unsafe { sys::virConnectIsAlive(self.connection()) != 0 }
    }

    fn is_persistent(&self) -> Result<bool> {
        let _call = self.enter();
        // SAFETY: see above.
        Ok(check(unsafe { sys::virDomainIsPersistent(self.pointer) })? == 1)
    }

    fn destroy(&self) -> Result<()> {
        // SAFETY: see above.
        self.call(|domain| unsafe { sys::virDomainDestroy(domain) })
    }

    fn undefine(&self) -> Result<()> {
        // On shared storage the state of an emulated TPM is the one that the guest has where it runs.
        let tpm = newer::undefine_keep_tpm(self.version()?, || self.xml(XmlFlags::INACTIVE))?;
        let flags = sys::VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | tpm;
        // SAFETY: see above.
        self.call(|domain| unsafe { sys::virDomainUndefineFlags(domain, flags) })
    }

    fn autostart(&self) -> Result<bool> {
        let _call = self.enter();
        belongings::autostart(self.pointer)
    }

    fn set_autostart(&self, on: bool) -> Result<()> {
        let _call = self.enter();
        belongings::set_autostart(self.pointer, on)
    }

    fn checkpoints(&self) -> Result<Vec<String>> {
        let _call = self.enter();
        belongings::checkpoints(self.pointer)
    }

    fn redefine_checkpoint(&self, xml: &str) -> Result<()> {
        let _call = self.enter();
        belongings::redefine_checkpoint(self.pointer, xml)
    }

    fn reach(&self, uri: &str) -> Option<Subscription> {
        if scheme(uri).is_none_or(|scheme| scheme == "test") {
            // Each connection to libvirt's test driver is a host of its own.
            return None;
        }
        let uuid = self.uuid().ok()?;
        Some(Box::new(control::connection_to(uri.to_owned(), &uuid, self.limit).ok()?))
    }

    fn kept(&self, what: Kept) -> Result<u32> {
        self.kept_count(what)
    }

    fn has_block_job(&self, disk: &str) -> Result<bool> {
        self.disk_has_block_job(disk)
    }

    fn check_migration(&self, destination: &str, params: &MigrateParams) -> Result<()> {
        self.ask_to_begin(destination, params)
    }

    fn facts(&self) -> Result<GuestFacts> {
        if matches!(self.connection, Owner::Theirs { .. }) {
            // Now, since this connection may be taken up by others' calls that block when `control` needs it.
            let _ = self.uri();
        }
        Ok(GuestFacts {
            name: Some(self.name()?),
            uuid: Some(self.uuid()?),
            state: Some(self.state()?),
            version: Some(self.version()?),
        })
    }

    fn subscribe(&self, sink: EventSink) -> Option<Subscription> {
        let possible = !matches!(self.connection, Owner::Theirs { events: false });
        if !possible || !event_loop::delivers() {
            return None;
        }
        let subscription = EventSubscription::new(self.another().ok()?, sink).ok()?;
        Some(Box::new(subscription))
    }

    fn control(&self) -> Option<Arc<dyn DomainOps>> {
        if let Owner::Ours { open, .. } = &self.connection
            && open.as_ref().is_none_or(|open| Arc::strong_count(open) == 1)
        {
            // Nobody else's calls are made on it.
            return None;
        }
        let domain = control::domain_beside(self).ok()??;
        Some(Arc::new(domain))
    }

    fn apart(&self) -> Option<Arc<dyn DomainOps>> {
        let domain = control::domain_apart(self).ok()??;
        Some(Arc::new(domain))
    }
}
