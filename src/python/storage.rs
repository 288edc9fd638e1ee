//! Storage volumes and pools for Python.

use pyo3::prelude::*;

use crate::domain_xml::{Pool, Volume};

/// A volume of a storage pool, as its host describes it. Sizes are bytes.
#[pyclass(frozen, eq, name = "StorageVolume", module = "libvirt_migrate")]
#[derive(PartialEq, Eq)]
pub struct PyStorageVolume(pub Volume);

#[pymethods]
impl PyStorageVolume {
    /// Its name in the pool.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is: file, block, network, …
    #[getter]
    fn r#type(&self) -> &str {
        &self.0.kind
    }

    /// Where it is; of a network volume its name.
    #[getter]
    fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// What a guest sees of it.
    #[getter]
    fn capacity(&self) -> u64 {
        self.0.capacity
    }

    /// The length of the file or device, which is what a guest sees of an image that is taken for raw.
    #[getter]
    fn physical(&self) -> Option<u64> {
        self.0.physical
    }

    /// raw, qcow2, …, as libvirt has found out.
    #[getter]
    fn format(&self) -> Option<&str> {
        self.0.format.as_deref()
    }

    /// The file that holds what the image itself does not, or `None`.
    #[getter]
    fn backing_file(&self) -> Option<&str> {
        self.0.backing_file.as_deref()
    }

    fn __repr__(&self) -> String {
        let Volume { path, name, format, capacity, .. } = &self.0;
        let (path, format) = (path.as_ref().unwrap_or(name), format.as_deref().unwrap_or("?"));
        format!("StorageVolume({path:?}, {format}, {capacity} bytes)")
    }
}

/// A storage pool, as its host describes it.
#[pyclass(frozen, eq, name = "StoragePool", module = "libvirt_migrate")]
#[derive(PartialEq, Eq)]
pub struct PyStoragePool {
    pub pool: Pool,
    pub active: bool,
}

#[pymethods]
impl PyStoragePool {
    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        &self.pool.name
    }

    /// What it is: dir, netfs, logical, …
    #[getter]
    fn r#type(&self) -> &str {
        &self.pool.kind
    }

    /// The folder of its volumes, if they have one.
    #[getter]
    fn path(&self) -> Option<&str> {
        self.pool.path.as_deref()
    }

    /// Whether it is active: only then its volumes are known, and made.
    #[getter]
    fn is_active(&self) -> bool {
        self.active
    }

    /// Bytes that were free when libvirt looked at it last.
    #[getter]
    fn available(&self) -> u64 {
        self.pool.available
    }

    fn __repr__(&self) -> String {
        format!("StoragePool({:?}, {:?})", self.pool.name, self.pool.kind)
    }
}
