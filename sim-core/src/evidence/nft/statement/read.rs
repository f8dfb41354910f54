//! Reads statements from the JSON.

use serde_json::Value;

use super::super::expression::read::Reader;
use super::super::{CtKey, DataType, Expression, TableFamily, constant};
use super::{Limit, MatchOperator, Nat, NatFlags, NatKind, RejectKind, Statement, Verdict};
use crate::linux::packet::Family;

/// Reads a verdict, of a rule or of a map.
pub(in super::super) fn verdict(value: &Value) -> Option<Verdict> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (name, body) = object.iter().next()?;
    let target = || Some(body.get("target")?.as_str()?.to_owned());
    match name.as_str() {
        "accept" => Some(Verdict::Accept),
        "drop" => Some(Verdict::Drop),
        "continue" => Some(Verdict::Continue),
        "return" => Some(Verdict::Return),
        "jump" => target().map(Verdict::Jump),
        "goto" => target().map(Verdict::Goto),
        _ => None,
    }
}

impl Reader<'_> {
    /// Reads one statement.
    pub(in super::super) fn statement(self, value: &Value) -> Statement {
        if let Some(verdict) = verdict(value) {
            return Statement::Verdict(verdict);
        }
        (value.as_object())
            .filter(|object| object.len() == 1)
            .and_then(|object| object.iter().next())
            .and_then(|(name, body)| self.known(name, body))
            .unwrap_or_else(|| Statement::Unknown(value.to_string()))
    }

    fn known(self, name: &str, body: &Value) -> Option<Statement> {
        Some(match name {
            "match" => self.matching(body)?,
            "vmap" => {
                let key = self.expression(body.get("key")?);
                let map = self.map(body.get("data")?, &key.kinds(), &[]);
                Statement::VerdictMap { key, map }
            }
            "mangle" => {
                let key = self.expression(body.get("key")?);
                let value = self.operand(body.get("value")?, &key.kinds());
                if let Expression::Ct(CtKey::Other(_)) = key {
                    return Some(Statement::NoEffect("ct"));
                }
                Statement::Mangle { key, value }
            }
            "dnat" => Statement::Nat(self.nat(NatKind::Dnat, body)?),
            "snat" => Statement::Nat(self.nat(NatKind::Snat, body)?),
            "masquerade" => Statement::Nat(self.nat(NatKind::Masquerade, body)?),
            "redirect" => Statement::Nat(self.nat(NatKind::Redirect, body)?),
            "reject" => Statement::Reject(reject(body)?),
            "notrack" => Statement::Notrack,
            "queue" => Statement::Queue {
                bypass: strings(body.get("flags")).contains(&"bypass"),
            },
            "limit" => match body {
                Value::String(_) => Statement::NamedLimit(self.expression(&reference(body)?)),
                _ if body.get("map").is_some() => Statement::NamedLimit(self.expression(body)),
                _ => Statement::Limit(limit(body)?),
            },
            "quota" => Statement::Quota(body.to_string()),
            "ct count" => Statement::CtCount(body.to_string()),
            "counter" if body.get("map").is_some() => Statement::ObjectMap(self.expression(body)),
            "ct helper" | "ct timeout" | "ct expectation" if body.get("map").is_some() => {
                Statement::ObjectMap(self.expression(body))
            }
            "counter" => Statement::NoEffect("counter"),
            "log" => Statement::NoEffect("log"),
            "last" => Statement::NoEffect("last"),
            "flow" => Statement::FlowOffload,
            "ct helper" | "ct timeout" | "ct expectation" => Statement::NoEffect("ct"),
            "secmark" => Statement::NoEffect("secmark"),
            "reset" => Statement::NoEffect("reset tcp option"),
            "dup" => self.dup(body),
            "fwd" => Statement::Fwd,
            "tproxy" => Statement::Tproxy {
                family: family(body),
                addr: (body.get("addr")).map(|addr| self.operand(addr, &[DataType::Other])),
                port: (body.get("port")).map(|port| self.operand(port, &[DataType::Service])),
            },
            "synproxy" => Statement::Synproxy,
            "set" | "map" => self.update(name, body)?,
            "meter" => Statement::SetUpdate {
                set: body.get("name")?.as_str()?.to_owned(),
                values: self.stored(body, &["key"]),
                statements: body
                    .get("stmt")
                    .map_or_else(Vec::new, |stmt| self.statements(stmt)),
                delete: false,
            },
            "xt" => xt(body),
            _ => return None,
        })
    }

    /// Reads the statements of a rule or of a set's elements.
    pub(in super::super) fn statements(self, value: &Value) -> Vec<Statement> {
        match value.as_array() {
            Some(list) => list.iter().map(|item| self.statement(item)).collect(),
            None => vec![self.statement(value)],
        }
    }

    fn matching(self, body: &Value) -> Option<Statement> {
        let operator = match body.get("op")?.as_str()? {
            "==" => MatchOperator::Equal,
            "!=" => MatchOperator::NotEqual,
            "<" => MatchOperator::Less,
            ">" => MatchOperator::Greater,
            "<=" => MatchOperator::LessOrEqual,
            ">=" => MatchOperator::GreaterOrEqual,
            "in" => MatchOperator::In,
            "!" => MatchOperator::NotIn,
            _ => return None,
        };
        let left = self.expression(body.get("left")?);
        let right = self.operand(body.get("right")?, &left.kinds());
        Some(Statement::Match {
            operator,
            left,
            right,
        })
    }

    fn nat(self, kind: NatKind, body: &Value) -> Option<Nat> {
        if !(body.is_null() || body.is_object()) {
            return None;
        }
        let family = family(body).or(match self.family {
            TableFamily::Ip => Some(Family::V4),
            TableFamily::Ip6 => Some(Family::V6),
            TableFamily::Inet | TableFamily::Arp | TableFamily::Bridge | TableFamily::Netdev => {
                None
            }
        });
        let address = match family {
            Some(Family::V4) => DataType::Ipv4,
            Some(Family::V6) => DataType::Ipv6,
            None => DataType::Other,
        };
        let flags = strings(body.get("flags"));
        let type_flags = strings(body.get("type_flags"));
        Some(Nat {
            kind,
            family,
            addr: (body.get("addr")).map(|addr| self.operand(addr, &[address, DataType::Service])),
            port: (body.get("port")).map(|port| self.operand(port, &[DataType::Service])),
            flags: NatFlags {
                random: flags.contains(&"random") || flags.contains(&"fully-random"),
                persistent: flags.contains(&"persistent"),
                prefix: type_flags.contains(&"prefix") || flags.contains(&"netmap"),
            },
        })
    }

    fn dup(self, body: &Value) -> Statement {
        Statement::Dup {
            addr: (body.get("addr")).map(|addr| self.operand(addr, &[DataType::Other])),
        }
    }

    fn update(self, name: &str, body: &Value) -> Option<Statement> {
        let set = body.get(name)?.as_str()?;
        let delete = match body.get("op")?.as_str()? {
            "add" | "update" => false,
            "delete" => true,
            _ => return None,
        };
        Some(Statement::SetUpdate {
            set: set.strip_prefix('@').unwrap_or(set).to_owned(),
            values: self.stored(body, &["elem", "data"]),
            statements: body
                .get("stmt")
                .map_or_else(Vec::new, |stmt| self.statements(stmt)),
            delete,
        })
    }

    /// What a statement writes to a set; an element's own timeout stands beside its key.
    fn stored(self, body: &Value, names: &[&str]) -> Vec<Expression> {
        (names.iter())
            .filter_map(|name| body.get(*name))
            .map(|value| {
                let own = value.get("elem").and_then(|element| element.get("val"));
                self.expression(own.unwrap_or(value))
            })
            .collect()
    }
}

/// A named object is written like a set.
fn reference(body: &Value) -> Option<Value> {
    Some(Value::String(format!("@{}", body.as_str()?)))
}

fn family(body: &Value) -> Option<Family> {
    match body.get("family")?.as_str()? {
        "ip" => Some(Family::V4),
        "ip6" => Some(Family::V6),
        _ => None,
    }
}

/// A string or a list of them.
fn strings(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn reject(body: &Value) -> Option<RejectKind> {
    if body.is_null() {
        return Some(RejectKind::Default);
    }
    let code = |kind| match body.get("expr") {
        None => Some(None),
        Some(value) => {
            let (_, interval) = constant::read(value, kind)?;
            Some(Some(u8::try_from(interval.value()?).ok()?))
        }
    };
    match body.get("type").and_then(Value::as_str) {
        None => body.get("expr").is_none().then_some(RejectKind::Default),
        Some("tcp reset") => Some(RejectKind::TcpReset),
        Some("icmp") => Some(RejectKind::Icmp(code(DataType::IcmpCode)?.unwrap_or(3))),
        Some("icmpv6") => Some(RejectKind::Icmpv6(code(DataType::Icmpv6Code)?.unwrap_or(4))),
        Some("icmpx") => Some(RejectKind::Icmpx(code(DataType::IcmpxCode)?.unwrap_or(1))),
        Some(_) => None,
    }
}

/// Reads a limit, of a rule or a named one.
pub(in super::super) fn limit(body: &Value) -> Option<Limit> {
    let unit = (body.get("rate_unit").or_else(|| body.get("unit")))
        .and_then(Value::as_str)
        .unwrap_or("packets");
    let per = body.get("per").and_then(Value::as_str).unwrap_or("second");
    let rate = body.get("rate")?.as_u64()?;
    let over = body.get("inv").and_then(Value::as_bool).unwrap_or(false);
    Some(Limit {
        over,
        text: format!("{}{rate} {unit}/{per}", if over { "over " } else { "" }),
    })
}

fn xt(body: &Value) -> Statement {
    let name =
        (body.get("name").and_then(Value::as_str)).map_or_else(|| body.to_string(), str::to_owned);
    match body.get("type").and_then(Value::as_str) {
        Some("watcher") => Statement::NoEffect("xt watcher"),
        Some("match") => Statement::Xt {
            matches: true,
            name,
        },
        _ => Statement::Xt {
            matches: false,
            name,
        },
    }
}
