//! Starting a migration, and finding one that runs.

use std::sync::Arc;

use super::clock::{self, serve};
use super::ground::Ground;
use super::handle::Migration;
use super::shared::Shared;
use super::{call, here};
use crate::domain::{DomainOps, GuestFacts};
use crate::engine::{Case, Engine, Order, Scope};
use crate::flags::MigrateFlags;
use crate::numbers::jobs::OPERATION_MIGRATION_OUT;
use crate::params::MigrateParams;
use crate::policy::{self, Convergence};
use crate::record::Act;
use crate::transport::Transport;
use crate::update::{Update, UpdateSink};
use crate::uri;
use crate::{Error, Result};

impl Migration {
    /// Starts a migration with parameters that were checked: on a thread of its own, watched.
    pub(crate) fn start(
        domain: Arc<dyn DomainOps>,
        guest: GuestFacts,
        params: MigrateParams,
        convergence: &Convergence,
        dropped_post_copy: bool,
        transport: Option<Transport>,
        sinks: Vec<UpdateSink>,
    ) -> Result<Self> {
        let plain = transport.map(|_| params.clone());
        let free = Transport::is_free(&params);
        let params = transport.map_or_else(|| Ok(params.clone()), |transport| transport.apply(&params))?;
        let chooses = convergence.chooses_transport() && free && transport.is_none();
        let policy = policy::policy(&convergence.with_transport(chooses), params.flags());
        let exclusive = convergence.exclusive();
        let case = Case { exclusive, ..case(&guest, &params, Scope::Whole) };
        let mut engine = Engine::start(case, Some(policy));
        if dropped_post_copy {
            engine.note(Act::DropPostCopy, "a paused guest has nothing to run meanwhile");
        }
        if let Some(transport) = transport {
            engine.note(Act::Compress(transport.connections), &transport.to_string());
        }
        let destination = params.destination().map(str::to_owned);
        let ground = Ground::new(domain, guest, destination);
        let shared = Arc::new(Shared::new(ground, Some(params), engine, sinks).with_plain(plain));
        let migration = Self { shared };
        migration.announce("migrating", Some(convergence));
        clock::add(&migration.shared)?;
        migration.begin().inspect_err(|_| clock::forget(&migration.shared))?;
        Ok(migration)
    }

    /// Gives out the first orders. Without a thread for the call nothing was started.
    fn begin(&self) -> Result<()> {
        let mut wanted = self.shared.handle(None);
        let call = wanted.orders.iter().position(|(_, order)| matches!(order, Order::Call(_)));
        if let Some((ticket, Order::Call(terms))) = call.map(|call| wanted.orders.remove(call)) {
            call::spawn(&self.shared, ticket, terms)?;
        }
        serve(&self.shared, wanted);
        Ok(())
    }

    /// Runs one on this thread to its end, unwatched.
    pub(crate) fn run_here(
        domain: Arc<dyn DomainOps>,
        guest: GuestFacts,
        params: MigrateParams,
        sinks: Vec<UpdateSink>,
    ) -> Self {
        let engine = Engine::start(case(&guest, &params, Scope::Call), None);
        let destination = params.destination().map(str::to_owned);
        let ground = Ground::new(domain, guest, destination);
        let migration = Self { shared: Arc::new(Shared::new(ground, Some(params), engine, sinks)) };
        migration.announce("migrating", None);
        here::run(&migration.shared);
        migration
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
        if !job.kind.is_active() || job.operation != Some(OPERATION_MIGRATION_OUT) {
            let name = guest.name.as_deref().unwrap_or("the guest");
            return Err(Error::not_now(format!("{name} is not being migrated from here")));
        }
        // Which flags it was started with cannot be asked; libvirt refuses post-copy where it must.
        let post_copy = convergence.is_some_and(Convergence::post_copy);
        let exclusive = convergence.is_some_and(Convergence::exclusive);
        let mut flags = MigrateFlags::empty();
        flags.set(MigrateFlags::POSTCOPY, post_copy);
        flags.set(MigrateFlags::PAUSED, exclusive);
        let known = destination.is_some();
        let case = Case { guest: guest.clone(), destination: known, flags, scope: Scope::Whole, exclusive };
        // A call that others make cannot be made again.
        let policy = convergence.map(|convergence| policy::policy(&convergence.with_transport(false), flags));
        let engine = Engine::adopt(case, policy);
        let ground = Ground::new(domain, guest, destination);
        let migration = Self { shared: Arc::new(Shared::new(ground, None, engine, sinks)) };
        migration.announce("watching the migration", convergence);
        clock::add(&migration.shared)?;
        serve(&migration.shared, migration.shared.handle(None));
        Ok(migration)
    }

    fn announce(&self, doing: &str, convergence: Option<&Convergence>) {
        let mut what = doing.to_owned();
        if let Some(destination) = &self.shared.ground.destination {
            what += &format!(" to {}", uri::without_secrets(destination));
        }
        if let Some(convergence) = convergence {
            what += &format!(" ({})", intent(convergence));
        }
        let guest = self.shared.name().to_owned();
        self.shared.lock().tell(&Update::Started { guest, what });
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

fn case(guest: &GuestFacts, params: &MigrateParams, scope: Scope) -> Case {
    let destination = params.destination().is_some();
    Case { guest: guest.clone(), destination, flags: params.flags(), scope, exclusive: false }
}

/// A migration that may be gone.
#[derive(Default)]
pub(crate) struct WeakMigration(std::sync::Weak<Shared>);

impl WeakMigration {
    pub(crate) fn upgrade(&self) -> Option<Migration> {
        self.0.upgrade().map(|shared| Migration { shared })
    }
}

/// What the user wants, in words.
fn intent(convergence: &Convergence) -> String {
    let mut words = vec![format!("a pause of {} ms at most", convergence.max_downtime_ms())];
    if let Some(deadline) = convergence.deadline() {
        words.push(format!("within {} s", deadline.as_secs_f64()));
    }
    for (so, what) in [
        (convergence.post_copy(), "post-copy allowed"),
        (convergence.throttle(), "throttling allowed"),
        (convergence.exclusive(), "at both hosts at no moment"),
    ] {
        if so {
            words.push(what.to_owned());
        }
    }
    words.join(", ")
}
