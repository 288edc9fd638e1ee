//! `Host` for Python.

use std::sync::Arc;

use pyo3::prelude::*;

use super::errors::invalid;
use super::gil::released;
use super::guest::PyGuest;
use super::library::quiet_libvirt;
use crate::Error;
use crate::error::LibvirtError;
use crate::guest::Guest;
use crate::libvirt::Connection;
use crate::uri::without_secrets;

/// A host's libvirt daemon: what runs there, and what it could take. Needs no libvirt-python.
///
/// Every method is one call to the daemon, with the GIL released, and raises LibvirtError.
#[pyclass(frozen, name = "Host", module = "libvirt_migrate")]
pub struct PyHost {
    connection: Connection,
    uri: Option<String>,
}

impl PyHost {
    /// Its URI and its connection.
    pub fn parts(&self) -> (String, Connection) {
        (self.uri.clone().unwrap_or_else(|| "libvirt's default".to_owned()), self.connection.clone())
    }

    fn call<T: Send>(
        &self,
        py: Python<'_>,
        body: impl Send + FnOnce(&Connection) -> crate::Result<T>,
    ) -> PyResult<T> {
        Ok(released(py, || body(&self.connection))?)
    }
}

#[pymethods]
impl PyHost {
    /// The host whose daemon is at `uri`, by default libvirt's own default.
    #[staticmethod]
    #[pyo3(signature = (uri=None))]
    fn open(py: Python<'_>, uri: Option<&str>) -> PyResult<Self> {
        quiet_libvirt(py)?;
        let connection = released(py, || Connection::open(uri))?;
        Ok(Self { connection, uri: uri.map(str::to_owned) })
    }

    /// The host's name, as it gives it itself.
    #[getter]
    fn hostname(&self, py: Python<'_>) -> PyResult<String> {
        self.call(py, Connection::hostname)
    }

    /// The URI of its daemon, as libvirt has it: of a host that was opened without one, that of libvirt's default.
    /// It can have a user's name in it, and what else was in the URI that was given.
    #[getter]
    fn uri(&self, py: Python<'_>) -> PyResult<String> {
        self.call(py, Connection::uri)
    }

    /// The version of its libvirt: major, minor, release.
    #[getter]
    fn libvirt_version(&self, py: Python<'_>) -> PyResult<(u32, u32, u32)> {
        let version = self.call(py, Connection::version)?;
        Ok((version.major, version.minor, version.release))
    }

    /// Memory that another guest could get, bytes: what is free, and what only caches files.
    #[getter]
    fn free_memory(&self, py: Python<'_>) -> PyResult<u64> {
        self.call(py, Connection::free_memory)
    }

    /// The host's capabilities, as XML.
    fn capabilities(&self, py: Python<'_>) -> PyResult<String> {
        self.call(py, Connection::capabilities)
    }

    /// The guests that the host knows; with `active` those that run or are paused.
    #[pyo3(signature = (*, active=false))]
    fn guests(&self, py: Python<'_>, active: bool) -> PyResult<Vec<PyGuest>> {
        let domains = self.call(py, |connection| connection.domains(active))?;
        Ok(domains.into_iter().map(|domain| PyGuest::of_libvirt(Guest::new(Arc::new(domain)))).collect())
    }

    /// The guest with this name or uuid, or `None`.
    fn guest(&self, py: Python<'_>, name_or_uuid: &str) -> PyResult<Option<PyGuest>> {
        let found = self.call(py, |connection| match connection.lookup(name_or_uuid) {
            Ok(domain) => Ok(Some(domain)),
            Err(Error::Libvirt(error)) if error.code == LibvirtError::NO_DOMAIN => Ok(None),
            Err(error) => Err(error),
        })?;
        Ok(found.map(|domain| PyGuest::of_libvirt(Guest::new(Arc::new(domain)))))
    }

    /// What the host's processor is to a `<cpu>`, a guest's or one of another host's capabilities:
    /// incompatible, identical or superset.
    ///
    /// With `hypervisor` (emulator, architecture, machine, domain type) the hypervisor is asked, which may give
    /// guests less than the host has.
    #[pyo3(signature = (cpu, *, hypervisor=None))]
    fn compare_cpu(
        &self,
        py: Python<'_>,
        cpu: &str,
        hypervisor: Option<[String; 4]>,
    ) -> PyResult<&'static str> {
        let hypervisor = hypervisor.as_ref().map(|parts| parts.each_ref().map(String::as_str));
        Ok(self.call(py, |connection| connection.compare_cpu(cpu, hypervisor))?.name())
    }

    /// Has the host read a definition as if to start it. Nothing is kept or started; LibvirtError says why it
    /// could not be.
    fn check_definition(&self, py: Python<'_>, xml: &str) -> PyResult<()> {
        if xml.trim().is_empty() {
            return Err(invalid("xml", "is empty"));
        }
        self.call(py, |connection| connection.check_definition(xml))
    }

    /// Whether a storage pool of the host has a volume at this path; `False` says nothing of files that are in
    /// no pool.
    fn has_volume(&self, py: Python<'_>, path: &str) -> PyResult<bool> {
        self.call(py, |connection| connection.has_volume(path))
    }

    fn __repr__(&self) -> String {
        match &self.uri {
            Some(uri) => format!("Host({:?})", without_secrets(uri)),
            None => "Host(libvirt's default)".to_owned(),
        }
    }
}
