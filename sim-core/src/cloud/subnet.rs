//! Private networks, their subnets, and the gateways between them and others.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Works;
use crate::source::Source;

/// A private network (VPC).
#[derive(Debug, Clone)]
pub struct Vpc {
    /// Its id.
    pub id: String,
    /// Its address blocks.
    pub blocks: Vec<IpNet>,
    /// Blocks for containers, which are routed by the cluster's own routes (Tencent's auxiliary CIDRs of type 1).
    pub container_blocks: Vec<IpNet>,
    /// Name servers that its machines are told.
    pub name_servers: Vec<IpAddr>,
    /// Public addresses that count as private here (Alibaba's user CIDRs).
    pub user_blocks: Vec<IpNet>,
    /// Where it stands.
    pub source: Source,
}

impl Vpc {
    /// Whether `address` is in one of its own blocks.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|block| block.contains(&address))
    }
}

/// A subnet (vSwitch).
#[derive(Debug, Clone)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Its private network.
    pub vpc: String,
    /// Its address blocks.
    pub blocks: Vec<IpNet>,
    /// The route table in force.
    pub table: Option<String>,
    /// The network ACL bound to it.
    pub acl: Option<String>,
    /// Where it stands.
    pub source: Source,
}

/// An IPv4 or IPv6 gateway.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Its id.
    pub id: String,
    /// Its private network.
    pub vpc: String,
    /// It is one for IPv6.
    pub is_v6: bool,
    /// It does its work (for IPv4: public access is centralised on it).
    pub enabled: bool,
    /// Where it stands.
    pub source: Source,
}

/// A peering of two private networks.
#[derive(Debug, Clone)]
pub struct Peering {
    /// Its id.
    pub id: String,
    /// The two networks.
    pub vpcs: [String; 2],
    /// Whether it forwards.
    pub works: Works,
    /// Where it stands.
    pub source: Source,
}
