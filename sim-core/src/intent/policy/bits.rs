//! Sets of small numbers, and sets of which some members are not certain.

/// A set of numbers below a fixed size.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bits(Vec<u64>);

/// A set with members that may be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Perhaps {
    pub(crate) yes: Bits,
    /// Of `yes` none.
    pub(crate) maybe: Bits,
}

impl Bits {
    pub(crate) fn none(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    pub(crate) fn all(size: usize) -> Self {
        let mut bits = Self::none(size);
        for (place, word) in bits.0.iter_mut().enumerate() {
            let left = size.saturating_sub(place * 64);
            *word = match left {
                0..64 => (1 << left) - 1,
                _ => u64::MAX,
            };
        }
        bits
    }

    pub(crate) fn set(&mut self, member: usize) {
        if let Some(word) = self.0.get_mut(member / 64) {
            *word |= 1 << (member % 64);
        }
    }

    pub(crate) fn has(&self, member: usize) -> bool {
        let word = self.0.get(member / 64).copied().unwrap_or(0);
        word >> (member % 64) & 1 == 1
    }

    /// Forgets the members from `size` on, and the room for them.
    pub(crate) fn truncate(&mut self, size: usize) {
        self.0.truncate(size.div_ceil(64));
        let kept = Self::all(size);
        for (word, kept) in self.0.iter_mut().zip(&kept.0) {
            *word &= kept;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn or(mut self, other: &Self) -> Self {
        self.or_with(other);
        self
    }

    pub(crate) fn or_with(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    pub(crate) fn and(mut self, other: &Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
        self
    }

    pub(crate) fn without(mut self, other: &Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= !other;
        }
        self
    }
}

impl Perhaps {
    pub(crate) fn none(size: usize) -> Self {
        Self {
            yes: Bits::none(size),
            maybe: Bits::none(size),
        }
    }

    pub(crate) fn all(size: usize) -> Self {
        Self {
            yes: Bits::all(size),
            maybe: Bits::none(size),
        }
    }

    /// Every member may be in it.
    pub(crate) fn open(size: usize) -> Self {
        Self {
            yes: Bits::none(size),
            maybe: Bits::all(size),
        }
    }

    pub(crate) fn certain(yes: Bits, size: usize) -> Self {
        Self {
            yes,
            maybe: Bits::none(size),
        }
    }

    /// Certain or not.
    pub(crate) fn possible(&self) -> Bits {
        self.yes.clone().or(&self.maybe)
    }

    pub(crate) fn and(self, other: &Self) -> Self {
        let possible = self.possible().and(&other.possible());
        let yes = self.yes.and(&other.yes);
        Self {
            maybe: possible.without(&yes),
            yes,
        }
    }

    pub(crate) fn or(self, other: &Self) -> Self {
        let possible = self.possible().or(&other.possible());
        let yes = self.yes.or(&other.yes);
        Self {
            maybe: possible.without(&yes),
            yes,
        }
    }

    pub(crate) fn not(self, size: usize) -> Self {
        Self {
            yes: Bits::all(size).without(&self.possible()),
            maybe: self.maybe,
        }
    }
}
