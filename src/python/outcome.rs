//! `Outcome` and `Decision` for Python.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::progress::seconds;
use crate::record::{Act, Outcome, Step};

/// Something that was decided and done, or tried: by the policy, on request, or for the guest's sake.
#[pyclass(frozen, eq, name = "Decision", module = "libvirt_migrate")]
#[derive(PartialEq, Clone)]
pub struct PyDecision {
    step: Step,
}

impl From<Step> for PyDecision {
    fn from(step: Step) -> Self {
        Self { step }
    }
}

#[pymethods]
impl PyDecision {
    /// Since the start of the migration, s.
    #[getter]
    fn at(&self) -> f64 {
        self.step.at.as_secs_f64()
    }

    /// What was done: set-max-downtime, start-post-copy, pause, abort, restart, restart-compressed, set-bandwidth,
    /// drop-post-copy, compress, go-plain, resume, resume-destination, trust-destination, reconnect, look, set-autostart,
    /// redefine-checkpoints, pause-source, finish-abort, remove-destination or undefine-destination; by `Guest.recover`
    /// also release, resume-post-copy, remove-source or undefine-source.
    #[getter]
    fn action(&self) -> &'static str {
        self.step.act.name()
    }

    /// The same in words, with figures.
    #[getter]
    fn description(&self) -> String {
        self.step.act.to_string()
    }

    /// The pause that was allowed by set-max-downtime, s; `None` for all else.
    #[getter]
    fn max_downtime(&self) -> Option<f64> {
        match self.step.act {
            Act::Take(action) => seconds(action.max_downtime()),
            _ => None,
        }
    }

    /// Why, in a sentence.
    #[getter]
    fn reason(&self) -> &str {
        &self.step.reason
    }

    /// Why it could not be done; `None` where it was.
    #[getter]
    fn error(&self) -> Option<&str> {
        self.step.error.as_deref()
    }

    /// Everything, by name.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("at", self.at())?;
        dict.set_item("action", self.action())?;
        dict.set_item("description", self.description())?;
        dict.set_item("max_downtime", self.max_downtime())?;
        dict.set_item("reason", self.reason())?;
        dict.set_item("error", self.error())?;
        Ok(dict)
    }

    fn __str__(&self) -> String {
        self.step.to_string()
    }

    pub fn __repr__(&self) -> String {
        format!("Decision({:.3} s, {}, {:?})", self.at(), self.action(), self.reason())
    }
}

/// How a migration ended.
#[pyclass(frozen, eq, name = "Outcome", module = "libvirt_migrate")]
#[derive(PartialEq)]
pub struct PyOutcome {
    outcome: Outcome,
}

impl From<Outcome> for PyOutcome {
    fn from(outcome: Outcome) -> Self {
        Self { outcome }
    }
}

#[pymethods]
impl PyOutcome {
    /// From the start to the end of libvirt's call, s. The guest arrives a second or two before that.
    #[getter]
    fn total_time(&self) -> f64 {
        self.outcome.total_time.as_secs_f64()
    }

    /// The pause that the guest saw, as QEMU measured it, s; `None` where nobody told.
    #[getter]
    fn downtime(&self) -> Option<f64> {
        seconds(self.outcome.downtime)
    }

    /// Passes over the memory.
    #[getter]
    fn iterations(&self) -> u64 {
        self.outcome.iterations
    }

    /// Memory and disks sent.
    #[getter]
    fn bytes(&self) -> u64 {
        self.outcome.bytes
    }

    /// What was decided and done, in order.
    #[getter]
    fn decisions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        decisions(py, &self.outcome.decisions)
    }

    /// Where the guest is: source-running, source-paused, destination-running, destination-paused,
    /// both-paused, both-running, post-copy-broken, source-shut-off, destination-shut-off, both-shut-off, absent or
    /// unknown.
    #[getter]
    fn guest_location(&self) -> &'static str {
        self.outcome.guest_location.name()
    }

    /// What belonged to the guest and did not come along, a sentence each; empty where all of it did.
    #[getter]
    fn left_behind<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.outcome.left_behind)
    }

    /// Everything, by name.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("total_time", self.total_time())?;
        dict.set_item("downtime", self.downtime())?;
        dict.set_item("iterations", self.iterations())?;
        dict.set_item("bytes", self.bytes())?;
        let steps = self.outcome.decisions.iter();
        let steps = steps.map(|step| PyDecision::from(step.clone()).to_dict(py));
        dict.set_item("decisions", steps.collect::<PyResult<Vec<_>>>()?)?;
        dict.set_item("guest_location", self.guest_location())?;
        dict.set_item("left_behind", &self.outcome.left_behind)?;
        Ok(dict)
    }

    pub fn __repr__(&self) -> String {
        let pause = self.downtime().map(|pause| format!(", paused for {pause:.3} s"));
        let (time, place) = (self.total_time(), self.guest_location());
        format!("Outcome({place}, {time:.3} s{})", pause.unwrap_or_default())
    }
}

/// A record for Python.
pub fn decisions<'py>(py: Python<'py>, steps: &[Step]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, steps.iter().map(|step| PyDecision::from(step.clone())))
}
