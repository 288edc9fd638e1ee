//! A Python object with libvirt-python's methods: a mock, a `tpool.Proxy`, a domain of another library.
//!
//! It is called as it is and never unwrapped: what its methods do about threads and green threads is its own.
//! `Guest.migrate` makes its calls on the thread of the caller (`home`), as the single calls are made.
//! `Guest.start_migration` has to call from threads of the package, which Python sees as threads that it did not
//! start; objects that are bound to a thread, as eventlet's proxies are, are refused there.

use std::sync::Arc;

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyString};

use super::apart::{Answer, call_apart};
use super::errors::foreign;
use super::home::Home;
use super::params::to_dict;
use super::values::stat_from_py;
use crate::domain::{DomainOps, GuestFacts, XmlFlags};
use crate::job::{JobInfo, JobType};
use crate::libvirt::{CONTINUE_CANCELLING, judge_reply};
use crate::numbers::{calls, jobs};
use crate::params::MigrateParams;
use crate::state::DomainState;
use crate::version::LibvirtVersion;
use crate::{Error, Result};

/// The object.
pub struct ForeignDomain {
    object: Arc<Py<PyAny>>,
    way: Way,
}

/// Where its calls are made.
#[derive(Clone)]
enum Way {
    /// On the thread that wants them.
    Here,
    /// The same, but for the one that blocks: on a thread of Python's.
    Apart,
    /// On the thread that it came from.
    Home(Home),
}

impl ForeignDomain {
    /// A domain whose calls are made on the thread that wants them.
    pub fn new(object: Py<PyAny>) -> Self {
        Self { object: Arc::new(object), way: Way::Here }
    }

    /// The same one, called on the thread that it came from.
    pub fn at(&self, home: Home) -> Self {
        self.by(Way::Home(home))
    }

    fn by(&self, way: Way) -> Self {
        Self { object: self.object.clone(), way }
    }

    fn call<T: Send + 'static>(
        &self,
        body: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<T> + Send + 'static,
    ) -> Result<T> {
        let object = self.object.clone();
        let call = move |py: Python<'_>| body(object.bind(py)).map_err(|error| foreign(py, error));
        let called = match &self.way {
            Way::Home(home) => home.call(call),
            // A migration's threads may call while the interpreter is going.
            Way::Here | Way::Apart => Python::try_attach(call),
        };
        called.unwrap_or_else(|| {
            let source = Arc::new(std::io::Error::other("the interpreter is shutting down"));
            Err(Error::Foreign { code: None, source })
        })
    }

    /// Makes the call that blocks.
    fn call_migrate(&self, destination: &str, params: &MigrateParams) -> Result<Option<Answer>> {
        let (destination, params) = (destination.to_owned(), params.clone());
        let apart = matches!(self.way, Way::Apart);
        self.call(move |domain| {
            let py = domain.py();
            let keywords = PyDict::new(py);
            keywords.set_item("params", to_dict(py, &params)?)?;
            keywords.set_item("flags", params.flags().bits())?;
            let function = domain.getattr("migrateToURI3")?;
            if apart {
                return call_apart(&function, (destination,), &keywords).map(Some);
            }
            function.call((destination,), Some(&keywords)).map(|_| None)
        })
    }

    /// Calls a method without arguments for an answer of which only the errors matter.
    fn order(&self, method: &'static str) -> Result<()> {
        self.call(move |domain| domain.call_method0(method).map(drop))
    }

    /// An answer that is left out where the object has no such method, or one that cannot be called like
    /// libvirt-python's, or answers with something else.
    fn fact<T: Send + 'static>(
        &self,
        body: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<Option<T>> + Send + 'static,
    ) -> Result<Option<T>> {
        self.call(move |domain| match body(domain) {
            Err(error)
                if error.is_instance_of::<PyAttributeError>(domain.py())
                    || error.is_instance_of::<PyTypeError>(domain.py()) =>
            {
                Ok(None)
            }
            other => other,
        })
    }
}

fn number(object: &Bound<'_, PyAny>) -> Option<i64> {
    // Not whatever has __index__: a mock has that too.
    object.is_instance_of::<PyInt>().then(|| object.extract().ok()).flatten()
}

fn text(object: &Bound<'_, PyAny>) -> Option<String> {
    object.cast::<PyString>().ok().map(|text| text.to_string())
}

fn state(object: &Bound<'_, PyAny>) -> Option<DomainState> {
    let mut items = object.try_iter().ok()?;
    let mut next =
        || items.next()?.ok().and_then(|item| number(&item)).and_then(|item| i32::try_from(item).ok());
    Some(DomainState::new(next()?, next()?))
}

impl DomainOps for ForeignDomain {
    fn name(&self) -> Result<String> {
        self.call(|domain| domain.call_method0("name")?.extract())
    }

    fn uuid(&self) -> Result<String> {
        self.call(|domain| domain.call_method0("UUIDString")?.extract())
    }

    fn id(&self) -> Result<Option<u32>> {
        self.call(|domain| Ok(u32::try_from(domain.call_method0("ID")?.extract::<i64>()?).ok()))
    }

    fn is_active(&self) -> Result<bool> {
        self.call(|domain| domain.call_method0("isActive")?.is_truthy())
    }

    fn state(&self) -> Result<DomainState> {
        self.call(|domain| {
            let (code, reason) = domain.call_method0("state")?.extract::<[i32; 2]>()?.into();
            Ok(DomainState::new(code, reason))
        })
    }

    fn xml(&self, flags: XmlFlags) -> Result<String> {
        self.call(move |domain| domain.call_method1("XMLDesc", (flags.bits(),))?.extract())
    }

    fn suspend(&self) -> Result<()> {
        self.order("suspend")
    }

    fn resume(&self) -> Result<()> {
        self.order("resume")
    }

    fn abort_job(&self, post_copy: bool) -> Result<()> {
        if !post_copy {
            return self.order("abortJob");
        }
        self.call(|domain| domain.call_method1("abortJobFlags", (calls::ABORT_JOB_POSTCOPY,)).map(drop))
    }

    fn finish_abort(&self) -> Result<()> {
        let said: String = self.call(|domain| {
            let said = domain.py().import("libvirt_qemu")?;
            said.call_method1("qemuMonitorCommand", (domain, CONTINUE_CANCELLING, 0))?.extract()
        })?;
        judge_reply(&said)
    }

    fn set_max_downtime(&self, milliseconds: u64) -> Result<()> {
        self.call(move |domain| domain.call_method1("migrateSetMaxDowntime", (milliseconds,)).map(drop))
    }

    fn start_post_copy(&self) -> Result<()> {
        self.order("migrateStartPostCopy")
    }

    fn set_bandwidth(&self, mib_per_second: u64, post_copy: bool) -> Result<()> {
        let flags = if post_copy { calls::MIGRATE_MAX_SPEED_POSTCOPY } else { 0 };
        let arguments = (mib_per_second, flags);
        self.call(move |domain| domain.call_method1("migrateSetMaxSpeed", arguments).map(drop))
    }

    fn job_info(&self, completed: bool) -> Result<JobInfo> {
        const COMPLETED: u32 = jobs::STATS_COMPLETED | jobs::STATS_KEEP_COMPLETED;
        self.call(move |domain| {
            let stats = if completed {
                domain.call_method1("jobStats", (COMPLETED,))?
            } else {
                domain.call_method0("jobStats")?
            };
            let mut info = JobInfo::default();
            for (name, value) in stats.cast::<PyDict>()? {
                let name: String = name.extract()?;
                if name == "type" {
                    info.kind = JobType::from_number(value.extract()?);
                } else if let Some(value) = stat_from_py(&value) {
                    info.set(&name, value);
                }
            }
            Ok(info)
        })
    }

    fn disk_size(&self, target: &str) -> Result<u64> {
        let target = target.to_owned();
        self.call(move |domain| {
            let (capacity, _, _) = domain.call_method1("blockInfo", (target,))?.extract::<[u64; 3]>()?.into();
            Ok(capacity)
        })
    }

    fn migrate(&self, destination: &str, params: &MigrateParams) -> Result<()> {
        self.call_migrate(destination, params)?.map_or(Ok(()), |answer| answer.wait())
    }

    fn apart(&self) -> Option<Arc<dyn DomainOps>> {
        Some(Arc::new(self.by(Way::Apart)))
    }

    fn version(&self) -> Result<LibvirtVersion> {
        self.call(|domain| {
            let number = domain.call_method0("connect")?.call_method0("getLibVersion")?.extract()?;
            Ok(LibvirtVersion::from_number(number))
        })
    }

    fn facts(&self) -> Result<GuestFacts> {
        Ok(GuestFacts {
            name: self.fact(|domain| Ok(text(&domain.call_method0("name")?)))?,
            uuid: self.fact(|domain| Ok(text(&domain.call_method0("UUIDString")?)))?,
            state: self.fact(|domain| Ok(state(&domain.call_method0("state")?)))?,
            version: self.fact(|domain| {
                let version = number(&domain.call_method0("connect")?.call_method0("getLibVersion")?);
                Ok(version.and_then(|number| u64::try_from(number).ok()).map(LibvirtVersion::from_number))
            })?,
        })
    }
}
