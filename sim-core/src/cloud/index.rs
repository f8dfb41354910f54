//! Rules of security groups and routes by the blocks of addresses that they are for: one question of a thousand of them
//! costs what it costs of a few. What is found here is only what may match; who asks decides as over the whole list.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Destination, Direction, GroupRule, Peer, PortSet, Provider, RouteEntry, Services};
use crate::linux::packet::Port;

/// Values by block.
#[derive(Debug, Clone)]
struct Blocks<T> {
    /// Lengths of prefixes that there are, of IPv4 (`true`) and IPv6.
    lengths: BTreeSet<(bool, u8)>,
    values: BTreeMap<IpNet, T>,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self {
            lengths: BTreeSet::new(),
            values: BTreeMap::new(),
        }
    }
}

impl<T: Default> Blocks<T> {
    fn of(&mut self, block: IpNet) -> &mut T {
        let block = block.trunc();
        self.lengths
            .insert((block.addr().is_ipv4(), block.prefix_len()));
        self.values.entry(block).or_default()
    }

    /// The values of all blocks that hold `address`.
    fn around(&self, address: IpAddr) -> impl Iterator<Item = &T> {
        let lengths = self.lengths.iter();
        let own = lengths.filter(move |(is_v4, _)| *is_v4 == address.is_ipv4());
        own.filter_map(move |(_, length)| {
            let block = IpNet::new(address, *length).ok()?;
            self.values.get(&block.trunc())
        })
    }
}

/// The entries of a route table.
#[derive(Debug, Clone)]
pub(super) struct RouteIndex {
    blocks: Blocks<Vec<usize>>,
    /// Those for lists of prefixes.
    lists: Vec<usize>,
}

impl RouteIndex {
    pub(super) fn new(entries: &[RouteEntry]) -> Self {
        let (mut blocks, mut lists) = (Blocks::<Vec<usize>>::default(), Vec::new());
        for (place, entry) in entries.iter().enumerate() {
            match entry.destination {
                Destination::Net(net) => blocks.of(net).push(place),
                Destination::List(_) => lists.push(place),
            }
        }
        Self { blocks, lists }
    }

    /// Places of the entries that may be for `address`, in their order.
    pub(super) fn around(&self, address: IpAddr) -> Vec<usize> {
        let mut places = self.lists.clone();
        places.extend(self.blocks.around(address).flatten());
        places.sort_unstable();
        places
    }
}

/// The rules of a security group.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleIndex {
    ingress: Side,
    egress: Side,
}

/// The rules of one direction.
#[derive(Debug, Clone, Default)]
struct Side {
    /// Those that a block of peers, a protocol and destination ports describe wholly.
    plain: Blocks<BTreeMap<Option<u8>, Ports>>,
    /// Others.
    loose: Vec<usize>,
}

/// Rules that differ in nothing but their ports and their order.
#[derive(Debug, Clone, Default)]
struct Ports {
    /// All, in their order.
    rules: Vec<(usize, PortSet)>,
    /// The first rule for the ports from each of these on; none where there is none.
    first: Vec<(u16, Option<usize>)>,
}

impl RuleIndex {
    pub(super) fn new(rules: &[GroupRule], provider: Provider) -> Self {
        let mut places: Vec<usize> = (0..rules.len()).collect();
        places.sort_by_key(|place| rules.get(*place).map(|rule| order(rule, provider)));
        let mut index = Self::default();
        for place in places {
            let Some(rule) = rules.get(place) else {
                continue;
            };
            let side = match rule.direction {
                Direction::Ingress => &mut index.ingress,
                Direction::Egress => &mut index.egress,
            };
            match (&rule.services, &rule.peer) {
                (Services::One(service), Peer::Net(net))
                    if rule.own.is_none() && rule.source_ports == PortSet::ALL =>
                {
                    let ports = match service.protocol {
                        // B.1 (8): `ALL` ignores ports.
                        None => PortSet::ALL,
                        Some(_) => service.ports.clone(),
                    };
                    let alike = side.plain.of(*net).entry(service.protocol).or_default();
                    alike.rules.push((place, ports));
                }
                _ => side.loose.push(place),
            }
        }
        for side in [&mut index.ingress, &mut index.egress] {
            let alike = side.plain.values.values_mut();
            alike.flat_map(BTreeMap::values_mut).for_each(Ports::settle);
        }
        index
    }

    /// Places of the rules that may decide about a packet to or from `peer`, in no order.
    pub(super) fn may_decide(
        &self,
        direction: Direction,
        peer: IpAddr,
        protocol: u8,
        port: Option<Port>,
    ) -> Vec<usize> {
        let side = match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        };
        let mut places = side.loose.clone();
        for alike in side.plain.around(peer) {
            for protocol in [None, Some(protocol)] {
                if let Some(ports) = alike.get(&protocol) {
                    ports.add(port, &mut places);
                }
            }
        }
        places
    }
}

/// Where a rule stands in its group: B.1 (2) by priority, at equal priority `Drop` first; C.4 from the top.
pub(super) fn order(rule: &GroupRule, provider: Provider) -> (u32, bool) {
    match provider {
        Provider::Aliyun => (rule.priority, rule.accepts),
        Provider::Tencent => (rule.priority, false),
    }
}

impl Ports {
    /// Finds the first rule for each port: of rules that match alike, no later one decides.
    fn settle(&mut self) {
        let mut ends: BTreeMap<u32, Vec<(bool, usize)>> = BTreeMap::new();
        for (rank, (_, ports)) in self.rules.iter().enumerate() {
            for (low, high) in ports.ranges().unwrap_or(&[(0, u16::MAX)]) {
                if low <= high {
                    ends.entry(u32::from(*low)).or_default().push((true, rank));
                    let behind = ends.entry(u32::from(*high) + 1);
                    behind.or_default().push((false, rank));
                }
            }
        }
        // A rule may name a port twice.
        let mut open: BTreeMap<usize, u32> = BTreeMap::new();
        for (port, changes) in ends {
            for (opens, rank) in changes {
                let count = open.entry(rank).or_default();
                *count = if opens {
                    *count + 1
                } else {
                    count.saturating_sub(1)
                };
            }
            open.retain(|_, count| *count > 0);
            let first = open.keys().next().and_then(|rank| self.rules.get(*rank));
            if let Ok(port) = u16::try_from(port) {
                self.first.push((port, first.map(|(place, _)| *place)));
            }
        }
    }

    fn add(&self, port: Option<Port>, places: &mut Vec<usize>) {
        match port {
            // What has no ports meets every rule.
            None => places.extend(self.rules.first().map(|(place, _)| *place)),
            Some(Port::Known(port)) => {
                let behind = self.first.partition_point(|(from, _)| *from <= port);
                let own = behind.checked_sub(1).and_then(|at| self.first.get(at));
                places.extend(own.and_then(|(_, place)| *place));
            }
            Some(Port::Chosen { .. }) => {
                places.extend(self.rules.iter().map(|(place, _)| *place));
            }
        }
    }
}
