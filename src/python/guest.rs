//! `Guest` for Python.

use std::ffi::CString;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyCapsule};

use super::errors::{invalid, to_py};
use super::foreign::ForeignDomain;
use super::job::PyJobInfo;
use super::params::params_from_py;
use super::state::PyGuestState;
use crate::domain::{DomainOps, XmlFlags};
use crate::guest::Guest;
use crate::libvirt::{domain_from_capsule, same_library, silence_default_handler};
use crate::params::MigrateParams;

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
    guest: Guest,
    through: Through,
}

impl PyGuest {
    /// Runs one call on the domain, with the GIL released where it goes to libvirt.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        body: impl Send + FnOnce(&dyn DomainOps) -> crate::Result<T>,
    ) -> PyResult<T> {
        let result = match self.through {
            Through::Object => body(self.guest.domain()),
            _ => py.detach(|| body(self.guest.domain())),
        };
        result.map_err(|error| self.error(py, error))
    }

    fn error(&self, py: Python<'_>, error: crate::Error) -> PyErr {
        to_py(py, error, self.through == Through::LibvirtPython)
    }

    /// Signals are delivered to the main thread only, so only there a call can be interrupted.
    fn migrate_interruptibly(&self, py: Python<'_>, params: &MigrateParams) -> PyResult<()> {
        let mut interrupt: Option<PyErr> = None;
        let result = py.detach(|| {
            self.guest.migrate_unless(params, || {
                interrupt = Python::attach(|py| py.check_signals().err());
                interrupt.is_some()
            })
        });
        let error = result.err().map(|error| self.error(py, error));
        match (interrupt, error) {
            (Some(interrupt), error) => {
                interrupt.set_cause(py, error);
                Err(interrupt)
            }
            (None, Some(error)) => Err(error),
            (None, None) => Ok(()),
        }
    }

    /// A Python object's own call may raise KeyboardInterrupt from within; the job is aborted then as well.
    fn migrate_object(&self, py: Python<'_>, params: &MigrateParams) -> PyResult<()> {
        self.guest.migrate(params).map_err(|error| {
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
            let domain = domain_from_capsule(&capsule)?.map_err(|error| to_py(py, error, true))?;
            return Ok(Self { guest: Guest::new(Arc::new(domain)), through });
        }
        let missing = ["name", "migrateToURI3"]
            .into_iter()
            .find(|method| !dom.getattr(*method).is_ok_and(|attribute| attribute.is_callable()));
        if let Some(method) = missing {
            let found = dom.get_type().name()?;
            return Err(invalid("dom", format!("{found} is not a domain: it has no method {method}()")));
        }
        let domain = ForeignDomain(dom.clone().unbind());
        Ok(Self { guest: Guest::new(Arc::new(domain)), through: Through::Object })
    }

    /// The guest with this name or uuid at the daemon of `uri`, by default libvirt's own default.
    #[staticmethod]
    #[pyo3(signature = (name_or_uuid, uri=None))]
    fn open(py: Python<'_>, name_or_uuid: &str, uri: Option<&str>) -> PyResult<Self> {
        if loaded(py, "libvirt")?.is_none() {
            silence_default_handler();
        }
        let guest = py.detach(|| Guest::open(name_or_uuid, uri))?;
        Ok(Self { guest, through: Through::Libvirt })
    }

    /// Moves the guest and returns when it is there, with the GIL released all the while.
    ///
    /// `params` is what `build_migrate_params` returns, or a mapping under libvirt's names; `destination` and
    /// `flags` override what it carries. Ctrl-C aborts the migration, waits for the abort and raises
    /// KeyboardInterrupt.
    ///
    /// Raises InvalidParameter, InvalidDomainXml or LibvirtError before anything is started, and
    /// MigrationFailed or MigrationCancelled, which say where the guest is, afterwards.
    #[pyo3(signature = (params, *, destination=None, flags=None))]
    fn migrate(
        &self,
        py: Python<'_>,
        params: &Bound<'_, PyAny>,
        destination: Option<&Bound<'_, PyAny>>,
        flags: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let params = params_from_py(params, destination, flags)?;
        if self.through == Through::Object {
            return self.migrate_object(py, &params);
        }
        if on_main_thread(py)? {
            return self.migrate_interruptibly(py, &params);
        }
        py.detach(|| self.guest.migrate(&params)).map_err(|error| self.error(py, error))
    }

    /// The domain's name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        self.call(py, |domain| domain.name())
    }

    /// The domain's uuid.
    #[getter]
    fn uuid(&self, py: Python<'_>) -> PyResult<String> {
        self.call(py, |domain| domain.uuid())
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

    /// Pauses the guest.
    fn suspend(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, |domain| domain.suspend())
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
        if !(seconds > 0.0 && seconds <= 2000.0) {
            return Err(invalid("seconds", format!("{seconds} is not above 0 and 2000 at most")));
        }
        let milliseconds = (seconds * 1000.0 - 1e-6).ceil() as u64;
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
        let number =
            mib_per_second.extract().ok().filter(|number| *number <= i64::MAX as u64 / (1024 * 1024));
        let number: u64 = number.ok_or_else(|| {
            invalid(
                "mib_per_second",
                format!("{mib_per_second} is not a whole number of MiB/s that libvirt takes"),
            )
        })?;
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

/// The capsule of a real libvirt-python domain that uses the same libvirt as this module.
///
/// Exactly that class: a subclass, a proxy or a mock has methods of its own, which are not to be bypassed.
fn shared_capsule<'py>(dom: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyCapsule>>> {
    let (Some(libvirt), Some(native)) = (loaded(dom.py(), "libvirt")?, loaded(dom.py(), "libvirtmod")?)
    else {
        return Ok(None);
    };
    let is_real = libvirt.getattr("virDomain").is_ok_and(|class| dom.get_type().is(&class));
    if !is_real {
        return Ok(None);
    }
    let Ok(path) = native.getattr("__file__").and_then(|path| path.extract::<String>()) else {
        return Ok(None);
    };
    let shares = CString::new(path).is_ok_and(|path| same_library(&path));
    let capsule = dom.getattr("_o").ok().and_then(|capsule| capsule.cast_into::<PyCapsule>().ok());
    Ok(capsule.filter(|_| shares))
}

/// A module that is loaded, without loading it.
fn loaded<'py>(py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let module = py.import("sys")?.getattr("modules")?.call_method1("get", (name,))?;
    Ok((!module.is_none()).then_some(module))
}

fn on_main_thread(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    Ok(threading.call_method0("current_thread")?.is(&threading.call_method0("main_thread")?))
}
