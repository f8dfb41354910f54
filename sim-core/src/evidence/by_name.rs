//! Things found by their names, without comparing more of these than needed.

use std::cmp::Ordering;

/// Values by name, sorted by the names' lengths first: most comparisons are of two numbers.
#[derive(Debug, Clone)]
pub(crate) struct ByName<T>(Vec<(Box<str>, T)>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByName<T> {
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        let place = self.0.binary_search_by(|(other, _)| order(other, name));
        self.0.get(place.ok()?).map(|(_, value)| value)
    }
}

fn order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl<T, N: Into<Box<str>>> FromIterator<(N, T)> for ByName<T> {
    /// Of equal names, the first counts.
    fn from_iter<I: IntoIterator<Item = (N, T)>>(items: I) -> Self {
        let items = items.into_iter();
        let mut all: Vec<(Box<str>, T)> = items.map(|(name, value)| (name.into(), value)).collect();
        all.sort_by(|(a, _), (b, _)| order(a, b));
        all.dedup_by(|(later, _), (first, _)| later == first);
        Self(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_names_is_found_and_others_are_not() {
        let names: ByName<u8> = [("eth0", 1), ("lo", 2), ("eth0", 3), ("cni0", 4)]
            .into_iter()
            .collect();
        let found = |name| names.get(name).copied();
        assert_eq!(
            [found("eth0"), found("lo"), found("cni0")],
            [Some(1), Some(2), Some(4)]
        );
        assert_eq!(
            [found(""), found("eth1"), found("l"), found("veth0")],
            [None; 4]
        );
    }
}
