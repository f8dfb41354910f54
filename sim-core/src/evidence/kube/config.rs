//! `kube/configmaps.json` and `kube/daemonsets.json`: how kube-proxy, CoreDNS and the CNI plugin are set up.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;

use super::meta::Meta;
use crate::source::{Parsed, SourceFile};

/// A ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMap {
    /// Name, namespace …
    pub meta: Meta,
    /// Its entries.
    pub data: BTreeMap<String, String>,
}

/// What kube-proxy's configuration file says; `None` is its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubeProxyConfig {
    /// `iptables`, `ipvs`, `nftables` or empty (iptables).
    pub mode: Option<String>,
    /// Pods' address blocks (one per family).
    pub cluster_cidrs: Vec<IpNet>,
    /// Everything to services is masqueraded.
    pub masquerade_all: Option<bool>,
    /// The bit of the masquerade mark; 14 unless set.
    pub masquerade_bit: Option<u8>,
    /// Node addresses on which node ports are open; empty is all.
    pub node_port_addresses: Vec<String>,
    /// How local traffic is told: `ClusterCIDR`, `NodeCIDR` …
    pub detect_local_mode: Option<String>,
    /// IPVS scheduler.
    pub ipvs_scheduler: Option<String>,
    /// IPVS: ARP is answered for local addresses only on their devices.
    pub ipvs_strict_arp: Option<bool>,
    /// Node ports are reachable by 127.0.0.1.
    pub localhost_node_ports: Option<bool>,
}

/// A DaemonSet: how many of its pods should run, and how many do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonSet {
    /// Name, namespace …
    pub meta: Meta,
    /// Pods that should run.
    pub desired: u32,
    /// Pods that are ready.
    pub ready: u32,
    /// Its pods' priority class.
    pub priority_class: Option<String>,
    /// Images of its containers.
    pub images: Vec<String>,
    /// Labels of nodes that it runs on.
    pub node_selector: BTreeMap<String, String>,
}

impl ConfigMap {
    /// kube-proxy's configuration, where this is its ConfigMap (`config.conf`).
    #[must_use]
    pub fn kube_proxy(&self) -> Option<KubeProxyConfig> {
        None
    }
}

/// Reads `kube/configmaps.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<ConfigMap>> {
    let _ = file;
    Parsed::default()
}

/// Reads `kube/daemonsets.json`.
#[must_use]
pub fn parse_daemonsets(file: &Arc<SourceFile>) -> Parsed<Vec<DaemonSet>> {
    let _ = file;
    Parsed::default()
}
