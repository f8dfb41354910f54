//! Which backends a service calls for, by traffic policy, annotations and the nodes' labels.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::{Backend, Target};
use super::aliyun;
use crate::cloud::Provider;
use crate::evidence::kube::node::Node;
use crate::evidence::kube::service::Service;
use crate::intent::service::Known;

/// Labels that keep a node out of load balancers (E.1).
const EXCLUDED: [&str; 5] = [
    "node-role.kubernetes.io/master",
    "node.kubernetes.io/exclude-from-external-load-balancers",
    "alpha.service-controller.kubernetes.io/exclude-balancer",
    "service.beta.kubernetes.io/exclude-node",
    "service.alibabacloud.com/exclude-node",
];
const LEAVING: &str = "ToBeDeletedByClusterAutoscaler";

/// The backends that a service calls for.
#[derive(Debug)]
pub(super) enum Expected {
    Nodes {
        /// Those that must be there: name, instance, addresses.
        wanted: Vec<Member>,
        /// Those that may be.
        allowed: Vec<Member>,
        /// Pods of virtual nodes are backends themselves.
        pods: BTreeSet<IpAddr>,
        local: bool,
    },
    /// Pods' addresses.
    Pods(BTreeSet<IpAddr>),
}

/// A node as a load balancer knows it.
#[derive(Debug, Clone)]
pub(super) struct Member {
    name: String,
    instance: String,
    addresses: Vec<IpAddr>,
}

impl Member {
    fn of(node: &Node) -> Self {
        Self {
            name: node.meta.name.clone(),
            instance: node
                .provider_id
                .as_deref()
                .map(instance_of)
                .unwrap_or_default(),
            addresses: node.internal_ips.clone(),
        }
    }

    fn is(&self, backend: &Backend) -> bool {
        let by_id = match &backend.target {
            Target::Instance(id) => !id.is_empty() && *id == self.instance,
            Target::Interface(_) | Target::Address => false,
        };
        by_id
            || backend
                .address
                .is_some_and(|address| self.addresses.contains(&address))
    }
}

/// `cn-hangzhou.i-1`, `alicloud://cn-hangzhou.i-1`, `qcloud:///100003/ins-1`: the instance.
pub(crate) fn instance_of(provider_id: &str) -> String {
    let last = provider_id.rsplit('/').next().unwrap_or(provider_id);
    let id = last.split_once('.').map_or(last, |(_, id)| id);
    id.to_owned()
}

impl Expected {
    pub(super) fn has(&self, backend: &Backend) -> bool {
        match self {
            Self::Nodes { allowed, pods, .. } => {
                let is_pod = backend.address.is_some_and(|own| pods.contains(&own));
                let is_instance = matches!(backend.target, Target::Instance(_));
                allowed.iter().any(|node| node.is(backend)) || (is_pod && !is_instance)
            }
            Self::Pods(addresses) => backend
                .address
                .is_none_or(|address| addresses.contains(&address)),
        }
    }

    pub(super) fn missing(&self, backends: &[Backend]) -> Vec<String> {
        match self {
            Self::Nodes { wanted, .. } => {
                let lacks = |node: &&Member| !backends.iter().any(|one| node.is(one));
                let missing = wanted.iter().filter(lacks);
                missing.map(|node| format!("node:{}", node.name)).collect()
            }
            Self::Pods(addresses) => {
                let has =
                    |address: &&IpAddr| backends.iter().any(|one| one.address == Some(**address));
                let missing = addresses.iter().filter(|address| !has(address));
                missing.map(IpAddr::to_string).collect()
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Nodes { wanted, .. } => wanted.len(),
            Self::Pods(addresses) => addresses.len(),
        }
    }

    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Nodes { local: true, .. } => "the nodes that hold a ready endpoint",
            Self::Nodes { local: false, .. } => "the nodes that may be backends",
            Self::Pods(_) => "the service's endpoints",
        }
    }
}

/// The backends that a service calls for; `None` where that is not known.
pub(super) fn expected(
    backends: &[Backend],
    known: &Known,
    nodes: &[&Node],
    provider: Provider,
) -> Option<Expected> {
    let service = &known.service;
    let ready = known.ready_only()?;
    if sends_to_pods(backends, service, nodes, provider) {
        return Some(Expected::Pods(of_family(&ready, backends)));
    }
    if nodes.is_empty() {
        return None;
    }
    let selected = selector(service, provider);
    let own_only = service.external_local
        && match provider {
            Provider::Aliyun => true,
            // Unless told so, TKE binds all nodes and lets the health check sort them out (E.4).
            Provider::Tencent => {
                let key = "service.kubernetes.io/local-svc-only-bind-node-with-pod";
                service
                    .meta
                    .annotations
                    .get(key)
                    .is_some_and(|value| value == "true")
            }
        };
    let fits = |node: &&&Node| {
        selected
            .as_deref()
            .is_none_or(|wanted| has_labels(node, wanted))
    };
    let allowed: Vec<&&Node> = nodes
        .iter()
        .filter(fits)
        .filter(|node| !own_only || known.has_ready_on(&node.meta.name))
        .collect();
    let drops_cordoned = aliyun(service, "loadbalancer-remove-unscheduled-backend") == Some("on");
    let wanted = allowed
        .iter()
        .filter(|node| is_eligible(node, provider, drops_cordoned));
    Some(Expected::Nodes {
        wanted: wanted.map(|node| Member::of(node)).collect(),
        allowed: allowed.iter().map(|node| Member::of(node)).collect(),
        pods: ready,
        local: own_only,
    })
}

/// Backends are the pods themselves: by annotation, or by what they are.
fn sends_to_pods(
    backends: &[Backend],
    service: &Service,
    nodes: &[&Node],
    provider: Provider,
) -> bool {
    let annotation = |key: &str| service.meta.annotations.get(key).map(String::as_str);
    let asked = match provider {
        Provider::Aliyun => annotation("service.beta.kubernetes.io/backend-type") == Some("eni"),
        Provider::Tencent => annotation("service.cloud.tencent.com/direct-access") == Some("true"),
    };
    // Groups of addresses hold nodes by theirs.
    let is_node = |one: &Backend| {
        matches!(one.target, Target::Instance(_))
            || nodes.iter().any(|node| Member::of(node).is(one))
    };
    asked || (!backends.is_empty() && !backends.iter().any(is_node))
}

/// A group has addresses of one family: those of `ready` that its backends are of, IPv4 where it has none.
fn of_family(ready: &BTreeSet<IpAddr>, backends: &[Backend]) -> BTreeSet<IpAddr> {
    let told = backends.iter().filter_map(|one| one.address);
    let told: BTreeSet<bool> = told.map(|address| address.is_ipv4()).collect();
    let has_v4 = ready.iter().any(IpAddr::is_ipv4);
    let fits = |address: &&IpAddr| match told.is_empty() {
        true => address.is_ipv4() == has_v4,
        false => told.contains(&address.is_ipv4()),
    };
    ready.iter().filter(fits).copied().collect()
}

/// Whether the controller chose the backends: it leaves server groups and balancers that users gave it as they are,
/// unless it is told otherwise (E.1).
pub(super) fn is_made_by_controller(service: &Service, provider: Provider) -> bool {
    match provider {
        Provider::Aliyun => {
            let is_reused = aliyun(service, "loadbalancer-id").is_some()
                && aliyun(service, "loadbalancer-force-override-listeners") != Some("true");
            !is_reused && aliyun(service, "loadbalancer-vgroup-port").is_none()
        }
        Provider::Tencent => true,
    }
}

/// Whether a backend is a node that takes nothing, since `externalTrafficPolicy: Local` finds no endpoint there.
pub(super) fn is_without_endpoint(backend: &Backend, known: &Known, nodes: &[&Node]) -> bool {
    let mut nodes = nodes.iter();
    known.service.external_local
        && nodes.any(|node| Member::of(node).is(backend) && !known.has_on(&node.meta.name))
}

fn selector(service: &Service, provider: Provider) -> Option<String> {
    match provider {
        Provider::Aliyun => aliyun(service, "loadbalancer-backend-label").map(str::to_owned),
        Provider::Tencent => {
            let key = "service.kubernetes.io/qcloud-loadbalancer-backends-label";
            service.meta.annotations.get(key).cloned()
        }
    }
}

/// `a=b,c=d`; other forms of selectors are taken to fit.
fn has_labels(node: &Node, wanted: &str) -> bool {
    let mut pairs = wanted.split(',').filter_map(|pair| pair.split_once('='));
    pairs.all(|(key, value)| {
        let plain = !key.contains(['!', '(', ' ']);
        let value = value.trim_start_matches('=');
        !plain || node.meta.labels.get(key).is_some_and(|own| own == value)
    })
}

fn is_eligible(node: &Node, provider: Provider, drops_cordoned: bool) -> bool {
    let excluded = EXCLUDED
        .iter()
        .any(|label| node.meta.labels.contains_key(*label));
    let leaving = node.taints.iter().any(|taint| taint.starts_with(LEAVING));
    let virtual_node = node
        .meta
        .labels
        .get("type")
        .is_some_and(|kind| kind == "virtual-kubelet");
    let hybrid = node
        .provider_id
        .as_deref()
        .is_some_and(|id| id.starts_with("ack-hybrid://"));
    let ready = node
        .conditions
        .iter()
        .any(|condition| condition.kind == "Ready" && condition.status == "True");
    // What TKE does with cordoned nodes is not documented: they are not missed.
    let cordoned = node.unschedulable && (drops_cordoned || provider == Provider::Tencent);
    ready && !excluded && !leaving && !virtual_node && !hybrid && !cordoned
}
