//! Tencent Cloud's security groups, templates and network ACLs.

use std::sync::OnceLock;

use super::super::acl::AclPeer;
use super::super::files::{list, must, net, read_as, said};
use super::super::group::Services;
use super::super::{
    Acl, AclRule, AddressRange, Direction, Files, Group, GroupKind, GroupRule, Peer, PortSet,
    Region, Service,
};
use crate::evidence::json::{Fault, Object};
use crate::linux::packet::protocol as number;

pub(super) fn read(region: &mut Region, files: &mut Files<'_>) {
    templates(region, files);
    files.each(
        "vpc/DescribeSecurityGroups",
        &["SecurityGroupSet"],
        |item, _| {
            region.groups.push(Group {
                id: must(item, "SecurityGroupId")?,
                name: said(item, "SecurityGroupName")?.unwrap_or_default(),
                kind: Some(GroupKind::Ordered),
                inner: Some(false),
                rules: None,
                source: item.source(),
                index: OnceLock::new(),
            });
            Ok(())
        },
    );
    files.bodies("vpc/DescribeSecurityGroupPolicies", |body, key| {
        let Some(set) = body.object("SecurityGroupPolicySet")? else {
            return Ok(());
        };
        // The answer does not repeat the group's id.
        let Some(id) = key else {
            return Err(Fault::new(
                body.pointer(),
                "the file's name must hold the group's id",
            ));
        };
        let mut rules = Vec::new();
        for (direction, name) in [
            (Direction::Ingress, "Ingress"),
            (Direction::Egress, "Egress"),
        ] {
            for (place, item) in list(&set, &[name])?.iter().enumerate() {
                rules.push(rule(item, direction, place)?);
            }
        }
        match region.groups.iter_mut().find(|group| group.id == id) {
            Some(group) => group.rules = Some(rules),
            None => region.groups.push(Group {
                id: id.to_owned(),
                name: String::new(),
                kind: Some(GroupKind::Ordered),
                inner: Some(false),
                rules: Some(rules),
                source: body.source(),
                index: OnceLock::new(),
            }),
        }
        Ok(())
    });
    acls(region, files);
}

fn templates(region: &mut Region, files: &mut Files<'_>) {
    files.each(
        "vpc/DescribeAddressTemplates",
        &["AddressTemplateSet"],
        |item, _| {
            let id = must(item, "AddressTemplateId")?;
            let texts = item.strings("AddressSet")?;
            let ranges = texts.iter().map(|text| {
                AddressRange::parse(text)
                    .ok_or_else(|| item.fault("AddressSet", format!("`{text}` is no address")))
            });
            let ranges: Result<Vec<AddressRange>, Fault> = ranges.collect();
            region.lists.insert(id, ranges?);
            Ok(())
        },
    );
    let mut of_groups: Vec<(String, Vec<String>)> = Vec::new();
    files.each(
        "vpc/DescribeAddressTemplateGroups",
        &["AddressTemplateGroupSet"],
        |item, _| {
            let members = item.strings("AddressTemplateIdSet")?;
            of_groups.push((must(item, "AddressTemplateGroupId")?, members));
            Ok(())
        },
    );
    for (id, members) in of_groups {
        let lists = members.iter().map(|member| region.lists.get(member));
        // A group of which a member is missing is not known.
        if let Some(lists) = lists.collect::<Option<Vec<_>>>() {
            let all = lists.into_iter().flatten().copied().collect();
            region.lists.insert(id, all);
        }
    }
    files.each(
        "vpc/DescribeServiceTemplates",
        &["ServiceTemplateSet"],
        |item, _| {
            let id = must(item, "ServiceTemplateId")?;
            let texts = item.strings("ServiceSet")?;
            let services = texts.iter().map(|text| {
                template_service(text)
                    .ok_or_else(|| item.fault("ServiceSet", format!("`{text}` is no service")))
            });
            let services: Result<Vec<Service>, Fault> = services.collect();
            region.services.insert(id, services?);
            Ok(())
        },
    );
    let mut of_groups: Vec<(String, Vec<String>)> = Vec::new();
    files.each(
        "vpc/DescribeServiceTemplateGroups",
        &["ServiceTemplateGroupSet"],
        |item, _| {
            let members = item.strings("ServiceTemplateIdSet")?;
            of_groups.push((must(item, "ServiceTemplateGroupId")?, members));
            Ok(())
        },
    );
    for (id, members) in of_groups {
        let lists = members.iter().map(|member| region.services.get(member));
        if let Some(lists) = lists.collect::<Option<Vec<_>>>() {
            let all = lists.into_iter().flatten().cloned().collect();
            region.services.insert(id, all);
        }
    }
}

/// `tcp:80,443`, `udp:all`, `icmp:all`, `gre`.
fn template_service(text: &str) -> Option<Service> {
    let (word, ports) = text.split_once(':').unwrap_or((text, "all"));
    Some(Service {
        protocol: protocol(word)?,
        ports: PortSet::listed(ports)?,
    })
}

/// A protocol's number; the inner `None` is any.
fn protocol(word: &str) -> Option<Option<u8>> {
    match word.trim().to_ascii_lowercase().as_str() {
        "all" => Some(None),
        "tcp" => Some(Some(number::TCP)),
        "udp" => Some(Some(number::UDP)),
        "icmp" => Some(Some(number::ICMP)),
        "icmpv6" => Some(Some(number::ICMPV6)),
        "gre" => Some(Some(number::GRE)),
        _ => None,
    }
}

fn accepts(item: &Object<'_>) -> Result<bool, Fault> {
    let word = must(item, "Action")?;
    match word.to_ascii_lowercase().as_str() {
        "accept" => Ok(true),
        "drop" => Ok(false),
        _ => Err(item.fault("Action", format!("`{word}` is neither `ACCEPT` nor `DROP`"))),
    }
}

/// C.3: the fields of a policy.
fn rule(item: &Object<'_>, direction: Direction, place: usize) -> Result<GroupRule, Fault> {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    let template = |key: &str, one: &str, group: &str| -> Result<Option<String>, Fault> {
        match item.object(key)? {
            Some(template) => Ok(match said(&template, one)? {
                Some(id) => Some(id),
                None => said(&template, group)?,
            }),
            None => Ok(None),
        }
    };
    let services = match template("ServiceTemplate", "ServiceId", "ServiceGroupId")? {
        Some(id) => Services::Template(id),
        None => Services::One(Service {
            protocol: read_as(item, "Protocol", "a protocol", protocol)?.flatten(),
            ports: read_as(item, "Port", "a list of ports", PortSet::listed)?.unwrap_or_default(),
        }),
    };
    let mut peers = Vec::new();
    for key in ["CidrBlock", "Ipv6CidrBlock"] {
        peers.extend(net(item, key)?.map(Peer::Net));
    }
    peers.extend(said(item, "SecurityGroupId")?.map(Peer::Group));
    peers.extend(template("AddressTemplate", "AddressId", "AddressGroupId")?.map(Peer::List));
    if peers.is_empty() {
        return Err(Fault::new(item.pointer(), "the rule names no other side"));
    }
    let peer = match peers.len() {
        1 => peers.remove(0),
        _ => Peer::Any(peers),
    };
    let priority = item.number("PolicyIndex")?.unwrap_or(place);
    Ok(GroupRule {
        id: format!("{priority}"),
        direction,
        accepts: accepts(item)?,
        priority,
        services,
        source_ports: PortSet::ALL,
        peer,
        own: None,
        source: item.source(),
    })
}

fn acls(region: &mut Region, files: &mut Files<'_>) {
    files.each("vpc/DescribeNetworkAcls", &["NetworkAclSet"], |item, _| {
        let id = must(item, "NetworkAclId")?;
        let is_quintuple = said(item, "NetworkAclType")?.as_deref() == Some("QUINTUPLE");
        let mut subnets = Vec::new();
        for subnet in list(item, &["SubnetSet"])? {
            subnets.extend(said(&subnet, "SubnetId")?);
        }
        let mut rules = Vec::new();
        for (direction, name) in [
            (Direction::Ingress, "IngressEntries"),
            (Direction::Egress, "EgressEntries"),
        ] {
            let mut listed = Vec::new();
            for entry in list(item, &[name])? {
                let priority = entry.number::<u32>("Priority")?.unwrap_or(u32::MAX);
                listed.push((priority, triple(&entry, direction)?));
            }
            listed.sort_by_key(|(priority, _)| *priority);
            rules.extend(listed.into_iter().map(|(_, rule)| rule));
        }
        region.acls.push(Acl {
            id,
            subnets,
            rules: (!is_quintuple).then_some(rules),
            is_quintuple,
            source: item.source(),
        });
        Ok(())
    });
    files.bodies("vpc/DescribeNetworkAclQuintupleEntries", |body, key| {
        let mut listed = Vec::new();
        for entry in list(body, &["NetworkAclQuintupleSet"])? {
            let priority = entry.number::<u32>("Priority")?.unwrap_or(u32::MAX);
            listed.push((priority, quintuple(&entry)?));
        }
        listed.sort_by_key(|(priority, _)| *priority);
        let known = region.acls.iter_mut();
        if let Some(acl) = known.into_iter().find(|acl| Some(acl.id.as_str()) == key) {
            acl.rules = Some(listed.into_iter().map(|(_, rule)| rule).collect());
        }
        Ok(())
    });
    for subnet in &mut region.subnets {
        let mut bound = region.acls.iter();
        if subnet.acl.is_none() {
            subnet.acl = bound
                .find(|acl| acl.subnets.contains(&subnet.id))
                .map(|acl| acl.id.clone());
        }
    }
}

fn triple(entry: &Object<'_>, direction: Direction) -> Result<AclRule, Fault> {
    let v4 = net(entry, "CidrBlock")?;
    let net = match v4 {
        Some(net) => Some(net),
        None => net(entry, "Ipv6CidrBlock")?,
    };
    let net = entry.required("CidrBlock", net)?;
    let peer = Some(AclPeer::Net(net));
    let (from, to) = match direction {
        Direction::Ingress => (peer, None),
        Direction::Egress => (None, peer),
    };
    Ok(AclRule {
        direction,
        accepts: accepts(entry)?,
        protocol: read_as(entry, "Protocol", "a protocol", protocol)?.flatten(),
        from,
        to,
        source_ports: PortSet::ALL,
        ports: read_as(entry, "Port", "a list of ports", PortSet::listed)?.unwrap_or_default(),
        is_v6: matches!(net, ipnet::IpNet::V6(_)),
        source: entry.source(),
    })
}

fn quintuple(entry: &Object<'_>) -> Result<AclRule, Fault> {
    let net = |key: &str| -> Result<ipnet::IpNet, Fault> {
        let read = net(entry, key)?;
        entry.required(key, read)
    };
    let ports = |key: &str| read_as(entry, key, "a list of ports", PortSet::listed);
    let (from, to) = (net("SourceCidr")?, net("DestinationCidr")?);
    Ok(AclRule {
        direction: match said(entry, "NetworkAclDirection")?.unwrap_or_default() {
            word if word.eq_ignore_ascii_case("egress") => Direction::Egress,
            _ => Direction::Ingress,
        },
        accepts: accepts(entry)?,
        protocol: read_as(entry, "Protocol", "a protocol", protocol)?.flatten(),
        is_v6: matches!(from, ipnet::IpNet::V6(_)),
        from: Some(AclPeer::Net(from)),
        to: Some(AclPeer::Net(to)),
        source_ports: ports("SourcePort")?.unwrap_or_default(),
        ports: ports("DestinationPort")?.unwrap_or_default(),
        source: entry.source(),
    })
}
