//! The native module `libvirt_migrate._core`: conversions and wrappers, nothing else.

mod errors;
mod foreign;
mod guest;
mod job;
mod json;
mod params;
mod policy;
mod retarget;
mod state;
mod values;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::guest::PyGuest;
    #[pymodule_export]
    use super::job::PyJobInfo;
    #[pymodule_export]
    use super::params::{PyMigrateParams, build_migrate_params};
    #[pymodule_export]
    use super::policy::{PyConvergencePolicy, PyDecision};
    #[pymodule_export]
    use super::retarget::{PyRetarget, PyXmlChange, diff_xml, retarget_xml};
    #[pymodule_export]
    use super::state::PyGuestState;

    /// The version of the crate, which is the version of the package.
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
