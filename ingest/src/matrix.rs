//! `pathglass matrix`: what network policies intend between all pairs of pods, and where the data plane differs.

use std::fmt::Write as _;
use std::path::PathBuf;

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::intent::all_pairs::{IntendedMatrix, MatrixRequest};
use pathglass_sim::verdict::{Intention, Outcome, Verdict};
use serde::Serialize;

use crate::diagnose::ProtocolArg;
use crate::error::CommandError;
use crate::input::{AskFailure, Capture, OpenArgs};
use crate::{Exit, output, text};

/// More pods than this are told in numbers, not drawn.
const MOST_DRAWN: usize = 60;

const NOTES: &str = "\
The matrix is what the policies intend, not what is so: `--verify N` walks N of its cells in full.
A service's policies see the pod's own port. A named port is the pod's that is connected to.
A pod of the host's network may count as a pod or as its node: `?` where that makes a difference.
Pods without an address, and pods that have ended, are left out and named.

Signs:
  .  allowed    x  forbidden    ?  the policies do not tell

Examples:
  pathglass matrix capture --port 80
  pathglass matrix cluster.pathglass --port 53 --protocol udp --json | jq .rows
  pathglass matrix capture --port 8080 --verify 200

Exit codes:
  0 done, no cell differs   1 some cell differs   2 usage or input error";

/// The arguments of `pathglass matrix`.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub struct Args {
    /// A capture's folder, or a sealed snapshot
    pub capture: PathBuf,
    /// The port of the pod that is connected to
    #[arg(long, value_name = "N")]
    pub port: u16,
    /// The protocol
    #[arg(long, value_enum, default_value_t = ProtocolArg::Tcp)]
    pub protocol: ProtocolArg,
    /// Between the pods' addresses of this IP version; IPv4 unless no pod has one
    #[arg(long, value_name = "4|6", value_parser = clap::value_parser!(u8).range(4..=6))]
    pub ip_version: Option<u8>,
    /// Print JSON (`pathglass.intended-matrix/v1`)
    #[arg(long)]
    pub json: bool,
    /// Walk this many random cells in full, and print where intent and data plane differ
    #[arg(long, value_name = "N")]
    pub verify: Option<usize>,
    /// Which random cells
    #[arg(long, value_name = "N", default_value_t = 1, requires = "verify")]
    pub seed: u64,
    /// How the capture is opened.
    #[command(flatten)]
    pub open: OpenArgs,
}

/// What walking cells in full came to.
#[derive(Debug, Default, Serialize)]
struct Verified {
    cells: usize,
    agree: usize,
    /// The policies or the evidence do not tell.
    undecided: usize,
    differ: Vec<Difference>,
}

/// A cell where intent and data plane differ.
#[derive(Debug, Serialize)]
struct Difference {
    from: String,
    to: String,
    intended: Intention,
    outcome: Outcome,
    /// What the walk found first.
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<String>,
}

/// Asks for the matrix, verifies as much of it as is asked for, and prints it.
///
/// # Errors
/// When the capture cannot be read.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    let mut capture = Capture::open(&args.capture, &args.open)?;
    for note in capture.notes() {
        output::note(&format!("note: {note}"));
    }
    let request = MatrixRequest {
        protocol: args.protocol.into(),
        port: args.port,
        ipv6: args.ip_version.map(|version| version == 6),
    };
    let matrix = capture
        .ask(|session| session.intended_matrix(request))
        .map_err(AskFailure::into_error)?;
    let verified = match args.verify {
        Some(cells) => Some(verify(&mut capture, &matrix, cells, args.seed)?),
        None => None,
    };
    if args.json {
        output::print_bytes(json(&matrix, verified.as_ref()).as_bytes())?;
    } else {
        output::print(&page(&matrix, verified.as_ref()))?;
    }
    let differs = verified.is_some_and(|verified| !verified.differ.is_empty());
    Ok(if differs { Exit::No } else { Exit::Yes })
}

/// Walks random cells in full.
fn verify(
    capture: &mut Capture,
    matrix: &IntendedMatrix,
    cells: usize,
    seed: u64,
) -> Result<Verified, CommandError> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut verified = Verified::default();
    let pods = &matrix.pods;
    for _ in 0..cells {
        if pods.len() < 2 {
            break;
        }
        let from = random.usize(..pods.len());
        let to = random.usize(..pods.len());
        let (Some(source), Some(target)) = (pods.get(from), pods.get(to)) else {
            continue;
        };
        let flow = FlowRequest {
            from: format!("pod:{source}"),
            to: matrix
                .address(to)
                .map_or_else(|| format!("pod:{target}"), |ip| ip.to_string()),
            port: Some(matrix.request.port),
            protocol: matrix.request.protocol,
            ..FlowRequest::default()
        };
        let verdict = capture.diagnose(&flow).map_err(AskFailure::into_error)?;
        verified.cells += 1;
        let intended = matrix.cell(from, to);
        match agrees(intended, &verdict) {
            None => verified.undecided += 1,
            Some(true) => verified.agree += 1,
            Some(false) => verified.differ.push(Difference {
                from: source.clone(),
                to: target.clone(),
                intended,
                outcome: verdict.outcome,
                finding: (verdict.findings.first())
                    .map(|finding| format!("{}: {}", finding.code, finding.message)),
            }),
        }
    }
    Ok(verified)
}

/// Whether the data plane does what is intended; a closed port is nothing that a policy speaks of.
fn agrees(intended: Intention, verdict: &Verdict) -> Option<bool> {
    let reaches = match verdict.outcome {
        Outcome::Connected => true,
        Outcome::Unknown | Outcome::Partial => return None,
        Outcome::Refused | Outcome::Unreachable | Outcome::Timeout => {
            let first = verdict.findings.first();
            first.is_some_and(|finding| finding.code == "socket.no-listener")
        }
    };
    match intended {
        Intention::Allows => Some(reaches),
        Intention::Forbids => Some(!reaches),
        Intention::Unknown => None,
    }
}

fn json(matrix: &IntendedMatrix, verified: Option<&Verified>) -> String {
    #[derive(Serialize)]
    struct Answer<'a> {
        #[serde(flatten)]
        matrix: &'a IntendedMatrix,
        #[serde(skip_serializing_if = "Option::is_none")]
        verified: Option<&'a Verified>,
    }
    let answer = Answer { matrix, verified };
    // Strings and numbers always serialise.
    let mut text = serde_json::to_string(&answer).unwrap_or_default();
    text.push('\n');
    text
}

/// The matrix for people.
fn page(matrix: &IntendedMatrix, verified: Option<&Verified>) -> String {
    let mut page = String::new();
    let rows = matrix.rows();
    let n_pods = matrix.pods.len();
    let request = &matrix.request;
    let _ = writeln!(
        page,
        "INTENDED by network policies: {n_pods} pods, port {} {}. Not what is so: --verify N walks cells in full.\n",
        request.port, request.protocol
    );
    if n_pods <= MOST_DRAWN {
        draw(&mut page, matrix);
    }
    let count = |what: Intention| -> usize {
        let cells = (0..n_pods).flat_map(|from| (0..n_pods).map(move |to| (from, to)));
        cells
            .filter(|(from, to)| matrix.cell(*from, *to) == what)
            .count()
    };
    let _ = writeln!(
        page,
        "{} of {} pairs forbidden, {} not told by the policies; {} different rows",
        count(Intention::Forbids),
        n_pods * n_pods,
        count(Intention::Unknown),
        rows.len()
    );
    for left_out in &matrix.left_out {
        let _ = writeln!(
            page,
            "left out: {}: {}",
            text::clean(&left_out.pod),
            left_out.why
        );
    }
    for assumption in &matrix.assumptions {
        let _ = writeln!(page, "assumed: {}", text::clean(assumption));
    }
    if let Some(verified) = verified {
        let _ = writeln!(
            page,
            "\nwalked {} cells: {} as intended, {} not decided, {} differ",
            verified.cells,
            verified.agree,
            verified.undecided,
            verified.differ.len()
        );
        for one in &verified.differ {
            let intended = match one.intended {
                Intention::Allows => "allowed",
                Intention::Forbids => "forbidden",
                Intention::Unknown => "not told",
            };
            let outcome = text::outcome_word(one.outcome);
            let why = one.finding.as_deref().unwrap_or_default();
            let line = format!(
                "{} -> {}: {intended}, but {outcome} {why}",
                one.from, one.to
            );
            let _ = writeln!(page, "  {}", text::clean(&line));
        }
    }
    page
}

/// One line for each pod that connects, one column for each that is connected to.
fn draw(page: &mut String, matrix: &IntendedMatrix) {
    let width = matrix.pods.iter().map(|pod| pod.chars().count()).max();
    let width = width.unwrap_or(0);
    let n_digits = matrix.pods.len().to_string().len();
    for digit in 0..n_digits {
        let _ = write!(page, "{:>1$} ", "", width + n_digits + 1);
        for place in 1..=matrix.pods.len() {
            let number = format!("{place:>n_digits$}");
            page.push(number.chars().nth(digit).unwrap_or(' '));
        }
        page.push('\n');
    }
    for (from, pod) in matrix.pods.iter().enumerate() {
        let pod = text::clean(pod);
        let _ = write!(page, "{:>n_digits$} {pod:<width$} ", from + 1);
        for to in 0..matrix.pods.len() {
            page.push(match matrix.cell(from, to) {
                Intention::Allows => '.',
                Intention::Forbids => 'x',
                Intention::Unknown => '?',
            });
        }
        page.push('\n');
    }
    page.push('\n');
}
