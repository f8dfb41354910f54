//! Opens the store that a handle reads through.

use pathglass_sim::snapshot::{
    ByteRange, IndexRecord, ObjectKind, Seal, SnapshotError, Step, Store,
};
use std::net::IpAddr;
use std::sync::Arc;

use crate::error::ErrorInfo;
use crate::options::OpenOptions;

#[derive(Debug)]
pub(crate) struct OpenStore;

impl OpenStore {
    pub(crate) fn supply(&mut self, _start: u64, _bytes: Vec<u8>) -> Result<(), SnapshotError> {
        Ok(())
    }
}

pub(crate) fn whole(_bytes: Vec<u8>, _options: OpenOptions) -> Result<OpenStore, ErrorInfo> {
    Ok(OpenStore)
}
pub(crate) fn ranged(_length: u64, _options: OpenOptions) -> Result<OpenStore, ErrorInfo> {
    Ok(OpenStore)
}

impl Store for OpenStore {
    fn read(&mut self, _: &str) -> Result<Step<Option<Arc<[u8]>>>, SnapshotError> {
        Ok(Step::Done(None))
    }
    fn machines(&mut self) -> Result<Step<Vec<String>>, SnapshotError> {
        Ok(Step::Needs(vec![ByteRange { start: 0, end: 1 }]))
    }
    fn namespaces(&mut self, _: &str) -> Result<Step<Vec<String>>, SnapshotError> {
        Ok(Step::Done(vec![]))
    }
    fn by_address(&mut self, _: IpAddr) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        Ok(Step::Done(vec![]))
    }
    fn by_name(
        &mut self,
        _: ObjectKind,
        _: &str,
        _: &str,
    ) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        Ok(Step::Done(vec![]))
    }
    fn objects(&mut self) -> Result<Step<Vec<IndexRecord>>, SnapshotError> {
        Ok(Step::Done(vec![]))
    }
    fn entries_read(&self) -> Vec<(String, String)> {
        vec![]
    }
    fn reset_entries_read(&mut self) {}
    fn manifest_sha256(&mut self) -> Result<Step<String>, SnapshotError> {
        Ok(Step::Done(String::new()))
    }
    fn seal(&self) -> Seal {
        Seal::Unsigned
    }
}
