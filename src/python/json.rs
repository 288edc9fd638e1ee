//! Python's plain values as JSON's. (pythonize, which does this, has no release for this pyo3.)

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString};
use serde_json::Value;

use super::errors::invalid;
use super::values::string_from_py;

/// Deeper than anything that is taken; a list that holds itself ends here.
const MAX_DEPTH: usize = 16;

/// The JSON value of a Python one. `field` names it in errors.
pub fn value_from_py(field: &str, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    convert(field, object, 0)
}

fn convert(field: &str, object: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth > MAX_DEPTH {
        return Err(invalid(field, "is nested too deeply"));
    }
    if object.is_instance_of::<PyString>() {
        return string_from_py(field, object).map(Value::String);
    }
    if object.is_none() {
        return Ok(Value::Null);
    }
    if object.is_instance_of::<PyBool>() {
        return object.extract().map(Value::Bool);
    }
    if object.is_instance_of::<PyInt>() {
        let number: i64 = object.extract().map_err(|_| invalid(field, "has a number out of range"))?;
        return Ok(number.into());
    }
    if object.is_instance_of::<PyFloat>() {
        return Err(invalid(field, "takes no float"));
    }
    if let Ok(mapping) = object.cast::<PyMapping>() {
        return object_from_mapping(field, mapping, depth);
    }
    let items = object.try_iter().map_err(|_| {
        let found = object.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        invalid(field, format!("takes no {found}"))
    })?;
    let items = items.map(|item| convert(field, &item?, depth + 1));
    items.collect::<PyResult<Vec<_>>>().map(Value::Array)
}

fn object_from_mapping(field: &str, mapping: &Bound<'_, PyMapping>, depth: usize) -> PyResult<Value> {
    let mut fields = serde_json::Map::new();
    for item in mapping.items()? {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        // A vCPU's number may be one.
        let number = key.is_instance_of::<PyInt>() && !key.is_instance_of::<PyBool>();
        let key = if number { key.str()?.to_string() } else { string_from_py(field, &key)? };
        let value = convert(field, &value, depth + 1)?;
        if fields.insert(key.clone(), value).is_some() {
            return Err(invalid(field, format!("has {key} twice")));
        }
    }
    Ok(Value::Object(fields))
}

/// The Python value of a JSON one.
pub fn value_to_py<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
        Value::Number(number) => match number.as_u64() {
            Some(number) => number.into_pyobject(py)?.into_any(),
            None => number.as_f64().into_pyobject(py)?.into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(value_to_py(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(fields) => {
            let dict = PyDict::new(py);
            for (name, field) in fields {
                dict.set_item(name, value_to_py(py, field)?)?;
            }
            dict.into_any()
        }
    })
}
