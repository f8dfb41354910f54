//! What a person sees while the work goes on.
#![expect(clippy::print_stdout, reason = "this is the one module that prints")]

use std::io::{IsTerminal, Write};

/// A line as it is.
pub(crate) fn line(text: &str) {
    println!("{text}");
    let _ = std::io::stdout().flush();
}

/// A heading: what is being done now.
pub(crate) fn heading(text: &str) {
    if std::io::stdout().is_terminal() {
        line(&format!("\x1b[1m▶ {text}\x1b[0m"));
    } else {
        line(&format!("▶ {text}"));
    }
}

/// A detail of what is being done; long lines are cut.
pub(crate) fn detail(text: &str) {
    let cut: String = text.chars().take(160).collect();
    line(&format!("    {cut}"));
}
