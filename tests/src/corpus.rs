//! The corpus: folders of captures with what really happened to real connections.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pathglass::assert::Expectations;

/// A capture's files by their path in it.
pub type Files = BTreeMap<String, Arc<[u8]>>;

/// The folder that this crate's workspace is in.
#[must_use]
pub fn workspace() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.parent().unwrap_or(crate_folder).to_owned()
}

/// The corpus on this machine: `PATHGLASS_CORPUS`, else beside the workspace; `None` if it is not there.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("PATHGLASS_CORPUS").map_or_else(
        || workspace().join("..").join("shared").join("corpus"),
        PathBuf::from,
    );
    folder.join("cases").is_dir().then_some(folder)
}

/// Whether an absent corpus is a failure and not a skipped test.
#[must_use]
pub fn is_required() -> bool {
    std::env::var_os("PATHGLASS_REQUIRE_CORPUS").is_some_and(|value| value == "1")
}

/// One case: a capture and its expectations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
}

/// The cases of `corpus` whose names contain one of `wanted` (all if none is given), sorted.
///
/// # Errors
/// When the folder cannot be read.
pub fn cases(corpus: &Path, wanted: &[String]) -> io::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(corpus.join("cases"))? {
        let folder = entry?.path();
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_wanted = wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
        if is_wanted && folder.join("expectations.json").is_file() {
            cases.push(Case { name, folder });
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

impl Case {
    /// The capture's files, without the answers that lie beside them.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn files(&self) -> io::Result<Files> {
        let mut files = Files::new();
        read_into(&mut files, &self.folder, "")?;
        files.retain(|path, _| path != "case.json" && path != "expectations.json");
        Ok(files)
    }

    /// What really happened.
    ///
    /// # Errors
    /// When the file is missing or has another format.
    pub fn expectations(&self) -> io::Result<Expectations> {
        let text = std::fs::read(self.folder.join("expectations.json"))?;
        Expectations::parse(&text).map_err(|error| io::Error::other(error.to_string()))
    }
}

/// Does `work` for each case, `jobs` at a time; the results are in the order of the cases.
#[must_use]
pub fn each<T: Send>(cases: &[Case], jobs: usize, work: impl Fn(&Case) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(cases.len()) {
            // Deep worlds recurse: the default stack of a thread is a quarter of the main one's.
            let worker = std::thread::Builder::new().stack_size(8 << 20);
            let _ = worker.spawn_scoped(scope, || {
                loop {
                    let case_idx = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(case_idx) else {
                        return;
                    };
                    let result = work(case);
                    if let Ok(mut done) = done.lock() {
                        done.push((case_idx, result));
                        if done.len() % 20 == 0 {
                            let _ =
                                writeln!(io::stdout(), "… {} of {} cases", done.len(), cases.len());
                        }
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(case_idx, _)| *case_idx);
    done.into_iter().map(|(_, result)| result).collect()
}

fn read_into(files: &mut Files, folder: &Path, below: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        if entry.file_type()?.is_dir() {
            read_into(files, &entry.path(), &path)?;
        } else {
            files.insert(path, std::fs::read(entry.path())?.into());
        }
    }
    Ok(())
}
