//! A capture described: lists, machines, and what is unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use pathglass_sim::snapshot::{FileState, Folder, Seal, SnapshotError, Step, Store as _};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::collect::tool::EXPECTED_FILES;

/// What a capture holds.
#[derive(Debug, Clone, Serialize)]
pub struct Contents {
    /// Who signed; `None` for a folder.
    pub seal: Option<Seal>,
    /// The manifest's hash; `None` for a folder.
    pub manifest_sha256: Option<String>,
    /// What `capture.json` calls the cluster.
    pub cluster: Option<String>,
    /// The Kubernetes version, as it says.
    pub kubernetes: Option<String>,
    /// The kernel, as it says.
    pub kernel: Option<String>,
    /// Who or what made it, as it says.
    pub collector: Option<String>,
    /// When, as it says.
    pub captured_at: Option<String>,
    /// How many files there are.
    pub n_files: usize,
    /// How many bytes they have.
    pub n_bytes: usize,
    /// How many objects of each resource there are.
    pub kube: BTreeMap<String, usize>,
    /// Nodes and other captured machines.
    pub machines: Vec<Machine>,
    /// What nobody knows: failed or not tried.
    pub unknown: Vec<Unknown>,
}

/// A captured machine.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// `nodes/<node>` or `fabric/<name>`.
    pub name: String,
    /// How many files it has.
    pub n_files: usize,
    /// How many pods' namespaces.
    pub n_pods: usize,
}

/// A file that is unknown in some namespaces.
#[derive(Debug, Clone, Serialize)]
pub struct Unknown {
    /// Its name.
    pub file: String,
    /// Why: `failed` or `not-tried`.
    pub state: FileState,
    /// Where.
    pub namespaces: Vec<String>,
}

/// A kube list; its items are counted, not read.
#[derive(serde::Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

impl Contents {
    /// Describes `files`, named by their path in the capture.
    ///
    /// # Errors
    /// Never for files in memory; the store's own type has the error.
    pub fn of(files: BTreeMap<String, Arc<[u8]>>) -> Result<Self, SnapshotError> {
        let manifest: Value = files
            .get("capture.json")
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .unwrap_or_default();
        let word = |key: &str| manifest.get(key).and_then(Value::as_str).map(str::to_owned);
        let mut contents = Self {
            seal: None,
            manifest_sha256: None,
            cluster: word("cluster"),
            kubernetes: word("kubernetes"),
            kernel: word("kernel"),
            collector: word("collector"),
            captured_at: word("captured_at"),
            n_files: files.len(),
            n_bytes: files.values().map(|bytes| bytes.len()).sum(),
            kube: kube_counts(&files),
            machines: Vec::new(),
            unknown: Vec::new(),
        };
        let mut unknown: BTreeMap<(String, FileState), Vec<String>> = BTreeMap::new();
        let mut folder = Folder::new(files);
        for name in done(folder.machines()?) {
            let namespaces = done(folder.namespaces(&name)?);
            let prefix = format!("{name}/");
            contents.machines.push(Machine {
                n_files: folder
                    .files()
                    .keys()
                    .filter(|path| path.starts_with(&prefix))
                    .count(),
                n_pods: namespaces
                    .iter()
                    .filter(|namespace| namespace.contains("/pods/"))
                    .count(),
                name,
            });
            for namespace in namespaces {
                let states = done(folder.states(&namespace)?);
                for file in EXPECTED_FILES {
                    let state = states.get(*file).copied().unwrap_or(FileState::NotTried);
                    if matches!(state, FileState::Failed | FileState::NotTried) {
                        unknown
                            .entry(((*file).to_owned(), state))
                            .or_default()
                            .push(namespace.clone());
                    }
                }
            }
        }
        contents.unknown = unknown
            .into_iter()
            .map(|((file, state), namespaces)| Unknown {
                file,
                state,
                namespaces,
            })
            .collect();
        Ok(contents)
    }
}

/// The number of objects per resource, parts of a split list together.
fn kube_counts(files: &BTreeMap<String, Arc<[u8]>>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (path, bytes) in files {
        let Some(rest) = path
            .strip_prefix("kube/")
            .and_then(|rest| rest.strip_suffix(".json"))
        else {
            continue;
        };
        let resource = rest.split('/').next().unwrap_or(rest).to_owned();
        let n_items = serde_json::from_slice::<List<'_>>(bytes).map_or(0, |list| list.items.len());
        *counts.entry(resource).or_default() += n_items;
    }
    counts
}

/// A folder in memory needs nothing.
fn done<T: Default>(step: Step<T>) -> T {
    match step {
        Step::Done(value) => value,
        Step::Needs(_) => T::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_is_counted_and_its_unknowns_are_named() {
        let file = |text: &str| Arc::<[u8]>::from(text.as_bytes());
        let files = BTreeMap::from([
            (
                "capture.json".into(),
                file(
                    r#"{"captured_at": "2026-01-31T12:00:00Z", "namespaces": {
                "nodes/n1/host": {"ipvsadm-save.txt": "absent", "ipset-save.txt": {"state": "failed"}}}}"#,
                ),
            ),
            ("kube/pods.json".into(), file(r#"{"items": [{}, {}]}"#)),
            ("nodes/n1/host/ip-addr.json".into(), file("[]")),
            ("nodes/n1/pods/a_b/ip-addr.json".into(), file("[]")),
        ]);
        let contents = Contents::of(files).unwrap();
        assert_eq!(contents.kube["pods"], 2);
        assert_eq!(contents.machines.len(), 1);
        assert_eq!(
            (contents.machines[0].n_files, contents.machines[0].n_pods),
            (2, 1)
        );
        let unknown = |file: &str, state| {
            let found = contents
                .unknown
                .iter()
                .find(|entry| entry.file == file && entry.state == state);
            found
                .map(|entry| entry.namespaces.clone())
                .unwrap_or_default()
        };
        assert_eq!(
            unknown("ipset-save.txt", FileState::Failed),
            ["nodes/n1/host"]
        );
        assert_eq!(
            unknown("ipset-save.txt", FileState::NotTried),
            ["nodes/n1/pods/a_b"]
        );
        assert_eq!(
            unknown("ipvsadm-save.txt", FileState::NotTried),
            ["nodes/n1/pods/a_b"]
        );
        assert!(unknown("ip-addr.json", FileState::NotTried).is_empty());
    }
}
