//! `capture.json`: who captured what, when, with which commands, and what could not be had.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::Utc;
use pathglass_sim::snapshot::FileState;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::namespace::{Entrance, Namespace};
use super::tool::Toolbox;
use super::{SCHEMA, rfc3339};
use crate::error::CommandError;
use crate::write::{Access, Existing, write_atomically};

/// `capture.json`: in the shape of the corpus (a word per file), and beside it the details.
#[derive(Debug, Default, Serialize, Deserialize)]
struct CaptureJson {
    schema: String,
    #[serde(default)]
    collector: String,
    #[serde(default)]
    captured_at: String,
    #[serde(default)]
    kernel: String,
    /// Who captured each machine, when, with which tools.
    #[serde(default)]
    machines: BTreeMap<String, Value>,
    /// The command of each file.
    #[serde(default)]
    commands: BTreeMap<String, String>,
    /// The state of each file in each namespace.
    #[serde(default)]
    namespaces: BTreeMap<String, BTreeMap<String, Value>>,
    /// Why a file is not there.
    #[serde(default)]
    reasons: BTreeMap<String, BTreeMap<String, String>>,
    /// When each namespace was captured, and how it was found.
    #[serde(default)]
    taken: BTreeMap<String, Value>,
    /// What others wrote into it.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// `capture.json` in the making.
#[derive(Debug)]
pub(super) struct Manifest {
    json: CaptureJson,
    unknown: BTreeMap<(&'static str, &'static str), usize>,
}

impl Manifest {
    /// The manifest of the capture in `folder`, or a new one.
    pub(super) fn load(folder: &Path) -> Result<Self, CommandError> {
        let path = folder.join("capture.json");
        let json = match std::fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice::<CaptureJson>(&bytes) {
                Ok(json) if json.schema == SCHEMA => json,
                Ok(_) | Err(_) => {
                    return Err(CommandError::input(
                        &path,
                        format!("is not in the format {SCHEMA}: name a new folder"),
                    ));
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                demand_empty(folder)?;
                CaptureJson {
                    schema: SCHEMA.to_owned(),
                    ..CaptureJson::default()
                }
            }
            Err(error) => return Err(CommandError::io("read", &path)(error)),
        };
        Ok(Self {
            json,
            unknown: BTreeMap::new(),
        })
    }

    /// Notes who captures `machine`, with which tools, from now on.
    pub(super) fn begin(&mut self, machine: &str, toolbox: &Toolbox) {
        let collector = format!("pathglass {} collect", env!("CARGO_PKG_VERSION"));
        let now = rfc3339(Utc::now());
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let kernel = kernel.trim().to_owned();
        let details = json!({
            "collector": collector, "captured_at": now, "kernel": kernel, "tools": toolbox.versions,
        });
        self.json.machines.insert(machine.to_owned(), details);
        // Of several nodes' captures in one folder, the oldest says how old it is.
        if self.json.captured_at.is_empty() || self.json.captured_at > now {
            (self.json.captured_at, self.json.collector, self.json.kernel) =
                (now, collector, kernel);
        }
    }

    /// Notes what became of `file` in `namespace`.
    pub(super) fn file(
        &mut self,
        namespace: &str,
        file: &'static str,
        state: FileState,
        reason: Option<String>,
        command: String,
    ) {
        let word = serde_json::to_value(state).unwrap_or_default();
        let states = self.json.namespaces.entry(namespace.to_owned());
        states.or_default().insert(file.to_owned(), word);
        if let Some(reason) = reason {
            let reasons = self.json.reasons.entry(namespace.to_owned());
            reasons.or_default().insert(file.to_owned(), reason);
        }
        if !command.is_empty() {
            self.json.commands.entry(file.to_owned()).or_insert(command);
        }
        let word = match state {
            FileState::Failed => "failed",
            FileState::NotTried => "not tried",
            FileState::Captured | FileState::Empty | FileState::Absent | FileState::Redundant => {
                return;
            }
        };
        *self.unknown.entry((file, word)).or_default() += 1;
    }

    /// Notes when and how `namespace` was captured.
    pub(super) fn namespace(&mut self, namespace: &Namespace, captured_at: &str) {
        let file = match &namespace.entrance {
            Entrance::Own => "/proc/self/ns/net".to_owned(),
            Entrance::File(file) => file.display().to_string(),
        };
        let details =
            json!({"captured_at": captured_at, "netns": file, "found_by": namespace.found_by});
        self.json.taken.insert(namespace.path.clone(), details);
    }

    /// Writes `capture.json`, the old one replaced at once.
    pub(super) fn write(&self, folder: &Path) -> Result<(), CommandError> {
        let path = folder.join("capture.json");
        let mut bytes = serde_json::to_vec_pretty(&self.json)
            .map_err(|error| CommandError::input(&path, error.to_string()))?;
        bytes.push(b'\n');
        write_atomically(&path, &bytes, Existing::Replace, Access::Shared)
    }

    /// What could not be had, a line each, for the person who ran it.
    pub(super) fn unknowns(&self) -> String {
        let mut text = String::new();
        for ((file, word), count) in &self.unknown {
            let plural = if *count == 1 { "" } else { "s" };
            text.push_str(&format!(
                "{file}: {word} in {count} namespace{plural}, capture.json says why\n"
            ));
        }
        text
    }
}

fn demand_empty(folder: &Path) -> Result<(), CommandError> {
    if !folder.exists() {
        return Ok(());
    }
    let mut entries = std::fs::read_dir(folder).map_err(CommandError::io("read", folder))?;
    if entries.next().is_none() {
        return Ok(());
    }
    Err(CommandError::input(
        folder,
        "is not empty and has no capture.json: name a new folder, nothing is overwritten",
    ))
}
