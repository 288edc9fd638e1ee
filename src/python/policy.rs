//! A convergence policy on its own, for a caller that runs the migration itself: Nova's monitor.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::convergence::PyConvergence;
use super::errors::invalid;
use super::params::flags_from_py;
use super::progress::seconds;
use super::values::stat_from_py;
use crate::flags::MigrateFlags;
use crate::job::{JobInfo, JobType};
use crate::policy::{Context, Decision, Outlook, Policy, Sample, policy};

/// Decides about one migration that somebody else runs: samples go in, decisions come out.
///
/// It has no clock and does nothing itself. Call `begin` as soon as there is a job, `observe` for each sample,
/// and then `succeeded` or `failed` for each decision that was carried out. An action that failed is asked for
/// again, one that succeeded is not.
#[pyclass(frozen, name = "ConvergencePolicy", module = "libvirt_migrate")]
pub struct PyConvergencePolicy {
    policy: Mutex<Box<dyn Policy>>,
}

impl PyConvergencePolicy {
    fn lock(&self) -> MutexGuard<'_, Box<dyn Policy>> {
        // A policy that panicked has decided nothing, and may be asked again.
        self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PyConvergencePolicy {
    /// The policy for an intent, in a migration that has these flags.
    #[new]
    #[pyo3(signature = (convergence, flags=None))]
    fn new(convergence: &PyConvergence, flags: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let flags = flags_from_py(flags)?.unwrap_or(MigrateFlags::empty());
        Ok(Self { policy: Mutex::new(policy(&convergence.convergence.with_transport(false), flags)) })
    }

    /// What to do before there is anything to measure, `elapsed` seconds after the start.
    fn begin(&self, elapsed: f64) -> PyResult<Vec<PyPolicyDecision>> {
        Ok(wrap(self.lock().begin(since(elapsed)?)))
    }

    /// What to do now. `stats` are libvirt's job statistics under its names, with `type`; `elapsed` is seconds
    /// since the start; `post_copy` says that post-copy has begun, `switchover` that the guest was stopped at
    /// the source, `forced` that somebody has forced it (it is not given up then), and `max_downtime` is the limit that was
    /// set last, s.
    #[pyo3(signature = (
        stats, elapsed, *, post_copy=false, switchover=false, forced=false, max_downtime=None,
    ))]
    fn observe(
        &self,
        stats: &Bound<'_, PyDict>,
        elapsed: f64,
        post_copy: bool,
        switchover: bool,
        forced: bool,
        max_downtime: Option<f64>,
    ) -> PyResult<Vec<PyPolicyDecision>> {
        let downtime_limit_ms = max_downtime.map(milliseconds).transpose()?;
        let context = Context { post_copy, switchover, finishing: false, forced, downtime_limit_ms };
        let sample = Sample::from_job(&job_info(stats)?, since(elapsed)?, context);
        Ok(wrap(self.lock().observe(&sample)))
    }

    /// The decision was carried out.
    fn succeeded(&self, decision: &PyPolicyDecision) {
        self.lock().succeeded(&decision.0.action);
    }

    /// The decision could not be carried out, `elapsed` seconds after the start.
    fn failed(&self, decision: &PyPolicyDecision, elapsed: f64) -> PyResult<()> {
        self.lock().failed(&decision.0.action, since(elapsed)?);
        Ok(())
    }

    /// Why the guest will not converge by waiting, in a sentence; `None` while that is not so.
    #[getter]
    fn stuck(&self) -> Option<String> {
        match self.lock().outlook() {
            Outlook::Stuck { reason, .. } => Some(reason),
            Outlook::Unknown | Outlook::Converging => None,
        }
    }
}

/// One thing to do to a migration, and why.
#[pyclass(frozen, name = "PolicyDecision", module = "libvirt_migrate")]
pub struct PyPolicyDecision(Decision);

#[pymethods]
impl PyPolicyDecision {
    /// Since the start of the migration, s.
    #[getter]
    fn at(&self) -> f64 {
        self.0.at.as_secs_f64()
    }

    /// What to do, as a `Decision` of a migration says what was done: set-max-downtime, start-post-copy, pause, abort
    /// or restart.
    #[getter]
    fn action(&self) -> &'static str {
        self.0.action.name()
    }

    /// The same in words, with figures.
    #[getter]
    fn description(&self) -> String {
        self.0.action.to_string()
    }

    /// Of set-max-downtime: the pause to allow, s; `None` for all else.
    #[getter]
    fn max_downtime(&self) -> Option<f64> {
        seconds(self.0.action.max_downtime())
    }

    /// Why: one sentence with the figures.
    #[getter]
    fn reason(&self) -> &str {
        &self.0.reason
    }

    fn __repr__(&self) -> String {
        format!("PolicyDecision({})", self.0)
    }
}

fn wrap(decisions: Vec<Decision>) -> Vec<PyPolicyDecision> {
    decisions.into_iter().map(PyPolicyDecision).collect()
}

/// A limit that was set, in libvirt's unit.
fn milliseconds(max_downtime: f64) -> PyResult<u64> {
    let limit = Duration::try_from_secs_f64(max_downtime);
    let told = |_| invalid("max_downtime", format!("{max_downtime} is no number of seconds"));
    Ok((limit.map_err(told)?.as_secs_f64() * 1000.0).round() as u64)
}

/// A time in seconds since the start.
pub fn since(elapsed: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(elapsed)
        .map_err(|_| invalid("elapsed", format!("{elapsed} is no number of seconds since the start")))
}

/// Job statistics under libvirt's names.
pub fn job_info(stats: &Bound<'_, PyDict>) -> PyResult<JobInfo> {
    let mut info = JobInfo::default();
    for (name, value) in stats {
        let name: String = name.extract()?;
        if name == "type" {
            info.kind = JobType::from_number(value.extract()?);
        } else if let Some(value) = stat_from_py(&value) {
            info.set(&name, value);
        }
    }
    Ok(info)
}
