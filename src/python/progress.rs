//! `Progress` for Python.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::progress::Progress;

macro_rules! py_progress {
    ($($name:ident: $type:ty = $value:expr, $doc:literal;)+) => {
        /// How far a migration is. Times are seconds, sizes bytes, rates bytes/s; `None` while unknown.
        #[pyclass(frozen, eq, name = "Progress", module = "libvirt_migrate")]
        #[derive(PartialEq)]
        pub struct PyProgress {
            $(#[doc = $doc] #[pyo3(get)] $name: $type,)+
        }

        impl From<Progress> for PyProgress {
            fn from(progress: Progress) -> Self {
                Self { $($name: { let value: fn(&Progress) -> $type = $value; value(&progress) },)+ }
            }
        }

        #[pymethods]
        impl PyProgress {
            /// Everything, by name.
            fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                let dict = PyDict::new(py);
                $(dict.set_item(stringify!($name), self.$name)?;)+
                Ok(dict)
            }

            pub fn __repr__(&self) -> String {
                let left = self.expected_time_left.map(|left| format!(", {left:.1} s left"));
                let (phase, percent) = (self.phase, self.fraction * 100.0);
                format!("Progress({phase}, {percent:.1} %{})", left.unwrap_or_default())
            }
        }
    };
}

py_progress! {
    phase: &'static str = |progress| progress.phase.name(),
        "setup, disks, memory, switchover, post-copy or finishing.";
    elapsed: f64 = |progress| progress.elapsed.as_secs_f64(), "Since the start.";
    fraction: f64 = |progress| progress.fraction,
        "The part that is done, 0 to 1; never goes back. 1 means that all of the guest is at the destination.";
    memory_total: u64 = |progress| progress.memory_total, "Memory of the guest; 0 while unknown.";
    memory_processed: u64 = |progress| progress.memory_processed,
        "Memory moved; more than the total once pages are sent again.";
    memory_remaining: u64 = |progress| progress.memory_remaining, "Memory that is known to be left.";
    disk_total: u64 = |progress| progress.disk_total, "Disks to copy.";
    disk_processed: u64 = |progress| progress.disk_processed, "Disks copied.";
    disk_remaining: u64 = |progress| progress.disk_remaining, "Disks left.";
    iteration: u64 = |progress| progress.iteration,
        "Passes over the memory, the current one counted; 0 before the first.";
    throughput: Option<f64> = |progress| progress.throughput,
        "How fast memory is moved (disks in their phase), smoothed.";
    dirty_rate: Option<f64> = |progress| progress.dirty_rate, "How fast the guest dirties memory.";
    expected_downtime: Option<f64> = |progress| seconds(progress.expected_downtime),
        "The pause that the guest would see now.";
    expected_time_left: Option<f64> = |progress| seconds(progress.expected_time_left),
        "Until the end, if it goes on like this; `None` also for what does not end by itself.";
    stuck: bool = |progress| progress.stuck,
        "It does not end by itself: memory or disks are written to as fast as they are moved.";
    throttle: u8 = |progress| progress.throttle, "How much the guest is slowed down, %.";
}

/// A time for Python.
pub fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}
