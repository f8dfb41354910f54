//! `ipvsadm-save.txt`: IPVS's virtual services, as `ipvsadm -Sn` prints them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::flow::Protocol;
use crate::source::{Parsed, Source, SourceFile};

/// A virtual service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualService {
    /// What packets it takes.
    pub key: ServiceKey,
    /// The scheduler: `rr`, `wrr`, `lc`, `sh` …
    pub scheduler: String,
    /// The scheduler's flags, e.g. `sh-fallback`, `flag-1`.
    pub flags: Vec<String>,
    /// One client goes to one server for this many seconds.
    pub persistent: Option<u32>,
    /// Which clients count as one: an IPv4 netmask's or an IPv6 prefix length.
    pub netmask: Option<u8>,
    /// The persistence engine, e.g. `sip`.
    pub persistence_engine: Option<String>,
    /// One-packet scheduling (UDP).
    pub one_packet: bool,
    /// Its servers, in order.
    pub servers: Vec<RealServer>,
    /// Where it was read.
    pub source: Source,
}

/// What packets a virtual service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceKey {
    /// A protocol, address and port; port 0 is all ports.
    Address {
        /// TCP, UDP or SCTP.
        protocol: Protocol,
        /// The address and port.
        address: SocketAddr,
    },
    /// Packets with this mark.
    Fwmark {
        /// The mark.
        mark: u32,
        /// IPv6 packets (`-6`).
        v6: bool,
    },
}

/// A real server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealServer {
    /// Its address.
    pub address: IpAddr,
    /// Its port; 0 keeps the packet's.
    pub port: u16,
    /// How packets get to it.
    pub forwarding: Forwarding,
    /// Its weight; 0 takes no new connections.
    pub weight: u32,
    /// No new connections above this many; 0 is no limit.
    pub upper_threshold: u32,
    /// New connections again below this many; 0 is no limit.
    pub lower_threshold: u32,
    /// Tunnel encapsulation of `Tunnel`: `ipip`, `gue` or `gre`.
    pub tunnel: Option<String>,
    /// Where it was read.
    pub source: Source,
}

/// How IPVS forwards (`IP_VS_CONN_F_FWD_MASK`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forwarding {
    /// `-m`: the destination is translated.
    Masquerade,
    /// `-g`: the frame is sent to the server unchanged.
    Direct,
    /// `-i`: the packet is tunnelled.
    Tunnel,
}

/// Reads `ipvsadm-save.txt`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<VirtualService>> {
    let _ = file;
    Parsed::default()
}
