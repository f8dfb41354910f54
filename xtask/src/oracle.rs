//! `cargo xtask oracle`: the kernel oracle, random networks in namespaces.

use std::ffi::OsString;

use clap::Args;

use crate::build::{self, Profile};
use crate::command::Program;
use crate::failure::Failure;
use crate::project::Project;
use crate::test::Tally;
use crate::{oracle_vm, tools};

const REMEDY: &str = "see the flows that it names; one world again with `--world SEED`";
/// What the program's exit code 3 says: this machine cannot make namespaces.
const SKIPPED: &str = "skipped: ";

/// What to run: everything is handed on.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Record what this kernel lacks in a virtual machine instead; only the scenarios whose names contain one of the words
    #[arg(long)]
    vm: bool,
    /// Options of the oracle: `--flows N`, `--seconds N`, `--seed N`, `--only DOMAIN,…`, `--world SEED`, `--decisive`,
    /// `--keep FOLDER`, `--jobs N`; see `--help` behind `--`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

/// Runs it and shows what it prints.
pub(crate) fn oracle(project: &Project, options: &Options) -> Result<(), Failure> {
    if options.vm {
        return oracle_vm::record(project, &options.options);
    }
    install(project)?;
    let mut runner = runner(project)?.loud();
    for option in &options.options {
        runner = runner.arg(option);
    }
    runner.run(REMEDY)?;
    Ok(())
}

/// A short run as a step of the tests.
pub(crate) fn step(project: &Project) -> Result<Tally, Failure> {
    if let Err(failure) = install(project) {
        return Ok(Tally::skip(failure.to_string()));
    }
    // The goal is 99.9 %; the floor is raised as agreement rises (docs/open-ends.md).
    let ended = runner(project)?
        .args("--seconds 60 --flows 100000 --at-least 99.5")
        .finish()?;
    let line = |start: &str| {
        let found = ended.printed.lines().find(|line| line.starts_with(start));
        found.map(str::to_owned)
    };
    if let Some(reason) = line(SKIPPED) {
        return Ok(Tally::skip(reason.trim_start_matches(SKIPPED)));
    }
    let note = line("agreement").unwrap_or_default();
    if let Err(failure) = ended.or_fail(REMEDY) {
        return Ok(Tally::failure(failure).note(note));
    }
    Ok(Tally::one().note(note))
}

fn install(project: &Project) -> Result<(), Failure> {
    for tool in tools::NETWORK_TOOLS {
        tools::debian(project, *tool)?;
    }
    Ok(())
}

fn runner(project: &Project) -> Result<Program, Failure> {
    let program = build::program(project, Profile::Dev, "pathglass-tests", "pathglass-oracle")?;
    Ok(Program::new(project, &program.to_string_lossy()))
}
