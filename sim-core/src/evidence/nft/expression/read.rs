//! Reads expressions from the JSON.

use serde_json::{Map, Value};

use super::super::{DataType, TableFamily, constant, set};
use super::{Base, BinaryOperator, CtKey, Expression, Fib, FibResult, Field, MetaKey, PortOwner};
use crate::linux::packet::protocol;
use crate::source::Source;

/// What expressions are read with: the rule that they stand in and its table's family.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Reader<'a> {
    /// Where the rule stands.
    pub(in super::super) source: &'a Source,
    /// The table's family.
    pub(in super::super) family: TableFamily,
}

/// What a map's values are, if it is one.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Shape<'a> {
    /// A set.
    Set,
    /// A map to verdicts, or to values of these types.
    Map(&'a [DataType]),
}

impl Reader<'_> {
    /// Reads an expression that is not compared to anything.
    pub(in super::super) fn expression(self, value: &Value) -> Expression {
        self.operand(value, &[])
    }

    /// Reads an expression whose type is that of `kinds`, since it is compared to or stored in such.
    pub(in super::super) fn operand(self, value: &Value, kinds: &[DataType]) -> Expression {
        self.shaped(value, kinds, Shape::Set)
    }

    /// Reads a map whose keys are of `keys` and values of `values` (verdicts where it is a verdict map).
    pub(in super::super) fn map(
        self,
        value: &Value,
        keys: &[DataType],
        values: &[DataType],
    ) -> Expression {
        self.shaped(value, keys, Shape::Map(values))
    }

    fn shaped(self, value: &Value, kinds: &[DataType], shape: Shape<'_>) -> Expression {
        if let Some(name) = value.as_str().and_then(|text| text.strip_prefix('@')) {
            return Expression::Named(name.to_owned());
        }
        let kind = kinds.first().copied().unwrap_or(DataType::Other);
        if let Some((kind, interval)) = constant::read(value, kind) {
            return Expression::Value(kind, interval);
        }
        let found = (value.as_object())
            .filter(|object| object.len() == 1)
            .and_then(|object| object.iter().next())
            .and_then(|(name, body)| self.named(name, body, kinds, shape));
        found.unwrap_or_else(|| Expression::Unknown(value.to_string()))
    }

    fn named(
        self,
        name: &str,
        body: &Value,
        kinds: &[DataType],
        shape: Shape<'_>,
    ) -> Option<Expression> {
        Some(match name {
            "concat" => Expression::Concat(self.concat(body.as_array()?, kinds)),
            "set" => Expression::Set(set::anonymous(body, kinds, shape, self)),
            "map" => {
                let key = self.expression(body.get("key")?);
                let map = self.map(body.get("data")?, &key.kinds(), kinds);
                Expression::Map {
                    key: Box::new(key),
                    map: Box::new(map),
                }
            }
            "payload" => payload(body)?,
            "meta" => Expression::Meta(meta(key(body)?)),
            "ct" => Expression::Ct(self.ct(body)?),
            "fib" => Expression::Fib(fib(body)?),
            "numgen" => Expression::Numgen {
                random: body.get("mode")?.as_str()? == "random",
                modulus: number(body, "mod")?,
                offset: number(body, "offset").unwrap_or(0),
            },
            "jhash" | "symhash" => Expression::Hash {
                modulus: number(body, "mod")?,
                offset: number(body, "offset").unwrap_or(0),
                text: format!("{name} {body}"),
            },
            "socket" => Expression::Socket(key(body)?.to_owned()),
            "exthdr" | "tcp option" | "ip option" | "sctp chunk" | "dccp option" => {
                Expression::Header {
                    kind: name.to_owned(),
                    name: (body.get("name")).map_or_else(|| body.to_string(), text),
                    field: body.get("field").map(text),
                }
            }
            "rt" | "ipsec" | "osf" | "tunnel" | "gretap" | "vxlan" => {
                Expression::Unseen(format!("{name} {body}"))
            }
            "|" => self.binary(BinaryOperator::Or, body, kinds)?,
            "&" => self.binary(BinaryOperator::And, body, kinds)?,
            "^" => self.binary(BinaryOperator::Xor, body, kinds)?,
            "<<" => self.binary(BinaryOperator::ShiftLeft, body, kinds)?,
            ">>" => self.binary(BinaryOperator::ShiftRight, body, kinds)?,
            _ => return None,
        })
    }

    fn concat(self, parts: &[Value], kinds: &[DataType]) -> Vec<Expression> {
        (parts.iter().enumerate())
            .map(|(idx, part)| {
                let kind = kinds.get(idx).copied().unwrap_or(DataType::Other);
                self.operand(part, &[kind])
            })
            .collect()
    }

    /// The first operand has the type that is wanted, unless it says otherwise itself.
    fn binary(
        self,
        operator: BinaryOperator,
        body: &Value,
        kinds: &[DataType],
    ) -> Option<Expression> {
        let (first, rest) = body.as_array()?.split_first()?;
        let mut left = self.operand(first, kinds);
        for value in rest {
            let kinds = left.kinds();
            let right = match operator {
                BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => {
                    self.operand(value, &[DataType::Integer])
                }
                BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor => {
                    self.operand(value, &kinds)
                }
            };
            left = Expression::Binary {
                operator,
                left: Box::new(left),
                right: Box::new(right),
            };
        }
        (!rest.is_empty()).then_some(left)
    }

    fn ct(self, body: &Value) -> Option<CtKey> {
        let key = key(body)?;
        let direction = body.get("dir").and_then(Value::as_str);
        let own = match self.family {
            TableFamily::Ip => Some(DataType::Ipv4),
            TableFamily::Ip6 => Some(DataType::Ipv6),
            TableFamily::Inet | TableFamily::Arp | TableFamily::Bridge | TableFamily::Netdev => {
                None
            }
        };
        let named = match body.get("family").and_then(Value::as_str) {
            Some("ip") => Some(DataType::Ipv4),
            Some("ip6") => Some(DataType::Ipv6),
            _ => own,
        };
        let address = |source, kind| {
            direction.map(|direction| CtKey::Address {
                reply: direction == "reply",
                source,
                kind,
            })
        };
        let port = |source| {
            direction.map(|direction| CtKey::Port {
                reply: direction == "reply",
                source,
            })
        };
        match key {
            "state" => Some(CtKey::State),
            "direction" => Some(CtKey::Direction),
            "status" => Some(CtKey::Status),
            "mark" => Some(CtKey::Mark),
            "zone" => Some(CtKey::Zone(direction.map(|direction| direction == "reply"))),
            "l3proto" => Some(CtKey::L3Proto),
            "protocol" => Some(CtKey::Protocol),
            "saddr" => address(true, named),
            "daddr" => address(false, named),
            "ip saddr" => address(true, Some(DataType::Ipv4)),
            "ip daddr" => address(false, Some(DataType::Ipv4)),
            "ip6 saddr" => address(true, Some(DataType::Ipv6)),
            "ip6 daddr" => address(false, Some(DataType::Ipv6)),
            "proto-src" => port(true),
            "proto-dst" => port(false),
            _ => Some(CtKey::Other(key.to_owned())),
        }
    }
}

/// `{"key": "mark"}`, or in the first versions of the JSON just `"mark"`.
fn key(body: &Value) -> Option<&str> {
    body.as_str().or_else(|| body.get("key")?.as_str())
}

fn number(body: &Value, name: &str) -> Option<u32> {
    u32::try_from(body.get(name)?.as_u64()?).ok()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn payload(body: &Value) -> Option<Expression> {
    if let Some(base) = body.get("base").and_then(Value::as_str) {
        let base = match base {
            "ll" => Base::Link,
            "nh" => Base::Network,
            "th" => Base::Transport,
            "ih" => Base::Inner,
            _ => return None,
        };
        return Some(Expression::RawPayload {
            base,
            offset: number(body, "offset")?,
            len: number(body, "len")?,
        });
    }
    if body.get("tunnel").is_some() {
        return None;
    }
    let header = (body.get("protocol").or_else(|| body.get("name")))?.as_str()?;
    Some(Expression::Payload(field(
        header,
        body.get("field")?.as_str()?,
    )))
}

fn field(header: &str, name: &str) -> Field {
    let owner = match header {
        "th" => Some(PortOwner::Any),
        "tcp" => Some(PortOwner::Protocol(protocol::TCP)),
        "udp" => Some(PortOwner::Protocol(protocol::UDP)),
        "sctp" => Some(PortOwner::Protocol(protocol::SCTP)),
        "dccp" => Some(PortOwner::Protocol(33)),
        "udplite" => Some(PortOwner::Protocol(136)),
        _ => None,
    };
    match (header, name, owner) {
        (_, "sport", Some(owner)) => Field::SourcePort(owner),
        (_, "dport", Some(owner)) => Field::DestinationPort(owner),
        ("ether", "saddr", _) => Field::EtherSource,
        ("ether", "daddr", _) => Field::EtherDestination,
        ("ether", "type", _) => Field::EtherType,
        ("ip", "saddr", _) => Field::Ip4Source,
        ("ip", "daddr", _) => Field::Ip4Destination,
        ("ip", "protocol", _) => Field::Ip4Protocol,
        ("ip", "ttl", _) => Field::Ip4Ttl,
        ("ip", "length", _) => Field::Ip4Length,
        ("ip", "dscp", _) => Field::Ip4Dscp,
        ("ip", "ecn", _) => Field::Ip4Ecn,
        ("ip", "version", _) => Field::Ip4Version,
        ("ip", "frag-off", _) => Field::Ip4FragmentOffset,
        ("ip6", "saddr", _) => Field::Ip6Source,
        ("ip6", "daddr", _) => Field::Ip6Destination,
        ("ip6", "nexthdr", _) => Field::Ip6NextHeader,
        ("ip6", "hoplimit", _) => Field::Ip6HopLimit,
        ("ip6", "length", _) => Field::Ip6Length,
        ("ip6", "dscp", _) => Field::Ip6Dscp,
        ("ip6", "ecn", _) => Field::Ip6Ecn,
        ("ip6", "version", _) => Field::Ip6Version,
        ("tcp", "flags", _) => Field::TcpFlags,
        ("icmp", "type", _) => Field::IcmpType,
        ("icmp", "code", _) => Field::IcmpCode,
        ("icmp", "id", _) => Field::IcmpId,
        ("icmpv6", "type", _) => Field::Icmpv6Type,
        ("icmpv6", "code", _) => Field::Icmpv6Code,
        ("icmpv6", "id", _) => Field::Icmpv6Id,
        _ => Field::Other {
            protocol: header.to_owned(),
            field: name.to_owned(),
        },
    }
}

fn meta(key: &str) -> MetaKey {
    match key {
        "l4proto" => MetaKey::L4Proto,
        "nfproto" => MetaKey::NfProto,
        "protocol" => MetaKey::Protocol,
        "mark" => MetaKey::Mark,
        "length" => MetaKey::Length,
        "iifname" => MetaKey::IifName,
        "oifname" => MetaKey::OifName,
        "iif" => MetaKey::Iif,
        "oif" => MetaKey::Oif,
        "iifkind" => MetaKey::IifKind,
        "oifkind" => MetaKey::OifKind,
        "iiftype" => MetaKey::IifType,
        "oiftype" => MetaKey::OifType,
        "pkttype" => MetaKey::PacketType,
        _ => MetaKey::Other(key.to_owned()),
    }
}

fn fib(body: &Value) -> Option<Fib> {
    let flags: Vec<&str> = match body.get("flags")? {
        Value::String(flag) => vec![flag],
        Value::Array(flags) => flags.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(Map { .. }) => return None,
    };
    let result = match body.get("result")?.as_str()? {
        "type" => FibResult::Type,
        "oif" => FibResult::Oif,
        "oifname" => FibResult::OifName,
        "check" => FibResult::Present,
        _ => return None,
    };
    if flags.contains(&"saddr") == flags.contains(&"daddr") {
        return None;
    }
    Some(Fib {
        result,
        source: flags.contains(&"saddr"),
        mark: flags.contains(&"mark"),
        iif: flags.contains(&"iif"),
        oif: flags.contains(&"oif"),
    })
}
