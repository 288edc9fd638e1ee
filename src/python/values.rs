//! Values of parameters and statistics, from Python and to it.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString};

use super::errors::invalid;
use crate::job::StatValue;
use crate::params::{Kind, Param, Value};

/// The value of the parameter with libvirt's name `name`.
pub fn parameter_from_py(name: &str, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    if object.is_instance_of::<PyString>() {
        let text = string_from_py(name, object)?;
        let listed = Param::from_name(name).map(Param::kind);
        // A single target or method may come without its list, as libvirt-python takes it.
        return Ok(match listed {
            Some(Kind::Disks | Kind::Methods) => Value::Strings(vec![text]),
            _ => Value::String(text),
        });
    }
    if object.is_instance_of::<PyBool>() {
        return Err(invalid(name, "takes no truth value"));
    }
    if object.is_instance_of::<PyInt>() {
        let number = object.extract().map_err(|_| invalid(name, "is out of range"))?;
        return Ok(Value::Number(number));
    }
    let unexpected = || {
        let found = object.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        invalid(name, format!("takes no {found}"))
    };
    let items = object.try_iter().map_err(|_| unexpected())?;
    let items = items.map(|item| {
        let item = item?;
        if item.is_instance_of::<PyString>() { string_from_py(name, &item) } else { Err(unexpected()) }
    });
    Ok(Value::Strings(items.collect::<PyResult<_>>()?))
}

/// Text of the parameter `name`. Lone surrogates are no text.
pub fn string_from_py(name: &str, object: &Bound<'_, PyAny>) -> PyResult<String> {
    match object.cast::<PyString>() {
        Ok(text) => text.to_str().map(str::to_owned).map_err(|_| invalid(name, "is not valid Unicode text")),
        Err(_) => Err(invalid(name, "takes a string")),
    }
}

/// A parameter's value as libvirt-python takes it.
pub fn parameter_to_py<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::String(text) => Ok(PyString::new(py, text).into_any()),
        Value::Strings(items) => Ok(PyList::new(py, items)?.into_any()),
        Value::Number(number) => Ok(number.into_pyobject(py)?.into_any()),
    }
}

/// A statistic from libvirt-python's dictionary; `None` for what no typed parameter can be.
pub fn stat_from_py(object: &Bound<'_, PyAny>) -> Option<StatValue> {
    if object.is_instance_of::<PyBool>() {
        return object.extract().ok().map(StatValue::Bool);
    }
    if object.is_instance_of::<PyInt>() {
        return object.extract().map(StatValue::UInt).or_else(|_| object.extract().map(StatValue::Int)).ok();
    }
    if object.is_instance_of::<PyFloat>() {
        return object.extract().ok().map(StatValue::Double);
    }
    object.cast::<PyString>().ok().map(|text| StatValue::String(text.to_string()))
}

/// A statistic as a Python value.
pub fn stat_to_py<'py>(py: Python<'py>, value: &StatValue) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        StatValue::Int(number) => number.into_pyobject(py)?.into_any(),
        StatValue::UInt(number) => number.into_pyobject(py)?.into_any(),
        StatValue::Double(number) => number.into_pyobject(py)?.into_any(),
        StatValue::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
        StatValue::String(text) => PyString::new(py, text).into_any(),
    })
}

/// A pause in seconds, in libvirt's whole milliseconds, rounded up.
pub fn downtime_from_py(seconds: f64) -> PyResult<u64> {
    if seconds > 0.0 && seconds <= 2000.0 {
        return Ok((seconds * 1000.0 - 1e-6).ceil() as u64);
    }
    Err(invalid("seconds", format!("{seconds} is not above 0 and 2000 at most")))
}

/// How long to wait, in seconds above 0; more than a day is a day.
pub fn timeout_from_py(seconds: Option<f64>, default: Duration) -> PyResult<Duration> {
    const DAY: f64 = 86400.0;
    match seconds {
        None => Ok(default),
        Some(seconds) if seconds > 0.0 => Ok(Duration::from_secs_f64(seconds.min(DAY))),
        Some(seconds) => Err(invalid("timeout", format!("{seconds} is not above 0"))),
    }
}

/// A bandwidth in MiB/s that libvirt can count in bytes.
pub fn mib_from_py(number: &Bound<'_, PyAny>) -> PyResult<u64> {
    let mib = number.extract().ok().filter(|mib| *mib <= i64::MAX as u64 / (1024 * 1024));
    mib.ok_or_else(|| {
        invalid("mib_per_second", format!("{number} is not a whole number of MiB/s that libvirt takes"))
    })
}
