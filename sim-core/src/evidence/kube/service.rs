//! `kube/services.json`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::meta::{Meta, PortRef};
use super::{address, ip, ips, list, protocol, truth, word};
use crate::evidence::json::{Fault, Object};
use crate::flow::Protocol;
use crate::source::{Parsed, SourceFile};

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Name, namespace …
    pub meta: Meta,
    /// Its type.
    pub kind: ServiceKind,
    /// Its cluster addresses; empty for headless services.
    pub cluster_ips: Vec<IpAddr>,
    /// `clusterIP: None`.
    pub headless: bool,
    /// External addresses that nodes accept for it.
    pub external_ips: Vec<IpAddr>,
    /// Addresses of its load balancer, from its status.
    pub load_balancer: Vec<LoadBalancerIngress>,
    /// Clients that its load balancer takes; empty is all.
    pub source_ranges: Vec<IpNet>,
    /// Source ranges that could not be read: kube-proxy ignores them (v1.20) or refuses the service.
    pub invalid_source_ranges: Vec<String>,
    /// The load balancer class.
    pub load_balancer_class: Option<String>,
    /// Ports.
    pub ports: Vec<ServicePort>,
    /// Labels of its pods; `None` where endpoints are kept by hand.
    pub selector: Option<BTreeMap<String, String>>,
    /// externalTrafficPolicy: only endpoints on the node that took the packet.
    pub external_local: bool,
    /// internalTrafficPolicy: only endpoints on the client's node.
    pub internal_local: bool,
    /// trafficDistribution, e.g. `PreferClose`.
    pub traffic_distribution: Option<String>,
    /// ClientIP affinity: its timeout in seconds.
    pub client_ip_affinity: Option<u32>,
    /// The node port where health is told for `externalTrafficPolicy: Local`.
    pub health_check_node_port: Option<u16>,
    /// Endpoints count before they are ready.
    pub publish_not_ready: bool,
    /// ExternalName's target.
    pub external_name: Option<String>,
    /// `IPv4`, `IPv6`.
    pub ip_families: Vec<String>,
}

/// A service's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceKind {
    /// Reachable inside the cluster.
    ClusterIp,
    /// Also by a port of every node.
    NodePort,
    /// Also by a load balancer.
    LoadBalancer,
    /// A DNS alias.
    ExternalName,
}

/// One entry of `status.loadBalancer.ingress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancerIngress {
    /// Its address.
    pub ip: Option<IpAddr>,
    /// Its DNS name.
    pub hostname: Option<String>,
    /// `VIP` (kube-proxy takes the address itself) or `Proxy`.
    pub ip_mode: Option<String>,
}

/// A service's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name; may be left out where it is the only one.
    pub name: Option<String>,
    /// Its number.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// The port of the pods.
    pub target: PortRef,
    /// The nodes' port.
    pub node_port: Option<u16>,
    /// E.g. `http`.
    pub app_protocol: Option<String>,
}

/// Reads `kube/services.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Service>> {
    list(file, "Service", service)
}

fn service(item: &Object<'_>) -> Result<Service, Fault> {
    let meta = Meta::of(item)?;
    let spec = item.required("spec", item.object("spec")?)?;
    let kind = match spec.text("type")?.as_deref() {
        None | Some("" | "ClusterIP") => ServiceKind::ClusterIp,
        Some("NodePort") => ServiceKind::NodePort,
        Some("LoadBalancer") => ServiceKind::LoadBalancer,
        Some("ExternalName") => ServiceKind::ExternalName,
        Some(other) => return Err(spec.fault("type", format!("`{other}` is no service type"))),
    };
    let (cluster_ips, headless) = cluster_ips(&spec)?;
    let (source_ranges, invalid_source_ranges) = source_ranges(&spec)?;
    let health_check: Option<u16> = spec.number("healthCheckNodePort")?;
    let selector = spec.string_map("selector")?;
    Ok(Service {
        kind,
        cluster_ips,
        headless,
        external_ips: ips(&spec, "externalIPs")?,
        load_balancer: match item.object("status")? {
            Some(status) => load_balancer(&status)?,
            None => Vec::new(),
        },
        source_ranges,
        invalid_source_ranges,
        load_balancer_class: word(&spec, "loadBalancerClass")?,
        ports: spec
            .objects("ports")?
            .iter()
            .map(port)
            .collect::<Result<_, _>>()?,
        selector: (!selector.is_empty()).then_some(selector),
        external_local: local(&spec, "externalTrafficPolicy")?,
        internal_local: local(&spec, "internalTrafficPolicy")?,
        traffic_distribution: word(&spec, "trafficDistribution")?,
        client_ip_affinity: affinity(&spec)?,
        health_check_node_port: health_check.filter(|port| *port != 0),
        publish_not_ready: truth(&spec, "publishNotReadyAddresses")?,
        external_name: word(&spec, "externalName")?,
        ip_families: spec.strings("ipFamilies")?,
        meta,
    })
}

/// `clusterIPs`, or before v1.20 `clusterIP`; `None` is headless.
fn cluster_ips(spec: &Object<'_>) -> Result<(Vec<IpAddr>, bool), Fault> {
    let mut texts = spec.strings("clusterIPs")?;
    if texts.is_empty() {
        texts.extend(spec.text("clusterIP")?);
    }
    if texts.iter().any(|text| text == "None") {
        return Ok((Vec::new(), true));
    }
    let addresses = texts
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| {
            address(text)
                .ok_or_else(|| spec.fault("clusterIP", format!("`{text}` is not an IP address")))
        })
        .collect::<Result<_, _>>()?;
    Ok((addresses, false))
}

fn source_ranges(spec: &Object<'_>) -> Result<(Vec<IpNet>, Vec<String>), Fault> {
    let mut ranges = Vec::new();
    let mut invalid = Vec::new();
    for text in spec.strings("loadBalancerSourceRanges")? {
        match text.trim().parse() {
            Ok(range) => ranges.push(range),
            Err(_) => invalid.push(text),
        }
    }
    Ok((ranges, invalid))
}

fn load_balancer(status: &Object<'_>) -> Result<Vec<LoadBalancerIngress>, Fault> {
    let Some(balancer) = status.object("loadBalancer")? else {
        return Ok(Vec::new());
    };
    balancer
        .objects("ingress")?
        .iter()
        .map(|entry| {
            Ok(LoadBalancerIngress {
                ip: ip(entry, "ip")?,
                hostname: word(entry, "hostname")?,
                ip_mode: word(entry, "ipMode")?,
            })
        })
        .collect()
}

fn port(item: &Object<'_>) -> Result<ServicePort, Fault> {
    let port = item.required("port", item.number("port")?)?;
    let node_port: Option<u16> = item.number("nodePort")?;
    Ok(ServicePort {
        name: word(item, "name")?,
        port,
        protocol: protocol(item)?,
        target: PortRef::of(item, "targetPort")?.unwrap_or(PortRef::Number(port)),
        node_port: node_port.filter(|number| *number != 0),
        app_protocol: word(item, "appProtocol")?,
    })
}

fn local(spec: &Object<'_>, key: &str) -> Result<bool, Fault> {
    match spec.text(key)?.as_deref() {
        None | Some("" | "Cluster") => Ok(false),
        Some("Local") => Ok(true),
        Some(other) => Err(spec.fault(key, format!("`{other}` is no traffic policy"))),
    }
}

/// The timeout of ClientIP affinity; three hours unless given (`DefaultClientIPServiceAffinitySeconds`).
fn affinity(spec: &Object<'_>) -> Result<Option<u32>, Fault> {
    match spec.text("sessionAffinity")?.as_deref() {
        Some("ClientIP") => {}
        _ => return Ok(None),
    }
    let config = spec.object("sessionAffinityConfig")?;
    let client = match &config {
        Some(config) => config.object("clientIP")?,
        None => None,
    };
    let timeout = match &client {
        Some(client) => client.number("timeoutSeconds")?,
        None => None,
    };
    Ok(Some(timeout.unwrap_or(10_800)))
}
