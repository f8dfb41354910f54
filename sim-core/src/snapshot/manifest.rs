//! The manifest: what a snapshot or one of its packs holds, entry by entry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::hex;
use super::store::SnapshotError;

/// The format version that this engine writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// The manifest's name in every archive.
pub(crate) const NAME: &str = "manifest.json";
/// The signature's name in a snapshot.
pub(crate) const SIGNATURE: &str = "manifest.sig";

/// No entry is larger: what is larger is no evidence.
pub(crate) const MAX_ENTRY: u64 = 1 << 30;

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// The cluster's uid; only in a root manifest, where known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) cluster: String,
    /// As `capture.json` says it; only in a root manifest, where known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) captured_at: String,
    /// The kube lists whose parts are in the packs of the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) split_by_node: Vec<String>,
    pub(crate) entries: Vec<Line>,
}

/// Where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Origin {
    /// A file of the capture, pruned.
    Capture,
    /// Derived from the capture's files.
    Index,
    /// A machine's files in an archive of their own.
    Pack,
}

/// What the manifest says of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) path: String,
    pub(crate) origin: Origin,
    /// Plain bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    /// SHA-256 of the plain bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
    /// Bytes in the archive, where they are deflated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stored_size: Option<u64>,
    /// SHA-256 of the bytes in the archive, where they are deflated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stored_sha256: Option<String>,
    /// The entry with the same content, which is stored once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) same_as: Option<String>,
    /// SHA-256 of a pack's own manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) manifest: Option<String>,
    /// A pack with files of no network namespace: the machine was not captured, only kube objects of it were.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) uncaptured: bool,
}

/// The content of an entry that is in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    /// Size and hash of the deflated form, where it is deflated.
    pub(crate) stored: Option<(u64, [u8; 32])>,
}

/// A validated manifest: every line by its path.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Entries that are in the archive.
    pub(crate) own: BTreeMap<String, (Origin, Content)>,
    /// Entries that are named only, with the entry that has their content.
    pub(crate) same: BTreeMap<String, String>,
    /// The packs: the hash of their manifest, and whether they are of machines that were not captured.
    pub(crate) packs: BTreeMap<String, ([u8; 32], bool)>,
}

impl Origin {
    pub(crate) fn is_capture(self) -> bool {
        matches!(self, Self::Capture)
    }
}

impl Manifest {
    /// The manifest's only form: one line for each entry.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let head = Self {
            entries: Vec::new(),
            ..self.clone()
        };
        let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
        bytes.truncate(bytes.len().saturating_sub(2));
        for (line_idx, line) in self.entries.iter().enumerate() {
            bytes.extend_from_slice(if line_idx == 0 { b"\n" } else { b",\n" });
            bytes.extend(serde_json::to_vec(line).unwrap_or_default());
        }
        bytes.extend_from_slice(b"\n]}\n");
        bytes
    }

    /// Reads a manifest, which must be written as [`Manifest::encode`] writes it.
    pub(crate) fn parse(bytes: &[u8], entry: &str) -> Result<Self, SnapshotError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let damaged = |message: String| SnapshotError::Damaged {
            entry: entry.to_owned(),
            message,
        };
        let Version { format } = serde_json::from_slice(bytes)
            .map_err(|error| damaged(format!("it is no manifest: {error}")))?;
        if format > FORMAT {
            return Err(SnapshotError::Newer {
                version: format,
                supported: FORMAT,
            });
        }
        if format != FORMAT {
            return Err(damaged(format!("`{format}` is no format version")));
        }
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| damaged(format!("it is no manifest of format {format}: {error}")))?;
        if manifest.encode() != bytes {
            return Err(damaged(
                "it is not written in the canonical form".to_owned(),
            ));
        }
        Ok(manifest)
    }

    /// Checks the lines, each alone and against each other.
    pub(crate) fn contents(&self) -> Result<Contents, String> {
        let mut contents = Contents::default();
        let mut last = "";
        for line in &self.entries {
            if !last.is_empty() && last >= line.path.as_str() {
                return Err(format!("`{}` is doubled or out of order", line.path));
            }
            last = &line.path;
            contents
                .add(line)
                .ok_or_else(|| format!("the line of `{}` is malformed", line.path))?;
        }
        Ok(contents)
    }
}

impl Contents {
    fn add(&mut self, line: &Line) -> Option<()> {
        let Line {
            path,
            origin,
            size,
            sha256,
            stored_size,
            stored_sha256,
            same_as,
            manifest,
            uncaptured,
        } = line;
        if super::path::complaint(path).is_some() || path == NAME || path == SIGNATURE {
            return None;
        }
        let hash = |text: &Option<String>| hex::decode_sha256(text.as_deref()?);
        if let Some(target) = same_as {
            let bare = [
                size.is_none(),
                sha256.is_none(),
                stored_size.is_none(),
                stored_sha256.is_none(),
            ];
            let bare = bare.iter().all(|bare| *bare) && manifest.is_none() && !uncaptured;
            let known = self
                .own
                .get(target)
                .is_some_and(|(of, _)| of == origin && *of == Origin::Capture);
            self.same.insert(path.clone(), target.clone());
            return (bare && known).then_some(());
        }
        let stored = match (stored_size, stored_sha256) {
            (None, None) => None,
            (Some(stored_size), Some(_)) => Some((*stored_size, hash(stored_sha256)?)),
            (Some(_), None) | (None, Some(_)) => return None,
        };
        let content = Content {
            size: *size.as_ref()?,
            sha256: hash(sha256)?,
            stored,
        };
        let is_pack = *origin == Origin::Pack;
        let limit = if is_pack {
            u64::from(u32::MAX)
        } else {
            MAX_ENTRY
        };
        if content.size > limit || is_pack != manifest.is_some() || (*uncaptured && !is_pack) {
            return None;
        }
        if is_pack {
            self.packs
                .insert(path.clone(), (hash(manifest)?, *uncaptured));
        }
        self.own.insert(path.clone(), (*origin, content));
        Some(())
    }
}
