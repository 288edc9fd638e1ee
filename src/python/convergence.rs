//! `Convergence` for Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::errors::invalid;
use crate::policy::{Convergence, Intent, Method, OnDeadline, ScheduleOptions};

/// What is wanted of a migration: the longest pause that the guest may see, a deadline, and what is allowed.
///
/// Times are seconds. `post_copy` allows to let the guest run at the destination before all of its memory is
/// there, `throttle` to slow it down. `on_deadline` is "abort", or "force": finish at any price, by post-copy where
/// that is allowed and else by pausing the guest. `max_post_copy` bounds post-copy: where the rest would have to follow for
/// longer than that, it is not begun, except by force. The default is Nova's pause of 0.5 s, no deadline, and
/// nothing else that the guest would notice. `exclusive` keeps the guest from running at both hosts at any moment,
/// whatever breaks: it is sent paused and told to go on at the destination once the source is known to have given it up,
/// which makes its pause longer by that. It does not go with post-copy. `choose_transport` has memory sent over several
/// connections and compressed where that is known to be faster, unless the parameters say how it travels. `Convergence.schedule`
/// is Nova's way instead.
///
/// Raises InvalidParameter for what makes no sense.
#[pyclass(frozen, eq, name = "Convergence", module = "libvirt_migrate")]
#[derive(PartialEq)]
pub struct PyConvergence {
    pub convergence: Convergence,
}

#[pymethods]
impl PyConvergence {
    #[new]
    #[pyo3(signature = (*, max_downtime=0.5, deadline=None, post_copy=false, throttle=false, on_deadline="abort", max_post_copy=None, exclusive=false, choose_transport=true))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        max_downtime: f64,
        deadline: Option<f64>,
        post_copy: bool,
        throttle: bool,
        on_deadline: &str,
        max_post_copy: Option<f64>,
        exclusive: bool,
        choose_transport: bool,
    ) -> PyResult<Self> {
        let on_deadline = match on_deadline {
            "abort" => OnDeadline::Abort,
            "force" => OnDeadline::Force,
            other => return Err(invalid("on_deadline", format!("{other:?} is neither abort nor force"))),
        };
        let intent =
            Intent { max_downtime, deadline, post_copy, throttle, on_deadline, max_post_copy, exclusive };
        Ok(Self { convergence: Convergence::adaptive(intent)?.with_transport(choose_transport) })
    }

    /// Nova's schedule, with the defaults of its options `live_migration_*`: `max_downtime` is the last step (Nova's
    /// `downtime`, which is ms there), `delay` and `completion_timeout` are s per GiB, `timeout_action` is "abort"
    /// or "force_complete". `data_gb` is Nova's count of the data, by default what libvirt tells.
    #[staticmethod]
    #[pyo3(signature = (*, max_downtime=0.5, steps=10, delay=75, completion_timeout=800, timeout_action="abort", post_copy=false, data_gb=None))]
    fn schedule(
        max_downtime: f64,
        steps: u32,
        delay: u64,
        completion_timeout: u64,
        timeout_action: &str,
        post_copy: bool,
        data_gb: Option<f64>,
    ) -> PyResult<Self> {
        let timeout_action = match timeout_action {
            "abort" => OnDeadline::Abort,
            "force_complete" => OnDeadline::Force,
            other => {
                let reason = format!("{other:?} is neither abort nor force_complete");
                return Err(invalid("timeout_action", reason));
            }
        };
        let options = ScheduleOptions {
            max_downtime,
            steps,
            delay,
            completion_timeout,
            timeout_action,
            post_copy,
            data_gb,
        };
        Ok(Self { convergence: Convergence::schedule(options)? })
    }

    /// How convergence is brought about: adaptive or schedule.
    #[getter]
    fn policy(&self) -> &'static str {
        match self.convergence.method() {
            Method::Adaptive => "adaptive",
            Method::Schedule(_) => "schedule",
        }
    }

    /// The longest pause that the guest may see at the switchover, s.
    #[getter]
    fn max_downtime(&self) -> f64 {
        self.convergence.max_downtime().as_secs_f64()
    }

    /// When the migration should be over, s after its start; `None` waits for ever. The schedule's depends on
    /// the data, and is not told here.
    #[getter]
    fn deadline(&self) -> Option<f64> {
        super::progress::seconds(self.convergence.deadline())
    }

    /// Whether post-copy may be used.
    #[getter]
    fn post_copy(&self) -> bool {
        self.convergence.post_copy()
    }

    /// Whether the guest may be slowed down.
    #[getter]
    fn throttle(&self) -> bool {
        self.convergence.throttle()
    }

    /// What to do when the deadline passes: abort or force.
    #[getter]
    fn on_deadline(&self) -> &'static str {
        match self.convergence.on_deadline() {
            OnDeadline::Abort => "abort",
            OnDeadline::Force => "force",
        }
    }

    /// The longest that the guest may run at the destination while memory of it is missing, s; `None` has no bound.
    #[getter]
    fn max_post_copy(&self) -> Option<f64> {
        super::progress::seconds(self.convergence.max_post_copy())
    }

    /// Whether the guest is sent paused, so that it runs at both hosts at no moment.
    #[getter]
    fn exclusive(&self) -> bool {
        self.convergence.exclusive()
    }

    /// Whether memory may be sent over several connections and compressed, where that is known to be faster.
    #[getter]
    fn choose_transport(&self) -> bool {
        self.convergence.chooses_transport()
    }

    /// Everything, by name.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("policy", self.policy())?;
        dict.set_item("max_downtime", self.max_downtime())?;
        dict.set_item("deadline", self.deadline())?;
        dict.set_item("post_copy", self.post_copy())?;
        dict.set_item("throttle", self.throttle())?;
        dict.set_item("on_deadline", self.on_deadline())?;
        dict.set_item("max_post_copy", self.max_post_copy())?;
        dict.set_item("exclusive", self.exclusive())?;
        dict.set_item("choose_transport", self.choose_transport())?;
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Convergence({})", self.to_dict(py)?.repr()?))
    }
}
