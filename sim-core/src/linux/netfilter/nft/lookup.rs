//! Loading expressions, comparing them, and looking them up in sets and maps.

use super::machine::Machine;
use super::value::{Loaded, Part};
use crate::evidence::nft::{
    BinaryOperator, Data, DataType, Element, Elements, Expression, Interval, MatchOperator, Rule,
    Set, Statement,
};
use crate::linux::choice::{Doubt, Tri};
use crate::linux::packet::{Family, protocol};

/// What a value is going to be compared to: a random number need only be told apart as far as that goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Against<'a> {
    Interval(Interval),
    Elements(&'a Elements),
    Nothing,
}

/// What a map has for a key.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Element(&'a Element),
    Miss,
    /// It cannot be told, in words.
    Unclear(String),
}

/// Numbers up to here are told apart one by one where nothing says how far they matter.
const MAX_NUMBERS: u32 = 64;

impl<'a> Machine<'a> {
    /// Whether a statement that only matches lets the rule go on.
    pub(super) fn matches(&mut self, rule: &'a Rule, statement: &'a Statement) -> Tri {
        let unclear = |what: String| {
            Tri::Unknown(Doubt {
                what,
                settle: String::new(),
                source: Some(rule.source.clone()),
            })
        };
        match statement {
            Statement::Match {
                operator,
                left,
                right,
            } => self.compare(rule, *operator, left, right),
            Statement::Limit(limit) => unclear(format!(
                "match `limit rate {}`: it depends on the traffic",
                limit.text
            )),
            Statement::NamedLimit(_) => unclear("a named limit: it depends on the traffic".into()),
            Statement::Quota(text) => {
                unclear(format!("match `quota {text}`: it depends on the traffic"))
            }
            Statement::CtCount(text) => unclear(format!(
                "match `ct count {text}`: the number of connections is not captured"
            )),
            Statement::Xt { name, .. } => {
                unclear(format!("match `xt {name}`: its arguments are not printed"))
            }
            Statement::ObjectMap(Expression::Map { key, map }) => match self.pick(rule, key, map) {
                Found::Element(_) => Tri::Yes,
                Found::Miss => Tri::No,
                Found::Unclear(why) => unclear(why),
            },
            Statement::SetUpdate {
                set,
                statements,
                delete,
            } => {
                if !delete {
                    self.written.insert(set.clone());
                }
                // The statements of an element are run as if they stood in the rule (`nft_dynset_eval()`).
                (statements.iter()).fold(Tri::Yes, |all, statement| match statement {
                    Statement::NoEffect(_) => all,
                    inner => all.and(self.matches(rule, inner)),
                })
            }
            other => unclear(format!("statement `{other:?}` is not modelled")),
        }
    }

    fn compare(
        &mut self,
        rule: &'a Rule,
        operator: MatchOperator,
        left: &'a Expression,
        right: &'a Expression,
    ) -> Tri {
        let against = match right {
            Expression::Value(_, interval) => Against::Interval(*interval),
            Expression::Set(elements) => Against::Elements(elements),
            Expression::Named(name) => {
                (self.set(name)).map_or(Against::Nothing, |set| Against::Elements(&set.elements))
            }
            _ => Against::Nothing,
        };
        let parts = match self.load(rule, left, against) {
            Loaded::Break => return Tri::No,
            Loaded::Parts(parts) => parts,
        };
        let negated = operator == MatchOperator::NotEqual;
        match right {
            Expression::Value(_, interval) => match parts.as_slice() {
                [part] => part.compare(operator, *interval),
                _ => self.unclear(rule, "a concatenation is compared to a single value"),
            },
            Expression::Set(elements) => self.contains(rule, elements, &parts).negate_if(negated),
            Expression::Named(name) => self.in_set(rule, name, &parts).negate_if(negated),
            other => match self.load(rule, other, Against::Nothing) {
                Loaded::Break => Tri::No,
                Loaded::Parts(wanted) if wanted.len() == parts.len() => {
                    let pairs = parts.iter().zip(&wanted);
                    let operator = if negated {
                        MatchOperator::Equal
                    } else {
                        operator
                    };
                    let all = pairs.fold(Tri::Yes, |all, (part, wanted)| {
                        all.and(compare_parts(operator, part, wanted))
                    });
                    all.negate_if(negated)
                }
                Loaded::Parts(_) => self.unclear(rule, "the sides have different lengths"),
            },
        }
    }

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
            Expression::RawPayload { offset, len, .. } => any(format!(
                "raw payload of {len} bits at offset {offset} is not modelled"
            )),
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
                Tri::Yes | Tri::Unknown(_) => any(format!("`socket {key}` is not modelled")),
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

    /// Options and extension headers: a simulated packet carries none but TCP's, which are not known.
    fn header(&mut self, rule: &Rule, kind: &str, name: &str, field: Option<&str>) -> Loaded {
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
            return Loaded::Break;
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

    fn set(&self, name: &str) -> Option<&'a Set> {
        self.table.and_then(|table| table.sets.get(name))
    }

    fn unclear(&self, rule: &Rule, what: &str) -> Tri {
        Tri::Unknown(self.doubt(what, "", &rule.source))
    }

    /// Whether `parts` is in the named set.
    fn in_set(&mut self, rule: &Rule, name: &str, parts: &[Part]) -> Tri {
        let Some(set) = self.set(name) else {
            return self.unclear(rule, &format!("set `{name}` is not in the listing"));
        };
        let found = self.contains(rule, &set.elements, parts);
        if !set.volatile || found != Tri::No {
            return found;
        }
        if self.written.contains(name) {
            return self.unclear(rule, &format!("set `{name}` was written to by this packet"));
        }
        self.assume_stable(name);
        Tri::No
    }

    fn assume_stable(&mut self, name: &str) {
        self.choice.assume(format!(
            "set `{name}`, which rules fill as packets pass, holds what was captured and nothing about this flow"
        ));
    }

    /// Whether `parts` is in `elements`.
    fn contains(&self, rule: &Rule, elements: &Elements, parts: &[Part]) -> Tri {
        let unknown = elements.unknown().first().map(|text| {
            self.doubt(
                format!("element `{text}` is not modelled"),
                "",
                &rule.source,
            )
        });
        let otherwise = unknown.map_or(Tri::No, Tri::Unknown);
        if let Some(key) = known_key(parts) {
            return match elements.lookup(&key) {
                Some(element) => condition(element),
                None => otherwise,
            };
        }
        (elements.list().iter()).fold(otherwise, |any, element| {
            if any == Tri::Yes {
                return any;
            }
            any.or(covers(element, parts).and(condition(element)))
        })
    }

    /// The element that a map has for `key`; where that is not known, asks which.
    pub(super) fn pick(
        &mut self,
        rule: &'a Rule,
        key: &'a Expression,
        map: &'a Expression,
    ) -> Found<'a> {
        let (elements, name) = match map {
            Expression::Set(elements) => (elements, None),
            Expression::Named(name) => match self.set(name) {
                Some(set) => (&set.elements, Some(set)),
                None => return Found::Unclear(format!("map `{name}` is not in the listing")),
            },
            other => return Found::Unclear(format!("`{other:?}` is no map")),
        };
        let parts = match self.load(rule, key, Against::Elements(elements)) {
            Loaded::Break => return Found::Miss,
            Loaded::Parts(parts) => parts,
        };
        match self.choose(elements, &parts) {
            Some(element) => Found::Element(element),
            None => self.missed(rule, elements, name),
        }
    }

    fn choose(&mut self, elements: &'a Elements, parts: &[Part]) -> Option<&'a Element> {
        if let Some(key) = known_key(parts) {
            let element = elements.lookup(&key)?;
            return self.holds(condition(element)).then_some(element);
        }
        for element in elements
            .list()
            .iter()
            .filter(|element| !element.key.is_empty())
        {
            if self.holds(covers(element, parts).and(condition(element))) {
                return Some(element);
            }
        }
        elements.catch_all()
    }

    /// Decides: asks where it is not known.
    pub(super) fn holds(&mut self, tri: Tri) -> bool {
        match tri {
            Tri::Yes => true,
            Tri::No => false,
            Tri::Unknown(doubt) => self.choice.unknown(doubt),
        }
    }

    fn missed(&mut self, rule: &Rule, elements: &Elements, set: Option<&Set>) -> Found<'a> {
        if let Some(text) = elements.unknown().first() {
            let doubt = self.doubt(
                format!("element `{text}` is not modelled"),
                "",
                &rule.source,
            );
            if self.choice.unknown(doubt) {
                return Found::Unclear(format!("element `{text}` is not modelled"));
            }
        }
        if let Some(set) = set.filter(|set| set.volatile) {
            if self.written.contains(&set.name) {
                return Found::Unclear(format!("map `{}` was written to by this packet", set.name));
            }
            self.assume_stable(&set.name);
        }
        Found::Miss
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

fn known_key(parts: &[Part]) -> Option<Vec<u128>> {
    (parts.iter())
        .map(|part| match part {
            Part::Is(value) => Some(*value),
            Part::Between { .. } | Part::Bits { .. } => None,
        })
        .collect()
}

fn covers(element: &Element, parts: &[Part]) -> Tri {
    if element.key.is_empty() {
        return Tri::Yes;
    }
    if element.key.len() != parts.len() {
        return Tri::No;
    }
    let pairs = element.key.iter().zip(parts);
    pairs.fold(Tri::Yes, |all, (interval, part)| {
        all.and(part.within(*interval))
    })
}

/// An element may stand under a limit of its own.
fn condition(element: &Element) -> Tri {
    match &element.condition {
        None => Tri::Yes,
        Some(text) => Tri::Unknown(Doubt {
            what: format!("`{text}` of an element: it depends on the traffic"),
            settle: String::new(),
            source: Some(element.source.clone()),
        }),
    }
}

fn compare_parts(operator: MatchOperator, part: &Part, wanted: &Part) -> Tri {
    match (part, wanted) {
        (_, Part::Is(value)) => part.compare(operator, Interval::single(*value)),
        (_, Part::Between { doubt, .. } | Part::Bits { doubt, .. }) => Tri::Unknown(doubt.clone()),
    }
}

/// The type that an address has in a packet of `family`.
pub(super) fn address_kind(family: Family) -> DataType {
    match family {
        Family::V4 => DataType::Ipv4,
        Family::V6 => DataType::Ipv6,
    }
}
