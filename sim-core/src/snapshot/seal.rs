//! Sealing: a capture becomes one canonical, optionally signed file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::codec::Deflater;
use super::index::{Files, Index};
use super::manifest::{NAME, SIGNATURE};
use super::pack::Archive;
use super::prune::{Pruned, prune};
use super::signature;
use super::{hex, layout, path};

/// How a capture is sealed. Two captures sealed with the same options and content have the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealOptions {
    /// A kube list of more bytes than this (pruned) is split: pods and nodes by node, the rest by namespace.
    pub split_above: usize,
}

impl Default for SealOptions {
    fn default() -> Self {
        Self {
            split_above: 1 << 20,
        }
    }
}

/// A sealed snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The snapshot file.
    pub bytes: Vec<u8>,
    /// SHA-256 (hex) of its manifest: the same signed or not.
    pub manifest_sha256: String,
    /// Files of the capture that are not in the snapshot at all, and why.
    pub dropped: Vec<Dropped>,
}

/// A file that sealing left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dropped {
    /// Its path in the capture.
    pub path: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// Why a capture cannot be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A path that could harm who extracts it.
    #[error("`{path}`: {complaint}: rename the file")]
    Path {
        /// The path in the capture.
        path: String,
        /// What is wrong with it.
        complaint: &'static str,
    },
    /// An entry that no snapshot can hold.
    #[error(
        "`{path}` has {size} bytes, a snapshot holds files up to 1 GiB and machines up to 4 GiB: leave it out"
    )]
    TooLarge {
        /// The path in the capture.
        path: String,
        /// Its bytes.
        size: u64,
    },
    /// A name that the snapshot itself uses.
    #[error(
        "`{path}` is part of a snapshot: extract snapshots with `pathglass open`, not with an unzip tool"
    )]
    Reserved {
        /// The path in the capture.
        path: String,
    },
}

/// Seals `capture`: prunes it, packs it and signs it. Pure: the same input gives the same bytes everywhere.
///
/// # Errors
/// When a path of the capture is unsafe or reserved, or a file is too large.
pub fn seal(
    capture: &BTreeMap<String, Arc<[u8]>>,
    signer: Option<&SigningKey>,
    options: &SealOptions,
) -> Result<Sealed, SealError> {
    check_paths(capture)?;
    let mut dropped = Vec::new();
    let files = layout::arrange(
        pruned(capture, &mut dropped),
        options.split_above,
        &mut dropped,
    );
    let index = index(&files);
    let layout::Arranged {
        mut root,
        machines,
        split_by_node,
    } = files;
    let mut deflater = Deflater::new();
    let mut archive = Archive::new();
    let identity = identity(&root);
    archive.add_files(&root, &mut deflater)?;
    root.clear();
    for (path, bytes) in index.encode() {
        archive.add_derived(&path, &bytes, &mut deflater)?;
    }
    for (machine, files) in machines {
        let mut pack = Archive::new();
        pack.add_files(&files, &mut deflater)?;
        let uncaptured = layout::namespaces(&machine, files.keys().map(String::as_str)).is_empty();
        archive.add_pack(
            &format!("{machine}.zip"),
            pack.into_pack(&mut deflater),
            uncaptured,
        )?;
    }
    let mut manifest = archive.manifest();
    (manifest.cluster, manifest.captured_at) = identity;
    manifest.split_by_node = split_by_node;
    let manifest = manifest.encode();
    let manifest_sha256 = hex::encode(&Sha256::digest(&manifest));
    if let Some(signer) = signer {
        let key = signer.verifying_key();
        let signature = signer.sign(&signature::message(&manifest));
        archive.add_unlisted(SIGNATURE, signature::encode(&key, &signature));
    }
    // Not deflated, so that the signature leaves no freedom in its bytes.
    archive.add_unlisted(NAME, manifest);
    dropped.sort();
    Ok(Sealed {
        bytes: archive.into_bytes(),
        manifest_sha256,
        dropped,
    })
}

fn check_paths(capture: &Files) -> Result<(), SealError> {
    for path in capture.keys() {
        if let Some(complaint) = path::complaint(path) {
            return Err(SealError::Path {
                path: path.escape_debug().to_string(),
                complaint,
            });
        }
        if layout::is_reserved(path) {
            return Err(SealError::Reserved { path: path.clone() });
        }
    }
    Ok(())
}

/// The capture as it may leave the cluster.
fn pruned(capture: &Files, dropped: &mut Vec<Dropped>) -> Files {
    let mut files = Files::new();
    for (path, bytes) in capture {
        match prune(path, bytes) {
            Pruned::Kept(Cow::Borrowed(_)) => {
                files.insert(path.clone(), Arc::clone(bytes));
            }
            Pruned::Kept(Cow::Owned(kept)) => {
                files.insert(path.clone(), kept.into());
            }
            Pruned::Dropped(reason) => dropped.push(Dropped {
                path: path.clone(),
                reason: reason.to_owned(),
            }),
        }
    }
    files
}

/// The index of what will be in the archive, under the paths that it will have there.
fn index(files: &layout::Arranged) -> Index {
    let mut index = Index::default();
    for (path, bytes) in &files.root {
        index.add_file(path, bytes);
    }
    for (machine, files) in &files.machines {
        for (rest, bytes) in files {
            index.add_file(&layout::logical(machine, rest), bytes);
        }
    }
    index.finish();
    index
}

/// The cluster's uid and the time of the capture, as its own files say them.
pub(super) fn identity(root: &Files) -> (String, String) {
    let parse = |path: &str| serde_json::from_slice::<Value>(root.get(path)?).ok();
    let is_kube_system = |item: &&Value| {
        item.pointer("/metadata/name").and_then(Value::as_str) == Some("kube-system")
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let cluster = parse("kube/namespaces.json").and_then(|list| {
        let namespace = list.get("items")?.as_array()?.iter().find(is_kube_system)?;
        text(namespace.pointer("/metadata/uid")?)
    });
    let captured_at = parse("capture.json").and_then(|capture| text(capture.get("captured_at")?));
    (cluster.unwrap_or_default(), captured_at.unwrap_or_default())
}
