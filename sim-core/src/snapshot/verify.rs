//! Verifying: every byte of a snapshot is checked; extracting: every file of it is had back.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::index::{Files, Index};
use super::manifest::Origin;
use super::reader::Reader;
use super::store::{Seal, SnapshotError, Step, Store as _};
use super::trust::Trust;
use super::{layout, seal};

/// All files of a snapshot together are not larger: what inflates to more is a bomb.
const MAX_TOTAL: u64 = 16 << 30;

/// What `verify` found to be in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who vouches for the bytes.
    pub seal: Seal,
    /// SHA-256 (hex) of the manifest.
    pub manifest_sha256: String,
    /// The cluster's uid (of its `kube-system` namespace); empty where unknown.
    pub cluster: String,
    /// When the capture was taken, as `capture.json` says it; empty where it does not.
    pub captured_at: String,
    /// Every file of the capture, by its path there: the pruned evidence, without the index and manifests.
    pub files: BTreeMap<String, Arc<[u8]>>,
}

/// Checks every byte of `bytes` and extracts all files.
///
/// The archive has no byte that is not a header, which is compared with the one that sealing writes, or an entry's,
/// which has its hash in a manifest, or the manifest's, which the signature covers; and the index must be the one that
/// the evidence gives.
///
/// # Errors
/// When anything in it is not what sealing wrote.
pub fn verify(bytes: impl Into<Arc<[u8]>>, trust: &Trust) -> Result<Verified, SnapshotError> {
    let bytes = bytes.into();
    let mut reader = Reader::from_bytes(Arc::clone(&bytes), trust.clone());
    let manifest_sha256 = in_memory(reader.manifest_sha256()?)?;
    let (cluster, captured_at) = in_memory(reader.identity()?)?;
    reader.check_total(MAX_TOTAL)?;
    let mut files = reader.root_files()?;
    let identity = seal::identity(&files);
    if identity != (cluster.clone(), captured_at.clone()) {
        return Err(damaged(
            "manifest.json",
            "cluster and time are not those of the evidence",
        ));
    }
    for pack in reader.packs()? {
        reader.check_pack(&pack, &bytes)?;
        let machine = pack.strip_suffix(".zip").unwrap_or(&pack).to_owned();
        files.extend(reader.pack_files(&machine, MAX_TOTAL)?);
    }
    reader.check_index(&files)?;
    Ok(Verified {
        seal: reader.seal(),
        manifest_sha256,
        cluster,
        captured_at,
        files,
    })
}

impl Reader {
    fn packs(&self) -> Result<Vec<String>, SnapshotError> {
        Ok(self
            .opened()?
            .archive
            .contents
            .packs
            .keys()
            .cloned()
            .collect())
    }

    /// Refuses a bomb of many entries before the first is inflated.
    fn check_total(&self, at_most: u64) -> Result<(), SnapshotError> {
        let total: u64 = self.opened()?.archive.total();
        if total > at_most {
            return Err(damaged(
                "manifest.json",
                "its entries together are larger than any capture",
            ));
        }
        Ok(())
    }

    fn root_files(&self) -> Result<Files, SnapshotError> {
        let archive = &self.opened()?.archive;
        let mut files = Files::new();
        for (path, (origin, _)) in &archive.contents.own {
            match origin {
                Origin::Capture => {
                    let bytes = in_memory(archive.entry(self.held(), path)?)?;
                    files.insert(path.clone(), bytes.into());
                }
                Origin::Index | Origin::Pack => {}
            }
        }
        same_files(&archive.contents.same, &mut files);
        Ok(files)
    }

    /// Checks the bytes of a pack as a whole; its entries are checked one by one.
    fn check_pack(&mut self, path: &str, bytes: &[u8]) -> Result<(), SnapshotError> {
        let archive = &self.opened()?.archive;
        let data = in_memory(archive.data(self.held(), path)?)?;
        let [start, end] =
            [data.start, data.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        let hash = <[u8; 32]>::from(Sha256::digest(bytes.get(start..end).unwrap_or_default()));
        if archive
            .contents
            .own
            .get(path)
            .is_none_or(|(_, content)| content.sha256 != hash)
        {
            return Err(archive.damaged(path, "its bytes are not those that were sealed"));
        }
        Ok(())
    }

    fn pack_files(&mut self, machine: &str, at_most: u64) -> Result<Files, SnapshotError> {
        let is_open = in_memory(self.open_pack(machine)?)?;
        let (Some(pack), true) = (self.pack(machine), is_open) else {
            return Err(damaged(machine, "its pack is missing"));
        };
        if pack.total() > at_most {
            return Err(pack.damaged(
                "manifest.json",
                "its entries together are larger than any capture",
            ));
        }
        let mut entries = Files::new();
        for (rest, (origin, _)) in &pack.contents.own {
            if *origin != Origin::Capture {
                return Err(pack.damaged(rest, "a pack holds files of the capture only"));
            }
            entries.insert(
                rest.clone(),
                in_memory(pack.entry(self.held(), rest)?)?.into(),
            );
        }
        same_files(&pack.contents.same, &mut entries);
        let uncaptured = layout::namespaces(machine, entries.keys().map(String::as_str)).is_empty();
        let path = format!("{machine}.zip");
        if self
            .opened()?
            .archive
            .contents
            .packs
            .get(&path)
            .is_none_or(|(_, said)| *said != uncaptured)
        {
            return Err(damaged(
                "manifest.json",
                &format!("`{path}` is captured, or is not"),
            ));
        }
        Ok(entries
            .into_iter()
            .map(|(rest, bytes)| (layout::logical(machine, &rest), bytes))
            .collect())
    }

    fn check_index(&self, files: &Files) -> Result<(), SnapshotError> {
        let archive = &self.opened()?.archive;
        let mut derived = Index::derive(files).encode();
        for (path, (origin, _)) in &archive.contents.own {
            if *origin != Origin::Index {
                continue;
            }
            let bytes = in_memory(archive.entry(self.held(), path)?)?;
            if derived.remove(path).as_ref() != Some(&bytes) {
                return Err(
                    archive.damaged(path, "the index is not the one that the evidence gives")
                );
            }
        }
        match derived.keys().next() {
            Some(missing) => Err(archive.damaged(missing, "the index lacks it")),
            None => Ok(()),
        }
    }
}

/// Adds the entries that are named only.
fn same_files(same: &BTreeMap<String, String>, files: &mut Files) {
    let more: Vec<_> = same
        .iter()
        .filter_map(|(path, target)| Some((path.clone(), Arc::clone(files.get(target)?))))
        .collect();
    files.extend(more);
}

/// The answer of a reader that has all bytes.
fn in_memory<T>(step: Step<T>) -> Result<T, SnapshotError> {
    match step {
        Step::Done(value) => Ok(value),
        Step::Needs(_) => Err(damaged("snapshot", "it is shorter than its directory says")),
    }
}

fn damaged(entry: &str, message: &str) -> SnapshotError {
    SnapshotError::Damaged {
        entry: entry.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
