//! The kernel oracle as a program; `cargo xtask oracle` gets what it needs and starts it.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use clap::Parser as _;
    pathglass_tests::oracle::command::main(&pathglass_tests::oracle::command::Options::parse())
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    // Network namespaces are Linux's.
    ExitCode::from(3)
}
