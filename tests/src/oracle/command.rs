//! The command line: many worlds, a few at a time.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;

use super::decisive::decisive;
use super::measure::{Measured, confirm, expectations, measure};
use super::report::{Report, mismatches, page};
use super::shrink::{shrink, trace};
use super::{Problem, grammar, netns};

/// A walk goes deep where each question about a neighbour walks itself.
const STACK: usize = 64 << 20;
/// Flows that a feature must decide before it is believed to matter.
const DECISIVE: usize = 200;

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
    /// The world that this file describes, as `--keep` writes it (`world.json`), alone
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Leaves each feature's ops out in turn and counts the answers that change
    #[arg(long)]
    decisive: bool,
    /// Writes each world that disagrees into this folder: its capture, expectations and spec
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Cuts each world that disagrees down and writes it into this folder, with the kernel's trace
    #[arg(long, value_name = "FOLDER")]
    shrink: Option<PathBuf>,
    /// With --shrink: only this flow
    #[arg(long, value_name = "ID")]
    flow: Option<String>,
    /// Worlds at a time
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// Writes the figures into this file
    #[arg(long, value_name = "FILE")]
    write_docs: Option<PathBuf>,
    /// Fails when agreement is below this, in percent
    #[arg(long, default_value_t = 0.0)]
    at_least: f64,
}

impl Options {
    fn is_alone(&self) -> bool {
        self.world.is_some() || self.replay.is_some()
    }
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
    if let Some(path) = &options.write_docs {
        let seed = options.seed;
        let flag = if options.decisive { " --decisive" } else { "" };
        let command = format!(
            "cargo xtask oracle -- --flows {} --seed {seed}{flag} --write-docs docs/oracle.md",
            options.flows
        );
        if let Err(error) = std::fs::write(path, page(&report, &command)) {
            say(&format!("error: {}: {error}", path.display()));
            return ExitCode::from(2);
        }
    }
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
        for _ in 0..if options.is_alone() { 1 } else { options.jobs } {
            let worker = std::thread::Builder::new().stack_size(STACK);
            let spawned = worker.spawn_scoped(scope, || {
                while !is_over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    one(options, seed, &report);
                    let n_flows = report
                        .lock()
                        .map_or(usize::MAX, |report| report.total.flows);
                    let late = options
                        .seconds
                        .is_some_and(|seconds| start.elapsed() > Duration::from_secs(seconds));
                    if options.is_alone() || n_flows >= options.flows || late {
                        is_over.store(true, Ordering::Relaxed);
                    }
                }
            });
            if let Err(error) = spawned {
                say(&format!("error: a thread cannot be started: {error}"));
            }
        }
    });
    report.into_inner().unwrap_or_default()
}

fn one(options: &Options, seed: u64, report: &Mutex<Report>) {
    if let Err(problem) = world(options, seed, report) {
        say(&format!("world {seed}: {problem}"));
        if let Ok(mut report) = report.lock() {
            report.problems += 1;
        }
    }
}

fn world(options: &Options, seed: u64, report: &Mutex<Report>) -> Result<(), Problem> {
    let spec = match &options.replay {
        Some(path) => {
            let bytes = std::fs::read(path).map_err(|error| Problem::of(path.display(), &error))?;
            serde_json::from_slice(&bytes).map_err(|error| Problem::of(path.display(), &error))?
        }
        None => grammar::world(seed, &options.only),
    };
    let mut measured = measure(spec)?;
    confirm(&mut measured)?;
    if options.is_alone() {
        show_all(&measured);
    }
    say(&mismatches(&measured));
    let wrong: Vec<String> = measured
        .flows
        .iter()
        .filter(|flow| flow.disagreement.is_some() && !flow.is_unsteady)
        .map(|flow| flow.flow.id.clone())
        .collect();
    if let Some(folder) = &options.keep
        && (!wrong.is_empty() || options.is_alone())
    {
        keep(&folder.join(format!("world-{seed}")), &measured)?;
    }
    if let (Some(folder), Some(first)) = (&options.shrink, wrong.first()) {
        let id = options.flow.as_ref().unwrap_or(first);
        let small = shrink(&measured, id)?;
        let folder = folder.join(format!("world-{seed}-{id}"));
        keep(&folder, &small)?;
        let path = folder.join("trace.txt");
        std::fs::write(&path, trace(&small.spec)?)
            .map_err(|error| Problem::of(path.display(), &error))?;
        say(&mismatches(&small));
        say(&format!(
            "{} ops are left, in {}",
            small.spec.ops.len(),
            folder.display()
        ));
        for op in &small.spec.ops {
            say(&format!("  {} {} {:?}", op.feature, op.at, op.deed));
        }
    }
    let decided = if options.decisive {
        // What has shown often enough needs no more proof.
        let known = report.lock().map_or_else(
            |_| Vec::new(),
            |report| {
                let features = report.features.iter();
                features
                    .filter(|(_, count)| count.decisive >= DECISIVE)
                    .map(|(feature, _)| feature.clone())
                    .collect()
            },
        );
        decisive(&measured, |feature| {
            !known.iter().any(|known| known == feature)
        })?
    } else {
        super::decisive::Decisive::new()
    };
    if let Ok(mut report) = report.lock() {
        report.add(&measured);
        report.add_decisive(&decided);
    }
    Ok(())
}

fn keep(folder: &Path, measured: &Measured) -> Result<(), Problem> {
    save(folder, measured).map_err(|error| Problem::of(folder.display(), &error))
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
