//! Where the cloud's router sends what leaves an interface (reference B.2 "Route selection", B.6, C.4 "Routing", E.2).

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::exempt::is_shared;
use super::{
    Destination, Hop, HopKind, Interface, NatGateway, OwnPublic, Provider, Region, RouteEntry,
    RouteTable, Subnet, Unconfirmed, Vpc,
};
use crate::linux::choice::Doubt;
use crate::source::Source;

/// Where a packet goes, and by which entry.
#[derive(Debug)]
pub struct Way<'r> {
    /// The way.
    pub onward: Onward<'r>,
    /// The table in force.
    pub table: Option<&'r RouteTable>,
    /// The entry that decided.
    pub entry: Option<&'r RouteEntry>,
    /// A better entry that is not in force.
    pub idle: Option<&'r RouteEntry>,
    /// Unconfirmed rules that it rests on.
    pub rests_on: Vec<Unconfirmed>,
}

/// What becomes of a packet in the private network's router.
#[derive(Debug)]
pub enum Onward<'r> {
    /// It goes to who has the address in the private network.
    Inside,
    /// It goes to this machine, whatever its destination: with its weight among several.
    Via(Vec<(&'r Interface, u64)>),
    /// It leaves by its sender's own public address.
    Public(OwnPublic<'r>),
    /// It leaves by a NAT gateway.
    Nat(&'r NatGateway),
    /// It goes to who has the address in the other network of a peering.
    Peer(String),
    /// The cloud's own services take it.
    Service,
    /// No entry is for it.
    Missing,
    /// The entry's next hop does not exist.
    Absent(String),
    /// The entry's next hop does not work, for this reason.
    Broken(String),
    /// It would leave by its sender's own public address, and there is none.
    NoPublic,
}

/// The entry in force with its length, and a longer one that is not.
type Longest<'r> = (Option<(u8, &'r RouteEntry)>, Option<&'r RouteEntry>);

impl Region {
    /// Where a packet from `src`, an address behind `from`, to `dst` goes.
    ///
    /// # Errors
    /// What is not known.
    pub fn way<'r>(
        &'r self,
        from: &'r Interface,
        src: IpAddr,
        dst: IpAddr,
    ) -> Result<Way<'r>, Doubt> {
        let own = self.public_for(from, src);
        let mut way = self.way_in(&from.subnet, own, dst)?;
        let is_public = crate::trace::is_public(dst);
        let leaves = match &way.onward {
            Onward::Public(_) => true,
            Onward::Nat(nat) => nat.is_public,
            _ => false,
        };
        if leaves && !is_public {
            // The internet has no private addresses.
            way.onward = Onward::Missing;
        }
        let needs_own = match way.onward {
            Onward::Public(_) | Onward::NoPublic => true,
            // Tencent's entry for a gateway wins over own addresses, Alibaba's does not.
            Onward::Nat(_) => self.provider == Provider::Aliyun,
            Onward::Missing => is_public,
            _ => false,
        };
        if needs_own {
            let unlisted = |id: &String| self.instance(id).is_none();
            if own.is_none() && from.instance.as_ref().is_some_and(unlisted) {
                let file = match self.provider {
                    Provider::Aliyun => "ecs/DescribeInstances.json",
                    Provider::Tencent => "cvm/DescribeInstances.json",
                };
                let id = from.instance.as_deref().unwrap_or_default();
                return Err(self.missing(file, &format!("it does not hold {id}")));
            }
            // An own public address that was not captured would carry it, or is locked.
            self.known(match self.provider {
                Provider::Aliyun => "vpc/DescribeEipAddresses.json",
                Provider::Tencent => "vpc/DescribeAddresses.json",
            })?;
        }
        Ok(way)
    }

    /// The same from a subnet, for a sender whose own public address is `own`.
    ///
    /// # Errors
    /// What is not known.
    pub fn way_in<'r>(
        &'r self,
        subnet: &str,
        own: Option<OwnPublic<'r>>,
        dst: IpAddr,
    ) -> Result<Way<'r>, Doubt> {
        let (subnets, vpcs, tables) = match self.provider {
            Provider::Aliyun => (
                "vpc/DescribeVSwitches.json",
                "vpc/DescribeVpcs.json",
                "vpc/DescribeRouteTableList.json",
            ),
            Provider::Tencent => (
                "vpc/DescribeSubnets.json",
                "vpc/DescribeVpcs.json",
                "vpc/DescribeRouteTables.json",
            ),
        };
        let lacks =
            |file: &str, what: &str| self.missing(file, &format!("it does not hold {what}"));
        let subnet = self.subnet(subnet).ok_or_else(|| lacks(subnets, subnet))?;
        let vpc = self
            .vpc(&subnet.vpc)
            .ok_or_else(|| lacks(vpcs, &subnet.vpc))?;
        let table = self.table_of(&subnet.id);
        let table = table.ok_or_else(|| lacks(tables, &format!("the table of {}", subnet.id)))?;
        match self.provider {
            Provider::Aliyun => self.aliyun_way(subnet, vpc, table, own, dst),
            Provider::Tencent => self.tencent_way(vpc, table, own, dst),
        }
    }

    fn aliyun_way<'r>(
        &'r self,
        subnet: &'r Subnet,
        vpc: &'r Vpc,
        table: &'r RouteTable,
        own: Option<OwnPublic<'r>>,
        dst: IpAddr,
    ) -> Result<Way<'r>, Doubt> {
        let (best, idle) = self.longest(table, dst)?;
        let entry = best.map(|(_, entry)| entry);
        let way = |onward: Onward<'r>| Way {
            onward,
            table: Some(table),
            entry,
            idle,
            rests_on: Vec::new(),
        };
        // B.2 (6): every table has an entry for each vSwitch and one for the cloud's own services; a list without them is
        // taken to leave them out.
        let length = best.map_or(0, |(length, _)| length);
        let here = self.subnets.iter().filter(|own| own.vpc == subnet.vpc);
        let mut blocks = here.flat_map(|own| &own.blocks);
        let implied = |net: &IpNet| net.contains(&dst) && length < net.prefix_len();
        if blocks.any(implied) {
            return Ok(way(Onward::Inside));
        }
        let is_service = is_shared(dst) && !vpc.contains(dst);
        if is_service && length < SHARED_LENGTH {
            return Ok(way(Onward::Service));
        }
        let hop = match entry {
            None => None,
            Some(entry) => match entry.hops.as_slice() {
                [only] => Some(&only.kind),
                _ => None,
            },
        };
        let is_outside = crate::trace::is_public(dst)
            && !vpc.contains(dst)
            && !vpc.user_blocks.iter().any(|block| block.contains(&dst));
        // B.2 (7), B.6 (3): the public path is not in the table.
        let by_nat = matches!(hop, Some(HopKind::Nat(_)));
        if is_outside
            && dst.is_ipv4()
            && let Some(own) = own
            && (entry.is_none() || by_nat)
        {
            self.known("vpc/ListIpv4Gateways.json")?;
            let mut gateways = self.gateways.iter();
            let centralised = gateways.any(|own| own.vpc == vpc.id && !own.is_v6 && own.enabled);
            if !centralised {
                let mut leaves = way(Onward::Public(own));
                leaves
                    .rests_on
                    .extend(by_nat.then_some(Unconfirmed::OwnAddressWins));
                return Ok(leaves);
            }
        }
        match entry {
            None => Ok(way(Onward::Missing)),
            Some(entry) => Ok(way(self.onward(vpc, entry, own)?)),
        }
    }

    /// C.4: the cluster's own routes for pods, the private network, the longest prefix, the own public address.
    fn tencent_way<'r>(
        &'r self,
        vpc: &'r Vpc,
        table: &'r RouteTable,
        own: Option<OwnPublic<'r>>,
        dst: IpAddr,
    ) -> Result<Way<'r>, Doubt> {
        let way = |onward: Onward<'r>, entry: Option<&'r RouteEntry>| Way {
            onward,
            table: Some(table),
            entry,
            idle: None,
            rests_on: Vec::new(),
        };
        let covers = |route: &RouteEntry| match &route.destination {
            Destination::Net(net) => net.contains(&dst),
            Destination::List(_) => false,
        };
        // Other networks have clusters with routes of their own.
        let is_elsewhere = |route: &RouteEntry| {
            let gateways = route.hops.iter().filter_map(|hop| match hop.kind {
                HopKind::Address(address) => Some(address),
                _ => None,
            });
            let mut gateways = gateways.peekable();
            gateways.peek().is_some()
                && gateways.all(|address| {
                    self.interface_at(&vpc.id, address).is_none()
                        && self.interfaces.iter().any(|own| own.has(address))
                })
        };
        let here = self.pod_routes.iter().filter(|route| !is_elsewhere(route));
        let nets = here.filter_map(|route| match &route.destination {
            Destination::Net(net) if net.contains(&dst) => Some((net.prefix_len(), route)),
            Destination::Net(_) | Destination::List(_) => None,
        });
        let nets: Vec<(u8, &RouteEntry)> = nets.collect();
        if let Some((length, route)) = nets.iter().max_by_key(|(length, _)| *length) {
            let mut rivals = nets.iter().filter(|(own, _)| own == length);
            if rivals.any(|(_, rival)| rival.hops != route.hops) {
                return Err(several(dst, &route.source));
            }
            return Ok(Way {
                table: None,
                ..way(self.onward(vpc, route, own)?, Some(route))
            });
        }
        if vpc
            .container_blocks
            .iter()
            .any(|block| block.contains(&dst))
        {
            self.known("tke/DescribeClusterRoutes.json")?;
            if let Some(route) = self.pod_routes.iter().find(|route| covers(route)) {
                // Its gateway was seen in another network only: the interfaces of this one may not all be here.
                return Err(several(dst, &route.source));
            }
            return Ok(Way {
                table: None,
                ..way(Onward::Missing, None)
            });
        }
        if vpc.contains(dst) {
            return Ok(way(Onward::Inside, None));
        }
        let (best, idle) = self.longest(table, dst)?;
        if service_length(vpc, dst) > best.map_or(0, |(length, _)| length) {
            return Ok(way(Onward::Service, None));
        }
        let entry = best.map(|(_, entry)| entry);
        let onward = match (entry, own) {
            (Some(entry), own) => self.onward(vpc, entry, own)?,
            (None, Some(own)) if crate::trace::is_public(dst) => Onward::Public(own),
            (None, _) => Onward::Missing,
        };
        Ok(Way {
            idle,
            ..way(onward, entry)
        })
    }

    /// The entry in force with the longest prefix, and a longer one that is not in force.
    fn longest<'r>(&'r self, table: &'r RouteTable, dst: IpAddr) -> Result<Longest<'r>, Doubt> {
        let Some(entries) = table.around(dst) else {
            let file = format!("vpc/DescribeRouteEntryList.{}.json", table.id);
            return Err(self.missing(&file, "it was not captured"));
        };
        let mut best: Option<(u8, &RouteEntry)> = None;
        let mut idle: Option<(u8, &RouteEntry)> = None;
        let mut is_tied = false;
        for entry in entries {
            let Some(length) = self.covers(&entry.destination, dst)? else {
                continue;
            };
            let kept = if entry.active { &mut best } else { &mut idle };
            match kept {
                Some((known, rival)) if entry.active && *known == length => {
                    is_tied |= rival.hops != entry.hops;
                }
                Some((known, _)) if *known >= length => {}
                _ => {
                    *kept = Some((length, entry));
                    is_tied &= !entry.active;
                }
            }
        }
        if let Some((_, entry)) = best.filter(|_| is_tied) {
            return Err(several(dst, &entry.source));
        }
        let idle = idle.filter(|(length, _)| best.is_none_or(|(known, _)| *length > known));
        Ok((best, idle.map(|(_, entry)| entry)))
    }

    /// The length of the prefix by which a destination covers `dst`.
    fn covers(&self, destination: &Destination, dst: IpAddr) -> Result<Option<u8>, Doubt> {
        match destination {
            Destination::Net(net) => Ok(net.contains(&dst).then(|| net.prefix_len())),
            Destination::List(id) => match self.lists.get(id) {
                Some(ranges) => {
                    let own = ranges.iter().filter(|range| range.contains(dst));
                    Ok(own.map(super::AddressRange::prefix_len).max())
                }
                None => Err(self.missing(
                    &format!("vpc/GetVpcPrefixListEntries.{id}.json"),
                    "it was not captured",
                )),
            },
        }
    }

    fn onward<'r>(
        &'r self,
        vpc: &'r Vpc,
        entry: &'r RouteEntry,
        own: Option<OwnPublic<'r>>,
    ) -> Result<Onward<'r>, Doubt> {
        let live: Vec<&Hop> = entry.hops.iter().filter(|hop| hop.enabled).collect();
        let [first, ..] = live.as_slice() else {
            return Ok(Onward::Broken("it has no next hop in order".to_owned()));
        };
        if live.len() > 1 {
            let mut several = Vec::new();
            for hop in &live {
                match self.machine(vpc, &hop.kind, &entry.source)? {
                    Some(Ok(interface)) => several.push((interface, hop.weight)),
                    Some(Err(gone)) => {
                        return Err(Doubt {
                            what: format!(
                                "which flows go to {gone}, one of several next hops, which does not exist"
                            ),
                            settle: String::new(),
                            source: Some(entry.source.clone()),
                        });
                    }
                    None => return Err(not_modelled(&hop.kind, &entry.source)),
                }
            }
            return Ok(Onward::Via(several));
        }
        if let Some(machine) = self.machine(vpc, &first.kind, &entry.source)? {
            return Ok(match machine {
                Ok(interface) => Onward::Via(vec![(interface, 1)]),
                Err(gone) => Onward::Absent(gone),
            });
        }
        match &first.kind {
            HopKind::Local => Ok(Onward::Inside),
            HopKind::Service => Ok(Onward::Service),
            HopKind::Nat(id) => {
                self.known("vpc/DescribeNatGateways.json")?;
                Ok(match self.nats.iter().find(|nat| nat.id == *id) {
                    Some(nat) => {
                        let what = format!("NAT gateway {id}");
                        match nat.works.stopped(&what, &nat.source)? {
                            None => Onward::Nat(nat),
                            Some(state) => Onward::Broken(format!("NAT gateway {id} is {state}")),
                        }
                    }
                    None => Onward::Absent(first.kind.words()),
                })
            }
            HopKind::OwnPublic | HopKind::Ipv4Gateway(_) => {
                Ok(own.map_or(Onward::NoPublic, Onward::Public))
            }
            HopKind::Peering(id) => {
                self.known(match self.provider {
                    Provider::Aliyun => "vpcpeer/ListVpcPeerConnections.json",
                    Provider::Tencent => "vpc/DescribeVpcPeeringConnections.json",
                })?;
                let Some(peering) = self.peerings.iter().find(|peering| peering.id == *id) else {
                    return Ok(Onward::Absent(first.kind.words()));
                };
                let what = format!("peering {id}");
                if let Some(state) = peering.works.stopped(&what, &peering.source)? {
                    return Ok(Onward::Broken(format!("peering {id} is {state}")));
                }
                let other = peering.vpcs.iter().find(|other| **other != vpc.id);
                match other.filter(|other| self.vpc(other).is_some()) {
                    Some(other) => Ok(Onward::Peer(other.clone())),
                    None => Err(not_modelled(&first.kind, &entry.source)),
                }
            }
            HopKind::Ipv6Gateway(_) | HopKind::Other(..) => {
                Err(not_modelled(&first.kind, &entry.source))
            }
            HopKind::Instance(_) | HopKind::Address(_) | HopKind::Interface(_) => {
                Err(not_modelled(&first.kind, &entry.source))
            }
        }
    }

    /// The interface of a next hop that is a machine, or why there is none; `None` where it is something else.
    fn machine(
        &self,
        vpc: &Vpc,
        kind: &HopKind,
        source: &Source,
    ) -> Result<Option<Result<&Interface, String>>, Doubt> {
        let file = match self.provider {
            Provider::Aliyun => "ecs/DescribeNetworkInterfaces.json",
            Provider::Tencent => "vpc/DescribeNetworkInterfaces.json",
        };
        let found = match kind {
            HopKind::Instance(id) => {
                // B.2 (8): the machine's first interface.
                if self.primary_of(id).is_none() && self.instance(id).is_some() {
                    return Err(Doubt {
                        what: format!("the first interface of instance {id} was not captured"),
                        settle: format!("{}/{file}", self.folder),
                        source: Some(source.clone()),
                    });
                }
                self.primary_of(id)
            }
            HopKind::Interface(id) => self.interface(id),
            HopKind::Address(address) => self.interface_at(&vpc.id, *address),
            _ => return Ok(None),
        };
        self.known(file)?;
        Ok(Some(found.ok_or_else(|| kind.words())))
    }
}

/// The length of the prefix of the cloud's own services, 100.64.0.0/10.
const SHARED_LENGTH: u8 = 10;

/// Tencent's name servers, where a network names no others.
const NAME_SERVERS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(183, 60, 83, 19)),
    IpAddr::V4(Ipv4Addr::new(183, 60, 82, 98)),
];

/// The length of the prefix by which Tencent's own services have an address; 0 where they do not.
fn service_length(vpc: &Vpc, address: IpAddr) -> u8 {
    match address {
        _ if is_name_server(vpc, address) => 32,
        IpAddr::V4(v4) if v4.is_link_local() => 16,
        _ if is_shared(address) => SHARED_LENGTH,
        _ => 0,
    }
}

fn is_name_server(vpc: &Vpc, address: IpAddr) -> bool {
    // Those of others are asked by the private network's routes like anyone.
    NAME_SERVERS.contains(&address)
        && (vpc.name_servers.is_empty() || vpc.name_servers.contains(&address))
}

fn several(dst: IpAddr, source: &Source) -> Doubt {
    Doubt {
        what: format!("which of several routes of one length leads to {dst}"),
        settle: String::new(),
        source: Some(source.clone()),
    }
}

fn not_modelled(kind: &HopKind, source: &Source) -> Doubt {
    Doubt {
        what: format!(
            "what lies behind the next hop {} is not modelled",
            kind.words()
        ),
        settle: String::new(),
        source: Some(source.clone()),
    }
}
