//! `JobInfo` for Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::values::stat_to_py;
use crate::for_each_job_statistic;
use crate::job::JobInfo;

macro_rules! py_job_info {
    ($($name:ident: $type:ty, $convert:ident, $doc:literal;)+) => {
        /// The statistics of a job under libvirt's names and in its units; `None` for what libvirt does not tell.
        #[pyclass(frozen, eq, name = "JobInfo", module = "libvirt_migrate")]
        #[derive(PartialEq)]
        pub struct PyJobInfo {
            info: JobInfo,
            $(#[doc = $doc] #[pyo3(get)] $name: Option<$type>,)+
        }

        impl From<JobInfo> for PyJobInfo {
            fn from(info: JobInfo) -> Self {
                Self { $($name: info.$name.clone(),)+ info }
            }
        }

        impl PyJobInfo {
            fn fill(&self, dict: &Bound<'_, PyDict>) -> PyResult<()> {
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

    /// What libvirt told, under its own names, `type` and the unknown ones included.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = self.extra(py)?;
        dict.set_item("type", self.r#type())?;
        self.fill(&dict)?;
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("JobInfo({})", self.to_dict(py)?.repr()?))
    }
}
