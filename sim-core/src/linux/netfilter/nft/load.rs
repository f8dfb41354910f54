//! Loading expressions into registers.

use super::lookup::Found;
use super::machine::Machine;
use super::value::{Loaded, Part};
use crate::evidence::nft::{Base, BinaryOperator, Data, Elements, Expression, Interval, Rule};
use crate::linux::bytes::{Bits, Bytes};
use crate::linux::choice::{Doubt, Tri};
use crate::linux::packet::{Family, Transport, protocol};

/// What a value is going to be compared to: a random number need only be told apart as far as that goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Against<'a> {
    Interval(Interval),
    Elements(&'a Elements),
    Nothing,
}

/// Numbers up to here are told apart one by one where nothing says how far they matter.
const MAX_NUMBERS: u32 = 64;

impl<'a> Machine<'a> {
    /// Loads `expression`; `against` is what it is going to be compared to.
    pub(super) fn load(
        &mut self,
        rule: &'a Rule,
        expression: &'a Expression,
        against: Against<'a>,
    ) -> Loaded {
        self.load_part(rule, expression, against, 0)
    }

    fn load_part(
        &mut self,
        rule: &'a Rule,
        expression: &'a Expression,
        against: Against<'a>,
        idx: usize,
    ) -> Loaded {
        let any = |what: String| {
            Loaded::any(Doubt {
                what,
                settle: String::new(),
                source: Some(rule.source.clone()),
            })
        };
        match expression {
            Expression::Value(_, interval) => match interval.value() {
                Some(value) => Loaded::is(value),
                None => any("a range is used as a value".into()),
            },
            Expression::Concat(list) => {
                let mut parts = Vec::new();
                for part in list {
                    match self.load_part(rule, part, against, parts.len()) {
                        Loaded::Parts(more) => parts.extend(more),
                        Loaded::Break => return Loaded::Break,
                    }
                }
                Loaded::Parts(parts)
            }
            Expression::Map { key, map } => match self.pick(rule, key, map) {
                Found::Miss => Loaded::Break,
                Found::Unclear(why) => any(why),
                Found::Element(element) => match &element.data {
                    Some(Data::Value(values)) => Loaded::Parts(
                        (values.iter())
                            .map(|(_, interval)| match interval.value() {
                                Some(value) => Part::Is(value),
                                None => Part::any(self.doubt("a range", "", &rule.source)),
                            })
                            .collect(),
                    ),
                    _ => any("the map holds no value".into()),
                },
            },
            Expression::Payload(field) => self.payload(rule, field),
            Expression::RawPayload { base, offset, len } => {
                self.raw_payload(rule, *base, *offset, *len)
            }
            Expression::Meta(key) => self.meta(rule, key),
            Expression::Ct(key) => self.ct(rule, key),
            Expression::Fib(fib) => self.fib(rule, fib),
            Expression::Numgen {
                modulus, offset, ..
            } => self.number(rule, *modulus, *offset, against, idx),
            Expression::Hash {
                modulus,
                offset,
                text,
            } => hash(
                *modulus,
                *offset,
                self.doubt(format!("the value of `{text}`"), "", &rule.source),
            ),
            Expression::Socket(key) => match self.ctx.surroundings.socket(&self.packet) {
                Tri::No => Loaded::Break,
                Tri::Yes | Tri::Unknown(_) | Tri::Assumed(..) => {
                    any(format!("`socket {key}` is not modelled"))
                }
            },
            Expression::Header { kind, name, field } => {
                self.header(rule, kind, name, field.as_deref())
            }
            Expression::Unseen(text) => any(format!("`{text}` is not captured")),
            Expression::Binary {
                operator,
                left,
                right,
            } => self.binary(rule, *operator, left, right),
            Expression::Unknown(text) => any(format!("`{text}` is not modelled")),
            Expression::Set(_) | Expression::Named(_) => any("a set is used as a value".into()),
        }
    }

    /// `nft_payload_eval()` of bits without a name; beyond the packet's end the rule ends.
    fn raw_payload(&mut self, rule: &Rule, base: Base, offset: u32, len: u32) -> Loaded {
        self.ctx.looks_at_length();
        let bytes = Bytes::of(&self.packet, self.ctx.mss);
        let start = match base {
            Base::Network => Some(0),
            Base::Transport => Some(bytes.transport_offset()),
            Base::Inner => bytes.payload_offset(),
            Base::Link => None,
        };
        let not_known = |machine: &Self| {
            let what = format!("the bits at {offset} that a rule looks at are not simulated");
            machine.doubt(what, "", &rule.source)
        };
        let Some(start) = start else {
            return Loaded::any(not_known(self));
        };
        match bytes.bits(start.saturating_mul(8).saturating_add(offset), len) {
            None => Loaded::Break,
            Some(Bits { value, unknown }) => {
                Loaded::Parts(vec![Part::bits(value, unknown, not_known(self))])
            }
        }
    }

    /// TCP's options: only a SYN has a segment size, which is known; which others there are depends on both ends.
    fn tcp_option(&mut self, rule: &Rule, name: &str, field: Option<&str>) -> Option<Loaded> {
        let Transport::Tcp { flags, .. } = self.packet.transport else {
            return None;
        };
        match (name, field, flags.has_syn()) {
            ("maxseg", None, has) => Some(Loaded::is(u8::from(has))),
            ("maxseg", Some(_), false) => Some(Loaded::Break),
            ("maxseg", Some("size"), true) => Some(match self.ctx.mss {
                Some(mss) => Loaded::is(mss),
                None => Loaded::any(self.doubt("the segment size", "", &rule.source)),
            }),
            _ => None,
        }
    }

    /// Options and extension headers: a simulated packet carries none but TCP's, which are not known.
    fn header(&mut self, rule: &Rule, kind: &str, name: &str, field: Option<&str>) -> Loaded {
        if kind == "tcp option"
            && let Some(loaded) = self.tcp_option(rule, name, field)
        {
            return loaded;
        }
        let may_have = match kind {
            "tcp option" => self.packet.protocol() == protocol::TCP,
            "sctp chunk" => self.packet.protocol() == protocol::SCTP,
            "dccp option" => self.packet.protocol() == 33,
            "ip option" | "exthdr" => {
                let wanted = if kind == "exthdr" {
                    Family::V6
                } else {
                    Family::V4
                };
                return match field {
                    None if self.packet.family() == wanted => Loaded::is(0_u32),
                    _ => Loaded::Break,
                };
            }
            _ => true,
        };
        if !may_have {
            // `nft_exthdr_tcp_eval()`: not there is an answer where only that is asked.
            return field.map_or_else(|| Loaded::is(0_u32), |_| Loaded::Break);
        }
        Loaded::any(self.doubt(format!("`{kind} {name}` is not modelled"), "", &rule.source))
    }

    fn binary(
        &mut self,
        rule: &'a Rule,
        operator: BinaryOperator,
        left: &'a Expression,
        right: &'a Expression,
    ) -> Loaded {
        let bits = left.kinds().first().map_or(128, |kind| kind.bits());
        let width = u128::MAX.checked_shr(128 - bits).unwrap_or(0);
        let (Loaded::Parts(left), Loaded::Parts(right)) = (
            self.load(rule, left, Against::Nothing),
            self.load(rule, right, Against::Nothing),
        ) else {
            return Loaded::Break;
        };
        let ([left], [right]) = (left.as_slice(), right.as_slice()) else {
            return Loaded::any(self.doubt("a calculation with a concatenation", "", &rule.source));
        };
        let (a, unknown_a, doubt_a) = left.known_bits(width);
        let (b, unknown_b, doubt_b) = right.known_bits(width);
        let shift = u32::try_from(b).unwrap_or(128);
        let (value, unknown) = match operator {
            // A bit is known where both are, or where one is known to be zero.
            BinaryOperator::And => (
                a & b,
                (unknown_a | unknown_b) & (a | unknown_a) & (b | unknown_b),
            ),
            BinaryOperator::Or => ((a | b), (unknown_a | unknown_b) & !(a | b)),
            BinaryOperator::Xor => (a ^ b, unknown_a | unknown_b),
            BinaryOperator::ShiftLeft if unknown_b == 0 => (
                a.checked_shl(shift).unwrap_or(0) & width,
                unknown_a.checked_shl(shift).unwrap_or(0) & width,
            ),
            BinaryOperator::ShiftRight if unknown_b == 0 => (
                a.checked_shr(shift).unwrap_or(0),
                unknown_a.checked_shr(shift).unwrap_or(0),
            ),
            BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => (0, width),
        };
        let doubt = doubt_a
            .or(doubt_b)
            .unwrap_or_else(|| self.doubt("a calculation", "", &rule.source));
        Loaded::Parts(vec![Part::bits(value, unknown, doubt)])
    }

    /// `numgen`: one branch for each stretch of numbers that is told apart.
    fn number(
        &mut self,
        rule: &Rule,
        modulus: u32,
        offset: u32,
        against: Against<'_>,
        idx: usize,
    ) -> Loaded {
        let first = u128::from(offset);
        let end = first + u128::from(modulus.max(1));
        let mut cuts: Vec<u128> = match against {
            Against::Interval(interval) => cut(interval),
            Against::Elements(elements) => (elements.list().iter())
                .filter_map(|element| element.key.get(idx).copied())
                .flat_map(cut)
                .collect(),
            Against::Nothing if modulus <= MAX_NUMBERS => (first..end).collect(),
            Against::Nothing => {
                return Loaded::any(self.doubt("a random number", "", &rule.source));
            }
        };
        cuts.push(first);
        cuts.retain(|start| (first..end).contains(start));
        cuts.sort_unstable();
        cuts.dedup();
        let ends = cuts.iter().skip(1).copied().chain([end]);
        let weights: Vec<u64> = (cuts.iter().zip(ends))
            .map(|(start, end)| u64::try_from(end - start).unwrap_or(u64::MAX))
            .collect();
        let chosen = if weights.len() > 1 {
            self.choice.chance(&weights, &rule.source)
        } else {
            0
        };
        Loaded::is(cuts.get(chosen).copied().unwrap_or(first))
    }
}

fn hash(modulus: u32, offset: u32, doubt: Doubt) -> Loaded {
    let low = u128::from(offset);
    let high = low + u128::from(modulus.saturating_sub(1));
    if low == high {
        return Loaded::is(low);
    }
    Loaded::Parts(vec![Part::Between { low, high, doubt }])
}

fn cut(interval: Interval) -> Vec<u128> {
    let mut cuts = vec![interval.low];
    cuts.extend(interval.high.checked_add(1));
    cuts
}
