//! Measures agreement with the corpus; with `--parity` writes what the Wasm module must repeat.
#![expect(clippy::print_stdout, reason = "this program's output is its product")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use pathglass_tests::agreement::{CaseResult, Fault, Judge};
use pathglass_tests::corpus::{self, Case, each};
use pathglass_tests::honesty::{self, Tested};
use pathglass_tests::report::{self, Totals};
use pathglass_tests::watch::Watch;
use pathglass_tests::{parity, readme, schema};

/// No flow of the corpus needs a hundredth of this.
const HANG: Duration = Duration::from_secs(120);
/// What the first issue asks for, whatever the README says.
const FLOOR: Totals = Totals {
    n_agreeing: 90,
    n_flows: 100,
};

/// Asks every flow of the corpus and judges the verdicts by what really happened.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only cases whose name contains this (may be given more than once)
    #[arg(long)]
    case: Vec<String>,
    /// Cases at a time
    #[arg(long)]
    jobs: Option<usize>,
    /// Fail if the agreement is below the README's, or below 90 %
    #[arg(long)]
    check: bool,
    /// Write the agreement into README.md
    #[arg(long)]
    write_readme: bool,
    /// Instead of judging, write sealed cases and native verdicts into this folder
    #[arg(long, value_name = "FOLDER")]
    parity: Option<PathBuf>,
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
    if cases.is_empty() {
        return Err(std::io::Error::other("no case has such a name"));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.unwrap_or(cores).max(1);
    if let Some(folder) = &arguments.parity {
        return write_parity(&cases, folder, jobs);
    }
    let start = Instant::now();
    let validator = schema::validator()?;
    let watch = Watch::start(HANG, |name| {
        println!("HANG: {name} took more than {} s", HANG.as_secs());
        std::process::exit(3);
    });
    let judge = Judge {
        validator: &validator,
        watch: &watch,
    };
    let results = each(&cases, jobs, |case| judge.case(case));
    print!("{}", report::text(&results));
    let mut bare = Tested::default();
    for tested in each(&cases, jobs, honesty::bare) {
        bare.add(tested?);
    }
    println!("without fabric/ and netns.json: {}", share(&bare));
    for contradiction in &bare.contradictions {
        println!("  {contradiction}");
    }
    let file = write_disagreements(&results)?;
    println!(
        "{} cases in {} s; what disagrees: {file}",
        results.len(),
        start.elapsed().as_secs()
    );
    if arguments.write_readme {
        let readme_path = corpus::workspace().join("README.md");
        readme::write(
            &readme_path,
            readme::AGREEMENT,
            &Totals::of(&results).to_string(),
        )?;
    }
    Ok(if arguments.check {
        check(&results, &bare)?
    } else {
        ExitCode::SUCCESS
    })
}

fn write_parity(cases: &[Case], folder: &Path, jobs: usize) -> std::io::Result<ExitCode> {
    if folder.is_dir() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let mut n_flows = 0;
    for written in each(cases, jobs, |case| {
        parity::write(case, folder)
            .map_err(|error| std::io::Error::other(format!("{}: {error}", case.name)))
    }) {
        n_flows += written?;
    }
    println!(
        "{n_flows} flows of {} cases in {}",
        cases.len(),
        folder.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn write_disagreements(results: &[CaseResult]) -> std::io::Result<String> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| corpus::workspace().join("target"), PathBuf::from);
    let folder = target.join("corpus");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("disagreements.txt");
    std::fs::write(&file, report::disagreements(results))?;
    Ok(file.display().to_string())
}

/// How much is still told of what was asked again.
fn share(bare: &Tested) -> String {
    let decided = Totals {
        n_agreeing: bare.n_decided,
        n_flows: bare.n_asked,
    };
    let tenths = decided.percent();
    format!(
        "{} of {} flows still decided ({tenths}), {} of them without a further assumption",
        bare.n_decided, bare.n_asked, bare.n_same
    )
}

/// Prints each check that a landing must pass, and the count of them.
fn check(results: &[CaseResult], bare: &Tested) -> std::io::Result<ExitCode> {
    let totals = Totals::of(results);
    let text = std::fs::read_to_string(corpus::workspace().join("README.md"))?;
    let written = readme::agreement(&text).map(|(n_agreeing, n_flows)| Totals {
        n_agreeing,
        n_flows,
    });
    let count = |is: fn(&Fault) -> bool| {
        let faults = (results.iter())
            .flat_map(|case| &case.flows)
            .flat_map(|flow| &flow.faults);
        faults.filter(|fault| is(fault)).count()
    };
    let n_panics = count(|fault| matches!(fault, Fault::Panic(_)));
    let n_schema = count(|fault| matches!(fault, Fault::Schema(_)));
    let n_sealed = count(|fault| matches!(fault, Fault::Sealed(_)));
    let (right, n_labelled) = report::causes(results);
    let n_alarms = count(|fault| matches!(fault, Fault::Alarm(_)));
    let n_broken = results.iter().filter(|case| case.broken.is_some()).count();
    let checks = [
        (
            written.is_some(),
            "README.md has a measured agreement (`cargo xtask corpus --write-readme`)".to_owned(),
        ),
        (
            written.is_none_or(|written| totals.at_least(written)),
            "agreement is not below the README's".to_owned(),
        ),
        (
            totals.at_least(FLOOR),
            "agreement is at least 90 %".to_owned(),
        ),
        (n_panics == 0, format!("no panic ({n_panics})")),
        (
            n_schema == 0,
            format!("every verdict matches its schema ({n_schema} do not)"),
        ),
        (
            n_sealed == 0,
            format!("sealed and unsealed give one answer ({n_sealed} do not)"),
        ),
        (
            right == n_labelled,
            format!("the first finding names every labelled cause ({right} of {n_labelled})"),
        ),
        (
            n_alarms == 0,
            format!("no flow that connects has a finding above `warning` ({n_alarms} have)"),
        ),
        (
            n_broken == 0,
            format!("every case can be asked ({n_broken} cannot)"),
        ),
        (
            bare.contradictions.is_empty(),
            format!(
                "without fabric/ and netns.json no answer is another certain one ({} are)",
                bare.contradictions.len()
            ),
        ),
    ];
    for (holds, what) in &checks {
        println!("  {} {what}", if *holds { "ok    " } else { "FAILED" });
    }
    let n_passed = checks.iter().filter(|(holds, _)| *holds).count();
    println!("{n_passed} passed, {} failed", checks.len() - n_passed);
    Ok(if n_passed == checks.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
