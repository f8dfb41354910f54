//! Captures and snapshots as input: a folder, a sealed file read by ranges, an encrypted one.

mod folder;
mod store;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use clap::Args;
use pathglass_sim::flow::FlowRequest;
use pathglass_sim::session::{AskError, Session};
use pathglass_sim::snapshot::{
    self, ByteRange, Folder, Reader, SnapshotError, Step, Trust, Unlock, trust,
};
use pathglass_sim::verdict::lang::text_in;
use pathglass_sim::verdict::{Lang, Verdict};

pub(crate) use folder::{FolderFiles, read_folder};
pub use store::CaptureStore;

use crate::error::CommandError;

/// An encrypted snapshot is held in memory whole: larger ones are refused.
const MAX_ENCRYPTED: u64 = 8 << 30;

/// How a capture or snapshot is opened.
#[derive(Debug, Clone, Default, Args)]
pub struct OpenArgs {
    /// A public key that you trust, or a file of them (one a line); may be given several times
    #[arg(long, value_name = "KEY|FILE")]
    pub trust: Vec<String>,
    /// An age identity file that opens an encrypted snapshot
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// A file with the passphrase that opens an encrypted snapshot
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    pub passphrase_file: Option<PathBuf>,
}

impl OpenArgs {
    /// The keys that the opener trusts.
    ///
    /// # Errors
    /// When a key is none, or its file cannot be read.
    pub fn trust(&self) -> Result<Trust, CommandError> {
        let mut all = Trust::default();
        for given in &self.trust {
            let path = Path::new(given);
            if path.is_file() {
                let text = std::fs::read_to_string(path).map_err(CommandError::io("read", path))?;
                let keys = Trust::parse(&text)
                    .map_err(|error| CommandError::input(path, error.to_string()))?;
                all.keys.extend(keys.keys);
            } else {
                let (name, key) = trust::parse_key(given).map_err(|error| {
                    CommandError::Usage(format!("--trust: {error}, or name a file of keys"))
                })?;
                all.keys.insert(name, key);
            }
        }
        Ok(all)
    }

    /// What opens an encrypted snapshot: the identities of the file, or the passphrase.
    fn unlocks(&self) -> Result<Vec<Unlock>, CommandError> {
        if let Some(path) = &self.identity {
            let text = std::fs::read_to_string(path).map_err(CommandError::io("read", path))?;
            let keys: Vec<Unlock> = text
                .lines()
                .map(str::trim)
                .filter(|line| line.starts_with("AGE-SECRET-KEY-"))
                .map(|line| Unlock::Identity(line.to_owned()))
                .collect();
            if keys.is_empty() {
                return Err(CommandError::input(
                    path,
                    "holds no line `AGE-SECRET-KEY-1…`: make one with age-keygen",
                ));
            }
            return Ok(keys);
        }
        let Some(path) = &self.passphrase_file else {
            return Ok(Vec::new());
        };
        Ok(vec![Unlock::Passphrase(read_passphrase(path)?)])
    }
}

/// The passphrase in `path`: its first line.
pub(crate) fn read_passphrase(path: &Path) -> Result<String, CommandError> {
    let text = std::fs::read_to_string(path).map_err(CommandError::io("read", path))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        Some(_) | None => Err(CommandError::input(
            path,
            "its first line must be the passphrase",
        )),
    }
}

/// An opened capture or snapshot that can be asked.
#[derive(Debug)]
pub struct Capture {
    path: PathBuf,
    session: Session<CaptureStore>,
    file: Option<File>,
    notes: Vec<String>,
}

/// Why a question has no answer.
#[derive(Debug)]
pub enum AskFailure {
    /// The question means nothing here; others may.
    Question {
        /// `from`, `to` or `port`.
        field: &'static str,
        /// What is wrong, with near names.
        message: String,
    },
    /// The capture cannot be read.
    Capture(CommandError),
}

impl Capture {
    /// Opens the folder or snapshot at `path`. Of a snapshot only what a question needs is read, later.
    ///
    /// # Errors
    /// When it cannot be read, is no capture, or is encrypted and cannot be opened.
    pub fn open(path: &Path, args: &OpenArgs) -> Result<Self, CommandError> {
        let trust = args.trust()?;
        let metadata = std::fs::metadata(path).map_err(CommandError::io("read", path))?;
        let (store, file, notes) = if metadata.is_dir() {
            let FolderFiles { files, notes } = read_folder(path)?;
            (
                CaptureStore::Folder(Box::new(Folder::new(files))),
                None,
                notes,
            )
        } else {
            let mut file = File::open(path).map_err(CommandError::io("open", path))?;
            if is_encrypted(&mut file).map_err(CommandError::io("read", path))? {
                let bytes = decrypt(path, &mut file, metadata.len(), args)?;
                let reader = Reader::from_bytes(bytes, trust);
                (CaptureStore::Snapshot(Box::new(reader)), None, Vec::new())
            } else {
                let reader = Reader::new(metadata.len(), trust);
                (
                    CaptureStore::Snapshot(Box::new(reader)),
                    Some(file),
                    Vec::new(),
                )
            }
        };
        Ok(Self {
            path: path.to_owned(),
            session: Session::new(store),
            file,
            notes,
        })
    }

    /// What was left out while reading a folder.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What becomes of `flow`.
    ///
    /// # Errors
    /// When the question means nothing here, or the capture cannot be read.
    pub fn diagnose(&mut self, flow: &FlowRequest) -> Result<Verdict, AskFailure> {
        self.ask(|session| session.diagnose(flow))
    }

    /// Asks again and again, supplying what is needed, until there is an answer.
    ///
    /// # Errors
    /// As `question` fails, or when the file cannot be read.
    pub fn ask<T>(
        &mut self,
        mut question: impl FnMut(&mut Session<CaptureStore>) -> Result<Step<T>, AskError>,
    ) -> Result<T, AskFailure> {
        let mut last = Vec::new();
        loop {
            let step = question(&mut self.session).map_err(|error| match error {
                AskError::Flow { field, message } => AskFailure::Question { field, message },
                AskError::Snapshot(source) => AskFailure::Capture(self.damaged(source)),
            })?;
            let ranges = match step {
                Step::Done(answer) => return Ok(answer),
                Step::Needs(ranges) => ranges,
            };
            if ranges.is_empty() || ranges == last {
                return Err(AskFailure::Capture(CommandError::input(
                    &self.path,
                    "reading it makes no progress: this is a defect of pathglass, please report it",
                )));
            }
            for range in &ranges {
                self.supply(*range).map_err(AskFailure::Capture)?;
            }
            last = ranges;
        }
    }

    fn supply(&mut self, range: ByteRange) -> Result<(), CommandError> {
        let path = &self.path;
        let (Some(file), CaptureStore::Snapshot(reader)) =
            (&mut self.file, self.session.store_mut())
        else {
            return Err(CommandError::input(
                path,
                "asked for bytes of what is in memory already",
            ));
        };
        let length = range.end.saturating_sub(range.start);
        file.seek(SeekFrom::Start(range.start))
            .map_err(CommandError::io("read", path))?;
        let mut bytes = Vec::new();
        file.take(length)
            .read_to_end(&mut bytes)
            .map_err(CommandError::io("read", path))?;
        reader
            .supply(range, &bytes)
            .map_err(|source| CommandError::Snapshot {
                path: path.clone(),
                source,
            })
    }

    fn damaged(&self, source: SnapshotError) -> CommandError {
        CommandError::Snapshot {
            path: self.path.clone(),
            source,
        }
    }
}

impl AskFailure {
    /// The failure with what is said about the question in `lang`.
    #[must_use]
    pub fn in_language(self, lang: Lang) -> Self {
        match self {
            Self::Question { field, message } => Self::Question {
                field,
                message: text_in(lang, &message),
            },
            Self::Capture(error) => Self::Capture(error),
        }
    }

    /// The failure as the command's own.
    #[must_use]
    pub fn into_error(self) -> CommandError {
        match self {
            Self::Question { field, message } => CommandError::Question {
                field: field.to_owned(),
                message,
            },
            Self::Capture(error) => error,
        }
    }
}

/// The bytes of the snapshot file at `path`, decrypted where needed.
pub(crate) fn read_snapshot(path: &Path, args: &OpenArgs) -> Result<Vec<u8>, CommandError> {
    let mut file = File::open(path).map_err(CommandError::io("open", path))?;
    let length = file
        .metadata()
        .map_err(CommandError::io("read", path))?
        .len();
    if is_encrypted(&mut file).map_err(CommandError::io("read", path))? {
        return decrypt(path, &mut file, length, args);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(CommandError::io("read", path))?;
    Ok(bytes)
}

/// Looks at the first bytes, and goes back to the start.
fn is_encrypted(file: &mut File) -> std::io::Result<bool> {
    let mut head = Vec::new();
    file.take(64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(snapshot::is_encrypted(&head))
}

fn decrypt(
    path: &Path,
    file: &mut File,
    length: u64,
    args: &OpenArgs,
) -> Result<Vec<u8>, CommandError> {
    let unlocks = args.unlocks()?;
    if unlocks.is_empty() {
        return Err(CommandError::input(
            path,
            "the snapshot is encrypted: give --identity <file> or --passphrase-file <file>",
        ));
    }
    if length > MAX_ENCRYPTED {
        return Err(CommandError::input(
            path,
            format!(
                "has {length} bytes; encrypted snapshots are read up to {MAX_ENCRYPTED}: decrypt it with age first"
            ),
        ));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(CommandError::io("read", path))?;
    let mut failure = None;
    for unlock in &unlocks {
        match snapshot::decrypt(&bytes, unlock) {
            Ok(plain) => return Ok(plain),
            Err(error) => failure = Some(error),
        }
    }
    let source = failure.unwrap_or(SnapshotError::Encrypted {
        message: "no key was given".to_owned(),
    });
    Err(CommandError::Snapshot {
        path: path.to_owned(),
        source,
    })
}
