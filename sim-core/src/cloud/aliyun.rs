//! Alibaba Cloud: its API's answers as the neutral model.

mod filter;
mod network;

use std::net::IpAddr;

use super::files::{address, is_set, list, mac, must, net, said, wrapped};
use super::{Elastic, ElasticHolder, Files, Instance, Interface, InterfaceAddress, Region, Works};
use crate::evidence::json::{Fault, Object};

/// Reads a region.
pub(super) fn read(region: &mut Region, files: &mut Files<'_>) {
    files.each(
        "ecs/DescribeInstances",
        &["Instances", "Instance"],
        |item, _| {
            region.instances.push(instance(item)?);
            Ok(())
        },
    );
    files.each(
        "ecs/DescribeNetworkInterfaces",
        &["NetworkInterfaceSets", "NetworkInterfaceSet"],
        |item, _| {
            region.interfaces.push(interface(item)?);
            Ok(())
        },
    );
    files.each(
        "vpc/DescribeEipAddresses",
        &["EipAddresses", "EipAddress"],
        |item, _| {
            region.elastics.extend(elastic(item)?);
            Ok(())
        },
    );
    network::read(region, files);
    filter::read(region, files);
}

fn instance(item: &Object<'_>) -> Result<Instance, Fault> {
    let attributes = item.object("VpcAttributes")?;
    let status = said(item, "Status")?.or_else(|| Some("in no known state".to_owned()));
    let mut addresses = Vec::new();
    if let Some(attributes) = &attributes {
        for text in wrapped(attributes, "PrivateIpAddress", "IpAddress")? {
            addresses.extend(text.parse::<IpAddr>());
        }
    }
    let mut public = Vec::new();
    for text in wrapped(item, "PublicIpAddress", "IpAddress")? {
        public.extend(text.parse::<IpAddr>());
    }
    if let Some(elastic) = item.object("EipAddress")? {
        public.extend(address(&elastic, "IpAddress")?);
    }
    let locks = list(item, &["OperationLocks", "LockReason"])?;
    let lock = locks.first().map(|lock| said(lock, "LockReason"));
    let vpc = match &attributes {
        Some(attributes) => said(attributes, "VpcId")?,
        None => None,
    };
    Ok(Instance {
        id: must(item, "InstanceId")?,
        works: Works::of(
            [(status, "Running"), (lock.transpose()?.flatten(), "")],
            &["Stopped"],
        ),
        vpc: vpc.unwrap_or_default(),
        addresses,
        public,
        bandwidth: None,
        source: item.source(),
    })
}

/// Whether `AssociatedPublicIp` of an interface or one of its addresses names an address, and which.
fn associated(item: &Object<'_>) -> Result<Option<IpAddr>, Fault> {
    match item.object("AssociatedPublicIp")? {
        Some(own) => address(&own, "PublicIpAddress"),
        None => Ok(None),
    }
}

fn interface(item: &Object<'_>) -> Result<Interface, Fault> {
    let mut addresses = Vec::new();
    for own in list(item, &["PrivateIpSets", "PrivateIpSet"])? {
        let private = address(&own, "PrivateIpAddress")?;
        let primary = is_set(&own, "Primary")?;
        let mut public = associated(&own)?;
        if primary && public.is_none() {
            public = associated(item)?;
        }
        addresses.push(InterfaceAddress {
            address: own.required("PrivateIpAddress", private)?,
            primary,
            public,
        });
    }
    for own in list(item, &["Ipv6Sets", "Ipv6Set"])? {
        addresses.extend(
            address(&own, "Ipv6Address")?.map(|address| InterfaceAddress {
                address,
                primary: false,
                public: None,
            }),
        );
    }
    let mut prefixes = Vec::new();
    for (set, one, key) in [
        ("Ipv4PrefixSets", "Ipv4PrefixSet", "Ipv4Prefix"),
        ("Ipv6PrefixSets", "Ipv6PrefixSet", "Ipv6Prefix"),
    ] {
        for own in list(item, &[set, one])? {
            prefixes.extend(net(&own, key)?);
        }
    }
    Ok(Interface {
        id: must(item, "NetworkInterfaceId")?,
        instance: said(item, "InstanceId")?,
        primary: said(item, "Type")?.as_deref() == Some("Primary"),
        mac: mac(item, "MacAddress")?,
        vpc: said(item, "VpcId")?.unwrap_or_default(),
        subnet: said(item, "VSwitchId")?.unwrap_or_default(),
        addresses,
        prefixes,
        groups: wrapped(item, "SecurityGroupIds", "SecurityGroupId")?,
        source_dest_check: is_set(item, "SourceDestCheck")?,
        source: item.source(),
    })
}

fn elastic(item: &Object<'_>) -> Result<Option<Elastic>, Fault> {
    let Some(public) = address(item, "IpAddress")? else {
        return Ok(None);
    };
    let id = said(item, "InstanceId")?;
    let holder = match (said(item, "InstanceType")?.as_deref(), id) {
        (_, None) => ElasticHolder::Nobody,
        (Some("EcsInstance"), Some(id)) => ElasticHolder::Instance(id),
        (Some("NetworkInterface"), Some(id)) => ElasticHolder::Interface(id),
        (Some("Nat"), Some(id)) => ElasticHolder::Nat(id),
        (Some("SlbInstance"), Some(id)) => ElasticHolder::Balancer(id),
        (kind, Some(id)) => ElasticHolder::Other(format!("{} {id}", kind.unwrap_or_default())),
    };
    let status = said(item, "Status")?;
    let business = said(item, "BusinessStatus")?;
    let status = status.filter(|_| holder != ElasticHolder::Nobody);
    Ok(Some(Elastic {
        id: said(item, "AllocationId")?.unwrap_or_else(|| public.to_string()),
        address: public,
        works: Works::of(
            [(business, "Normal"), (status, "InUse")],
            &["FinancialLocked", "SecurityLocked"],
        ),
        holder,
        private: address(item, "PrivateIpAddress")?,
        cut_through: said(item, "Mode")?.as_deref() == Some("BINDED"),
        source: item.source(),
    }))
}
