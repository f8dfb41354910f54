//! Reads a capture's folder: only regular files inside it, within limits.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::CommandError;

/// Larger files are left out: no tool prints that much.
const MAX_FILE: u64 = 256 << 20;
/// A folder of more bytes than this is sealed in parts, not read at once.
const MAX_TOTAL: u64 = 16 << 30;
/// A capture's paths are at most six deep; some room for what others add.
const MAX_DEPTH: usize = 16;

/// A folder's files by their path in the capture, and what was left out.
#[derive(Debug, Default)]
pub(crate) struct FolderFiles {
    pub(crate) files: BTreeMap<String, Arc<[u8]>>,
    pub(crate) notes: Vec<String>,
}

/// Reads every regular file below `root`. Links that lead out of it, devices and hidden files are left out.
pub(crate) fn read_folder(root: &Path) -> Result<FolderFiles, CommandError> {
    let mut walk = Walk {
        root: root
            .canonicalize()
            .map_err(CommandError::io("read", root))?,
        total: 0,
        found: FolderFiles::default(),
    };
    walk.folder(root, "", 0)?;
    let is_capture = walk.found.files.keys().any(|path| {
        path == "capture.json"
            || ["nodes/", "kube/", "fabric/", "cloud/"]
                .iter()
                .any(|area| path.starts_with(area))
    });
    if !is_capture {
        return Err(CommandError::input(
            root,
            "is no capture: it has neither capture.json nor a folder nodes, kube, fabric or cloud \
             (`pathglass collect --help` says how to make one)",
        ));
    }
    Ok(walk.found)
}

struct Walk {
    root: PathBuf,
    total: u64,
    found: FolderFiles,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), CommandError> {
        if depth > MAX_DEPTH {
            self.leave_out(prefix, "lies too deep");
            return Ok(());
        }
        let entries = std::fs::read_dir(folder).map_err(CommandError::io("read", folder))?;
        for entry in entries {
            let entry = entry.map_err(CommandError::io("read", folder))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let name = name.to_string_lossy();
                self.leave_out(&format!("{prefix}{name}"), "its name is not UTF-8");
                continue;
            };
            // Editors' and version control's own files.
            if name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type().map_err(CommandError::io("read", &path))?;
            let name = format!("{prefix}{name}");
            if kind.is_dir() {
                self.folder(&path, &format!("{name}/"), depth + 1)?;
            } else if kind.is_symlink() {
                self.link(&path, name)?;
            } else if kind.is_file() {
                self.file(&path, name)?;
            } else {
                self.leave_out(&name, "is no regular file");
            }
        }
        Ok(())
    }

    /// A link to a file inside the folder is read; everything else would let a capture reach out.
    fn link(&mut self, path: &Path, name: String) -> Result<(), CommandError> {
        match path.canonicalize() {
            Ok(target) if !target.starts_with(&self.root) => {
                self.leave_out(&name, "is a link that leads out of the folder");
            }
            Ok(target) if target.is_file() => return self.file(&target, name),
            Ok(_) => self.leave_out(&name, "is a link to something else than a file"),
            Err(_) => self.leave_out(&name, "is a link that leads nowhere"),
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: String) -> Result<(), CommandError> {
        let file = File::open(path).map_err(CommandError::io("open", path))?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(CommandError::io("read", path))?;
        if bytes.len() as u64 > MAX_FILE {
            self.leave_out(&name, &format!("has more than {} MiB", MAX_FILE >> 20));
            return Ok(());
        }
        self.total += bytes.len() as u64;
        if self.total > MAX_TOTAL {
            return Err(CommandError::input(
                &self.root,
                format!(
                    "has more than {} GiB: capture fewer nodes at once",
                    MAX_TOTAL >> 30
                ),
            ));
        }
        self.found.files.insert(name, bytes.into());
        Ok(())
    }

    fn leave_out(&mut self, name: &str, why: &str) {
        self.found.notes.push(format!("`{name}` {why}: left out"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("kube")).unwrap();
        std::fs::write(folder.path().join("kube/pods.json"), "{}").unwrap();
        folder
    }

    #[test]
    fn files_are_named_by_their_path_in_the_capture() {
        let folder = folder();
        std::fs::write(folder.path().join(".hidden"), "x").unwrap();
        let read = read_folder(folder.path()).unwrap();
        assert_eq!(read.files.keys().collect::<Vec<_>>(), ["kube/pods.json"]);
        assert!(read.notes.is_empty());
    }

    #[test]
    fn links_are_followed_inside_the_folder_only() {
        let folder = folder();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        symlink(
            outside.path().join("secret"),
            folder.path().join("kube/out.json"),
        )
        .unwrap();
        symlink(outside.path(), folder.path().join("nodes")).unwrap();
        symlink("pods.json", folder.path().join("kube/in.json")).unwrap();
        symlink("..", folder.path().join("kube/loop")).unwrap();
        symlink("nowhere", folder.path().join("kube/dangling")).unwrap();
        let read = read_folder(folder.path()).unwrap();
        assert_eq!(
            read.files.keys().collect::<Vec<_>>(),
            ["kube/in.json", "kube/pods.json"]
        );
        assert_eq!(read.notes.len(), 4, "{:?}", read.notes);
    }

    #[test]
    fn a_folder_of_something_else_is_no_capture() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("readme.txt"), "x").unwrap();
        let error = read_folder(folder.path()).unwrap_err();
        assert!(error.to_string().contains("is no capture"), "{error}");
    }
}
