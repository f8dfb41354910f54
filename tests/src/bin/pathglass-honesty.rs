//! Takes every file of every case away, one at a time: no answer may turn into another certain one.
#![expect(clippy::print_stdout, reason = "this program's output is its product")]

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use pathglass_tests::corpus::{self, each};
use pathglass_tests::honesty::{self, Tested};

/// Asks every flow of the corpus again without each file that it rests on.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only cases whose name contains this (may be given more than once)
    #[arg(long)]
    case: Vec<String>,
    /// Only files whose path contains this (may be given more than once)
    #[arg(long)]
    file: Vec<String>,
    /// Cases at a time
    #[arg(long)]
    jobs: Option<usize>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> std::io::Result<ExitCode> {
    let Some(folder) = corpus::folder() else {
        println!("SKIPPED: the corpus is not on this machine (PATHGLASS_CORPUS names its folder)");
        return Ok(if corpus::is_required() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        });
    };
    let cases = corpus::cases(&folder, &arguments.case)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    let keep = |file: &str| {
        arguments.file.is_empty()
            || arguments
                .file
                .iter()
                .any(|part| file.contains(part.as_str()))
    };
    let mut all = Tested::default();
    for tested in each(&cases, arguments.jobs.unwrap_or(cores).max(1), |case| {
        honesty::test(case, keep)
    }) {
        all.add(tested?);
    }
    for contradiction in &all.contradictions {
        println!("{contradiction}");
    }
    println!("{} cases in {} s", cases.len(), start.elapsed().as_secs());
    println!("honesty: {all}");
    Ok(if all.contradictions.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
