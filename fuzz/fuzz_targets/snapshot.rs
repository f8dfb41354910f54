//! Opening whatever calls itself a snapshot.
#![no_main]

#[path = "../../tests/src/fuzzing.rs"]
mod fuzzing;
#[path = "../../tests/src/unhashed.rs"]
mod unhashed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::snapshot(bytes));
