//! Rules of nf_tables that would have let a packet pass but for one field.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::machine::Machine;
use crate::evidence::nft::{
    Chain, DataType, Expression, Field, Interval, MatchOperator, MetaKey, PortOwner, Rule, Ruleset,
    Statement, Table, Verdict,
};
use crate::linux::choice::{Choice, Doubt, Tri};
use crate::linux::netfilter::near::{MOST, NearMiss, port, protocol_of};
use crate::linux::netfilter::{Action, HookContext, RuleStep};
use crate::linux::packet::{Packet, protocol};
use crate::source::Source;

/// Rules of the chains that `steps` came by which would have let `packet` pass but for one field.
///
/// `last` is the step that ended the packet's way.
#[must_use]
pub fn near_misses(
    ruleset: &Ruleset,
    last: &RuleStep,
    steps: &[RuleStep],
    packet: &Packet,
    ctx: &HookContext<'_>,
) -> Vec<NearMiss> {
    let named = |table: &&Table| *last.table == *format!("{} {}", table.family.name(), table.name);
    let Some(table) = ruleset.tables.iter().find(named) else {
        return Vec::new();
    };
    let mut chains: Vec<&Chain> = table.chain(&last.chain).into_iter().collect();
    for step in steps.iter().rev().filter(|step| step.table == last.table) {
        let mut entered = vec![&*step.chain];
        if let Action::Text(text) = &step.action {
            entered.extend(text.strip_prefix("jump ").or(text.strip_prefix("goto ")));
        }
        for chain in entered.into_iter().filter_map(|name| table.chain(name)) {
            if !chains.iter().any(|known| std::ptr::eq(*known, chain)) {
                chains.push(chain);
            }
        }
    }
    let mut nothing = Nothing;
    let mut found = Vec::new();
    for chain in chains {
        for rule in chain.rules.iter().filter(|rule| accepts(rule)) {
            let mut machine = Machine::new(ruleset, chain, packet, ctx, &mut nothing);
            if let Some(but) = machine.only_miss(rule, packet, ctx) {
                found.push(NearMiss {
                    text: format!(
                        "rule {} of chain {} would let it pass, but {but}",
                        rule.number, chain.name
                    ),
                    source: rule.source.clone(),
                });
            }
        }
    }
    found.truncate(MOST);
    found
}

/// Whether a rule does nothing but accept what it matches.
fn accepts(rule: &Rule) -> bool {
    let mut others = rule
        .statements
        .iter()
        .filter(|statement| !matches!(statement, Statement::NoEffect(_)));
    let accepts = matches!(
        others.next_back(),
        Some(Statement::Verdict(Verdict::Accept))
    );
    accepts && others.all(|statement| matches!(statement, Statement::Match { .. }))
}

impl<'a> Machine<'a> {
    /// What a rule wants and the packet has not, if it is one thing.
    fn only_miss(
        &mut self,
        rule: &'a Rule,
        packet: &Packet,
        ctx: &HookContext<'_>,
    ) -> Option<String> {
        let mut missed = None;
        for statement in &rule.statements {
            let Statement::Match {
                operator,
                left,
                right,
            } = statement
            else {
                continue;
            };
            match self.matches(rule, statement) {
                Tri::Yes => {}
                Tri::No => {
                    let (field, kind, has) = field(left, packet, ctx)?;
                    let wants = format!("{field}{} {}", sign(*operator)?, shown(right, kind)?);
                    if missed
                        .replace(format!("wants `{wants}`, and {has}"))
                        .is_some()
                    {
                        return None;
                    }
                }
                Tri::Unknown(_) | Tri::Assumed(..) => return None,
            }
        }
        missed
    }
}

/// Asks nobody: only matches that need no choice are looked at.
struct Nothing;

impl Choice for Nothing {
    fn chance(&mut self, _weights: &[u64], _source: &Source) -> usize {
        0
    }

    fn unknown(&mut self, _doubt: Doubt) -> bool {
        false
    }

    fn assume(&mut self, _assumption: String) {}
}

/// What a match looks at, and what the packet has there; `None` for what every packet of a connection may miss (its state,
/// marks) and what has no simple words.
fn field(
    left: &Expression,
    packet: &Packet,
    ctx: &HookContext<'_>,
) -> Option<(String, DataType, String)> {
    let device = |name: Option<&str>| name.unwrap_or("none").to_owned();
    let owner = |owner: PortOwner| match owner {
        PortOwner::Protocol(protocol::TCP) => "tcp",
        PortOwner::Protocol(protocol::UDP) => "udp",
        PortOwner::Protocol(protocol::SCTP) => "sctp",
        PortOwner::Protocol(_) | PortOwner::Any => "th",
    };
    let from = || format!("it is from {}", packet.src);
    let to = || format!("it goes to {}", packet.dst);
    let of_protocol = || format!("its protocol is {}", protocol_of(packet));
    use DataType::{IfName, Ipv4, Ipv6, Protocol, Service};
    let (name, kind, has) = match left {
        Expression::Payload(Field::Ip4Source) => (["ip", "saddr"], Ipv4, from()),
        Expression::Payload(Field::Ip6Source) => (["ip6", "saddr"], Ipv6, from()),
        Expression::Payload(Field::Ip4Destination) => (["ip", "daddr"], Ipv4, to()),
        Expression::Payload(Field::Ip6Destination) => (["ip6", "daddr"], Ipv6, to()),
        Expression::Payload(Field::Ip4Protocol) => (["ip", "protocol"], Protocol, of_protocol()),
        Expression::Payload(Field::Ip6NextHeader) => (["ip6", "nexthdr"], Protocol, of_protocol()),
        Expression::Meta(MetaKey::L4Proto) => (["meta", "l4proto"], Protocol, of_protocol()),
        Expression::Payload(Field::DestinationPort(of)) => (
            [owner(*of), "dport"],
            Service,
            format!("it goes to port {}", port(packet.dport())),
        ),
        Expression::Meta(MetaKey::IifName) => (
            ["meta", "iifname"],
            IfName,
            format!("it comes in by {}", device(ctx.iif)),
        ),
        Expression::Meta(MetaKey::OifName) => (
            ["meta", "oifname"],
            IfName,
            format!("it goes out by {}", device(ctx.oif)),
        ),
        _ => return None,
    };
    Some((name.join(" "), kind, has))
}

fn sign(operator: MatchOperator) -> Option<&'static str> {
    match operator {
        MatchOperator::Equal => Some(""),
        MatchOperator::NotEqual => Some(" !="),
        MatchOperator::Less => Some(" <"),
        MatchOperator::Greater => Some(" >"),
        MatchOperator::LessOrEqual => Some(" <="),
        MatchOperator::GreaterOrEqual => Some(" >="),
        MatchOperator::In | MatchOperator::NotIn => None,
    }
}

/// So many elements of a set are shown.
const ELEMENTS: usize = 4;

/// The right side, as nft writes it; `None` where it is no value, set or name.
fn shown(right: &Expression, kind: DataType) -> Option<String> {
    match right {
        Expression::Value(_, interval) => value(kind, *interval),
        Expression::Named(name) => Some(format!("@{name}")),
        Expression::Set(elements) => {
            let mut each = Vec::new();
            for element in elements.list().iter().take(ELEMENTS) {
                match element.key.as_slice() {
                    [only] => each.push(value(kind, *only)?),
                    _ => return None,
                }
            }
            if elements.list().len() > ELEMENTS {
                each.push("…".to_owned());
            }
            Some(format!("{{ {} }}", each.join(", ")))
        }
        _ => None,
    }
}

fn value(kind: DataType, interval: Interval) -> Option<String> {
    let one = |value: u128| match kind {
        DataType::Ipv4 => Some(Ipv4Addr::from(u32::try_from(value).ok()?).to_string()),
        DataType::Ipv6 => Some(Ipv6Addr::from(value).to_string()),
        DataType::Service => Some(value.to_string()),
        DataType::Protocol => Some(match u8::try_from(value).ok()? {
            protocol::TCP => "tcp".to_owned(),
            protocol::UDP => "udp".to_owned(),
            protocol::SCTP => "sctp".to_owned(),
            protocol::ICMP => "icmp".to_owned(),
            protocol::ICMPV6 => "ipv6-icmp".to_owned(),
            other => other.to_string(),
        }),
        DataType::IfName => {
            let bytes = value.to_be_bytes();
            let name: Vec<u8> = bytes.into_iter().take_while(|byte| *byte != 0).collect();
            String::from_utf8(name).ok()
        }
        _ => None,
    };
    if let Some(single) = interval.value() {
        return one(single);
    }
    let bits: u32 = match kind {
        DataType::Ipv4 => 32,
        DataType::Ipv6 => 128,
        DataType::IfName => {
            let start = one(interval.low)?;
            return Some(format!("{start}*"));
        }
        _ => return Some(format!("{}-{}", one(interval.low)?, one(interval.high)?)),
    };
    // A prefix's addresses differ in their last bits only.
    let differing = interval.low ^ interval.high;
    let free = 128_u32.saturating_sub(differing.leading_zeros());
    let is_prefix = differing.count_ones() == free && interval.low & differing == 0;
    let low = one(interval.low)?;
    Some(if is_prefix {
        format!("{low}/{}", bits.saturating_sub(free))
    } else {
        format!("{low}-{}", one(interval.high)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::netfilter::test_support::{Script, context, file, packet};

    /// What TCP 10.0.0.1:40000 → 10.0.0.2:80 misses in a chain of these rules that drops by policy.
    fn missed(rules: &[&str]) -> Vec<String> {
        let rules: Vec<String> = (1..)
            .zip(rules)
            .map(|(handle, expr)| {
                format!(r#"{{"rule":{{"family":"inet","table":"t","chain":"c","handle":{handle},"expr":[{expr},{{"accept":null}}]}}}}"#)
            })
            .collect();
        let text = format!(
            r#"{{"nftables":[{{"metainfo":{{"version":"1.0.9","json_schema_version":1}}}},{{"table":{{"family":"inet","name":"t","handle":1}}}},
            {{"chain":{{"family":"inet","table":"t","name":"c","handle":9,"type":"filter","hook":"forward","prio":0,"policy":"drop"}}}},{}]}}"#,
            rules.join(",")
        );
        let parsed = crate::evidence::nft::parse(&file("nft-ruleset.json", &text));
        assert_eq!(parsed.problems, []);
        let ruleset = parsed.value;
        let (packet, ctx) = (packet("10.0.0.1:40000", "10.0.0.2:80"), context());
        let chain = ruleset.tables[0].chain("c").unwrap();
        let outcome = super::super::run(&ruleset, chain, &packet, &ctx, &mut Script::default());
        let last = outcome.decided_by.unwrap();
        let misses = near_misses(&ruleset, &last, &outcome.steps, &packet, &ctx);
        misses.into_iter().map(|miss| miss.text).collect()
    }

    fn equals(protocol: &str, field: &str, right: &str) -> String {
        format!(
            r#"{{"match":{{"op":"==","left":{{"payload":{{"protocol":"{protocol}","field":"{field}"}}}},"right":{right}}}}}"#
        )
    }

    #[test]
    fn one_field_is_near_and_two_are_not() {
        let port = equals("tcp", "dport", "81");
        let from = equals("ip", "saddr", r#"{"prefix":{"addr":"10.1.0.0","len":16}}"#);
        assert_eq!(
            missed(&[&port]),
            [
                "rule 1 of chain c would let it pass, but wants `tcp dport 81`, and it goes to port 80"
            ]
        );
        assert_eq!(
            missed(&[&from]),
            [
                "rule 1 of chain c would let it pass, but wants `ip saddr 10.1.0.0/16`, and it is from 10.0.0.1"
            ]
        );
        assert_eq!(missed(&[&format!("{port},{from}")]), Vec::<String>::new());
        let ports = equals("tcp", "dport", r#"{"set":[443,{"range":[8000,8080]}]}"#);
        assert!(missed(&[&ports])[0].contains("`tcp dport { 443, 8000-8080 }`"));
    }

    #[test]
    fn the_state_of_a_connection_is_no_near_miss() {
        let state = r#"{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}}"#;
        assert_eq!(missed(&[state]), Vec::<String>::new());
    }
}
