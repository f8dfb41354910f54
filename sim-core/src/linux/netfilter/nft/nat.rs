//! Translation, rejection and redirection to sockets (`nft_nat_eval()`, `nft_reject_*_eval()`, `nft_tproxy_eval()`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::load::Against;
use super::lookup::{Found, address_kind};
use super::machine::{Flow, Machine, stolen};
use super::value::{Loaded, Part};
use crate::evidence::nft::{Data, DataType, Expression, Interval, Nat, NatKind, RejectKind, Rule};
use crate::linux::netfilter::{NatAction, NatRange, RejectWith, RuleVerdict};
use crate::linux::packet::{Family, Transport, protocol};

/// Addresses and ports that an expression stands for.
enum Target {
    Values(Vec<(DataType, Interval)>),
    Break,
    Unclear(String),
}

/// A range of addresses.
type Addresses = (IpAddr, IpAddr);
/// A range of ports.
type Ports = (u16, u16);

impl<'a> Machine<'a> {
    pub(super) fn nat(&mut self, rule: &'a Rule, nat: &'a Nat) -> Flow {
        // In an inet table the statement does nothing to the other family (`nft_nat_inet_eval()`).
        if nat
            .family
            .is_some_and(|family| family != self.packet.family())
        {
            return Flow::Go;
        }
        let (addresses, mut ports) = match self.target(rule, nat.addr.as_ref()) {
            Ok(found) => found,
            Err(flow) => return flow,
        };
        match self.ports(rule, nat.port.as_ref()) {
            Ok(None) => {}
            Ok(own) => ports = own,
            Err(flow) => return flow,
        }
        let netmap = match (nat.flags.prefix, addresses) {
            (true, Some(range)) => prefix_len(range),
            _ => None,
        };
        if nat.flags.prefix && netmap.is_none() {
            return stolen(rule, "a translation of prefixes that is not understood");
        }
        let range = NatRange {
            addresses,
            ports,
            random: nat.flags.random,
            persistent: nat.flags.persistent,
            netmap,
        };
        let place = place(&range);
        let (action, text) = match nat.kind {
            NatKind::Dnat => (NatAction::Dnat(range), format!("DNAT to {place}")),
            NatKind::Snat => (NatAction::Snat(range), format!("SNAT to {place}")),
            NatKind::Masquerade => (NatAction::Masquerade(range), join("masquerade", &place)),
            NatKind::Redirect => (NatAction::Redirect(range), join("redirect", &place)),
        };
        Flow::End(RuleVerdict::Nat(action), text, rule.source.clone())
    }

    /// The addresses, and the ports where a map gives both.
    fn target(
        &mut self,
        rule: &'a Rule,
        expression: Option<&'a Expression>,
    ) -> Result<(Option<Addresses>, Option<Ports>), Flow> {
        let Some(expression) = expression else {
            return Ok((None, None));
        };
        let values = match self.values(rule, expression) {
            Target::Values(values) => values,
            Target::Break => return Err(Flow::Break),
            Target::Unclear(why) => return Err(stolen(rule, &why)),
        };
        let family = self.packet.family();
        let (addr, port) = match values.as_slice() {
            [addr] => (addr, None),
            [addr, (_, port)] => (addr, Some(*port)),
            _ => {
                return Err(stolen(
                    rule,
                    "a translation to something that is no address",
                ));
            }
        };
        let addresses = addresses(family, *addr)
            .ok_or_else(|| stolen(rule, "a translation to an address of another family"))?;
        let ports = match port {
            None => None,
            Some(port) => Some(
                ports(port)
                    .ok_or_else(|| stolen(rule, "a translation to something that is no port"))?,
            ),
        };
        Ok((Some(addresses), ports))
    }

    fn ports(
        &mut self,
        rule: &'a Rule,
        expression: Option<&'a Expression>,
    ) -> Result<Option<Ports>, Flow> {
        let Some(expression) = expression else {
            return Ok(None);
        };
        match self.values(rule, expression) {
            Target::Values(values) => match values.as_slice() {
                [(_, port)] => ports(*port)
                    .map(Some)
                    .ok_or_else(|| stolen(rule, "a translation to something that is no port")),
                _ => Err(stolen(rule, "a translation to something that is no port")),
            },
            Target::Break => Err(Flow::Break),
            Target::Unclear(why) => Err(stolen(rule, &why)),
        }
    }

    fn values(&mut self, rule: &'a Rule, expression: &'a Expression) -> Target {
        match expression {
            Expression::Value(kind, interval) => Target::Values(vec![(*kind, *interval)]),
            Expression::Concat(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    match self.values(rule, part) {
                        Target::Values(values) => all.extend(values),
                        other => return other,
                    }
                }
                Target::Values(all)
            }
            Expression::Map { key, map } => match self.pick(rule, key, map) {
                Found::Miss => Target::Break,
                Found::Unclear(why) => Target::Unclear(why),
                Found::Element(element) => match &element.data {
                    Some(Data::Value(values)) => Target::Values(values.clone()),
                    Some(Data::Unknown(text)) => {
                        Target::Unclear(format!("`{text}` is not modelled"))
                    }
                    Some(Data::Verdict(_) | Data::Object(_)) | None => {
                        Target::Unclear("the map holds no addresses".into())
                    }
                },
            },
            other => match self.load(rule, other, Against::Nothing) {
                Loaded::Break => Target::Break,
                Loaded::Parts(parts) => match parts.as_slice() {
                    [Part::Is(value)] => {
                        Target::Values(vec![(DataType::Other, Interval::single(*value))])
                    }
                    _ => Target::Unclear("a translation to something that is not known".into()),
                },
            },
        }
    }

    pub(super) fn reject(&mut self, rule: &Rule, kind: RejectKind) -> Flow {
        let v4 = self.packet.family() == Family::V4;
        let unreachable = |code| RejectWith::Icmp {
            kind: if v4 { 3 } else { 1 },
            code,
        };
        let with = match kind {
            RejectKind::Default => unreachable(if v4 { 3 } else { 4 }),
            RejectKind::Icmp(code) if v4 => unreachable(code),
            RejectKind::Icmpv6(code) if !v4 => unreachable(code),
            // nft puts a match on the family before it.
            RejectKind::Icmp(_) | RejectKind::Icmpv6(_) => return Flow::Break,
            RejectKind::Icmpx(code) => match icmpx(code, v4) {
                Some(code) => unreachable(code),
                None => return stolen(rule, "a reject code that is not known"),
            },
            RejectKind::TcpReset if matches!(self.packet.transport, Transport::Tcp { .. }) => {
                RejectWith::TcpReset
            }
            // nft puts `meta l4proto tcp` before it (`stmt_reject_gen_dependency`) and leaves that out when it lists the rule.
            RejectKind::TcpReset => return Flow::Break,
        };
        let text = match with {
            RejectWith::TcpReset => "reject with tcp reset".to_owned(),
            RejectWith::Icmp { kind, code } => format!("reject with icmp {kind}/{code}"),
        };
        Flow::End(RuleVerdict::Reject(with), text, rule.source.clone())
    }

    pub(super) fn tproxy(
        &mut self,
        rule: &'a Rule,
        family: Option<Family>,
        addr: Option<&'a Expression>,
        port: Option<&'a Expression>,
    ) -> Flow {
        let has_ports = matches!(self.packet.protocol(), protocol::TCP | protocol::UDP);
        if !has_ports || family.is_some_and(|family| family != self.packet.family()) {
            return Flow::Break;
        }
        let (addresses, _) = match self.target(rule, addr) {
            Ok(found) => found,
            Err(flow) => return flow,
        };
        let ports = match self.ports(rule, port) {
            Ok(found) => found,
            Err(flow) => return flow,
        };
        let (addr, port) = (addresses.map(|range| range.0), ports.map(|range| range.0));
        self.tproxy = Some(RuleVerdict::Tproxy(addr, port));
        self.did(rule, "tproxy");
        Flow::Go
    }

    pub(super) fn dup(&mut self, rule: &'a Rule, addr: Option<&'a Expression>) -> Flow {
        let value = addr.and_then(|addr| self.known(rule, addr));
        if let (Some(value), Family::V4) = (value, self.packet.family())
            && let Ok(ip) = u32::try_from(value)
        {
            self.effects.copies_to = Some(Ipv4Addr::from(ip));
            self.did(rule, format!("copied to {}", Ipv4Addr::from(ip)));
        }
        Flow::Go
    }
}

fn addresses(family: Family, (kind, interval): (DataType, Interval)) -> Option<Addresses> {
    if kind != address_kind(family) && kind != DataType::Other {
        return None;
    }
    let address = |value: u128| match family {
        Family::V4 => u32::try_from(value)
            .ok()
            .map(|ip| Ipv4Addr::from(ip).into()),
        Family::V6 => Some(IpAddr::from(Ipv6Addr::from(value))),
    };
    Some((address(interval.low)?, address(interval.high)?))
}

fn ports(interval: Interval) -> Option<Ports> {
    let port = |value| u16::try_from(value).ok();
    Some((port(interval.low)?, port(interval.high)?))
}

/// The prefix length of a range that is a whole prefix (`nft_nat_setup_netmap()`).
fn prefix_len(range: Addresses) -> Option<u8> {
    let (host, bits) = match range {
        (IpAddr::V4(low), IpAddr::V4(high)) => (u128::from(u32::from(low) ^ u32::from(high)), 32),
        (IpAddr::V6(low), IpAddr::V6(high)) => (u128::from(low) ^ u128::from(high), 128),
        _ => return None,
    };
    let n_host_bits = u128::BITS - host.leading_zeros();
    let is_prefix = host.trailing_ones() == n_host_bits;
    is_prefix
        .then(|| u8::try_from(bits - n_host_bits).ok())
        .flatten()
}

/// `nft_reject_icmp_code()`, `nft_reject_icmpv6_code()`.
fn icmpx(code: u8, v4: bool) -> Option<u8> {
    Some(match (code, v4) {
        (0, _) => 0,
        (1, true) => 3,
        (1, false) => 4,
        (2, true) => 1,
        (2, false) => 3,
        (3, true) => 13,
        (3, false) => 1,
        _ => return None,
    })
}

fn place(range: &NatRange) -> String {
    let ports = range.ports.map(|(low, high)| {
        if low == high {
            low.to_string()
        } else {
            format!("{low}-{high}")
        }
    });
    let addresses = range.addresses.map(|(low, high)| match (low == high, low) {
        (true, IpAddr::V6(_)) if ports.is_some() => format!("[{low}]"),
        (true, _) => low.to_string(),
        (false, _) => format!("{low}-{high}"),
    });
    match (addresses, ports) {
        (addresses, Some(ports)) => format!("{}:{ports}", addresses.unwrap_or_default()),
        (addresses, None) => addresses.unwrap_or_default(),
    }
}

fn join(name: &str, place: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{name} to {place}")
    }
}
