//! The way from the engine's threads to Python code: a queue, from which a Python thread takes.
//!
//! The engine tells its news under a lock and must not wait for the interpreter, so they are stored as they
//! are. Whoever takes them turns them into Python objects, on a thread where callbacks and logging may block.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::outcome::{PyDecision, PyOutcome};
use super::progress::PyProgress;
use crate::update::{Update, UpdateSink};

/// A queue of news for Python functions.
#[pyclass(frozen, name = "_Updates", module = "libvirt_migrate")]
pub struct PyUpdates {
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Those with news, in the order of their first.
    ready: VecDeque<Arc<Receiver>>,
    closed: bool,
}

/// One function and its news.
struct Receiver {
    function: Py<PyAny>,
    /// Errors of libvirt's are libvirt-python's too.
    bridge: bool,
    /// Nobody wants every sample.
    progress: bool,
    news: Mutex<VecDeque<Update>>,
}

impl Queue {
    /// Stores news. A progress that nobody has taken yet is replaced, so a slow receiver costs no memory.
    fn put(&self, receiver: &Arc<Receiver>, update: Update) {
        if matches!(update, Update::Progress(_)) && !receiver.progress {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = receiver.news.lock().unwrap_or_else(PoisonError::into_inner);
        if news.is_empty() {
            state.ready.push_back(receiver.clone());
        }
        match (news.back_mut(), &update) {
            (Some(last @ Update::Progress(_)), Update::Progress(_)) => *last = update,
            _ => news.push_back(update),
        }
        drop(news);
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for news; `None` once the queue is closed.
    fn take(&self) -> Option<(Arc<Receiver>, VecDeque<Update>)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .changed
            .wait_while(state, |state| state.ready.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        let receiver = state.ready.pop_front()?;
        let news = std::mem::take(&mut *receiver.news.lock().unwrap_or_else(PoisonError::into_inner));
        Some((receiver, news))
    }
}

impl PyUpdates {
    /// Has the news of a migration queued for `function`.
    pub fn sink(&self, function: Py<PyAny>, bridge: bool, progress: bool) -> UpdateSink {
        let queue = self.queue.clone();
        let receiver = Arc::new(Receiver { function, bridge, progress, news: Mutex::default() });
        Box::new(move |update| queue.put(&receiver, update))
    }
}

#[pymethods]
impl PyUpdates {
    #[new]
    fn new() -> Self {
        Self { queue: Arc::default() }
    }

    /// Waits for news, without the GIL. Returns a function and the arguments of its calls, or `None` once the
    /// queue is closed.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<(Py<PyAny>, Bound<'py, PyList>)>> {
        let Some((receiver, news)) = py.detach(|| self.queue.take()) else { return Ok(None) };
        let calls = PyList::empty(py);
        for update in news {
            calls.append(to_python(py, update, receiver.bridge)?)?;
        }
        Ok(Some((receiver.function.clone_ref(py), calls)))
    }

    /// Wakes whoever takes, for the last time.
    fn close(&self) {
        self.queue.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.queue.changed.notify_all();
    }
}

/// The kind of an update and what it tells.
fn to_python(py: Python<'_>, update: Update, bridge: bool) -> PyResult<(&'static str, Py<PyAny>)> {
    Ok(match update {
        Update::Started { guest, what } => ("started", (guest, what).into_pyobject(py)?.into_any().unbind()),
        Update::Progress(progress) => ("progress", Py::new(py, PyProgress::from(progress))?.into_any()),
        Update::Step(step) => ("decision", Py::new(py, PyDecision::from(step))?.into_any()),
        Update::Switchover { at } => ("switchover", at.as_secs_f64().into_pyobject(py)?.into_any().unbind()),
        Update::Ended(end) => match &*end {
            Ok(outcome) => ("ended", Py::new(py, PyOutcome::from(outcome.clone()))?.into_any()),
            Err(error) => {
                let error = super::errors::to_py(py, error.clone(), bridge);
                ("ended", error.into_value(py).into_any())
            }
        },
    })
}
