//! The native module `libvirt_migrate._core`: conversions and wrappers, nothing else.

mod apart;
mod convergence;
mod engine;
mod errors;
#[cfg(debug_assertions)]
mod faults;
mod forecast;
mod foreign;
mod gil;
mod given;
mod guest;
mod home;
mod host;
mod interrupt;
mod job;
mod json;
mod library;
mod listeners;
mod location;
mod migration;
mod numbers;
mod outcome;
mod params;
mod policy;
mod progress;
mod retarget;
mod state;
mod storage;
mod transport;
mod updates;
mod values;
mod whereabouts;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::apart::PyWaiter;
    #[pymodule_export]
    use super::convergence::PyConvergence;
    #[pymodule_export]
    use super::engine::{PyEngine, PyOrder};
    #[cfg(debug_assertions)]
    #[pymodule_export]
    use super::faults::_panic;
    #[pymodule_export]
    use super::forecast::{PyForecast, PyGuestForecast, forecast};
    #[pymodule_export]
    use super::given::_params_as_given;
    #[pymodule_export]
    use super::guest::PyGuest;
    #[pymodule_export]
    use super::host::PyHost;
    #[pymodule_export]
    use super::job::PyJobInfo;
    #[pymodule_export]
    use super::listeners::{PyListener, listeners};
    #[pymodule_export]
    use super::location::guest_location;
    #[pymodule_export]
    use super::migration::{_close, PyMigration, PyProgressIterator};
    #[pymodule_export]
    use super::numbers::{PyErrorCode, PyJobCode, PyStateCode};
    #[pymodule_export]
    use super::outcome::{PyDecision, PyOutcome};
    #[pymodule_export]
    use super::params::{PyMigrateParams, build_migrate_params};
    #[pymodule_export]
    use super::policy::{PyConvergencePolicy, PyPolicyDecision};
    #[pymodule_export]
    use super::progress::PyProgress;
    #[pymodule_export]
    use super::retarget::{PyRetarget, PyXmlChange, diff_xml, retarget_pair, retarget_xml, whole_disks_xml};
    #[pymodule_export]
    use super::state::PyGuestState;
    #[pymodule_export]
    use super::storage::{PyStoragePool, PyStorageVolume};
    #[pymodule_export]
    use super::transport::{_compression, _is_refusal};
    #[pymodule_export]
    use super::updates::PyUpdates;

    #[pymodule_export]
    use super::whereabouts::{PyHostAnswer, PyWhereabouts, where_is};

    /// The version of the crate, which is the version of the package.
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
