//! `capture.json`: who captured what, when, and what could not be had.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::json::{self, Fault, Object};
use crate::source::{Parsed, Source, SourceFile};

/// A capture's own description.
#[derive(Debug, Clone, Default)]
pub struct CaptureManifest {
    /// The format's name, e.g. `pathglass.capture/1`.
    pub schema: Option<String>,
    /// The cluster's name or uid.
    pub cluster: Option<String>,
    /// The Kubernetes version.
    pub kubernetes: Option<String>,
    /// The kernel version, where all machines have one.
    pub kernel: Option<String>,
    /// Who or what made it.
    pub collector: Option<String>,
    /// When, in RFC 3339.
    pub captured_at: Option<String>,
    /// Per namespace (`nodes/node-1/host`, `kube`, `cloud/…`), its files.
    pub namespaces: BTreeMap<String, BTreeMap<String, FileRecord>>,
    /// Where it was read.
    pub source: Option<Source>,
}

impl CaptureManifest {
    /// The record of `file` (a name) in `namespace` (a path).
    #[must_use]
    pub fn record(&self, namespace: &str, file: &str) -> Option<&FileRecord> {
        self.namespaces.get(namespace)?.get(file)
    }

    /// The state of `file` in `namespace`: what the manifest says, else `NotTried`.
    #[must_use]
    pub fn state(&self, namespace: &str, file: &str) -> FileState {
        self.record(namespace, file)
            .map_or(FileState::NotTried, |record| record.state)
    }
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// Its state.
    pub state: FileState,
    /// When it was taken, where that differs from the capture, in RFC 3339.
    pub captured_at: Option<String>,
    /// The command that printed it.
    pub command: Option<String>,
    /// Why it failed or is absent.
    pub reason: Option<String>,
    /// The file that it is equal to, when redundant.
    pub same_as: Option<String>,
    /// Where it was read.
    pub source: Source,
}

/// The state of a captured file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileState {
    /// It is there.
    Captured,
    /// The tool ran and printed nothing.
    Empty,
    /// It cannot exist: module or tables not loaded, no bridge.
    Absent,
    /// Equal to another file, which is there.
    Redundant,
    /// The tool failed: unknown.
    Failed,
    /// Nobody tried: unknown.
    NotTried,
}

impl FileState {
    /// Whether the file's content is known (perhaps to be empty).
    #[must_use]
    pub fn is_known(self) -> bool {
        !matches!(self, Self::Failed | Self::NotTried)
    }

    /// The state that `capture.json` calls `word`.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [
            Self::Captured,
            Self::Empty,
            Self::Absent,
            Self::Redundant,
            Self::Failed,
            Self::NotTried,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }

    /// The word in `capture.json`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Empty => "empty",
            Self::Absent => "absent",
            Self::Redundant => "redundant",
            Self::Failed => "failed",
            Self::NotTried => "not-tried",
        }
    }
}

/// Reads `capture.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<CaptureManifest> {
    let mut problems = Vec::new();
    let mut note = |fault: Fault| problems.push(fault.problem(file));
    let parsed = json::whole(file, |item| {
        let mut manifest = CaptureManifest {
            schema: item.text("schema")?,
            cluster: item.name("cluster")?,
            kubernetes: item.text("kubernetes")?,
            kernel: item.text("kernel")?,
            collector: item.name("collector")?,
            captured_at: item.text("captured_at")?,
            namespaces: BTreeMap::new(),
            source: Some(item.source()),
        };
        if let Some(namespaces) = item.object("namespaces")? {
            let details = Details::of(item)?;
            for (name, _, _) in namespaces.entries() {
                match namespaces.object(name) {
                    Ok(Some(files)) => {
                        let mut records = records(&files, &mut note);
                        details.fill(name, &mut records).unwrap_or_else(&mut note);
                        manifest.namespaces.insert(name.to_owned(), records);
                    }
                    Ok(None) => {}
                    Err(fault) => note(fault),
                }
            }
        }
        Ok(manifest)
    });
    problems.extend(parsed.problems);
    Parsed {
        value: parsed.value.unwrap_or_default(),
        problems,
    }
}

/// What stands beside the states: `commands` by file, `reasons` by namespace and file, `taken` by namespace.
struct Details<'a> {
    commands: Option<Object<'a>>,
    reasons: Option<Object<'a>>,
    taken: Option<Object<'a>>,
}

impl<'a> Details<'a> {
    fn of(item: &Object<'a>) -> Result<Self, Fault> {
        Ok(Self {
            commands: item.object("commands")?,
            reasons: item.object("reasons")?,
            taken: item.object("taken")?,
        })
    }

    /// Adds to `namespace`'s records what they do not say themselves.
    fn fill(
        &self,
        namespace: &str,
        records: &mut BTreeMap<String, FileRecord>,
    ) -> Result<(), Fault> {
        let of = |map: &Option<Object<'a>>| match map {
            Some(map) => map.object(namespace),
            None => Ok(None),
        };
        let reasons = of(&self.reasons)?;
        let captured_at = match of(&self.taken)? {
            Some(taken) => taken.text("captured_at")?,
            None => None,
        };
        for (file, record) in records {
            if let (None, Some(reasons)) = (&record.reason, &reasons) {
                record.reason = reasons.text(file)?;
            }
            if let (None, Some(commands)) = (&record.command, &self.commands) {
                record.command = commands.text(file)?;
            }
            if record.captured_at.is_none() {
                record.captured_at.clone_from(&captured_at);
            }
        }
        Ok(())
    }
}

/// The files of one namespace; a faulty record is left out: its file counts as not tried.
fn records(files: &Object<'_>, note: &mut impl FnMut(Fault)) -> BTreeMap<String, FileRecord> {
    let mut records = BTreeMap::new();
    for (name, raw, pointer) in files.entries() {
        let source = json::source(files.file(), &pointer, raw);
        match record(files, name, source) {
            Ok(record) => {
                records.insert(name.to_owned(), record);
            }
            Err(fault) => note(fault),
        }
    }
    records
}

/// A state, or an object with one and more.
fn record(files: &Object<'_>, name: &str, source: Source) -> Result<FileRecord, Fault> {
    if files
        .get(name)
        .is_some_and(|raw| raw.get().starts_with('{'))
    {
        let object = files.required(name, files.object(name)?)?;
        let word = object.required("state", object.text("state")?)?;
        return Ok(FileRecord {
            state: FileState::named(&word)
                .ok_or_else(|| object.fault("state", unknown_state(&word)))?,
            captured_at: object.text("captured_at")?,
            command: object.text("command")?,
            reason: object.text("reason")?.or(object.text("error")?),
            same_as: object.text("same_as")?,
            source,
        });
    }
    let word = files.required(name, files.text(name)?)?;
    Ok(FileRecord {
        state: FileState::named(&word).ok_or_else(|| files.fault(name, unknown_state(&word)))?,
        captured_at: None,
        command: None,
        reason: None,
        same_as: None,
        source,
    })
}

fn unknown_state(word: &str) -> String {
    format!("`{word}` is no state; it counts as not-tried")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file, problems};

    #[test]
    fn states_as_words_and_as_records() {
        let file = file(
            "capture.json",
            r#"{"schema":"pathglass.capture/1","cluster":"c","captured_at":"2026-01-01T00:00:00Z","namespaces":{
                "nodes/node-1/host":{"ip-link.json":"captured","tc.json":"absent",
                  "ss.txt":{"state":"failed","command":"ss -H","reason":"permission denied"},
                  "nft-ruleset.json":{"state":"redundant","same_as":"iptables-save.txt"}}}}"#,
        );
        let manifest = clean(parse(&file));
        let state = |name| manifest.state("nodes/node-1/host", name);
        assert_eq!(state("ip-link.json"), FileState::Captured);
        assert_eq!(state("tc.json"), FileState::Absent);
        assert_eq!(state("ss.txt"), FileState::Failed);
        assert_eq!(state("wg.txt"), FileState::NotTried);
        assert!(state("tc.json").is_known() && !state("ss.txt").is_known());
        let record = manifest.record("nodes/node-1/host", "ss.txt").unwrap();
        assert_eq!(record.reason.as_deref(), Some("permission denied"));
        assert_eq!(
            record.source.to_string(),
            "capture.json /namespaces/nodes~1node-1~1host/ss.txt"
        );
    }

    #[test]
    fn what_stands_beside_the_states_belongs_to_the_files() {
        let file = file(
            "capture.json",
            r#"{"namespaces":{"nodes/n/host":{"ss.txt":"failed","wg.txt":"absent"}},
                "commands":{"ss.txt":"ss -H -n"},"reasons":{"nodes/n/host":{"ss.txt":"permission denied"}},
                "taken":{"nodes/n/host":{"captured_at":"2026-01-01T00:00:00Z"}}}"#,
        );
        let manifest = clean(parse(&file));
        let record = manifest.record("nodes/n/host", "ss.txt").unwrap();
        assert_eq!(record.reason.as_deref(), Some("permission denied"));
        assert_eq!(record.command.as_deref(), Some("ss -H -n"));
        assert_eq!(record.captured_at.as_deref(), Some("2026-01-01T00:00:00Z"));
        let record = manifest.record("nodes/n/host", "wg.txt").unwrap();
        assert_eq!((&record.reason, &record.command), (&None, &None));
    }

    #[test]
    fn an_unknown_state_is_a_problem_and_counts_as_not_tried() {
        let parsed = parse(&file(
            "capture.json",
            r#"{"namespaces":{"a":{"x":"lost","y":"captured"},"b":7}}"#,
        ));
        assert_eq!(parsed.value.state("a", "x"), FileState::NotTried);
        assert_eq!(parsed.value.state("a", "y"), FileState::Captured);
        assert_eq!(parsed.problems.len(), 2);
        assert_eq!(
            problems(&parsed)[0],
            "capture.json /namespaces/a/x: `lost` is no state; it counts as not-tried"
        );
    }
}
