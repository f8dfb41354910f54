//! Header fields (`nft_payload_eval()`, and the protocol checks that nft puts before them).

use super::machine::Machine;
use super::value::Loaded;
use crate::evidence::nft::{Field, PortOwner, Rule, TableFamily, ether};
use crate::linux::netfilter::Hook;
use crate::linux::packet::{Family, Port, Transport, protocol};
use std::net::IpAddr;

const DONT_FRAGMENT: u32 = 0x4000;
const IP6_HEADER: u32 = 40;

/// An address as a number.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

impl Machine<'_> {
    pub(super) fn payload(&mut self, rule: &Rule, field: &Field) -> Loaded {
        let packet = &self.packet;
        let v4 = packet.family() == Family::V4;
        let (dscp, ecn) = (packet.tos >> 2, packet.tos & 3);
        let ip4 = |value: u128| if v4 { Loaded::is(value) } else { Loaded::Break };
        let ip6 = |value: u128| if v4 { Loaded::Break } else { Loaded::is(value) };
        if matches!(field, Field::Ip4Length | Field::Ip6Length) {
            self.ctx.looks_at_length();
        }
        match field {
            Field::EtherSource | Field::EtherDestination | Field::EtherType => {
                self.link(rule, field)
            }
            Field::Ip4Source => ip4(number(packet.src)),
            Field::Ip4Destination => ip4(number(packet.dst)),
            Field::Ip4Protocol => ip4(packet.protocol().into()),
            Field::Ip4Ttl => ip4(packet.ttl.into()),
            Field::Ip4Length => ip4(packet.length.into()),
            Field::Ip4Dscp => ip4(dscp.into()),
            Field::Ip4Ecn => ip4(ecn.into()),
            Field::Ip4Version => ip4(4),
            Field::Ip4FragmentOffset => ip4(if packet.dont_fragment {
                DONT_FRAGMENT.into()
            } else {
                0
            }),
            Field::Ip6Source => ip6(number(packet.src)),
            Field::Ip6Destination => ip6(number(packet.dst)),
            Field::Ip6NextHeader => ip6(packet.protocol().into()),
            Field::Ip6HopLimit => ip6(packet.ttl.into()),
            Field::Ip6Length => ip6(packet.length.saturating_sub(IP6_HEADER).into()),
            Field::Ip6Dscp => ip6(dscp.into()),
            Field::Ip6Ecn => ip6(ecn.into()),
            Field::Ip6Version => ip6(6),
            Field::SourcePort(owner) => self.port(rule, *owner, true),
            Field::DestinationPort(owner) => self.port(rule, *owner, false),
            Field::TcpFlags => match &packet.transport {
                Transport::Tcp { flags, .. } => Loaded::is(flags.0),
                _ => Loaded::Break,
            },
            Field::IcmpType => self.icmp(rule, protocol::ICMP, IcmpPart::Kind),
            Field::IcmpCode => self.icmp(rule, protocol::ICMP, IcmpPart::Code),
            Field::IcmpId => self.icmp(rule, protocol::ICMP, IcmpPart::Id),
            Field::Icmpv6Type => self.icmp(rule, protocol::ICMPV6, IcmpPart::Kind),
            Field::Icmpv6Code => self.icmp(rule, protocol::ICMPV6, IcmpPart::Code),
            Field::Icmpv6Id => self.icmp(rule, protocol::ICMPV6, IcmpPart::Id),
            Field::Other { protocol, field } => self.other(rule, protocol, field),
        }
    }

    fn port(&self, rule: &Rule, owner: PortOwner, source: bool) -> Loaded {
        if let PortOwner::Protocol(wanted) = owner
            && wanted != self.packet.protocol()
        {
            return Loaded::Break;
        }
        let port: Option<Port> = if source {
            self.packet.sport()
        } else {
            self.packet.dport()
        };
        match (port, &self.packet.transport) {
            (Some(port), _) => Loaded::port(port, &rule.source),
            // `th` looks at the bytes, whatever they mean: here type and code.
            (
                None,
                Transport::Icmp { kind, code, .. } | Transport::IcmpError { kind, code, .. },
            ) if source => Loaded::is(u16::from_be_bytes([*kind, *code])),
            (None, _) => Loaded::any(self.doubt(
                "the transport header of a protocol without ports is not modelled",
                "",
                &rule.source,
            )),
        }
    }

    fn icmp(&self, rule: &Rule, wanted: u8, part: IcmpPart) -> Loaded {
        if self.packet.protocol() != wanted {
            return Loaded::Break;
        }
        match (&self.packet.transport, part) {
            (Transport::Icmp { kind, .. } | Transport::IcmpError { kind, .. }, IcmpPart::Kind) => {
                Loaded::is(*kind)
            }
            (Transport::Icmp { code, .. } | Transport::IcmpError { code, .. }, IcmpPart::Code) => {
                Loaded::is(*code)
            }
            (Transport::Icmp { id, .. }, IcmpPart::Id) => Loaded::port(*id, &rule.source),
            _ => Loaded::any(self.doubt(
                "this part of the ICMP header is not modelled",
                "",
                &rule.source,
            )),
        }
    }

    /// The link layer's header, which packets from a local socket have not got yet.
    fn link(&self, rule: &Rule, field: &Field) -> Loaded {
        if self.ctx.hook == Hook::Output && !self.ctx.bridged {
            return Loaded::Break;
        }
        let unknown = |what: &str| Loaded::any(self.doubt(what, "", &rule.source));
        match field {
            Field::EtherSource => match self
                .ctx
                .source_mac
                .map(|mac| mac.to_string())
                .as_deref()
                .and_then(ether)
            {
                Some(mac) => Loaded::is(mac),
                None => unknown("the source MAC address is not known here"),
            },
            Field::EtherType => Loaded::is(self.ether_type()),
            _ => unknown("the destination MAC address is not modelled"),
        }
    }

    pub(super) fn ether_type(&self) -> u32 {
        match self.packet.family() {
            Family::V4 => 0x0800,
            Family::V6 => 0x86dd,
        }
    }

    fn other(&self, rule: &Rule, header: &str, field: &str) -> Loaded {
        let number = self.packet.protocol();
        let may_have = match header {
            "ip" => self.packet.family() == Family::V4,
            "ip6" => self.packet.family() == Family::V6,
            "tcp" => number == protocol::TCP,
            "udp" => number == protocol::UDP,
            "sctp" => number == protocol::SCTP,
            "icmp" => number == protocol::ICMP,
            "icmpv6" => number == protocol::ICMPV6,
            "igmp" => number == 2,
            "dccp" => number == 33,
            "gre" => number == 47,
            "esp" => number == 50,
            "ah" => number == 51,
            "comp" => number == 108,
            "udplite" => number == 136,
            "arp" => false,
            "vlan" => matches!(
                self.chain.family,
                TableFamily::Bridge | TableFamily::Netdev | TableFamily::Arp
            ),
            _ => true,
        };
        if !may_have {
            return Loaded::Break;
        }
        Loaded::any(self.doubt(
            format!("`{header} {field}` is not modelled"),
            "",
            &rule.source,
        ))
    }
}

#[derive(Debug, Clone, Copy)]
enum IcmpPart {
    Kind,
    Code,
    Id,
}
