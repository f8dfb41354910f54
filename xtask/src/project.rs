//! Where things are: the project's root, its tools, its logs, the corpus.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::failure::{Failure, OrFail};

/// The project's folders.
#[derive(Debug)]
pub(crate) struct Project {
    root: PathBuf,
    loud: bool,
    n_logs: AtomicU32,
}

impl Project {
    /// The project that this program was built from.
    pub(crate) fn find(loud: bool) -> Result<Self, Failure> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .filter(|root| root.join("Cargo.toml").is_file())
            .or_fail(
                "the project's folder is not where this program was built",
                "start `cargo xtask` inside a clone of the project",
            )?;
        Ok(Self {
            root: root.to_owned(),
            loud,
            n_logs: AtomicU32::new(0),
        })
    }

    /// The root folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Show the output of every program.
    pub(crate) fn is_loud(&self) -> bool {
        self.loud
    }

    /// Where cargo builds.
    pub(crate) fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |folder| self.root.join(folder))
    }

    /// Where tools are installed that only this project needs.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target().join("tools")
    }

    /// The page's sources.
    pub(crate) fn page(&self) -> PathBuf {
        self.root.join("web-demo")
    }

    /// A new log file for the program `name`.
    pub(crate) fn log_file(&self, name: &str) -> PathBuf {
        let n_log = self.n_logs.fetch_add(1, Ordering::Relaxed);
        let name = Path::new(name).file_name().unwrap_or_default();
        self.target()
            .join("xtask-logs")
            .join(format!("{n_log:03}-{}.log", name.to_string_lossy()))
    }

    /// The folder of corpus cases, if this machine has one.
    pub(crate) fn corpus(&self) -> Option<PathBuf> {
        let folder = std::env::var_os("PATHGLASS_CORPUS").map_or_else(
            || self.root.join("..").join("shared").join("corpus"),
            PathBuf::from,
        );
        folder.join("cases").is_dir().then_some(folder)
    }

    /// The PATH: npm's `wasm-opt` and our own tools first.
    ///
    /// Debian's binaryen 108 writes modules that do not run, so the order matters.
    pub(crate) fn search_path(&self) -> OsString {
        let mut folders = vec![
            self.page().join("node_modules").join(".bin"),
            self.tools().join("bin"),
        ];
        if let Some(path) = std::env::var_os("PATH") {
            folders.extend(std::env::split_paths(&path));
        }
        if let Some(home) = std::env::var_os("HOME") {
            folders.push(Path::new(&home).join(".cargo").join("bin"));
        }
        // Debian keeps iptables-save and its like away from an ordinary user's PATH.
        folders.extend(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
        std::env::join_paths(folders).unwrap_or_default()
    }

    /// The program `name` on the PATH.
    pub(crate) fn which(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.search_path())
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    }

    /// The exact version of `package` in Cargo.lock.
    pub(crate) fn locked_version(&self, package: &str) -> Result<String, Failure> {
        let lock = self.root.join("Cargo.lock");
        let text = std::fs::read_to_string(&lock)
            .or_fail(lock.display(), "restore it with `git checkout Cargo.lock`")?;
        let wanted = format!("name = \"{package}\"");
        text.lines()
            .skip_while(|line| *line != wanted)
            .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
            .map(str::to_owned)
            .or_fail(
                format!("Cargo.lock has no package `{package}`"),
                "run `cargo metadata` once, it completes the file",
            )
    }
}
