//! The parsers: the first byte says whose format the rest is, as a place in `fuzzing::PARSED`.
#![no_main]

#[path = "../../tests/src/fuzzing.rs"]
mod fuzzing;
#[path = "../../tests/src/unhashed.rs"]
mod unhashed;

use std::sync::LazyLock;

/// With it, one parser is fuzzed alone, e.g. `ipset-save.txt`.
static ONLY: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("PATHGLASS_FUZZ_FILE").ok());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::parser_of(bytes, ONLY.as_deref()));
