//! The bytes that the host has supplied and that are not parsed yet.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::snapshot::store::ByteRange;

/// Two missing ranges with a smaller gap are fetched as one: a request costs more than the bytes between.
const GAP: u64 = 4 << 10;

/// Supplied bytes.
pub(crate) enum Held {
    /// The whole snapshot.
    Whole(Arc<[u8]>),
    /// Pieces by their begin, not overlapping.
    Pieces(BTreeMap<u64, Vec<u8>>),
}

impl Held {
    /// The bytes of `range`, or what is missing of them.
    pub(crate) fn get(&self, range: ByteRange) -> Result<Cow<'_, [u8]>, Vec<ByteRange>> {
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        match self {
            Self::Whole(bytes) => {
                let start = usize::try_from(range.start).unwrap_or(usize::MAX);
                let slice = start.checked_add(len).and_then(|end| bytes.get(start..end));
                // No range outside the snapshot is ever asked for: the directory was checked against its length.
                slice.map(Cow::Borrowed).ok_or_else(|| vec![range])
            }
            Self::Pieces(_) => {
                let missing = self.missing(&[range]);
                if !missing.is_empty() {
                    return Err(missing);
                }
                let mut bytes = Vec::with_capacity(len);
                for (start, end, piece) in self.overlapping(range) {
                    let from =
                        usize::try_from(range.start.saturating_sub(start)).unwrap_or(usize::MAX);
                    let to = usize::try_from(range.end.min(end) - start).unwrap_or(usize::MAX);
                    bytes.extend_from_slice(piece.get(from..to).unwrap_or_default());
                }
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// What is missing of `ranges`, sorted and coalesced.
    pub(crate) fn missing(&self, ranges: &[ByteRange]) -> Vec<ByteRange> {
        if matches!(self, Self::Whole(_)) {
            return Vec::new();
        }
        let mut gaps: Vec<ByteRange> = Vec::new();
        for range in ranges {
            let mut at = range.start;
            for (start, end, _) in self.overlapping(*range) {
                if start > at {
                    gaps.push(ByteRange {
                        start: at,
                        end: start,
                    });
                }
                at = at.max(end);
            }
            if at < range.end {
                gaps.push(ByteRange {
                    start: at,
                    end: range.end,
                });
            }
        }
        gaps.sort();
        let mut merged: Vec<ByteRange> = Vec::new();
        for gap in gaps {
            match merged.last_mut() {
                Some(last) if gap.start <= last.end.saturating_add(GAP) => {
                    last.end = last.end.max(gap.end);
                }
                Some(_) | None => merged.push(gap),
            }
        }
        merged
    }

    /// Adds supplied bytes; of what is held already, the first supply stands.
    pub(crate) fn supply(&mut self, range: ByteRange, bytes: &[u8]) {
        let fresh: Vec<ByteRange> = match self {
            Self::Whole(_) => return,
            Self::Pieces(_) => {
                let mut gaps = Vec::new();
                let mut at = range.start;
                for (start, end, _) in self.overlapping(range) {
                    gaps.push(ByteRange {
                        start: at,
                        end: start.max(at),
                    });
                    at = at.max(end);
                }
                gaps.push(ByteRange {
                    start: at,
                    end: range.end.max(at),
                });
                gaps
            }
        };
        if let Self::Pieces(pieces) = self {
            for gap in fresh.into_iter().filter(|gap| gap.start < gap.end) {
                let at = |offset: u64| usize::try_from(offset - range.start).unwrap_or(usize::MAX);
                if let Some(piece) = bytes.get(at(gap.start)..at(gap.end)) {
                    pieces.insert(gap.start, piece.to_vec());
                }
            }
        }
    }

    /// Forgets the bytes of `range`: they are parsed.
    pub(crate) fn release(&mut self, range: ByteRange) {
        let cut: Vec<(u64, u64)> = self
            .overlapping(range)
            .map(|(start, end, _)| (start, end))
            .collect();
        let Self::Pieces(pieces) = self else { return };
        for (start, end) in cut {
            let Some(mut piece) = pieces.remove(&start) else {
                continue;
            };
            if end > range.end {
                let kept =
                    piece.split_off(usize::try_from(range.end - start).unwrap_or(usize::MAX));
                pieces.insert(range.end, kept);
            }
            if start < range.start {
                piece.truncate(usize::try_from(range.start - start).unwrap_or(usize::MAX));
                piece.shrink_to_fit();
                pieces.insert(start, piece);
            }
        }
    }

    fn overlapping(&self, range: ByteRange) -> impl Iterator<Item = (u64, u64, &[u8])> {
        let pieces = match self {
            Self::Whole(_) => None,
            Self::Pieces(pieces) => Some(pieces),
        };
        let pieces = pieces.into_iter().flat_map(move |pieces| {
            let first = pieces
                .range(..=range.start)
                .next_back()
                .map_or(range.start, |(start, _)| *start);
            pieces.range(first..range.end.max(first))
        });
        pieces
            .map(|(start, piece)| (*start, start + piece.len() as u64, piece.as_slice()))
            .filter(move |(start, end, _)| *end > range.start && *start < range.end)
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Pieces(pieces) => write!(
                f,
                "Pieces({} bytes)",
                pieces.values().map(Vec::len).sum::<usize>()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(start: u64, end: u64) -> ByteRange {
        ByteRange { start, end }
    }

    fn held(ranges: &[ByteRange]) -> Held {
        let mut held = Held::Pieces(BTreeMap::new());
        for range in ranges {
            let bytes: Vec<u8> = (range.start..range.end)
                .map(|at| (at % 251) as u8)
                .collect();
            held.supply(*range, &bytes);
        }
        held
    }

    #[test]
    fn overlapping_supplies_join() {
        let held = held(&[range(10, 20), range(30, 40), range(5, 35), range(0, 6)]);
        let expected: Vec<u8> = (0..40).collect();
        assert_eq!(held.get(range(0, 40)).unwrap(), expected);
        assert_eq!(*held.get(range(18, 33)).unwrap(), expected[18..33]);
    }

    #[test]
    fn what_is_missing_is_coalesced() {
        let held = held(&[range(10, 20)]);
        assert_eq!(held.missing(&[range(0, 30)]), [range(0, 30)]);
        assert_eq!(held.missing(&[range(15, 30)]), [range(20, 30)]);
        assert_eq!(
            held.missing(&[range(9000, 9001), range(0, 10)]),
            [range(0, 10), range(9000, 9001)]
        );
        assert_eq!(held.missing(&[range(12, 18)]), []);
    }

    #[test]
    fn released_bytes_are_gone_and_their_neighbours_stay() {
        let mut held = held(&[range(0, 100)]);
        held.release(range(10, 20));
        assert_eq!(held.missing(&[range(0, 100)]), [range(10, 20)]);
        assert_eq!(*held.get(range(20, 22)).unwrap(), [20, 21]);
        assert_eq!(*held.get(range(8, 10)).unwrap(), [8, 9]);
    }
}
