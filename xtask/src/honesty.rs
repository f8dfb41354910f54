//! `cargo xtask honesty`: the corpus without each of its files in turn; no answer may become another certain one.

use clap::Args;

use crate::build::{self, Profile};
use crate::command::Program;
use crate::failure::Failure;
use crate::project::Project;

/// What to take away.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only cases whose name contains this (may be given more than once)
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,
    /// Only files whose path contains this (may be given more than once)
    #[arg(long, value_name = "PART")]
    file: Vec<String>,
    /// Cases at a time; one per core unless given
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// Prints every contradiction, and how many answers stayed.
pub(crate) fn honesty(project: &Project, options: &Options) -> Result<(), Failure> {
    let program = build::program(
        project,
        Profile::Release,
        "pathglass-tests",
        "pathglass-honesty",
    )?;
    let mut runner = Program::new(project, &program.to_string_lossy()).loud();
    for (name, values) in [("--case", &options.case), ("--file", &options.file)] {
        for value in values {
            runner = runner.arg(name).arg(value);
        }
    }
    if let Some(jobs) = options.jobs {
        runner = runner.arg("--jobs").arg(jobs.to_string());
    }
    runner
        .run("a stage goes on without asking whether its file is known: see `Namespace::known`")?;
    Ok(())
}
