//! Writing one canonical archive: entries sorted by name, equal contents once, the manifest among them.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::codec::Deflater;
use super::hex;
use super::manifest::{FORMAT, Line, MAX_ENTRY, Manifest, NAME, Origin};
use super::seal::SealError;
use super::zip::{End, Header, Method};

/// An archive that is being written.
pub(crate) struct Archive {
    entries: BTreeMap<String, Entry>,
    /// The path of the first entry with some content, by the content's hash.
    lines: BTreeMap<String, Line>,
}

struct Entry {
    method: Method,
    crc: u32,
    size: usize,
    stored: Vec<u8>,
}

/// A written pack.
pub(crate) struct Pack {
    pub(crate) bytes: Vec<u8>,
    pub(crate) manifest_sha256: String,
}

impl Archive {
    pub(crate) fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            lines: BTreeMap::new(),
        }
    }

    /// Adds files of the capture; of those with the same content, the first in order holds it for all.
    pub(crate) fn add_files(
        &mut self,
        files: &BTreeMap<String, Arc<[u8]>>,
        deflater: &mut Deflater,
    ) -> Result<(), SealError> {
        let mut holders: BTreeMap<[u8; 32], &str> = BTreeMap::new();
        for (path, bytes) in files {
            let hash: [u8; 32] = Sha256::digest(bytes).into();
            if let Some(holder) = holders.get(&hash) {
                let line = Line {
                    same_as: Some((*holder).to_owned()),
                    ..blank(path, Origin::Capture)
                };
                self.lines.insert(path.clone(), line);
            } else {
                holders.insert(hash, path);
                self.add(path, Origin::Capture, bytes, hash, deflater)?;
            }
        }
        Ok(())
    }

    /// Adds one derived entry.
    pub(crate) fn add_derived(
        &mut self,
        path: &str,
        bytes: &[u8],
        deflater: &mut Deflater,
    ) -> Result<(), SealError> {
        self.add(
            path,
            Origin::Index,
            bytes,
            Sha256::digest(bytes).into(),
            deflater,
        )
    }

    fn add(
        &mut self,
        path: &str,
        origin: Origin,
        bytes: &[u8],
        hash: [u8; 32],
        deflater: &mut Deflater,
    ) -> Result<(), SealError> {
        if bytes.len() as u64 > MAX_ENTRY {
            return Err(SealError::TooLarge {
                path: path.to_owned(),
                size: bytes.len() as u64,
            });
        }
        let deflated = deflater.deflate(bytes);
        self.lines.insert(
            path.to_owned(),
            Line {
                size: Some(bytes.len() as u64),
                sha256: Some(hex::encode(&hash)),
                stored_size: deflated.as_ref().map(|stored| stored.len() as u64),
                stored_sha256: deflated
                    .as_ref()
                    .map(|stored| hex::encode(&Sha256::digest(stored))),
                ..blank(path, origin)
            },
        );
        let entry = match deflated {
            Some(stored) => Entry {
                method: Method::Deflated,
                crc: crc32fast::hash(bytes),
                size: bytes.len(),
                stored,
            },
            None => stored_entry(bytes.to_vec()),
        };
        self.entries.insert(path.to_owned(), entry);
        Ok(())
    }

    /// Adds a machine's pack.
    pub(crate) fn add_pack(
        &mut self,
        path: &str,
        pack: Pack,
        uncaptured: bool,
    ) -> Result<(), SealError> {
        if pack.bytes.len() as u64 >= u64::from(u32::MAX) {
            return Err(SealError::TooLarge {
                path: path.to_owned(),
                size: pack.bytes.len() as u64,
            });
        }
        self.lines.insert(
            path.to_owned(),
            Line {
                size: Some(pack.bytes.len() as u64),
                sha256: Some(hex::encode(&Sha256::digest(&pack.bytes))),
                manifest: Some(pack.manifest_sha256),
                uncaptured,
                ..blank(path, Origin::Pack)
            },
        );
        self.entries
            .insert(path.to_owned(), stored_entry(pack.bytes));
        Ok(())
    }

    /// The manifest of what was added.
    pub(crate) fn manifest(&mut self) -> Manifest {
        let entries = std::mem::take(&mut self.lines).into_values().collect();
        let empty = String::new;
        Manifest {
            format: FORMAT,
            cluster: empty(),
            captured_at: empty(),
            split_by_node: Vec::new(),
            entries,
        }
    }

    /// Adds an entry that no manifest names: the manifest itself and its signature.
    pub(crate) fn add_unlisted(&mut self, name: &str, bytes: Vec<u8>) {
        self.entries.insert(name.to_owned(), stored_entry(bytes));
    }

    /// Writes a pack with its manifest, deflated: the root's hashes of it leave no freedom.
    pub(crate) fn into_pack(mut self, deflater: &mut Deflater) -> Pack {
        let manifest = self.manifest().encode();
        let manifest_sha256 = hex::encode(&Sha256::digest(&manifest));
        let entry = match deflater.deflate(&manifest) {
            Some(stored) => Entry {
                method: Method::Deflated,
                crc: crc32fast::hash(&manifest),
                size: manifest.len(),
                stored,
            },
            None => stored_entry(manifest),
        };
        self.entries.insert(NAME.to_owned(), entry);
        Pack {
            bytes: self.into_bytes(),
            manifest_sha256,
        }
    }

    /// Writes the archive.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        let n_entries = self.entries.len() as u64;
        for (
            name,
            Entry {
                method,
                crc,
                size,
                stored,
            },
        ) in self.entries
        {
            let [stored_size, size] =
                [stored.len(), size].map(|size| u32::try_from(size).unwrap_or(u32::MAX));
            let header = Header {
                name,
                method,
                crc,
                stored_size,
                size,
                offset: bytes.len() as u64,
            };
            bytes.extend(header.local());
            bytes.extend(stored);
            directory.extend(header.central());
        }
        let (directory_size, directory_offset) = (directory.len() as u64, bytes.len() as u64);
        bytes.extend(directory);
        bytes.extend(
            End {
                n_entries,
                directory_size,
                directory_offset,
            }
            .encode(),
        );
        bytes
    }
}

fn stored_entry(bytes: Vec<u8>) -> Entry {
    Entry {
        method: Method::Stored,
        crc: crc32fast::hash(&bytes),
        size: bytes.len(),
        stored: bytes,
    }
}

fn blank(path: &str, origin: Origin) -> Line {
    Line {
        path: path.to_owned(),
        origin,
        size: None,
        sha256: None,
        stored_size: None,
        stored_sha256: None,
        same_as: None,
        manifest: None,
        uncaptured: false,
    }
}
