//! `kube/nodes.json` and `kube/namespaces.json`.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::meta::Meta;
use super::pod::{Condition, conditions};
use super::{list, part, truth, word};
use crate::evidence::json::{Fault, Object};
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
    list(file, "Node", node)
}

/// Reads `kube/namespaces.json`.
#[must_use]
pub fn parse_namespaces(file: &Arc<SourceFile>) -> Parsed<Vec<Namespace>> {
    list(file, "Namespace", |item| {
        Ok(Namespace {
            meta: Meta::of(item)?,
            phase: part(item, "status", |status| word(status, "phase"))?,
        })
    })
}

#[derive(Default)]
struct Spec {
    pod_cidrs: Vec<IpNet>,
    provider_id: Option<String>,
    taints: Vec<String>,
    unschedulable: bool,
}

#[derive(Default)]
struct Status {
    internal_ips: Vec<IpAddr>,
    external_ips: Vec<IpAddr>,
    conditions: Vec<Condition>,
    kernel: Option<String>,
    kubelet: Option<String>,
    kube_proxy: Option<String>,
    os: Option<String>,
}

fn node(item: &Object<'_>) -> Result<Node, Fault> {
    let meta = Meta::of(item)?;
    let spec = part(item, "spec", spec)?;
    let status = part(item, "status", status)?;
    Ok(Node {
        meta,
        pod_cidrs: spec.pod_cidrs,
        internal_ips: status.internal_ips,
        external_ips: status.external_ips,
        provider_id: spec.provider_id,
        conditions: status.conditions,
        taints: spec.taints,
        unschedulable: spec.unschedulable,
        kernel: status.kernel,
        kubelet: status.kubelet,
        kube_proxy: status.kube_proxy,
        os: status.os,
    })
}

fn spec(item: &Object<'_>) -> Result<Spec, Fault> {
    let mut texts = item.strings("podCIDRs")?;
    if texts.is_empty() {
        texts.extend(word(item, "podCIDR")?);
    }
    let pod_cidrs = texts
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|_| item.fault("podCIDRs", format!("`{text}` is no prefix")))
        })
        .collect::<Result<_, _>>()?;
    let mut taints = Vec::new();
    for taint in item.objects("taints")? {
        let of = |key: &str| Ok::<_, Fault>(taint.text(key)?.unwrap_or_default());
        let value = match of("value")? {
            value if value.is_empty() => value,
            value => format!("={value}"),
        };
        taints.push(format!("{}{value}:{}", of("key")?, of("effect")?));
    }
    Ok(Spec {
        pod_cidrs,
        provider_id: word(item, "providerID")?,
        taints,
        unschedulable: truth(item, "unschedulable")?,
    })
}

fn status(item: &Object<'_>) -> Result<Status, Fault> {
    let mut status = Status {
        conditions: conditions(item)?,
        ..Status::default()
    };
    for entry in item.objects("addresses")? {
        let addresses = match entry.text("type")?.as_deref() {
            Some("InternalIP") => &mut status.internal_ips,
            Some("ExternalIP") => &mut status.external_ips,
            _ => continue,
        };
        addresses.extend(super::ip(&entry, "address")?);
    }
    if let Some(info) = item.object("nodeInfo")? {
        status.kernel = word(&info, "kernelVersion")?;
        status.kubelet = word(&info, "kubeletVersion")?;
        status.kube_proxy = word(&info, "kubeProxyVersion")?;
        status.os = word(&info, "operatingSystem")?;
    }
    Ok(status)
}
