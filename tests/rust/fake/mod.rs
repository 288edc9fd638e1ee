//! A domain in memory whose migration the test steers.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use libvirt_migrate::domain::{
    DirtyRate, DomainEvent, DomainOps, EventSink, MemoryStats, Subscription, XmlFlags,
};
use libvirt_migrate::domain_xml::{Volume, VolumePlace};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::flags::MigrateFlags;
use libvirt_migrate::job::{JobInfo, JobType};
use libvirt_migrate::location::Answer;
use libvirt_migrate::policy::{Convergence, Intent};
use libvirt_migrate::state::DomainState;
use libvirt_migrate::transport::Hosts;
use libvirt_migrate::update::{Update, UpdateSink};
use libvirt_migrate::version::LibvirtVersion;
use libvirt_migrate::{Error, Guest, MigrateParams, Migration, Result};

pub const UUID: &str = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
pub const RUNNING: DomainState = DomainState::new(1, 1);
pub const PAUSED: DomainState = DomainState::new(3, 1);
pub const MIGRATING: DomainState = DomainState::new(3, 2);
pub const POST_COPY: DomainState = DomainState::new(3, 12);
pub const MIB: u64 = 1 << 20;

/// How a migration ends: libvirt's number of the error, if any.
pub type Ending = Option<i32>;

pub struct Fake {
    state: Mutex<std::result::Result<DomainState, i32>>,
    job: Mutex<std::result::Result<JobInfo, i32>>,
    completed: Mutex<Option<JobInfo>>,
    destination: Mutex<Answer>,
    /// Errors that the calls of this name return, one after the other, before they work.
    refusals: Mutex<HashMap<&'static str, Vec<i32>>>,
    calls: Mutex<Vec<String>>,
    sink: Mutex<Option<EventSink>>,
    pub subscriptions: AtomicUsize,
    has_events: bool,
    /// Calls of this name block until it is changed.
    blocked: Mutex<Option<&'static str>>,
    unblocked: Condvar,
    ending: Mutex<Option<Ending>>,
    ended: Condvar,
    /// An abort ends the migration.
    abortable: bool,
    /// The answer to this call is held back, once.
    late: Mutex<Option<&'static str>>,
    released: Mutex<bool>,
    release: Condvar,
    /// The guest at the destination, as [`DomainOps::at`] finds it; without one that is not supported.
    there: Mutex<Option<Arc<Fake>>>,
    /// What another connection finds, attempt for attempt; without any that is not supported.
    reopened: Mutex<Vec<std::result::Result<Arc<Fake>, i32>>>,
    /// The versions of libvirt at both hosts; one that cannot be asked tells none.
    pub versions: (LibvirtVersion, Option<LibvirtVersion>),
    /// What both can do; without it that is not known.
    hosts: Option<Hosts>,
    pub connected: AtomicBool,
    pub persistent: AtomicBool,
    /// Whether its host starts it by itself, and its checkpoints; without them the domain has no such thing.
    belongings: Mutex<(Option<bool>, Option<Vec<String>>)>,
    devices: String,
    volumes: Option<Vec<Option<Volume>>>,
    /// What each measurement of its dirty rate finds, MiB/s, and the one that was begun last, s.
    dirty_rates: Mutex<Vec<u64>>,
    measuring: Mutex<Option<u64>>,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            state: Mutex::new(Ok(RUNNING)),
            job: Mutex::new(Ok(JobInfo::default())),
            completed: Mutex::default(),
            destination: Mutex::new(Answer::Unknown),
            refusals: Mutex::default(),
            calls: Mutex::default(),
            sink: Mutex::default(),
            subscriptions: AtomicUsize::new(0),
            has_events: true,
            blocked: Mutex::default(),
            unblocked: Condvar::new(),
            ending: Mutex::default(),
            ended: Condvar::new(),
            abortable: true,
            late: Mutex::default(),
            released: Mutex::default(),
            release: Condvar::new(),
            there: Mutex::default(),
            reopened: Mutex::default(),
            versions: (LibvirtVersion::new(9, 0, 0), None),
            hosts: None,
            connected: AtomicBool::new(true),
            persistent: AtomicBool::new(true),
            belongings: Mutex::default(),
            devices: "<disk><target dev='vda'/></disk>".into(),
            volumes: None,
            dirty_rates: Mutex::default(),
            measuring: Mutex::default(),
        }
    }
}

pub fn error(code: i32) -> LibvirtError {
    LibvirtError::found_here(code, format!("error {code}"))
}

/// Statistics of a migration in the middle of this iteration.
pub fn memory(iteration: u64, remaining: u64) -> JobInfo {
    JobInfo {
        kind: JobType::Unbounded,
        operation: Some(5),
        memory_iteration: Some(iteration),
        memory_total: Some(1024 * MIB),
        memory_processed: Some(iteration * 1024 * MIB - remaining),
        memory_remaining: Some(remaining),
        memory_bps: Some(500 * MIB),
        memory_dirty_rate: Some(1000),
        memory_page_size: Some(4096),
        ..JobInfo::default()
    }
}

impl Fake {
    /// One that takes an abort without ending by it.
    pub fn unabortable() -> Self {
        Self { abortable: false, ..Self::default() }
    }

    /// One with these devices, and what the destination's pools have at each place that is asked for; `None` where
    /// nothing of that is known.
    pub fn with_disks(devices: &str, volumes: Option<Vec<Option<Volume>>>) -> Self {
        Self { devices: devices.into(), volumes, ..Self::default() }
    }

    /// One at hosts of which this is known.
    pub fn between(hosts: Hosts) -> Self {
        Self { hosts: Some(hosts), ..Self::default() }
    }

    /// One whose events are not to be had.
    pub fn polled() -> Self {
        Self { has_events: false, ..Self::default() }
    }

    pub fn set_state(&self, state: DomainState) {
        *self.state.lock().unwrap() = Ok(state);
    }

    pub fn set_gone(&self) {
        *self.state.lock().unwrap() = Err(LibvirtError::NO_DOMAIN);
        *self.job.lock().unwrap() = Err(LibvirtError::NO_DOMAIN);
    }

    /// Has every question for its state fail as over a connection that is gone.
    pub fn set_unreachable(&self) {
        *self.state.lock().unwrap() = Err(LibvirtError::SYSTEM_ERROR);
    }

    pub fn set_belongings(&self, autostart: bool, checkpoints: &[&str]) {
        let checkpoints = checkpoints.iter().map(ToString::to_string).collect();
        *self.belongings.lock().unwrap() = (Some(autostart), Some(checkpoints));
    }

    pub fn set_job(&self, job: JobInfo) {
        *self.job.lock().unwrap() = Ok(job);
    }

    pub fn set_completed(&self, job: JobInfo) {
        *self.completed.lock().unwrap() = Some(job);
    }

    pub fn set_destination(&self, answer: Answer) {
        *self.destination.lock().unwrap() = answer;
    }

    /// What measurements find, one after the other, MiB/s.
    pub fn set_dirty_rates(&self, mib_per_second: &[u64]) {
        *self.dirty_rates.lock().unwrap() = mib_per_second.iter().rev().copied().collect();
    }

    /// Has the destination's daemon know the guest as this.
    pub fn set_there(&self, there: &Arc<Fake>) {
        *self.there.lock().unwrap() = Some(there.clone());
    }

    /// Has the connection break: another one finds these, or fails with an error.
    pub fn disconnect(&self, reopened: &[std::result::Result<Arc<Fake>, i32>]) {
        *self.reopened.lock().unwrap() = reopened.iter().rev().cloned().collect();
        self.connected.store(false, Ordering::SeqCst);
    }

    pub fn refuse(&self, call: &'static str, codes: &[i32]) {
        self.refusals.lock().unwrap().insert(call, codes.iter().rev().copied().collect());
    }

    pub fn block(&self, call: Option<&'static str>) {
        *self.blocked.lock().unwrap() = call;
        self.unblocked.notify_all();
    }

    /// Has the next call of this name do its work at once and answer only when that is released.
    pub fn answer_late(&self, call: &'static str) {
        *self.late.lock().unwrap() = Some(call);
    }

    pub fn release_late(&self) {
        *self.released.lock().unwrap() = true;
        self.release.notify_all();
    }

    fn hold_back(&self, call: &'static str) {
        let held = self.late.lock().unwrap().take_if(|late| *late == call).is_some();
        if held {
            drop(self.release.wait_while(self.released.lock().unwrap(), |released| !*released));
        }
    }

    /// Ends the call that moves the guest.
    pub fn end(&self, ending: Ending) {
        *self.ending.lock().unwrap() = Some(ending);
        self.ended.notify_all();
    }

    pub fn emit(&self, event: DomainEvent) {
        let sink = self.sink.lock().unwrap().clone();
        sink.expect("somebody has subscribed")(event);
    }

    pub fn lifecycle(&self, event: i32, detail: i32) {
        self.emit(DomainEvent::Lifecycle { event, detail });
    }

    pub fn calls(&self, name: &str) -> Vec<String> {
        self.calls.lock().unwrap().iter().filter(|call| call.starts_with(name)).cloned().collect()
    }

    fn called(&self, call: &'static str, details: impl std::fmt::Display) -> Result<()> {
        self.calls.lock().unwrap().push(format!("{call}{details}"));
        drop(self.unblocked.wait_while(self.blocked.lock().unwrap(), |blocked| *blocked == Some(call)));
        self.refused(call)
    }

    /// The next error of this call, if there is one.
    fn refused(&self, call: &'static str) -> Result<()> {
        match self.refusals.lock().unwrap().get_mut(call).and_then(Vec::pop) {
            Some(code) => Err(error(code).into()),
            None => Ok(()),
        }
    }
}

impl DomainOps for Fake {
    fn name(&self) -> Result<String> {
        Ok("vm".into())
    }
    fn uuid(&self) -> Result<String> {
        Ok(UUID.into())
    }
    fn id(&self) -> Result<Option<u32>> {
        Ok(Some(1))
    }
    fn is_active(&self) -> Result<bool> {
        Ok(true)
    }
    fn state(&self) -> Result<DomainState> {
        Ok(self.state.lock().unwrap().map_err(error)?)
    }
    fn xml(&self, _: XmlFlags) -> Result<String> {
        Ok(format!("<domain><devices>{}</devices></domain>", self.devices))
    }
    fn suspend(&self) -> Result<()> {
        self.called("suspend", "")?;
        self.set_state(PAUSED);
        Ok(())
    }
    fn resume(&self) -> Result<()> {
        self.called("resume", "")?;
        self.set_state(RUNNING);
        Ok(())
    }
    fn abort_job(&self, post_copy: bool) -> Result<()> {
        self.called("abort_job", if post_copy { " post-copy" } else { "" })?;
        if post_copy {
            self.set_state(DomainState::new(3, 13));
        }
        // Of a post-copy whose call is over nothing ends the next one.
        if self.abortable && !(post_copy && self.calls("migrate").is_empty()) {
            self.end(Some(LibvirtError::OPERATION_ABORTED));
        }
        self.hold_back("abort_job");
        Ok(())
    }
    fn set_max_downtime(&self, milliseconds: u64) -> Result<()> {
        self.called("set_max_downtime", format_args!(" {milliseconds}"))
    }
    fn start_post_copy(&self) -> Result<()> {
        self.called("start_post_copy", "")
    }
    fn set_bandwidth(&self, mib_per_second: u64, post_copy: bool) -> Result<()> {
        self.called("set_bandwidth", format_args!(" {mib_per_second} {post_copy}"))
    }
    fn job_info(&self, completed: bool) -> Result<JobInfo> {
        if completed {
            self.called("completed_job_info", "")?;
            return self.completed.lock().unwrap().clone().ok_or_else(|| error(1).into());
        }
        self.called("job_info", "")?;
        Ok(self.job.lock().unwrap().clone().map_err(error)?)
    }
    fn migrate(&self, _: &str, params: &MigrateParams) -> Result<()> {
        self.called("migrate", format_args!(" {}", params.flags()))?;
        let ending = self.ended.wait_while(self.ending.lock().unwrap(), |ending| ending.is_none());
        let ending = ending.unwrap().take().unwrap();
        ending.map_or(Ok(()), |code| Err(error(code).into()))
    }
    fn start_dirty_rate(&self, seconds: u16) -> Result<()> {
        self.called("start_dirty_rate", format_args!(" {seconds}"))?;
        *self.measuring.lock().unwrap() = Some(seconds.into());
        Ok(())
    }
    fn memory_stats(&self) -> Result<MemoryStats> {
        let measuring = self.measuring.lock().unwrap().take();
        let mut rates = self.dirty_rates.lock().unwrap();
        let dirty_rate = measuring.map(|seconds| DirtyRate { seconds, mib_per_second: rates.pop() });
        Ok(MemoryStats { current: Some(1024 * MIB), resident: Some(552 * MIB), dirty_rate })
    }
    fn version(&self) -> Result<LibvirtVersion> {
        Ok(self.versions.0)
    }
    fn ask_destination(&self, uri: &str, uuid: &str) -> Answer {
        assert_eq!((uri, uuid), ("qemu+tcp://host2/system", UUID));
        match &*self.there.lock().unwrap() {
            Some(there) => Answer::of(there.state()),
            None => *self.destination.lock().unwrap(),
        }
    }
    fn destination_version(&self, _: &str) -> Option<LibvirtVersion> {
        self.versions.1
    }
    fn hosts(&self, _: &str) -> Option<Hosts> {
        self.hosts
    }
    fn check_destination_keeps(&self, uri: &str, xml: &str) -> Result<()> {
        assert_eq!(uri, "qemu+tcp://host2/system");
        self.called("check_destination_keeps", format_args!(" {xml}"))
    }
    fn destination_volumes(&self, uri: &str, places: Vec<VolumePlace>) -> Vec<Option<Volume>> {
        assert_eq!(uri, "qemu+tcp://host2/system");
        self.called("destination_volumes", format_args!(" {places:?}")).unwrap();
        self.volumes.clone().unwrap_or_else(|| vec![None; places.len()])
    }
    fn at(&self, uri: &str, uuid: &str) -> Result<Option<Arc<dyn DomainOps>>> {
        assert_eq!((uri, uuid), ("qemu+tcp://host2/system", UUID));
        match self.there.lock().unwrap().clone() {
            None => Err(Error::unsupported("other hosts")),
            Some(there) if there.state().is_err() => Ok(None),
            Some(there) => Ok(Some(there)),
        }
    }
    fn reopen(&self) -> Result<Arc<dyn DomainOps>> {
        match self.reopened.lock().unwrap().pop() {
            None => Err(Error::unsupported("another connection")),
            Some(Ok(domain)) => Ok(domain),
            Some(Err(code)) => Err(error(code).into()),
        }
    }
    fn apart(&self) -> Option<Arc<dyn DomainOps>> {
        let _ = self.called("apart", "");
        None
    }
    fn is_connected(&self) -> bool {
        self.connected.load(Ordering::SeqCst)
    }
    fn is_persistent(&self) -> Result<bool> {
        self.refused("is_persistent")?;
        Ok(self.persistent.load(Ordering::SeqCst))
    }
    fn autostart(&self) -> Result<bool> {
        self.refused("autostart")?;
        self.belongings.lock().unwrap().0.ok_or_else(|| Error::unsupported("autostart"))
    }
    fn set_autostart(&self, on: bool) -> Result<()> {
        self.called("set_autostart", format_args!(" {on}"))?;
        self.belongings.lock().unwrap().0 = Some(on);
        Ok(())
    }
    fn checkpoints(&self) -> Result<Vec<String>> {
        self.refused("checkpoints")?;
        self.belongings.lock().unwrap().1.clone().ok_or_else(|| Error::unsupported("checkpoints"))
    }
    fn redefine_checkpoint(&self, xml: &str) -> Result<()> {
        self.called("redefine_checkpoint", format_args!(" {xml}"))
    }
    fn destroy(&self) -> Result<()> {
        self.called("destroy", "")?;
        if self.persistent.load(Ordering::SeqCst) {
            self.set_state(DomainState::new(5, 2));
        } else {
            self.set_gone();
        }
        Ok(())
    }
    fn undefine(&self) -> Result<()> {
        self.called("undefine", "")?;
        self.set_gone();
        Ok(())
    }
    fn subscribe(&self, sink: EventSink) -> Option<Subscription> {
        if !self.has_events {
            return None;
        }
        *self.sink.lock().unwrap() = Some(sink);
        self.subscriptions.fetch_add(1, Ordering::SeqCst);
        Some(Box::new(()))
    }
}

pub fn plain() -> MigrateParams {
    MigrateParams::new(None, [], Some("qemu+tcp://host2/system".into()), None).unwrap()
}

pub fn post_copy() -> Convergence {
    Convergence::adaptive(Intent { post_copy: true, ..Intent::default() }).unwrap()
}

/// A migration that runs, and its job too.
pub struct Run {
    pub fake: Arc<Fake>,
    pub guest: Guest,
    pub migration: Migration,
    pub updates: Arc<Mutex<Vec<Update>>>,
}

impl Run {
    pub fn new(fake: Fake) -> Self {
        Self::with(fake, &Convergence::default())
    }

    pub fn with(fake: Fake, convergence: &Convergence) -> Self {
        Self::flagged(fake, convergence, MigrateFlags::DEFAULT)
    }

    pub fn flagged(fake: Fake, convergence: &Convergence, flags: MigrateFlags) -> Self {
        let fake = Arc::new(fake);
        let guest = Guest::new(fake.clone());
        let (sink, updates) = recorder();
        let params = plain().with(None, Some(flags)).unwrap();
        let migration = guest.start_migration(&params, convergence, vec![sink]).unwrap();
        let run = Self { fake, guest, migration, updates };
        eventually("the call is made", || !run.fake.calls("migrate").is_empty());
        if run.fake.has_events {
            eventually("events are subscribed to", || run.migration.has_events());
        }
        run
    }

    /// How often an update of this kind came.
    pub fn count(&self, kind: impl Fn(&Update) -> bool) -> usize {
        self.updates.lock().unwrap().iter().filter(|update| kind(update)).count()
    }

    pub fn switchovers(&self) -> usize {
        self.count(|update| matches!(update, Update::Switchover { .. }))
    }

    pub fn acts(&self) -> Vec<&'static str> {
        self.migration.decisions().iter().map(|step| step.act.name()).collect()
    }
}

/// Keeps all updates.
pub fn recorder() -> (UpdateSink, Arc<Mutex<Vec<Update>>>) {
    let updates = Arc::new(Mutex::new(Vec::new()));
    let kept = updates.clone();
    (Box::new(move |update| kept.lock().unwrap().push(update)), updates)
}

/// Waits for something that another thread does.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
