//! `Guest` for Python.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::convergence::PyConvergence;
use super::errors::{invalid, to_py};
use super::forecast::PyGuestForecast;
use super::foreign::ForeignDomain;
use super::gil::{Detached, released};
use super::home::at_home;
use super::interrupt::interruptibly;
use super::job::PyJobInfo;
use super::library::{quiet_libvirt, shared_capsule};
use super::migration::PyMigration;
use super::outcome::PyOutcome;
use super::params::params_from_py;
use super::state::PyGuestState;
use super::updates::PyUpdates;
use super::values::{downtime_from_py, mib_from_py, timeout_from_py};
use crate::domain::{DomainOps, Kept, XmlFlags};
use crate::driver::same_process;
use crate::exposure::exposed_to;
use crate::foresee::Way;
use crate::guest::Guest;
use crate::libvirt::{CONNECT_LIMIT, CapsuleDomain};
use crate::params::MigrateParams;
use crate::policy::Convergence;
use crate::record::Outcome;
use crate::recovery::Keep;
use crate::update::UpdateSink;

/// What a guest's calls go through.
#[derive(Clone, Copy, PartialEq)]
enum Through {
    /// libvirt, opened by this package.
    Libvirt,
    /// libvirt, over the connection of a libvirt-python domain: errors are libvirt-python's as well.
    LibvirtPython,
    /// The methods of a Python object.
    Object,
}

/// A guest of some host.
///
/// `Guest(dom)` takes a libvirt-python `virDomain`, whose connection it shares, or any object with the same
/// methods, which is called as it is. `Guest.open` needs no libvirt-python.
#[pyclass(frozen, name = "Guest", module = "libvirt_migrate")]
pub struct PyGuest {
    guest: Detached<Guest>,
    through: Through,
    /// The object, where it is one.
    object: Option<Arc<ForeignDomain>>,
    /// A proxy of eventlet's.
    green: bool,
}

/// The caller's functions: for each progress, for the switchover, for the end.
type Callbacks<'py> = (Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

impl PyGuest {
    /// A guest over a connection of this package's.
    pub fn of_libvirt(guest: Guest) -> Self {
        Self { guest: Detached::new(guest), through: Through::Libvirt, object: None, green: false }
    }

    /// The domain's uuid.
    pub fn uuid_of(&self, py: Python<'_>) -> PyResult<String> {
        self.call(py, |domain| domain.uuid())
    }

    /// The URI of the domain's daemon; `None` of an object that is no domain of libvirt's.
    pub fn home(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.call(py, |domain| Ok(domain.home()))
    }

    /// Runs one call on the domain, with the GIL released where it goes to libvirt.
    pub(super) fn call<T: Send>(
        &self,
        py: Python<'_>,
        body: impl Send + FnOnce(&dyn DomainOps) -> crate::Result<T>,
    ) -> PyResult<T> {
        let result = match self.through {
            Through::Object => body(self.guest.domain()),
            _ => released(py, || body(self.guest.domain())),
        };
        result.map_err(|error| self.error(py, error))
    }

    fn error(&self, py: Python<'_>, error: crate::Error) -> PyErr {
        to_py(py, error, self.bridge())
    }

    /// Whether errors of libvirt's are libvirt-python's too.
    fn bridge(&self) -> bool {
        self.through == Through::LibvirtPython
    }

    /// Where the news of a migration go: to the log, and to the caller's functions.
    fn sinks(&self, py: Python<'_>, callbacks: Option<Callbacks<'_>>) -> PyResult<Vec<UpdateSink>> {
        let dispatch = py.import("libvirt_migrate._dispatch")?;
        let [progress, switchover, end] =
            callbacks.map_or([None, None, None], |callbacks| [callbacks.0, callbacks.1, callbacks.2]);
        let made = dispatch.getattr("receiver")?.call1((progress, switchover, end))?;
        let Some((updates, function, every)) = made.extract::<Option<(Py<PyUpdates>, Py<PyAny>, bool)>>()?
        else {
            return Ok(vec![]);
        };
        Ok(vec![updates.get().sink(function, self.bridge(), every)])
    }

    /// The parameters of a migration that is asked for. Data in the clear to a public address gets a warning.
    fn params(
        params: &Bound<'_, PyAny>,
        destination: Option<&Bound<'_, PyAny>>,
        flags: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<MigrateParams> {
        let py = params.py();
        let params = params_from_py(params, destination, flags)?;
        if let Some(address) = exposed_to(&params) {
            let dispatch = py.import("libvirt_migrate._dispatch")?;
            dispatch.getattr("warn_exposed")?.call1((address.to_string(),))?;
        }
        Ok(params)
    }

    /// Refuses where threads of this package could not do what a migration in the background needs.
    fn check_threads(&self, py: Python<'_>) -> PyResult<()> {
        py.import("libvirt_migrate._dispatch")?.getattr("check_threads")?.call0()?;
        if self.green {
            let reason = "is bound to eventlet's threads: give the virDomain itself, or call migrate()";
            return Err(invalid("dom", reason));
        }
        Ok(())
    }

    fn migrate_interruptibly(
        &self,
        py: Python<'_>,
        params: &MigrateParams,
        convergence: &Convergence,
    ) -> PyResult<Outcome> {
        let sinks = self.sinks(py, None)?;
        let body = |interrupted: &mut dyn FnMut() -> bool| {
            self.guest.migrate_unless(params, convergence, sinks, interrupted)
        };
        interruptibly(py, body, |error| self.error(py, error))
    }

    /// A Python object's own call may raise KeyboardInterrupt from within; the job is aborted then as well.
    fn migrate_object(
        &self,
        py: Python<'_>,
        object: Arc<ForeignDomain>,
        params: MigrateParams,
        sinks: Vec<UpdateSink>,
    ) -> PyResult<Outcome> {
        // The guest that is called at home is made anew, and would be this process's.
        same_process(self.guest.process()).map_err(|error| self.error(py, error))?;
        let work = move |home| Guest::new(Arc::new(object.at(home))).migrate_here(&params, sinks);
        at_home(py, work).map_err(|error| {
            let error = self.error(py, error);
            if error.is_instance_of::<pyo3::exceptions::PyKeyboardInterrupt>(py) {
                let _ = self.guest.domain().abort_job(false);
            }
            error
        })
    }
}

#[pymethods]
impl PyGuest {
    #[new]
    fn new(dom: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = dom.py();
        if let Some(capsule) = shared_capsule(dom)? {
            let through = Through::LibvirtPython;
            let theirs = CapsuleDomain::new(&capsule)?;
            let domain = released(py, || theirs.domain()).map_err(|error| to_py(py, error, true))?;
            let guest = Detached::new(Guest::new(Arc::new(domain)));
            return Ok(Self { guest, through, object: None, green: false });
        }
        let missing = ["name", "migrateToURI3"]
            .into_iter()
            .find(|method| !dom.getattr(*method).is_ok_and(|attribute| attribute.is_callable()));
        if let Some(method) = missing {
            let found = dom.get_type().name()?;
            return Err(invalid("dom", format!("{found} is not a domain: it has no method {method}()")));
        }
        let module = dom.get_type().getattr("__module__")?;
        let green = module.extract::<String>().is_ok_and(|module| module == "eventlet.tpool");
        let object = Arc::new(ForeignDomain::new(dom.clone().unbind()));
        let guest = Detached::new(Guest::new(object.clone()));
        Ok(Self { guest, through: Through::Object, object: Some(object), green })
    }

    /// The guest with this name or uuid at the daemon of `uri`, by default libvirt's own default. Connecting takes
    /// `timeout` seconds at most, 30 by default; LibvirtError says that it took longer.
    #[staticmethod]
    #[pyo3(signature = (name_or_uuid, uri=None, *, timeout=None))]
    fn open(py: Python<'_>, name_or_uuid: &str, uri: Option<&str>, timeout: Option<f64>) -> PyResult<Self> {
        let limit = timeout_from_py(timeout, CONNECT_LIMIT)?;
        quiet_libvirt(py)?;
        Ok(Self::of_libvirt(released(py, || Guest::open_within(name_or_uuid, uri, limit))?))
    }

    /// Moves the guest and returns its `Outcome` when it is there, with the GIL released all the while.
    ///
    /// `params` is what `build_migrate_params` returns, or a mapping under libvirt's names; `destination` and
    /// `flags` override what it carries. `convergence` says what is wanted and allowed. Ctrl-C aborts the
    /// migration, waits for the abort and raises KeyboardInterrupt.
    ///
    /// An object that is no libvirt-python domain is called on this thread, and nobody watches or steers; an
    /// intent is refused there. Without `steer` that is so for every domain, for a caller that watches and steers
    /// by itself.
    ///
    /// Raises InvalidParameter, InvalidDomainXml or LibvirtError before anything is started, and
    /// MigrationFailed or MigrationCancelled, which say where the guest is, afterwards.
    #[pyo3(signature = (params, *, destination=None, flags=None, convergence=None, steer=true))]
    fn migrate(
        &self,
        py: Python<'_>,
        params: &Bound<'_, PyAny>,
        destination: Option<&Bound<'_, PyAny>>,
        flags: Option<&Bound<'_, PyAny>>,
        convergence: Option<&Bound<'_, PyConvergence>>,
        steer: bool,
    ) -> PyResult<PyOutcome> {
        let params = Self::params(params, destination, flags)?;
        let outcome = if !steer && convergence.is_some() {
            return Err(invalid("convergence", "is an intent for who steers, and steer is false"));
        } else if !steer && self.through != Through::Object {
            // Who watches tells as well: the call alone knows no figures.
            let result = released(py, || self.guest.migrate_here(&params, vec![]));
            result.map_err(|error| self.error(py, error))?
        } else if let Some(object) = &self.object {
            if convergence.is_some() {
                let reason = "needs threads beside the call: use start_migration for such an object";
                return Err(invalid("convergence", reason));
            }
            let sinks = if steer { self.sinks(py, None)? } else { vec![] };
            self.migrate_object(py, object.clone(), params, sinks)?
        } else {
            self.migrate_interruptibly(py, &params, &intent(convergence).unwrap_or_default())?
        };
        Ok(outcome.into())
    }

    /// Starts to move the guest and returns at once, with the `Migration`.
    ///
    /// `params`, `destination`, `flags` and `convergence` are `migrate`'s. `on_progress` is called with each
    /// `Progress`, `on_switchover` with the seconds since the start once the guest starts to run at the
    /// destination, `on_end` with the `Outcome` or the exception. They are called one after the other on a
    /// thread of this package's; an exception in one is logged and ends nothing.
    ///
    /// Raises what `migrate` raises before anything is started, and LibvirtError where the guest is being
    /// migrated already, which goes on.
    #[pyo3(signature = (params, *, destination=None, flags=None, convergence=None, on_progress=None, on_switchover=None, on_end=None))]
    #[allow(clippy::too_many_arguments)]
    fn start_migration(
        &self,
        py: Python<'_>,
        params: &Bound<'_, PyAny>,
        destination: Option<&Bound<'_, PyAny>>,
        flags: Option<&Bound<'_, PyAny>>,
        convergence: Option<&Bound<'_, PyConvergence>>,
        on_progress: Option<Bound<'_, PyAny>>,
        on_switchover: Option<Bound<'_, PyAny>>,
        on_end: Option<Bound<'_, PyAny>>,
    ) -> PyResult<PyMigration> {
        self.check_threads(py)?;
        let params = Self::params(params, destination, flags)?;
        let convergence = intent(convergence).unwrap_or_default();
        let sinks = self.sinks(py, Some((on_progress, on_switchover, on_end)))?;
        let started = released(py, || self.guest.start_migration(&params, &convergence, sinks));
        let migration = started.map_err(|error| self.error(py, error))?;
        Ok(PyMigration::new(migration, self.bridge()))
    }

    /// Puts the guest right after a migration from here that broke, and returns the `Outcome` once it is whole in
    /// one place; its `decisions` tell what was done.
    ///
    /// `params`, `destination` and `flags` are the migration's own; `destination` alone will do where it moved its
    /// data in no special way. A post-copy that broke is resumed until the guest is whole, after the side that
    /// takes it for healthy was released; a post-copy that goes on is waited for. What a migration that is over
    /// has left behind is removed, where the other host is proven to have all of the guest. A migration in
    /// pre-copy that runs is refused: `adopt_migration` attaches to it.
    ///
    /// At the switchover libvirt may lose the destination's answer and have the guest go on at both hosts. It is
    /// paused at the source then; `keep`, "source" or "destination", says which one goes on, and the other is ended.
    ///
    /// `exclusive` says that the migration was one: the guest was sent paused, and goes on at the destination where the
    /// source has nothing of it any more. A copy at the destination that never ran is removed.
    ///
    /// Ctrl-C ends the waiting and raises KeyboardInterrupt, but a post-copy that was resumed is not aborted by
    /// it. Raises MigrationFailed where the guest cannot be put right from here: the message says why, and what
    /// is safe to do.
    #[pyo3(signature = (params=None, *, destination=None, flags=None, keep=None, exclusive=false))]
    fn recover(
        &self,
        py: Python<'_>,
        params: Option<&Bound<'_, PyAny>>,
        destination: Option<&Bound<'_, PyAny>>,
        flags: Option<&Bound<'_, PyAny>>,
        keep: Option<&str>,
        exclusive: bool,
    ) -> PyResult<PyOutcome> {
        let keep = match keep {
            None => None,
            Some("source") => Some(Keep::Source),
            Some("destination") => Some(Keep::Destination),
            Some(other) => return Err(invalid("keep", format!("{other:?} is not source or destination"))),
        };
        if self.through == Through::Object {
            return Err(invalid("dom", "is no domain of libvirt's, so the other host cannot be asked"));
        }
        self.check_threads(py)?;
        let empty = PyDict::new(py);
        let params = params_from_py(params.unwrap_or(empty.as_any()), destination, flags)?;
        let sinks = self.sinks(py, None)?;
        let body = |interrupted: &mut dyn FnMut() -> bool| {
            self.guest.recover(&params, keep, exclusive, || sinks, interrupted)
        };
        let outcome = interruptibly(py, body, |error| self.error(py, error))?;
        Ok(outcome.into())
    }

    /// How the guest's migration will go with this intent (by default `Convergence()`), as far as that can be known
    /// before it begins. Nothing is moved; it takes some five seconds.
    ///
    /// libvirt's dirty-rate calculation at the source (`virDomainStartDirtyRateCalc`, which samples pages) is run for
    /// 1, 1 and 3 s; its statistics tell how much memory is not empty. `link` is what the link carries, bytes/s; without
    /// it, it is what the last migration of this process to the daemon at `destination` has found, else common links
    /// are taken. `disks` are the bytes of disks that are copied. The destination is not asked.
    ///
    /// What cannot be known (a host that refuses the calculation, an object that is no libvirt-python domain, a guest
    /// that is being migrated) is in `unknown`, and fails nothing. Raises LibvirtError for a guest that is shut off, and
    /// InvalidParameter for figures that are none and for `Convergence.schedule`. Ctrl-C raises KeyboardInterrupt.
    #[pyo3(signature = (destination=None, *, link=None, disks=0.0, convergence=None))]
    fn forecast(
        &self,
        py: Python<'_>,
        destination: Option<&str>,
        link: Option<f64>,
        disks: f64,
        convergence: Option<&Bound<'_, PyConvergence>>,
    ) -> PyResult<PyGuestForecast> {
        let convergence = intent(convergence).unwrap_or_default();
        let way = Way { destination, link, disks };
        if self.through == Through::Object {
            let told = self.guest.forecast(way, &convergence, || false);
            return told.map(Into::into).map_err(|error| self.error(py, error));
        }
        let body =
            |interrupted: &mut dyn FnMut() -> bool| self.guest.forecast(way, &convergence, interrupted);
        Ok(interruptibly(py, body, |error| self.error(py, error))?.into())
    }

    /// Attaches to the migration of this guest to another host that runs already: one whose `Migration` was let
    /// go of, or one that another process has started.
    ///
    /// `destination` is the URI of its daemon, which is asked at the end where the guest is. One of this
    /// process goes on under its own intent; one of others gets `convergence`, or is only watched.
    ///
    /// Raises LibvirtError where no such migration runs.
    #[pyo3(signature = (*, destination=None, convergence=None, on_progress=None, on_switchover=None, on_end=None))]
    fn adopt_migration(
        &self,
        py: Python<'_>,
        destination: Option<&str>,
        convergence: Option<&Bound<'_, PyConvergence>>,
        on_progress: Option<Bound<'_, PyAny>>,
        on_switchover: Option<Bound<'_, PyAny>>,
        on_end: Option<Bound<'_, PyAny>>,
    ) -> PyResult<PyMigration> {
        self.check_threads(py)?;
        let convergence = intent(convergence);
        let sinks = self.sinks(py, Some((on_progress, on_switchover, on_end)))?;
        let adopted = released(py, || self.guest.adopt_migration(destination, convergence.as_ref(), sinks));
        let migration = adopted.map_err(|error| self.error(py, error))?;
        Ok(PyMigration::new(migration, self.bridge()))
    }

    /// The domain's name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        self.call(py, |domain| domain.name())
    }

    /// The domain's uuid.
    #[getter]
    fn uuid(&self, py: Python<'_>) -> PyResult<String> {
        self.uuid_of(py)
    }

    /// The number that the running domain has on its host, or `None`.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<Option<u32>> {
        self.call(py, |domain| domain.id())
    }

    /// Whether the guest runs or is paused.
    #[getter]
    fn is_active(&self, py: Python<'_>) -> PyResult<bool> {
        self.call(py, |domain| domain.is_active())
    }

    /// What the guest does, and why.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<PyGuestState> {
        Ok(self.call(py, |domain| domain.state())?.into())
    }

    /// The definition: the live one or, with `inactive`, the persistent one; with `migratable` one that another
    /// host can take; passwords only with `secure`.
    #[pyo3(signature = (*, inactive=false, migratable=false, secure=false))]
    fn xml(&self, py: Python<'_>, inactive: bool, migratable: bool, secure: bool) -> PyResult<String> {
        let mut flags = XmlFlags::empty();
        flags.set(XmlFlags::INACTIVE, inactive);
        flags.set(XmlFlags::MIGRATABLE, migratable);
        flags.set(XmlFlags::SECURE, secure);
        self.call(py, |domain| domain.xml(flags))
    }

    /// What the guest sees of its disk with this target, such as vda: bytes. Of a guest that runs only.
    fn disk_size(&self, py: Python<'_>, target: &str) -> PyResult<u64> {
        self.call(py, |domain| domain.disk_size(target))
    }

    /// Whether its host starts it by itself.
    #[getter]
    fn autostart(&self, py: Python<'_>) -> PyResult<bool> {
        self.call(py, |domain| domain.autostart())
    }

    /// How many snapshots its host keeps of it. libvirt migrates no guest that has any.
    #[getter]
    fn snapshot_count(&self, py: Python<'_>) -> PyResult<u32> {
        self.call(py, |domain| domain.kept(Kept::Snapshots))
    }

    /// How many checkpoints its host keeps of it, for incremental backups.
    #[getter]
    fn checkpoint_count(&self, py: Python<'_>) -> PyResult<u32> {
        self.call(py, |domain| domain.kept(Kept::Checkpoints))
    }

    /// Whether its host has a managed save image of it.
    #[getter]
    fn has_managed_save(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.call(py, |domain| domain.kept(Kept::ManagedSave))? > 0)
    }

    /// Whether a block job (a copy, a commit, a pull, a backup) works on the disk with this target, such as vda.
    fn has_block_job(&self, py: Python<'_>, disk: &str) -> PyResult<bool> {
        self.call(py, |domain| domain.has_block_job(disk))
    }

    /// Has libvirt begin the migration that `migrate` would start, with no address to send data to: what refuses
    /// it says so, and nothing is moved or started. The guest has a job for a moment.
    ///
    /// The source looks at the guest, its devices, disks and jobs, at the flags, and at what changes in the
    /// definition; the destination at the parameters and the definition. What comes later (ports, memory, files at
    /// the destination) is not seen. With PEER2PEER among the flags, as by default, the source's daemon calls the
    /// destination's, and has to reach it; without, this process calls both. `params`, `destination` and `flags` are
    /// `migrate`'s.
    ///
    /// Raises LibvirtError with libvirt's reason; its code is VIR_ERR_NO_SUPPORT where libvirt cannot be asked, as for a migration
    /// over a tunnel.
    #[pyo3(signature = (params, *, destination=None, flags=None))]
    fn check_migration(
        &self,
        py: Python<'_>,
        params: &Bound<'_, PyAny>,
        destination: Option<&Bound<'_, PyAny>>,
        flags: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let params = params_from_py(params, destination, flags)?;
        let uri = params.destination().ok_or_else(|| invalid("destination", "is not given"))?.to_owned();
        self.call(py, |domain| domain.check_migration(&uri, &params))
    }

    /// Pauses the guest.
    fn suspend(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, |domain| domain.suspend())
    }

    /// Has QEMU finish an abort in which it hangs; QEMU refuses it in every other state. Of a guest whose QEMU was told so
    /// by hand libvirt says that it is tainted.
    fn finish_abort(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, |domain| domain.finish_abort())
    }

    /// Has the paused guest go on.
    fn resume(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, |domain| domain.resume())
    }

    /// Aborts the job that runs. A migration in post-copy can only be stopped, with `post_copy`: the guest
    /// stands still then until the migration is resumed.
    #[pyo3(signature = (*, post_copy=false))]
    fn abort_job(&self, py: Python<'_>, post_copy: bool) -> PyResult<()> {
        self.call(py, |domain| domain.abort_job(post_copy))
    }

    /// Sets the longest pause that the running migration may cause, in seconds: above 0, and 2000 at most,
    /// which is QEMU's limit. libvirt takes whole milliseconds; a part of one is rounded up.
    fn set_max_downtime(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        let milliseconds = downtime_from_py(seconds)?;
        self.call(py, |domain| domain.set_max_downtime(milliseconds))
    }

    /// Switches the running migration, which must have the POSTCOPY flag, to post-copy.
    fn start_post_copy(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, |domain| domain.start_post_copy())
    }

    /// Limits the migration's bandwidth, in MiB/s, before or, with `post_copy`, in post-copy; 0 is unlimited.
    #[pyo3(signature = (mib_per_second, *, post_copy=false))]
    fn set_bandwidth(
        &self,
        py: Python<'_>,
        mib_per_second: &Bound<'_, PyAny>,
        post_copy: bool,
    ) -> PyResult<()> {
        let number = mib_from_py(mib_per_second)?;
        self.call(py, |domain| domain.set_bandwidth(number, post_copy))
    }

    /// The statistics of the job that runs or, with `completed`, of the last one that is over.
    #[pyo3(signature = (*, completed=false))]
    fn job_info(&self, py: Python<'_>, completed: bool) -> PyResult<PyJobInfo> {
        Ok(self.call(py, |domain| domain.job_info(completed))?.into())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        self.name(py).map_or_else(|_| "Guest(?)".to_owned(), |name| format!("Guest({name:?})"))
    }
}

fn intent(convergence: Option<&Bound<'_, PyConvergence>>) -> Option<Convergence> {
    convergence.map(|convergence| convergence.get().convergence)
}
