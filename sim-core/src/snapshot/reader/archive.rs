//! One canonical archive inside the snapshot: the snapshot itself, or a pack.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::held::Held;
use crate::snapshot::codec;
use crate::snapshot::manifest::{Contents, MAX_ENTRY, NAME, SIGNATURE};
use crate::snapshot::store::{ByteRange, SnapshotError, Step};
use crate::snapshot::zip::{End, Header, MAX_END, Method};

/// An archive whose directory is read and checked.
#[derive(Debug)]
pub(crate) struct Archive {
    /// How errors name it: empty for the snapshot, else the pack's path with a stop.
    label: String,
    start: u64,
    directory_start: u64,
    headers: BTreeMap<String, Header>,
    pub(crate) contents: Contents,
}

/// The first guess of where an archive's directory begins: this many bytes before its end.
const TAIL: u64 = 64 << 10;

/// Answers with `Needs` where bytes are missing.
macro_rules! held {
    ($get:expr) => {
        match $get {
            Ok(bytes) => bytes,
            Err(missing) => return Ok(Step::Needs(missing)),
        }
    };
}
pub(crate) use held;

/// The last bytes of the archive in `range`, enough for most directories.
pub(crate) fn tail(range: ByteRange) -> ByteRange {
    ByteRange {
        start: range.start.max(range.end.saturating_sub(TAIL)),
        end: range.end,
    }
}

impl Archive {
    /// Reads the directory of the archive in `range`; its entries are not known to be what a manifest says yet.
    pub(crate) fn open(
        held: &Held,
        range: ByteRange,
        label: &str,
    ) -> Result<Step<Self>, SnapshotError> {
        let damaged = |message: String| SnapshotError::Damaged {
            entry: format!("{label}central directory"),
            message,
        };
        let len = range.end - range.start;
        let last = ByteRange {
            start: range.start.max(range.end.saturating_sub(MAX_END)),
            end: range.end,
        };
        // Asked for in one go, used piece by piece.
        let end = held.get(last).map_err(|_| held.missing(&[tail(range)]));
        let end = End::parse(&held!(end), len)
            .ok_or_else(|| damaged("this is no snapshot, or its end is missing".to_owned()))?;
        let directory = ByteRange {
            start: range.start + end.directory_offset,
            end: range.start + end.directory_offset + end.directory_size,
        };
        let headers = end
            .directory(&held!(held.get(directory)))
            .map_err(damaged)?;
        let headers = headers
            .into_iter()
            .map(|header| (header.name.clone(), header))
            .collect();
        Ok(Step::Done(Self {
            label: label.to_owned(),
            start: range.start,
            directory_start: directory.start,
            headers,
            contents: Contents::default(),
        }))
    }

    /// The bytes of the entry `name` with its local header.
    pub(crate) fn range(&self, name: &str) -> Option<ByteRange> {
        let header = self.headers.get(name)?;
        let start = self.start + header.offset;
        Some(ByteRange {
            start,
            end: start + header.span(),
        })
    }

    /// The data of the stored entry `name`, without its local header, which is checked.
    pub(crate) fn data(&self, held: &Held, name: &str) -> Result<Step<ByteRange>, SnapshotError> {
        let (Some(header), Some(range)) = (self.headers.get(name), self.range(name)) else {
            return Err(self.damaged(name, "the entry is missing"));
        };
        let data = ByteRange {
            start: range.start + header.local_len(),
            end: range.end,
        };
        let local = held!(held.get(ByteRange {
            start: range.start,
            end: data.start
        }));
        if *local != header.local() {
            return Err(self.damaged(name, "its header is not what the directory says"));
        }
        Ok(Step::Done(data))
    }

    /// The plain bytes of the entry `name` by its headers alone: for the manifest and its signature.
    pub(crate) fn unlisted(&self, held: &Held, name: &str) -> Result<Step<Vec<u8>>, SnapshotError> {
        self.plain(held, name, None)
    }

    /// The plain bytes of the entry `name` as the manifest has it.
    pub(crate) fn entry(&self, held: &Held, name: &str) -> Result<Step<Vec<u8>>, SnapshotError> {
        let Some((_, content)) = self.contents.own.get(name) else {
            return Err(self.damaged(name, "no manifest names it"));
        };
        let stored_sha256 = content.stored.as_ref().map(|(_, hash)| hash);
        self.plain(held, name, Some((&content.sha256, stored_sha256)))
    }

    fn plain(
        &self,
        held: &Held,
        name: &str,
        hashes: Option<(&[u8; 32], Option<&[u8; 32]>)>,
    ) -> Result<Step<Vec<u8>>, SnapshotError> {
        let Some(header) = self.headers.get(name) else {
            return Err(self.damaged(name, "the entry is missing"));
        };
        if u64::from(header.size) > MAX_ENTRY {
            return Err(self.damaged(name, "it is larger than any entry may be"));
        }
        let range = self.range(name).unwrap_or(ByteRange { start: 0, end: 0 });
        held!(held.get(range));
        let data = match self.data(held, name)? {
            Step::Done(data) => data,
            Step::Needs(missing) => return Ok(Step::Needs(missing)),
        };
        let stored = held!(held.get(data));
        let is = |bytes: &[u8], hash: &[u8; 32]| <[u8; 32]>::from(Sha256::digest(bytes)) == *hash;
        // The stored bytes first: what was not sealed is not inflated.
        if let Some((_, Some(stored_sha256))) = hashes
            && !is(&stored, stored_sha256)
        {
            return Err(self.damaged(name, "its bytes are not those that were sealed"));
        }
        let plain = match header.method {
            Method::Stored => stored.into_owned(),
            Method::Deflated => codec::inflate(&stored, header.size.into()).ok_or_else(|| {
                self.damaged(name, "it does not inflate to the size that it names")
            })?,
        };
        if crc32fast::hash(&plain) != header.crc
            || hashes.is_some_and(|(sha256, _)| !is(&plain, sha256))
        {
            return Err(self.damaged(name, "its bytes are not those that were sealed"));
        }
        Ok(Step::Done(plain))
    }

    /// Takes the manifest's contents, which must be exactly the entries that the directory has.
    pub(crate) fn admit(&mut self, contents: Contents) -> Result<(), SnapshotError> {
        for (name, (_, content)) in &contents.own {
            let Some(header) = self.headers.get(name) else {
                return Err(
                    self.damaged(name, "the manifest names it, the archive does not have it")
                );
            };
            let (method, stored_size) = match &content.stored {
                Some((stored_size, _)) => (Method::Deflated, *stored_size),
                None => (Method::Stored, content.size),
            };
            if header.method != method
                || u64::from(header.size) != content.size
                || u64::from(header.stored_size) != stored_size
            {
                return Err(self.damaged(name, "its header is not what the manifest says"));
            }
        }
        let is_known =
            |name: &str| name == NAME || name == SIGNATURE || contents.own.contains_key(name);
        if let Some(stray) = self.headers.keys().find(|name| !is_known(name)) {
            return Err(self.damaged(stray, "no manifest names it"));
        }
        self.contents = contents;
        Ok(())
    }

    /// Where the entries end.
    pub(crate) fn directory_start(&self) -> u64 {
        self.directory_start
    }

    /// The plain bytes of all entries together.
    pub(crate) fn total(&self) -> u64 {
        self.headers
            .values()
            .map(|header| u64::from(header.size))
            .fold(0, u64::saturating_add)
    }

    /// Whether the archive has an entry `name`, whatever a manifest says.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// Every path that the manifest names, with whether it is empty.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&str, bool)> {
        let is_empty = |name: &str| {
            self.contents
                .own
                .get(name)
                .is_some_and(|(_, content)| content.size == 0)
        };
        let own = self
            .contents
            .own
            .keys()
            .map(String::as_str)
            .map(move |name| (name, is_empty(name)));
        let same = self
            .contents
            .same
            .iter()
            .map(move |(name, target)| (name.as_str(), is_empty(target)));
        own.chain(same)
    }

    /// The entry that holds the content of `name`.
    pub(crate) fn holder<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        match self.contents.same.get(name) {
            Some(target) => Some(target),
            None => self.contents.own.contains_key(name).then_some(name),
        }
    }

    /// The entry `name` and those after it in the same folder, as long as they are few bytes: who reads one file of a
    /// namespace reads the others next.
    pub(crate) fn neighbourhood(&self, name: &str, at_most: u64) -> Vec<ByteRange> {
        let folder = name
            .rfind('/')
            .and_then(|end| name.get(..=end))
            .unwrap_or_default();
        let mut total = 0;
        let around = self
            .headers
            .range(folder.to_owned()..)
            .map(|(name, _)| name);
        let around = around.take_while(|other| other.starts_with(folder) && !folder.is_empty());
        let around = std::iter::once(name).chain(around.map(String::as_str));
        let ranges = around.filter_map(|name| self.range(name));
        ranges
            .enumerate()
            .take_while(|(range_idx, range)| {
                total += range.end - range.start;
                *range_idx == 0 || total <= at_most
            })
            .map(|(_, range)| range)
            .collect()
    }

    pub(crate) fn damaged(&self, name: &str, message: &str) -> SnapshotError {
        SnapshotError::Damaged {
            entry: format!("{}{name}", self.label),
            message: message.to_owned(),
        }
    }
}
