//! A panic becomes a typed error, and what it left behind is not used again.

use std::cell::Cell;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::ErrorInfo;

thread_local! {
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// Runs once when the module is loaded.
///
/// Without the hook a panic would be a bare `RuntimeError: unreachable`, its message lost. Throwing from the
/// hook leaves the module as an abort would: without destructors, and so not to be entered again.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        PANICKED.set(true);
        let place = panic
            .location()
            .map(|at| format!(" ({}:{})", at.file(), at.line()))
            .unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        wasm_bindgen::throw_val(
            ErrorInfo::internal(format!("internal error: {message}{place}")).into(),
        )
    }));
}

/// Refuses to go on in a module that has panicked.
pub(crate) fn check() -> Result<(), ErrorInfo> {
    if PANICKED.get() {
        return Err(ErrorInfo::internal(
            "the simulator stopped after an internal error: load the module anew",
        ));
    }
    Ok(())
}

/// Panics, so that tests of the shipped module see what a page makes of it.
#[wasm_bindgen(js_name = panicForTest, skip_typescript)]
#[expect(clippy::panic, reason = "panicking is what it is for")]
pub fn panic_for_test() -> Result<(), ErrorInfo> {
    check()?;
    panic!("asked to panic by a test")
}
