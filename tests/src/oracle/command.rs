//! The command line: many worlds, a few at a time.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;

use super::measure::{Measured, expectations, measure};
use super::report::{Report, mismatches};
use super::{Problem, grammar, netns};

/// Random worlds in network namespaces: what the kernel does beside what the simulator says.
#[derive(Debug, Parser)]
#[command(name = "pathglass-oracle")]
pub struct Options {
    /// Ends when this many flows were asked
    #[arg(long, default_value_t = 1000)]
    flows: usize,
    /// Ends after this many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// The first world's seed; the next worlds have the next numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only ops of these domains
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// This world alone, with every flow shown
    #[arg(long, value_name = "SEED")]
    world: Option<u64>,
    /// Leaves each feature's ops out in turn and counts the answers that change
    #[arg(long)]
    decisive: bool,
    /// Writes each world that disagrees into this folder: its capture, expectations and spec
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Worlds at a time
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// Fails when agreement is below this, in percent
    #[arg(long, default_value_t = 0.0)]
    at_least: f64,
}

/// Runs the command; 1: disagreement below what is demanded, 2: it could not be run, 3: it cannot run here.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    if let Some(obstacle) = netns::obstacle() {
        say(&format!("skipped: {obstacle}"));
        return ExitCode::from(3);
    }
    netns::sweep(false);
    if let Err(problem) = prepare() {
        say(&format!("error: {problem}"));
        return ExitCode::from(2);
    }
    let report = run(options);
    say(&report.text());
    if report.total.flows == 0 {
        return ExitCode::from(2);
    }
    if report.total.percent() < options.at_least {
        return ExitCode::from(1);
    }
    ExitCode::SUCCESS
}

/// Enough sockets, and namespaces removed when the person at the keyboard has had enough.
fn prepare() -> Result<(), Problem> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    use nix::sys::signal::{SigSet, Signal};
    getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard))
        .map_err(|error| Problem::of("file descriptors", &error))?;
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    // Threads inherit the mask: from now on only the one that waits gets these.
    signals
        .thread_block()
        .map_err(|error| Problem::of("signals", &error))?;
    std::thread::spawn(move || {
        if signals.wait().is_ok() {
            netns::sweep(true);
            std::process::exit(130);
        }
    });
    Ok(())
}

fn run(options: &Options) -> Report {
    let start = Instant::now();
    let report = Mutex::new(Report::default());
    let next = AtomicU64::new(options.world.unwrap_or(options.seed));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..if options.world.is_some() {
            1
        } else {
            options.jobs
        } {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    one(options, seed, &report);
                    let n_flows = report
                        .lock()
                        .map_or(usize::MAX, |report| report.total.flows);
                    let late = options
                        .seconds
                        .is_some_and(|seconds| start.elapsed() > Duration::from_secs(seconds));
                    if options.world.is_some() || n_flows >= options.flows || late {
                        is_over.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    report.into_inner().unwrap_or_default()
}

fn one(options: &Options, seed: u64, report: &Mutex<Report>) {
    let spec = grammar::world(seed, &options.only);
    if options.world.is_some() {
        say(&serde_json::to_string_pretty(&spec).unwrap_or_default());
    }
    let measured = match measure(spec) {
        Ok(measured) => measured,
        Err(problem) => {
            say(&format!("world {seed}: {problem}"));
            if let Ok(mut report) = report.lock() {
                report.problems += 1;
            }
            return;
        }
    };
    if options.world.is_some() {
        show_all(&measured);
    }
    say(&mismatches(&measured));
    let n_wrong = measured
        .flows
        .iter()
        .filter(|flow| flow.disagreement.is_some())
        .count();
    if let Some(folder) = &options.keep
        && (n_wrong > 0 || options.world.is_some())
        && let Err(error) = save(&folder.join(format!("world-{seed}")), &measured)
    {
        say(&format!("world {seed}: cannot be kept: {error}"));
    }
    if let Ok(mut report) = report.lock() {
        report.add(&measured);
    }
}

fn show_all(measured: &Measured) {
    for flow in &measured.flows {
        say(&format!(
            "{} {}: {:?} {:?} | {}",
            flow.flow.id,
            super::measure::describe(&flow.flow),
            flow.observed.outcomes,
            flow.observed.backends,
            flow.said
        ));
    }
    let [build, capture, probe, simulate] = measured.took;
    say(&format!(
        "build {build:?}, capture {capture:?}, probe {probe:?}, simulate {simulate:?}"
    ));
}

/// Writes a measured world as a case: capture, `expectations.json`, `world.json`.
///
/// # Errors
/// When the folder cannot be written.
pub fn save(folder: &Path, measured: &Measured) -> std::io::Result<()> {
    let json = |value: serde_json::Result<Vec<u8>>| value.map_err(std::io::Error::other);
    let mut files = measured.files.clone();
    let expectations = expectations(&measured.flows);
    files.insert(
        "expectations.json".to_owned(),
        json(serde_json::to_vec_pretty(&expectations))?.into(),
    );
    files.insert(
        "world.json".to_owned(),
        json(serde_json::to_vec_pretty(&measured.spec))?.into(),
    );
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    for (path, bytes) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program's output")]
fn say(text: &str) {
    if !text.is_empty() {
        println!("{}", text.trim_end());
    }
}
