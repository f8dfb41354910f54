//! Ports, flags, types: what the transport's header shows (`tcp_mt()`, `multiport_mt()` and others).

use super::condition::doubt;
use crate::evidence::xtables::{
    IcmpKind, IcmpMatch, Match, MultiportMatch, PortRange, PortSide, PortsMatch, SctpMatch,
    TcpMatch, Term,
};
use crate::linux::choice::{Doubt, Tri};
use crate::linux::netfilter::port_within;
use crate::linux::packet::{Packet, Port, Transport};
use crate::source::Source;

/// A certain no for other protocols; for its own, what the header holds is not simulated.
pub(super) fn of_protocol(protocol: u8, item: &Match, packet: &Packet, source: &Source) -> Tri {
    if packet.protocol() == protocol {
        doubt(item, "this part of the packet is not simulated", "", source)
    } else {
        Tri::No
    }
}

/// Whether `port` is in the range of `term`.
fn port_holds(term: Option<Term<PortRange>>, port: Option<Port>, source: &Source) -> Tri {
    let Some(Term { negated, value }) = term else {
        return Tri::Yes;
    };
    in_ports(port, value, source).negate_if(negated)
}

pub(super) fn in_ports(port: Option<Port>, range: PortRange, source: &Source) -> Tri {
    let Some(port) = port else {
        return Tri::No;
    };
    port_within(port, range.low, range.high, source)
}

pub(super) fn ports_hold(ports: &PortsMatch, packet: &Packet, source: &Source) -> Tri {
    port_holds(ports.sport, packet.sport(), source).and(port_holds(
        ports.dport,
        packet.dport(),
        source,
    ))
}

/// `tcp_mt()`
pub(super) fn tcp_holds(tcp: &TcpMatch, packet: &Packet, source: &Source) -> Tri {
    let Transport::Tcp { flags, .. } = packet.transport else {
        return Tri::No;
    };
    let flags = tcp.flags.is_none_or(
        |Term {
             negated,
             value: (mask, set),
         }| { (flags.0 & mask == set) != negated },
    );
    let option = match tcp.option {
        None => Tri::Yes,
        Some(option) => Tri::Unknown(Doubt {
            what: format!("whether the TCP header has option `{}`", option.value),
            settle: String::new(),
            source: Some(source.clone()),
        }),
    };
    (port_holds(tcp.sport, packet.sport(), source))
        .and(port_holds(tcp.dport, packet.dport(), source))
        .and(Tri::from(flags))
        .and(option)
}

pub(super) fn sctp_holds(sctp: &SctpMatch, item: &Match, packet: &Packet, source: &Source) -> Tri {
    let Transport::Sctp { .. } = packet.transport else {
        return Tri::No;
    };
    let chunks = match &sctp.chunks {
        None => Tri::Yes,
        Some(_) => doubt(item, "SCTP chunks are not simulated", "", source),
    };
    (port_holds(sctp.sport, packet.sport(), source))
        .and(port_holds(sctp.dport, packet.dport(), source))
        .and(chunks)
}

/// `icmp_match()` and `icmp6_match()`
pub(super) fn icmp_holds(icmp: &IcmpMatch, packet: &Packet) -> Tri {
    let (Transport::Icmp { kind, code, .. } | Transport::IcmpError { kind, code, .. }) =
        packet.transport
    else {
        return Tri::No;
    };
    let Some(Term { negated, value }) = icmp.kind else {
        return Tri::Yes;
    };
    let hit = match value {
        IcmpKind::Any => true,
        IcmpKind::Type(wanted) => kind == wanted,
        IcmpKind::Code(wanted, wanted_code) => (kind, code) == (wanted, wanted_code),
    };
    Tri::from(hit != negated)
}

/// `multiport_mt()`
pub(super) fn multiport_holds(
    multiport: &MultiportMatch,
    item: &Match,
    packet: &Packet,
    source: &Source,
) -> Tri {
    if matches!(packet.transport, Transport::Other { .. }) {
        return doubt(item, "the packet's ports are not simulated", "", source);
    }
    let hit = |port| {
        (multiport.ports.value.iter())
            .map(|range| in_ports(port, *range, source))
            .fold(Tri::No, Tri::or)
    };
    let hit = match multiport.side {
        PortSide::Source => hit(packet.sport()),
        PortSide::Destination => hit(packet.dport()),
        PortSide::Either => hit(packet.sport()).or(hit(packet.dport())),
    };
    hit.negate_if(multiport.ports.negated)
}
