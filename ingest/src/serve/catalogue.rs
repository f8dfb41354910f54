//! The snapshots that are served, and those that are open.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use pathglass_sim::snapshot::{self, SealOptions};
use serde::Serialize;
use tempfile::TempDir;

use crate::error::CommandError;
use crate::input::{Capture, OpenArgs, read_folder};
use crate::output;

/// Open snapshots keep what they parsed: more than this many are not kept.
const MAX_OPEN: usize = 8;

/// The snapshots of a folder, or one.
#[derive(Debug)]
pub struct Catalogue {
    source: Source,
    args: OpenArgs,
    open: Mutex<BTreeMap<String, Opened>>,
}

#[derive(Debug)]
enum Source {
    Folder(PathBuf),
    File(PathBuf),
    /// A capture that was sealed for this service; the folder goes when the service ends.
    Sealed(
        PathBuf,
        #[expect(dead_code, reason = "held for its Drop")] TempDir,
    ),
}

#[derive(Debug, Clone)]
struct Opened {
    version: String,
    capture: Arc<Mutex<Capture>>,
}

/// A snapshot as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its name, part of its address.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Whether opening it needs a key.
    pub encrypted: bool,
    /// The file.
    #[serde(skip)]
    pub path: PathBuf,
}

impl Catalogue {
    /// The snapshots at `source`. A capture's folder is pruned and sealed first: nothing unpruned is served.
    ///
    /// # Errors
    /// When there is nothing to serve.
    pub fn open(source: &Path, args: &OpenArgs) -> Result<Self, CommandError> {
        args.trust()?;
        let metadata = std::fs::metadata(source).map_err(CommandError::io("read", source))?;
        let source = if metadata.is_file() {
            let file = source.to_owned();
            if entry(&file)?.is_none() {
                return Err(CommandError::input(
                    &file,
                    "is no snapshot: seal a capture with `pathglass seal`",
                ));
            }
            Source::File(file)
        } else if is_capture(source) {
            seal(source)?
        } else {
            Source::Folder(source.to_owned())
        };
        let catalogue = Self {
            source,
            args: args.clone(),
            open: Mutex::default(),
        };
        catalogue.list()?;
        Ok(catalogue)
    }

    /// What there is now, by name.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Entry>, CommandError> {
        let folder = match &self.source {
            Source::File(file) | Source::Sealed(file, _) => {
                return Ok(entry(file)?.into_iter().collect());
            }
            Source::Folder(folder) => folder,
        };
        let mut list = Vec::new();
        for file in std::fs::read_dir(folder).map_err(CommandError::io("read", folder))? {
            let file = file.map_err(CommandError::io("read", folder))?;
            // Links may lead anywhere: only the folder's own files are published.
            let is_file = file.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && let Ok(Some(entry)) = entry(&file.path()) {
                list.push(entry);
            }
        }
        list.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(list)
    }

    /// The snapshot called `name`.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<Entry>, CommandError> {
        Ok(self.list()?.into_iter().find(|entry| entry.name == name))
    }

    /// The opened snapshot of `entry`: kept between questions while its file is the same.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn capture(&self, entry: &Entry) -> Result<Arc<Mutex<Capture>>, CommandError> {
        let metadata =
            std::fs::metadata(&entry.path).map_err(CommandError::io("read", &entry.path))?;
        let version = version(&metadata);
        {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(opened) = open
                .get(&entry.name)
                .filter(|opened| opened.version == version)
            {
                return Ok(Arc::clone(&opened.capture));
            }
        }
        let capture = Arc::new(Mutex::new(Capture::open(&entry.path, &self.args)?));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_OPEN {
            open.pop_first();
        }
        open.insert(
            entry.name.clone(),
            Opened {
                version,
                capture: Arc::clone(&capture),
            },
        );
        Ok(capture)
    }

    /// Forgets an opened snapshot whose state is not to be trusted any more.
    pub fn forget(&self, name: &str) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }
}

/// A word that changes when the file does.
pub(super) fn version(metadata: &Metadata) -> String {
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = modified.map_or(0, |time| time.as_nanos());
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let inode = 0;
    format!("{:x}-{modified:x}-{inode:x}", metadata.len())
}

/// What the list says of `path`, where it begins like a snapshot and its name can stand in an address.
fn entry(path: &Path) -> Result<Option<Entry>, CommandError> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Ok(None);
    };
    if name.starts_with('.')
        || name
            .chars()
            .any(|symbol| symbol.is_control() || symbol == '/')
    {
        return Ok(None);
    }
    let file = File::open(path).map_err(CommandError::io("open", path))?;
    let bytes = file
        .metadata()
        .map_err(CommandError::io("read", path))?
        .len();
    let mut head = Vec::new();
    file.take(64)
        .read_to_end(&mut head)
        .map_err(CommandError::io("read", path))?;
    let encrypted = snapshot::is_encrypted(&head);
    let is_snapshot = encrypted || head.starts_with(b"PK\x03\x04");
    Ok(is_snapshot.then(|| Entry {
        name: name.to_owned(),
        bytes,
        encrypted,
        path: path.to_owned(),
    }))
}

fn is_capture(folder: &Path) -> bool {
    ["capture.json", "nodes", "kube"]
        .iter()
        .any(|name| folder.join(name).exists())
}

fn seal(folder: &Path) -> Result<Source, CommandError> {
    let files = read_folder(folder)?;
    let sealed = snapshot::seal(&files.files, None, &SealOptions::default())
        .map_err(|error| CommandError::input(folder, error.to_string()))?;
    let target = tempfile::tempdir().map_err(|error| {
        CommandError::Usage(format!(
            "cannot make a temporary folder to seal into: {error}"
        ))
    })?;
    let name = folder.canonicalize().ok();
    let name = name
        .as_deref()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    let file = target
        .path()
        .join(format!("{}.pathglass", name.unwrap_or("capture")));
    std::fs::write(&file, sealed.bytes).map_err(CommandError::io("write", &file))?;
    output::note(&format!(
        "note: `{}` is a capture, not a snapshot: it was pruned and sealed (unsigned) for this service",
        folder.display()
    ));
    Ok(Source::Sealed(file, target))
}
