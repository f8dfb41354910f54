//! Network ACLs: stateless lists of rules at a subnet's edge.

use ipnet::IpNet;

use super::{Direction, PortSet};
use crate::source::Source;

/// A network ACL.
#[derive(Debug, Clone)]
pub struct Acl {
    /// Its id.
    pub id: String,
    /// The subnets that it is bound to, where it lists them itself.
    pub subnets: Vec<String>,
    /// Its rules in the order in which they are tried; not known where they were not captured.
    pub rules: Option<Vec<AclRule>>,
    /// Its entries name source, destination and both ports (Tencent's five-part kind).
    pub is_quintuple: bool,
    /// Where it stands.
    pub source: Source,
}

/// A rule of a network ACL.
#[derive(Debug, Clone)]
pub struct AclRule {
    /// Which way it is for.
    pub direction: Direction,
    /// It lets pass.
    pub accepts: bool,
    /// The protocol; any where there is none.
    pub protocol: Option<u8>,
    /// Where from; anywhere of `family` where there is none.
    pub from: Option<AclPeer>,
    /// Where to.
    pub to: Option<AclPeer>,
    /// Source ports.
    pub source_ports: PortSet,
    /// Destination ports.
    pub ports: PortSet,
    /// It is for IPv6.
    pub is_v6: bool,
    /// Where it stands.
    pub source: Source,
}

/// Addresses that an entry names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclPeer {
    /// A block.
    Net(IpNet),
    /// A prefix list.
    List(String),
}
