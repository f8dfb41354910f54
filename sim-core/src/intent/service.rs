//! The services that rules on a packet's way were written for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::workload::trouble;
use crate::evidence::kube::endpoints::TargetRef;
use crate::evidence::kube::pod::Pod;
use crate::evidence::kube::service::Service;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::source::Source;
use crate::trace::Exchanged;
use crate::world::{Halt, World};

/// A service with its endpoints, as Kubernetes has them.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) service: Service,
    /// Addresses that should take traffic; `None` where they are not known.
    pub(crate) ready: Option<BTreeSet<IpAddr>>,
    /// All addresses, ready or not, with their ports (`None` is every port).
    all: BTreeSet<(IpAddr, Option<u16>)>,
    /// The nodes of those that should take traffic, as far as they are told.
    nodes: BTreeSet<String>,
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
        self.nodes.contains(node)
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
        nodes: BTreeSet::new(),
        unready: Vec::new(),
        lacking: None,
    };
    let mut ready = BTreeSet::new();
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
            if endpoint.ready || known.service.publish_not_ready {
                ready.extend(endpoint.addresses.first());
                known.nodes.extend(endpoint.node.clone());
            } else {
                unready.extend(endpoint.target.clone());
            }
        }
    }
    if !captured && let Some(endpoints) = world.endpoints(namespace, name)? {
        captured = true;
        for subset in &endpoints.subsets {
            for address in &subset.ready {
                ready.insert(address.ip);
                known.nodes.extend(address.node.clone());
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
    known.ready = (captured || slices.is_some()).then_some(ready);
    Ok(Some(known))
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
