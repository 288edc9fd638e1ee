//! Any bytes as a URI, and as a text of others with URIs in it.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/rust/support/parsers.rs"]
mod parsers;

fuzz_target!(|data: &[u8]| parsers::uri(data));
