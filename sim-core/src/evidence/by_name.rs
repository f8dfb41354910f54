//! Things found by their names, without comparing more of these than needed.

/// Values by name, sorted by numbers made of the names: numbers are compared, and only one name.
#[derive(Debug, Clone)]
pub(crate) struct ByName<T>(Vec<(u64, Box<str>, T)>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByName<T> {
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        let wanted = number(name);
        let start = self.0.partition_point(|(number, ..)| *number < wanted);
        let mut equal = self.0.get(start..)?.iter();
        let found = equal.find(|(number, other, _)| *number != wanted || **other == *name);
        let found = found.filter(|(number, ..)| *number == wanted);
        found.map(|(.., value)| value)
    }
}

/// FNV-1a's step, for eight bytes at a time.
fn number(name: &str) -> u64 {
    let (words, rest) = name.as_bytes().as_chunks();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let rest = rest.iter().fold(1, |sum, byte| sum << 8 | u64::from(*byte));
    words
        .chain([rest])
        .fold(0xcbf2_9ce4_8422_2325, |sum, word| {
            (sum ^ word).wrapping_mul(0x0100_0000_01b3)
        })
}

impl<T, N: Into<Box<str>>> FromIterator<(N, T)> for ByName<T> {
    /// Of equal names, the first counts.
    fn from_iter<I: IntoIterator<Item = (N, T)>>(items: I) -> Self {
        let items = items.into_iter().map(|(name, value)| {
            let name = name.into();
            (number(&name), name, value)
        });
        let mut all: Vec<(u64, Box<str>, T)> = items.collect();
        all.sort_by(|(a, x, _), (b, y, _)| (a, x).cmp(&(b, y)));
        all.dedup_by(|(_, later, _), (_, first, _)| later == first);
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
