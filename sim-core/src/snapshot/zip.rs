//! The canonical ZIP form: one way to write each header, so that a changed one shows.
//!
//! The `zip` crate reads whole archives through `Read + Seek` and leaves room in what it writes and accepts. Here the
//! headers that are read must equal, to the byte, those that would be written, from ranges that arrive in any order;
//! so both directions share this encoder. The tests hold it to the `zip` crate's reading.

use super::path;

/// How an entry's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Stored,
    Deflated,
}

/// What the headers say of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) method: Method,
    /// CRC-32 of the plain bytes.
    pub(crate) crc: u32,
    /// Bytes in the archive.
    pub(crate) stored_size: u32,
    /// Plain bytes.
    pub(crate) size: u32,
    /// Where its local header begins, from the archive's begin.
    pub(crate) offset: u64,
}

/// Where the central directory stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) n_entries: u64,
    pub(crate) directory_size: u64,
    pub(crate) directory_offset: u64,
}

/// Bytes of the longest end: ZIP64 record, locator, end record.
pub(crate) const MAX_END: u64 = 98;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
/// Names are UTF-8 (APPNOTE 4.4.4, bit 11).
const FLAGS: u16 = 1 << 11;
/// 1980-01-01, the first date that DOS knows.
const DATE: u16 = 0x21;
/// Unix, so that extracted files are readable; a regular file with mode 644.
const MADE_BY: u16 = 3 << 8 | 45;
const ATTRIBUTES: u32 = 0o100_644 << 16;

struct Bytes(Vec<u8>);

impl Bytes {
    fn u16(mut self, value: u16) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
    fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
}

impl Header {
    /// The bytes from the local header's begin to the end of the data.
    pub(crate) fn span(&self) -> u64 {
        self.local_len() + u64::from(self.stored_size)
    }

    /// The bytes of the local header.
    pub(crate) fn local_len(&self) -> u64 {
        30 + self.name.len() as u64
    }

    /// The local file header.
    pub(crate) fn local(&self) -> Vec<u8> {
        let mut bytes = self.common(Bytes(Vec::new()).u32(LOCAL)).u16(0).0;
        bytes.extend_from_slice(self.name.as_bytes());
        bytes
    }

    /// The header in the central directory. Only the offset can need ZIP64: entries are smaller than 4 GiB.
    pub(crate) fn central(&self) -> Vec<u8> {
        let offset32 = u32::try_from(self.offset)
            .ok()
            .filter(|offset| *offset != u32::MAX);
        let extra_len = if offset32.is_some() { 0 } else { 12 };
        let bytes = self
            .common(Bytes(Vec::new()).u32(CENTRAL).u16(MADE_BY))
            .u16(extra_len);
        let bytes = bytes
            .u16(0)
            .u16(0)
            .u16(0)
            .u32(ATTRIBUTES)
            .u32(offset32.unwrap_or(u32::MAX));
        let mut bytes = bytes.0;
        bytes.extend_from_slice(self.name.as_bytes());
        if offset32.is_some() {
            bytes
        } else {
            Bytes(bytes).u16(1).u16(8).u64(self.offset).0
        }
    }

    /// What both headers have in common, up to the name's length.
    fn common(&self, bytes: Bytes) -> Bytes {
        let method = match self.method {
            Method::Stored => 0,
            Method::Deflated => 8,
        };
        let bytes = bytes.u16(20).u16(FLAGS).u16(method).u16(0).u16(DATE);
        let name_len = u16::try_from(self.name.len()).unwrap_or(u16::MAX);
        bytes
            .u32(self.crc)
            .u32(self.stored_size)
            .u32(self.size)
            .u16(name_len)
    }

    /// Parses one header of the central directory; gives it with what follows.
    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let name_len = usize::from(u16_at(bytes, 28)?);
        let extra_len = usize::from(u16_at(bytes, 30)?);
        let len = 46 + name_len + extra_len;
        let name = std::str::from_utf8(bytes.get(46..46 + name_len)?).ok()?;
        let offset = match u32_at(bytes, 42)? {
            u32::MAX => u64_at(bytes, 46 + name_len + 4)?,
            offset => offset.into(),
        };
        let method = match u16_at(bytes, 10)? {
            0 => Method::Stored,
            8 => Method::Deflated,
            _ => return None,
        };
        let header = Self {
            name: name.to_owned(),
            method,
            crc: u32_at(bytes, 16)?,
            stored_size: u32_at(bytes, 20)?,
            size: u32_at(bytes, 24)?,
            offset,
        };
        let (own, rest) = bytes.split_at_checked(len)?;
        (header.central() == own).then_some((header, rest))
    }
}

impl End {
    /// The end of the archive: the end record, before it the ZIP64 ones where needed.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self {
            n_entries,
            directory_size,
            directory_offset,
        } = *self;
        let small = u16::try_from(n_entries).ok().filter(|n| *n != u16::MAX);
        let fits = |value: u64| u32::try_from(value).ok().filter(|value| *value != u32::MAX);
        let mut bytes = Bytes(Vec::new());
        if small.is_none() || fits(directory_size).is_none() || fits(directory_offset).is_none() {
            bytes = bytes.u32(END64).u64(44).u16(MADE_BY).u16(45).u32(0).u32(0);
            bytes = bytes
                .u64(n_entries)
                .u64(n_entries)
                .u64(directory_size)
                .u64(directory_offset);
            bytes = bytes
                .u32(LOCATOR64)
                .u32(0)
                .u64(directory_offset + directory_size)
                .u32(1);
        }
        let n_entries = small.unwrap_or(u16::MAX);
        let bytes = bytes.u32(END).u16(0).u16(0).u16(n_entries).u16(n_entries);
        let bytes = bytes.u32(fits(directory_size).unwrap_or(u32::MAX));
        bytes
            .u32(fits(directory_offset).unwrap_or(u32::MAX))
            .u16(0)
            .0
    }

    /// Finds the directory of an archive of `len` bytes by its last bytes.
    pub(crate) fn parse(tail: &[u8], len: u64) -> Option<Self> {
        let record = tail.len().checked_sub(22)?;
        if u32_at(tail, record)? != END {
            return None;
        }
        let mut end = Self {
            n_entries: u16_at(tail, record + 10)?.into(),
            directory_size: u32_at(tail, record + 12)?.into(),
            directory_offset: u32_at(tail, record + 16)?.into(),
        };
        if let Some(record64) = record
            .checked_sub(76)
            .filter(|start| u32_at(tail, *start) == Some(END64))
        {
            end.n_entries = u64_at(tail, record64 + 32)?;
            end.directory_size = u64_at(tail, record64 + 40)?;
            end.directory_offset = u64_at(tail, record64 + 48)?;
        }
        // No entry's header is shorter, so a count that the directory cannot hold is refused before it costs memory.
        if end.n_entries.checked_mul(46)? > end.directory_size {
            return None;
        }
        let before = end.directory_offset.checked_add(end.directory_size)?;
        let own = end.encode();
        (tail.ends_with(&own) && before.checked_add(own.len() as u64)? == len).then_some(end)
    }

    /// Parses the central directory, which must describe the archive without gap, overlap or disorder.
    pub(crate) fn directory(&self, bytes: &[u8]) -> Result<Vec<Header>, String> {
        let mut headers: Vec<Header> = Vec::new();
        let (mut rest, mut offset) = (bytes, 0_u64);
        for _ in 0..self.n_entries {
            let (header, after) = Header::parse(rest).ok_or_else(|| {
                format!("the header after {} is not canonical", last_name(&headers))
            })?;
            if let Some(complaint) = path::complaint(&header.name) {
                return Err(format!(
                    "the name `{}` is unsafe: {complaint}",
                    header.name.escape_debug()
                ));
            }
            if headers.last().is_some_and(|last| last.name >= header.name) {
                return Err(format!("`{}` is doubled or out of order", header.name));
            }
            if header.offset != offset {
                return Err(format!(
                    "there is a gap or an overlap before `{}`",
                    header.name
                ));
            }
            if header.method == Method::Stored && header.stored_size != header.size {
                return Err(format!("`{}` is stored with two sizes", header.name));
            }
            offset = offset.saturating_add(header.span());
            headers.push(header);
            rest = after;
        }
        if !rest.is_empty() || offset != self.directory_offset {
            return Err(format!(
                "there are bytes after {} that no entry names",
                last_name(&headers)
            ));
        }
        Ok(headers)
    }
}

fn last_name(headers: &[Header]) -> String {
    headers.last().map_or_else(
        || "the begin".to_owned(),
        |header| format!("`{}`", header.name),
    )
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_past_4_gib_reads_back() {
        for offset in [
            0,
            u64::from(u32::MAX) - 1,
            u64::from(u32::MAX),
            u64::from(u32::MAX) + 1,
            1 << 40,
        ] {
            let header = Header {
                name: "nodes/n.zip".into(),
                method: Method::Stored,
                crc: 1,
                stored_size: 2,
                size: 2,
                offset,
            };
            assert_eq!(Header::parse(&header.central()), Some((header, &[][..])));
        }
    }

    #[test]
    fn an_end_with_many_entries_reads_back() {
        for (n_entries, directory_offset) in
            [(1, 0), (65_534, 9), (65_535, 9), (70_000, 9), (2, 1 << 33)]
        {
            let end = End {
                n_entries,
                directory_size: n_entries * 60,
                directory_offset,
            };
            let bytes = end.encode();
            let len = end.directory_offset + end.directory_size + bytes.len() as u64;
            assert_eq!(End::parse(&bytes, len), Some(end));
            assert_eq!(End::parse(&bytes, len + 1), None);
        }
    }

    #[test]
    fn an_absurd_count_is_refused() {
        let end = End {
            n_entries: u64::MAX / 50,
            directory_size: 46,
            directory_offset: 0,
        };
        assert_eq!(End::parse(&end.encode(), 46 + MAX_END), None);
    }
}
