//! `cargo xtask test`: every test there is, step by step, and one table at the end.

mod steps;
mod tally;

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use self::steps::STEPS;
pub(crate) use self::steps::page;
pub(crate) use self::tally::Tally;
use crate::failure::Failure;
use crate::project::Project;
use crate::say;

/// Which steps to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only this step (may be given more than once)
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Name the steps and end
    #[arg(long)]
    list: bool,
}

/// One part of the tests.
#[derive(Debug)]
struct Step {
    /// How `--only` names it.
    name: &'static str,
    /// What it does, in a line.
    about: &'static str,
    /// Does it.
    work: fn(&Project) -> Result<Tally, Failure>,
}

/// A step that ran, and how it went.
#[derive(Debug)]
struct Done {
    name: &'static str,
    tally: Tally,
    seconds: u64,
}

/// Runs the chosen steps; the exit code says whether all held.
pub(crate) fn test(project: &Project, options: &Options) -> Result<ExitCode, Failure> {
    if options.list {
        for step in STEPS {
            say::line(&format!("{:<10} {}", step.name, step.about));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let steps = chosen(&options.only)?;
    let start = Instant::now();
    let mut all = Vec::new();
    for (step_idx, step) in steps.iter().enumerate() {
        let place = format!("{}/{}", step_idx + 1, steps.len());
        say::heading(&format!(
            "[{place}, {}] {}: {}",
            clock(start.elapsed().as_secs()),
            step.name,
            step.about
        ));
        all.push(perform(step, project));
    }
    Ok(summary(&all, start.elapsed().as_secs()))
}

fn chosen(only: &[String]) -> Result<Vec<&'static Step>, Failure> {
    if let Some(unknown) = (only.iter()).find(|name| !STEPS.iter().any(|step| step.name == **name))
    {
        return Err(Failure::new(
            format!("there is no step `{unknown}`"),
            "choose one that `cargo xtask test --list` names",
        ));
    }
    let wanted = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    Ok(STEPS.iter().filter(wanted).collect())
}

fn perform(step: &Step, project: &Project) -> Done {
    let start = Instant::now();
    let tally = (step.work)(project).unwrap_or_else(Tally::failure);
    if let Some(failure) = &tally.failure {
        say::line(&format!("  FAILED {}: {failure}", step.name));
    }
    for reason in &tally.reasons_skipped {
        say::line(&format!("  SKIPPED {}: {reason}", step.name));
    }
    Done {
        name: step.name,
        tally,
        seconds: start.elapsed().as_secs(),
    }
}

fn summary(all: &[Done], seconds: u64) -> ExitCode {
    say::line("");
    say::line(&format!(
        "{:<10} {:>7} {:>7} {:>8} {:>7}",
        "step", "passed", "failed", "skipped", "time"
    ));
    let mut total = Tally::default();
    for done in all {
        say::line(&format!(
            "{:<10} {:>7} {:>7} {:>8} {:>7}  {}",
            done.name,
            done.tally.passed,
            done.tally.failed,
            done.tally.skipped,
            clock(done.seconds),
            done.tally.note
        ));
        total.add(&done.tally);
    }
    let failed: Vec<&Done> = (all.iter()).filter(|done| done.tally.failed > 0).collect();
    say::line(&format!("{:<10} {:>33}", "all", clock(seconds)));
    for done in &failed {
        say::line(&format!(
            "{} failed: see above, and again with `cargo xtask test --only {}`",
            done.name, done.name
        ));
    }
    say::line("");
    say::line(&total.to_string());
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn clock(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
