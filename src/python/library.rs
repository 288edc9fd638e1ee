//! The libvirt that Python's modules and this one share, or do not.

use std::ffi::CString;

use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use super::gil::released;
use crate::libvirt::{same_library, silence_default_handler};

/// The capsule of a real libvirt-python domain that uses the same libvirt as this module.
///
/// Exactly that class: a subclass, a proxy or a mock has methods of its own, which are not to be bypassed.
pub fn shared_capsule<'py>(dom: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyCapsule>>> {
    let (Some(libvirt), Some(native)) = (loaded(dom.py(), "libvirt")?, loaded(dom.py(), "libvirtmod")?)
    else {
        return Ok(None);
    };
    let is_real = libvirt.getattr("virDomain").is_ok_and(|class| dom.get_type().is(&class));
    if !is_real {
        return Ok(None);
    }
    let Ok(path) = native.getattr("__file__").and_then(|path| path.extract::<String>()) else {
        return Ok(None);
    };
    let shares = CString::new(path).is_ok_and(|path| same_library(&path));
    let capsule = dom.getattr("_o").ok().and_then(|capsule| capsule.cast_into::<PyCapsule>().ok());
    Ok(capsule.filter(|_| shares))
}

/// Keeps libvirt from writing errors to standard error, where nobody else uses it in this process.
pub fn quiet_libvirt(py: Python<'_>) -> PyResult<()> {
    if loaded(py, "libvirt")?.is_none() {
        released(py, silence_default_handler);
    }
    Ok(())
}

/// A module that is loaded, without loading it.
fn loaded<'py>(py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let module = py.import("sys")?.getattr("modules")?.call_method1("get", (name,))?;
    Ok((!module.is_none()).then_some(module))
}
