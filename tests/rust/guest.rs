//! Moving a guest, on a fake domain: what is refused beforehand, and how an end is told.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar};

use libvirt_migrate::domain::{DomainOps, XmlFlags};
use libvirt_migrate::error::LibvirtError;
use libvirt_migrate::flags::MigrateFlags as F;
use libvirt_migrate::job::JobInfo;
use libvirt_migrate::location::{Answer, GuestLocation};
use libvirt_migrate::params::{Definition, Param, Value};
use libvirt_migrate::policy::Convergence;
use libvirt_migrate::record::Outcome;
use libvirt_migrate::state::DomainState;
use libvirt_migrate::version::LibvirtVersion;
use libvirt_migrate::{Error, Guest, MigrateParams, Result};

const UUID: &str = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
const RUNNING: DomainState = DomainState::new(1, 1);

/// A domain in memory. A migration takes its time from `gate`: it ends when that opens, or by an abort.
struct Fake {
    state: Mutex<Result<DomainState, LibvirtError>>,
    destination: Answer,
    failure: Option<i32>,
    asked: AtomicBool,
    aborts: Mutex<u32>,
    refused_aborts: u32,
    gate: (Mutex<bool>, Condvar),
}

impl Fake {
    fn new() -> Self {
        Self {
            state: Mutex::new(Ok(RUNNING)),
            destination: Answer::Unknown,
            failure: None,
            asked: AtomicBool::new(false),
            aborts: Mutex::new(0),
            refused_aborts: 0,
            gate: (Mutex::new(true), Condvar::new()),
        }
    }

    fn open(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }
}

fn libvirt_error(code: i32) -> LibvirtError {
    LibvirtError::found_here(code, format!("error {code}"))
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
        Ok(self.state.lock().unwrap().clone()?)
    }
    fn xml(&self, _: XmlFlags) -> Result<String> {
        Ok("<domain><devices><disk><target dev='vda'/></disk></devices></domain>".into())
    }
    fn suspend(&self) -> Result<()> {
        Ok(())
    }
    fn resume(&self) -> Result<()> {
        Ok(())
    }
    fn abort_job(&self, _: bool) -> Result<()> {
        let mut aborts = self.aborts.lock().unwrap();
        *aborts += 1;
        if *aborts <= self.refused_aborts {
            return Err(libvirt_error(LibvirtError::OPERATION_INVALID).into());
        }
        self.open();
        Ok(())
    }
    fn set_max_downtime(&self, _: u64) -> Result<()> {
        Ok(())
    }
    fn start_post_copy(&self) -> Result<()> {
        Ok(())
    }
    fn set_bandwidth(&self, _: u64, _: bool) -> Result<()> {
        Ok(())
    }
    fn job_info(&self, _: bool) -> Result<JobInfo> {
        Ok(JobInfo::default())
    }
    fn migrate(&self, _: &str, _: &MigrateParams) -> Result<()> {
        self.asked.store(true, Ordering::SeqCst);
        let open = self.gate.1.wait_while(self.gate.0.lock().unwrap(), |open| !*open).unwrap();
        drop(open);
        if *self.aborts.lock().unwrap() > self.refused_aborts {
            return Err(libvirt_error(LibvirtError::OPERATION_ABORTED).into());
        }
        self.failure.map_or(Ok(()), |code| Err(libvirt_error(code).into()))
    }
    fn version(&self) -> Result<LibvirtVersion> {
        Ok(LibvirtVersion::new(9, 0, 0))
    }
    fn ask_destination(&self, uri: &str, uuid: &str) -> Answer {
        assert_eq!((uri, uuid), ("qemu+tcp://host2/system", UUID));
        self.destination
    }
}

fn params(values: Vec<(Param, Value)>, flags: Option<F>) -> MigrateParams {
    MigrateParams::new(None, values, Some("qemu+tcp://host2/system".into()), flags).unwrap()
}

fn plain() -> MigrateParams {
    params(vec![], None)
}

fn migrate(fake: Fake, params: &MigrateParams) -> (Arc<Fake>, Result<Outcome>) {
    let fake = Arc::new(fake);
    let result = Guest::new(fake.clone()).migrate(params);
    (fake, result)
}

/// The message of a refusal, after which the domain must not have been asked to migrate.
fn refused(fake: Fake, params: &MigrateParams) -> String {
    let (fake, result) = migrate(fake, params);
    assert!(!fake.asked.load(Ordering::SeqCst));
    result.unwrap_err().to_string()
}

#[test]
fn what_cannot_succeed_is_refused_before_the_domain_is_asked() {
    let nowhere = MigrateParams::new(None, [], None, None).unwrap();
    assert!(refused(Fake::new(), &nowhere).starts_with("destination: is missing"));

    let xml = format!("<domain><name>other</name><uuid>{UUID}</uuid></domain>");
    let other = Definition::new(xml, None).unwrap();
    let renamed = MigrateParams::new(Some(other), [], Some("qemu+tcp://host2/system".into()), None).unwrap();
    assert!(refused(Fake::new(), &renamed).contains("destination_name"));

    let disks = vec![(Param::MigrateDisks, Value::Strings(vec!["vdz".into()]))];
    let message = refused(Fake::new(), &params(disks, None));
    assert!(message.contains("\"vdz\"") && message.contains("vda"), "{message}");

    let newer = vec![(Param::BandwidthAvailSwitchover, Value::Number(1))];
    assert!(refused(Fake::new(), &params(newer, None)).contains("needs libvirt 11.1.0"));

    let off = Fake { state: Mutex::new(Ok(DomainState::new(5, 1))), ..Fake::new() };
    assert!(refused(off, &plain()).contains("vm is shut off (shutdown)"));
    let offline = params(vec![], Some(F::OFFLINE | F::PERSIST_DEST | F::PEER2PEER));
    assert!(refused(Fake::new(), &offline).contains("OFFLINE is for guests that are shut off"));
    let gone = Fake { state: Mutex::new(Err(libvirt_error(LibvirtError::NO_DOMAIN))), ..Fake::new() };
    assert_eq!(refused(gone, &plain()), "error 42");
}

#[test]
fn a_failure_says_where_the_guest_is() {
    let failing = |state, destination| {
        let fake = Arc::new(Fake { failure: Some(9), destination, ..Fake::new() });
        let guest = Guest::new(fake.clone());
        let result = guest.migrate(&plain());
        *fake.state.lock().unwrap() = state;
        (result, guest.locate("qemu+tcp://host2/system"))
    };
    let (result, location) = failing(Ok(RUNNING), Answer::Unknown);
    match result.unwrap_err() {
        Error::MigrationFailed { location, .. } => assert_eq!(location, GuestLocation::SourceRunning),
        other => panic!("{other:?}"),
    }
    assert_eq!(location, GuestLocation::SourceRunning);
    let gone = Err(libvirt_error(LibvirtError::NO_DOMAIN));
    assert_eq!(failing(gone.clone(), Answer::State(RUNNING)).1, GuestLocation::DestinationRunning);
    assert_eq!(failing(gone, Answer::Unknown).1, GuestLocation::Unknown);
}

#[test]
fn an_interruption_aborts_the_job_and_waits_for_the_end() {
    // Two aborts are refused, as they are while there is no job yet.
    let fake = Fake { gate: (Mutex::new(false), Condvar::new()), refused_aborts: 2, ..Fake::new() };
    let fake = Arc::new(fake);
    let guest = Guest::new(fake.clone());
    match guest.migrate_unless(&plain(), &Convergence::default(), vec![], || true).unwrap_err() {
        Error::MigrationCancelled { location, .. } => assert_eq!(location, GuestLocation::SourceRunning),
        other => panic!("{other:?}"),
    }
    assert_eq!(*fake.aborts.lock().unwrap(), 3);
}

#[test]
fn an_undisturbed_migration_is_never_aborted() {
    let fake = Arc::new(Fake::new());
    Guest::new(fake.clone()).migrate_unless(&plain(), &Convergence::default(), vec![], || false).unwrap();
    assert_eq!(*fake.aborts.lock().unwrap(), 0);
    assert!(fake.asked.load(Ordering::SeqCst));
}
