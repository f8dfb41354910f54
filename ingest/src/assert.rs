//! `pathglass assert`: many expected outcomes, checked at once.

pub mod expectation;
pub mod judge;
mod junit;
pub mod report;

pub use expectation::{Expectations, FlowExpectation, InvalidExpectations, Observation};
pub use judge::{judge, names_the_cause};
pub use report::{FlowReport, Report};

use std::path::PathBuf;

use clap::ValueEnum;

use crate::error::CommandError;
use crate::input::{AskFailure, Capture, OpenArgs};
use crate::{Exit, output};

const EXAMPLES: &str = "\
A file of expectations:
  {\"schema\": \"pathglass.expectations/v1\", \"flows\": [
    {\"id\": \"shop reaches its database\", \"from\": \"pod:shop/web-1\",
     \"to\": \"service:shop/db\", \"port\": 5432, \"expect\": \"connected\"},
    {\"id\": \"nobody else does\", \"from\": \"pod:default/client\",
     \"to\": \"service:shop/db\", \"port\": 5432, \"expect\": [\"timeout\", \"refused\"]}]}

Examples:
  pathglass assert capture expectations.json
  pathglass assert cluster.pathglass expectations.json --format junit > report.xml

Exit codes:
  0 all hold   1 some do not   2 usage or input error";

/// The arguments of `pathglass assert`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A capture's folder, or a sealed snapshot
    pub capture: PathBuf,
    /// The expected outcomes
    pub expectations: PathBuf,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How the capture is opened.
    #[command(flatten)]
    pub open: OpenArgs,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For a CI server: JUnit XML.
    Junit,
}

/// Checks every expectation and prints the report.
///
/// # Errors
/// When the capture or the expectations cannot be read.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    let path = &args.expectations;
    let text = std::fs::read(path).map_err(CommandError::io("read", path))?;
    let expectations =
        Expectations::parse(&text).map_err(|error| CommandError::input(path, error.to_string()))?;
    let mut capture = Capture::open(&args.capture, &args.open)?;
    for note in capture.notes() {
        output::note(&format!("note: {note}"));
    }
    let report = check(&mut capture, &expectations)?;
    match args.format {
        Format::Text => output::print(&report.text(&expectations))?,
        Format::Json => output::print_bytes(report.json()?.as_bytes())?,
        Format::Junit => {
            let xml = junit::write(&report, &expectations, &path.display().to_string())?;
            output::print_bytes(xml.as_bytes())?;
        }
    }
    Ok(if report.held == report.total {
        Exit::Yes
    } else {
        Exit::No
    })
}

/// Asks `capture` every flow of `expectations` and judges the verdicts.
///
/// # Errors
/// When the capture cannot be read. A flow that means nothing in it is one that does not hold.
pub fn check(capture: &mut Capture, expectations: &Expectations) -> Result<Report, CommandError> {
    let mut flows = Vec::new();
    for expectation in &expectations.flows {
        flows.push(match capture.diagnose(&expectation.request()) {
            Ok(verdict) => FlowReport::of(expectation, &verdict),
            Err(AskFailure::Question { field, message }) => {
                FlowReport::unanswered(expectation, format!("{field}: {message}"))
            }
            Err(AskFailure::Capture(error)) => return Err(error),
        });
    }
    Ok(Report::of(flows))
}
