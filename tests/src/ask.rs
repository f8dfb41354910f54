//! Asking a capture that is held in memory, unsealed or sealed.

use std::collections::BTreeMap;
use std::sync::Arc;

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::session::Session;
use pathglass_sim::snapshot::{Folder, Reader, SealOptions, Step, Store, Trust, seal};
use pathglass_sim::verdict::Verdict;

/// A session on `files` as they are.
#[must_use]
pub fn unsealed(files: &BTreeMap<String, Arc<[u8]>>) -> Session<Folder> {
    Session::new(Folder::new(files.clone()))
}

/// The snapshot that sealing `files` gives, unsigned.
///
/// # Errors
/// Says why they cannot be sealed.
pub fn sealed_bytes(files: &BTreeMap<String, Arc<[u8]>>) -> Result<Arc<[u8]>, String> {
    seal(files, None, &SealOptions::default())
        .map(|sealed| sealed.bytes.into())
        .map_err(|error| error.to_string())
}

/// A session on a snapshot's bytes, opened by somebody who knows no keys.
#[must_use]
pub fn sealed(bytes: Arc<[u8]>) -> Session<Reader> {
    Session::new(Reader::from_bytes(bytes, Trust::default()))
}

/// The verdict on `flow` from a session that holds everything.
///
/// # Errors
/// Says why the question has no answer here.
pub fn diagnose<S: Store>(session: &mut Session<S>, flow: &FlowRequest) -> Result<Verdict, String> {
    match session.diagnose(flow) {
        Ok(Step::Done(verdict)) => Ok(verdict),
        Ok(Step::Needs(ranges)) => Err(format!(
            "a capture in memory asked for {} more ranges of bytes",
            ranges.len()
        )),
        Err(error) => Err(error.to_string()),
    }
}

/// The verdict's bytes, as every program of ours writes them.
#[must_use]
pub fn bytes(verdict: &Verdict) -> String {
    verdict.to_json()
}
