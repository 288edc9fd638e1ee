//! Parameters of a caller that has rules of its own: the drop-in for Nova.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict, PyString};

use super::errors::invalid;
use super::params::PyMigrateParams;
use super::values::{parameter_from_py, string_from_py};
use crate::flags::MigrateFlags;
use crate::params::{DESTINATION_XML, MigrateParams, Param, Value};

/// Parameters that are sent as they are: what libvirt checks is left to libvirt.
///
/// `parameters` are libvirt's names but for the two definitions; `destination_xml`, where it is given, is sent as
/// the persistent definition too. `destination` is the URI of the destination's daemon, `flags` are libvirt's.
///
/// Raises InvalidParameter for a name that is none of libvirt's, and for a value of a type that no parameter has.
#[pyfunction]
#[pyo3(signature = (destination, flags, destination_xml, parameters))]
pub fn _params_as_given(
    destination: &Bound<'_, PyAny>,
    flags: u32,
    destination_xml: Option<&Bound<'_, PyAny>>,
    parameters: &Bound<'_, PyDict>,
) -> PyResult<PyMigrateParams> {
    let destination = string_from_py("destination", destination)?;
    let xml = destination_xml.map(|xml| string_from_py(DESTINATION_XML, xml)).transpose()?;
    let mut values = Vec::with_capacity(parameters.len());
    for (name, value) in parameters {
        let name = string_from_py("parameters", &name)?;
        let param = Param::from_name(&name);
        let param = param.ok_or_else(|| invalid(&name, "is not a migration parameter of libvirt"))?;
        values.push((param, value_from_py(&name, &value)?));
    }
    let flags = MigrateFlags::from_bits_retain(flags);
    Ok(PyMigrateParams { inner: MigrateParams::as_given(xml, values, destination, flags) })
}

/// As it is: one text stays one where libvirt takes several.
fn value_from_py(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if value.is_instance_of::<PyString>() {
        return Ok(Value::String(string_from_py(name, value)?));
    }
    parameter_from_py(name, value)
}
