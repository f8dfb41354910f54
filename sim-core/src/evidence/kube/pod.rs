//! `kube/pods.json`.

use std::net::IpAddr;
use std::sync::Arc;

use super::meta::Meta;
use crate::flow::Protocol;
use crate::source::{Parsed, SourceFile};

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Name, namespace, labels …
    pub meta: Meta,
    /// The node that it is bound to.
    pub node: Option<String>,
    /// It uses its node's network namespace.
    pub host_network: bool,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    /// Its addresses; the first is its primary one.
    pub ips: Vec<IpAddr>,
    /// Its node's address.
    pub host_ip: Option<IpAddr>,
    /// The condition `Ready`.
    pub ready: bool,
    /// Conditions.
    pub conditions: Vec<Condition>,
    /// Ports that its containers declare.
    pub ports: Vec<ContainerPort>,
    /// `ClusterFirst`, `Default`, `None` …
    pub dns_policy: Option<String>,
    /// Its host name and subdomain (for DNS of headless services).
    pub hostname: Option<String>,
    /// The service that governs its DNS name.
    pub subdomain: Option<String>,
    /// Its priority class.
    pub priority_class: Option<String>,
    /// Its containers, with what they are doing.
    pub containers: Vec<Container>,
    /// `reason` and `message` of its status, e.g. `Evicted`.
    pub reason: Option<String>,
    /// The message of its status.
    pub message: Option<String>,
}

/// A condition of a pod or node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// E.g. `Ready`, `PodScheduled`, `NetworkUnavailable`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// E.g. `Unschedulable`.
    pub reason: Option<String>,
    /// In words.
    pub message: Option<String>,
}

/// A port that a container declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPort {
    /// Its name, which services and policies may refer to.
    pub name: Option<String>,
    /// Its number.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// The node's port that is mapped to it.
    pub host_port: Option<u16>,
    /// The node's address that is mapped.
    pub host_ip: Option<IpAddr>,
    /// An init container's (only a restartable one, a sidecar, keeps listening).
    pub init: bool,
}

/// A container and what it is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// It is ready.
    pub ready: bool,
    /// How often it was restarted.
    pub restarts: u32,
    /// Why it waits or ended, e.g. `CrashLoopBackOff`.
    pub reason: Option<String>,
    /// It runs.
    pub running: bool,
}

/// Reads `kube/pods.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Pod>> {
    let _ = file;
    Parsed::default()
}
