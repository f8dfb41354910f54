//! The cloud's network around the machines: one neutral model, which the providers' modules translate their API's responses
//! into, and what it decides about a packet. Each decision names the rule of the provider's documents that it follows.

mod acl;
mod admission;
mod aliyun;
pub mod balancer;
mod elastic;
mod exempt;
mod files;
mod group;
mod index;
mod interface;
mod nat;
mod portset;
mod route;
mod ruling;
mod subnet;
mod tencent;
mod way;

pub(crate) use exempt::is_shared;

pub use acl::{Acl, AclPeer, AclRule};
pub use elastic::{Elastic, ElasticHolder, OwnPublic};
pub(crate) use files::Files;
pub use group::{Group, GroupKind, GroupRule, Peer, Service, Services};
pub use interface::{Instance, Interface, InterfaceAddress};
pub use nat::{Dnat, NatGateway, Snat, Translated};
pub use portset::{AddressRange, PortSet};
pub use route::{Destination, Hop, HopKind, RouteEntry, RouteTable};
pub use ruling::{Ruling, Unconfirmed, Works};
pub use subnet::{Gateway, Peering, Subnet, Vpc};
pub use way::{Onward, Way};

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::evidence::mac::Mac;
use crate::linux::choice::Doubt;
use crate::snapshot::FileState;
use crate::source::SourceFile;

/// Whose cloud it is: each has rules of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Provider {
    /// Alibaba Cloud.
    #[default]
    Aliyun,
    /// Tencent Cloud.
    Tencent,
}

impl Provider {
    fn of(name: &str) -> Option<Self> {
        match name {
            "aliyun" => Some(Self::Aliyun),
            "tencent" => Some(Self::Tencent),
            _ => None,
        }
    }
}

/// Which way a packet passes an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Into it.
    Ingress,
    /// Out of it.
    Egress,
}

/// Everything that was captured of clouds.
#[derive(Debug, Default)]
pub struct Cloud {
    /// By folder: `cloud/<provider>/<region>`.
    pub regions: Vec<Region>,
}

/// One region of a cloud, as its API described it.
#[derive(Debug, Default)]
pub struct Region {
    /// `cloud/<provider>/<region>`: where its files are.
    pub folder: String,
    /// Whose it is.
    pub provider: Provider,
    /// Machines.
    pub instances: Vec<Instance>,
    /// Network interfaces.
    pub interfaces: Vec<Interface>,
    /// Private networks.
    pub vpcs: Vec<Vpc>,
    /// Their subnets (vSwitches).
    pub subnets: Vec<Subnet>,
    /// Route tables.
    pub tables: Vec<RouteTable>,
    /// Routes to nodes' pods that the cluster's own controller keeps beside the tables (TKE's Global Router).
    pub pod_routes: Vec<RouteEntry>,
    /// Security groups, by id.
    pub groups: Vec<Group>,
    /// Address lists that rules name: prefix lists, address templates and groups of them.
    pub lists: BTreeMap<String, Vec<AddressRange>>,
    /// Services that rules name: templates of protocols and ports, and groups of them.
    pub services: BTreeMap<String, Vec<Service>>,
    /// Port lists that rules name.
    pub port_lists: BTreeMap<String, PortSet>,
    /// Network ACLs.
    pub acls: Vec<Acl>,
    /// NAT gateways.
    pub nats: Vec<NatGateway>,
    /// Public addresses.
    pub elastics: Vec<Elastic>,
    /// IPv4 and IPv6 gateways.
    pub gateways: Vec<Gateway>,
    /// Peerings of private networks.
    pub peerings: Vec<Peering>,
    /// Load balancers.
    pub balancers: balancer::Balancers,
    /// Answers of public load balancers leave by their backends' own bandwidth: Tencent's traditional accounts
    /// (`DescribeNetworkAccountType`), where the account's kind is known.
    pub own_bandwidth: Option<bool>,
    /// What is not known, by file: `ecs/DescribeInstances.json`.
    gaps: BTreeMap<String, String>,
}

impl Cloud {
    /// Reads the files of `cloud/`; `states` tells what became of those that are not there.
    #[must_use]
    pub fn read(
        files: impl IntoIterator<Item = Arc<SourceFile>>,
        states: &BTreeMap<String, FileState>,
    ) -> Self {
        let mut regions: BTreeMap<String, (Provider, Vec<Arc<SourceFile>>)> = BTreeMap::new();
        for file in files {
            let Some(path) = crate::evidence::cloud::CloudPath::of(&file.name) else {
                continue;
            };
            let Some(provider) = Provider::of(path.provider) else {
                continue;
            };
            let folder = format!("cloud/{}/{}", path.provider, path.region);
            let (_, known) = regions
                .entry(folder)
                .or_insert_with(|| (provider, Vec::new()));
            known.push(file);
        }
        let regions = regions.into_iter();
        let read = regions.map(|(folder, (provider, files))| {
            let mut region = Region {
                provider,
                ..Region::default()
            };
            let mut files = Files::new(folder.clone(), &files, states);
            match provider {
                Provider::Aliyun => aliyun::read(&mut region, &mut files),
                Provider::Tencent => tencent::read(&mut region, &mut files),
            }
            // In the order in which `group` looks for them.
            region.groups.sort_by(|a, b| a.id.cmp(&b.id));
            region.balancers = balancer::read(provider, &mut files);
            region.folder = folder;
            region.gaps = files.into_gaps();
            region
        });
        Self {
            regions: read.collect(),
        }
    }

    /// The interface with this hardware address; where either is not known, the only one with one of `addresses`.
    #[must_use]
    pub fn interface_of(
        &self,
        mac: Option<Mac>,
        addresses: &[IpAddr],
    ) -> Option<(&Region, &Interface)> {
        let all = || {
            let regions = self.regions.iter();
            regions.flat_map(|region| region.interfaces.iter().map(move |own| (region, own)))
        };
        let by_mac = all().find(|(_, own)| mac.is_some() && own.mac == mac);
        by_mac.or_else(|| {
            let may_be = |own: &Interface| mac.is_none() || own.mac.is_none();
            let has = |own: &Interface| addresses.iter().any(|address| own.has(*address));
            let mut found = all().filter(|(_, own)| may_be(own) && has(own));
            found.next().filter(|_| found.next().is_none())
        })
    }

    /// The region whose files are in `folder`.
    #[must_use]
    pub fn region(&self, folder: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.folder == folder)
    }
}

impl Region {
    /// Whether what `file` (`ecs/DescribeInstances.json`) would hold is known.
    ///
    /// # Errors
    /// The doubt.
    pub fn known(&self, file: &str) -> Result<(), Doubt> {
        match self.gaps.get(file) {
            None => Ok(()),
            Some(reason) => Err(self.missing(file, reason)),
        }
    }

    /// The doubt about a file that is not known.
    #[must_use]
    pub fn missing(&self, file: &str, reason: &str) -> Doubt {
        Doubt {
            what: format!("{}/{file} is not known: {reason}", self.folder),
            settle: format!("{}/{file}", self.folder),
            source: None,
        }
    }

    /// Whether nobody asked for what `file` would hold.
    pub(crate) fn was_not_asked(&self, file: &str) -> bool {
        self.gaps
            .get(file)
            .is_some_and(|reason| reason == files::NOT_TRIED)
    }

    /// The interface of this id.
    #[must_use]
    pub fn interface(&self, id: &str) -> Option<&Interface> {
        self.interfaces.iter().find(|own| own.id == id)
    }

    /// The interface of `vpc` that has `address`.
    #[must_use]
    pub fn interface_at(&self, vpc: &str, address: IpAddr) -> Option<&Interface> {
        let own = self.interfaces.iter();
        own.filter(|own| own.vpc == vpc)
            .find(|own| own.has(address))
    }

    /// An instance's first interface.
    #[must_use]
    pub fn primary_of(&self, instance: &str) -> Option<&Interface> {
        let own = self.interfaces.iter();
        own.filter(|own| own.primary)
            .find(|own| own.instance.as_deref() == Some(instance))
    }

    /// The instance of this id.
    #[must_use]
    pub fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.iter().find(|own| own.id == id)
    }

    /// The security group of this id.
    #[must_use]
    pub fn group(&self, id: &str) -> Option<&Group> {
        let place = self.groups.partition_point(|own| own.id.as_str() < id);
        self.groups.get(place).filter(|own| own.id == id)
    }

    /// The private network of this id.
    #[must_use]
    pub fn vpc(&self, id: &str) -> Option<&Vpc> {
        self.vpcs.iter().find(|own| own.id == id)
    }

    /// Whether `address` is one of a subnet's.
    #[must_use]
    pub fn is_in_subnet(&self, subnet: &str, address: IpAddr) -> bool {
        let own = self.subnet(subnet);
        own.is_some_and(|own| own.blocks.iter().any(|block| block.contains(&address)))
    }

    /// The subnet of this id.
    #[must_use]
    pub fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|own| own.id == id)
    }
}
