//! `kube/pods.json`.

use std::net::IpAddr;
use std::sync::Arc;

use super::meta::Meta;
use super::{ip, ips, list, part, protocol, truth, word};
use crate::evidence::json::{Fault, Object};
use crate::flow::Protocol;
use crate::source::{Parsed, SourceFile};

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Name, namespace, labels …
    pub meta: Meta,
    /// The node that it is bound to.
    pub node: Option<String>,
    /// The node that it is bound to, or that a DaemonSet made it for.
    pub bound_to: Option<String>,
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
    /// What is added to its resolver's settings.
    pub dns_config: DnsConfig,
    /// Lines of its hosts file: an address and its names.
    pub host_aliases: Vec<(IpAddr, Vec<String>)>,
    /// Its host name and subdomain (for DNS of headless services).
    pub hostname: Option<String>,
    /// The service that governs its DNS name.
    pub subdomain: Option<String>,
    /// Its priority class.
    pub priority_class: Option<String>,
    /// Taints of nodes that it stands.
    pub tolerations: Vec<Toleration>,
    /// Its containers, with what they are doing.
    pub containers: Vec<Container>,
    /// Its service account.
    pub service_account: Option<String>,
    /// `reason` and `message` of its status, e.g. `Evicted`.
    pub reason: Option<String>,
    /// The message of its status.
    pub message: Option<String>,
}

/// A taint that a pod stands, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toleration {
    /// All keys where there is none.
    pub key: Option<String>,
    /// `None`: any value (`operator: Exists`).
    pub value: Option<String>,
    /// All effects where there is none.
    pub effect: Option<String>,
}

impl Toleration {
    /// Whether it stands `taint`, written `key=value:effect` (`ToleratesTaint`).
    #[must_use]
    pub fn covers(&self, taint: &str) -> bool {
        let (rest, effect) = taint.rsplit_once(':').unwrap_or((taint, ""));
        let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
        self.key.as_deref().is_none_or(|own| own == key)
            && self.value.as_deref().is_none_or(|own| own == value)
            && self.effect.as_deref().is_none_or(|own| own == effect)
    }
}

/// A pod's `dnsConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DnsConfig {
    /// Name servers.
    pub nameservers: Vec<IpAddr>,
    /// Search domains.
    pub searches: Vec<String>,
    /// Options with their values, e.g. `ndots` and `2`.
    pub options: Vec<(String, Option<String>)>,
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
    /// An init container's, which has ended when the pod runs; a sidecar (a restartable one) counts as a container.
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

impl Pod {
    /// Its service account's name.
    #[must_use]
    pub fn account(&self) -> &str {
        self.service_account.as_deref().unwrap_or("default")
    }
}

/// Reads `kube/pods.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Pod>> {
    list(file, "Pod", pod)
}

#[derive(Default)]
struct Spec {
    node: Option<String>,
    made_for: Option<String>,
    host_network: bool,
    ports: Vec<ContainerPort>,
    names: Vec<String>,
    dns_policy: Option<String>,
    dns_config: DnsConfig,
    host_aliases: Vec<(IpAddr, Vec<String>)>,
    hostname: Option<String>,
    subdomain: Option<String>,
    priority_class: Option<String>,
    tolerations: Vec<Toleration>,
    service_account: Option<String>,
}

#[derive(Default)]
struct Status {
    phase: String,
    ips: Vec<IpAddr>,
    host_ip: Option<IpAddr>,
    conditions: Vec<Condition>,
    containers: Vec<Container>,
    reason: Option<String>,
    message: Option<String>,
}

fn pod(item: &Object<'_>) -> Result<Pod, Fault> {
    let meta = Meta::of(item)?;
    let spec = part(item, "spec", spec)?;
    let status = part(item, "status", status)?;
    let ready = status
        .conditions
        .iter()
        .any(|condition| condition.kind == "Ready" && condition.status == "True");
    let mut containers = status.containers;
    for name in spec.names {
        if !containers.iter().any(|container| container.name == name) {
            containers.push(Container {
                name,
                ready: false,
                restarts: 0,
                reason: None,
                running: false,
            });
        }
    }
    Ok(Pod {
        meta,
        bound_to: spec.node.clone().or(spec.made_for),
        node: spec.node,
        host_network: spec.host_network,
        phase: status.phase,
        ips: status.ips,
        host_ip: status.host_ip,
        ready,
        conditions: status.conditions,
        ports: spec.ports,
        dns_policy: spec.dns_policy,
        dns_config: spec.dns_config,
        host_aliases: spec.host_aliases,
        hostname: spec.hostname,
        subdomain: spec.subdomain,
        priority_class: spec.priority_class,
        tolerations: spec.tolerations,
        containers,
        service_account: spec.service_account,
        reason: status.reason,
        message: status.message,
    })
}

fn spec(item: &Object<'_>) -> Result<Spec, Fault> {
    let mut spec = Spec {
        node: word(item, "nodeName")?,
        made_for: made_for(item)?,
        host_network: truth(item, "hostNetwork")?,
        dns_policy: word(item, "dnsPolicy")?,
        dns_config: part(item, "dnsConfig", dns_config)?,
        hostname: word(item, "hostname")?,
        subdomain: word(item, "subdomain")?,
        priority_class: word(item, "priorityClassName")?,
        service_account: word(item, "serviceAccountName")?,
        ..Spec::default()
    };
    for toleration in item.objects("tolerations")? {
        let exists = toleration.text("operator")?.as_deref() == Some("Exists");
        let value = toleration.text("value")?.unwrap_or_default();
        spec.tolerations.push(Toleration {
            key: word(&toleration, "key")?,
            value: Some(value).filter(|_| !exists),
            effect: word(&toleration, "effect")?,
        });
    }
    for alias in item.objects("hostAliases")? {
        if let Some(address) = ip(&alias, "ip")? {
            spec.host_aliases
                .push((address, alias.strings("hostnames")?));
        }
    }
    for container in item.objects("containers")? {
        spec.names.extend(word(&container, "name")?);
        ports(&container, false, &mut spec.ports)?;
    }
    for container in item.objects("initContainers")? {
        let sidecar = container.text("restartPolicy")?.as_deref() == Some("Always");
        ports(&container, !sidecar, &mut spec.ports)?;
    }
    Ok(spec)
}

fn dns_config(item: &Object<'_>) -> Result<DnsConfig, Fault> {
    let option = |option: &Object<'_>| {
        Ok((
            option.text("name")?.unwrap_or_default(),
            option.text("value")?,
        ))
    };
    Ok(DnsConfig {
        nameservers: ips(item, "nameservers")?,
        searches: item.strings("searches")?,
        options: item
            .objects("options")?
            .iter()
            .map(option)
            .collect::<Result<_, Fault>>()?,
    })
}

/// A DaemonSet's controller makes each pod for one node (`ReplaceDaemonSetPodNodeNameNodeAffinity`).
fn made_for(spec: &Object<'_>) -> Result<Option<String>, Fault> {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let mut at = spec.object("affinity")?;
    for key in ["nodeAffinity", REQUIRED] {
        at = match at {
            Some(at) => at.object(key)?,
            None => return Ok(None),
        };
    }
    for term in at.iter().flat_map(|at| at.objects("nodeSelectorTerms")) {
        for term in term {
            for field in term.objects("matchFields")? {
                if field.text("key")?.as_deref() == Some("metadata.name") {
                    return Ok(field.strings("values")?.into_iter().next());
                }
            }
        }
    }
    Ok(None)
}

fn ports(container: &Object<'_>, init: bool, all: &mut Vec<ContainerPort>) -> Result<(), Fault> {
    for port in container.objects("ports")? {
        let host_port: Option<u16> = port.number("hostPort")?;
        all.push(ContainerPort {
            name: word(&port, "name")?,
            port: port.required("containerPort", port.number("containerPort")?)?,
            protocol: protocol(&port)?,
            host_port: host_port.filter(|number| *number != 0),
            host_ip: ip(&port, "hostIP")?,
            init,
        });
    }
    Ok(())
}

fn status(item: &Object<'_>) -> Result<Status, Fault> {
    let mut ips = Vec::new();
    for entry in item.objects("podIPs")? {
        ips.extend(ip(&entry, "ip")?);
    }
    if ips.is_empty() {
        ips.extend(ip(item, "podIP")?);
    }
    Ok(Status {
        phase: item.text("phase")?.unwrap_or_default(),
        ips,
        host_ip: ip(item, "hostIP")?,
        conditions: conditions(item)?,
        containers: item
            .objects("containerStatuses")?
            .iter()
            .map(container)
            .collect::<Result<_, _>>()?,
        reason: word(item, "reason")?,
        message: word(item, "message")?,
    })
}

fn container(item: &Object<'_>) -> Result<Container, Fault> {
    let state = item.object("state")?;
    let mut reason = None;
    let mut running = false;
    if let Some(state) = &state {
        running = state.object("running")?.is_some();
        for key in ["waiting", "terminated"] {
            if let Some(part) = state.object(key)? {
                reason = word(&part, "reason")?.or(reason);
            }
        }
    }
    Ok(Container {
        name: item.text("name")?.unwrap_or_default(),
        ready: truth(item, "ready")?,
        restarts: item.number("restartCount")?.unwrap_or(0),
        reason,
        running,
    })
}

/// A pod's or node's conditions.
pub(super) fn conditions(status: &Object<'_>) -> Result<Vec<Condition>, Fault> {
    status
        .objects("conditions")?
        .iter()
        .map(|item| {
            Ok(Condition {
                kind: item.text("type")?.unwrap_or_default(),
                status: item.text("status")?.unwrap_or_default(),
                reason: word(item, "reason")?,
                message: word(item, "message")?,
            })
        })
        .collect()
}
