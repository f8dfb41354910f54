//! A capture in memory for questions whose receipts nobody reads.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use pathglass_sim::session::Session;
use pathglass_sim::snapshot::{
    FileState, Folder, IndexRecord, ObjectKind, Seal, SnapshotError, Step, Store,
};

/// A session on `files`.
#[must_use]
pub fn open(files: &BTreeMap<String, Arc<[u8]>>) -> Session<Unhashed> {
    Session::new(Unhashed(Folder::new(files.clone())))
}

/// A folder that does not say what it would be sealed as: for thousands of captures, hashing is all that one would wait for.
#[derive(Debug)]
pub struct Unhashed(Folder);

impl Store for Unhashed {
    fn read(&mut self, path: &str) -> Result<Step<Option<Arc<[u8]>>>, SnapshotError> {
        self.0.read(path)
    }

    fn parts(&mut self, list: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        self.0.parts(list)
    }

    fn below(&mut self, folder: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        self.0.below(folder)
    }

    fn states(
        &mut self,
        namespace: &str,
    ) -> Result<Step<BTreeMap<String, FileState>>, SnapshotError> {
        self.0.states(namespace)
    }

    fn machines(&mut self) -> Result<Step<Vec<String>>, SnapshotError> {
        self.0.machines()
    }

    fn namespaces(&mut self, machine: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        self.0.namespaces(machine)
    }

    fn by_address(&mut self, address: IpAddr) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        self.0.by_address(address)
    }

    fn by_name(
        &mut self,
        object: ObjectKind,
        namespace: &str,
        name: &str,
    ) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        self.0.by_name(object, namespace, name)
    }

    fn objects(&mut self) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        self.0.objects()
    }

    fn entries_read(&self) -> Vec<(String, String)> {
        self.0.entries_read()
    }

    fn reset_entries_read(&mut self) {
        self.0.reset_entries_read();
    }

    fn manifest_sha256(&mut self) -> Result<Step<String>, SnapshotError> {
        Ok(Step::Done(String::new()))
    }

    fn seal(&self) -> Seal {
        self.0.seal()
    }
}
