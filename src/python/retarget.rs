//! `Retarget` for Python.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};
use serde_json::{Map, Value};

use super::errors::invalid;
use super::json::{value_from_py, value_to_py};
use super::values::string_from_py;
use crate::domain_xml::Retarget;

/// What changes in a definition when its guest moves. A field that is not given leaves its part alone.
///
/// Built once and applied to as many definitions as needed. docs/retarget.md describes each field.
/// Raises InvalidParameter, which names the field.
#[pyclass(frozen, eq, name = "Retarget", module = "libvirt_migrate")]
#[derive(PartialEq)]
pub struct PyRetarget {
    inner: Retarget,
}

#[pymethods]
impl PyRetarget {
    #[new]
    #[pyo3(signature = (*, graphics=None, serial=None, disks=None, rbd=None, interfaces=None, perf_events=None,
        memory_backing=None, cpu_shares=None, vcpu_cpuset=None, numa=None, mdevs=None, pci=None, vpmem=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        graphics: Option<&Bound<'_, PyAny>>,
        serial: Option<&Bound<'_, PyAny>>,
        disks: Option<&Bound<'_, PyAny>>,
        rbd: Option<&Bound<'_, PyAny>>,
        interfaces: Option<&Bound<'_, PyAny>>,
        perf_events: Option<&Bound<'_, PyAny>>,
        memory_backing: Option<&Bound<'_, PyAny>>,
        cpu_shares: Option<&Bound<'_, PyAny>>,
        vcpu_cpuset: Option<&Bound<'_, PyAny>>,
        numa: Option<&Bound<'_, PyAny>>,
        mdevs: Option<&Bound<'_, PyAny>>,
        pci: Option<&Bound<'_, PyAny>>,
        vpmem: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let given = [
            ("graphics", graphics),
            ("serial", serial),
            ("disks", disks),
            ("rbd", rbd),
            ("interfaces", interfaces),
            ("perf_events", perf_events),
            ("memory_backing", memory_backing),
            ("cpu_shares", cpu_shares),
            ("vcpu_cpuset", vcpu_cpuset),
            ("numa", numa),
            ("mdevs", mdevs),
            ("pci", pci),
            ("vpmem", vpmem),
        ];
        let mut fields = Map::new();
        for (name, value) in given {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value_from_py(name, value)?);
            }
        }
        Ok(Self { inner: Retarget::from_value(Value::Object(fields))? })
    }

    /// The retargeting that a JSON document describes.
    #[staticmethod]
    fn from_json(text: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { inner: Retarget::from_json(&string_from_py("retarget", text)?)? })
    }

    /// The retargeting that a mapping of plain values describes.
    #[staticmethod]
    fn from_dict(fields: &Bound<'_, PyAny>) -> PyResult<Self> {
        if fields.cast::<PyMapping>().is_err() {
            return Err(invalid("retarget", "takes a mapping"));
        }
        Ok(Self { inner: Retarget::from_value(value_from_py("retarget", fields)?)? })
    }

    /// The JSON document, device definitions with their secrets included.
    fn to_json(&self) -> String {
        self.inner.to_json()
    }

    /// Plain values, device definitions with their secrets included.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        Ok(value_to_py(py, &self.inner.to_value())?.cast_into::<PyDict>()?)
    }

    /// Without the device definitions, which can hold passwords.
    fn __repr__(&self) -> String {
        self.inner.to_string()
    }
}
