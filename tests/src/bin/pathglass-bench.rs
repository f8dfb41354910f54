//! How long diagnoses take on one core, native and Wasm in turn on the same flows: on the corpus, and on nodes with up to
//! 10,000 Services beside the real kernel's own connections.
#![expect(clippy::print_stdout, reason = "this program's output is its product")]

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use pathglass_sim::flow::FlowRequest;
use pathglass_sim::session::Session;
use pathglass_sim::snapshot::Reader;
use pathglass_tests::corpus::{self, Case, workspace};
use pathglass_tests::kernel::{self, Kernel};
use pathglass_tests::large::{Large, Times, median};
use pathglass_tests::{ask, pairs, parity, readme, regions};

/// Cases of the corpus that are asked: enough to be of every kind, few enough to be held at once.
const N_CASES: usize = 16;
const ROUNDS: usize = 3;
/// Services of the made nodes.
const SERVICES: [u32; 3] = [100, 1_000, 10_000];

/// Measures the engine as shipped, natively and in Wasm.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds for each round
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Write the table into README.md
    #[arg(long)]
    write_readme: bool,
    /// Only the large nodes, and these natively alone: for whoever makes them faster
    #[arg(long)]
    native: bool,
    /// Only the matrix of all pairs of pods
    #[arg(long)]
    pairs: bool,
    /// Only the regions with many security group rules and routes, natively
    #[arg(long)]
    regions: bool,
    /// Connect to Services from inside the namespace that this program made
    #[arg(long, hide = true, value_name = "SERVICES")]
    connect: Option<u32>,
}

/// What the nodes with many Services came to.
struct Row {
    large: Large,
    native: Times,
    wasm: Times,
    /// The kernel's own connection, where this machine lets us make namespaces.
    kernel: Option<f64>,
}

/// What one side came to, in its best round.
#[derive(Debug, Clone, Copy, Default)]
struct Speed {
    /// Diagnoses per second, snapshots opened and parsed before.
    warm: f64,
    /// First diagnoses per second: open, parse, answer.
    cold: f64,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    if let Some(n_services) = arguments.connect {
        println!("{:.3}", kernel::connect(n_services)?);
        return Ok(());
    }
    let folder = target().join("bench");
    if folder.is_dir() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let regions = if arguments.pairs || arguments.native {
        String::new()
    } else {
        regions::measure()?
    };
    print!("{regions}");
    if arguments.regions {
        return Ok(());
    }
    let pairs = pairs::measure()?;
    print!("{pairs}");
    if arguments.pairs {
        return Ok(());
    }
    let large = large_nodes(&folder.join("large"), arguments.native)?;
    print!("{large}");
    if arguments.native {
        return Ok(());
    }
    let folder = folder.join("corpus");
    std::fs::create_dir_all(&folder)?;
    let cases = cases()?;
    for case in &cases {
        parity::write(case, &folder)?;
    }
    let mut questions = read(&cases, &folder)?;
    let n_flows: usize = questions.iter().map(|(_, flows)| flows.len()).sum();
    println!(
        "{n_flows} flows of {} snapshots, best of {ROUNDS} rounds",
        questions.len()
    );
    let (mut native, mut wasm) = (Speed::default(), Speed::default());
    for round in 1..=ROUNDS {
        native = best(native, natively(&mut questions, arguments.seconds));
        wasm = best(wasm, in_wasm(&folder, arguments.seconds)?);
        println!(
            "round {round}: native {:.0}/s, Wasm {:.0}/s",
            native.warm, wasm.warm
        );
    }
    let table = format!(
        "{large}{regions}{}{pairs}",
        table(native, wasm, n_flows, &sizes()?)
    );
    print!("{table}");
    if arguments.write_readme {
        readme::write(&workspace().join("README.md"), readme::BENCH, &table)?;
    }
    Ok(())
}

/// The table of the nodes with many Services.
fn large_nodes(folder: &Path, native_only: bool) -> io::Result<String> {
    let mut rows = Vec::new();
    for n_services in SERVICES {
        println!("a node with {n_services} Services");
        let large = Large::new(n_services, folder)?;
        let kernel = Kernel::new(n_services);
        if let Err(error) = &kernel {
            println!("the kernel's own connections are not measured: {error}");
        }
        let (mut native, mut wasm, mut connections) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            native.push(large.natively()?);
            if !native_only {
                wasm.push(large.in_wasm()?);
            }
            if let Ok(kernel) = &kernel {
                connections.push(kernel.connect()?);
            }
        }
        rows.push(Row {
            large,
            native: Times::median(&native),
            wasm: Times::median(&wasm),
            kernel: (!connections.is_empty()).then(|| median(connections)),
        });
    }
    Ok(large_table(&rows))
}

fn large_table(rows: &[Row]) -> String {
    let mut table = "\n| Services on a node | rules | open | first diagnosis | **each further diagnosis** | the same in Wasm | Wasm takes × | the kernel's own connection |\n\
        | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for Row {
        large,
        native,
        wasm,
        kernel,
    } in rows
    {
        let cells = [
            large.n_services.to_string(),
            large.n_rules.to_string(),
            time(native.open),
            time(native.first),
            format!("**{}**", time(native.further)),
            time(wasm.further),
            format!("{:.2}", wasm.further / native.further),
            kernel.map_or_else(|| "not measured".to_owned(), time),
        ];
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    table.push_str(
        "\nTwo nodes (flannel, vxlan, kube-proxy in iptables mode), each Service with five endpoints on both; medians of three rounds, \
         native, Wasm (Node.js) and kernel in turn. A diagnosis is flow in, verdict JSON out: every branch, both ways, a small and a full-size packet; \
         each asks about another Service. The first one checks, unpacks and parses what it needs of both nodes. \
         The kernel's connection is one TCP handshake over a namespace's loopback through one node's rules.\n",
    );
    table
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// The example, and every so many-th case of the corpus where it is.
fn cases() -> io::Result<Vec<Case>> {
    let mut cases = vec![Case {
        name: "missing-route".to_owned(),
        folder: workspace().join("examples/missing-route"),
    }];
    if let Some(corpus) = corpus::folder() {
        let all = corpus::cases(&corpus, &[])?;
        let stride = all.len().div_ceil(N_CASES).max(1);
        cases.extend(all.into_iter().step_by(stride));
    }
    Ok(cases)
}

type Questions = Vec<(Vec<u8>, Vec<FlowRequest>)>;

/// The snapshots and those of their flows that can be asked.
fn read(cases: &[Case], folder: &Path) -> io::Result<Questions> {
    let mut questions = Vec::new();
    for case in cases {
        let bytes = std::fs::read(folder.join(format!("{}.pathglass", case.name)))?;
        let mut session = ask::sealed(bytes.clone().into());
        let mut flows: Vec<FlowRequest> = case
            .expectations()?
            .flows
            .iter()
            .map(|flow| flow.request())
            .collect();
        flows.retain(|flow| ask::diagnose(&mut session, flow).is_ok());
        questions.push((bytes, flows));
    }
    Ok(questions)
}

fn natively(questions: &mut Questions, seconds: u32) -> Speed {
    let mut sessions: Vec<(Session<Reader>, &[FlowRequest])> = questions
        .iter()
        .map(|(bytes, flows)| (ask::sealed(bytes.clone().into()), flows.as_slice()))
        .collect();
    let start = Instant::now();
    let mut n_cold = 0_u32;
    for (session, flows) in &mut sessions {
        if let Some(flow) = flows.first() {
            let _ = answer(session, flow);
            n_cold += 1;
        }
    }
    let cold = f64::from(n_cold) / start.elapsed().as_secs_f64();
    for (session, flows) in &mut sessions {
        for flow in *flows {
            let _ = answer(session, flow);
        }
    }
    let limit = Duration::from_secs(u64::from(seconds));
    let start = Instant::now();
    let mut n_warm = 0_u32;
    'measure: loop {
        for (session, flows) in &mut sessions {
            for flow in *flows {
                let _ = answer(session, flow);
                n_warm += 1;
                if start.elapsed() >= limit {
                    break 'measure;
                }
            }
        }
    }
    Speed {
        warm: f64::from(n_warm) / start.elapsed().as_secs_f64(),
        cold,
    }
}

/// Flow in, verdict's JSON out.
fn answer(session: &mut Session<Reader>, flow: &FlowRequest) -> usize {
    let verdict = ask::diagnose(session, flow);
    std::hint::black_box(
        verdict
            .map(|verdict| ask::bytes(&verdict).len())
            .unwrap_or_default(),
    )
}

fn in_wasm(folder: &Path, seconds: u32) -> io::Result<Speed> {
    let output = Command::new("node")
        .arg(workspace().join("tests/node/bench.mjs"))
        .arg(folder)
        .arg(seconds.to_string())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| printed.get(name).and_then(serde_json::Value::as_f64);
    match (number("warm"), number("cold")) {
        (Some(warm), Some(cold)) => Ok(Speed { warm, cold }),
        _ => Err(io::Error::other("tests/node/bench.mjs printed no speeds")),
    }
}

fn best(a: Speed, b: Speed) -> Speed {
    Speed {
        warm: a.warm.max(b.warm),
        cold: a.cold.max(b.cold),
    }
}

/// Bytes of the module: raw, gzip -9, brotli -11.
fn sizes() -> io::Result<[u64; 3]> {
    let output = Command::new("node")
        .arg(workspace().join("tests/node/sizes.mjs"))
        .arg(workspace().join("sim-wasm/pkg/pathglass_wasm_bg.wasm"))
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn table(native: Speed, wasm: Speed, n_flows: usize, sizes: &[u64; 3]) -> String {
    let row = |what: &str, native: f64, wasm: f64| {
        format!(
            "| {what} | {native:.0} /s ({}) | {wasm:.0} /s ({}) | {:.2} |\n",
            each(native),
            each(wasm),
            native / wasm
        )
    };
    let [raw, gzip, brotli] = sizes.map(|bytes| format!("{} kB", bytes.div_ceil(1000)));
    format!(
        "\n| one core | native | Wasm (Node.js) | Wasm takes × |\n| --- | ---: | ---: | ---: |\n{}{}\n\
         A diagnosis is flow in, verdict JSON out, over {n_flows} flows; opening includes checking the seal and parsing what the flow needs.\n\
         The Wasm module: {raw}, {gzip} with gzip, {brotli} with brotli.\n",
        row("open a snapshot and diagnose once", native.cold, wasm.cold),
        row("each further diagnosis", native.warm, wasm.warm),
    )
}

/// The time for one, as a person says it.
fn each(per_second: f64) -> String {
    time(1e6 / per_second.max(1e-9))
}

fn time(micros: f64) -> String {
    if micros >= 10_000.0 {
        format!("{:.0} ms", micros / 1000.0)
    } else if micros >= 1000.0 {
        format!("{:.1} ms", micros / 1000.0)
    } else {
        format!("{micros:.0} µs")
    }
}
