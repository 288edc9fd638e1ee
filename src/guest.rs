//! A guest, and moving it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::copied::check_disks;
use crate::domain::{DomainOps, GuestFacts};
use crate::driver::{Sides, WeakMigration, same_process};
use crate::flags::MigrateFlags;
use crate::job::JobInfo;
use crate::learnt::{Route, SURE};
use crate::libvirt::{CONNECT_LIMIT, Connection};
use crate::location::GuestLocation;
use crate::numbers::jobs::OPERATION_MIGRATION_OUT;
use crate::params::MigrateParams;
use crate::policy::Convergence;
use crate::record::Outcome;
use crate::state::DomainState;
use crate::transport::Transport;
use crate::update::UpdateSink;
use crate::uri::check_uri;
use crate::{Error, Migration, Result};

/// How often a blocked call looks whether it was interrupted. Its end is noticed at once.
const INTERRUPT_CHECK: Duration = Duration::from_millis(50);

/// A guest of some host.
#[derive(Clone)]
pub struct Guest {
    domain: Arc<dyn DomainOps>,
    process: u32,
    /// The last migration; clones share it.
    active: Arc<Mutex<WeakMigration>>,
}

impl Guest {
    /// The guest behind a domain.
    pub fn new(domain: Arc<dyn DomainOps>) -> Self {
        Self { domain, process: std::process::id(), active: Arc::default() }
    }

    /// The guest with this name or uuid at the daemon of `uri`.
    pub fn open(name_or_uuid: &str, uri: Option<&str>) -> Result<Self> {
        Self::open_within(name_or_uuid, uri, CONNECT_LIMIT)
    }

    /// The same, with a limit for connecting: [`Connection::open_within`].
    pub fn open_within(name_or_uuid: &str, uri: Option<&str>, limit: Duration) -> Result<Self> {
        Ok(Self::new(Arc::new(Connection::open_within(uri, limit)?.lookup(name_or_uuid)?)))
    }

    /// The domain itself, for single calls.
    pub fn domain(&self) -> &dyn DomainOps {
        self.domain.as_ref()
    }

    /// The domain, to keep.
    pub(crate) fn shared_domain(&self) -> Arc<dyn DomainOps> {
        self.domain.clone()
    }

    /// The process that it was made in.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// Moves the guest and returns when it is there.
    ///
    /// What libvirt would refuse is refused before it is asked, and the guest is left alone. A failure says
    /// where the guest is.
    pub fn migrate(&self, params: &MigrateParams) -> Result<Outcome> {
        self.migrate_unless(params, &Convergence::default(), vec![], || false)
    }

    /// As [`Guest::migrate`] with an intent, but asks `interrupted` now and then. Once that says yes, the job is
    /// aborted, and this returns when the abort is over: with `Ok` where the guest had arrived before.
    pub fn migrate_unless(
        &self,
        params: &MigrateParams,
        convergence: &Convergence,
        sinks: Vec<UpdateSink>,
        mut interrupted: impl FnMut() -> bool,
    ) -> Result<Outcome> {
        let migration = self.start_migration(params, convergence, sinks)?;
        let mut abort = false;
        while !migration.wait(Some(INTERRUPT_CHECK))? {
            if !abort && interrupted() {
                abort = true;
                // In post-copy it is refused, and the end has to be waited for all the same.
                let _ = migration.abort();
            }
        }
        migration.result()
    }

    /// Moves the guest by a call on this thread, which nobody watches or steers: for a domain whose calls
    /// belong to the thread that it came from.
    pub fn migrate_here(&self, params: &MigrateParams, sinks: Vec<UpdateSink>) -> Result<Outcome> {
        same_process(self.process)?;
        let facts = self.domain.facts()?;
        self.check(params, &facts)?;
        Migration::run_here(self.domain.clone(), facts, params.clone(), sinks).result()
    }

    /// Starts to move the guest, with an intent, and returns at once. What happens is told to the `sinks`.
    ///
    /// Refused where [`Guest::migrate`] is, and while this guest is being migrated already. A paused guest is
    /// not moved by post-copy: that part of the intent is left out, and the record says so.
    pub fn start_migration(
        &self,
        params: &MigrateParams,
        convergence: &Convergence,
        mut sinks: Vec<UpdateSink>,
    ) -> Result<Migration> {
        same_process(self.process)?;
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = active.upgrade()
            && running.is_running()
        {
            return Err(self.busy());
        }
        let facts = self.domain.facts()?;
        let paused = facts.state.is_some_and(|state| state.is_paused());
        let drops_post_copy = paused && convergence.post_copy();
        let convergence = if drops_post_copy { convergence.without_post_copy() } else { *convergence };
        let stands = paused || params.flags().contains(MigrateFlags::PAUSED);
        let convergence = if stands { convergence.without_exclusive() } else { convergence };
        let params = convergence.apply(params)?;
        self.check(&params, &facts)?;
        // A job that others have started. Where it cannot be asked, libvirt refuses the second one itself.
        // A post-copy that broke still has its job, and is what a resumption is for.
        let resumes = params.flags().contains(MigrateFlags::POSTCOPY_RESUME);
        let has_job = |job: JobInfo| job.kind.is_active() && job.operation == Some(OPERATION_MIGRATION_OUT);
        if !resumes && self.domain.job_info(false).is_ok_and(has_job) {
            return Err(self.busy());
        }
        self.check_reach(&params, &convergence)?;
        let route = self.domain.home().and_then(|home| Route::of(&home, &params));
        let chooses = convergence.chooses_transport() && !params.is_as_given();
        let chosen = chooses.then(|| learnt_transport(self.domain(), &params, route.as_ref())).flatten();
        // What a limit lets through says nothing of the link.
        sinks.extend(route.filter(|_| params.bandwidth_limit().is_none()).map(Route::lesson));
        let domain = self.domain.clone();
        let migration =
            Migration::start(domain, facts, params, &convergence, drops_post_copy, chosen, sinks)?;
        *active = migration.downgrade();
        Ok(migration)
    }

    /// Attaches to the migration of this guest to elsewhere that runs already: one of this process whose handle
    /// was dropped, or one that others have started. `destination` is the URI of its daemon, which is asked at
    /// the end where the guest is.
    ///
    /// A migration of this process goes on under its own intent; one of others gets `convergence`, or is only
    /// watched.
    pub fn adopt_migration(
        &self,
        destination: Option<&str>,
        convergence: Option<&Convergence>,
        sinks: Vec<UpdateSink>,
    ) -> Result<Migration> {
        same_process(self.process)?;
        if let Some(uri) = destination {
            check_uri("destination", uri)?;
        }
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = active.upgrade().filter(Migration::is_running) {
            sinks.into_iter().for_each(|sink| running.observe(sink));
            return Ok(running);
        }
        let facts = self.domain.facts()?;
        let destination = destination.map(str::to_owned);
        let migration = Migration::adopt(self.domain.clone(), facts, destination, convergence, sinks)?;
        *active = migration.downgrade();
        Ok(migration)
    }

    fn busy(&self) -> Error {
        let name = self.domain.name().unwrap_or_else(|_| "the guest".to_owned());
        Error::not_now(format!("{name} is being migrated already; adopt_migration attaches to that"))
    }

    /// Refuses what cannot succeed.
    fn check(&self, params: &MigrateParams, facts: &GuestFacts) -> Result<()> {
        if params.destination().is_none() {
            return Err(Error::parameter("destination", "is missing: the URI of the destination's daemon"));
        }
        if params.is_as_given() {
            return Ok(());
        }
        if let Some(definition) = params.definition() {
            definition.check_guest(facts.name.as_deref(), facts.uuid.as_deref())?;
        }
        if let Some(version) = facts.version {
            params.check_version(version)?;
        }
        if let Some(state) = facts.state {
            check_state(facts.name.as_deref(), state, params.flags())?;
        }
        check_disks(self.domain.as_ref(), params)
    }

    /// Refuses a guest that nobody could have go on at the destination.
    fn check_reach(&self, params: &MigrateParams, convergence: &Convergence) -> Result<()> {
        let reaches = |uri| self.domain.reach(uri).is_some();
        if !convergence.exclusive() || params.destination().is_some_and(reaches) {
            return Ok(());
        }
        Err(Error::not_now(
            "an exclusive migration sends the guest paused, and the destination's daemon, which is to be told that it \
             goes on, cannot be reached from here",
        ))
    }

    /// Where the guest is, as far as the hosts can be asked.
    pub fn locate(&self, destination: &str) -> GuestLocation {
        let (source, destination) = (self.domain.clone(), Some(destination.to_owned()));
        Sides { source, gone: false, destination, uuid: None }.ask().location()
    }
}

/// How memory is to travel over this route, where that pays by what migrations of this process have found of the link.
pub(crate) fn learnt_transport(
    domain: &dyn DomainOps,
    params: &MigrateParams,
    route: Option<&Route>,
) -> Option<Transport> {
    let link = route.and_then(|route| route.carries(SURE));
    Transport::choose(params, link, || domain.hosts(params.destination()?))
}

fn check_state(name: Option<&str>, state: DomainState, flags: MigrateFlags) -> Result<()> {
    let guest = name.unwrap_or("the guest");
    let refuse = |message| Err(Error::not_now(message));
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
