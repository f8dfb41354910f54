//! The content of a set or map, and finding an element in it.

use super::{DataType, Verdict};
use crate::source::Source;

/// Values from `low` to `high`, both included; a single value where they are equal.
///
/// Every type is mapped to a number: addresses in network order, interface names as 16 bytes padded with zero
/// (so that `eth*` is an interval, as in the kernel).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// The lowest.
    pub low: u128,
    /// The highest.
    pub high: u128,
}

/// One element.
#[derive(Debug, Clone)]
pub struct Element {
    /// The key's parts.
    pub key: Vec<Interval>,
    /// What a map gives for it.
    pub data: Option<Data>,
    /// Its comment.
    pub comment: Option<String>,
    /// Seconds until it ends by itself, when it was captured.
    pub expires: Option<u64>,
    /// Where it stands.
    pub source: Source,
}

/// What a map gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A verdict.
    Verdict(Verdict),
    /// A value, or one for each part of a concatenation, with its type.
    Value(Vec<(DataType, Interval)>),
    /// The name of an object.
    Object(String),
    /// Text that is not understood.
    Unknown(String),
}

/// The elements of a set or map.
#[derive(Debug, Clone, Default)]
pub struct Elements {
    /// The elements, in the order of the listing.
    pub list: Vec<Element>,
    /// Elements that are not understood, verbatim: a key that is not found may be one of these.
    pub unknown: Vec<String>,
}
