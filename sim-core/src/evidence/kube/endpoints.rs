//! `kube/endpoints.json` and `kube/endpointslices.json` (v1 and v1beta1).

use std::net::IpAddr;
use std::sync::Arc;

use super::meta::Meta;
use super::{address, ip, list, protocol, word};
use crate::evidence::json::{Fault, Object};
use crate::flow::Protocol;
use crate::source::{Parsed, SourceFile};

/// A service's endpoints in the old form; its name is the service's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Name, namespace …
    pub meta: Meta,
    /// Addresses that share ports.
    pub subsets: Vec<EndpointSubset>,
}

/// Addresses that share ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSubset {
    /// Addresses that take traffic.
    pub ready: Vec<EndpointAddress>,
    /// Addresses that do not.
    pub not_ready: Vec<EndpointAddress>,
    /// Ports.
    pub ports: Vec<EndpointPort>,
}

/// An endpoint's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointAddress {
    /// The address.
    pub ip: IpAddr,
    /// Its node.
    pub node: Option<String>,
    /// The object behind it, e.g. a pod: kind, namespace, name.
    pub target: Option<TargetRef>,
    /// Its host name.
    pub hostname: Option<String>,
}

/// The object behind an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetRef {
    /// E.g. `Pod`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// An endpoint's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPort {
    /// The service port's name; `None` or empty for an unnamed one.
    pub name: Option<String>,
    /// Its number; `None` in a slice is every port.
    pub port: Option<u16>,
    /// Its protocol.
    pub protocol: Protocol,
    /// E.g. `http`.
    pub app_protocol: Option<String>,
}

/// A slice of a service's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSlice {
    /// Name, namespace …
    pub meta: Meta,
    /// The service: label `kubernetes.io/service-name`.
    pub service: Option<String>,
    /// `IPv4`, `IPv6` or `FQDN`.
    pub address_type: String,
    /// Endpoints.
    pub endpoints: Vec<SliceEndpoint>,
    /// Ports.
    pub ports: Vec<EndpointPort>,
}

/// One endpoint of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceEndpoint {
    /// Its addresses; all but the first are ignored by kube-proxy.
    pub addresses: Vec<IpAddr>,
    /// It takes traffic; unset counts as ready.
    pub ready: bool,
    /// It serves, ready or terminating; unset is as `ready`.
    pub serving: bool,
    /// It is terminating.
    pub terminating: bool,
    /// Its node (v1: `nodeName`, v1beta1: `topology`).
    pub node: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// Topology hints: the zones that should use it.
    pub hints: Vec<String>,
    /// Topology hints: the nodes that should use it.
    pub hint_nodes: Vec<String>,
    /// The object behind it.
    pub target: Option<TargetRef>,
    /// Its host name.
    pub hostname: Option<String>,
}

/// Reads `kube/endpoints.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Endpoints>> {
    list(file, "Endpoints", |item| {
        Ok(Endpoints {
            meta: Meta::of(item)?,
            subsets: item
                .objects("subsets")?
                .iter()
                .map(subset)
                .collect::<Result<_, _>>()?,
        })
    })
}

/// Reads `kube/endpointslices.json`.
#[must_use]
pub fn parse_slices(file: &Arc<SourceFile>) -> Parsed<Vec<EndpointSlice>> {
    list(file, "EndpointSlice", |item| {
        let meta = Meta::of(item)?;
        let address_type = item.required("addressType", item.text("addressType")?)?;
        // FQDN slices have names for addresses; nothing is forwarded to them.
        let endpoints = if address_type == "FQDN" {
            Vec::new()
        } else {
            item.objects("endpoints")?
        };
        Ok(EndpointSlice {
            service: meta.labels.get("kubernetes.io/service-name").cloned(),
            endpoints: endpoints.iter().map(endpoint).collect::<Result<_, _>>()?,
            ports: ports(item)?,
            address_type,
            meta,
        })
    })
}

fn subset(item: &Object<'_>) -> Result<EndpointSubset, Fault> {
    let addresses = |key: &str| {
        item.objects(key)?
            .iter()
            .map(|entry| {
                Ok(EndpointAddress {
                    ip: entry.required("ip", ip(entry, "ip")?)?,
                    node: word(entry, "nodeName")?,
                    target: target(entry)?,
                    hostname: word(entry, "hostname")?,
                })
            })
            .collect::<Result<Vec<_>, Fault>>()
    };
    Ok(EndpointSubset {
        ready: addresses("addresses")?,
        not_ready: addresses("notReadyAddresses")?,
        ports: ports(item)?,
    })
}

fn ports(item: &Object<'_>) -> Result<Vec<EndpointPort>, Fault> {
    item.objects("ports")?
        .iter()
        .map(|port| {
            Ok(EndpointPort {
                name: word(port, "name")?,
                port: port.number("port")?,
                protocol: protocol(port)?,
                app_protocol: word(port, "appProtocol")?,
            })
        })
        .collect()
}

fn endpoint(item: &Object<'_>) -> Result<SliceEndpoint, Fault> {
    let conditions = item.object("conditions")?;
    let condition = |key: &str| match &conditions {
        // `null` is unset here, unlike in iproute2's output.
        Some(conditions) if conditions.get(key).is_some_and(|raw| raw.get() != "null") => {
            conditions.flag(key).map(Some)
        }
        _ => Ok(None),
    };
    let ready = condition("ready")?.unwrap_or(true);
    let topology = item.string_map("topology")?;
    let (mut hints, mut hint_nodes) = (Vec::new(), Vec::new());
    if let Some(object) = item.object("hints")? {
        for zone in object.objects("forZones")? {
            hints.extend(word(&zone, "name")?);
        }
        for node in object.objects("forNodes")? {
            hint_nodes.extend(word(&node, "name")?);
        }
    }
    let addresses = item
        .strings("addresses")?
        .iter()
        .map(|text| {
            address(text)
                .ok_or_else(|| item.fault("addresses", format!("`{text}` is not an IP address")))
        })
        .collect::<Result<_, _>>()?;
    Ok(SliceEndpoint {
        addresses,
        ready,
        serving: condition("serving")?.unwrap_or(ready),
        terminating: condition("terminating")?.unwrap_or(false),
        node: match word(item, "nodeName")? {
            Some(node) => Some(node),
            None => topology.get("kubernetes.io/hostname").cloned(),
        },
        zone: match word(item, "zone")? {
            Some(zone) => Some(zone),
            None => topology.get("topology.kubernetes.io/zone").cloned(),
        },
        hints,
        hint_nodes,
        target: target(item)?,
        hostname: word(item, "hostname")?,
    })
}

fn target(item: &Object<'_>) -> Result<Option<TargetRef>, Fault> {
    let Some(target) = item.object("targetRef")? else {
        return Ok(None);
    };
    Ok(Some(TargetRef {
        kind: target.text("kind")?.unwrap_or_default(),
        namespace: target.text("namespace")?.unwrap_or_default(),
        name: target.text("name")?.unwrap_or_default(),
    }))
}
