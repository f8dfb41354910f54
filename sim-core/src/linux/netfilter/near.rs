//! Nearest misses: rules that would have let a packet pass but for one field.

use crate::linux::packet::{Packet, Port, protocol};
use crate::source::Source;

/// So many are shown.
pub(super) const MOST: usize = 3;

/// A rule that fits but for one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// In words.
    pub text: String,
    /// The rule.
    pub source: Source,
}

/// A packet's protocol, as iptables and nft write it.
pub(super) fn protocol_of(packet: &Packet) -> String {
    match packet.protocol() {
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::SCTP => "sctp".to_owned(),
        protocol::ICMP => "icmp".to_owned(),
        protocol::ICMPV6 => "ipv6-icmp".to_owned(),
        other => other.to_string(),
    }
}

/// A port, in words.
pub(super) fn port(port: Option<Port>) -> String {
    match port {
        Some(Port::Known(port)) => port.to_string(),
        Some(Port::Chosen { low, high, .. }) => format!("{low}-{high}"),
        None => "none".to_owned(),
    }
}
