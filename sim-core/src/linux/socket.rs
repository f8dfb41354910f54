//! Which socket takes a packet (`__inet_lookup_listener`, `__udp4_lib_lookup`).

use super::choice::Doubt;
use super::packet::{Packet, Port, Transport};
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
    let Port::Known(port) = dport else {
        return Ok(None);
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
        // The most specific one wins (`compute_score`).
        .max_by_key(|listener| {
            (
                listener.device.is_some(),
                matches!(listener.address, ListenAddress::Ip(_)),
                listener.address == ListenAddress::V4Any,
            )
        }))
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
