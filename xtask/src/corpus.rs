//! `cargo xtask corpus`: agreement with real connections; and the parity of native and Wasm on the same flows.

use clap::Args;

use crate::build::{self, Profile};
use crate::command::Program;
use crate::failure::Failure;
use crate::project::Project;
use crate::say;
use crate::test::Tally;

const ABSENT: &str = "the corpus is not on this machine (PATHGLASS_CORPUS names its folder)";

/// What to measure and what to write.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only cases whose name contains this (may be given more than once)
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,
    /// Cases at a time; one per core unless given
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Write the agreement into README.md
    #[arg(long)]
    write_readme: bool,
}

/// Prints the agreement, in total and per case.
pub(crate) fn corpus(project: &Project, options: &Options) -> Result<(), Failure> {
    let mut runner = runner(project)?.loud();
    for case in &options.case {
        runner = runner.arg("--case").arg(case);
    }
    if let Some(jobs) = options.jobs {
        runner = runner.arg("--jobs").arg(jobs.to_string());
    }
    if options.write_readme {
        runner = runner.arg("--write-readme");
    }
    runner.run("see the flows and reasons in the file that it names")?;
    Ok(())
}

/// The corpus as a step of the tests.
pub(crate) fn step(project: &Project) -> Result<Tally, Failure> {
    if let Some(skipped) = skipped(project)? {
        return Ok(skipped);
    }
    let ended = runner(project)?.arg("--check").finish()?;
    let mut tally = Tally::of_ours(&ended.printed);
    if let Some(line) = ended
        .printed
        .lines()
        .find(|line| line.starts_with("agreement"))
    {
        tally.note = line.to_owned();
    }
    for line in ended.printed.lines().filter(|line| line.starts_with("  ")) {
        say::detail(line.trim());
    }
    if let Err(failure) = ended.or_fail("see the flows and reasons in the file that it names") {
        tally.failed = tally.failed.max(1);
        tally.failure = Some(failure);
    }
    Ok(tally)
}

/// Native and Wasm on every flow, as a step of the tests.
pub(crate) fn parity(project: &Project) -> Result<Tally, Failure> {
    if let Some(skipped) = skipped(project)? {
        return Ok(skipped);
    }
    let questions = project.target().join("parity");
    say::detail("native: every flow's verdict");
    runner(project)?
        .arg("--parity")
        .arg(&questions)
        .run("see which flow it names")?;
    build::wasm(project)?;
    say::detail("Wasm: the same flows");
    let printed = Program::new(project, "node")
        .arg("sim-wasm/test/parity.mjs")
        .arg(&questions)
        .run("something in the simulator depends on the machine: compare the two verdicts that it names")?;
    Ok(Tally::of_ours(&printed))
}

/// What to report where there is no corpus; an error where there must be one.
fn skipped(project: &Project) -> Result<Option<Tally>, Failure> {
    if project.corpus().is_some() {
        return Ok(None);
    }
    if std::env::var_os("PATHGLASS_REQUIRE_CORPUS").is_some_and(|value| value == "1") {
        return Err(Failure::new(
            ABSENT,
            "put it there, or unset PATHGLASS_REQUIRE_CORPUS",
        ));
    }
    Ok(Some(Tally::skip(ABSENT)))
}

fn runner(project: &Project) -> Result<Program, Failure> {
    let program = build::program(project, Profile::Dev, "pathglass-tests", "pathglass-corpus")?;
    Ok(Program::new(project, &program.to_string_lossy()))
}
