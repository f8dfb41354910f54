//! `capture.json`: what is known of each file of each namespace.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::path;
use super::store::FileState;

/// The states of files by namespace and file name, as `capture.json` tells them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct States(BTreeMap<String, BTreeMap<String, FileState>>);

impl States {
    /// Adds what a `capture.json` says; what is malformed in it says nothing.
    pub(crate) fn add(&mut self, capture_json: &[u8]) {
        let Ok(Value::Object(capture)) = serde_json::from_slice::<Value>(capture_json) else {
            return;
        };
        let Some(Value::Object(namespaces)) = capture.get("namespaces") else {
            return;
        };
        for (namespace, files) in namespaces {
            let Value::Object(files) = files else {
                continue;
            };
            let known = self.0.entry(namespace.clone()).or_default();
            known.extend(
                files
                    .iter()
                    .filter_map(|(file, state)| Some((file.clone(), file_state(state)?))),
            );
        }
    }

    /// The states of `namespace`, completed by the files that are there: `(name, whether it is empty)`.
    pub(crate) fn of<'a>(
        &self,
        namespace: &str,
        present: impl Iterator<Item = (&'a str, bool)>,
    ) -> BTreeMap<String, FileState> {
        let mut states = self.0.get(namespace).cloned().unwrap_or_default();
        for (name, is_empty) in present {
            let state = if is_empty {
                FileState::Empty
            } else {
                FileState::Captured
            };
            states.entry(name.to_owned()).or_insert(state);
        }
        states
    }
}

/// A state as a bare word, or as an object with the word under `state` beside when and how it was captured.
fn file_state(value: &Value) -> Option<FileState> {
    let word = match value {
        Value::Object(fields) => fields.get("state")?,
        word => word,
    };
    FileState::deserialize(word).ok()
}

/// Parts the (pruned) `capture.json` files of a capture by machine: the root's, and each machine's own.
///
/// A lookup in one machine then needs no file that grows with the cluster.
pub(crate) fn split(
    capture_jsons: &[&[u8]],
) -> (Map<String, Value>, BTreeMap<String, Map<String, Value>>) {
    let (mut root, mut machines) = (Map::new(), BTreeMap::new());
    for bytes in capture_jsons {
        let Ok(Value::Object(mut capture)) = serde_json::from_slice::<Value>(bytes) else {
            continue;
        };
        let namespaces = capture.remove("namespaces");
        // The first file is the root's: parts of machines add namespaces only.
        if root.is_empty() {
            root = capture;
        }
        let Some(Value::Object(namespaces)) = namespaces else {
            continue;
        };
        for (namespace, files) in namespaces {
            let part = match path::machine_of(&namespace) {
                Some(machine) => machines.entry(machine.to_owned()).or_insert_with(Map::new),
                None => &mut root,
            };
            let part = part
                .entry("namespaces")
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(part) = part {
                part.insert(namespace, files);
            }
        }
    }
    (root, machines)
}
