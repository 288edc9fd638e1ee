//! libvirt's numbers that the package's Python parts go by.

use pyo3::prelude::*;

use crate::numbers::{errors, jobs, states};

macro_rules! numbers {
    ($(#[$doc:meta])* $class:ident, $name:literal, $module:ident, $type:ty: $($number:ident)+) => {
        $(#[$doc])*
        #[pyclass(frozen, name = $name, module = "libvirt_migrate")]
        pub struct $class;

        #[pymethods]
        impl $class {
            $(#[classattr] const $number: $type = $module::$number;)+
        }
    };
}

numbers! {
    /// `VIR_ERR_*` of `LibvirtError.code`.
    PyErrorCode, "_ErrorCode", errors, i32:
    INVALID_ARG NO_SUPPORT OPERATION_FAILED SYSTEM_ERROR RPC NO_DOMAIN AUTH_FAILED NO_STORAGE_VOL OPERATION_INVALID
    OPERATION_TIMEOUT OPERATION_ABORTED MIGRATE_UNSAFE OPERATION_UNSUPPORTED ACCESS_DENIED
}

numbers! {
    /// `VIR_DOMAIN_JOB_*` of `JobInfo.operation`.
    PyJobCode, "_JobCode", jobs, i64:
    OPERATION_MIGRATION_IN OPERATION_MIGRATION_OUT
}

numbers! {
    /// `VIR_DOMAIN_*` of `GuestState.code` and `GuestState.reason_code`.
    PyStateCode, "_StateCode", states, i32:
    PAUSED PAUSED_MIGRATION PAUSED_POSTCOPY
}
