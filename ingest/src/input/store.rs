//! A store of either kind, so that every command asks one type of session.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use pathglass_sim::snapshot::{
    FileState, Folder, IndexRecord, ObjectKind, Reader, Seal, SnapshotError, Step, Store,
};

/// A folder or a snapshot.
#[derive(Debug)]
pub enum CaptureStore {
    /// A folder, in memory.
    Folder(Box<Folder>),
    /// A sealed snapshot.
    Snapshot(Box<Reader>),
}

impl CaptureStore {
    fn store(&self) -> &dyn Store {
        match self {
            Self::Folder(folder) => folder.as_ref(),
            Self::Snapshot(reader) => reader.as_ref(),
        }
    }

    fn store_mut(&mut self) -> &mut dyn Store {
        match self {
            Self::Folder(folder) => folder.as_mut(),
            Self::Snapshot(reader) => reader.as_mut(),
        }
    }
}

impl Store for CaptureStore {
    fn read(&mut self, path: &str) -> Result<Step<Option<Arc<[u8]>>>, SnapshotError> {
        self.store_mut().read(path)
    }

    fn parts(&mut self, list: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        self.store_mut().parts(list)
    }

    fn below(&mut self, folder: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        self.store_mut().below(folder)
    }

    fn states(
        &mut self,
        namespace: &str,
    ) -> Result<Step<BTreeMap<String, FileState>>, SnapshotError> {
        self.store_mut().states(namespace)
    }

    fn machines(&mut self) -> Result<Step<Vec<String>>, SnapshotError> {
        self.store_mut().machines()
    }

    fn namespaces(&mut self, machine: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        self.store_mut().namespaces(machine)
    }

    fn by_address(&mut self, address: IpAddr) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        self.store_mut().by_address(address)
    }

    fn by_name(
        &mut self,
        object: ObjectKind,
        namespace: &str,
        name: &str,
    ) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        self.store_mut().by_name(object, namespace, name)
    }

    fn objects(&mut self) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        self.store_mut().objects()
    }

    fn entries_read(&self) -> Vec<(String, String)> {
        self.store().entries_read()
    }

    fn reset_entries_read(&mut self) {
        self.store_mut().reset_entries_read();
    }

    fn manifest_sha256(&mut self) -> Result<Step<String>, SnapshotError> {
        self.store_mut().manifest_sha256()
    }

    fn seal(&self) -> Seal {
        self.store().seal()
    }
}
