//! An unsealed capture held in memory, read as sealing would keep it: so that a verdict on a folder replays on its snapshot.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::index::{Files, Index};
use super::prune::{Pruned, prune};
use super::seal::{SealOptions, seal};
use super::states::States;
use super::store::{FileState, IndexRecord, ObjectKind, Seal, SnapshotError, Step, Store};
use super::{hex, lists, path};

/// A capture's folder in memory; everything derived from its files is derived when asked for.
pub struct Folder {
    files: Files,
    index: Option<Index>,
    states: Option<States>,
    manifest_sha256: Option<String>,
    kept: BTreeMap<String, Option<Arc<[u8]>>>,
    read: BTreeMap<String, String>,
}

impl Folder {
    /// A folder of `files` by their path in the capture, e.g. `nodes/n1/host/ip-addr.json`.
    #[must_use]
    pub fn new(files: BTreeMap<String, Arc<[u8]>>) -> Self {
        Self {
            files,
            index: None,
            states: None,
            manifest_sha256: None,
            kept: BTreeMap::new(),
            read: BTreeMap::new(),
        }
    }

    /// The files, e.g. to seal them.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Arc<[u8]>> {
        &self.files
    }

    fn index(&mut self) -> &Index {
        self.index.get_or_insert_with(|| Index::derive(&self.files))
    }

    fn take(&mut self, path: &str) -> Option<Arc<[u8]>> {
        if let Some(kept) = self.kept.get(path) {
            let kept = kept.clone()?;
            self.read
                .entry(path.to_owned())
                .or_insert_with(|| hex::encode(&Sha256::digest(&kept)));
            return Some(kept);
        }
        let bytes = self.files.get(path)?;
        let kept: Option<Arc<[u8]>> = match prune(path, bytes) {
            Pruned::Kept(Cow::Borrowed(_)) => Some(Arc::clone(bytes)),
            Pruned::Kept(Cow::Owned(pruned)) => Some(pruned.into()),
            Pruned::Dropped(_) => None,
        };
        self.kept.insert(path.to_owned(), kept);
        self.take(path)
    }

    fn part_paths(&self, list: &str) -> Vec<String> {
        let Some(resource) = path::list(list) else {
            return Vec::new();
        };
        if self.files.contains_key(list) {
            return vec![list.to_owned()];
        }
        let is_part = |path: &&String| path::list_part(path).is_some_and(|(of, _)| of == resource);
        self.files.keys().filter(is_part).cloned().collect()
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder")
            .field("n_files", &self.files.len())
            .finish_non_exhaustive()
    }
}

impl Store for Folder {
    fn read(&mut self, path: &str) -> Result<Step<Option<Arc<[u8]>>>, SnapshotError> {
        if let Some(bytes) = self.take(path) {
            return Ok(Step::Done(Some(bytes)));
        }
        let parts = self.part_paths(path);
        if parts.is_empty() {
            return Ok(Step::Done(None));
        }
        let parts: Vec<_> = parts.iter().filter_map(|part| self.take(part)).collect();
        Ok(Step::Done(Some(lists::join(&parts))))
    }

    fn parts(&mut self, list: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        Ok(Step::Done(self.part_paths(list)))
    }

    fn below(&mut self, folder: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        let files = self.files.range(folder.to_owned()..);
        let below = files.map_while(|(path, _)| path.starts_with(folder).then(|| path.clone()));
        Ok(Step::Done(below.collect()))
    }

    fn states(
        &mut self,
        namespace: &str,
    ) -> Result<Step<BTreeMap<String, FileState>>, SnapshotError> {
        let states = self.states.get_or_insert_with(|| {
            let mut states = States::default();
            let is_states = |path: &str| path == "capture.json" || path.ends_with("/capture.json");
            self.files
                .iter()
                .filter(|(path, _)| is_states(path))
                .for_each(|(_, bytes)| states.add(bytes));
            states
        });
        let prefix = format!("{namespace}/");
        let present = (self.files.range(prefix.clone()..))
            .map_while(|(path, bytes)| Some((path.strip_prefix(&prefix)?, bytes.is_empty())))
            .filter(|(name, _)| !name.contains('/') && *name != "capture.json");
        Ok(Step::Done(states.of(namespace, present)))
    }

    fn machines(&mut self) -> Result<Step<Vec<String>>, SnapshotError> {
        let files = self
            .files
            .keys()
            .filter_map(|path| path::machine_file(path));
        let machines: BTreeSet<&str> = files
            .filter(|file| file.namespace.is_some())
            .map(|file| file.machine)
            .collect();
        Ok(Step::Done(
            machines.into_iter().map(str::to_owned).collect(),
        ))
    }

    fn namespaces(&mut self, machine: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        let prefix = format!("{machine}/");
        let files = self
            .files
            .range(prefix.clone()..)
            .map_while(|(path, _)| path.starts_with(&prefix).then_some(path));
        let namespaces: BTreeSet<&str> = files
            .filter_map(|path| path::machine_file(path).and_then(|file| file.namespace))
            .collect();
        Ok(Step::Done(
            namespaces.into_iter().map(str::to_owned).collect(),
        ))
    }

    fn by_address(&mut self, address: IpAddr) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        Ok(Step::Done(
            self.index()
                .addresses
                .get(&address)
                .cloned()
                .unwrap_or_default(),
        ))
    }

    fn by_name(
        &mut self,
        object: ObjectKind,
        namespace: &str,
        name: &str,
    ) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        let key = (object, namespace.to_owned(), name.to_owned());
        Ok(Step::Done(
            self.index().names.get(&key).cloned().unwrap_or_default(),
        ))
    }

    fn objects(&mut self) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        Ok(Step::Done(
            self.index().names.values().flatten().cloned().collect(),
        ))
    }

    fn entries_read(&self) -> Vec<(String, String)> {
        self.read.clone().into_iter().collect()
    }

    fn reset_entries_read(&mut self) {
        self.read.clear();
    }

    fn manifest_sha256(&mut self) -> Result<Step<String>, SnapshotError> {
        if let Some(known) = &self.manifest_sha256 {
            return Ok(Step::Done(known.clone()));
        }
        let sealed = seal(&self.files, None, &SealOptions::default()).map_err(|error| {
            SnapshotError::Damaged {
                entry: "capture".to_owned(),
                message: error.to_string(),
            }
        })?;
        self.manifest_sha256 = Some(sealed.manifest_sha256.clone());
        Ok(Step::Done(sealed.manifest_sha256))
    }

    fn seal(&self) -> Seal {
        Seal::Unsigned
    }
}
