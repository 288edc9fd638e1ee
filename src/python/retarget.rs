//! `Retarget`, `retarget_xml` and `diff_xml` for Python.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString, PyTuple};
use serde_json::{Map, Value};

use super::errors::invalid;
use super::gil::released;
use super::json::{value_from_py, value_to_py};
use super::values::string_from_py;
use crate::Error;
use crate::domain_xml::{Retarget, XmlChange, decode, whole_disks};

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
    #[pyo3(signature = (*, graphics=None, serial=None, listeners=None, disks=None, rbd=None, interfaces=None, emulator=None,
        firmware=None, perf_events=None, memory_backing=None, cpu_shares=None, vcpu_cpuset=None, numa=None, mdevs=None, pci=None, vpmem=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        graphics: Option<&Bound<'_, PyAny>>,
        serial: Option<&Bound<'_, PyAny>>,
        listeners: Option<&Bound<'_, PyAny>>,
        disks: Option<&Bound<'_, PyAny>>,
        rbd: Option<&Bound<'_, PyAny>>,
        interfaces: Option<&Bound<'_, PyAny>>,
        emulator: Option<&Bound<'_, PyAny>>,
        firmware: Option<&Bound<'_, PyAny>>,
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
            ("listeners", listeners),
            ("disks", disks),
            ("rbd", rbd),
            ("interfaces", interfaces),
            ("emulator", emulator),
            ("firmware", firmware),
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

/// The definition for the destination: `xml` with what `retarget` changes.
///
/// What no field of `retarget` names keeps its bytes. `xml` is `str`, or `bytes` in UTF-8.
/// Raises InvalidDomainXml, which names the element with line and column.
#[pyfunction]
pub fn retarget_xml(py: Python<'_>, xml: &Bound<'_, PyAny>, retarget: &Bound<'_, PyAny>) -> PyResult<String> {
    let retarget = retarget.cast::<PyRetarget>().map_err(|_| invalid("retarget", "takes a Retarget"))?.get();
    let text = text_from_py("xml", xml)?;
    Ok(released(py, || retarget.inner.apply(text))?)
}

/// The two definitions of a guest for the destination: the live one (`xml`) and the persistent one.
///
/// Each gets what it has of `retarget`: a device that only one of the two has, such as a disk that was plugged into the
/// running guest, changes there and is not missed in the other. Raises InvalidDomainXml, also for what is in neither.
#[pyfunction]
pub fn retarget_pair(
    py: Python<'_>,
    xml: &Bound<'_, PyAny>,
    persistent_xml: &Bound<'_, PyAny>,
    retarget: &Bound<'_, PyAny>,
) -> PyResult<(String, String)> {
    let retarget = retarget.cast::<PyRetarget>().map_err(|_| invalid("retarget", "takes a Retarget"))?.get();
    let (live, kept) = (text_from_py("xml", xml)?, text_from_py("persistent_xml", persistent_xml)?);
    Ok(released(py, || retarget.inner.apply_pair(live, kept))?)
}

/// What is different in the definition `after`, with secrets masked.
///
/// The order of attributes, white space around text and comments are no differences. Raises InvalidDomainXml.
#[pyfunction]
pub fn diff_xml<'py>(
    py: Python<'py>,
    before: &Bound<'py, PyAny>,
    after: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let (before, after) = (text_from_py("before", before)?, text_from_py("after", after)?);
    let changes = released(py, || crate::domain_xml::diff_xml(before, after))?;
    PyTuple::new(py, changes.into_iter().map(|inner| PyXmlChange { inner }))
}

/// The definition `xml` for a destination to which these disks are copied whole, such as `["vda"]`.
///
/// Where it names chains of backing files, as after an external snapshot, they go: a whole copy is one image, and the
/// destination lacks the others. Everything else keeps its bytes. Raises InvalidDomainXml.
#[pyfunction]
pub fn whole_disks_xml(py: Python<'_>, xml: &Bound<'_, PyAny>, disks: Vec<String>) -> PyResult<String> {
    let text = text_from_py("xml", xml)?;
    let invalid = |source| Error::InvalidDomainXml { context: "xml".to_owned(), source };
    Ok(released(py, || whole_disks(text, &disks).map_err(invalid))?)
}

/// A definition from `str` or UTF-8 `bytes`.
pub(super) fn text_from_py<'a>(context: &str, xml: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    if let Ok(bytes) = xml.cast::<PyBytes>() {
        return Ok(decode(context, bytes.as_bytes())?);
    }
    let text = xml.cast::<PyString>().map_err(|_| invalid(context, "takes str or bytes"))?;
    text.to_str().map_err(|_| invalid(context, "is not valid Unicode text"))
}

/// A difference between two definitions: `path`, and the value `before` and `after`, each `None` where there is none.
#[pyclass(frozen, eq, hash, name = "XmlChange", module = "libvirt_migrate")]
#[derive(PartialEq, Eq, Hash)]
pub struct PyXmlChange {
    inner: XmlChange,
}

#[pymethods]
impl PyXmlChange {
    /// Where: `/domain/devices/disk[vda]/source/@dev`.
    #[getter]
    fn path(&self) -> &str {
        &self.inner.path
    }

    /// The old value, text or element.
    #[getter]
    fn before(&self) -> Option<&str> {
        self.inner.before.as_deref()
    }

    /// The new value, text or element.
    #[getter]
    fn after(&self) -> Option<&str> {
        self.inner.after.as_deref()
    }

    fn __str__(&self) -> String {
        self.inner.to_string()
    }

    fn __repr__(&self) -> String {
        format!("XmlChange({:?})", self.inner.to_string())
    }
}
