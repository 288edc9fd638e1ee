//! `forecast` and `Forecast` for Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::convergence::PyConvergence;
use crate::forecast::{Dirtied, Forecast, Help, LinkFrom, Prospect, Range, Situation, forecast as told};
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
    let dirtied = dirtied.into_iter().map(|(after, bytes)| Dirtied::new(after, bytes)).collect();
    let situation = Situation { memory, links: vec![link], dirtied, disks, ..Situation::default() };
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

/// How the migration of a guest will go, and what that was made of: `Guest.forecast`.
#[pyclass(frozen, name = "GuestForecast", module = "libvirt_migrate")]
pub struct PyGuestForecast {
    prospect: Prospect,
}

impl From<Prospect> for PyGuestForecast {
    fn from(prospect: Prospect) -> Self {
        Self { prospect }
    }
}

#[pymethods]
impl PyGuestForecast {
    /// How it will go, over whichever link of those that it may be.
    #[getter]
    fn forecast(&self) -> PyForecast {
        PyForecast { forecast: self.prospect.forecast.clone() }
    }

    /// The same for each link that it may be, bytes/s: one where it is known.
    #[getter]
    fn by_link(&self) -> Vec<(f64, PyForecast)> {
        let one = |(link, forecast): &(f64, Forecast)| (*link, PyForecast { forecast: forecast.clone() });
        self.prospect.by_link.iter().map(one).collect()
    }

    /// What the link carries, bytes/s; `None` where nobody knows it.
    #[getter]
    fn link(&self) -> Option<f64> {
        let known = self.prospect.link_from != LinkFrom::Unknown;
        self.prospect.by_link.first().map(|(link, _)| *link).filter(|_| known)
    }

    /// How that is known: given, learnt (from a migration of this process between these hosts) or unknown.
    #[getter]
    fn link_from(&self) -> &'static str {
        self.prospect.link_from.name()
    }

    /// Memory that is sent at least once, bytes.
    #[getter]
    fn memory(&self) -> u64 {
        self.prospect.memory as u64
    }

    /// What was measured of its writes: times (s), and the bytes that were found dirty after them.
    #[getter]
    fn dirtied(&self) -> Vec<(f64, f64)> {
        self.prospect.dirtied.iter().map(|one| (one.after, one.bytes)).collect()
    }

    /// What could not be known, a sentence each.
    #[getter]
    fn unknown(&self) -> Vec<String> {
        self.prospect.unknown.clone()
    }

    /// Everything, by name: that of `forecast`, and the rest beside it.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = self.forecast().to_dict(py)?;
        dict.set_item("link", self.link())?;
        dict.set_item("link_from", self.link_from())?;
        let by_link = self.by_link().into_iter().map(|(link, forecast)| {
            let one = forecast.to_dict(py)?;
            one.set_item("link", link)?;
            Ok(one)
        });
        dict.set_item("by_link", by_link.collect::<PyResult<Vec<_>>>()?)?;
        dict.set_item("memory", self.memory())?;
        dict.set_item("dirtied", self.dirtied())?;
        dict.set_item("unknown", self.unknown())?;
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("GuestForecast({})", self.to_dict(py)?.repr()?))
    }
}
