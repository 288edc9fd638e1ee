//! A domain's state for Python.

use pyo3::prelude::*;

use crate::state::DomainState;

/// What a domain does, and why.
#[pyclass(frozen, eq, hash, name = "GuestState", module = "libvirt_migrate")]
#[derive(PartialEq, Eq, Hash)]
pub struct PyGuestState(DomainState);

impl From<DomainState> for PyGuestState {
    fn from(state: DomainState) -> Self {
        Self(state)
    }
}

#[pymethods]
impl PyGuestState {
    /// libvirt's number of the state.
    #[getter]
    fn code(&self) -> i32 {
        self.0.code
    }

    /// libvirt's number of the reason.
    #[getter]
    fn reason_code(&self) -> i32 {
        self.0.reason
    }

    /// The state in words: running, paused, shut off, …
    #[getter]
    fn name(&self) -> &'static str {
        self.0.name()
    }

    /// The reason in words: booted, migrated, user, …
    #[getter]
    fn reason(&self) -> &'static str {
        self.0.reason_name()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("GuestState({:?}, {:?})", self.0.name(), self.0.reason_name())
    }
}
