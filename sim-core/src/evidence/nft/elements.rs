//! The content of a set or map, and finding an element in it.

use std::collections::BTreeMap;

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
    /// The key's parts; empty for `*`, which stands for every key that no other element has.
    pub key: Vec<Interval>,
    /// What a map gives for it.
    pub data: Option<Data>,
    /// Its comment.
    pub comment: Option<String>,
    /// Seconds until it ends by itself, when it was captured.
    pub expires: Option<u64>,
    /// A limit or quota that it matches under, verbatim.
    pub condition: Option<String>,
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
    list: Vec<Element>,
    unknown: Vec<String>,
    /// Elements without ranges, by key.
    exact: BTreeMap<Vec<u128>, usize>,
    /// Elements of one part with a range, by lower end, none overlapping another.
    intervals: BTreeMap<u128, (u128, usize)>,
    /// All others with a range: looked at one by one.
    ranged: Vec<usize>,
    catch_all: Option<usize>,
}

impl Interval {
    /// A single value.
    #[must_use]
    pub fn single(value: u128) -> Self {
        Self {
            low: value,
            high: value,
        }
    }

    /// Whether `value` lies in it.
    #[must_use]
    pub fn contains(self, value: u128) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The value, where it is a single one.
    #[must_use]
    pub fn value(self) -> Option<u128> {
        (self.low == self.high).then_some(self.low)
    }
}

impl Elements {
    /// Indexes `list`; `unknown` are the elements that are not understood.
    #[must_use]
    pub fn new(list: Vec<Element>, unknown: Vec<String>) -> Self {
        let mut elements = Self {
            unknown,
            ..Self::default()
        };
        for (idx, element) in list.iter().enumerate() {
            elements.index(idx, &element.key);
        }
        elements.list = list;
        elements
    }

    fn index(&mut self, idx: usize, key: &[Interval]) {
        if key.is_empty() {
            self.catch_all.get_or_insert(idx);
            return;
        }
        let values: Option<Vec<u128>> = key.iter().map(|part| part.value()).collect();
        if let Some(values) = values {
            self.exact.entry(values).or_insert(idx);
            return;
        }
        match key {
            [Interval { low, high }] if self.is_free(*low, *high) => {
                self.intervals.insert(*low, (*high, idx));
            }
            _ => self.ranged.push(idx),
        }
    }

    fn is_free(&self, low: u128, high: u128) -> bool {
        (self.intervals.range(..=high).next_back()).is_none_or(|(_, (end, _))| *end < low)
    }

    /// The elements, in the order of the listing.
    #[must_use]
    pub fn list(&self) -> &[Element] {
        &self.list
    }

    /// Elements that are not understood, verbatim: a key that is not found may be one of these.
    #[must_use]
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// The element that `key` falls in.
    #[must_use]
    pub fn lookup(&self, key: &[u128]) -> Option<&Element> {
        let exact = self.exact.get(key).copied();
        let interval = match key {
            [value] => (self.intervals.range(..=*value).next_back())
                .filter(|(_, (high, _))| value <= high)
                .map(|(_, (_, idx))| *idx),
            _ => None,
        };
        let ranged = (self.ranged.iter().copied())
            .find(|idx| (self.list.get(*idx)).is_some_and(|element| element.contains(key)));
        let first = [exact, interval, ranged].into_iter().flatten().min();
        self.list.get(first.or(self.catch_all)?)
    }

    /// The element for all keys that no other element has.
    #[must_use]
    pub fn catch_all(&self) -> Option<&Element> {
        self.list.get(self.catch_all?)
    }
}

impl Element {
    /// Whether `key` falls in this very element.
    #[must_use]
    pub fn contains(&self, key: &[u128]) -> bool {
        self.key.len() == key.len()
            && (self.key.iter().zip(key)).all(|(part, value)| part.contains(*value))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::source::SourceFile;

    fn elements(keys: &[Vec<Interval>]) -> Elements {
        let file = Arc::new(SourceFile {
            name: "nft-ruleset.json".into(),
            text: String::new(),
        });
        let element = |key: &Vec<Interval>| Element {
            key: key.clone(),
            data: None,
            comment: None,
            expires: None,
            condition: None,
            source: Source::whole(&file),
        };
        Elements::new(keys.iter().map(element).collect(), Vec::new())
    }

    fn interval() -> impl Strategy<Value = Interval> {
        (0u128..40, prop_oneof![Just(0u128), 0u128..10])
            .prop_map(|(low, n)| Interval { low, high: low + n })
    }

    fn check(keys: &[Vec<Interval>], key: &[u128]) -> Result<(), TestCaseError> {
        let elements = elements(keys);
        let naive = (elements.list().iter()).find(|element| element.contains(key));
        let found = elements.lookup(key);
        prop_assert_eq!(naive.map(|e| &e.key), found.map(|e| &e.key));
        Ok(())
    }

    proptest! {
        #[test]
        fn interval_lookup_equals_a_scan(keys in prop::collection::vec(interval(), 0..30), value in 0u128..50) {
            let keys: Vec<_> = keys.into_iter().map(|key| vec![key]).collect();
            check(&keys, &[value])?;
        }

        #[test]
        fn concatenation_lookup_equals_a_scan(
            keys in prop::collection::vec(prop::collection::vec(interval(), 3), 0..30),
            key in prop::collection::vec(0u128..50, 3),
        ) {
            check(&keys, &key)?;
        }
    }

    #[test]
    fn the_catch_all_is_taken_last() {
        let elements = elements(&[vec![], vec![Interval { low: 5, high: 9 }]]);
        assert_eq!(elements.lookup(&[7]).unwrap().key.len(), 1);
        assert!(elements.lookup(&[10]).unwrap().key.is_empty());
    }
}
