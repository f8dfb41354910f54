//! One captured network namespace, parsed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use super::index::Index;
use crate::evidence::address::Address;
use crate::evidence::bridge::{BridgeVlan, FdbEntry};
use crate::evidence::ipvs::VirtualService;
use crate::evidence::link::Link;
use crate::evidence::mac::Mac;
use crate::evidence::neighbour::Neighbour;
use crate::evidence::netns::Netns;
use crate::evidence::nft::{Chain, Ruleset, Table};
use crate::evidence::route::{Route, TableId};
use crate::evidence::rule::Rule;
use crate::evidence::socket::Listener;
use crate::evidence::sysctl::Sysctl;
use crate::evidence::wireguard::WireguardDevice;
use crate::linux::choice::Doubt;
use crate::linux::netfilter::ipset::IpSets;
use crate::linux::netfilter::xtables::CompiledTable;
use crate::linux::packet::Family;
use crate::source::Source;
use crate::verdict::Gap;

/// One captured network namespace.
#[derive(Debug, Default)]
pub struct Namespace {
    /// Its path in the capture, e.g. `nodes/node-1/host`.
    pub path: String,
    /// The object that it belongs to: `pod:ns/name`, `node:name` or `fabric:name`.
    pub object: String,
    /// Which of the loaded namespaces it is.
    pub(super) place: usize,
    /// Devices, by index.
    pub links: Vec<Link>,
    /// Addresses, in the kernel's order.
    pub addresses: Vec<Address>,
    pub(super) routes_v4: Vec<Route>,
    pub(super) routes_v6: Vec<Route>,
    pub(super) rules_v4: Vec<Rule>,
    pub(super) rules_v6: Vec<Rule>,
    /// Neighbour entries.
    pub neighbours: Vec<Neighbour>,
    /// Whether it answers for addresses of others was not captured.
    pub proxies_unknown: bool,
    /// Forwarding tables of bridges and VXLAN devices.
    pub fdb: Vec<FdbEntry>,
    /// VLANs of bridges and their ports.
    pub vlans: Vec<BridgeVlan>,
    /// WireGuard devices.
    pub wireguard: Vec<WireguardDevice>,
    /// Listening sockets.
    pub listeners: Vec<Listener>,
    /// Kernel settings.
    pub sysctl: Sysctl,
    /// Its identity.
    pub netns: Option<Netns>,
    /// Tables of iptables and ip6tables, of both back ends.
    pub xtables: Vec<(Family, CompiledTable)>,
    /// Native nftables (tables of iptables-nft are left out when run).
    pub ruleset: Ruleset,
    /// IP sets.
    pub ipsets: IpSets,
    /// IPVS's virtual services.
    pub ipvs: Vec<VirtualService>,
    /// Devices with a classifier or BPF program, and where that stands.
    pub classified: BTreeMap<String, Source>,
    /// Connections are tracked: a rule looks at them or translates them.
    pub tracks: [bool; 2],
    /// Entries in the connection table, where captured.
    pub conntrack_count: Option<(u64, Source)>,
    /// What is unknown of it, by file name.
    pub gaps: BTreeMap<String, Gap>,
    /// Made when first asked; what it is made of does not change after loading.
    pub(super) index: OnceLock<Index>,
}

impl Namespace {
    /// Whether conntrack looks at packets of a family here.
    #[must_use]
    pub const fn tracks(&self, family: Family) -> bool {
        let [v4, v6] = self.tracks;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(self))
    }

    /// The routes of `tables` that contain `dst`, in the order of the file.
    #[must_use]
    pub fn routes_to(&self, family: Family, tables: &[TableId], dst: IpAddr) -> Vec<&Route> {
        let of_table = |table: &TableId| self.index().routes(family, *table, dst);
        let mut places: Vec<usize> = tables.iter().flat_map(of_table).collect();
        if places.len() > 1 {
            places.sort_unstable();
            places.dedup();
        }
        let routes = self.routes(family);
        (places.iter())
            .filter_map(|place| routes.get(*place))
            .collect()
    }

    /// Which of the loaded namespaces it is.
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// A base chain of nftables whose type or hook is not known.
    pub fn strange_chain(&self) -> Option<&Chain> {
        let (table, chain) = self.index().strange_chain()?;
        self.ruleset.tables.get(table)?.chains.get(chain)
    }

    /// Whether native nftables has base chains.
    #[must_use]
    pub fn has_base_chains(&self) -> bool {
        !self.index().base_chains().is_empty()
    }

    /// The base chains of native nftables, in the order of the file.
    pub fn base_chains(&self) -> impl Iterator<Item = (&Table, &Chain)> {
        let places = self.index().base_chains().iter();
        places.filter_map(|(table, chain)| {
            let table = self.ruleset.tables.get(*table)?;
            Some((table, table.chains.get(*chain)?))
        })
    }

    /// A namespace of which these files were captured.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&'static str, &str)]) -> Self {
        use crate::evidence::testing::file;
        let mut ns = Self::default();
        for (name, text) in files {
            let file = file(name, text);
            match *name {
                "bridge-vlan.json" => {
                    ns.vlans = crate::evidence::bridge::parse_vlans(&file).value;
                }
                "ip-addr.json" => ns.addresses = crate::evidence::address::parse(&file).value,
                "ip-link.json" => ns.links = crate::evidence::link::parse(&file).value,
                "ip-neigh.json" => ns.neighbours = crate::evidence::neighbour::parse(&file).value,
                "ip-route.json" => ns.routes_v4 = crate::evidence::route::parse(&file).value,
                "ip6-route.json" => ns.routes_v6 = crate::evidence::route::parse(&file).value,
                "ip-rule.json" => ns.rules_v4 = crate::evidence::rule::parse(&file).value,
                "ip6-rule.json" => ns.rules_v6 = crate::evidence::rule::parse(&file).value,
                "ss.txt" => ns.listeners = crate::evidence::socket::parse(&file).value,
                "sysctl.txt" => ns.sysctl = crate::evidence::sysctl::parse(&file).value,
                other => panic!("{other} is not read here"),
            }
        }
        ns
    }

    /// Routes of a family, all tables.
    #[must_use]
    pub fn routes(&self, family: Family) -> &[Route] {
        match family {
            Family::V4 => &self.routes_v4,
            Family::V6 => &self.routes_v6,
        }
    }

    /// Policy rules of a family, by priority.
    #[must_use]
    pub fn rules(&self, family: Family) -> &[Rule] {
        match family {
            Family::V4 => &self.rules_v4,
            Family::V6 => &self.rules_v6,
        }
    }

    /// Whether the kernel goes by its list of rules: by IPv4's once one was added or deleted (`fib_has_custom_rules`),
    /// by IPv6's once one was added (`fib6_has_custom_rules`).
    #[must_use]
    pub fn has_custom_rules(&self, family: Family) -> bool {
        self.index().has_custom_rules(family)
    }

    /// Someone added local routes (`net->ipv4.fib_has_custom_local_routes`).
    #[must_use]
    pub fn has_custom_local_routes(&self) -> bool {
        self.index().has_custom_local_routes()
    }

    /// Devices that lie on others.
    pub(super) fn stacked(&self) -> impl Iterator<Item = &Link> {
        let places = self.index().stacked().iter();
        places.filter_map(|place| self.links.get(*place))
    }

    /// The device of this name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        let place = self.index().link(name)?;
        self.links.get(place)
    }

    /// The device of this index.
    #[must_use]
    pub fn link_by_index(&self, index: u32) -> Option<&Link> {
        let place = self.index().link_by_index(self, index)?;
        self.links.get(place)
    }

    /// The device with this hardware address, other than bridge ports.
    #[must_use]
    pub fn mac_of(&self, device: &str) -> Option<Mac> {
        self.link(device).and_then(|link| link.mac)
    }

    /// Whether `file` is known; the doubt that follows if not.
    ///
    /// # Errors
    /// The doubt.
    pub fn known(&self, file: &str) -> Result<(), Doubt> {
        match self.gaps.get(file) {
            None => Ok(()),
            Some(gap) => Err(Doubt {
                what: format!("{} is not known: {}", gap.file, gap.reason),
                settle: gap.file.clone(),
                source: None,
            }),
        }
    }
}
