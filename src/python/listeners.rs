//! `Listener` and `listeners` for Python.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::gil::released;
use super::retarget::text_from_py;
use crate::domain_xml::{Listener, Port};

/// A socket at which a guest listens on its host.
#[pyclass(frozen, eq, hash, name = "Listener", module = "libvirt_migrate")]
#[derive(PartialEq, Eq, Hash)]
pub struct PyListener {
    inner: Listener,
}

#[pymethods]
impl PyListener {
    /// The name of the device's element: graphics, serial, channel, …
    #[getter]
    fn device(&self) -> &str {
        &self.inner.device
    }

    /// Its place among the guest's devices of this name, from 0.
    #[getter]
    fn index(&self) -> usize {
        self.inner.index
    }

    /// What kind of device it is: vnc, spice or rdp for displays, else tcp or udp, for interfaces server, udp or user.
    #[getter]
    fn kind(&self) -> &str {
        &self.inner.kind
    }

    /// The attribute that holds the port: port, tlsPort, websocket, service or start.
    #[getter]
    fn attribute(&self) -> &str {
        self.inner.attribute
    }

    /// Of which protocol the port is: tcp or udp.
    #[getter]
    fn protocol(&self) -> &'static str {
        self.inner.protocol.name()
    }

    /// The address or name; `None` where the host's own settings say, which for all but displays is everywhere.
    #[getter]
    fn address(&self) -> Option<&str> {
        self.inner.address.as_deref()
    }

    /// The virtual network whose address on the host is taken.
    #[getter]
    fn network(&self) -> Option<&str> {
        self.inner.network.as_deref()
    }

    /// The port; `None` where the host takes a free one, a text where a service or a range is named.
    #[getter]
    fn port<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &self.inner.port {
            Port::Chosen => Ok(None),
            Port::Number(number) => number.into_bound_py_any(py).map(Some),
            Port::Named(name) => name.into_bound_py_any(py).map(Some),
        }
    }

    fn __repr__(&self) -> String {
        let Listener { device, index, kind, attribute, .. } = &self.inner;
        format!("Listener({device}[{index}], {kind}, {attribute})")
    }
}

/// What a guest of this definition listens at on its host, in the document's order: displays, character devices,
/// interfaces that are sockets. Raises InvalidDomainXml.
#[pyfunction]
pub fn listeners<'py>(py: Python<'py>, xml: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let text = text_from_py("xml", xml)?;
    let refused = |source| crate::Error::InvalidDomainXml { context: "xml".to_owned(), source };
    let found = released(py, || crate::domain_xml::listeners(text).map_err(refused))?;
    PyTuple::new(py, found.into_iter().map(|inner| PyListener { inner }))
}
