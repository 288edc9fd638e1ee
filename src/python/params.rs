//! `build_migrate_params` and the mapping that it returns.

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict, PyIterator, PyList, PyMapping, PyString};

use super::errors::invalid;
use super::values::{parameter_from_py, parameter_to_py, string_from_py};
use crate::flags::MigrateFlags;
use crate::params::{DESTINATION_XML, Definition, Kind, MigrateParams, PERSISTENT_XML, Param, Value};
use crate::uri::without_secrets;
use crate::version::LibvirtVersion;

/// The parameters of one migration: a frozen mapping of libvirt's names to values.
///
/// It holds `persistent_xml` whenever it holds `destination_xml`. `destination` and `flags` ride along as
/// attributes, and `dict(params)` is what `virDomain.migrateToURI3(params=...)` takes.
#[pyclass(frozen, mapping, name = "MigrateParams", module = "libvirt_migrate")]
pub struct PyMigrateParams {
    pub inner: MigrateParams,
}

/// The parameters of a migration, checked.
///
/// `dest_xml` is the definition that the guest runs with at the destination, and, unless `persistent_xml` gives
/// another, the one that the destination keeps: one never goes without the other. Without it the guest keeps
/// its own. Every parameter of libvirt is a keyword under libvirt's name, with `_` for `.`; `destination` is
/// the URI of the destination's daemon, and `flags` libvirt's flags, by default LIVE, PEER2PEER, PERSIST_DEST,
/// UNDEFINE_SOURCE and those that the parameters ask for. `migrate_disks` asks for whole copies (NON_SHARED_DISK).
/// An incremental one, onto images that have the same backing files as the source's, is asked for by
/// NON_SHARED_INC; without `migrate_disks` that flag is cleared, and NON_SHARED_DISK copies every disk that is not
/// read-only, shareable or empty. An empty `migrate_disks` copies none.
///
/// Raises InvalidParameter or InvalidDomainXml; nothing is sent to a hypervisor.
#[pyfunction]
#[pyo3(signature = (dest_xml=None, *, destination=None, flags=None, persistent_xml=None, **parameters))]
#[pyo3(text_signature = "(dest_xml=None, *, persistent_xml=None, destination=None, flags=None, \
    migrate_uri=None, destination_name=None, bandwidth=None, bandwidth_postcopy=None, \
    bandwidth_avail_switchover=None, graphics_uri=None, listen_address=None, migrate_disks=None, \
    migrate_disks_detect_zeroes=None, migrate_disks_target_zero=None, disks_port=None, disks_uri=None, \
    compression=None, compression_mt_level=None, compression_mt_threads=None, \
    compression_mt_dthreads=None, compression_xbzrle_cache=None, compression_zlib_level=None, \
    compression_zstd_level=None, auto_converge_initial=None, auto_converge_increment=None, \
    parallel_connections=None, tls_destination=None)")]
pub fn build_migrate_params(
    dest_xml: Option<&Bound<'_, PyAny>>,
    destination: Option<&Bound<'_, PyAny>>,
    flags: Option<&Bound<'_, PyAny>>,
    persistent_xml: Option<&Bound<'_, PyAny>>,
    parameters: Option<&Bound<'_, PyDict>>,
) -> PyResult<PyMigrateParams> {
    let definition = match (dest_xml, persistent_xml) {
        (Some(live), persistent) => {
            let live = string_from_py(DESTINATION_XML, live)?;
            let persistent = persistent.map(|xml| string_from_py(PERSISTENT_XML, xml)).transpose()?;
            Some(Definition::new(live, persistent.map(Into::into))?)
        }
        (None, None) => None,
        (None, Some(_)) => {
            return Err(invalid(PERSISTENT_XML, "is given without dest_xml; they travel together"));
        }
    };
    let mut values = Vec::new();
    for (keyword, value) in parameters.into_iter().flatten().filter(|(_, value)| !value.is_none()) {
        let keyword = string_from_py("parameters", &keyword)?;
        let param = by_keyword(&keyword)
            .ok_or_else(|| invalid(&keyword, "is not a migration parameter of libvirt"))?;
        values.push((param, parameter_from_py(param.name(), &value)?));
    }
    let inner = MigrateParams::new(definition, values, uri_from_py(destination)?, flags_from_py(flags)?)?;
    Ok(PyMigrateParams { inner })
}

fn by_keyword(keyword: &str) -> Option<Param> {
    Param::ALL.iter().copied().find(|param| {
        param.name().len() == keyword.len()
            && param
                .name()
                .bytes()
                .zip(keyword.bytes())
                .all(|(ours, theirs)| ours == theirs || (ours == b'.' && theirs == b'_'))
    })
}

/// A destination's URI from an argument.
pub fn uri_from_py(uri: Option<&Bound<'_, PyAny>>) -> PyResult<Option<String>> {
    uri.map(|uri| string_from_py("destination", uri)).transpose()
}

/// Flags from an argument.
pub fn flags_from_py(flags: Option<&Bound<'_, PyAny>>) -> PyResult<Option<MigrateFlags>> {
    let Some(flags) = flags else { return Ok(None) };
    let number =
        flags.extract().map_err(|_| invalid("flags", "takes an integer of libvirt's VIR_MIGRATE_ flags"))?;
    Ok(Some(MigrateFlags::from_number(number)?))
}

/// The parameters behind an argument: ours, or any mapping under libvirt's names.
pub fn params_from_py(
    params: &Bound<'_, PyAny>,
    destination: Option<&Bound<'_, PyAny>>,
    flags: Option<&Bound<'_, PyAny>>,
) -> PyResult<MigrateParams> {
    let (destination, flags) = (uri_from_py(destination)?, flags_from_py(flags)?);
    if let Ok(ours) = params.cast::<PyMigrateParams>() {
        let ours = &ours.get().inner;
        return Ok(if destination.is_none() && flags.is_none() {
            ours.clone()
        } else {
            ours.with(destination, flags)?
        });
    }
    let Ok(mapping) = params.cast::<PyMapping>() else {
        return Err(invalid(
            "params",
            "takes what build_migrate_params returns, or a mapping of libvirt's names",
        ));
    };
    let mut entries = Vec::new();
    for item in mapping.items()? {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let name = string_from_py("params", &name)?;
        let value = parameter_from_py(&name, &value)?;
        entries.push((name, value));
    }
    Ok(MigrateParams::from_names(entries, destination, flags)?)
}

impl PyMigrateParams {
    fn lookup<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some((_, xml)) = self.inner.definitions().find(|(key, _)| *key == name) {
            return Ok(Some(PyString::new(py, xml).into_any()));
        }
        let value = Param::from_name(name).and_then(|param| self.inner.get(param));
        value.map(|value| parameter_to_py(py, value)).transpose()
    }
}

/// The parameters as the dictionary that libvirt-python takes.
pub fn to_dict<'py>(py: Python<'py>, params: &MigrateParams) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, xml) in params.definitions() {
        dict.set_item(name, xml)?;
    }
    for (param, value) in params.values() {
        dict.set_item(param.name(), parameter_to_py(py, value)?)?;
    }
    Ok(dict)
}

#[pymethods]
impl PyMigrateParams {
    /// The URI of the destination's daemon, or `None`.
    #[getter]
    fn destination(&self) -> Option<&str> {
        self.inner.destination()
    }

    /// libvirt's flags, as a MigrateFlags.
    #[getter]
    fn flags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("libvirt_migrate.flags")?.getattr("MigrateFlags")?.call1((self.inner.flags().bits(),))
    }

    /// The same parameters with another destination or other flags.
    #[pyo3(signature = (*, destination=None, flags=None))]
    fn replace(
        &self,
        destination: Option<&Bound<'_, PyAny>>,
        flags: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self { inner: self.inner.with(uri_from_py(destination)?, flags_from_py(flags)?)? })
    }

    /// Refuses with InvalidParameter what a libvirt of this version (major, minor, release) does not have.
    fn check_version(&self, version: (u32, u32, u32)) -> PyResult<()> {
        let (major, minor, release) = version;
        Ok(self.inner.check_version(LibvirtVersion::new(major, minor, release))?)
    }

    /// libvirt's names of the parameters.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.inner.names())
    }

    /// The values, in the order of the names.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        Ok(to_dict(py, &self.inner)?.values())
    }

    /// Names and values.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        Ok(to_dict(py, &self.inner)?.items())
    }

    /// The value of a parameter, or `default`.
    #[pyo3(signature = (name, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.lookup(py, name)?.or(default))
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.lookup(py, name)?.ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        name.extract::<&str>().is_ok_and(|name| self.inner.names().any(|key| key == name))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.keys(py)?.try_iter()
    }

    fn __len__(&self) -> usize {
        self.inner.names().count()
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        match other.cast::<Self>() {
            Ok(other) => Ok(self.inner == other.get().inner),
            Err(_) => to_dict(py, &self.inner)?.eq(other),
        }
    }

    /// Without the definitions and without users, passwords and queries of URIs.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut parts: Vec<String> =
            self.inner.definitions().map(|(name, xml)| format!("{name}=<{} bytes>", xml.len())).collect();
        for (param, value) in self.inner.values() {
            let shown = match value {
                Value::String(uri) if param.kind() == Kind::Uri => {
                    PyString::new(py, &without_secrets(uri)).repr()
                }
                _ => parameter_to_py(py, value)?.repr(),
            };
            parts.push(format!("{}={}", param.name(), shown?));
        }
        let destination = self.inner.destination().map(without_secrets);
        let destination = destination.map_or("None".to_owned(), |uri| format!("{uri:?}"));
        parts.push(format!("destination={destination}, flags={}", self.inner.flags()));
        Ok(format!("MigrateParams({})", parts.join(", ")))
    }
}
