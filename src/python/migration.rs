//! `Migration` for Python.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::errors::{invalid, to_py};
use super::gil::{Detached, close, released};
use super::outcome::{PyOutcome, decisions};
use super::progress::PyProgress;
use super::updates::PyUpdates;
use super::values::{downtime_from_py, mib_from_py};
use crate::Migration;
use crate::libvirt::{leave, stop_event_loop};

/// How often a wait looks for signals. The end is noticed at once.
const SIGNALS: Duration = Duration::from_millis(50);
/// The longest wait that is counted, so that no sum overflows.
const YEAR: f64 = 365.0 * 86400.0;

/// How long the end of the interpreter waits for calls that are just over.
const PATIENCE: Duration = Duration::from_millis(200);

/// Before the interpreter goes: no thread comes back to it, and none of this package calls it any more.
#[pyfunction]
pub fn _close(py: Python<'_>) {
    py.detach(|| {
        stop_event_loop();
        leave(PATIENCE);
        close(PATIENCE);
    });
}

/// A migration that runs, or is over. Letting go of it leaves it running: `Guest.adopt_migration` finds it again.
///
/// Iterate over it for `Progress`, `await` it or call `result()` for its `Outcome`.
#[pyclass(frozen, name = "Migration", module = "libvirt_migrate")]
pub struct PyMigration {
    migration: Detached<Migration>,
    /// Errors of libvirt's are libvirt-python's too.
    bridge: bool,
}

impl PyMigration {
    /// With `bridge`, errors of libvirt's are libvirt-python's too.
    pub fn new(migration: Migration, bridge: bool) -> Self {
        Self { migration: Detached::new(migration), bridge }
    }

    /// A call to libvirt, with the GIL released.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        body: impl Send + FnOnce(&Migration) -> crate::Result<T>,
    ) -> PyResult<T> {
        released(py, || body(&self.migration)).map_err(|error| to_py(py, error, self.bridge))
    }

    fn outcome(&self, py: Python<'_>) -> PyResult<PyOutcome> {
        let outcome = self.call(py, Migration::result)?;
        Ok(outcome.into())
    }
}

/// Waits in parts, so that signals are served, until `body` has something or `until` has come.
fn in_parts<T: Send>(
    py: Python<'_>,
    until: Option<Instant>,
    body: impl Sync + Fn(Duration) -> PyResult<Option<T>>,
) -> PyResult<Option<T>> {
    loop {
        let left = until.map_or(SIGNALS, |until| until.saturating_duration_since(Instant::now()));
        let found = released(py, || body(left.min(SIGNALS)));
        if let Some(found) = found? {
            return Ok(Some(found));
        }
        py.check_signals()?;
        if left.is_zero() {
            return Ok(None);
        }
    }
}

#[pymethods]
impl PyMigration {
    /// Waits until it is over, at most `timeout` seconds; says whether it is. Raises nothing of the migration's.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let until = match timeout {
            None => None,
            Some(seconds) if seconds.is_nan() => {
                return Err(invalid("timeout", "is not a number of seconds"));
            }
            Some(seconds) => Some(Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, YEAR))),
        };
        let bridge = self.bridge;
        let ended = in_parts(py, until, |part| match self.migration.wait(Some(part)) {
            Ok(ended) => Ok(ended.then_some(())),
            Err(error) => Err(Python::attach(|py| to_py(py, error, bridge))),
        })?;
        Ok(ended.is_some())
    }

    /// Waits until it is over, for ever or at most `timeout` seconds, and returns its outcome. Raises MigrationFailed or
    /// MigrationCancelled, whose `outcome` tells the same, and TimeoutError where it is not over by then: it goes on.
    #[pyo3(signature = (timeout=None))]
    fn result(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<PyOutcome> {
        if self.wait(py, timeout)? {
            return self.outcome(py);
        }
        let waited = timeout.unwrap_or_default();
        Err(PyTimeoutError::new_err(format!("the migration is not over after {waited} s, and goes on")))
    }

    /// Aborts it: the guest goes on at the source. Returns once libvirt was asked; `result()` waits for the end,
    /// which may be a success where the guest had arrived before. After the end nothing is done. Refused in
    /// post-copy, where neither host has all of the guest.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Migration::abort)
    }

    /// Gets it over at any price: by post-copy where that is allowed, else by pausing the guest until it has
    /// moved. After the end nothing is done.
    fn force_complete(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Migration::force_complete)
    }

    /// Limits the bandwidth, in MiB/s; 0 is unlimited. In post-copy the limit is post-copy's own.
    fn set_bandwidth(&self, py: Python<'_>, mib_per_second: &Bound<'_, PyAny>) -> PyResult<()> {
        let number = mib_from_py(mib_per_second)?;
        self.call(py, |migration| migration.set_bandwidth(number))
    }

    /// Sets the longest pause that the guest may see, in seconds: above 0, and 2000 at most.
    fn set_max_downtime(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        let milliseconds = downtime_from_py(seconds)?;
        self.call(py, |migration| migration.set_max_downtime(milliseconds))
    }

    /// The last progress.
    #[getter]
    fn progress(&self) -> PyProgress {
        self.migration.progress().into()
    }

    /// What was decided and done so far, in order.
    #[getter]
    fn decisions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        decisions(py, &self.migration.decisions())
    }

    /// Whether it is over.
    #[getter]
    fn done(&self) -> bool {
        self.migration.ended().is_some()
    }

    /// Whether libvirt's events drive it. Without them it is polled.
    #[getter]
    fn has_events(&self) -> bool {
        self.migration.has_events()
    }

    /// Has `function` called with each kind of news and what it tells, by whoever takes from `updates`.
    fn _observe(&self, updates: &PyUpdates, function: Py<PyAny>, progress: bool) {
        self.migration.observe(updates.sink(function, self.bridge, progress));
    }

    fn __iter__(slf: Py<Self>) -> PyProgressIterator {
        PyProgressIterator { migration: slf, seen: AtomicU64::new(0) }
    }

    fn __await__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let awaiting = slf.py().import("libvirt_migrate._dispatch")?.getattr("awaiting")?;
        awaiting.call1((slf,))?.call_method0("__await__")
    }

    fn __repr__(&self) -> String {
        match self.migration.ended().as_deref() {
            None => format!("Migration({})", self.progress().__repr__()),
            Some(Ok(outcome)) => format!("Migration({})", PyOutcome::from(outcome.clone()).__repr__()),
            Some(Err(error)) => format!("Migration(failed: {error})"),
        }
    }
}

/// The progress of a migration, as long as it runs. A slow reader misses samples, never the last one.
#[pyclass(frozen, name = "_ProgressIterator", module = "libvirt_migrate")]
pub struct PyProgressIterator {
    migration: Py<PyMigration>,
    seen: AtomicU64,
}

#[pymethods]
impl PyProgressIterator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<PyProgress>> {
        let seen = self.seen.load(Ordering::Relaxed);
        let migration = self.migration.get();
        let bridge = migration.bridge;
        let found = in_parts(py, None, |part| {
            let over = migration.migration.ended().is_some();
            match migration.migration.progress_after(seen, Some(part)) {
                Ok(Some(found)) => Ok(Some(Some(found))),
                Ok(None) => Ok(over.then_some(None)),
                Err(error) => Err(Python::attach(|py| to_py(py, error, bridge))),
            }
        })?;
        Ok(found.flatten().map(|(sequence, progress)| {
            self.seen.store(sequence, Ordering::Relaxed);
            progress.into()
        }))
    }
}
