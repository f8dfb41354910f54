//! The services that rules on a packet's way were written for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::usable::{self, Endpoint, Nearness};
use super::workload::trouble;
use crate::evidence::kube::endpoints::{EndpointAddress, TargetRef};
use crate::evidence::kube::pod::Pod;
use crate::evidence::kube::service::Service;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::source::Source;
use crate::trace::{Exchanged, LoggedHop};
use crate::world::{Halt, World, machine_of};

/// A service with its endpoints, as Kubernetes has them.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) service: Service,
    /// Addresses that should take traffic; `None` where they are not known.
    pub(crate) ready: Option<BTreeSet<IpAddr>>,
    /// All addresses, ready or not, with their ports (`None` is every port).
    all: BTreeSet<(IpAddr, Option<u16>)>,
    /// What decides which of them a node uses.
    endpoints: Vec<Endpoint>,
    /// No endpoint is ready, and those that are terminating take the traffic.
    pub(crate) is_draining: bool,
    /// Pods behind addresses that should take none, with what is wrong with them.
    pub(crate) unready: Vec<Unready>,
    /// Why it has no endpoint at all, and where that is seen.
    pub(crate) lacking: Option<(String, Vec<Source>)>,
}

/// A pod that is an endpoint and takes no traffic.
#[derive(Debug)]
pub(crate) struct Unready {
    /// `pod:ns/name`.
    pub(crate) object: String,
    /// What is wrong with it, as the end of a sentence about it.
    pub(crate) why: String,
    pub(crate) source: Source,
}

impl Known {
    /// How many addresses it has, ready or not.
    pub(crate) fn n_addresses(&self) -> usize {
        let addresses: BTreeSet<IpAddr> = self.all.iter().map(|(address, _)| *address).collect();
        addresses.len()
    }

    /// Whether traffic that may only go to endpoints of this node finds one.
    pub(crate) fn has_on(&self, node: &str) -> bool {
        let here = |one: &&Endpoint| one.node.as_deref() == Some(node);
        !usable::taking(self.endpoints.iter().filter(here)).is_empty()
    }

    /// The addresses that are ready, draining ones never, as controllers of load balancers take them (Alibaba's ignores
    /// terminating endpoints, `setBackendsFromEndpointSlices()`); `None` where they are not known.
    pub(crate) fn ready_only(&self) -> Option<BTreeSet<IpAddr>> {
        let ready = self.endpoints.iter().filter(|one| one.ready);
        (self.ready.as_ref()).map(|_| ready.map(|one| one.address).collect())
    }

    /// Whether an endpoint on this node is ready.
    pub(crate) fn has_ready_on(&self, node: &str) -> bool {
        let mut endpoints = self.endpoints.iter();
        endpoints.any(|one| one.ready && one.node.as_deref() == Some(node))
    }

    /// Whether it sends to this address and port.
    pub(crate) fn sends_to(&self, address: IpAddr, port: u16) -> bool {
        self.all.contains(&(address, Some(port))) || self.all.contains(&(address, None))
    }

    pub(crate) fn object(&self) -> String {
        format!(
            "service:{}/{}",
            self.service.meta.namespace, self.service.meta.name
        )
    }
}

/// Services by `namespace/name`.
pub(crate) type Named = BTreeMap<String, Known>;

/// `namespace/name` of services that `text`, a rule, seems to be about.
///
/// kube-proxy writes `namespace/name:port` into the comments of its rules and elements (`ServicePortName.String()`).
pub(crate) fn candidates(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-./:".contains(c)))
        .filter_map(|word| {
            let (name, _) = word.split_once(':').unwrap_or((word, ""));
            let (namespace, rest) = name.split_once('/')?;
            let plain = |part: &str| {
                !part.is_empty()
                    && part
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                    && part.starts_with(|c: char| c.is_ascii_alphabetic())
            };
            (plain(namespace) && plain(rest)).then_some(name)
        })
}

/// The services that the rules on the way of `results` name.
pub(super) fn named<'a>(
    world: &mut World<'_>,
    asked: Option<&str>,
    results: impl Iterator<Item = &'a Exchanged>,
) -> Result<Named, Halt> {
    let mut names = BTreeSet::new();
    for result in results {
        names.extend(asked.map(str::to_owned));
        if result.blockers.is_empty() {
            continue;
        }
        let steps = result.request.iter().flat_map(|hop| &hop.steps);
        let sources = steps
            .flat_map(|step| &step.sources)
            .chain(result.blockers.iter().flat_map(|blocker| &blocker.sources));
        for source in sources {
            names.extend(candidates(source.text()).map(str::to_owned));
        }
    }
    let mut named = Named::new();
    for full in names {
        let Some((namespace, name)) = full.split_once('/') else {
            continue;
        };
        if let Some(known) = known(world, namespace, name)? {
            named.insert(full, known);
        }
    }
    Ok(named)
}

fn known(world: &mut World<'_>, namespace: &str, name: &str) -> Result<Option<Known>, Halt> {
    let record = world
        .by_name(ObjectKind::Service, namespace, name)?
        .into_iter()
        .next();
    let Some(IndexRecord::Object { entry, .. }) = record else {
        return Ok(None);
    };
    let Some(service) = world.service(&entry, namespace, name)? else {
        return Ok(None);
    };
    let mut known = Known {
        service,
        ready: None,
        all: BTreeSet::new(),
        endpoints: Vec::new(),
        is_draining: false,
        unready: Vec::new(),
        lacking: None,
    };
    let mut unready = Vec::new();
    let mut captured = false;
    let slices = world.slices(namespace, name)?;
    for slice in slices.iter().flatten() {
        captured = true;
        for endpoint in &slice.endpoints {
            if let Some(address) = endpoint.addresses.first() {
                let ports = slice.ports.iter().map(|port| (*address, port.port));
                known.all.extend(ports);
            }
            let one = Endpoint::of_slice(endpoint, known.service.publish_not_ready);
            if one.as_ref().is_none_or(|one| !one.ready) {
                unready.extend(endpoint.target.clone());
            }
            known.endpoints.extend(one);
        }
    }
    if !captured && let Some(endpoints) = world.endpoints(namespace, name)? {
        captured = true;
        for subset in &endpoints.subsets {
            for (addresses, ready) in [(&subset.ready, true), (&subset.not_ready, false)] {
                let plain = |it: &EndpointAddress| Endpoint::plain(it.ip, ready, it.node.clone());
                known.endpoints.extend(addresses.iter().map(plain));
            }
            unready.extend(
                subset
                    .not_ready
                    .iter()
                    .filter_map(|address| address.target.clone()),
            );
            for address in subset.ready.iter().chain(&subset.not_ready) {
                let ports = subset.ports.iter().map(|port| (address.ip, port.port));
                known.all.extend(ports);
            }
        }
    }
    for target in unready {
        known.unready.extend(unready_pod(world, &target)?);
    }
    if captured && known.all.is_empty() {
        known.lacking = lacking(world, &known.service)?;
    }
    let taking = usable::taking(known.endpoints.iter());
    known.is_draining = taking.iter().any(|one| one.draining);
    let ready = taking.iter().map(|one| one.address).collect();
    known.ready = (captured || slices.is_some()).then_some(ready);
    Ok(Some(known))
}

/// Where a service keeps the connections that begin on a node.
#[derive(Debug)]
pub(crate) struct Near {
    /// Where in the capture the node is.
    pub(crate) place: String,
    /// What it does, in words.
    pub(crate) says: String,
}

/// What topology hints leave of a service's endpoints for the node where a connection begins.
pub(super) fn near(
    world: &mut World<'_>,
    known: &Known,
    first: &LoggedHop,
) -> Result<Option<Near>, Halt> {
    let asked = first.before.dst;
    let of_family = |one: &&Endpoint| one.address.is_ipv4() == asked.is_ipv4();
    let endpoints: Vec<Endpoint> = known.endpoints.iter().filter(of_family).cloned().collect();
    let kept_local = known.service.internal_local && known.service.cluster_ips.contains(&asked);
    let machine = machine_of(&first.ns.path);
    let Some(node) = machine.strip_prefix("nodes/").filter(|_| !kept_local) else {
        return Ok(None);
    };
    if !endpoints.iter().any(Endpoint::has_hints) || !usable::heeds_hints(&known.service) {
        return Ok(None);
    }
    let labels = world.node_labels(node)?;
    let zone = labels
        .as_ref()
        .and_then(|labels| labels.get("topology.kubernetes.io/zone"));
    let Some((nearness, used)) = usable::near(&endpoints, node, zone.map(String::as_str)) else {
        return Ok(None);
    };
    let object = known.object();
    let n_used = used.len();
    let n_ready = endpoints.iter().filter(|one| one.ready).count();
    let says = match (nearness, zone) {
        (Nearness::SameZone, Some(zone)) => format!(
            "{object} keeps connections in their zone: node:{node} (zone {zone}) sends them to {n_used} of its {n_ready} ready endpoints"
        ),
        (Nearness::SameZone | Nearness::SameNode, _) => format!(
            "{object} keeps connections on their node: node:{node} sends them to {n_used} of its {n_ready} ready endpoints"
        ),
    };
    let place = format!("{machine}/host");
    Ok(Some(Near { place, says }))
}

fn unready_pod(world: &mut World<'_>, target: &TargetRef) -> Result<Option<Unready>, Halt> {
    if target.kind != "Pod" {
        return Ok(None);
    }
    let record = world
        .by_name(ObjectKind::Pod, &target.namespace, &target.name)?
        .into_iter()
        .next();
    let Some(IndexRecord::Object { entry, .. }) = record else {
        return Ok(None);
    };
    let pod = world.pod(&entry, &target.namespace, &target.name)?;
    Ok(pod.map(|pod| Unready {
        object: format!("pod:{}/{}", target.namespace, target.name),
        why: trouble(&pod).unwrap_or_else(|| "is not ready".to_owned()),
        source: pod.meta.source.clone(),
    }))
}

/// Why a service has no endpoint: what its selector meets.
fn lacking(
    world: &mut World<'_>,
    service: &Service,
) -> Result<Option<(String, Vec<Source>)>, Halt> {
    const MOST: usize = 3;
    let Some(selector) = &service.selector else {
        let why = "it has no selector, and nobody gave it endpoints".to_owned();
        return Ok(Some((why, Vec::new())));
    };
    let namespace = &service.meta.namespace;
    // A list that is split by node is too long to be read for this.
    let lists = world.pods_on(std::iter::empty())?;
    if lists.is_empty() {
        return Ok(None);
    }
    let pods = || {
        let all = lists.iter().flat_map(|list| list.iter());
        all.filter(|pod| pod.meta.namespace == *namespace)
    };
    let misses = |pod: &&Pod| {
        let has = |(key, value): &(&String, &String)| pod.meta.labels.get(*key) == Some(*value);
        selector.iter().filter(|label| !has(label)).count()
    };
    let wanted: Vec<String> = selector
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let wanted = wanted.join(",");
    let selected: Vec<&Pod> = pods().filter(|pod| misses(pod) == 0).collect();
    if selected.is_empty() {
        let mut why = format!("its selector {wanted} matches no pod of {namespace}");
        // The nearest miss has another value, not another label.
        let near = pods()
            .filter(|pod| selector.keys().all(|key| pod.meta.labels.contains_key(key)))
            .min_by_key(misses);
        let mut sources = Vec::new();
        if let Some(near) = near {
            let own: Vec<String> = selector
                .keys()
                .filter_map(|key| Some(format!("{key}={}", near.meta.labels.get(key)?)))
                .collect();
            let _ = write!(
                why,
                " (the nearest, pod:{namespace}/{}, has {})",
                near.meta.name,
                own.join(",")
            );
            sources.push(near.meta.source.clone());
        }
        return Ok(Some((why, sources)));
    }
    let shown = || selected.iter().take(MOST);
    let each: Vec<String> = shown()
        .map(|pod| {
            let why = trouble(pod).unwrap_or_else(|| "is ready".to_owned());
            format!("pod:{namespace}/{} {why}", pod.meta.name)
        })
        .collect();
    let sources = shown().map(|pod| pod.meta.source.clone()).collect();
    Ok(Some((
        format!("its selector {wanted} matches {}", each.join(", ")),
        sources,
    )))
}
