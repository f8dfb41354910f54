//! Kubernetes' services beside the load balancers that its cloud controllers made for them (the reference's section E).

mod expected;

use std::net::IpAddr;
use std::sync::Arc;

use super::choose::first_of;
use super::{Action, Backend, Balancer, Balancers, Health, Listener, Pool, Prober, Target, lists};
use crate::cloud::{Provider, Region};
use crate::evidence::kube::node::Node;
use crate::evidence::kube::service::{Service, ServiceKind, ServicePort};
use crate::flow::Protocol;
use crate::intent::service::Known;
use crate::source::Source;
use expected::{expected, is_made_by_controller, is_without_endpoint};

/// By what a service and a load balancer belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    Label,
    Annotation,
    Tag,
    Name,
    Address,
}

/// A difference between a service and its load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) kind: Kind,
    /// The listener's port, where it is about one.
    pub(crate) port: Option<u16>,
    pub(crate) object: String,
    pub(crate) message: String,
    pub(crate) sources: Vec<Source>,
    /// How the backend that it is about is probed.
    pub(crate) probe: Option<Probe>,
}

/// A probe of a load balancer's health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    /// `cloud/<provider>/<region>`.
    pub(crate) folder: String,
    /// The load balancer's id, and what people call it.
    pub(crate) balancer: String,
    pub(crate) words: String,
    /// Where it comes from.
    pub(crate) source: IpAddr,
    /// What it asks.
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// The port is not the one that clients are sent to.
    pub(crate) apart: bool,
}

/// The kinds, each with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The service names a balancer that does not exist.
    BalancerMissing,
    ListenerMissing,
    /// For a port that the service does not have.
    ListenerStale,
    /// Backends are asked at another port than the service's.
    WrongPort,
    BackendUnexpected,
    BackendMissing,
    Unhealthy,
    AddressUnlisted,
    /// A health check's probe does not get through.
    ProbeDropped,
}

const ALIYUN_ID_LABEL: &str = "service.k8s.alibaba/loadbalancer-id";
const ALIYUN: [&str; 2] = [
    "service.beta.kubernetes.io/alibaba-cloud-",
    "service.beta.kubernetes.io/alicloud-",
];
const TENCENT_ID: [&str; 2] = [
    "service.kubernetes.io/loadbalance-id",
    "service.kubernetes.io/tke-existed-lbid",
];
const TENCENT_CLUSTER: &str = "service.kubernetes.io/qcloud-loadbalancer-clusterid";
/// Differences of one kind that are told one by one.
const MOST: usize = 5;

/// An annotation of Alibaba's controller, by either prefix.
pub(super) fn aliyun<'s>(service: &'s Service, key: &str) -> Option<&'s str> {
    ALIYUN.iter().find_map(|prefix| {
        let value = service.meta.annotations.get(&format!("{prefix}{key}"))?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    })
}

/// The id that the service itself gives, and where.
fn named_id(service: &Service, provider: Provider) -> Option<(&str, By)> {
    match provider {
        Provider::Aliyun => {
            let label = service.meta.labels.get(ALIYUN_ID_LABEL);
            label
                .filter(|id| !id.is_empty())
                .map(|id| (id.as_str(), By::Label))
                .or_else(|| Some((aliyun(service, "loadbalancer-id")?, By::Annotation)))
        }
        Provider::Tencent => TENCENT_ID.iter().find_map(|key| {
            let id = service.meta.annotations.get(*key)?;
            (!id.is_empty()).then_some((id.as_str(), By::Annotation))
        }),
    }
}

/// `a` and the service's uid without dashes, 32 letters at most (E.1).
fn default_name(service: &Service) -> String {
    let uid = service.meta.uid.replace('-', "");
    let name = format!("a{uid}");
    name.get(..32).unwrap_or(&name).to_owned()
}

/// The load balancer of a service among those of a region. Its controller looks for names before addresses; but names
/// may be those of another cluster's.
pub(crate) fn of_service<'b>(
    balancers: &'b Balancers,
    provider: Provider,
    service: &Service,
) -> Option<(&'b Arc<Balancer>, By)> {
    if let Some((id, by)) = named_id(service, provider) {
        return balancers
            .iter()
            .find(|one| one.id == id)
            .map(|one| (one, by));
    }
    let is_made_for_it = service.kind == ServiceKind::LoadBalancer && !service.meta.uid.is_empty();
    if is_made_for_it {
        let (tag, value) = match provider {
            Provider::Aliyun => ("kubernetes.do.not.delete", default_name(service)),
            Provider::Tencent => ("tke-lb-serviceuuid", service.meta.uid.clone()),
        };
        if let Some(one) = balancers
            .iter()
            .find(|one| one.tags.get(tag) == Some(&value))
        {
            return Some((one, By::Tag));
        }
    }
    if let Some(one) = by_status(balancers, service) {
        return Some((one, By::Address));
    }
    let mut named = balancers
        .iter()
        .filter(|one| is_made_for_it && is_named_for(one, provider, service));
    match (named.next(), named.next()) {
        (Some(one), None) => Some((one, By::Name)),
        _ => None,
    }
}

/// Whether a balancer's name is the one that a controller gives to that of `service`.
fn is_named_for(balancer: &Balancer, provider: Provider, service: &Service) -> bool {
    match provider {
        Provider::Aliyun => {
            let own = aliyun(service, "loadbalancer-name");
            balancer.name == own.map_or_else(|| default_name(service), str::to_owned)
        }
        Provider::Tencent => {
            let rest = format!("_{}_{}", service.meta.namespace, service.meta.name);
            let own = service.meta.annotations.get(TENCENT_CLUSTER);
            let cluster = balancer.name.strip_suffix(&rest);
            cluster.is_some_and(|cluster| match own {
                Some(own) => cluster == own,
                None => cluster.starts_with("cls-"),
            })
        }
    }
}

fn by_status<'b>(balancers: &'b Balancers, service: &Service) -> Option<&'b Arc<Balancer>> {
    balancers.iter().find(|one| {
        service.load_balancer.iter().any(|ingress| {
            let has_address = ingress.ip.is_some_and(|ip| one.addresses.contains(&ip));
            has_address || (ingress.hostname.is_some() && ingress.hostname == one.host)
        })
    })
}

/// The load balancer that a service names and that is in no region, as far as they were asked for it.
pub(crate) fn missing(regions: &[Region], known: &Known) -> Option<Difference> {
    let service = &known.service;
    for provider in [Provider::Aliyun, Provider::Tencent] {
        let Some((id, _)) = named_id(service, provider) else {
            continue;
        };
        let of_kind = lists(provider)
            .iter()
            .find(|(_, start)| id.starts_with(start));
        let Some(file) = of_kind.map(|(list, _)| format!("{list}.json")) else {
            continue;
        };
        let own = regions.iter().filter(|region| region.provider == provider);
        let mut asked = own.filter(|region| !region.was_not_asked(&file)).peekable();
        if asked.peek().is_none() || !asked.all(|region| region.known(&file).is_ok()) {
            continue;
        }
        return Some(Difference {
            kind: Kind::BalancerMissing,
            port: None,
            object: known.object(),
            message: format!(
                "{} belongs to the load balancer {id}, which is not among those of the region",
                known.object()
            ),
            sources: vec![service.meta.source.clone()],
            probe: None,
        });
    }
    None
}

/// What a service and its load balancer do not agree on.
pub(crate) fn differences(
    balancer: &Balancer,
    provider: Provider,
    known: &Known,
    nodes: &[&Node],
) -> Vec<Difference> {
    let service = &known.service;
    let mut found = Vec::new();
    found.extend(unlisted(balancer, known));
    for port in &service.ports {
        match balancer.listeners.at(port.protocol, port.port) {
            Err(_) => {}
            Ok(None) => found.push(Difference {
                kind: Kind::ListenerMissing,
                port: Some(port.port),
                object: known.object(),
                message: format!(
                    "{} has no listener for {} port {} of {}",
                    balancer.words(),
                    port.protocol,
                    port.port,
                    known.object()
                ),
                sources: vec![balancer.source.clone(), service.meta.source.clone()],
                probe: None,
            }),
            Ok(Some(listener)) => {
                found.extend(of_port(balancer, listener, port, known, nodes, provider));
            }
        }
    }
    for listener in made_for(balancer, provider, service) {
        let mut ports = service.ports.iter();
        if !ports.any(|port| listener.takes(port.protocol, port.port)) {
            found.push(Difference {
                kind: Kind::ListenerStale,
                port: Some(*listener.ports.start()),
                object: known.object(),
                message: format!(
                    "{} has a listener {} that was made for {}, which has no such port",
                    balancer.words(),
                    listener.words(),
                    known.object()
                ),
                sources: vec![listener.source.clone(), service.meta.source.clone()],
                probe: None,
            });
        }
    }
    found
}

/// The listeners that a controller made for this service: by their descriptions (E.1), or since TKE keeps a balancer of
/// its own for each.
fn made_for<'b>(
    balancer: &'b Balancer,
    provider: Provider,
    service: &Service,
) -> Vec<&'b Listener> {
    let all = balancer.listeners.read.iter();
    match provider {
        Provider::Aliyun => {
            let described = all.filter_map(|one| Some((one, cluster_of(one, service)?)));
            let described: Vec<(&Listener, &str)> = described.collect();
            // A service of the same name may be another cluster's: its own is that of the ports that it has.
            let is_own = |cluster: &str| {
                balancer
                    .tags
                    .get("ack.aliyun.com")
                    .is_some_and(|own| own == cluster)
                    || described.iter().any(|(one, own)| {
                        let mut ports = service.ports.iter();
                        *own == cluster && ports.any(|port| one.takes(port.protocol, port.port))
                    })
            };
            let own = described.iter().filter(|(_, cluster)| is_own(cluster));
            own.map(|(listener, _)| *listener).collect()
        }
        Provider::Tencent if service.meta.annotations.contains_key(TENCENT_ID[1]) => Vec::new(),
        Provider::Tencent => all
            .filter(|one| one.description == "TKE-DEDICATED-LISTENER")
            .collect(),
    }
}

/// The cluster whose controller made a listener for `service`: `k8s/<port>/<service>/<namespace>/<cluster>`, with dots
/// for NLBs.
fn cluster_of<'l>(listener: &'l Listener, service: &Service) -> Option<&'l str> {
    let (name, namespace) = (&service.meta.name, &service.meta.namespace);
    let classic = || {
        let rest = listener.description.strip_prefix("k8s/")?;
        rest.split_once(&format!("/{name}/{namespace}/"))
    };
    let network = || {
        let rest = listener.description.strip_prefix("k8s.")?;
        rest.split_once(&format!(".{name}.{namespace}."))
    };
    classic().or_else(network).map(|(_, cluster)| cluster)
}

/// The balancer's address is not what the service tells clients.
fn unlisted(balancer: &Balancer, known: &Known) -> Option<Difference> {
    let ingress = &known.service.load_balancer;
    let listed = ingress.iter().any(|entry| {
        entry.ip.is_some_and(|ip| balancer.addresses.contains(&ip)) || entry.hostname.is_some()
    });
    if listed || balancer.addresses.is_empty() {
        return None;
    }
    let own: Vec<String> = balancer.addresses.iter().map(IpAddr::to_string).collect();
    let message = if ingress.is_empty() {
        format!(
            "the status of {} lists no address, while {} has {}",
            known.object(),
            balancer.words(),
            own.join(", ")
        )
    } else {
        let told: Vec<String> = ingress
            .iter()
            .filter_map(|one| one.ip)
            .map(|ip| ip.to_string())
            .collect();
        format!(
            "the status of {} lists {}, while {} has {}",
            known.object(),
            told.join(", "),
            balancer.words(),
            own.join(", ")
        )
    };
    Some(Difference {
        kind: Kind::AddressUnlisted,
        port: None,
        object: known.object(),
        message,
        sources: vec![known.service.meta.source.clone(), balancer.source.clone()],
        probe: None,
    })
}

/// What is wrong with the backends of a service's port.
fn of_port(
    balancer: &Balancer,
    listener: &Listener,
    port: &ServicePort,
    known: &Known,
    nodes: &[&Node],
    provider: Provider,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let difference = |kind, message: String, sources: Vec<Source>| Difference {
        kind,
        port: Some(port.port),
        object: known.object(),
        message,
        sources,
        probe: None,
    };
    let words = format!("the listener {} of {}", listener.words(), balancer.words());
    for backend in listener
        .pools()
        .flat_map(|pool| pool.backends.iter().flatten())
    {
        if let Health::Unhealthy(state, source) = &backend.health {
            // Where no endpoint is, it is meant to be unhealthy.
            if is_without_endpoint(backend, known, nodes) {
                continue;
            }
            let own = backend.words();
            let message = format!("backend {own} of {words} is unhealthy ({state})");
            found.push(Difference {
                probe: probe(balancer, listener, backend),
                ..difference(Kind::Unhealthy, message, vec![source.clone()])
            });
        }
    }
    // Whom rules of layer 7 send elsewhere, and what users made themselves, is not the service's.
    let [Action::Pool(pool)] = listener.actions.as_slice() else {
        return found;
    };
    let Ok(backends) = &pool.backends else {
        return found;
    };
    if !is_made_by_controller(&known.service, provider) {
        return found;
    }
    let of_instances = (backends.iter()).filter(|one| matches!(one.target, Target::Instance(_)));
    for backend in of_instances {
        let differs = match (backend.port, port.node_port) {
            (Some(own), Some(wanted)) => own != wanted,
            _ => false,
        };
        if let (true, Some(own), Some(wanted)) = (differs, backend.port, port.node_port) {
            found.push(difference(
                Kind::WrongPort,
                format!(
                    "backend {} of {words} is asked at port {own}, while the node port of {} is {wanted}",
                    backend.words(),
                    known.object()
                ),
                vec![backend.source.clone(), known.service.meta.source.clone()],
            ));
        }
    }
    found.extend(members(&words, pool, known, nodes, provider, &difference));
    found
}

/// How a backend is probed, where that can be walked: by a TCP connection from a known address.
fn probe(balancer: &Balancer, listener: &Listener, backend: &Backend) -> Option<Probe> {
    // UDP listeners are probed by echo or by datagrams of their own.
    if listener.speaks.carrier() != Protocol::Tcp {
        return None;
    }
    let address = backend.address?;
    let same_family = |one: &&IpAddr| one.is_ipv4() == address.is_ipv4();
    let source = match listener.check.prober {
        Prober::Shared => first_of("100.64.0.0/10"),
        Prober::Vip => balancer.addresses.iter().find(same_family).copied(),
        Prober::Own => balancer.own.iter().find(same_family).copied(),
    };
    Some(Probe {
        folder: balancer.folder.clone(),
        balancer: balancer.id.clone(),
        words: balancer.words(),
        source: source.filter(|source| source.is_ipv4() == address.is_ipv4())?,
        address,
        port: listener.check.port.or(backend.port)?,
        apart: listener.check.port.is_some() && listener.check.port != backend.port,
    })
}

/// Backends that the service does not call for, and those that it calls for in vain.
fn members(
    words: &str,
    pool: &Pool,
    known: &Known,
    nodes: &[&Node],
    provider: Provider,
    difference: &dyn Fn(Kind, String, Vec<Source>) -> Difference,
) -> Vec<Difference> {
    let Ok(backends) = &pool.backends else {
        return Vec::new();
    };
    let Some(expected) = expected(backends, known, nodes, provider) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for backend in backends.iter().filter(|one| !expected.has(one)).take(MOST) {
        found.push(difference(
            Kind::BackendUnexpected,
            format!(
                "backend {} of {words} is none of {}",
                backend.words(),
                expected.words()
            ),
            vec![backend.source.clone(), known.service.meta.source.clone()],
        ));
    }
    let missing = expected.missing(backends);
    if !missing.is_empty() {
        let shown: Vec<&str> = missing.iter().take(MOST).map(String::as_str).collect();
        let rest = match missing.len().saturating_sub(shown.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        found.push(difference(
            Kind::BackendMissing,
            format!(
                "{words} has {} backends of the expected {}: {}{rest} missing",
                backends.len(),
                expected.len(),
                shown.join(", ")
            ),
            vec![pool.source.clone(), known.service.meta.source.clone()],
        ));
    }
    found
}
