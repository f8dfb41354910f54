//! A sealed snapshot, read in part: it asks for byte ranges and never does I/O itself.

mod archive;
mod held;
mod lookup;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use self::archive::{Archive, held, tail};
use self::held::Held;
use self::lookup::Shard;
use super::manifest::{Manifest, NAME, SIGNATURE};
use super::states::States;
use super::store::{ByteRange, Seal, SnapshotError, Step};
use super::trust::Trust;
use super::{encryption, hex, layout, path, signature};

/// Packs up to this size are fetched whole.
const WHOLE_PACK: u64 = 128 << 10;
/// Of larger packs, this much of a namespace's folder is fetched at once.
const NEIGHBOURHOOD: u64 = 64 << 10;
/// The most bytes that tell whether a file is encrypted.
const MAGIC: u64 = 64;

/// Gives the answer of a step, or passes on what it needs.
macro_rules! done {
    ($step:expr) => {
        match $step? {
            Step::Done(value) => value,
            Step::Needs(ranges) => return Ok(Step::Needs(ranges)),
        }
    };
}
pub(crate) use done;

/// An opened snapshot. The host supplies the byte ranges that a [`Step::Needs`] names and asks again.
pub struct Reader {
    len: u64,
    trust: Trust,
    held: Held,
    root: Option<Root>,
    packs: BTreeMap<String, Archive>,
    /// Plain entries by their path in the capture, with their hash.
    plain: BTreeMap<String, (Arc<[u8]>, String)>,
    shards: BTreeMap<String, Shard>,
    states: BTreeMap<String, States>,
    read: BTreeSet<String>,
}

/// What is known once the snapshot is opened.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) archive: Archive,
    manifest: Manifest,
    manifest_sha256: String,
    seal: Seal,
}

/// Where a file of the capture is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// At the root.
    Root(String),
    /// In the pack of a machine, under a path below it.
    Pack { machine: String, rest: String },
}

impl Reader {
    /// A reader of a snapshot of `len` bytes, nothing read yet.
    #[must_use]
    pub fn new(len: u64, trust: Trust) -> Self {
        Self::of(len, trust, Held::Pieces(BTreeMap::new()))
    }

    /// A reader of a snapshot that is in memory: it never needs anything.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>, trust: Trust) -> Self {
        let bytes = bytes.into();
        Self::of(bytes.len() as u64, trust, Held::Whole(bytes))
    }

    fn of(len: u64, trust: Trust, held: Held) -> Self {
        Self {
            len,
            trust,
            held,
            root: None,
            packs: BTreeMap::new(),
            plain: BTreeMap::new(),
            shards: BTreeMap::new(),
            states: BTreeMap::new(),
            read: BTreeSet::new(),
        }
    }

    /// Supplies the bytes of `range`, asked for or not, in any order.
    ///
    /// # Errors
    /// When the number of bytes is not that of the range, or the range is not in the snapshot.
    pub fn supply(&mut self, range: ByteRange, bytes: &[u8]) -> Result<(), SnapshotError> {
        if range.start > range.end
            || range.end > self.len
            || range.end - range.start != bytes.len() as u64
        {
            return Err(SnapshotError::Damaged {
                entry: format!("bytes {}..{}", range.start, range.end),
                message: format!("got {} bytes, of a snapshot of {}", bytes.len(), self.len),
            });
        }
        self.held.supply(range, bytes);
        Ok(())
    }

    /// Opens the snapshot: directory, manifest and signature are read and checked. Every other method does so first.
    ///
    /// # Errors
    /// When the bytes are no snapshot, were changed, are encrypted or of a newer format.
    pub fn open(&mut self) -> Result<Step<()>, SnapshotError> {
        if self.root.is_some() {
            return Ok(Step::Done(()));
        }
        let all = ByteRange {
            start: 0,
            end: self.len,
        };
        let magic = ByteRange {
            start: 0,
            end: self.len.min(MAGIC),
        };
        let first = self
            .held
            .get(magic)
            .map_err(|_| self.held.missing(&[magic, tail(all)]));
        if encryption::is_encrypted(&held!(first)) {
            return Err(SnapshotError::Encrypted {
                message: "give an identity or a passphrase".to_owned(),
            });
        }
        let mut archive = done!(Archive::open(&self.held, all, ""));
        let wanted: Vec<ByteRange> = [NAME, SIGNATURE]
            .iter()
            .filter_map(|name| archive.range(name))
            .collect();
        let missing = self.held.missing(&wanted);
        if !missing.is_empty() {
            return Ok(Step::Needs(missing));
        }
        let bytes = done!(archive.unlisted(&self.held, NAME));
        let manifest = Manifest::parse(&bytes, NAME)?;
        let contents = manifest
            .contents()
            .map_err(|message| archive.damaged(NAME, &message))?;
        archive.admit(contents)?;
        let seal = if archive.has(SIGNATURE) {
            let signed = done!(archive.unlisted(&self.held, SIGNATURE));
            let key = signature::check(&bytes, &signed).ok_or_else(|| {
                archive.damaged(SIGNATURE, "it is not the signature of this manifest")
            })?;
            self.trust.seal_of(&key)
        } else {
            Seal::Unsigned
        };
        let manifest_sha256 = hex::encode(&Sha256::digest(&bytes));
        wanted
            .into_iter()
            .chain([magic, tail(all)])
            .for_each(|range| self.held.release(range));
        self.held.release(ByteRange {
            start: archive.directory_start(),
            end: self.len,
        });
        self.root = Some(Root {
            archive,
            manifest,
            manifest_sha256,
            seal,
        });
        Ok(Step::Done(()))
    }

    /// The cluster's uid and the time of the capture, as the manifest has them; empty where unknown.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn identity(&mut self) -> Result<Step<(String, String)>, SnapshotError> {
        done!(self.open());
        let manifest = &self.opened()?.manifest;
        Ok(Step::Done((
            manifest.cluster.clone(),
            manifest.captured_at.clone(),
        )))
    }

    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    pub(super) fn pack(&self, machine: &str) -> Option<&Archive> {
        self.packs.get(machine)
    }

    pub(super) fn opened(&self) -> Result<&Root, SnapshotError> {
        self.root.as_ref().ok_or_else(|| SnapshotError::Damaged {
            entry: "snapshot".to_owned(),
            message: "it is not open".to_owned(),
        })
    }

    /// Opens the pack of `machine`, if there is one.
    pub(super) fn open_pack(&mut self, machine: &str) -> Result<Step<bool>, SnapshotError> {
        if self.packs.contains_key(machine) {
            return Ok(Step::Done(true));
        }
        done!(self.open());
        let root = self.opened()?;
        let path = format!("{machine}.zip");
        let (Some((manifest_sha256, _)), Some(range)) = (
            root.archive.contents.packs.get(&path),
            root.archive.range(&path),
        ) else {
            return Ok(Step::Done(false));
        };
        if range.end - range.start <= WHOLE_PACK {
            held!(self.held.get(range));
        }
        let data = match root.archive.data(&self.held, &path)? {
            Step::Done(data) => data,
            Step::Needs(mut local) => {
                local.push(tail(range));
                return Ok(Step::Needs(self.held.missing(&local)));
            }
        };
        let mut pack = done!(Archive::open(&self.held, data, &format!("{path}/")));
        let bytes = done!(pack.unlisted(&self.held, NAME));
        if <[u8; 32]>::from(Sha256::digest(&bytes)) != *manifest_sha256 {
            return Err(pack.damaged(NAME, "it is not the manifest that the root names"));
        }
        let manifest = Manifest::parse(&bytes, &format!("{path}/{NAME}"))?;
        let contents = manifest
            .contents()
            .map_err(|message| pack.damaged(NAME, &message))?;
        pack.admit(contents)?;
        let parsed = [
            Some(ByteRange {
                start: range.start,
                end: data.start,
            }),
            pack.range(NAME),
            Some(ByteRange {
                start: pack.directory_start(),
                end: data.end,
            }),
        ];
        parsed
            .into_iter()
            .flatten()
            .for_each(|range| self.held.release(range));
        self.packs.insert(machine.to_owned(), pack);
        Ok(Step::Done(true))
    }

    /// Where the file `path` of the capture is, whether the archive has it or not.
    fn place(&self, path: &str) -> Result<Place, SnapshotError> {
        let root = self.opened()?;
        if let Some(file) = path::machine_file(path) {
            return Ok(Place::Pack {
                machine: file.machine.to_owned(),
                rest: file.rest.to_owned(),
            });
        }
        if let Some((resource, part)) = path::list_part(path)
            && root
                .manifest
                .split_by_node
                .iter()
                .any(|split| split == resource)
            && root
                .archive
                .contents
                .packs
                .contains_key(&format!("nodes/{part}.zip"))
        {
            return Ok(Place::Pack {
                machine: format!("nodes/{part}"),
                rest: format!("kube/{resource}.json"),
            });
        }
        Ok(Place::Root(path.to_owned()))
    }

    /// The plain bytes of the file `path` of the capture, not counted as read.
    fn file(&mut self, path: &str) -> Result<Step<Option<Arc<[u8]>>>, SnapshotError> {
        if let Some((bytes, _)) = self.plain.get(path) {
            return Ok(Step::Done(Some(Arc::clone(bytes))));
        }
        done!(self.open());
        let place = self.place(path)?;
        if let Place::Pack { machine, .. } = &place
            && !done!(self.open_pack(machine))
        {
            return Ok(Step::Done(None));
        }
        let (archive, name) = match &place {
            Place::Root(name) => (&self.opened()?.archive, name.as_str()),
            Place::Pack { machine, rest } => match self.packs.get(machine) {
                // The parts of kube lists are in the pack, but not at this path of the capture.
                Some(pack) if layout::logical(machine, rest) == path => (pack, rest.as_str()),
                Some(_) | None => return Ok(Step::Done(None)),
            },
        };
        let Some(holder) = archive.holder(name) else {
            return Ok(Step::Done(None));
        };
        if archive
            .contents
            .own
            .get(holder)
            .is_some_and(|(origin, _)| !origin.is_capture())
        {
            return Ok(Step::Done(None));
        }
        if let Some(range) = archive.range(holder)
            && !self.held.missing(&[range]).is_empty()
        {
            let around = match &place {
                Place::Root(_) => vec![range],
                Place::Pack { .. } => archive.neighbourhood(holder, NEIGHBOURHOOD),
            };
            return Ok(Step::Needs(self.held.missing(&around)));
        }
        let bytes: Arc<[u8]> = done!(archive.entry(&self.held, holder)).into();
        let sha256 = hex::encode(&Sha256::digest(&bytes));
        self.keep(&place, path, bytes.clone(), sha256)?;
        Ok(Step::Done(Some(bytes)))
    }

    /// Keeps parsed bytes for `path` and every entry with the same content, and forgets the raw ones.
    fn keep(
        &mut self,
        place: &Place,
        path: &str,
        bytes: Arc<[u8]>,
        sha256: String,
    ) -> Result<(), SnapshotError> {
        let (archive, machine, name) = match place {
            Place::Root(name) => (&self.opened()?.archive, None, name),
            Place::Pack { machine, rest } => match self.packs.get(machine) {
                Some(pack) => (pack, Some(machine), rest),
                None => return Ok(()),
            },
        };
        let holder = archive.holder(name).unwrap_or(name);
        let same = archive
            .contents
            .same
            .iter()
            .filter(|(_, target)| *target == holder)
            .map(|(name, _)| name.as_str());
        let logical = |name: &str| {
            machine.map_or_else(|| name.to_owned(), |machine| layout::logical(machine, name))
        };
        let paths: Vec<String> = same.chain([holder]).map(logical).collect();
        let range = archive.range(holder);
        for path in paths {
            self.plain
                .insert(path, (Arc::clone(&bytes), sha256.clone()));
        }
        self.plain.insert(path.to_owned(), (bytes, sha256));
        if let Some(range) = range {
            self.held.release(range);
        }
        Ok(())
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("len", &self.len)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}
