//! `Host` for Python.

use std::sync::Arc;

use pyo3::prelude::*;

use super::errors::invalid;
use super::gil::{Detached, released};
use super::guest::PyGuest;
use super::library::quiet_libvirt;
use super::storage::{PyStoragePool, PyStorageVolume};
use super::values::timeout_from_py;
use crate::Error;
use crate::domain_xml::VolumePlace;
use crate::error::LibvirtError;
use crate::guest::Guest;
use crate::libvirt::{CONNECT_LIMIT, Connection};
use crate::uri::without_secrets;

/// A host's libvirt daemon: what runs there, and what it could take. Needs no libvirt-python.
///
/// Every method is one call to the daemon, with the GIL released, and raises LibvirtError.
#[pyclass(frozen, name = "Host", module = "libvirt_migrate")]
pub struct PyHost {
    connection: Detached<Connection>,
    uri: Option<String>,
}

impl PyHost {
    /// Its URI and its connection.
    pub fn parts(&self) -> (String, Connection) {
        (
            self.uri.clone().unwrap_or_else(|| "libvirt's default".to_owned()),
            Connection::clone(&self.connection),
        )
    }

    fn call<T: Send>(
        &self,
        py: Python<'_>,
        body: impl Send + FnOnce(&Connection) -> crate::Result<T>,
    ) -> PyResult<T> {
        Ok(released(py, || self.connection.alone(body))?)
    }
}

#[pymethods]
impl PyHost {
    /// The host whose daemon is at `uri`, by default libvirt's own default. Connecting takes `timeout` seconds at most,
    /// 30 by default; LibvirtError says that it took longer.
    #[staticmethod]
    #[pyo3(signature = (uri=None, *, timeout=None))]
    fn open(py: Python<'_>, uri: Option<&str>, timeout: Option<f64>) -> PyResult<Self> {
        let limit = timeout_from_py(timeout, CONNECT_LIMIT)?;
        quiet_libvirt(py)?;
        let connection = Detached::new(released(py, || Connection::open_within(uri, limit))?);
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

    /// The volume at this path or, with `pool`, of this name in that pool. `None` where no active pool of the host has
    /// it, which says nothing of files that are in no pool, nor of one that a pool has not looked at yet.
    #[pyo3(signature = (path_or_name, *, pool=None))]
    fn volume(
        &self,
        py: Python<'_>,
        path_or_name: String,
        pool: Option<String>,
    ) -> PyResult<Option<PyStorageVolume>> {
        let place = match pool {
            Some(pool) => VolumePlace::InPool { pool, name: path_or_name },
            None => VolumePlace::Path(path_or_name),
        };
        Ok(self.call(py, |connection| connection.volume(&place))?.map(PyStorageVolume))
    }

    /// The storage pool of this name, or `None`.
    fn pool(&self, py: Python<'_>, name: &str) -> PyResult<Option<PyStoragePool>> {
        let found = self.call(py, |connection| connection.pool(name))?;
        Ok(found.map(|(pool, active)| PyStoragePool { pool, active }))
    }

    /// The active storage pool whose volumes are in this folder, or `None`. There libvirt makes the image of a disk
    /// that is copied.
    fn pool_at(&self, py: Python<'_>, folder: &str) -> PyResult<Option<PyStoragePool>> {
        let found = self.call(py, |connection| connection.pool_at(folder))?;
        Ok(found.map(|pool| PyStoragePool { pool, active: true }))
    }

    /// Whether the virtual network of this name is active, and its definition; `None` where the host has none.
    fn virtual_network(&self, py: Python<'_>, name: &str) -> PyResult<Option<(bool, String)>> {
        self.call(py, |connection| connection.virtual_network(name))
    }

    /// The definition of the host's network interface of this name; `None` where it has none.
    fn interface(&self, py: Python<'_>, name: &str) -> PyResult<Option<String>> {
        self.call(py, |connection| connection.interface(name))
    }

    /// Whether the host has a network filter of this name.
    fn has_network_filter(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        self.call(py, |connection| connection.has_network_filter(name))
    }

    /// Whether the host has a secret, by its uuid. Its value is not asked for.
    fn has_secret(&self, py: Python<'_>, uuid: &str) -> PyResult<bool> {
        self.call(py, |connection| connection.has_secret(uuid))
    }

    /// Whether the host has a secret of this kind (volume, ceph, iscsi, tls, vtpm) for this use.
    fn has_secret_for(&self, py: Python<'_>, kind: &str, usage: &str) -> PyResult<bool> {
        self.call(py, |connection| connection.has_secret_for(kind, usage))
    }

    /// The definitions of the host's devices with a capability: net, pci, usb_device, scsi_host, scsi or mdev.
    fn node_devices(&self, py: Python<'_>, capability: &str) -> PyResult<Vec<String>> {
        self.call(py, |connection| connection.node_devices(capability))
    }

    /// What the host's hypervisor offers to guests of a `hypervisor` (emulator, architecture, machine, domain type),
    /// as XML. An empty text leaves the choice to the host.
    fn domain_capabilities(&self, py: Python<'_>, hypervisor: [String; 4]) -> PyResult<String> {
        let hypervisor = hypervisor.each_ref().map(String::as_str);
        self.call(py, |connection| connection.domain_capabilities(hypervisor))
    }

    /// Whether the host has a file, or a folder, at this absolute path. Only for what is no device: the daemon opens it.
    /// A daemon that cannot tell is an error, never `False`.
    fn has_file(&self, py: Python<'_>, path: &str) -> PyResult<bool> {
        self.call(py, |connection| connection.has_file(path))
    }

    /// The free pages of these sizes, bytes, on these NUMA nodes: {(node, size): how many}.
    fn free_pages(
        &self,
        py: Python<'_>,
        cells: Vec<u32>,
        sizes: Vec<u64>,
    ) -> PyResult<std::collections::BTreeMap<(u32, u64), u64>> {
        self.call(py, |connection| connection.free_pages(&cells, &sizes))
    }

    fn __repr__(&self) -> String {
        match &self.uri {
            Some(uri) => format!("Host({:?})", without_secrets(uri)),
            None => "Host(libvirt's default)".to_owned(),
        }
    }
}
