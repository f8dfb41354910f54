//! Questions to the bundled example, changed as the bytes say.
#![no_main]

#[path = "../../tests/src/fuzzing.rs"]
mod fuzzing;
#[path = "../../tests/src/unhashed.rs"]
mod unhashed;

use std::path::Path;
use std::sync::LazyLock;

static BASE: LazyLock<fuzzing::Files> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/missing-route");
    fuzzing::read(&folder).unwrap_or_default()
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::walk(&BASE, bytes));
