//! `pathglass seal`: a capture becomes one file.

mod encrypt;

use std::path::PathBuf;
use std::sync::Arc;

use pathglass_sim::snapshot::{self, SealOptions, Sealed};
use serde_json::Value;

use crate::error::CommandError;
use crate::input::{FolderFiles, read_folder, read_passphrase};
use crate::keygen::read_key;
use crate::write::{Access, Existing, write_atomically};
use crate::{Exit, output};

const EXAMPLES: &str = "\
Sealing prunes: only fields and keys that bear on the network are kept; environment
variables, arguments, volumes and other annotations never get into the file.

Examples:
  pathglass seal capture -o cluster.pathglass
  pathglass seal capture -o cluster.pathglass --key signing.pem
  pathglass seal capture -o cluster.pathglass.age --recipient age1… --key signing.pem";

/// The arguments of `pathglass seal`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The capture's folder
    pub folder: PathBuf,
    /// The file to write; replaced if it is there, and only when the new one is complete
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Sign with this private key (`pathglass keygen`)
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Encrypt for this age recipient; may be given several times
    #[arg(long, value_name = "age1…")]
    pub recipient: Vec<String>,
    /// Encrypt with the passphrase in this file's first line
    #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
    pub passphrase_file: Option<PathBuf>,
    /// When the capture was taken, where capture.json does not say it (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub captured_at: Option<String>,
}

/// Seals a folder into a file.
///
/// # Errors
/// When the folder is no capture, a key cannot be used, or the file cannot be written.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    let FolderFiles { mut files, notes } = read_folder(&args.folder)?;
    for note in notes {
        output::note(&format!("note: {note}"));
    }
    if let Some(time) = &args.captured_at {
        let old = files.get("capture.json").map_or(&b"{}"[..], |bytes| bytes);
        let new = with_time(old, time)
            .map_err(|message| CommandError::input(&args.folder.join("capture.json"), message))?;
        files.insert("capture.json".to_owned(), new);
    }
    let key = args.key.as_deref().map(read_key).transpose()?;
    let lock = encrypt::Lock::of(
        &args.recipient,
        match &args.passphrase_file {
            Some(path) => Some(read_passphrase(path)?),
            None => None,
        },
    )?;
    let Sealed {
        bytes,
        manifest_sha256,
        dropped,
    } = snapshot::seal(&files, key.as_ref(), &SealOptions::default())
        .map_err(|error| CommandError::input(&args.folder, error.to_string()))?;
    for file in &dropped {
        output::note(&format!("note: `{}` left out: {}", file.path, file.reason));
    }
    let bytes = match lock {
        Some(lock) => lock.encrypt(&bytes)?,
        None => bytes,
    };
    write_atomically(&args.output, &bytes, Existing::Replace, Access::Shared)?;
    output::print(&format!(
        "sealed {} files into {} ({} bytes), manifest {manifest_sha256}\n",
        files.len() - dropped.len(),
        args.output.display(),
        bytes.len()
    ))?;
    Ok(Exit::Yes)
}

/// `capture.json` with its `captured_at` set.
fn with_time(capture_json: &[u8], time: &str) -> Result<Arc<[u8]>, String> {
    let value: Value = serde_json::from_slice(capture_json).map_err(|error| error.to_string())?;
    let Value::Object(mut fields) = value else {
        return Err("is no JSON object".to_owned());
    };
    fields
        .entry("schema")
        .or_insert_with(|| crate::collect::SCHEMA.into());
    fields.insert("captured_at".to_owned(), time.into());
    let bytes = serde_json::to_vec_pretty(&fields).map_err(|error| error.to_string())?;
    Ok(bytes.into())
}

/// A time in RFC 3339, in UTC.
fn time(text: &str) -> Result<String, String> {
    let time = chrono::DateTime::parse_from_rfc3339(text)
        .map_err(|error| format!("{error}; write it like 2026-01-31T12:00:00Z"))?;
    Ok(crate::collect::rfc3339(time.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_given_time_goes_into_capture_json() {
        let bytes = with_time(br#"{"cluster": "c"}"#, "2026-01-31T12:00:00Z").unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["captured_at"], "2026-01-31T12:00:00Z");
        assert_eq!(value["cluster"], "c");
        assert_eq!(value["schema"], "pathglass.capture/1");
        assert!(with_time(b"[]", "x").is_err());
    }

    #[test]
    fn times_are_kept_in_utc() {
        assert_eq!(
            time("2026-01-31T13:00:00+01:00").unwrap(),
            "2026-01-31T12:00:00Z"
        );
        assert!(time("yesterday").unwrap_err().contains("write it like"));
    }
}
