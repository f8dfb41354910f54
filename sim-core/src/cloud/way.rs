//! Where the cloud's router sends what leaves an interface (reference B.2 "Route selection", B.6, C.4 "Routing", E.2).

use std::net::IpAddr;

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
        self.way_in(&from.subnet, own, dst)
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
        let (entry, idle) = self.longest(table, dst)?;
        let way = |onward: Onward<'r>| Way {
            onward,
            table: Some(table),
            entry,
            idle,
            rests_on: Vec::new(),
        };
        // B.2 (6): every table has an entry for each vSwitch; a list without them is taken to leave them out.
        let is_inside = subnet.blocks.iter().any(|block| block.contains(&dst));
        let hop = match entry {
            None if is_inside => return Ok(way(Onward::Inside)),
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
        let nets = self
            .pod_routes
            .iter()
            .filter_map(|route| match &route.destination {
                Destination::Net(net) if net.contains(&dst) => Some((net.prefix_len(), route)),
                Destination::Net(_) | Destination::List(_) => None,
            });
        if let Some((_, route)) = nets.max_by_key(|(length, _)| *length) {
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
            return Ok(Way {
                table: None,
                ..way(Onward::Missing, None)
            });
        }
        if vpc.contains(dst) {
            return Ok(way(Onward::Inside, None));
        }
        let (entry, idle) = self.longest(table, dst)?;
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
    fn longest<'r>(
        &'r self,
        table: &'r RouteTable,
        dst: IpAddr,
    ) -> Result<(Option<&'r RouteEntry>, Option<&'r RouteEntry>), Doubt> {
        let Some(entries) = table.around(dst) else {
            let file = format!("vpc/DescribeRouteEntryList.{}.json", table.id);
            return Err(self.missing(&file, "it was not captured"));
        };
        let mut best: Option<(u8, &RouteEntry)> = None;
        let mut idle: Option<(u8, &RouteEntry)> = None;
        for entry in entries {
            let Some(length) = self.covers(&entry.destination, dst)? else {
                continue;
            };
            let kept = if entry.active { &mut best } else { &mut idle };
            if kept.is_none_or(|(known, _)| length > known) {
                *kept = Some((length, entry));
            }
        }
        let idle = idle.filter(|(length, _)| best.is_none_or(|(known, _)| *length > known));
        Ok((best.map(|(_, entry)| entry), idle.map(|(_, entry)| entry)))
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
                    Some(Err(gone)) => return Ok(Onward::Absent(gone)),
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
                    Some(nat) => match &nat.down {
                        None => Onward::Nat(nat),
                        Some(state) => Onward::Broken(format!("NAT gateway {id} is {state}")),
                    },
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
                if !peering.active {
                    let status = &peering.status;
                    return Ok(Onward::Broken(format!("peering {id} is {status}")));
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
