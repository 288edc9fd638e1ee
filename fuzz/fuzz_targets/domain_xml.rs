//! Any bytes as a definition, any as a retargeting: never a panic, and whatever comes out is sound again.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/rust/support/check.rs"]
mod check;

fuzz_target!(|data: &[u8]| check::check(data));
