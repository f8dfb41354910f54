//! The store's questions, answered from the manifest, the index and the entries.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::{Reader, States, done};
use crate::snapshot::index::{
    ADDRESSES, NAMES, ObjectName, address_key, name_key, shard_of, shard_path,
};
use crate::snapshot::store::{
    FileState, IndexRecord, ObjectKind, Seal, SnapshotError, Step, Store,
};
use crate::snapshot::{layout, lists, path};

/// A part of the index, parsed.
#[derive(Debug)]
pub(crate) enum Shard {
    Addresses(BTreeMap<IpAddr, Vec<IndexRecord>>),
    Names(BTreeMap<ObjectName, Vec<IndexRecord>>),
}

impl Shard {
    fn parse(folder: &str, bytes: &[u8]) -> Option<Self> {
        if folder == ADDRESSES {
            return serde_json::from_slice(bytes).ok().map(Self::Addresses);
        }
        let mut names: BTreeMap<ObjectName, Vec<IndexRecord>> = BTreeMap::new();
        for record in serde_json::from_slice::<Vec<IndexRecord>>(bytes).ok()? {
            let IndexRecord::Object {
                object,
                namespace,
                name,
                ..
            } = &record
            else {
                return None;
            };
            names
                .entry((*object, namespace.clone(), name.clone()))
                .or_default()
                .push(record);
        }
        Some(Self::Names(names))
    }
}

impl Reader {
    fn n_shards(&self, folder: &str) -> Result<u32, SnapshotError> {
        let own = &self.opened()?.archive.contents.own;
        let shards = own
            .range(folder.to_owned()..)
            .take_while(|(path, _)| path.starts_with(folder));
        Ok(u32::try_from(shards.count()).unwrap_or(u32::MAX))
    }

    fn shard(&mut self, folder: &str, shard: u32) -> Result<Step<&Shard>, SnapshotError> {
        let path = shard_path(folder, shard);
        if !self.shards.contains_key(&path) {
            let archive = &self.opened()?.archive;
            let bytes = done!(archive.entry(&self.held, &path));
            let parsed = Shard::parse(folder, &bytes)
                .ok_or_else(|| archive.damaged(&path, "it is no part of an index"))?;
            if let Some(range) = archive.range(&path) {
                self.held.release(range);
            }
            self.shards.insert(path.clone(), parsed);
        }
        let missing = || SnapshotError::Damaged {
            entry: path.clone(),
            message: "it is missing".to_owned(),
        };
        self.shards.get(&path).map(Step::Done).ok_or_else(missing)
    }

    fn count(&mut self, path: &str) {
        self.read.insert(path.to_owned());
    }

    fn part_paths(&self, list: &str) -> Result<Vec<String>, SnapshotError> {
        let root = self.opened()?;
        let Some(resource) = path::list(list) else {
            return Ok(Vec::new());
        };
        if root.archive.holder(list).is_some() {
            return Ok(vec![list.to_owned()]);
        }
        let is_part = |path: &str| path::list_part(path).is_some_and(|(of, _)| of == resource);
        let mut parts: Vec<String> = root
            .archive
            .paths()
            .map(|(path, _)| path)
            .filter(|path| is_part(path))
            .map(str::to_owned)
            .collect();
        if root
            .manifest
            .split_by_node
            .iter()
            .any(|split| split == resource)
        {
            let nodes = root
                .archive
                .contents
                .packs
                .keys()
                .filter_map(|path| path.strip_prefix("nodes/"));
            let nodes = nodes.filter_map(|path| path.strip_suffix(".zip"));
            parts.extend(nodes.map(|node| format!("kube/{resource}/{node}.json")));
        }
        parts.sort();
        Ok(parts)
    }

    /// The file's states where `path` is a `capture.json`.
    fn states_in(&mut self, path: &str) -> Result<Step<States>, SnapshotError> {
        if let Some(states) = self.states.get(path) {
            return Ok(Step::Done(states.clone()));
        }
        let mut states = States::default();
        if let Some(bytes) = done!(self.file(path)) {
            states.add(&bytes);
        }
        self.states.insert(path.to_owned(), states.clone());
        Ok(Step::Done(states))
    }
}

impl Store for Reader {
    fn read(&mut self, path: &str) -> Result<Step<Option<Arc<[u8]>>>, SnapshotError> {
        if let Some(bytes) = done!(self.file(path)) {
            self.count(path);
            return Ok(Step::Done(Some(bytes)));
        }
        let parts = self.part_paths(path)?;
        if parts.is_empty() {
            return Ok(Step::Done(None));
        }
        let (mut joined, mut needs) = (Vec::new(), Vec::new());
        for part in &parts {
            match self.file(part)? {
                Step::Done(bytes) => joined.extend(bytes),
                Step::Needs(ranges) => needs.extend(ranges),
            }
        }
        if !needs.is_empty() {
            return Ok(Step::Needs(self.held.missing(&needs)));
        }
        parts.iter().for_each(|part| self.count(part));
        Ok(Step::Done(Some(lists::join(&joined))))
    }

    fn parts(&mut self, list: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        done!(self.open());
        Ok(Step::Done(self.part_paths(list)?))
    }

    fn below(&mut self, folder: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        done!(self.open());
        let paths = self.opened()?.archive.paths().map(|(path, _)| path);
        let below = paths.filter(|path| path.starts_with(folder));
        let mut below: Vec<String> = below.map(str::to_owned).collect();
        below.sort();
        Ok(Step::Done(below))
    }

    fn states(
        &mut self,
        namespace: &str,
    ) -> Result<Step<BTreeMap<String, FileState>>, SnapshotError> {
        done!(self.open());
        let Some(machine) = path::machine_of(namespace) else {
            let states = done!(self.states_in("capture.json"));
            let prefix = format!("{namespace}/");
            let archive = &self.opened()?.archive;
            let present = archive
                .paths()
                .filter_map(|(path, is_empty)| Some((path.strip_prefix(&prefix)?, is_empty)));
            let present = present.filter(|(name, _)| !name.contains('/'));
            return Ok(Step::Done(states.of(namespace, present)));
        };
        if !done!(self.open_pack(machine)) {
            return Ok(Step::Done(BTreeMap::new()));
        }
        let states = done!(self.states_in(&format!("{machine}/capture.json")));
        let prefix = format!("{namespace}/");
        let files = self
            .packs
            .get(machine)
            .map(|pack| pack.paths().collect::<Vec<_>>())
            .unwrap_or_default();
        let files: Vec<(String, bool)> = files
            .into_iter()
            .map(|(rest, is_empty)| (layout::logical(machine, rest), is_empty))
            .collect();
        let present = files
            .iter()
            .filter_map(|(path, is_empty)| Some((path.strip_prefix(&prefix)?, *is_empty)));
        let present = present.filter(|(name, _)| !name.contains('/') && *name != "capture.json");
        Ok(Step::Done(states.of(namespace, present)))
    }

    fn machines(&mut self) -> Result<Step<Vec<String>>, SnapshotError> {
        done!(self.open());
        let packs = &self.opened()?.archive.contents.packs;
        let captured = packs.iter().filter(|(_, (_, uncaptured))| !*uncaptured);
        let mut machines: Vec<String> = captured
            .filter_map(|(path, _)| path.strip_suffix(".zip").map(str::to_owned))
            .collect();
        // `a.zip` and `a-b.zip` sort otherwise than `a` and `a-b`.
        machines.sort();
        Ok(Step::Done(machines))
    }

    fn namespaces(&mut self, machine: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        if !done!(self.open_pack(machine)) {
            return Ok(Step::Done(Vec::new()));
        }
        let paths = self
            .packs
            .get(machine)
            .map(|pack| pack.paths().map(|(path, _)| path))
            .into_iter()
            .flatten();
        Ok(Step::Done(
            layout::namespaces(machine, paths).into_iter().collect(),
        ))
    }

    fn by_address(&mut self, address: IpAddr) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        done!(self.open());
        let shard = shard_of(&address_key(address), self.n_shards(ADDRESSES)?);
        Ok(Step::Done(match done!(self.shard(ADDRESSES, shard)) {
            Shard::Addresses(addresses) => addresses.get(&address).cloned().unwrap_or_default(),
            Shard::Names(_) => Vec::new(),
        }))
    }

    fn by_name(
        &mut self,
        object: ObjectKind,
        namespace: &str,
        name: &str,
    ) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        done!(self.open());
        let shard = shard_of(&name_key(object, namespace, name), self.n_shards(NAMES)?);
        let key = (object, namespace.to_owned(), name.to_owned());
        Ok(Step::Done(match done!(self.shard(NAMES, shard)) {
            Shard::Names(names) => names.get(&key).cloned().unwrap_or_default(),
            Shard::Addresses(_) => Vec::new(),
        }))
    }

    fn objects(&mut self) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        done!(self.open());
        let n_shards = self.n_shards(NAMES)?;
        let mut objects: BTreeMap<ObjectName, Vec<IndexRecord>> = BTreeMap::new();
        let mut needs = BTreeSet::new();
        for shard in 0..n_shards {
            match self.shard(NAMES, shard)? {
                Step::Done(Shard::Names(names)) => objects.extend(names.clone()),
                Step::Done(Shard::Addresses(_)) => {}
                Step::Needs(ranges) => needs.extend(ranges),
            }
        }
        if !needs.is_empty() {
            return Ok(Step::Needs(
                self.held.missing(&needs.into_iter().collect::<Vec<_>>()),
            ));
        }
        Ok(Step::Done(objects.into_values().flatten().collect()))
    }

    fn entries_read(&self) -> Vec<(String, String)> {
        let hash = |path: &String| Some((path.clone(), self.plain.get(path)?.1.clone()));
        self.read.iter().filter_map(hash).collect()
    }

    fn reset_entries_read(&mut self) {
        self.read.clear();
    }

    fn manifest_sha256(&mut self) -> Result<Step<String>, SnapshotError> {
        done!(self.open());
        Ok(Step::Done(self.opened()?.manifest_sha256.clone()))
    }

    fn seal(&self) -> Seal {
        self.root
            .as_ref()
            .map_or(Seal::Unsigned, |root| root.seal.clone())
    }
}
