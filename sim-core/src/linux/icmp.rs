//! ICMP errors: who is told what (`icmp_send`, `icmp_err_convert`, `icmpv6_err_convert`).

use std::net::IpAddr;

use super::choice::Doubt;
use super::conntrack;
use super::fib::{self, FibKey, NoRoute};
use super::packet::{Family, Packet, Port, Transport, Tuple, protocol};
use super::sysctl;
use crate::evidence::route::RouteKind;
use crate::verdict::Outcome;
use crate::world::Namespace;

/// An ICMP error about `packet`; its source is chosen when it is sent.
#[must_use]
pub fn error(packet: &Packet, kind: u8, code: u8) -> Packet {
    let unspecified = match packet.family() {
        Family::V4 => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    };
    let about = conntrack::tuple_of(packet).unwrap_or(Tuple {
        protocol: packet.protocol(),
        src: packet.src,
        sport: Port::Known(0),
        dst: packet.dst,
        dport: Port::Known(0),
    });
    Packet {
        src: unspecified,
        dst: packet.src,
        transport: Transport::IcmpError { kind, code, about },
        length: packet.length.saturating_add(28).min(576),
        dont_fragment: false,
        ttl: 64,
        // `icmp_send()`: internet control's precedence on the packet's own TOS; `icmp6_send()` does not take it over.
        tos: match packet.family() {
            Family::V4 => (packet.tos & 0x1e) | 0xc0,
            Family::V6 => 0,
        },
        mark: 0,
    }
}

/// Whether errors to `sender` stay unsent: the routes of `ns` take it for an anycast address, as they take the first one
/// of each prefix on a link (`icmpv6_route_lookup`, `ipv6_anycast_destination`). Flannel gives its device just that one.
///
/// # Errors
/// When its route is not known.
pub fn is_withheld(ns: &Namespace, sender: IpAddr) -> Result<bool, Doubt> {
    let IpAddr::V6(_) = sender else {
        return Ok(false);
    };
    for file in ["ip6-route.json", "ip6-rule.json", "sysctl.txt"] {
        ns.known(file)?;
    }
    if sysctl::integer(ns, "net.ipv6.icmp.error_anycast_as_unicast", 0).value != 0 {
        return Ok(false);
    }
    let found = match fib::lookup(ns, &FibKey::to(sender)) {
        Ok(found) => found,
        Err(NoRoute::Undecided(doubt)) => return Err(doubt),
        Err(NoRoute::Missing | NoRoute::Refused { .. }) => return Ok(false),
    };
    let prefix = found.route.dst;
    Ok(found.route.kind == RouteKind::Anycast
        || prefix.prefix_len() < 127
            && prefix.addr() == sender
            && found.nexthops.iter().all(|way| way.gateway.is_none()))
}

/// Fragmentation needed, or packet too big.
#[must_use]
pub fn too_big(packet: &Packet, mtu: u32) -> Packet {
    let _ = mtu;
    match packet.family() {
        Family::V4 => error(packet, 3, 4),
        Family::V6 => error(packet, 2, 0),
    }
}

/// Type and code of "host unreachable".
#[must_use]
pub fn host_unreachable(family: Family) -> (u8, u8) {
    match family {
        Family::V4 => (3, 1),
        Family::V6 => (1, 3),
    }
}

/// Type and code of "network unreachable" (no route).
#[must_use]
pub fn net_unreachable(family: Family) -> (u8, u8) {
    match family {
        Family::V4 => (3, 0),
        Family::V6 => (1, 0),
    }
}

/// Type and code of "administratively prohibited".
#[must_use]
pub fn prohibited(family: Family) -> (u8, u8) {
    match family {
        Family::V4 => (3, 13),
        Family::V6 => (1, 1),
    }
}

/// Type and code of "beyond scope of source address" (IPv6).
#[must_use]
pub fn beyond_scope() -> (u8, u8) {
    (1, 2)
}

/// Type and code of "port unreachable".
#[must_use]
pub fn port_unreachable(family: Family) -> (u8, u8) {
    match family {
        Family::V4 => (3, 3),
        Family::V6 => (1, 4),
    }
}

/// Type and code of "time exceeded in transit".
#[must_use]
pub fn time_exceeded(family: Family) -> (u8, u8) {
    match family {
        Family::V4 => (11, 0),
        Family::V6 => (3, 0),
    }
}

/// What a connecting socket makes of an error that reaches it.
///
/// TCP reports every unreachable while connecting (`tcp_v4_err`); a connected UDP socket only the fatal ones of
/// `icmp_err_convert` (`__udp4_lib_err`).
#[must_use]
pub fn noticed(family: Family, protocol: u8, kind: u8, code: u8) -> Outcome {
    let (is_port, is_fatal, is_unreachable) = match family {
        Family::V4 => (
            kind == 3 && code == 3,
            kind == 3 && matches!(code, 2 | 3 | 5 | 6..=10 | 13..=15),
            matches!((kind, code), (3, 0..=3 | 5..=15) | (11 | 12, _)),
        ),
        Family::V6 => (
            kind == 1 && code == 4,
            (kind == 1 && matches!(code, 1 | 4 | 5 | 6)) || kind == 4,
            matches!(kind, 1 | 3 | 4),
        ),
    };
    match protocol {
        protocol::TCP if is_port => Outcome::Refused,
        protocol::TCP if is_unreachable => Outcome::Unreachable,
        protocol::TCP => Outcome::Timeout,
        // ping reports what it hears.
        protocol::ICMP | protocol::ICMPV6 if is_unreachable => Outcome::Unreachable,
        _ if is_port => Outcome::Refused,
        _ if is_fatal => Outcome::Unreachable,
        _ => Outcome::Timeout,
    }
}

/// What a local sender notices of a neighbour that does not resolve (`ipv4_link_failure`, `arp_error_report`).
#[must_use]
pub fn local_neighbour_error(protocol: u8) -> Outcome {
    match protocol {
        // The error is an ICMP host unreachable to itself, which UDP does not report.
        protocol::UDP => Outcome::Timeout,
        _ => Outcome::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn udp_clients_do_not_see_host_unreachable() {
        assert_eq!(noticed(Family::V4, protocol::UDP, 3, 1), Outcome::Timeout);
        assert_eq!(
            noticed(Family::V4, protocol::TCP, 3, 1),
            Outcome::Unreachable
        );
    }

    #[test]
    fn port_unreachable_is_refused_for_both() {
        assert_eq!(noticed(Family::V4, protocol::UDP, 3, 3), Outcome::Refused);
        assert_eq!(noticed(Family::V4, protocol::TCP, 3, 3), Outcome::Refused);
    }
}
