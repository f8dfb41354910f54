//! Matching: comparisons, and finding keys in sets and maps (`nft_cmp_eval()`, `nft_lookup_eval()`).

use super::load::Against;
use super::machine::{Machine, chooses};
use super::value::{Loaded, Part, chosen_port};
use crate::evidence::nft::{
    Data, DataType, Element, Elements, Expression, Interval, MatchOperator, MetaKey, Rule, Set,
    Statement,
};
use crate::linux::choice::{Doubt, Tri};
use crate::linux::netfilter::{CtState, STRANGER};
use crate::linux::packet::{Family, Transport, protocol};

/// What a map has for a key.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Element(&'a Element),
    Miss,
    /// It cannot be told, in words.
    Unclear(String),
}

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
            Statement::Limit(limit) => self.within_rate(limit.over),
            Statement::NamedLimit(expression) => self.named_limit(rule, expression),
            Statement::Quota(text) => self.within_quota(rule, text),
            Statement::CtCount(text) => {
                self.choice
                    .assume("no more connections are open than `ct count` rules allow".into());
                Tri::from(!is_over(text))
            }
            Statement::Xt { name, .. } => {
                unclear(format!("match `xt {name}`: its arguments are not printed"))
            }
            Statement::ObjectMap(Expression::Map { key, map }) => match self.pick(rule, key, map) {
                Found::Element(_) => Tri::Yes,
                Found::Miss => Tri::No,
                Found::Unclear(why) => unclear(why),
            },
            Statement::FlowOffload => self.offload(rule),
            Statement::SetUpdate {
                set,
                values,
                statements,
                delete,
            } => {
                // What the packet has not got ends the rule before the set is reached: `{ ip saddr }` for IPv6.
                if values.iter().any(|value| self.is_missing(rule, value)) {
                    return Tri::No;
                }
                if !delete {
                    self.written.insert(set.clone());
                    self.effects.notes.sets.push(set.as_str().into());
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

    /// `nft_flow_offload_eval()`: not before the entry is confirmed, TCP not before the handshake is over; once only.
    fn offload(&self, rule: &Rule) -> Tri {
        let confirmed = (self.ctx.ct.as_ref()).is_some_and(|ct| match ct.state {
            CtState::Established | CtState::Related => true,
            CtState::New | CtState::Invalid | CtState::Untracked => false,
        });
        let fits = match self.packet.transport {
            Transport::Tcp { flags, .. } => !flags.has_syn(),
            Transport::Udp { .. } => true,
            Transport::Other { protocol } => protocol == protocol::GRE,
            Transport::Sctp { .. } | Transport::Icmp { .. } | Transport::IcmpError { .. } => false,
        };
        if confirmed && fits {
            self.unclear(
                rule,
                "whether the flowtable takes the flow with this packet",
            )
        } else {
            Tri::No
        }
    }

    /// Whether loading `value` ends the rule (`NFT_BREAK`).
    fn is_missing(&mut self, rule: &'a Rule, value: &'a Expression) -> bool {
        !chooses(value) && matches!(self.load(rule, value, Against::Nothing), Loaded::Break)
    }

    /// `nft_limit_eval()`: a fresh bucket holds the burst.
    fn within_rate(&mut self, over: bool) -> Tri {
        self.choice
            .assume("the rate limits of rules are not reached by other traffic".into());
        Tri::from(!over)
    }

    fn within_quota(&mut self, rule: &Rule, text: &str) -> Tri {
        if text.starts_with('"') {
            return self.unclear(rule, "whether a named quota is used up");
        }
        self.choice
            .assume("the quotas of rules are not used up".into());
        Tri::from(!is_over(text))
    }

    fn named_limit(&mut self, rule: &'a Rule, expression: &'a Expression) -> Tri {
        let name = match expression {
            Expression::Named(name) => name,
            Expression::Map { key, map } => match self.pick(rule, key, map) {
                Found::Miss => return Tri::No,
                Found::Unclear(why) => return self.unclear(rule, &why),
                Found::Element(element) => match &element.data {
                    Some(Data::Object(name)) => name,
                    _ => return self.unclear(rule, "the map holds no limits"),
                },
            },
            _ => return self.unclear(rule, "a limit that is not understood"),
        };
        let object =
            (self.table).and_then(|table| table.objects.get(&("limit".to_owned(), name.clone())));
        match object.and_then(|object| object.limit.as_ref()) {
            Some(limit) => self.within_rate(limit.over),
            None => self.unclear(rule, &format!("limit `{name}` is not in the listing")),
        }
    }

    fn compare(
        &mut self,
        rule: &'a Rule,
        operator: MatchOperator,
        left: &'a Expression,
        right: &'a Expression,
    ) -> Tri {
        if let Some(answer) = self.stranger(operator, left, right) {
            return answer;
        }
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

    /// Who sends is not captured: a rule that singles out a user is taken to mean another program, as with `owner`.
    fn stranger(
        &mut self,
        operator: MatchOperator,
        left: &Expression,
        right: &'a Expression,
    ) -> Option<Tri> {
        let Expression::Meta(MetaKey::Other(key)) = left else {
            return None;
        };
        let ordinary = |interval: &Interval| interval.low != 0;
        let told = match right {
            Expression::Value(_, interval) => ordinary(interval),
            Expression::Set(elements) => {
                elements.unknown().is_empty()
                    && elements
                        .list()
                        .iter()
                        .all(|element| element.key.iter().all(ordinary))
            }
            _ => false,
        };
        let equality = matches!(operator, MatchOperator::Equal | MatchOperator::NotEqual);
        let asks = matches!(key.as_str(), "skuid" | "skgid") && self.ctx.local_socket;
        if !(asks && told && equality) {
            return None;
        }
        self.choice.assume(STRANGER.to_owned());
        Some(Tri::from(operator == MatchOperator::NotEqual))
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
            Tri::Assumed(holds, assumption) => {
                self.choice.assume(assumption);
                holds
            }
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

/// Whether the JSON of a quota or of `ct count` says `over`.
fn is_over(text: &str) -> bool {
    text.contains("\"inv\":true")
}

fn known_key(parts: &[Part]) -> Option<Vec<u128>> {
    (parts.iter())
        .map(|part| match part {
            Part::Is(value) => Some(*value),
            Part::Between { .. } | Part::Port { .. } | Part::Bits { .. } => None,
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
        (_, Part::Port { port, source }) => Tri::Unknown(chosen_port(*port, source)),
    }
}

/// The type that an address has in a packet of `family`.
pub(super) fn address_kind(family: Family) -> DataType {
    match family {
        Family::V4 => DataType::Ipv4,
        Family::V6 => DataType::Ipv6,
    }
}
