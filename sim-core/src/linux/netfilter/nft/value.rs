//! What a register holds, as far as it is known, and how it compares.

use crate::evidence::nft::{Interval, MatchOperator};
use crate::linux::choice::{Doubt, Tri};
use crate::linux::netfilter::port_within;
use crate::linux::packet::Port;
use crate::source::Source;

/// One part of a loaded expression.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// This value.
    Is(u128),
    /// A value from `low` to `high`; why it is not known.
    Between { low: u128, high: u128, doubt: Doubt },
    /// A port that the kernel has still to choose.
    Port { port: Port, source: Source },
    /// A value whose bits in `unknown` are not known.
    Bits {
        value: u128,
        unknown: u128,
        doubt: Doubt,
    },
}

/// A loaded expression; the rule ends where the packet has no such thing (`NFT_BREAK`).
#[derive(Debug, Clone)]
pub(super) enum Loaded {
    /// Its parts.
    Parts(Vec<Part>),
    /// There is none.
    Break,
}

impl Loaded {
    /// A single known value.
    pub(super) fn is(value: impl Into<u128>) -> Self {
        Self::Parts(vec![Part::Is(value.into())])
    }

    /// A single value of which nothing is known.
    pub(super) fn any(doubt: Doubt) -> Self {
        Self::Parts(vec![Part::any(doubt)])
    }

    /// A port, which the kernel may still have to choose.
    pub(super) fn port(port: Port, source: &Source) -> Self {
        Self::Parts(vec![match port {
            Port::Known(port) => Part::Is(port.into()),
            Port::Chosen { .. } => Part::Port {
                port,
                source: source.clone(),
            },
        }])
    }

    /// The value, where it is single and known.
    pub(super) fn value(&self) -> Option<u128> {
        match self {
            Self::Parts(parts) => match parts.as_slice() {
                [Part::Is(value)] => Some(*value),
                _ => None,
            },
            Self::Break => None,
        }
    }
}

impl Part {
    /// A value of which nothing is known.
    pub(super) fn any(doubt: Doubt) -> Self {
        Self::Between {
            low: 0,
            high: u128::MAX,
            doubt,
        }
    }

    /// `self`, as known as it is.
    pub(super) fn bits(value: u128, unknown: u128, doubt: Doubt) -> Self {
        if unknown == 0 {
            Self::Is(value)
        } else {
            Self::Bits {
                value: value & !unknown,
                unknown,
                doubt,
            }
        }
    }

    /// Whether it lies in `interval`.
    pub(super) fn within(&self, interval: Interval) -> Tri {
        match self {
            Self::Is(value) => interval.contains(*value).into(),
            Self::Between { low, high, doubt } => {
                if interval.low <= *low && *high <= interval.high {
                    Tri::Yes
                } else if *high < interval.low || interval.high < *low {
                    Tri::No
                } else {
                    Tri::Unknown(doubt.clone())
                }
            }
            Self::Port { port, source } => {
                let [low, high] = [interval.low, interval.high].map(u16::try_from);
                match low {
                    Ok(low) => port_within(*port, low, high.unwrap_or(u16::MAX), source),
                    Err(_) => Tri::No,
                }
            }
            Self::Bits {
                value,
                unknown,
                doubt,
            } => match interval.value() {
                Some(wanted) if (wanted ^ value) & !unknown != 0 => Tri::No,
                _ => Tri::Unknown(doubt.clone()),
            },
        }
    }

    /// How it compares to `interval` (`nft_cmp_eval()`, `nft_range_eval()`).
    pub(super) fn compare(&self, operator: MatchOperator, interval: Interval) -> Tri {
        let below = |bound: Option<u128>| match bound {
            Some(high) => self.within(Interval { low: 0, high }),
            None => Tri::No,
        };
        match operator {
            MatchOperator::Equal => self.within(interval),
            MatchOperator::NotEqual => self.within(interval).negate(),
            MatchOperator::Less => below(interval.low.checked_sub(1)),
            MatchOperator::LessOrEqual => below(Some(interval.high)),
            MatchOperator::Greater => below(Some(interval.high)).negate(),
            MatchOperator::GreaterOrEqual => below(interval.low.checked_sub(1)).negate(),
            MatchOperator::In => self.has_bits(interval.low),
            MatchOperator::NotIn => self.has_bits(interval.low).negate(),
        }
    }

    fn has_bits(&self, mask: u128) -> Tri {
        match self {
            Self::Is(value) => (value & mask != 0).into(),
            Self::Between { high, doubt, .. } => {
                if *high == 0 || mask == 0 {
                    Tri::No
                } else {
                    Tri::Unknown(doubt.clone())
                }
            }
            Self::Port { port, source } => Tri::Unknown(chosen_port(*port, source)),
            Self::Bits {
                value,
                unknown,
                doubt,
            } => {
                if value & mask != 0 {
                    Tri::Yes
                } else if unknown & mask == 0 {
                    Tri::No
                } else {
                    Tri::Unknown(doubt.clone())
                }
            }
        }
    }

    /// Its known bits, those that are not known, and why.
    pub(super) fn known_bits(&self, width: u128) -> (u128, u128, Option<Doubt>) {
        match self {
            Self::Is(value) => (*value, 0, None),
            Self::Bits {
                value,
                unknown,
                doubt,
            } => (*value, *unknown, Some(doubt.clone())),
            Self::Between { doubt, .. } => (0, width, Some(doubt.clone())),
            Self::Port { port, source } => (0, width, Some(chosen_port(*port, source))),
        }
    }
}

/// Why a port is not known.
pub(super) fn chosen_port(port: Port, source: &Source) -> Doubt {
    let range = match port {
        Port::Known(port) => port.to_string(),
        Port::Chosen { low, high, .. } => format!("{low}-{high}"),
    };
    Doubt {
        what: format!("the kernel chooses the port out of {range}"),
        settle: String::new(),
        source: Some(source.clone()),
    }
}
