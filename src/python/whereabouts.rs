//! `where_is` for Python.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::errors::invalid;
use super::gil::released;
use super::guest::PyGuest;
use super::host::PyHost;
use super::library::quiet_libvirt;
use super::state::PyGuestState;
use super::values::{string_from_py, timeout_from_py};
use crate::libvirt::{self, Connection, DEFAULT_PATIENCE};
use crate::uri::{check_uri, without_secrets};
use crate::whereabouts::{Presence, Whereabouts};

/// Where a guest is among these hosts, whatever became of its migrations.
///
/// `guest` is its name or uuid, or a `Guest`; `hosts` are URIs of daemons, or `Host`s. All are asked at once, and
/// those that do not answer within `timeout` seconds count as hosts that cannot be asked.
///
/// Raises InvalidParameter; a host that cannot be asked is no error but an answer.
#[pyfunction]
#[pyo3(signature = (guest, hosts, *, timeout=None))]
pub fn where_is(
    py: Python<'_>,
    guest: &Bound<'_, PyAny>,
    hosts: &Bound<'_, PyAny>,
    timeout: Option<f64>,
) -> PyResult<PyWhereabouts> {
    let guest = match guest.cast::<PyGuest>() {
        Ok(guest) => guest.get().uuid_of(py)?,
        Err(_) => string_from_py("guest", guest)?,
    };
    let patience = timeout_from_py(timeout, DEFAULT_PATIENCE)?;
    if hosts.is_instance_of::<PyString>() {
        return Err(invalid("hosts", "takes a list of URIs or Hosts, not one"));
    }
    let items = hosts.try_iter().map_err(|_| invalid("hosts", "takes URIs or Hosts"))?;
    let hosts = items.map(|item| host_from_py(&item?)).collect::<PyResult<Vec<_>>>()?;
    quiet_libvirt(py)?;
    Ok(PyWhereabouts(released(py, || libvirt::where_is(&guest, hosts, patience))))
}

fn host_from_py(item: &Bound<'_, PyAny>) -> PyResult<(String, Option<Connection>)> {
    if let Ok(host) = item.cast::<PyHost>() {
        let (uri, connection) = host.get().parts();
        return Ok((uri, Some(connection)));
    }
    let uri = string_from_py("hosts", item)?;
    check_uri("hosts", &uri)?;
    Ok((uri, None))
}

/// Where a guest is, by the word of all hosts that could be asked.
#[pyclass(frozen, eq, name = "Whereabouts", module = "libvirt_migrate")]
#[derive(PartialEq)]
pub struct PyWhereabouts(Whereabouts);

#[pymethods]
impl PyWhereabouts {
    /// running, paused or shut off: at `host`. migrating, post-copy or post-copy-broken: between two hosts, and
    /// its processors are at `host`. absent: no host knows it. several: it is active at more than one, in a way
    /// that no migration leaves. unknown: hosts that could not be asked may have it.
    #[getter]
    fn state(&self) -> &'static str {
        self.0.what.name()
    }

    /// The host where the guest is, as it was given; `None` where no single one is.
    #[getter]
    fn host(&self) -> Option<&str> {
        self.0.at.map(|at| self.0.answers[at].0.as_str())
    }

    /// What each host said, in the order in which they were given.
    #[getter]
    fn answers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.answers.iter().cloned().map(|(uri, presence)| PyHostAnswer { uri, presence }))
    }

    /// Everything, by name.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("state", self.state())?;
        dict.set_item("host", self.host())?;
        let answers = self.0.answers.iter().cloned();
        let answers = answers.map(|(uri, presence)| PyHostAnswer { uri, presence }.to_dict(py));
        dict.set_item("answers", answers.collect::<PyResult<Vec<_>>>()?)?;
        Ok(dict)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Whereabouts({})", self.0)
    }
}

/// What one host said of a guest.
#[pyclass(frozen, eq, name = "HostAnswer", module = "libvirt_migrate")]
#[derive(PartialEq)]
pub struct PyHostAnswer {
    uri: String,
    presence: Presence,
}

#[pymethods]
impl PyHostAnswer {
    /// The host, as it was given.
    #[getter]
    fn host(&self) -> &str {
        &self.uri
    }

    /// What the guest does there; `None` where the host does not know it or could not be asked.
    #[getter]
    fn state(&self) -> Option<PyGuestState> {
        self.presence.state().map(PyGuestState::from)
    }

    /// Whether the host keeps a definition of it when it is shut off; `None` as for `state`.
    #[getter]
    fn persistent(&self) -> Option<bool> {
        match self.presence {
            Presence::Here { persistent, .. } => Some(persistent),
            _ => None,
        }
    }

    /// Why the host could not be asked; `None` where it answered.
    #[getter]
    fn error(&self) -> Option<&str> {
        match &self.presence {
            Presence::Silent(error) => Some(error),
            _ => None,
        }
    }

    /// Everything, by name; the state in words.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("host", self.host())?;
        dict.set_item("state", self.presence.state().map(|state| state.name()))?;
        dict.set_item("reason", self.presence.state().map(|state| state.reason_name()))?;
        dict.set_item("persistent", self.persistent())?;
        dict.set_item("error", self.error())?;
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        let said = match &self.presence {
            Presence::Here { state, persistent } => {
                let kept = if *persistent { "" } else { ", not persistent" };
                format!("{state}{kept}")
            }
            Presence::Absent => "absent".to_owned(),
            Presence::Silent(error) => format!("cannot be asked: {error}"),
        };
        format!("HostAnswer({:?}, {said})", without_secrets(&self.uri))
    }
}
