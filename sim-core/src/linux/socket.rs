//! Which socket takes a packet (`__inet_lookup_listener`, `inet6_lookup_listener`, `__udp4_lib_lookup`, `__udp6_lib_lookup`).

use super::choice::Doubt;
use super::packet::{Packet, Port, Transport};
use crate::evidence::route::TableId;
use crate::evidence::socket::{ListenAddress, Listener};
use crate::flow::Protocol;
use crate::world::Namespace;

/// The listening socket that takes `packet`, which came in by `iif`.
///
/// # Errors
/// When it is not known which sockets listen.
pub fn find<'a>(
    ns: &'a Namespace,
    packet: &Packet,
    iif: Option<&str>,
) -> Result<Option<&'a Listener>, Doubt> {
    let (protocol, dport) = match &packet.transport {
        Transport::Tcp { dport, .. } => (Protocol::Tcp, *dport),
        Transport::Udp { dport, .. } => (Protocol::Udp, *dport),
        Transport::Sctp { dport, .. } => (Protocol::Sctp, *dport),
        Transport::Icmp { .. } | Transport::IcmpError { .. } | Transport::Other { .. } => {
            return Ok(None);
        }
    };
    ns.known("ss.txt")?;
    let iif = match iif {
        Some("lo") => device_of(ns, packet),
        other => other,
    };
    let port = match dport {
        Port::Known(port) => port,
        Port::Chosen { low, high, .. } => return any_of(ns, packet, protocol, (low, high)),
    };
    Ok(ns
        .listeners
        .iter()
        .filter(|listener| listener.protocol == protocol && listener.port == port)
        .filter(|listener| listener.address.accepts(packet.dst))
        .filter(|listener| {
            listener
                .device
                .as_deref()
                .is_none_or(|device| Some(device) == iif)
        })
        .filter(|listener| {
            listener.peer.is_none_or(|(address, port)| {
                address == packet.src
                    && packet
                        .sport()
                        .is_some_and(|sport| sport == Port::Known(port))
            })
        })
        .max_by_key(|listener| rank(listener)))
}

/// Of a port that the kernel chooses (DNAT to a range, `--random`) it is not known who takes it, unless nobody listens on
/// any of the range.
fn any_of<'a>(
    ns: &'a Namespace,
    packet: &Packet,
    protocol: Protocol,
    (low, high): (u16, u16),
) -> Result<Option<&'a Listener>, Doubt> {
    let mut listeners = ns.listeners.iter();
    let listener = listeners.find(|listener| {
        listener.protocol == protocol
            && (low..=high).contains(&listener.port)
            && listener.address.accepts(packet.dst)
    });
    match listener {
        None => Ok(None),
        Some(listener) => Err(Doubt {
            what: format!("which port of {low} to {high} the kernel chooses"),
            settle: String::new(),
            source: Some(listener.source.clone()),
        }),
    }
}

/// What stays here counts as received by the device that has its destination (`rt_iif`, `rt6i_idev`).
fn device_of<'a>(ns: &'a Namespace, packet: &Packet) -> Option<&'a str> {
    ns.routes(packet.family())
        .iter()
        .filter(|route| route.table == TableId::LOCAL && route.dst.contains(&packet.dst))
        .max_by_key(|route| route.dst.prefix_len())
        .and_then(|route| route.nexthops.first())
        .and_then(|nexthop| nexthop.device.as_deref())
}

/// The most specific one wins: an address before a wildcard, then what `compute_score()` adds up.
fn rank(listener: &Listener) -> (bool, u8, bool) {
    (
        matches!(listener.address, ListenAddress::Ip(_)),
        u8::from(listener.peer.is_some()) * 8 + u8::from(listener.device.is_some()) * 4,
        listener.address == ListenAddress::V4Any,
    )
}

/// The sockets that share `listener`'s address and port (SO_REUSEPORT): which one takes a packet is up to its hash
/// (`reuseport_select_sock`).
pub fn group<'a>(ns: &'a Namespace, listener: &Listener) -> Vec<&'a Listener> {
    ns.listeners
        .iter()
        .filter(|other| {
            other.protocol == listener.protocol
                && other.port == listener.port
                && other.address == listener.address
                && other.device == listener.device
                && other.peer == listener.peer
        })
        .collect()
}

/// Whether the program has left more connections waiting than its backlog holds (`sk_acceptq_is_full`).
#[must_use]
pub fn is_full(listener: &Listener) -> bool {
    listener.protocol == Protocol::Tcp && listener.recv_q > listener.send_q
}

/// Listening sockets on the packet's port that do not take it: what a person would look at.
pub fn near_misses<'a>(ns: &'a Namespace, packet: &Packet) -> impl Iterator<Item = &'a Listener> {
    let dport = packet.dport();
    let protocol = match &packet.transport {
        Transport::Udp { .. } => Protocol::Udp,
        Transport::Sctp { .. } => Protocol::Sctp,
        Transport::Tcp { .. }
        | Transport::Icmp { .. }
        | Transport::IcmpError { .. }
        | Transport::Other { .. } => Protocol::Tcp,
    };
    ns.listeners.iter().filter(move |listener| {
        listener.protocol == protocol && dport == Some(Port::Known(listener.port))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::packet::TcpFlags;

    #[test]
    fn a_port_of_a_range_may_have_a_listener() {
        let ns = Namespace::of(&[("ss.txt", "tcp LISTEN 0 128 0.0.0.0:8005 0.0.0.0:*\n")]);
        let to = |dst: &str, low, high| {
            let packet = Packet {
                src: "10.0.0.1".parse().unwrap(),
                dst: dst.parse().unwrap(),
                transport: Transport::Tcp {
                    sport: Port::Known(40000),
                    dport: Port::Chosen { id: 1, low, high },
                    flags: TcpFlags(TcpFlags::SYN),
                },
                length: 60,
                dont_fragment: true,
                ttl: 64,
                tos: 0,
                mark: 0,
            };
            find(&ns, &packet, Some("eth0")).map(|found| found.is_some())
        };
        assert!(to("10.0.0.2", 8000, 8010).is_err());
        assert_eq!(to("10.0.0.2", 9000, 9010), Ok(false));
        assert_eq!(to("fd00::2", 8000, 8010), Ok(false));
    }
}
