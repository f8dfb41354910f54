//! `cargo xtask run | test | bench | corpus | honesty | fuzz | oracle | readme | findings | example`: sets up what it needs, then does it.

mod bench;
mod build;
mod command;
mod corpus;
mod example;
mod failure;
mod findings;
mod fuzz;
mod honesty;
mod oracle;
mod oracle_vm;
mod project;
mod readme;
mod run;
mod say;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::project::Project;

/// The project's own commands: each gets what it needs, says what it does, and ends with what to do if it fails.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    /// Show the output of every program that is started
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build everything, seal the bundled example and serve it with the page on loopback
    Run(run::Options),
    /// Run every test there is
    Test(test::Options),
    /// Measure diagnoses per second, native and Wasm side by side, and the module's size
    Bench(bench::Options),
    /// Measure agreement with the corpus: real captures with the true result of real connections
    Corpus(corpus::Options),
    /// Ask the corpus again without each file in turn: no answer may become another certain one
    Honesty(honesty::Options),
    /// Throw bytes at the parsers, the opener and the walk (nightly, libFuzzer)
    Fuzz(fuzz::Options),
    /// Compare the simulator with the kernel on random networks in network namespaces (needs root)
    Oracle(oracle::Options),
    /// Renew the diagnosis that the README shows, as text and as a picture
    Readme(readme::Options),
    /// Write docs/findings.md from the catalogue of findings
    Findings,
    /// Make the bundled example anew, in network namespaces (needs root)
    Example,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(&arguments) {
        Ok(code) => code,
        Err(failure) => {
            say::line(&format!("\nFAILED: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let project = Project::find(arguments.verbose)?;
    match &arguments.command {
        Task::Run(options) => run::run(&project, options).map(|()| ExitCode::SUCCESS),
        Task::Test(options) => test::test(&project, options),
        Task::Bench(options) => bench::bench(&project, options).map(|()| ExitCode::SUCCESS),
        Task::Corpus(options) => corpus::corpus(&project, options).map(|()| ExitCode::SUCCESS),
        Task::Honesty(options) => honesty::honesty(&project, options).map(|()| ExitCode::SUCCESS),
        Task::Fuzz(options) => fuzz::fuzz(&project, options).map(|()| ExitCode::SUCCESS),
        Task::Oracle(options) => oracle::oracle(&project, options).map(|()| ExitCode::SUCCESS),
        Task::Readme(options) => readme::write(&project, options).map(|()| ExitCode::SUCCESS),
        Task::Findings => findings::write(&project).map(|()| ExitCode::SUCCESS),
        Task::Example => example::make(&project).map(|()| ExitCode::SUCCESS),
    }
}
