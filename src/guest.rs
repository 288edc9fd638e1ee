//! A guest, and moving it.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::domain::{DomainOps, XmlFlags};
use crate::domain_xml::disk_targets;
use crate::error::LibvirtError;
use crate::flags::MigrateFlags;
use crate::libvirt::Connection;
use crate::location::{Answer, GuestLocation};
use crate::params::{MigrateParams, Param, Value};
use crate::state::DomainState;
use crate::{Error, Result};

/// How often a blocked call looks whether it was interrupted. Its end is noticed at once.
const INTERRUPT_CHECK: Duration = Duration::from_millis(50);

/// A guest of some host.
#[derive(Clone)]
pub struct Guest {
    domain: Arc<dyn DomainOps>,
}

impl Guest {
    /// The guest behind a domain.
    pub fn new(domain: Arc<dyn DomainOps>) -> Self {
        Self { domain }
    }

    /// The guest with this name or uuid at the daemon of `uri`.
    pub fn open(name_or_uuid: &str, uri: Option<&str>) -> Result<Self> {
        Ok(Self::new(Arc::new(Connection::open(uri)?.lookup(name_or_uuid)?)))
    }

    /// The domain itself, for single calls.
    pub fn domain(&self) -> &dyn DomainOps {
        self.domain.as_ref()
    }

    /// Moves the guest and returns when it is there.
    ///
    /// What libvirt would refuse is refused before it is asked, and the guest is left alone. A failure says
    /// where the guest is.
    pub fn migrate(&self, params: &MigrateParams) -> Result<()> {
        let destination = self.check(params)?;
        self.run(destination, params)
    }

    /// As [`Guest::migrate`], but asks `interrupted` now and then. Once that says yes, the job is aborted, and
    /// this returns when the abort is over: with `Ok` where the guest had arrived before.
    pub fn migrate_unless(
        &self,
        params: &MigrateParams,
        mut interrupted: impl FnMut() -> bool,
    ) -> Result<()> {
        let destination = self.check(params)?;
        std::thread::scope(|scope| {
            let (sender, ended) = channel();
            scope.spawn(move || sender.send(self.run(destination, params)));
            let mut abort = false;
            loop {
                match ended.recv_timeout(INTERRUPT_CHECK) {
                    Ok(result) => return result,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => unreachable!("a panic of the call is passed on"),
                }
                abort = abort || interrupted();
                if abort {
                    // Refused while there is no job yet, and in post-copy, so it is asked for until all is over.
                    let _ = self.domain.abort_job(false);
                }
            }
        })
    }

    fn run(&self, destination: &str, params: &MigrateParams) -> Result<()> {
        self.domain.migrate(destination, params).map_err(|error| self.failed(error, destination))
    }

    /// Refuses what cannot succeed; returns the destination.
    fn check<'a>(&self, params: &'a MigrateParams) -> Result<&'a str> {
        let destination = params.destination().ok_or_else(|| {
            Error::parameter("destination", "is missing: the URI of the destination's daemon")
        })?;
        let facts = self.domain.facts()?;
        if let Some(definition) = params.definition() {
            definition.check_guest(facts.name.as_deref(), facts.uuid.as_deref())?;
        }
        if let Some(version) = facts.version {
            params.check_version(version)?;
        }
        if let Some(state) = facts.state {
            check_state(facts.name.as_deref(), state, params.flags())?;
        }
        self.check_disks(params)?;
        Ok(destination)
    }

    /// Refuses disks that the guest does not have.
    fn check_disks(&self, params: &MigrateParams) -> Result<()> {
        let lists = [Param::MigrateDisks, Param::MigrateDisksDetectZeroes, Param::MigrateDisksTargetZero];
        let named = lists.iter().filter_map(|&param| match params.get(param) {
            Some(Value::Strings(disks)) => Some((param, disks)),
            _ => None,
        });
        let named: Vec<_> = named.collect();
        if named.is_empty() {
            return Ok(());
        }
        let Ok(targets) = disk_targets(&self.domain.xml(XmlFlags::empty())?) else {
            // Not a definition: a mock. libvirt checks the names as well.
            return Ok(());
        };
        for (param, disks) in named {
            if let Some(unknown) = disks.iter().find(|disk| !targets.contains(disk)) {
                let reason = format!("the guest has no disk {unknown:?}, only {}", targets.join(", "));
                return Err(Error::parameter(param.name(), reason));
            }
        }
        Ok(())
    }

    fn failed(&self, error: Error, destination: &str) -> Error {
        let code = match &error {
            Error::Libvirt(error) => Some(error.code),
            Error::Foreign { code, .. } => *code,
            _ => None,
        };
        let Some(code) = code else { return error };
        let (cause, location) = (Box::new(error), self.locate(destination));
        if code == LibvirtError::OPERATION_ABORTED {
            Error::MigrationCancelled { cause, location }
        } else {
            Error::MigrationFailed { cause, location }
        }
    }

    /// Where the guest is, as far as the hosts can be asked.
    pub fn locate(&self, destination: &str) -> GuestLocation {
        let source = match self.domain.state() {
            Ok(state) => Answer::State(state),
            Err(Error::Libvirt(error)) if error.code == LibvirtError::NO_DOMAIN => Answer::Absent,
            Err(_) => Answer::Unknown,
        };
        let from_source = GuestLocation::from_answers(source, Answer::Unknown);
        if from_source != GuestLocation::Unknown {
            return from_source;
        }
        let answer = match self.domain.uuid() {
            Ok(uuid) => self.domain.ask_destination(destination, &uuid),
            Err(_) => Answer::Unknown,
        };
        GuestLocation::from_answers(source, answer)
    }
}

fn check_state(name: Option<&str>, state: DomainState, flags: MigrateFlags) -> Result<()> {
    let guest = name.unwrap_or("the guest");
    let refuse = |message| Err(LibvirtError::found_here(LibvirtError::OPERATION_INVALID, message).into());
    match (state.is_shut_off(), flags.contains(MigrateFlags::OFFLINE)) {
        (true, false) => refuse(format!(
            "{guest} is shut off ({}): only a guest that runs or is paused can be migrated; \
             the flag OFFLINE moves its definition",
            state.reason_name()
        )),
        (false, true) => {
            refuse(format!("{guest} is {}: the flag OFFLINE is for guests that are shut off", state.name()))
        }
        _ => Ok(()),
    }
}
