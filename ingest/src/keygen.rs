//! `pathglass keygen`: a key to sign snapshots with, and reading it back.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use pathglass_sim::snapshot::trust;

use crate::error::CommandError;
use crate::write::{Access, Existing, write_atomically};
use crate::{Exit, output};

const EXAMPLES: &str = "\
The private key is written as PEM (PKCS #8), readable by you alone; the public key is
printed, for others to give to --trust.

Examples:
  pathglass keygen -o signing.pem > signing.pub
  pathglass seal capture -o cluster.pathglass --key signing.pem
  pathglass verify cluster.pathglass --trust signing.pub";

/// The arguments of `pathglass keygen`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where the private key goes; an existing file is never overwritten
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// A name for the key, shown beside what it signed
    #[arg(long, default_value = "pathglass")]
    pub name: String,
}

/// Makes a key pair.
///
/// # Errors
/// When the file is there already or cannot be written.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    let path = &args.output;
    if path.symlink_metadata().is_ok() {
        return Err(CommandError::input(
            path,
            "is there already; keys are not overwritten",
        ));
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        CommandError::Usage(format!("the system gives no random numbers: {error}"))
    })?;
    let key = SigningKey::from_bytes(&seed);
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| {
        CommandError::input(path, format!("the key cannot be written: {error}"))
    })?;
    write_atomically(path, pem.as_bytes(), Existing::Keep, Access::Private)?;
    output::print(&format!(
        "{}\n",
        trust::openssh(&key.verifying_key(), &args.name)
    ))?;
    Ok(Exit::Yes)
}

/// Reads a private key that `keygen` (or `openssl genpkey -algorithm ed25519`) wrote.
///
/// # Errors
/// When the file cannot be read or holds no such key.
pub(crate) fn read_key(path: &Path) -> Result<SigningKey, CommandError> {
    let pem = std::fs::read_to_string(path).map_err(CommandError::io("read", path))?;
    SigningKey::from_pkcs8_pem(&pem).map_err(|_| {
        CommandError::input(
            path,
            "is no Ed25519 private key in PEM: make one with `pathglass keygen`",
        )
    })
}
