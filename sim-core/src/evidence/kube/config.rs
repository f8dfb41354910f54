//! `kube/configmaps.json` and `kube/daemonsets.json`: how kube-proxy, CoreDNS and the CNI plugin are set up.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;

use super::meta::Meta;
use super::yaml::Settings;
use super::{list, word};
use crate::evidence::json::{Fault, Object};
use crate::source::{Parsed, Source, SourceFile};

/// A ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMap {
    /// Name, namespace …
    pub meta: Meta,
    /// Its entries.
    pub data: BTreeMap<String, String>,
    /// Where each entry stands.
    pub sources: BTreeMap<String, Source>,
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

/// A setting of kube-proxy that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("kube-proxy's `{key}` is `{value}`, which is not {expected}")]
pub struct InvalidSetting {
    /// The setting.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What it should be.
    pub expected: &'static str,
}

impl ConfigMap {
    /// kube-proxy's configuration, where an entry of this is one (`kind: KubeProxyConfiguration`).
    pub fn kube_proxy(&self) -> Result<Option<KubeProxyConfig>, InvalidSetting> {
        self.data
            .values()
            .map(|text| Settings::of(text))
            .find(|settings| settings.get("kind") == Some("KubeProxyConfiguration"))
            .map(|settings| kube_proxy(&settings))
            .transpose()
    }
}

fn kube_proxy(settings: &Settings) -> Result<KubeProxyConfig, InvalidSetting> {
    let words = |key: &str| settings.get(key).map(str::to_owned);
    let mut cluster_cidrs = Vec::new();
    for text in settings.get("clusterCIDR").unwrap_or_default().split(',') {
        let text = text.trim();
        if !text.is_empty() {
            cluster_cidrs.push(
                text.parse()
                    .map_err(|_| invalid("clusterCIDR", text, "a list of prefixes"))?,
            );
        }
    }
    Ok(KubeProxyConfig {
        mode: words("mode"),
        cluster_cidrs,
        masquerade_all: first_flag(settings, &["iptables", "nftables", "ipvs"], "masqueradeAll")?,
        masquerade_bit: masquerade_bit(settings)?,
        node_port_addresses: settings.list("nodePortAddresses"),
        detect_local_mode: words("detectLocalMode"),
        ipvs_scheduler: words("ipvs.scheduler"),
        ipvs_strict_arp: flag(settings, "ipvs.strictARP")?,
        localhost_node_ports: flag(settings, "iptables.localhostNodePorts")?,
    })
}

/// The mode's own section has the switch; older versions know `iptables` only, for IPVS too.
fn first_flag(
    settings: &Settings,
    sections: &[&str],
    key: &str,
) -> Result<Option<bool>, InvalidSetting> {
    for section in sections {
        if let Some(value) = flag(settings, &format!("{section}.{key}"))? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn flag(settings: &Settings, key: &str) -> Result<Option<bool>, InvalidSetting> {
    match settings.get(key) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => Err(invalid(key, other, "`true` or `false`")),
    }
}

fn masquerade_bit(settings: &Settings) -> Result<Option<u8>, InvalidSetting> {
    for key in ["iptables.masqueradeBit", "nftables.masqueradeBit"] {
        if let Some(text) = settings.get(key) {
            let bit = text.parse().ok().filter(|bit| *bit < 32);
            return match bit {
                Some(bit) => Ok(Some(bit)),
                None => Err(invalid(key, text, "a bit from 0 to 31")),
            };
        }
    }
    Ok(None)
}

fn invalid(key: &str, value: &str, expected: &'static str) -> InvalidSetting {
    InvalidSetting {
        key: key.to_owned(),
        value: value.to_owned(),
        expected,
    }
}

/// Reads `kube/configmaps.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<ConfigMap>> {
    list(file, "ConfigMap", |item| {
        let data = item.object("data")?;
        let sources = data.iter().flat_map(|data| {
            let entries = data.entries();
            entries.map(|(key, raw, pointer)| {
                (key.to_owned(), Source::pointer(file, pointer, raw.get()))
            })
        });
        Ok(ConfigMap {
            meta: Meta::of(item)?,
            data: item.string_map("data")?,
            sources: sources.collect(),
        })
    })
}

/// Reads `kube/daemonsets.json`.
#[must_use]
pub fn parse_daemonsets(file: &Arc<SourceFile>) -> Parsed<Vec<DaemonSet>> {
    list(file, "DaemonSet", daemon_set)
}

fn daemon_set(item: &Object<'_>) -> Result<DaemonSet, Fault> {
    let mut set = DaemonSet {
        meta: Meta::of(item)?,
        desired: 0,
        ready: 0,
        priority_class: None,
        images: Vec::new(),
        node_selector: BTreeMap::new(),
    };
    if let Some(status) = item.object("status")? {
        set.desired = status.number("desiredNumberScheduled")?.unwrap_or(0);
        set.ready = status.number("numberReady")?.unwrap_or(0);
    }
    let template = match item.object("spec")? {
        Some(spec) => spec.object("template")?,
        None => None,
    };
    let pod = match &template {
        Some(template) => template.object("spec")?,
        None => None,
    };
    if let Some(pod) = pod {
        set.priority_class = word(&pod, "priorityClassName")?;
        set.node_selector = pod.string_map("nodeSelector")?;
        for container in pod.objects("containers")? {
            set.images.extend(word(&container, "image")?);
        }
    }
    Ok(set)
}
