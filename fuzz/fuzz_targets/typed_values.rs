//! Any bytes as parameters and statistics in libvirt's types.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/rust/support/parsers.rs"]
mod parsers;

fuzz_target!(|data: &[u8]| parsers::typed_values(data));
