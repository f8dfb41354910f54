//! Alibaba Cloud's private networks, route tables, NAT and other gateways.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use ipnet::IpNet;

use super::super::files::{address, is_set, list, must, net, read_as, said, wrapped};
use super::super::portset::block;
use super::super::{
    Destination, Dnat, Files, Gateway, Hop, HopKind, NatGateway, Peering, PortSet, Region,
    RouteEntry, RouteTable, Snat, Subnet, Vpc, Works,
};
use super::filter::protocol;
use crate::evidence::json::{Fault, Object};

pub(super) fn read(region: &mut Region, files: &mut Files<'_>) {
    files.each("vpc/DescribeVpcs", &["Vpcs", "Vpc"], |item, _| {
        region.vpcs.push(vpc(item)?);
        Ok(())
    });
    files.each(
        "vpc/DescribeVSwitches",
        &["VSwitches", "VSwitch"],
        |item, _| {
            region.subnets.push(subnet(item)?);
            Ok(())
        },
    );
    routes(region, files);
    nats(region, files);
    files.each("vpc/ListIpv4Gateways", &["Ipv4GatewayModels"], |item, _| {
        region.gateways.push(Gateway {
            id: must(item, "Ipv4GatewayId")?,
            vpc: must(item, "VpcId")?,
            is_v6: false,
            enabled: is_set(item, "Enabled")?,
            source: item.source(),
        });
        Ok(())
    });
    files.each(
        "vpc/DescribeIpv6Gateways",
        &["Ipv6Gateways", "Ipv6Gateway"],
        |item, _| {
            region.gateways.push(Gateway {
                id: must(item, "Ipv6GatewayId")?,
                vpc: must(item, "VpcId")?,
                is_v6: true,
                enabled: said(item, "Status")?.as_deref() == Some("Available")
                    && said(item, "BusinessStatus")?.is_none_or(|word| word == "Normal"),
                source: item.source(),
            });
            Ok(())
        },
    );
    files.each(
        "vpcpeer/ListVpcPeerConnections",
        &["VpcPeerConnects"],
        |item, _| {
            let end = |key: &str| -> Result<String, Fault> {
                match item.object(key)? {
                    Some(end) => Ok(said(&end, "VpcId")?.unwrap_or_default()),
                    None => Ok(String::new()),
                }
            };
            let status = said(item, "Status")?.or_else(|| Some("in no known state".to_owned()));
            region.peerings.push(Peering {
                id: must(item, "InstanceId")?,
                vpcs: [end("Vpc")?, end("AcceptingVpc")?],
                works: Works::of(
                    [(status, "Activated"), (said(item, "BizStatus")?, "Normal")],
                    &[
                        "Creating",
                        "Accepting",
                        "Rejected",
                        "Expired",
                        "Deleting",
                        "Deleted",
                    ],
                ),
                source: item.source(),
            });
            Ok(())
        },
    );
}

fn blocks(texts: Vec<String>, item: &Object<'_>, key: &str) -> Result<Vec<IpNet>, Fault> {
    let read = texts.into_iter().map(|text| {
        block(&text).ok_or_else(|| item.fault(key, format!("`{text}` is not a block")))
    });
    read.collect()
}

fn vpc(item: &Object<'_>) -> Result<Vpc, Fault> {
    let mut own: Vec<String> = said(item, "CidrBlock")?.into_iter().collect();
    own.extend(said(item, "Ipv6CidrBlock")?);
    own.extend(wrapped(item, "SecondaryCidrBlocks", "SecondaryCidrBlock")?);
    for more in list(item, &["Ipv6CidrBlocks", "Ipv6CidrBlock"])? {
        own.extend(said(&more, "Ipv6CidrBlock")?);
    }
    Ok(Vpc {
        id: must(item, "VpcId")?,
        blocks: blocks(own, item, "CidrBlock")?,
        container_blocks: Vec::new(),
        name_servers: Vec::new(),
        user_blocks: blocks(wrapped(item, "UserCidrs", "UserCidr")?, item, "UserCidrs")?,
        source: item.source(),
    })
}

fn subnet(item: &Object<'_>) -> Result<Subnet, Fault> {
    let table = match item.object("RouteTable")? {
        Some(table) => said(&table, "RouteTableId")?,
        None => None,
    };
    let mut own: Vec<String> = said(item, "CidrBlock")?.into_iter().collect();
    own.extend(said(item, "Ipv6CidrBlock")?);
    Ok(Subnet {
        id: must(item, "VSwitchId")?,
        vpc: must(item, "VpcId")?,
        blocks: blocks(own, item, "CidrBlock")?,
        table,
        acl: said(item, "NetworkAclId")?,
        source: item.source(),
    })
}

fn routes(region: &mut Region, files: &mut Files<'_>) {
    let mut entries: BTreeMap<String, Vec<RouteEntry>> = BTreeMap::new();
    // A table without entries of its own has a file with an empty list.
    // Of one that cannot be read, nothing is known.
    let mut broken: BTreeSet<String> = BTreeSet::new();
    files.bodies("vpc/DescribeRouteEntryList", |body, key| {
        let mut read: BTreeMap<String, Vec<RouteEntry>> = BTreeMap::new();
        if let Some(key) = key {
            read.entry(key.to_owned()).or_default();
            broken.insert(key.to_owned());
        }
        for item in list(body, &["RouteEntrys", "RouteEntry"])? {
            let table = said(&item, "RouteTableId")?.or_else(|| key.map(str::to_owned));
            let table = item.required("RouteTableId", table)?;
            read.entry(table).or_default().push(entry(&item)?);
        }
        if let Some(key) = key {
            broken.remove(key);
        }
        for (table, own) in read {
            entries.entry(table).or_default().extend(own);
        }
        Ok(())
    });
    entries.retain(|table, _| !broken.contains(table));
    let mut of_subnets: Vec<(String, String)> = Vec::new();
    files.each(
        "vpc/DescribeRouteTableList",
        &["RouterTableList", "RouterTableListType"],
        |item, _| {
            let id = must(item, "RouteTableId")?;
            for subnet in wrapped(item, "VSwitchIds", "VSwitchId")? {
                of_subnets.push((subnet, id.clone()));
            }
            region.tables.push(RouteTable {
                vpc: said(item, "VpcId")?.unwrap_or_default(),
                main: said(item, "RouteTableType")?.as_deref() == Some("System"),
                gateways: wrapped(item, "GatewayIds", "GatewayIds")?,
                entries: entries.remove(&id),
                id,
                source: item.source(),
                index: OnceLock::new(),
            });
            Ok(())
        },
    );
    for subnet in &mut region.subnets {
        let bound = of_subnets.iter().find(|(own, _)| *own == subnet.id);
        if subnet.table.is_none() {
            subnet.table = bound.map(|(_, table)| table.clone());
        }
    }
}

fn entry(item: &Object<'_>) -> Result<RouteEntry, Fault> {
    let destination = must(item, "DestinationCidrBlock")?;
    let destination = match block(&destination) {
        Some(net) => Destination::Net(net),
        None => Destination::List(destination),
    };
    let status = said(item, "Status")?.unwrap_or_default();
    let hops = list(item, &["NextHops", "NextHop"])?;
    let hops: Result<Vec<Hop>, Fault> = hops.iter().map(hop).collect();
    Ok(RouteEntry {
        id: said(item, "RouteEntryId")?.unwrap_or_default(),
        destination,
        active: status == "Available",
        status,
        hops: hops?,
        source: item.source(),
    })
}

/// B.2: `NextHopType`, compared without regard to case.
fn hop(item: &Object<'_>) -> Result<Hop, Fault> {
    let kind = said(item, "NextHopType")?.unwrap_or_default();
    let id = said(item, "NextHopId")?.unwrap_or_default();
    let kind = match kind.to_ascii_lowercase().as_str() {
        "local" => HopKind::Local,
        "service" => HopKind::Service,
        "instance" => HopKind::Instance(id),
        "networkinterface" => HopKind::Interface(id),
        "natgateway" => HopKind::Nat(id),
        "ipv4gateway" => HopKind::Ipv4Gateway(id),
        "ipv6gateway" => HopKind::Ipv6Gateway(id),
        "vpcpeer" => HopKind::Peering(id),
        _ => HopKind::Other(kind, id),
    };
    // Weight and health are those of router interfaces only.
    let is_line = matches!(kind, HopKind::Other(..));
    Ok(Hop {
        kind,
        weight: item
            .number::<u64>("Weight")?
            .filter(|weight| *weight > 0)
            .unwrap_or(1),
        enabled: !is_line || item.number::<u64>("Enabled")? != Some(0),
    })
}

fn nats(region: &mut Region, files: &mut Files<'_>) {
    let mut snats: BTreeMap<String, Vec<Snat>> = BTreeMap::new();
    let mut dnats: BTreeMap<String, Vec<Dnat>> = BTreeMap::new();
    let mut snat_tables = Vec::new();
    let subnets = region.subnets.clone();
    files.bodies("vpc/DescribeSnatTableEntries", |body, key| {
        let mut read = Vec::new();
        for item in list(body, &["SnatTableEntries", "SnatTableEntry"])? {
            read.push((must(&item, "SnatTableId")?, snat(&item, &subnets)?));
        }
        snat_tables.push(key.map(str::to_owned));
        for (table, own) in read {
            snats.entry(table).or_default().extend(own);
        }
        Ok(())
    });
    let mut dnat_tables = Vec::new();
    files.bodies("vpc/DescribeForwardTableEntries", |body, key| {
        let mut read = Vec::new();
        for item in list(body, &["ForwardTableEntries", "ForwardTableEntry"])? {
            read.push((must(&item, "ForwardTableId")?, dnat(&item)?));
        }
        dnat_tables.push(key.map(str::to_owned));
        for (table, own) in read {
            dnats.entry(table).or_default().extend(own);
        }
        Ok(())
    });
    files.each(
        "vpc/DescribeNatGateways",
        &["NatGateways", "NatGateway"],
        |item, _| {
            let id = must(item, "NatGatewayId")?;
            let tables = |outer: &str, inner: &str| wrapped(item, outer, inner);
            let own_snats = tables("SnatTableIds", "SnatTableId")?;
            let own_dnats = tables("ForwardTableIds", "ForwardTableId")?;
            // Files are named by table, by gateway, or hold everything.
            let has = |known: &[Option<String>], own: &[String]| {
                known.iter().any(|key| match key {
                    None => true,
                    Some(key) => *key == id || own.contains(key),
                }) || own.is_empty()
            };
            let mut addresses = Vec::new();
            for own in list(item, &["IpLists", "IpList"])? {
                addresses.extend(address(&own, "IpAddress")?);
            }
            let status = (said(item, "Status")?, "Available");
            let business = (said(item, "BusinessStatus")?, "Normal");
            region.nats.push(NatGateway {
                vpc: said(item, "VpcId")?.unwrap_or_default(),
                is_public: said(item, "NetworkType")?.is_none_or(|word| word == "internet"),
                works: Works::of(
                    [business, status],
                    &["Creating", "Deleting", "FinancialLocked", "SecurityLocked"],
                ),
                strict: true,
                addresses,
                snats: has(&snat_tables, &own_snats).then(|| {
                    let own = own_snats.iter().filter_map(|table| snats.get(table));
                    own.flatten().cloned().collect()
                }),
                dnats: has(&dnat_tables, &own_dnats).then(|| {
                    let own = own_dnats.iter().filter_map(|table| dnats.get(table));
                    own.flatten().cloned().collect()
                }),
                id,
                source: item.source(),
            });
            Ok(())
        },
    );
}

/// One entry may be for several blocks: those of a vSwitch.
fn snat(item: &Object<'_>, subnets: &[Subnet]) -> Result<Vec<Snat>, Fault> {
    let own = net(item, "SourceCIDR")?;
    let subnet = said(item, "SourceVSwitchId")?;
    let of_subnet = subnet.and_then(|id| subnets.iter().find(|subnet| subnet.id == id));
    let sources = match (own, of_subnet) {
        (Some(own), _) => vec![own],
        (None, Some(subnet)) => subnet.blocks.clone(),
        (None, None) => return Err(item.fault("SourceCIDR", "is missing")),
    };
    let mut addresses = Vec::new();
    for text in said(item, "SnatIp")?.unwrap_or_default().split(',') {
        match text.trim().parse() {
            Ok(address) => addresses.push(address),
            Err(_) => return Err(item.fault("SnatIp", format!("`{text}` is not an address"))),
        }
    }
    let id = must(item, "SnatEntryId")?;
    let affinity = said(item, "EipAffinity")?.as_deref() == Some("1");
    let works = in_force(item)?;
    let made = sources.into_iter().map(|sources| Snat {
        id: id.clone(),
        sources,
        is_interface: false,
        addresses: addresses.clone(),
        affinity,
        works: works.clone(),
        source: item.source(),
    });
    Ok(made.collect())
}

fn dnat(item: &Object<'_>) -> Result<Option<Dnat>, Fault> {
    let ports = |key: &str| {
        read_as(item, key, "a port", |text| {
            if text.eq_ignore_ascii_case("any") {
                return Some((PortSet::ALL, None));
            }
            let (low, high) = text.split_once('/').unwrap_or((text, text));
            let (low, high) = (low.parse().ok()?, high.parse().ok()?);
            Some((PortSet::of(vec![(low, high)]), Some(low)))
        })
    };
    let (Some(public), Some(private)) =
        (address(item, "ExternalIp")?, address(item, "InternalIp")?)
    else {
        return Ok(None);
    };
    let (public_ports, public_port) = ports("ExternalPort")?.unwrap_or((PortSet::ALL, None));
    let (_, private_port) = ports("InternalPort")?.unwrap_or((PortSet::ALL, None));
    let word = said(item, "IpProtocol")?.unwrap_or_default();
    Ok(Some(Dnat {
        id: must(item, "ForwardEntryId")?,
        public,
        public_ports,
        private,
        private_port,
        public_port,
        protocol: match word.to_ascii_lowercase().as_str() {
            "any" | "" => None,
            word => Some(protocol(word).ok_or_else(|| item.fault("IpProtocol", "is no protocol"))?),
        },
        works: in_force(item)?,
        source: item.source(),
    }))
}

/// Whether an entry of a NAT gateway is: one that is being changed (`Modifying`) or set up (`Pending`) may be.
fn in_force(item: &Object<'_>) -> Result<Works, Fault> {
    let status = (said(item, "Status")?, "Available");
    Ok(Works::of([status, (None, "")], &["Deleting"]))
}
