//! Work for an object whose calls belong to the thread that it came from: the calls are made there, and all the rest,
//! waiting above all, is done on a thread of the package's.
//!
//! That thread has no Python. The caller's has the GIL for the calls and nothing else; it never gives it up within
//! one, so a call may switch green threads as it likes. And nothing that the other thread uses lies on the stack of
//! this one, which is another green thread's meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Sender, channel};

use pyo3::prelude::*;

use super::gil::released;
use crate::{Error, Result};

type Call = Box<dyn FnOnce(Python<'_>) + Send>;

/// The way back to the thread where calls are made.
#[derive(Clone)]
pub struct Home(Sender<Option<Call>>);

impl Home {
    /// Has a call made there, and waits for its answer; `None` once nobody makes any there.
    pub fn call<T: Send + 'static>(&self, body: impl FnOnce(Python<'_>) -> T + Send + 'static) -> Option<T> {
        let (sender, answer) = channel();
        let call: Call = Box::new(move |py| drop(sender.send(body(py))));
        self.0.send(Some(call)).ok()?;
        answer.recv().ok()
    }
}

/// Does the work, and returns when it is done.
pub fn at_home<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce(Home) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, mut calls) = channel();
    let body = move || {
        let result = catch_unwind(AssertUnwindSafe(|| work(Home(sender.clone()))));
        let _ = sender.send(None);
        result
    };
    let thread = std::thread::Builder::new().name("migration-object".into()).spawn(body);
    let thread = thread.map_err(|error| Error::not_now(format!("no thread for the migration: {error}")))?;
    loop {
        let wanted = &mut calls;
        match released(py, move || wanted.recv()) {
            Ok(Some(call)) => call(py),
            Ok(None) | Err(_) => break,
        }
    }
    match released(py, || thread.join()) {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) | Err(panic) => resume_unwind(panic),
    }
}
