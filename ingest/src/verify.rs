//! `pathglass verify`: every byte, and who signed.

use std::path::PathBuf;

use pathglass_sim::snapshot::{self, Seal, SnapshotError};

use crate::error::CommandError;
use crate::input::{OpenArgs, read_snapshot};
use crate::{Exit, output};

const EXAMPLES: &str = "\
Examples:
  pathglass verify cluster.pathglass
  pathglass verify cluster.pathglass --trust ops.pub --require-trusted

Exit codes:
  0 in order   1 damaged or changed, or not signed by a trusted key where that is required
  2 usage or input error";

/// The arguments of `pathglass verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The snapshot
    pub snapshot: PathBuf,
    /// Fail unless a key of --trust signed it
    #[arg(long)]
    pub require_trusted: bool,
    /// How the snapshot is opened.
    #[command(flatten)]
    pub open: OpenArgs,
}

/// Checks a snapshot.
///
/// # Errors
/// When it cannot be read at all.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    if args.snapshot.is_dir() {
        return Err(CommandError::input(
            &args.snapshot,
            "is a folder: only a sealed snapshot can be verified (`pathglass inspect` shows a folder)",
        ));
    }
    let bytes = read_snapshot(&args.snapshot, &args.open)?;
    let verified = match snapshot::verify(bytes, &args.open.trust()?) {
        Ok(verified) => verified,
        Err(error @ SnapshotError::Damaged { .. }) => {
            output::note(&format!("DAMAGED  {}: {error}", args.snapshot.display()));
            return Ok(Exit::No);
        }
        Err(source) => {
            return Err(CommandError::Snapshot {
                path: args.snapshot.clone(),
                source,
            });
        }
    };
    output::print(&format!(
        "in order: {} files, manifest {}\n{}\n",
        verified.files.len(),
        verified.manifest_sha256,
        seal_words(&verified.seal)
    ))?;
    let trusted = matches!(verified.seal, Seal::Trusted { .. });
    Ok(if trusted || !args.require_trusted {
        Exit::Yes
    } else {
        Exit::No
    })
}

/// Who vouches for a snapshot, in words.
pub(crate) fn seal_words(seal: &Seal) -> String {
    match seal {
        Seal::Trusted { name } => format!("signed by {name}, a key you trust"),
        Seal::UnknownKey { fingerprint } => {
            format!("signed by an unknown key, {fingerprint} (--trust <key> names it)")
        }
        Seal::Unsigned => "unsigned: nobody vouches for this evidence".to_owned(),
    }
}
