//! Route tables.

use std::net::IpAddr;
use std::sync::OnceLock;

use ipnet::IpNet;

use super::Region;
use super::index::RouteIndex;
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
    /// Which of its entries may be for an address, made when it is first asked.
    pub(super) index: OnceLock<RouteIndex>,
}

impl RouteTable {
    /// The entries that may be for `address`, in their order; none where they were not captured.
    pub(super) fn around(&self, address: IpAddr) -> Option<Vec<&RouteEntry>> {
        let entries = self.entries.as_ref()?;
        let index = self.index.get_or_init(|| RouteIndex::new(entries));
        let places = index.around(address).into_iter();
        Some(places.filter_map(|place| entries.get(place)).collect())
    }
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
    Address(IpAddr),
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
    /// Where a person changes a route: in `table`, else where the cluster keeps its routes for pods.
    #[must_use]
    pub fn routes_object(
        &self,
        table: Option<&RouteTable>,
        entry: Option<&RouteEntry>,
    ) -> Option<String> {
        let id = table.map(|table| table.id.as_str());
        let id = id.or_else(|| {
            // Several clusters may keep routes: those of one are meant only where there is no other.
            let mut kept = self.pod_routes.iter().map(|route| route.id.as_str());
            let only = kept.next().filter(|only| kept.all(|id| id == *only));
            entry.map(|entry| entry.id.as_str()).or(only)
        });
        let id = id.filter(|id| !id.is_empty())?;
        Some(format!("cloud:{id}"))
    }

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

impl Destination {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Net(net) => net.to_string(),
            Self::List(id) => id.clone(),
        }
    }
}
