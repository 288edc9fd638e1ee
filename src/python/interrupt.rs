//! Calls that Ctrl-C can interrupt.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::gil::released;

/// Runs what asks now and then whether it was interrupted, and raises the interrupt once that is over, with what
/// it ended with as its cause.
///
/// Signals are delivered to the main thread only, so only there a call can be interrupted.
pub fn interruptibly<T: Send>(
    py: Python<'_>,
    body: impl Send + FnOnce(&mut dyn FnMut() -> bool) -> crate::Result<T>,
    to_py: impl FnOnce(crate::Error) -> PyErr,
) -> PyResult<T> {
    let mut interrupt: Option<PyErr> = None;
    let main = on_main_thread(py)?;
    let result = released(py, || {
        let mut check = || {
            interrupt = main.then(|| Python::attach(|py| py.check_signals().err())).flatten();
            interrupt.is_some()
        };
        body(&mut check)
    });
    let (answer, error) = match result {
        Ok(answer) => (Some(answer), None),
        Err(error) => (None, Some(to_py(error))),
    };
    match (interrupt, error, answer) {
        (Some(interrupt), error, _) => {
            interrupt.set_cause(py, error);
            Err(interrupt)
        }
        (None, None, Some(answer)) => Ok(answer),
        (None, error, _) => Err(error.unwrap_or_else(|| PyRuntimeError::new_err("no answer"))),
    }
}

fn on_main_thread(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    Ok(threading.call_method0("current_thread")?.is(&threading.call_method0("main_thread")?))
}
