//! `cargo xtask bench`: how long diagnoses take, native and Wasm side by side, the kernel beside them, and the module's size.

use clap::Args;

use crate::build::{self, Profile};
use crate::command::Program;
use crate::failure::Failure;
use crate::project::Project;
use crate::say;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds for each measurement
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Write the numbers into README.md
    #[arg(long)]
    write_readme: bool,
    /// Only the nodes with many Services, natively
    #[arg(long)]
    native: bool,
    /// Only the matrix of all pairs of pods
    #[arg(long)]
    pairs: bool,
    /// Only the regions with many security group rules and routes, natively
    #[arg(long)]
    regions: bool,
}

/// Measures both and prints the table.
pub(crate) fn bench(project: &Project, options: &Options) -> Result<(), Failure> {
    say::heading("Building the module and the native program, both as shipped");
    if !options.native && !options.pairs && !options.regions {
        build::wasm(project)?;
    }
    let native = build::program(
        project,
        Profile::Release,
        "pathglass-tests",
        "pathglass-bench",
    )?;
    say::heading("Measuring, native and Wasm in turn");
    let mut program = Program::new(project, &native.to_string_lossy())
        .loud()
        .arg("--seconds")
        .arg(options.seconds.to_string());
    if options.native {
        program = program.arg("--native");
    }
    if options.pairs {
        program = program.arg("--pairs");
    }
    if options.regions {
        program = program.arg("--regions");
    }
    if options.write_readme {
        program = program.arg("--write-readme");
    }
    program.run("see that `cargo xtask test --only module` passes")?;
    Ok(())
}
