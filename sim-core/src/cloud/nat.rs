//! NAT gateways.

use std::net::IpAddr;

use ipnet::IpNet;

use super::PortSet;
use crate::source::Source;

/// A NAT gateway.
#[derive(Debug, Clone)]
pub struct NatGateway {
    /// Its id.
    pub id: String,
    /// Its private network.
    pub vpc: String,
    /// It leads to the internet, not to other private networks.
    pub is_public: bool,
    /// Why it does not forward: its state, a lock.
    pub down: Option<String>,
    /// It forwards only what one of its rules names (Alibaba: always; Tencent: strict mode).
    pub strict: bool,
    /// Its public addresses.
    pub addresses: Vec<IpAddr>,
    /// Rules for what leaves; not known where they were not captured.
    pub snats: Option<Vec<Snat>>,
    /// Rules for what comes in; not known where they were not captured.
    pub dnats: Option<Vec<Dnat>>,
    /// Where it stands.
    pub source: Source,
}

/// A rule for what leaves.
#[derive(Debug, Clone)]
pub struct Snat {
    /// Its id.
    pub id: String,
    /// The sources that it is for.
    pub sources: IpNet,
    /// It names an interface (Tencent): such rules come first.
    pub is_interface: bool,
    /// The addresses that stand for them.
    pub addresses: Vec<IpAddr>,
    /// A source keeps its address.
    pub affinity: bool,
    /// It is in force.
    pub active: bool,
    /// Where it stands.
    pub source: Source,
}

/// A rule for what comes in.
#[derive(Debug, Clone)]
pub struct Dnat {
    /// Its id.
    pub id: String,
    /// The public address.
    pub public: IpAddr,
    /// Its ports; every one for a mapping of addresses.
    pub public_ports: PortSet,
    /// The private address.
    pub private: IpAddr,
    /// The first private port; none for a mapping of addresses.
    pub private_port: Option<u16>,
    /// The first public port.
    pub public_port: Option<u16>,
    /// The protocol; any where there is none.
    pub protocol: Option<u8>,
    /// It is in force.
    pub active: bool,
    /// Where it stands.
    pub source: Source,
}
