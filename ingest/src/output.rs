//! Standard output and standard error; a reader that goes away is no failure.

use std::io::{self, Write};

use crate::error::CommandError;

/// Prints `text`; its ANSI styles stay only on a terminal (`NO_COLOR` and `CLICOLOR_FORCE` are honoured).
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = anstream::stdout().lock();
    answered(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Prints `bytes` as they are.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    answered(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Tells the person at the terminal something beside the answer. Nobody there is fine.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", crate::text::clean(text));
}

/// `head` closes the pipe when it has seen enough: the answer stands all the same.
fn answered(result: io::Result<()>) -> Result<(), CommandError> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(CommandError::Output),
    }
}
