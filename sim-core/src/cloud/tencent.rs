//! Tencent Cloud: its API's answers as the neutral model.

mod filter;
mod network;

use super::files::{address, is_set, list, mac, must, said};
use super::{Elastic, ElasticHolder, Files, Instance, Interface, InterfaceAddress, Region, Works};
use crate::evidence::json::{Fault, Object};

/// Reads a region.
pub(super) fn read(region: &mut Region, files: &mut Files<'_>) {
    files.each("cvm/DescribeInstances", &["InstanceSet"], |item, _| {
        region.instances.push(instance(item)?);
        Ok(())
    });
    files.each(
        "vpc/DescribeNetworkInterfaces",
        &["NetworkInterfaceSet"],
        |item, _| {
            region.interfaces.push(interface(item)?);
            Ok(())
        },
    );
    files.each("vpc/DescribeAddresses", &["AddressSet"], |item, _| {
        region.elastics.extend(elastic(item)?);
        Ok(())
    });
    files.bodies("vpc/DescribeNetworkAccountType", |body, _| {
        region.own_bandwidth = match said(body, "NetworkAccountType")?.as_deref() {
            Some("LEGACY") => Some(true),
            Some("STANDARD") => Some(false),
            _ => None,
        };
        Ok(())
    });
    network::read(region, files);
    filter::read(region, files);
}

fn addresses(item: &Object<'_>, key: &str) -> Result<Vec<std::net::IpAddr>, Fault> {
    let texts = item.strings(key)?;
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

fn instance(item: &Object<'_>) -> Result<Instance, Fault> {
    let status = said(item, "InstanceState")?.or_else(|| Some("in no known state".to_owned()));
    let network = item.object("VirtualPrivateCloud")?;
    let vpc = match &network {
        Some(network) => said(network, "VpcId")?,
        None => None,
    };
    Ok(Instance {
        id: must(item, "InstanceId")?,
        works: Works::of(
            [
                (status, "RUNNING"),
                (said(item, "RestrictState")?, "NORMAL"),
            ],
            &["STOPPED", "SHUTDOWN", "LAUNCH_FAILED"],
        ),
        vpc: vpc.unwrap_or_default(),
        addresses: addresses(item, "PrivateIpAddresses")?,
        public: addresses(item, "PublicIpAddresses")?,
        bandwidth: match item.object("InternetAccessible")? {
            Some(internet) => internet.number("InternetMaxBandwidthOut")?,
            None => None,
        },
        source: item.source(),
    })
}

fn interface(item: &Object<'_>) -> Result<Interface, Fault> {
    let mut own_addresses = Vec::new();
    for own in list(item, &["PrivateIpAddressSet"])? {
        let private = address(&own, "PrivateIpAddress")?;
        own_addresses.push(InterfaceAddress {
            address: own.required("PrivateIpAddress", private)?,
            primary: is_set(&own, "Primary")?,
            public: address(&own, "PublicIpAddress")?,
        });
    }
    for own in list(item, &["Ipv6AddressSet"])? {
        own_addresses.extend(address(&own, "Address")?.map(|address| InterfaceAddress {
            address,
            primary: false,
            public: None,
        }));
    }
    let instance = match item.object("Attachment")? {
        Some(attachment) => said(&attachment, "InstanceId")?,
        None => None,
    };
    Ok(Interface {
        id: must(item, "NetworkInterfaceId")?,
        instance,
        primary: is_set(item, "Primary")?,
        mac: mac(item, "MacAddress")?,
        vpc: said(item, "VpcId")?.unwrap_or_default(),
        subnet: said(item, "SubnetId")?.unwrap_or_default(),
        addresses: own_addresses,
        prefixes: Vec::new(),
        groups: item.strings("GroupSet")?,
        // The API tells of no such check.
        source_dest_check: false,
        source: item.source(),
    })
}

fn elastic(item: &Object<'_>) -> Result<Option<Elastic>, Fault> {
    let Some(public) = address(item, "AddressIp")? else {
        return Ok(None);
    };
    let id = said(item, "InstanceId")?;
    let interface = said(item, "NetworkInterfaceId")?;
    let holder = match (said(item, "InstanceType")?.as_deref(), id, interface) {
        (Some("CVM" | "ENI"), _, Some(interface)) => ElasticHolder::Interface(interface),
        (Some("CVM"), Some(id), None) => ElasticHolder::Instance(id),
        (Some("ENI"), Some(id), None) => ElasticHolder::Interface(id),
        (Some("NAT"), Some(id), _) => ElasticHolder::Nat(id),
        (Some("CLB"), Some(id), _) => ElasticHolder::Balancer(id),
        (_, None, None) => ElasticHolder::Nobody,
        (kind, Some(id), _) | (kind, None, Some(id)) => {
            ElasticHolder::Other(format!("{} {id}", kind.unwrap_or_default()))
        }
    };
    let works = if is_set(item, "IsBlocked")? {
        Works::No("blocked".to_owned())
    } else if is_set(item, "IsArrears")? {
        Works::No("in arrears".to_owned())
    } else {
        let status = said(item, "AddressStatus")?.filter(|word| word != "BIND_ENI");
        let status = status.filter(|_| holder != ElasticHolder::Nobody);
        Works::of([(status, "BIND"), (None, "")], &[])
    };
    Ok(Some(Elastic {
        id: said(item, "AddressId")?.unwrap_or_else(|| public.to_string()),
        address: public,
        holder,
        private: address(item, "PrivateAddressIp")?,
        cut_through: is_set(item, "IsEipDirectConnection")?,
        works,
        source: item.source(),
    }))
}
