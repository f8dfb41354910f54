//! Everything of Pathglass that touches the outside world, and the `pathglass` command itself.

pub mod assert;
pub mod cloud;
pub mod collect;
pub mod diagnose;
pub mod error;
pub mod input;
pub mod inspect;
pub mod keygen;
pub mod matrix;
pub mod open;
mod output;
pub mod pull;
pub mod seal;
pub mod serve;
pub mod text;
pub mod verify;
mod write;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use error::CommandError;

/// What a command answered; its number is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Connected; all hold; done.
    Yes = 0,
    /// Not connected, or only partly; some do not hold; damaged.
    No = 1,
    /// The question or the input is at fault.
    Input = 2,
    /// The evidence does not tell.
    Unknown = 3,
}

/// Answers "does A reach B, and if not, why?" from captured evidence, with no access to the cluster.
#[derive(Debug, Parser)]
#[command(name = "pathglass", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what becomes of one flow, and why
    Diagnose(diagnose::Args),
    /// Check many expected outcomes at once
    Assert(assert::Args),
    /// Say what network policies intend between all pairs of pods, and where the data plane differs
    Matrix(matrix::Args),
    /// Capture this Linux node: its own and its pods' network namespaces
    Collect(collect::Args),
    /// Add to a capture what its cloud says of the network around the cluster
    Pull(pull::Args),
    /// Seal a capture: prune it and pack it into one file, signed or encrypted if you like
    Seal(seal::Args),
    /// Extract a sealed snapshot into a folder
    Open(open::Args),
    /// Check every byte of a snapshot, and who signed it
    Verify(verify::Args),
    /// Say what is inside a capture or snapshot, how old it is and what is missing
    Inspect(inspect::Args),
    /// Make a key to sign snapshots with
    Keygen(keygen::Args),
    /// Serve snapshots and diagnoses over HTTP on loopback, with the page
    Serve(serve::Args),
    /// Print a completion script for your shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

const EXAMPLES: &str = "\
From a node to an answer:
  pathglass collect -o capture                      on each node, as root
  kubectl get pods -A -o json > capture/kube/pods.json        and so on
  pathglass diagnose capture --from pod:default/client --to service:default/web
  pathglass seal capture -o cluster.pathglass       to send to somebody

Exit codes:
  0 connected (all hold, done)    1 not connected, or partly (some do not hold)
  2 usage or input error          3 unknown: the evidence does not tell";

/// Runs the command line `args` (the program's name first) and gives its exit code.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` come here too, with code 0. A closed pipe is no reason to fail.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let exit = execute(&cli.command).unwrap_or_else(|error| {
        output::note(&format!("error: {}", error::chain(&error)));
        Exit::Input
    });
    ExitCode::from(exit as u8)
}

fn execute(command: &Command) -> Result<Exit, CommandError> {
    match command {
        Command::Diagnose(args) => diagnose::run(args),
        Command::Assert(args) => assert::run(args),
        Command::Matrix(args) => matrix::run(args),
        Command::Collect(args) => collect::run(args),
        Command::Pull(args) => pull::run(args),
        Command::Seal(args) => seal::run(args),
        Command::Open(args) => open::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Keygen(args) => keygen::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "pathglass", &mut script);
            output::print_bytes(&script)?;
            Ok(Exit::Yes)
        }
    }
}
