//! Starting a migration, and finding one that runs.

use std::sync::Arc;

use super::call;
use super::conclude::OUTGOING;
use super::handle::Migration;
use super::shared::Shared;
use super::step::Act;
use super::update::{Update, UpdateSink};
use super::watcher;
use crate::domain::{DomainOps, GuestFacts};
use crate::flags::MigrateFlags;
use crate::job::JobType;
use crate::params::MigrateParams;
use crate::policy::{self, Convergence};
use crate::uri;
use crate::{Error, Result};

impl Migration {
    /// A migration with parameters that were checked, not started yet.
    pub(crate) fn new(
        domain: Arc<dyn DomainOps>,
        guest: GuestFacts,
        params: &MigrateParams,
        watched: bool,
        sinks: Vec<UpdateSink>,
    ) -> Self {
        let destination = params.destination().map(str::to_owned);
        let shared = Shared::new(domain, guest, destination, params.flags(), false, watched);
        shared.lock().sinks = sinks;
        Self { shared: Arc::new(shared) }
    }

    /// Starts it: on a thread of its own, watched.
    pub(crate) fn start(
        &self,
        params: MigrateParams,
        convergence: &Convergence,
        dropped_post_copy: bool,
    ) -> Result<()> {
        self.announce("migrating", Some(convergence));
        if dropped_post_copy {
            self.shared.record_act(Act::DropPostCopy, "a paused guest has nothing to run meanwhile", None);
        }
        let policy = policy::policy(convergence, params.flags());
        watcher::add(&self.shared, Some(policy))?;
        call::spawn(&self.shared, params).inspect_err(|_| watcher::forget(&self.shared))
    }

    /// Runs it on this thread, unwatched.
    pub(crate) fn run_here(&self, params: MigrateParams) {
        self.announce("migrating", None);
        call::run_here(&self.shared, params);
    }

    /// Attaches to the outgoing migration that the domain's job is.
    pub(crate) fn adopt(
        domain: Arc<dyn DomainOps>,
        guest: GuestFacts,
        destination: Option<String>,
        convergence: Option<&Convergence>,
        sinks: Vec<UpdateSink>,
    ) -> Result<Self> {
        let job = domain.job_info(false)?;
        if !is_active(job.kind) || job.operation != Some(OUTGOING) {
            let name = guest.name.as_deref().unwrap_or("the guest");
            return Err(Error::not_now(format!("{name} is not being migrated from here")));
        }
        // Which flags it was started with cannot be asked; libvirt refuses post-copy where it must.
        let post_copy = convergence.is_some_and(Convergence::post_copy);
        let flags = if post_copy { MigrateFlags::POSTCOPY } else { MigrateFlags::empty() };
        let shared = Shared::new(domain, guest, destination, flags, true, true);
        let state = shared.guest.state;
        {
            let mut shared = shared.lock();
            shared.sinks = sinks;
            (shared.called, shared.begun) = (true, true);
            shared.context.post_copy = state.is_some_and(|state| state.is_post_copy());
        }
        let migration = Self { shared: Arc::new(shared) };
        migration.announce("watching the migration", convergence);
        let policy = convergence.map(|convergence| policy::policy(convergence, flags));
        watcher::add(&migration.shared, policy)?;
        Ok(migration)
    }

    fn announce(&self, doing: &str, convergence: Option<&Convergence>) {
        let mut what = doing.to_owned();
        if let Some(destination) = &self.shared.destination {
            what += &format!(" to {}", uri::without_secrets(destination));
        }
        if let Some(convergence) = convergence {
            what += &format!(" ({})", intent(convergence));
        }
        let guest = self.shared.name().to_owned();
        self.shared.lock().tell(Update::Started { guest, what });
    }

    /// Whether this guest's migration still runs.
    pub(crate) fn is_running(&self) -> bool {
        self.ended().is_none()
    }

    /// The same migration, for a guest that remembers it without keeping it.
    pub(crate) fn downgrade(&self) -> WeakMigration {
        WeakMigration(Arc::downgrade(&self.shared))
    }
}

/// A migration that may be gone.
#[derive(Default)]
pub(crate) struct WeakMigration(std::sync::Weak<Shared>);

impl WeakMigration {
    pub(crate) fn upgrade(&self) -> Option<Migration> {
        self.0.upgrade().map(|shared| Migration { shared })
    }
}

/// Whether a job runs.
pub(crate) const fn is_active(kind: JobType) -> bool {
    matches!(kind, JobType::Bounded | JobType::Unbounded)
}

/// What the user wants, in words.
fn intent(convergence: &Convergence) -> String {
    let mut words = vec![format!("a pause of {} ms at most", convergence.max_downtime_ms())];
    if let Some(deadline) = convergence.deadline() {
        words.push(format!("within {} s", deadline.as_secs_f64()));
    }
    for (allowed, what) in [(convergence.post_copy(), "post-copy"), (convergence.throttle(), "throttling")] {
        if allowed {
            words.push(format!("{what} allowed"));
        }
    }
    words.join(", ")
}
