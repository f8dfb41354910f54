//! Writing files whole or not at all.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::CommandError;

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and writing fails.
    Keep,
    /// It is replaced.
    Replace,
}

/// Who may read the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The owner alone (mode 0600).
    Private,
    /// Everybody (mode 0644).
    Shared,
}

/// Writes `bytes` to `path` atomically: a reader, or a crash, sees the old state or the new one, never a part.
///
/// # Errors
/// When the file cannot be written, or is there and must stay.
pub(crate) fn write_atomically(
    path: &Path,
    bytes: &[u8],
    existing: Existing,
    access: Access,
) -> Result<(), CommandError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let failed = |error| CommandError::io("write", path)(error);
    // The temporary file has mode 0600: a key is never readable by others, not even for a moment.
    let mut file = NamedTempFile::with_prefix_in(".pathglass-", folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    if access == Access::Shared {
        share(file.as_file()).map_err(failed)?;
    }
    file.as_file().sync_all().map_err(failed)?;
    let result = match existing {
        Existing::Keep => file.persist_noclobber(path),
        Existing::Replace => file.persist(path),
    };
    result.map_err(|error| failed(error.error))?;
    // The rename itself is durable only when the folder is.
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

#[cfg(unix)]
fn share(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
fn share(_file: &File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_kept_or_replaced_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write_atomically(&path, b"one", Existing::Keep, Access::Shared).unwrap();
        assert!(write_atomically(&path, b"two", Existing::Keep, Access::Shared).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        write_atomically(&path, b"two", Existing::Replace, Access::Private).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "a temporary file is left"
        );
    }
}
