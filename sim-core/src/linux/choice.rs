//! Where the world chooses, and where we do not know: the two ways a walk forks.

use crate::source::Source;

/// Something that the evidence does not decide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// What cannot be decided, in words, e.g. ``match `owner --uid-owner 1337`: the sender's uid is not captured``.
    pub what: String,
    /// The evidence that would settle it; empty where no evidence could (not modelled).
    pub settle: String,
    /// The item that raises the doubt.
    pub source: Option<Source>,
}

/// Decides, one after the other, the choices that a straight-line walk meets.
///
/// The walk is run again for every combination of answers, so the code that asks needs no copies of its
/// state: it asks and goes on with the answer.
pub trait Choice {
    /// The world chooses one of `weights` (integers, not all zero) at random: which one it is this time.
    fn chance(&mut self, weights: &[u64], source: &Source) -> usize;

    /// Nobody knows: both answers are tried, without probability.
    fn unknown(&mut self, doubt: Doubt) -> bool;

    /// Goes on under a stated assumption, which ends up in the verdict.
    fn assume(&mut self, assumption: String);
}

/// Yes, no, or not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tri {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// The evidence does not tell.
    Unknown(Doubt),
    /// This, but for a rare chance that the assumption leaves out.
    Assumed(bool, String),
}

impl Tri {
    /// The opposite.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown(doubt) => Self::Unknown(doubt),
            Self::Assumed(holds, assumption) => Self::Assumed(!holds, assumption),
        }
    }

    /// `self` negated if `negated`.
    #[must_use]
    pub fn negate_if(self, negated: bool) -> Self {
        if negated { self.negate() } else { self }
    }

    /// Both hold: a certain `No` wins over a doubt.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Assumed(false, why), _) | (_, Self::Assumed(false, why)) => {
                Self::Assumed(false, why)
            }
            (Self::Unknown(doubt), _) | (_, Self::Unknown(doubt)) => Self::Unknown(doubt),
            (Self::Assumed(true, why), _) | (_, Self::Assumed(true, why)) => {
                Self::Assumed(true, why)
            }
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// `then` where `self` holds, else `otherwise`.
    #[must_use]
    pub fn select(self, then: Self, otherwise: Self) -> Self {
        if then == otherwise {
            return then;
        }
        self.clone().and(then).or(self.negate().and(otherwise))
    }

    /// One holds: a certain `Yes` wins over a doubt.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.negate().and(other.negate()).negate()
    }
}

impl From<bool> for Tri {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}
