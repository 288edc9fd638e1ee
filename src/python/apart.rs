//! A call to Python that may block for long, on a thread of Python's.
//!
//! A thread that is in Python when the interpreter ends is unwound by it, which only its own frames survive. So
//! one of the package's waits here, without the GIL, for one that has no frames of Rust's.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::errors::foreign;
use crate::libvirt::InBackground;
use crate::{Error, Result};

/// What the call will have ended with.
pub struct Answer(Receiver<Result<()>>);

impl Answer {
    /// Waits for it, without the GIL.
    pub fn wait(self) -> Result<()> {
        self.0
            .recv()
            .unwrap_or_else(|_| Err(Error::not_now("the thread of the call ended without an answer")))
    }
}

/// Who waits for the end of a call.
#[pyclass(frozen, name = "_Waiter", module = "libvirt_migrate")]
pub struct PyWaiter(Mutex<Sender<Result<()>>>);

#[pymethods]
impl PyWaiter {
    /// The call is over: with an exception, or well.
    #[pyo3(signature = (error=None))]
    fn tell(&self, py: Python<'_>, error: Option<Bound<'_, PyAny>>) {
        // The interpreter is going, and nobody waits any more.
        let Some(_told) = InBackground::begin() else { return };
        let result = error.map_or(Ok(()), |error| Err(foreign(py, PyErr::from_value(error))));
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).send(result);
    }
}

/// Has Python make a call on a thread of its own.
pub fn call_apart<'py>(
    function: &Bound<'py, PyAny>,
    args: impl IntoPyObject<'py>,
    keywords: &Bound<'py, PyDict>,
) -> PyResult<Answer> {
    let py = function.py();
    let Some(_started) = InBackground::begin() else {
        return Err(PyRuntimeError::new_err("the interpreter is shutting down"));
    };
    let (sender, answer) = channel();
    let waiter = PyWaiter(Mutex::new(sender));
    py.import("libvirt_migrate._dispatch")?
        .getattr("call_apart")?
        .call1((function, args, keywords, waiter))?;
    Ok(Answer(answer))
}
