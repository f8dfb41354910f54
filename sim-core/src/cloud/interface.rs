//! Machines and their network interfaces.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Works;
use crate::evidence::mac::Mac;
use crate::source::Source;

/// A machine (ECS instance, CVM).
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Whether it runs; where it is locked it may have no network.
    pub works: Works,
    /// Its private network.
    pub vpc: String,
    /// Addresses of its first interface.
    pub addresses: Vec<IpAddr>,
    /// Public addresses of its first interface, elastic or its own.
    pub public: Vec<IpAddr>,
    /// Its own bandwidth to the internet, in Mbit/s, where it is told.
    pub bandwidth: Option<u64>,
    /// Where it stands.
    pub source: Source,
}

/// A network interface (ENI).
#[derive(Debug, Clone)]
pub struct Interface {
    /// Its id.
    pub id: String,
    /// The machine that it is attached to.
    pub instance: Option<String>,
    /// It is its machine's first.
    pub primary: bool,
    /// Its hardware address.
    pub mac: Option<Mac>,
    /// Its private network.
    pub vpc: String,
    /// Its subnet.
    pub subnet: String,
    /// Its addresses.
    pub addresses: Vec<InterfaceAddress>,
    /// Blocks whose addresses are all its own.
    pub prefixes: Vec<IpNet>,
    /// Its security groups, in the order of the API.
    pub groups: Vec<String>,
    /// It takes and sends packets of its own addresses only.
    pub source_dest_check: bool,
    /// Where it stands.
    pub source: Source,
}

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// It.
    pub address: IpAddr,
    /// It is the first.
    pub primary: bool,
    /// The public address that stands for it outside.
    pub public: Option<IpAddr>,
}

impl Interface {
    /// Whether `address` is one of its own.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.address == address)
            || self.prefixes.iter().any(|own| own.contains(&address))
    }

    /// What a person knows it by.
    #[must_use]
    pub fn object(&self) -> String {
        format!("cloud:{}", self.id)
    }
}

impl Instance {
    /// What a person knows it by.
    #[must_use]
    pub fn object(&self) -> String {
        format!("cloud:{}", self.id)
    }
}
