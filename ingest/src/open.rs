//! `pathglass open`: a snapshot back into a folder.

use std::path::{Component, Path, PathBuf};

use pathglass_sim::snapshot;

use crate::error::CommandError;
use crate::input::{OpenArgs, read_snapshot};
use crate::verify::seal_words;
use crate::write::{Access, Existing, write_atomically};
use crate::{Exit, output};

const EXAMPLES: &str = "\
Every byte is checked first; nothing is written of a damaged snapshot.

Example:
  pathglass open cluster.pathglass -o capture";

/// The arguments of `pathglass open`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The snapshot
    pub snapshot: PathBuf,
    /// The folder to make; it must not be there, or be empty
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
    /// How the snapshot is opened.
    #[command(flatten)]
    pub open: OpenArgs,
}

/// Extracts a snapshot.
///
/// # Errors
/// When the snapshot is damaged, or the folder holds something already.
pub fn run(args: &Args) -> Result<Exit, CommandError> {
    let folder = &args.output;
    if let Ok(mut entries) = std::fs::read_dir(folder)
        && entries.next().is_some()
    {
        return Err(CommandError::input(
            folder,
            "is not empty: name a new folder",
        ));
    }
    let bytes = read_snapshot(&args.snapshot, &args.open)?;
    let verified =
        snapshot::verify(bytes, &args.open.trust()?).map_err(|source| CommandError::Snapshot {
            path: args.snapshot.clone(),
            source,
        })?;
    for path in verified.files.keys() {
        if !is_safe(path) {
            return Err(CommandError::input(
                &args.snapshot,
                format!("the entry `{path}` would leave the folder"),
            ));
        }
    }
    for (path, bytes) in &verified.files {
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(CommandError::io("make", parent))?;
        }
        write_atomically(&target, bytes, Existing::Keep, Access::Shared)?;
    }
    output::print(&format!(
        "extracted {} files into {}\n{}\n",
        verified.files.len(),
        folder.display(),
        seal_words(&verified.seal)
    ))?;
    Ok(Exit::Yes)
}

/// Whether `path` stays below the folder that it is joined to, on this system.
fn is_safe(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_folder_are_not_safe() {
        for path in ["../x", "a/../../x", "/etc/passwd", "", "./a"] {
            assert!(!is_safe(path), "{path}");
        }
        assert!(is_safe("nodes/n1/host/ss.txt"));
    }
}
