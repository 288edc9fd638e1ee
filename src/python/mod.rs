//! The native module `libvirt_migrate._core`: conversions and wrappers, nothing else.

use pyo3::prelude::*;

#[pymodule]
mod _core {
    /// The version of the crate, which is the version of the package.
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
