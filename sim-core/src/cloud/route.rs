//! Route tables.

use ipnet::IpNet;

use super::Region;
use crate::source::Source;

/// A route table.
#[derive(Debug, Clone)]
pub struct RouteTable {
    /// Its id.
    pub id: String,
    /// Its private network.
    pub vpc: String,
    /// It is the one of subnets that name no other.
    pub main: bool,
    /// The gateways that it is bound to, for what comes in by them.
    pub gateways: Vec<String>,
    /// Its entries; not known where they were not captured.
    pub entries: Option<Vec<RouteEntry>>,
    /// Where it stands.
    pub source: Source,
}

/// A route.
#[derive(Debug, Clone)]
pub struct RouteEntry {
    /// Its id.
    pub id: String,
    /// Where it leads.
    pub destination: Destination,
    /// It is in force.
    pub active: bool,
    /// Its state, as the API writes it.
    pub status: String,
    /// The next hops, of which one is taken.
    pub hops: Vec<Hop>,
    /// Where it stands.
    pub source: Source,
}

/// What a route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A block.
    Net(IpNet),
    /// A prefix list.
    List(String),
}

/// A next hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Of what kind.
    pub kind: HopKind,
    /// Its share among several.
    pub weight: u64,
    /// It is in order; one of several that is not gets nothing.
    pub enabled: bool,
}

/// The kinds of next hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HopKind {
    /// Inside the private network.
    Local,
    /// The cloud's own services.
    Service,
    /// A machine's first interface.
    Instance(String),
    /// The machine with this private address.
    Address(std::net::IpAddr),
    /// An interface.
    Interface(String),
    /// A NAT gateway.
    Nat(String),
    /// An IPv4 gateway.
    Ipv4Gateway(String),
    /// An IPv6 gateway.
    Ipv6Gateway(String),
    /// A peering.
    Peering(String),
    /// The sender's own public address (Tencent's `EIP`).
    OwnPublic,
    /// Something that is not modelled: its kind and id.
    Other(String, String),
}

impl HopKind {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Local => "local".to_owned(),
            Self::Service => "service".to_owned(),
            Self::Instance(id) => format!("instance {id}"),
            Self::Address(address) => format!("the machine at {address}"),
            Self::Interface(id) => format!("interface {id}"),
            Self::Nat(id) => format!("NAT gateway {id}"),
            Self::Ipv4Gateway(id) => format!("IPv4 gateway {id}"),
            Self::Ipv6Gateway(id) => format!("IPv6 gateway {id}"),
            Self::Peering(id) => format!("peering {id}"),
            Self::OwnPublic => "the own public address".to_owned(),
            Self::Other(kind, id) => format!("{kind} {id}"),
        }
    }
}

impl Region {
    /// The route table in force for a subnet.
    #[must_use]
    pub fn table_of(&self, subnet: &str) -> Option<&RouteTable> {
        let subnet = self.subnet(subnet)?;
        let named = subnet.table.as_ref();
        let mut tables = self.tables.iter();
        match named {
            Some(id) => tables.find(|table| table.id == *id),
            None => tables.find(|table| table.main && table.vpc == subnet.vpc),
        }
    }
}
