//! A panic on purpose, for the tests; what users get is built without debug assertions, and has none.

use pyo3::prelude::*;

/// Panics, with the GIL or, with `released`, without it.
#[pyfunction]
#[pyo3(signature = (*, released=false))]
pub fn _panic(py: Python<'_>, released: bool) {
    if released {
        super::gil::released(py, || panic!("on purpose"))
    }
    panic!("on purpose")
}
