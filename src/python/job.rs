//! `JobInfo` for Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::values::stat_to_py;
use crate::job::{JobInfo, for_each_job_statistic};

/// How a statistic is told: times, which libvirt counts in milliseconds, in seconds, and all else as it is.
macro_rules! told {
    (type as_milliseconds $type:ty) => {
        f64
    };
    (type $convert:ident $type:ty) => {
        $type
    };
    (value as_milliseconds $value:expr) => {
        $value.map(|milliseconds| milliseconds as f64 / 1000.0)
    };
    (value $convert:ident $value:expr) => {
        $value
    };
    (doc as_milliseconds $doc:literal) => {
        concat!($doc, " In seconds.")
    };
    (doc $convert:ident $doc:literal) => {
        $doc
    };
}

macro_rules! py_job_info {
    ($($name:ident: $type:ty, $convert:ident, $doc:literal;)+) => {
        /// The statistics of a job under libvirt's names; `None` for what libvirt does not tell. Times are seconds; in
        /// `to_dict()`, which is what libvirt tells, they are its milliseconds.
        #[pyclass(frozen, eq, name = "JobInfo", module = "libvirt_migrate")]
        #[derive(PartialEq)]
        pub struct PyJobInfo {
            info: JobInfo,
            $(#[doc = told!(doc $convert $doc)] #[pyo3(get)] $name: Option<told!(type $convert $type)>,)+
        }

        impl From<JobInfo> for PyJobInfo {
            fn from(info: JobInfo) -> Self {
                Self { $($name: told!(value $convert info.$name.clone()),)+ info }
            }
        }

        impl PyJobInfo {
            /// Puts in what libvirt told, in its units.
            fn fill(&self, dict: &Bound<'_, PyDict>) -> PyResult<()> {
                $(if let Some(value) = &self.info.$name { dict.set_item(stringify!($name), value)?; })+
                Ok(())
            }

            /// Puts in what is told here, times in seconds.
            fn show(&self, dict: &Bound<'_, PyDict>) -> PyResult<()> {
                $(if let Some(value) = &self.$name { dict.set_item(stringify!($name), value)?; })+
                Ok(())
            }
        }
    };
}

for_each_job_statistic!(py_job_info);

#[pymethods]
impl PyJobInfo {
    /// libvirt's number of the job's type.
    #[getter]
    fn r#type(&self) -> i64 {
        self.info.kind.number()
    }

    /// The job's type in words: none, bounded, unbounded, completed, failed, cancelled.
    #[getter]
    fn type_name(&self) -> &'static str {
        self.info.kind.name()
    }

    /// Statistics that this version of libvirt-migrate does not know.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in &self.info.extra {
            dict.set_item(name, stat_to_py(py, value)?)?;
        }
        Ok(dict)
    }

    /// What libvirt told, under its own names and in its units (times are ms), `type` and the unknown ones included:
    /// what `ConvergencePolicy.observe` takes.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = self.extra(py)?;
        dict.set_item("type", self.r#type())?;
        self.fill(&dict)?;
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let dict = self.to_dict(py)?;
        self.show(&dict)?;
        Ok(format!("JobInfo({})", dict.repr()?))
    }
}
