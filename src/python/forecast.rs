//! `forecast` and `Forecast` for Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::convergence::PyConvergence;
use crate::forecast::{Dirtied, Forecast, Help, Range, Situation, forecast as told};
use crate::policy::Convergence;

/// The least, what is expected, and the most.
type Figures = (f64, f64, f64);

/// How a migration will go, as far as that is known before it begins.
#[pyclass(frozen, eq, name = "Forecast", module = "libvirt_migrate")]
#[derive(PartialEq)]
pub struct PyForecast {
    forecast: Forecast,
}

/// How a migration will go that is moved with this intent (by default `Convergence()`), over a link that carries `link` bytes/s.
///
/// `memory` are the bytes that have to be moved, without pages that are known to be empty; `disks` those of disks that are copied
/// first. `dirtied` is what was measured of the guest: pairs of a time (s) and the bytes that were found dirty after it, each page
/// counted once. libvirt's dirty-rate calculation tells bytes/s, so that is its rate times its period. Two periods tell much more
/// than one, and without any no forecast is sure.
///
/// Several guests that fit to it are moved in a simulator, for some milliseconds to a second. Nothing is asked of any host. Raises
/// InvalidParameter for what is no size, rate or time, and for `Convergence.schedule`.
#[pyfunction]
#[pyo3(signature = (memory, link, *, dirtied=Vec::new(), disks=0.0, convergence=None))]
pub fn forecast(
    py: Python<'_>,
    memory: f64,
    link: f64,
    dirtied: Vec<(f64, f64)>,
    disks: f64,
    convergence: Option<&PyConvergence>,
) -> PyResult<PyForecast> {
    let dirtied = dirtied.into_iter().map(|(after, bytes)| Dirtied { after, bytes }).collect();
    let situation = Situation { memory, link, dirtied, disks };
    let intent = convergence.map_or_else(Convergence::default, |given| given.convergence);
    let forecast = py.detach(|| told(&situation, &intent))?;
    Ok(PyForecast { forecast })
}

#[pymethods]
impl PyForecast {
    /// Whether it comes to its end with what the intent allows.
    #[getter]
    fn ends(&self) -> bool {
        self.forecast.ends
    }

    /// The part of the guests that fit to what is known of which `ends` is right, 0.5 to 1.
    #[getter]
    fn sure(&self) -> f64 {
        self.forecast.sure
    }

    /// Whether post-copy ends it.
    #[getter]
    fn post_copy(&self) -> bool {
        self.forecast.post_copy
    }

    /// How long it takes, s: the least, what is expected, and the most; `None` where it does not end.
    #[getter]
    fn time(&self) -> Option<Figures> {
        figures(self.forecast.time)
    }

    /// The pause at the switchover, s, as `time`.
    #[getter]
    fn pause(&self) -> Option<Figures> {
        figures(self.forecast.pause)
    }

    /// Passes over the memory, as `time`.
    #[getter]
    fn passes(&self) -> Option<Figures> {
        figures(self.forecast.passes)
    }

    /// Memory that is sent, bytes, as `time`.
    #[getter]
    fn sent(&self) -> Option<Figures> {
        figures(self.forecast.sent)
    }

    /// What would end it where it does not end, the mildest first, as arguments of `Convergence`.
    #[getter]
    fn helps<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let one = |help: &Help| {
            let dict = PyDict::new(py);
            match help {
                Help::LongerPause(ms) => dict.set_item("max_downtime", *ms as f64 / 1000.0)?,
                Help::PostCopy => dict.set_item("post_copy", true)?,
                Help::Throttle => dict.set_item("throttle", true)?,
            }
            Ok(dict)
        };
        self.forecast.helps.iter().map(one).collect()
    }

    /// Everything, by name.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("ends", self.ends())?;
        dict.set_item("sure", self.sure())?;
        dict.set_item("post_copy", self.post_copy())?;
        dict.set_item("time", self.time())?;
        dict.set_item("pause", self.pause())?;
        dict.set_item("passes", self.passes())?;
        dict.set_item("sent", self.sent())?;
        dict.set_item("helps", self.helps(py)?)?;
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Forecast({})", self.to_dict(py)?.repr()?))
    }
}

fn figures(range: Option<Range>) -> Option<Figures> {
    range.map(|range| (range.least, range.expected, range.most))
}
