//! Tencent Cloud's private networks, route tables and NAT gateways.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use ipnet::IpNet;

use super::super::files::{address, is_set, list, must, net, said};
use super::super::{
    Destination, Dnat, Files, Hop, HopKind, NatGateway, Peering, PortSet, Region, RouteEntry,
    RouteTable, Snat, Subnet, Vpc, Works,
};
use crate::evidence::json::{Fault, Object};
use crate::linux::packet::protocol;

pub(super) fn read(region: &mut Region, files: &mut Files<'_>) {
    files.each("vpc/DescribeVpcs", &["VpcSet"], |item, _| {
        region.vpcs.push(vpc(item)?);
        Ok(())
    });
    files.each("vpc/DescribeSubnets", &["SubnetSet"], |item, _| {
        let mut blocks = Vec::new();
        blocks.extend(net(item, "CidrBlock")?);
        blocks.extend(net(item, "Ipv6CidrBlock")?);
        region.subnets.push(Subnet {
            id: must(item, "SubnetId")?,
            vpc: must(item, "VpcId")?,
            blocks,
            table: said(item, "RouteTableId")?,
            acl: said(item, "NetworkAclId")?,
            source: item.source(),
        });
        Ok(())
    });
    files.each("vpc/DescribeRouteTables", &["RouteTableSet"], |item, _| {
        let entries: Result<Vec<RouteEntry>, Fault> =
            list(item, &["RouteSet"])?.iter().map(entry).collect();
        let id = must(item, "RouteTableId")?;
        for bound in list(item, &["AssociationSet"])? {
            let subnet = said(&bound, "SubnetId")?;
            let mut subnets = region.subnets.iter_mut();
            if let Some(subnet) = subnets.find(|own| Some(&own.id) == subnet.as_ref())
                && subnet.table.is_none()
            {
                subnet.table = Some(id.clone());
            }
        }
        region.tables.push(RouteTable {
            id,
            vpc: said(item, "VpcId")?.unwrap_or_default(),
            main: is_set(item, "Main")?,
            gateways: Vec::new(),
            entries: Some(entries?),
            source: item.source(),
            index: OnceLock::new(),
        });
        Ok(())
    });
    files.each("tke/DescribeClusterRoutes", &["RouteSet"], |item, _| {
        let block = net(item, "DestinationCidrBlock")?;
        let gateway = address(item, "GatewayIp")?;
        let gateway: IpAddr = item.required("GatewayIp", gateway)?;
        region.pod_routes.push(RouteEntry {
            id: said(item, "RouteTableName")?.unwrap_or_default(),
            destination: Destination::Net(item.required("DestinationCidrBlock", block)?),
            active: true,
            status: String::new(),
            hops: vec![Hop {
                kind: HopKind::Address(gateway),
                weight: 1,
                enabled: true,
            }],
            source: item.source(),
        });
        Ok(())
    });
    files.each(
        "vpc/DescribeVpcPeeringConnections",
        &["PeerConnectionSet"],
        |item, _| {
            let status = said(item, "State")?.or_else(|| Some("in no known state".to_owned()));
            let far = match said(item, "PeerVpcId")? {
                Some(far) => Some(far),
                None => said(item, "DestinationVpcId")?,
            };
            region.peerings.push(Peering {
                id: must(item, "PeeringConnectionId")?,
                vpcs: [
                    said(item, "SourceVpcId")?.unwrap_or_default(),
                    far.unwrap_or_default(),
                ],
                works: Works::of(
                    [(status, "ACTIVE"), (None, "")],
                    &[
                        "PENDING", "REJECTED", "DELETED", "FAILED", "EXPIRED", "ISOLATED",
                    ],
                ),
                source: item.source(),
            });
            Ok(())
        },
    );
    nats(region, files);
}

fn vpc(item: &Object<'_>) -> Result<Vpc, Fault> {
    let mut blocks: Vec<IpNet> = Vec::new();
    blocks.extend(net(item, "CidrBlock")?);
    blocks.extend(net(item, "Ipv6CidrBlock")?);
    let mut container_blocks = Vec::new();
    for more in list(item, &["AssistantCidrSet"])? {
        let more_block = net(&more, "CidrBlock")?;
        if more.number::<u32>("AssistantType")? == Some(1) {
            container_blocks.extend(more_block);
        } else {
            blocks.extend(more_block);
        }
    }
    let texts = item.strings("DnsServerSet")?;
    Ok(Vpc {
        id: must(item, "VpcId")?,
        blocks,
        container_blocks,
        user_blocks: Vec::new(),
        name_servers: texts.iter().filter_map(|text| text.parse().ok()).collect(),
        source: item.source(),
    })
}

fn entry(item: &Object<'_>) -> Result<RouteEntry, Fault> {
    let v4 = net(item, "DestinationCidrBlock")?;
    let block = match v4 {
        Some(v4) => Some(v4),
        None => net(item, "DestinationIpv6CidrBlock")?,
    };
    let kind = said(item, "GatewayType")?.unwrap_or_default();
    let id = said(item, "GatewayId")?.unwrap_or_default();
    let hop = match kind.as_str() {
        "LOCAL" => HopKind::Local,
        "NAT" => HopKind::Nat(id),
        // The private address of a machine that forwards.
        "NORMAL_CVM" => match id.parse() {
            Ok(address) => HopKind::Address(address),
            Err(_) => HopKind::Other(kind, id),
        },
        "PEERCONNECTION" => HopKind::Peering(id),
        "EIP" => HopKind::OwnPublic,
        _ => HopKind::Other(kind, id),
    };
    let enabled = item.flag_or("Enabled", true)?;
    Ok(RouteEntry {
        id: said(item, "RouteItemId")?.unwrap_or_default(),
        destination: Destination::Net(item.required("DestinationCidrBlock", block)?),
        active: enabled,
        status: if enabled { "enabled" } else { "disabled" }.to_owned(),
        hops: vec![Hop {
            kind: hop,
            weight: 1,
            enabled: true,
        }],
        source: item.source(),
    })
}

fn nats(region: &mut Region, files: &mut Files<'_>) {
    let mut snats: BTreeMap<String, Vec<Snat>> = BTreeMap::new();
    let mut dnats: BTreeMap<String, Vec<Dnat>> = BTreeMap::new();
    // The list answer may cut rules off; these hold them all.
    files.bodies(
        "vpc/DescribeNatGatewaySourceIpTranslationNatRules",
        |body, key| {
            for item in list(body, &["SourceIpTranslationNatRuleSet"])? {
                let gateway = said(&item, "NatGatewayId")?.or_else(|| key.map(str::to_owned));
                let gateway = item.required("NatGatewayId", gateway)?;
                snats.entry(gateway).or_default().push(snat(&item)?);
            }
            if let Some(key) = key {
                snats.entry(key.to_owned()).or_default();
            }
            Ok(())
        },
    );
    files.bodies(
        "vpc/DescribeNatGatewayDestinationIpPortTranslationNatRules",
        |body, key| {
            let set = "NatGatewayDestinationIpPortTranslationNatRuleSet";
            for item in list(body, &[set])? {
                let gateway = said(&item, "NatGatewayId")?.or_else(|| key.map(str::to_owned));
                let gateway = item.required("NatGatewayId", gateway)?;
                dnats.entry(gateway).or_default().push(dnat(&item)?);
            }
            if let Some(key) = key {
                dnats.entry(key.to_owned()).or_default();
            }
            Ok(())
        },
    );
    let snats_known = !files.is_broken("vpc/DescribeNatGatewaySourceIpTranslationNatRules");
    let dnats_known =
        !files.is_broken("vpc/DescribeNatGatewayDestinationIpPortTranslationNatRules");
    files.each("vpc/DescribeNatGateways", &["NatGatewaySet"], |item, _| {
        let id = must(item, "NatGatewayId")?;
        let mut addresses = Vec::new();
        for own in list(item, &["PublicIpAddressSet"])? {
            addresses.extend(address(&own, "PublicIpAddress")?);
        }
        let mut own_snats = Vec::new();
        for rule in list(item, &["SourceIpTranslationNatRuleSet"])? {
            own_snats.push(snat(&rule)?);
        }
        let mut own_dnats = Vec::new();
        for rule in list(item, &["DestinationIpPortTranslationNatRuleSet"])? {
            own_dnats.push(dnat(&rule)?);
        }
        let state = (said(item, "State")?, "AVAILABLE");
        let network = (said(item, "NetworkState")?, "AVAILABLE");
        region.nats.push(NatGateway {
            vpc: said(item, "VpcId")?.unwrap_or_default(),
            is_public: true,
            works: Works::of(
                [state, network],
                &["PENDING", "PENDFAILURE", "DENIED", "UNAVAILABLE"],
            ),
            strict: is_set(item, "StrictSnatMode")?,
            addresses,
            snats: snats
                .remove(&id)
                .or(Some(own_snats).filter(|_| snats_known)),
            dnats: dnats
                .remove(&id)
                .or(Some(own_dnats).filter(|_| dnats_known)),
            id,
            source: item.source(),
        });
        Ok(())
    });
}

fn snat(item: &Object<'_>) -> Result<Snat, Fault> {
    let sources = net(item, "PrivateIpAddress")?;
    let texts = item.strings("PublicIpAddresses")?;
    Ok(Snat {
        id: said(item, "NatGatewaySnatId")?.unwrap_or_default(),
        sources: item.required("PrivateIpAddress", sources)?,
        is_interface: said(item, "ResourceType")?.as_deref() == Some("NETWORKINTERFACE"),
        addresses: texts.iter().filter_map(|text| text.parse().ok()).collect(),
        affinity: false,
        works: Works::Yes,
        source: item.source(),
    })
}

fn dnat(item: &Object<'_>) -> Result<Dnat, Fault> {
    let needed = |key: &str| -> Result<IpAddr, Fault> {
        let read = address(item, key)?;
        item.required(key, read)
    };
    let public_port = item.number::<u16>("PublicPort")?;
    let word = said(item, "IpProtocol")?.unwrap_or_default();
    Ok(Dnat {
        id: format!(
            "{}:{}",
            needed("PublicIpAddress")?,
            public_port.unwrap_or(0)
        ),
        public: needed("PublicIpAddress")?,
        public_ports: public_port.map_or(PortSet::ALL, |port| PortSet::of(vec![(port, port)])),
        private: needed("PrivateIpAddress")?,
        private_port: item.number("PrivatePort")?,
        public_port,
        protocol: match word.to_ascii_lowercase().as_str() {
            "tcp" => Some(protocol::TCP),
            "udp" => Some(protocol::UDP),
            _ => None,
        },
        works: Works::Yes,
        source: item.source(),
    })
}
