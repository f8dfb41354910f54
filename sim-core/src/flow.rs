//! The question: who, to whom, with which protocol and port.

mod balancer;
mod cloud;
mod resolve;
mod sender;

pub(crate) use resolve::{Resolved, Unresolved, port, ports_of, resolve, wrong};
pub(crate) use sender::{Sender, sender};

use serde::{Deserialize, Serialize};

/// A transport protocol that a flow can ask for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// ICMP echo (ICMPv6 for IPv6): no port.
    Icmp,
}

/// A question as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct FlowRequest {
    /// `pod:ns/name`, `node:name`, `ip:1.2.3.4`, or a bare address.
    pub from: String,
    /// The same, or `service:ns/name`, `dns:name[:port]`, `https://host[:port]/path`.
    pub to: String,
    /// The destination port; for a service it may be left out where the service has one port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The protocol; TCP unless given.
    #[serde(default)]
    pub protocol: Protocol,
    /// Payload bytes sent each way; a small packet unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u32>,
    /// What reaches a boundary of the captured world counts as `unknown`, not as `connected`.
    #[serde(default)]
    pub strict: bool,
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
            Self::Icmp => "ICMP",
        })
    }
}
