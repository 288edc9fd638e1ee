//! From the crate's one error type to the exceptions of `libvirt_migrate.errors`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use super::outcome::PyOutcome;
use crate::Error;
use crate::error::LibvirtError;
use crate::location::GuestLocation;
use crate::record::Outcome;

/// An exception for `error`. With `bridge` one of libvirt is a `libvirt.libvirtError` too.
pub fn to_py(py: Python<'_>, error: Error, bridge: bool) -> PyErr {
    build(py, error, bridge).unwrap_or_else(|failure| failure)
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        Python::attach(|py| to_py(py, error, false))
    }
}

fn build(py: Python<'_>, error: Error, bridge: bool) -> PyResult<PyErr> {
    let errors = module(py)?;
    let exception = match error {
        Error::InvalidParameter { name, reason } => {
            errors.getattr("InvalidParameter")?.call1((name, reason))?
        }
        Error::InvalidDomainXml { context, source } => errors.getattr("InvalidDomainXml")?.call1((
            context,
            source.message,
            source.line,
            source.column,
        ))?,
        Error::Libvirt(error) => from_libvirt(errors, "LibvirtError", &error, None, bridge)?,
        Error::Foreign { source, code } => return from_foreign(py, "LibvirtError", source, code, None),
        Error::MigrationFailed { cause, location, outcome } => {
            let error = ended(py, "MigrationFailed", *cause, location, bridge)?;
            return with_outcome(py, error, *outcome);
        }
        Error::MigrationCancelled { cause, location, outcome } => {
            let error = ended(py, "MigrationCancelled", *cause, location, bridge)?;
            return with_outcome(py, error, *outcome);
        }
    };
    Ok(PyErr::from_value(exception))
}

fn with_outcome(py: Python<'_>, error: PyErr, outcome: Outcome) -> PyResult<PyErr> {
    error.value(py).setattr("outcome", PyOutcome::from(outcome))?;
    Ok(error)
}

fn ended(py: Python<'_>, class: &str, cause: Error, at: GuestLocation, bridge: bool) -> PyResult<PyErr> {
    match cause {
        Error::Libvirt(error) => {
            Ok(PyErr::from_value(from_libvirt(module(py)?, class, &error, Some(at), bridge)?))
        }
        Error::Foreign { source, code } => from_foreign(py, class, source, code, Some(at)),
        other => build(py, other, bridge),
    }
}

fn from_libvirt<'py>(
    errors: &Bound<'py, PyModule>,
    class: &str,
    error: &LibvirtError,
    location: Option<GuestLocation>,
    bridge: bool,
) -> PyResult<Bound<'py, PyAny>> {
    // libvirt-python's own order, which its accessors index.
    let fields = (
        error.code,
        error.domain,
        error.message.as_str(),
        error.level,
        error.strings[0].as_deref(),
        error.strings[1].as_deref(),
        error.strings[2].as_deref(),
        error.numbers[0],
        error.numbers[1],
    );
    let class = errors.getattr(class)?;
    let class = if bridge { errors.getattr("bridged")?.call1((class,))? } else { class };
    class.call1((fields, location.map(GuestLocation::name)))
}

/// An exception of the domain object's own: turned into ours where it is libvirt's, else as it was.
fn from_foreign(
    py: Python<'_>,
    class: &str,
    source: Arc<dyn std::error::Error + Send + Sync>,
    code: Option<i32>,
    location: Option<GuestLocation>,
) -> PyResult<PyErr> {
    let original = match source.downcast_ref::<Exception>() {
        Some(exception) => exception.error.clone_ref(py),
        None => return Ok(pyo3::exceptions::PyRuntimeError::new_err(source.to_string())),
    };
    if code.is_none() {
        return Ok(original);
    }
    let errors = module(py)?;
    let arguments = (errors.getattr(class)?, original.value(py), location.map(GuestLocation::name));
    let made = errors.getattr("from_libvirt_python")?.call1(arguments)?;
    let (translated, masked): (Bound<'_, PyAny>, bool) = made.extract()?;
    let translated = PyErr::from_value(translated);
    // A traceback prints the cause as well.
    translated.set_cause(py, (!masked).then_some(original));
    Ok(translated)
}

/// An exception of a domain object's, with its text: it is asked for where there is no Python.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Exception {
    error: PyErr,
    text: String,
}

/// The crate's error for an exception of a domain object's.
pub fn foreign(py: Python<'_>, error: PyErr) -> Error {
    let (code, text) = (libvirt_code(py, &error), error.to_string());
    Error::Foreign { code, source: Arc::new(Exception { error, text }) }
}

/// libvirt's number of an exception that has one.
fn libvirt_code(py: Python<'_>, error: &PyErr) -> Option<i32> {
    let code = error.value(py).call_method0("get_error_code").ok()?;
    code.extract().ok()
}

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("libvirt_migrate.errors").map(Bound::unbind))?;
    Ok(module.bind(py))
}

/// Shorthand for an `InvalidParameter`.
pub fn invalid(name: &str, reason: impl Into<String>) -> PyErr {
    Error::parameter(name, reason).into()
}
