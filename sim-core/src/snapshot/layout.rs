//! Which file of a capture is where in a snapshot: at its root, or in the pack of its machine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::index::Files;
use super::seal::Dropped;
use super::{lists, path, states};

/// A capture, arranged as it will be packed.
#[derive(Debug, Default)]
pub(crate) struct Arranged {
    /// Entries at the root.
    pub(crate) root: Files,
    /// The packs: each machine's entries, by their path below the machine.
    pub(crate) machines: BTreeMap<String, Files>,
    /// The kube lists of which each node's pack has its part.
    pub(crate) split_by_node: Vec<String>,
}

/// The part of a list that belongs to nothing that it could be split by.
const REST: &str = "_";

/// Whether a capture cannot have `path`, because snapshots use it.
pub(crate) fn is_reserved(path: &str) -> bool {
    if let Some(file) = path::machine_file(path) {
        return file.rest == super::manifest::NAME || file.rest.starts_with("kube/");
    }
    let is_pack =
        (path.starts_with("nodes/") || path.starts_with("fabric/")) && path.ends_with(".zip");
    is_pack
        || path == super::manifest::NAME
        || path == super::manifest::SIGNATURE
        || path.starts_with("index/")
}

/// The path in the capture of the entry `rest` in the pack of `machine`.
pub(crate) fn logical(machine: &str, rest: &str) -> String {
    let part = || {
        Some((
            machine.strip_prefix("nodes/")?,
            rest.strip_prefix("kube/")?.strip_suffix(".json")?,
        ))
    };
    match part() {
        Some((node, resource)) => format!("kube/{resource}/{node}.json"),
        None => format!("{machine}/{rest}"),
    }
}

/// The network namespaces among the entries of a machine's pack, sorted.
pub(crate) fn namespaces<'a>(
    machine: &str,
    entries: impl Iterator<Item = &'a str>,
) -> BTreeSet<String> {
    let namespace = |rest: &str| {
        let path = logical(machine, rest);
        Some(path::machine_file(&path)?.namespace?.to_owned())
    };
    entries.filter_map(namespace).collect()
}

/// Arranges the pruned files of a capture. Lists of more than `split_above` bytes are split.
pub(crate) fn arrange(files: Files, split_above: usize, dropped: &mut Vec<Dropped>) -> Arranged {
    let mut arranged = Arranged::default();
    let mut resources: BTreeMap<String, Vec<Arc<[u8]>>> = BTreeMap::new();
    let mut capture_jsons: Vec<Arc<[u8]>> = Vec::new();
    let is_whole = |resource: &str| files.contains_key(&format!("kube/{resource}.json"));
    for (path, bytes) in &files {
        if let Some(resource) = path::list(path) {
            resources
                .entry(resource.to_owned())
                .or_default()
                .push(Arc::clone(bytes));
        } else if let Some((resource, _)) = path::list_part(path) {
            if is_whole(resource) {
                let reason = format!("`kube/{resource}.json` has the whole list");
                dropped.push(Dropped {
                    path: path.clone(),
                    reason,
                });
            } else {
                resources
                    .entry(resource.to_owned())
                    .or_default()
                    .push(Arc::clone(bytes));
            }
        } else if let Some(file) = path::machine_file(path) {
            if file.rest == "capture.json" {
                capture_jsons.push(Arc::clone(bytes));
            } else {
                let files = arranged
                    .machines
                    .entry(file.machine.to_owned())
                    .or_default();
                files.insert(file.rest.to_owned(), Arc::clone(bytes));
            }
        } else if path == "capture.json" {
            capture_jsons.insert(0, Arc::clone(bytes));
        } else {
            arranged.root.insert(path.clone(), Arc::clone(bytes));
        }
    }
    drop(files);
    arranged.add_states(&capture_jsons);
    for (resource, lists) in resources {
        arranged.add_list(&resource, &lists, split_above);
    }
    arranged.complete_parts();
    arranged
}

impl Arranged {
    fn add_states(&mut self, capture_jsons: &[Arc<[u8]>]) {
        if capture_jsons.is_empty() {
            return;
        }
        let bytes: Vec<&[u8]> = capture_jsons.iter().map(|bytes| &**bytes).collect();
        let (root, machines) = states::split(&bytes);
        let encode = |map: Map<String, Value>| -> Arc<[u8]> {
            let mut bytes = serde_json::to_vec(&map).unwrap_or_default();
            bytes.push(b'\n');
            bytes.into()
        };
        self.root.insert("capture.json".to_owned(), encode(root));
        for (machine, states) in machines {
            self.machines
                .entry(machine)
                .or_default()
                .insert("capture.json".to_owned(), encode(states));
        }
    }

    fn add_list(&mut self, resource: &str, lists: &[Arc<[u8]>], split_above: usize) {
        let joined = match lists {
            [whole] => Arc::clone(whole),
            parts => lists::join(parts),
        };
        let whole = format!("kube/{resource}.json");
        if joined.len() <= split_above {
            self.root.insert(whole, joined);
            return;
        }
        let Ok(list) = serde_json::from_slice::<lists::List<'_>>(&joined) else {
            return;
        };
        let by_node = matches!(resource, "pods" | "nodes");
        let mut parts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for item in list.items {
            // A pointer into a part counts the part's own items, so dropped ones need no place there.
            let Some(key) = part_key(resource, item.get()) else {
                continue;
            };
            parts.entry(key).or_default().push(item.get());
        }
        if !by_node && parts.len() < 2 {
            self.root.insert(whole, joined);
            return;
        }
        if by_node {
            self.split_by_node.push(resource.to_owned());
        }
        for (key, items) in parts {
            let bytes = lists::write(items.into_iter().map(Some)).into();
            if by_node && key != REST {
                let files = self.machines.entry(format!("nodes/{key}")).or_default();
                files.insert(format!("kube/{resource}.json"), bytes);
            } else {
                self.root
                    .insert(format!("kube/{resource}/{key}.json"), bytes);
            }
        }
    }

    /// Gives every node's pack a part of each list that is split by node, if only an empty one: then the packs tell
    /// all parts, and none must be opened to know.
    fn complete_parts(&mut self) {
        let empty: Arc<[u8]> = lists::write(std::iter::empty()).into();
        for (machine, files) in &mut self.machines {
            if machine.starts_with("nodes/") {
                for resource in &self.split_by_node {
                    files
                        .entry(format!("kube/{resource}.json"))
                        .or_insert_with(|| Arc::clone(&empty));
                }
            }
        }
    }
}

/// The name of the part that `item` belongs to; nothing where it is no object.
fn part_key(resource: &str, item: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Item {
        #[serde(default)]
        metadata: Metadata,
        #[serde(default)]
        spec: Spec,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Metadata {
        name: String,
        namespace: String,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Spec {
        node_name: String,
    }
    if item.trim() == "null" {
        return None;
    }
    let key = match (serde_json::from_str::<Item>(item), resource) {
        (Ok(item), "pods") => item.spec.node_name,
        (Ok(item), "nodes") => item.metadata.name,
        (Ok(item), _) => item.metadata.namespace,
        (Err(_), _) => String::new(),
    };
    // The name becomes a path, and it comes from the cluster.
    let is_safe = path::complaint(&key).is_none() && !key.contains('/') && key.len() < 256;
    Some(if is_safe { key } else { REST.to_owned() })
}
