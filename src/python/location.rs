//! `guest_location` for Python.

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::errors::invalid;
use crate::location::{Answer, GuestLocation};
use crate::state::DomainState;

/// Where a guest is that was to be moved from the source to the destination, from what the two hosts said of it: as
/// `Outcome.guest_location`. The source is to be asked first.
///
/// An answer is libvirt's state and its reason, as of `virDomain.state()`; `None` where the host does not know the guest;
/// "unknown" where it could not be asked. A guest in a post-copy that goes on is at neither host: "unknown". One that
/// runs at neither by the word of both is shut off where its definition is, or "absent".
#[pyfunction]
pub fn guest_location(source: &Bound<'_, PyAny>, destination: &Bound<'_, PyAny>) -> PyResult<&'static str> {
    let (source, destination) = (answer("source", source)?, answer("destination", destination)?);
    Ok(GuestLocation::from_answers(source, destination).name())
}

fn answer(name: &str, said: &Bound<'_, PyAny>) -> PyResult<Answer> {
    if said.is_none() {
        return Ok(Answer::Absent);
    }
    if said.cast::<PyString>().is_ok_and(|text| text == "unknown") {
        return Ok(Answer::Unknown);
    }
    let [code, reason] = said
        .extract::<[i32; 2]>()
        .map_err(|_| invalid(name, "is neither a state with its reason, nor None, nor \"unknown\""))?;
    Ok(Answer::State(DomainState::new(code, reason)))
}
