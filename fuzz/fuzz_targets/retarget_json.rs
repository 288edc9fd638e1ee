//! Any bytes as a retargeting in JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/rust/support/parsers.rs"]
mod parsers;

fuzz_target!(|data: &[u8]| parsers::retarget_json(data));
