//! `kube/nodes.json` and `kube/namespaces.json`.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::meta::Meta;
use super::pod::Condition;
use crate::source::{Parsed, SourceFile};

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Name, labels, annotations …
    pub meta: Meta,
    /// Blocks from which its pods get addresses.
    pub pod_cidrs: Vec<IpNet>,
    /// InternalIP addresses.
    pub internal_ips: Vec<IpAddr>,
    /// ExternalIP addresses.
    pub external_ips: Vec<IpAddr>,
    /// The cloud's name for it, e.g. `cn-hangzhou.i-abc`.
    pub provider_id: Option<String>,
    /// Conditions.
    pub conditions: Vec<Condition>,
    /// Taints as `key=value:effect`.
    pub taints: Vec<String>,
    /// No new pods.
    pub unschedulable: bool,
    /// E.g. `5.10.134-16.al8.x86_64`.
    pub kernel: Option<String>,
    /// kubelet's version.
    pub kubelet: Option<String>,
    /// kube-proxy's version, as kubelet claims.
    pub kube_proxy: Option<String>,
    /// `linux` or `windows`.
    pub os: Option<String>,
}

/// A Kubernetes namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Name, labels …
    pub meta: Meta,
    /// `Active` or `Terminating`.
    pub phase: Option<String>,
}

/// Reads `kube/nodes.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Node>> {
    let _ = file;
    Parsed::default()
}

/// Reads `kube/namespaces.json`.
#[must_use]
pub fn parse_namespaces(file: &Arc<SourceFile>) -> Parsed<Vec<Namespace>> {
    let _ = file;
    Parsed::default()
}
