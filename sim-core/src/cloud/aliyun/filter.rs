//! Alibaba Cloud's security groups, prefix lists and network ACLs.

use std::sync::OnceLock;

use super::super::acl::AclPeer;
use super::super::files::{list, must, net, read_as, said};
use super::super::group::Services;
use super::super::portset::block;
use super::super::{
    Acl, AclRule, AddressRange, Direction, Files, Group, GroupKind, GroupRule, Peer, PortSet,
    Region, Service,
};
use crate::evidence::json::{Fault, Object};
use crate::linux::packet::protocol as number;

pub(super) fn read(region: &mut Region, files: &mut Files<'_>) {
    files.each(
        "ecs/DescribeSecurityGroups",
        &["SecurityGroups", "SecurityGroup"],
        |item, _| {
            region.groups.push(Group {
                id: must(item, "SecurityGroupId")?,
                name: said(item, "SecurityGroupName")?.unwrap_or_default(),
                kind: match said(item, "SecurityGroupType")?.as_deref() {
                    Some("enterprise") => Some(GroupKind::Advanced),
                    Some("normal") => Some(GroupKind::Basic),
                    _ => None,
                },
                inner: None,
                rules: None,
                source: item.source(),
                index: OnceLock::new(),
            });
            Ok(())
        },
    );
    files.bodies("ecs/DescribeSecurityGroupAttribute", |body, key| {
        group_rules(region, body, key)
    });
    files.bodies("ecs/DescribePrefixListAttributes", |body, key| {
        let own = said(body, "PrefixListId")?.or_else(|| key.map(str::to_owned));
        let id = body.required("PrefixListId", own)?;
        let mut ranges = Vec::new();
        for entry in list(body, &["Entries", "Entry"])? {
            ranges.extend(read_as(&entry, "Cidr", "a block", AddressRange::parse)?);
        }
        region.lists.entry(id).or_default().extend(ranges);
        Ok(())
    });
    files.bodies("ecs/DescribePortRangeListEntries", |body, key| {
        let id = body.required("PortRangeListId", key)?;
        let mut all = PortSet::of(Vec::new());
        for entry in list(body, &["Entries"])? {
            let ports = read_as(&entry, "PortRange", "a range of ports", PortSet::slashed)?;
            all = all.with(ports.unwrap_or(PortSet::of(Vec::new())));
        }
        region.port_lists.insert(id.to_owned(), all);
        Ok(())
    });
    files.each(
        "vpc/GetVpcPrefixListEntries",
        &["PrefixListEntry"],
        |entry, key| {
            let own = said(entry, "PrefixListId")?.or_else(|| key.map(str::to_owned));
            let id = entry.required("PrefixListId", own)?;
            let range = read_as(entry, "Cidr", "a block", AddressRange::parse)?;
            region.lists.entry(id).or_default().extend(range);
            Ok(())
        },
    );
    acls(region, files);
}

fn group_rules(region: &mut Region, body: &Object<'_>, key: Option<&str>) -> Result<(), Fault> {
    let id = said(body, "SecurityGroupId")?.or_else(|| key.map(str::to_owned));
    let id = body.required("SecurityGroupId", id)?;
    let inner = said(body, "InnerAccessPolicy")?.map(|word| word.eq_ignore_ascii_case("accept"));
    let mut rules = Vec::new();
    for item in list(body, &["Permissions", "Permission"])? {
        rules.push(rule(&item)?);
    }
    let known = region.groups.iter_mut().find(|group| group.id == id);
    match known {
        Some(group) => {
            group.inner = inner.or(group.inner);
            group.rules.get_or_insert_default().extend(rules);
        }
        None => region.groups.push(Group {
            id,
            name: said(body, "SecurityGroupName")?.unwrap_or_default(),
            kind: None,
            inner,
            rules: Some(rules),
            source: body.source(),
            index: OnceLock::new(),
        }),
    }
    Ok(())
}

/// B.1: the fields of a permission.
fn rule(item: &Object<'_>) -> Result<GroupRule, Fault> {
    let direction = said(item, "Direction")?.unwrap_or_default();
    let direction = if direction.eq_ignore_ascii_case("egress") {
        Direction::Egress
    } else {
        Direction::Ingress
    };
    let (peers, own) = match direction {
        Direction::Ingress => (peers(item, "Source")?, cidr(item, "Dest")?),
        Direction::Egress => (peers(item, "Dest")?, cidr(item, "Source")?),
    };
    let word = said(item, "IpProtocol")?.unwrap_or_default();
    let protocol = match word.to_ascii_lowercase().as_str() {
        "all" | "" => None,
        word => Some(
            protocol(word)
                .ok_or_else(|| item.fault("IpProtocol", format!("`{word}` is no protocol")))?,
        ),
    };
    let ports = read_as(item, "PortRange", "a range of ports", PortSet::slashed)?;
    let services = match (ports, said(item, "PortRangeListId")?) {
        (None, Some(list)) => Services::PortList(protocol, list),
        (ports, _) => Services::One(Service {
            protocol,
            ports: ports.unwrap_or_default(),
        }),
    };
    let source_ports = read_as(
        item,
        "SourcePortRange",
        "a range of ports",
        PortSet::slashed,
    )?;
    Ok(GroupRule {
        id: said(item, "SecurityGroupRuleId")?.unwrap_or_default(),
        direction,
        accepts: accepts(item, "Policy")?,
        priority: item.number("Priority")?.unwrap_or(1),
        services,
        source_ports: source_ports.unwrap_or_default(),
        peer: peers,
        own,
        source: item.source(),
    })
}

/// `Accept` or `Drop`, whatever their case.
fn accepts(item: &Object<'_>, key: &str) -> Result<bool, Fault> {
    let word = must(item, key)?;
    match word.to_ascii_lowercase().as_str() {
        "accept" => Ok(true),
        "drop" => Ok(false),
        _ => Err(item.fault(key, format!("`{word}` is neither `accept` nor `drop`"))),
    }
}

fn cidr(item: &Object<'_>, side: &str) -> Result<Option<ipnet::IpNet>, Fault> {
    let v4 = net(item, &format!("{side}CidrIp"))?;
    match v4 {
        Some(v4) => Ok(Some(v4)),
        None => net(item, &format!("Ipv6{side}CidrIp")),
    }
}

/// Exactly one is set; a block wins over a group.
fn peers(item: &Object<'_>, side: &str) -> Result<Peer, Fault> {
    if let Some(net) = cidr(item, side)? {
        return Ok(Peer::Net(net));
    }
    if let Some(group) = said(item, &format!("{side}GroupId"))? {
        return Ok(Peer::Group(group));
    }
    match said(item, &format!("{side}PrefixListId"))? {
        Some(list) => Ok(Peer::List(list)),
        None => Err(Fault::new(item.pointer(), "the rule names no other side")),
    }
}

/// A protocol's number by its name or number.
pub(super) fn protocol(word: &str) -> Option<u8> {
    match word.to_ascii_lowercase().as_str() {
        "tcp" => Some(number::TCP),
        "udp" => Some(number::UDP),
        "icmp" => Some(number::ICMP),
        "icmpv6" => Some(number::ICMPV6),
        "gre" => Some(number::GRE),
        digits => digits.parse().ok(),
    }
}

fn acls(region: &mut Region, files: &mut Files<'_>) {
    files.bodies("vpc/DescribeNetworkAclAttributes", |body, _| {
        if let Some(item) = body.object("NetworkAclAttribute")? {
            region.acls.push(acl(&item)?);
        }
        Ok(())
    });
    files.each(
        "vpc/DescribeNetworkAcls",
        &["NetworkAcls", "NetworkAcl"],
        |item, _| {
            let read = acl(item)?;
            match region.acls.iter_mut().find(|known| known.id == read.id) {
                Some(known) => {
                    let more = read.subnets.into_iter();
                    let more: Vec<_> = more.filter(|own| !known.subnets.contains(own)).collect();
                    known.subnets.extend(more);
                    if known.rules.is_none() {
                        known.rules = read.rules;
                    }
                }
                None => region.acls.push(read),
            }
            Ok(())
        },
    );
    for subnet in &mut region.subnets {
        let bound = region.acls.iter();
        let mut bound = bound.filter(|acl| acl.subnets.contains(&subnet.id));
        if subnet.acl.is_none() {
            subnet.acl = bound.next().map(|acl| acl.id.clone());
        }
    }
}

fn acl(item: &Object<'_>) -> Result<Acl, Fault> {
    let mut subnets = Vec::new();
    for bound in list(item, &["Resources", "Resource"])? {
        if said(&bound, "Status")?.as_deref() != Some("UNBINDING") {
            subnets.extend(said(&bound, "ResourceId")?);
        }
    }
    let listed = item.has("IngressAclEntries") || item.has("EgressAclEntries");
    let mut rules = Vec::new();
    for entry in list(item, &["IngressAclEntries", "IngressAclEntry"])? {
        let from = acl_peer(&entry, "SourceCidrIp")?;
        rules.push(acl_rule(&entry, Direction::Ingress, from, None)?);
    }
    for entry in list(item, &["EgressAclEntries", "EgressAclEntry"])? {
        let to = acl_peer(&entry, "DestinationCidrIp")?;
        rules.push(acl_rule(&entry, Direction::Egress, None, to)?);
    }
    Ok(Acl {
        id: must(item, "NetworkAclId")?,
        subnets,
        rules: listed.then_some(rules),
        is_quintuple: false,
        source: item.source(),
    })
}

fn acl_peer(entry: &Object<'_>, key: &str) -> Result<Option<AclPeer>, Fault> {
    let text = must(entry, key)?;
    Ok(Some(match block(&text) {
        Some(net) => AclPeer::Net(net),
        None => AclPeer::List(text),
    }))
}

fn acl_rule(
    entry: &Object<'_>,
    direction: Direction,
    from: Option<AclPeer>,
    to: Option<AclPeer>,
) -> Result<AclRule, Fault> {
    let word = must(entry, "Protocol")?;
    let is_v6 = match from.as_ref().or(to.as_ref()) {
        Some(AclPeer::Net(net)) => matches!(net, ipnet::IpNet::V6(_)),
        _ => said(entry, "IpVersion")?.is_some_and(|word| word.eq_ignore_ascii_case("ipv6")),
    };
    Ok(AclRule {
        direction,
        accepts: accepts(entry, "Policy")?,
        protocol: match word.to_ascii_lowercase().as_str() {
            "all" => None,
            word => Some(
                protocol(word)
                    .ok_or_else(|| entry.fault("Protocol", format!("`{word}` is no protocol")))?,
            ),
        },
        is_v6,
        from,
        to,
        source_ports: PortSet::ALL,
        ports: read_as(entry, "Port", "a range of ports", PortSet::slashed)?.unwrap_or_default(),
        source: entry.source(),
    })
}
