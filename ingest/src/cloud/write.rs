//! Putting what was pulled into a capture: files below `cloud/`, and what became of each in `capture.json`.

use std::path::Path;

use chrono::Utc;
use pathglass_sim::snapshot::{FileState, Pruned, prune};
use serde_json::{Map, Value, json};

use super::Provider;
use super::plan::{File, Pulled};
use crate::collect::{SCHEMA, rfc3339};
use crate::error::CommandError;
use crate::write::{Access, Existing, write_atomically};

/// Writes `pulled` below `folder`; an earlier pull of the same region is replaced.
///
/// # Errors
/// When something cannot be written, or `capture.json` is not ours.
pub fn write(
    folder: &Path,
    provider: Provider,
    region: &str,
    pulled: &Pulled,
) -> Result<(), CommandError> {
    let base = format!("cloud/{}/{region}", provider.name());
    let mut capture = load(folder)?;
    let target = folder.join(&base);
    let parent = target.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(CommandError::io("make", parent))?;
    // Beside its place and then there: what stops in between leaves the earlier pull whole.
    let fresh = tempfile::Builder::new()
        .prefix(".pull-")
        .tempdir_in(parent)
        .map_err(CommandError::io("write", parent))?;
    let now = rfc3339(Utc::now());
    let mut states: Map<String, Value> = Map::new();
    for ((product, name), file) in &pulled.files {
        let state = match file {
            File::Captured(body) => {
                let bytes = kept(&format!("{base}/{product}/{name}"), body)?;
                let below = fresh.path().join(product);
                std::fs::create_dir_all(&below).map_err(CommandError::io("make", &below))?;
                write_atomically(&below.join(name), &bytes, Existing::Keep, Access::Shared)?;
                json!({"state": word(FileState::Captured), "captured_at": now})
            }
            File::Absent(why) => json!({"state": word(FileState::Absent), "reason": why}),
            File::Failed(why) => json!({"state": word(FileState::Failed), "reason": why}),
            File::NotTried(why) => json!({"state": word(FileState::NotTried), "reason": why}),
        };
        let files = states
            .entry(format!("{base}/{product}"))
            .or_insert_with(|| json!({}));
        if let Value::Object(files) = files {
            files.insert(name.clone(), state);
        }
    }
    if target.exists() {
        std::fs::remove_dir_all(&target).map_err(CommandError::io("replace", &target))?;
    }
    share(fresh.path())?;
    std::fs::rename(fresh.keep(), &target).map_err(CommandError::io("write", &target))?;
    note(&mut capture, &format!("{base}/"), states, &now);
    let notes = capture.entry("notes").or_insert_with(|| json!({}));
    if let Value::Object(notes) = notes {
        notes.remove(&base);
        if !pulled.notes.is_empty() {
            notes.insert(base, json!(pulled.notes));
        }
    }
    let path = folder.join("capture.json");
    let mut bytes = pretty(&path, &Value::Object(capture))?;
    bytes.push(b'\n');
    write_atomically(&path, &bytes, Existing::Replace, Access::Shared)
}

fn word(state: FileState) -> Value {
    serde_json::to_value(state).unwrap_or_default()
}

/// A body as it is kept: pruned as sealing does, so that nothing else lies on a disk.
fn kept(path: &str, body: &Value) -> Result<Vec<u8>, CommandError> {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let body: Value = match prune(path, &bytes) {
        Pruned::Kept(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Pruned::Dropped(_) => Value::Null,
    };
    let mut bytes = pretty(Path::new(path), &body)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn pretty(path: &Path, value: &Value) -> Result<Vec<u8>, CommandError> {
    serde_json::to_vec_pretty(value).map_err(|error| CommandError::input(path, error.to_string()))
}

fn load(folder: &Path) -> Result<Map<String, Value>, CommandError> {
    let path = folder.join("capture.json");
    match std::fs::read(&path) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(Value::Object(capture)) => Ok(capture),
            Ok(_) | Err(_) => Err(CommandError::input(&path, "is no JSON object")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Map::new()),
        Err(error) => Err(CommandError::io("read", &path)(error)),
    }
}

/// Puts the states of the files below `base` into `capture`; those of an earlier pull go.
fn note(capture: &mut Map<String, Value>, base: &str, states: Map<String, Value>, now: &str) {
    let collector = format!("pathglass {} pull", env!("CARGO_PKG_VERSION"));
    capture.entry("schema").or_insert_with(|| SCHEMA.into());
    capture
        .entry("collector")
        .or_insert_with(|| collector.into());
    capture.entry("captured_at").or_insert_with(|| now.into());
    let namespaces = capture.entry("namespaces").or_insert_with(|| json!({}));
    if let Value::Object(namespaces) = namespaces {
        namespaces.retain(|namespace, _| !namespace.starts_with(base));
        namespaces.extend(states);
    }
}

/// Lets others read the folder, as they may its files.
fn share(folder: &Path) -> Result<(), CommandError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
            .map_err(CommandError::io("share", folder))?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
