//! `pathglass diagnose`: what becomes of one flow.

use std::path::PathBuf;

use clap::ValueEnum;
use pathglass_sim::flow::{FlowRequest, Protocol};
use pathglass_sim::verdict::{Lang, Outcome, Verdict, catalogue};

use crate::error::CommandError;
use crate::input::{Capture, OpenArgs};
use crate::{Exit, output, text};

const EXAMPLES: &str = "\
Who and whom:
  pod:ns/name, node:name, ip:192.0.2.7 or a bare address; --to also service:ns/name
  and dns:name, a name as the sender would look it up, or https://host/path

Examples:
  pathglass diagnose capture --from pod:default/client --to service:default/web
  pathglass diagnose capture --from pod:default/client --to dns:web.shop --port 80
  pathglass diagnose cluster.pathglass --from node:n1 --to 10.244.1.5 --port 8080
  pathglass diagnose capture --from pod:a/b --to 192.0.2.7 --protocol icmp
  pathglass diagnose capture --from ip:203.0.113.9 --to node:n1 --port 30080 \\
      --format json | jq .findings
  pathglass diagnose capture --from pod:a/b --to 192.0.2.7 --lang zh
  pathglass diagnose --explain route.missing

Exit codes:
  0 connected   1 not connected, or partly   2 usage or input error   3 unknown";

/// The arguments of `pathglass diagnose`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A capture's folder, or a sealed snapshot
    #[arg(required_unless_present = "explain")]
    pub capture: Option<PathBuf>,
    /// Who connects
    #[arg(long, value_name = "WHO", required_unless_present = "explain")]
    pub from: Option<String>,
    /// To whom
    #[arg(long, value_name = "WHOM", required_unless_present = "explain")]
    pub to: Option<String>,
    /// The destination port; a service with one port needs none
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// The protocol
    #[arg(long, value_enum, default_value_t = ProtocolArg::Tcp)]
    pub protocol: ProtocolArg,
    /// Payload bytes sent each way; a small packet unless given
    #[arg(long, value_name = "N")]
    pub bytes: Option<u32>,
    /// What leaves the captured world is unknown, not connected
    #[arg(long)]
    pub strict: bool,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Say what a finding's code means, how to confirm it and what mends it (`all`: every code), and diagnose nothing
    #[arg(long, value_name = "CODE", conflicts_with_all = ["capture", "from", "to"])]
    pub explain: Option<String>,
    /// The language of all texts; English unless given, whatever the locale
    #[arg(long, value_enum)]
    pub lang: Option<LangArg>,
    /// How the capture is opened.
    #[command(flatten)]
    pub open: OpenArgs,
}

/// A protocol on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProtocolArg {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// ICMP echo.
    Icmp,
}

/// A language on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LangArg {
    /// English.
    En,
    /// Chinese.
    Zh,
}

impl From<LangArg> for Lang {
    fn from(lang: LangArg) -> Self {
        match lang {
            LangArg::En => Self::En,
            LangArg::Zh => Self::Zh,
        }
    }
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl From<ProtocolArg> for Protocol {
    fn from(protocol: ProtocolArg) -> Self {
        match protocol {
            ProtocolArg::Tcp => Self::Tcp,
            ProtocolArg::Udp => Self::Udp,
            ProtocolArg::Sctp => Self::Sctp,
            ProtocolArg::Icmp => Self::Icmp,
        }
    }
}

/// Diagnoses one flow and prints the verdict.
///
/// # Errors
/// When the capture cannot be read or the question means nothing in it.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    if let Some(code) = &args.explain {
        output::print(&explain(code, args.lang.map(Lang::from))?)?;
        return Ok(Exit::Yes);
    }
    let (Some(capture), Some(from), Some(to)) = (&args.capture, &args.from, &args.to) else {
        return Err(CommandError::Usage(
            "a capture, --from and --to are needed".to_owned(),
        ));
    };
    let mut capture = Capture::open(capture, &args.open)?;
    for note in capture.notes() {
        output::note(&format!("note: {note}"));
    }
    let request = FlowRequest {
        from: from.clone(),
        to: to.clone(),
        port: args.port,
        protocol: args.protocol.into(),
        bytes: args.bytes,
        strict: args.strict,
    };
    let lang = args.lang.map_or(Lang::En, Lang::from);
    let answer = capture.diagnose(&request);
    let verdict = answer.map_err(|failure| failure.in_language(lang).into_error())?;
    let verdict = verdict.in_language(lang);
    match args.format {
        Format::Text => output::print(&text::render(&verdict, lang))?,
        Format::Json => output::print_bytes(json(&verdict).as_bytes())?,
    }
    Ok(exit(verdict.outcome))
}

/// The catalogue's entry for `code`, or the whole of it, as Markdown; in both languages unless one is asked for.
fn explain(code: &str, lang: Option<Lang>) -> Result<String, CommandError> {
    if code == "all" {
        return Ok(match lang {
            None => catalogue::page(),
            Some(lang) => (catalogue::all().iter())
                .map(|entry| format!("{}\n\n", entry.markdown_in(lang)))
                .collect(),
        });
    }
    match catalogue::find(code) {
        Some(entry) => Ok(match lang {
            None => format!("{}\n", entry.markdown()),
            Some(lang) => format!("{}\n", entry.markdown_in(lang)),
        }),
        None => {
            let family = code.split('.').next().unwrap_or_default();
            let all = catalogue::all();
            let mut near: Vec<&str> = all
                .iter()
                .map(|entry| entry.code)
                .filter(|known| known.split('.').next() == Some(family))
                .collect();
            if near.is_empty() {
                near = all.iter().map(|entry| entry.code).collect();
            }
            Err(CommandError::Usage(format!(
                "no finding has the code `{code}`; there are {}",
                near.join(", ")
            )))
        }
    }
}

/// The verdict's JSON as every interface writes it, in one line: the bytes of the Wasm engine's `diagnoseJson`.
#[must_use]
pub fn json(verdict: &Verdict) -> String {
    let mut text = verdict.to_json();
    text.push('\n');
    text
}

fn exit(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Connected => Exit::Yes,
        Outcome::Refused | Outcome::Unreachable | Outcome::Timeout | Outcome::Partial => Exit::No,
        Outcome::Unknown => Exit::Unknown,
    }
}
