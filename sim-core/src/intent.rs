//! What Kubernetes says should happen, to set beside what the data plane does.

pub(crate) mod dns;
pub(crate) mod node;
pub mod policy;
pub(crate) mod service;
pub(crate) mod web;
pub(crate) mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::evidence::kube::pod::{ContainerPort, Pod};
use crate::flow::Protocol;
use crate::linux::packet::Port;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::source::Source;
use crate::trace::Exchanged;
use crate::world::{Halt, World, machine_of};
use policy::{Connection, Direction, End, Ruling, rule};

/// Policies that forbid a connection in one direction.
#[derive(Debug, Clone)]
pub(crate) struct Denied {
    pub(crate) direction: Direction,
    /// The pod that they isolate.
    pub(crate) pod: String,
    pub(crate) name: String,
    pub(crate) address: IpAddr,
    pub(crate) node: Option<String>,
    /// `policy:ns/name`, and where it stands.
    pub(crate) policies: Vec<(String, Source)>,
}

/// What is intended for a flow.
#[derive(Debug, Default)]
pub(crate) struct Intent {
    /// By the destination that a branch ends at, after translation.
    denied: BTreeMap<(IpAddr, u16), Vec<Denied>>,
    /// The ports that the pods at those addresses declare.
    pub(crate) ports: BTreeMap<IpAddr, Vec<ContainerPort>>,
    /// The services that the rules on the way name, and the one asked for.
    pub(crate) services: service::Named,
    /// What keeps the pods at those addresses from their work.
    pub(crate) troubles: BTreeMap<IpAddr, service::Unready>,
    /// The pods that program the nodes on the way of a flow that fails.
    pub(crate) agents: BTreeMap<String, workload::Agents>,
    /// What is wrong with those nodes.
    pub(crate) nodes: Vec<node::Ailment>,
}

impl Intent {
    /// The policies that forbid what this run does.
    pub(crate) fn denied(&self, result: &Exchanged) -> &[Denied] {
        destination(result)
            .and_then(|to| self.denied.get(&to))
            .map_or(&[], Vec::as_slice)
    }

    /// What is intended for `results`, walks of one flow.
    ///
    /// `asked` is the service (`namespace/name`) that has the destination address.
    pub(crate) fn of<'a>(
        world: &mut World<'_>,
        protocol: Protocol,
        asked: Option<&str>,
        results: impl Iterator<Item = &'a Exchanged> + Clone,
    ) -> Result<Self, Halt> {
        let mut intent = Self::default();
        for result in results.clone() {
            let (Some(first), Some(to)) = (result.request.first(), destination(result)) else {
                continue;
            };
            if intent.denied.contains_key(&to) {
                continue;
            }
            let from = Known::of(world, first.before.src)?;
            let server = Known::of(world, to.0)?;
            // Who receives sees the source as it was translated on the way.
            let seen = match result.request.last() {
                Some(last) if last.after.src != first.before.src => {
                    Some(Known::of(world, last.after.src)?)
                }
                _ => None,
            };
            let denied = denied(world, protocol, &from, seen.as_ref(), &server, to.1)?;
            intent.denied.insert(to, denied);
            if let Some(pod) = server.pod {
                if let Some(why) = workload::trouble(&pod) {
                    let unready = service::Unready {
                        object: format!("pod:{}/{}", pod.meta.namespace, pod.meta.name),
                        why,
                        source: pod.meta.source.clone(),
                    };
                    intent.troubles.insert(to.0, unready);
                }
                intent.ports.insert(to.0, pod.ports);
            }
        }
        intent.services = service::named(world, asked, results.clone())?;
        let nodes = nodes_on_the_way(results);
        if !nodes.is_empty() {
            intent.agents = workload::agents(world, nodes.iter().map(String::as_str))?;
            intent.nodes = node::ailments(world, &nodes)?;
        }
        Ok(intent)
    }
}

/// The nodes that packets of failing walks came by.
fn nodes_on_the_way<'a>(results: impl Iterator<Item = &'a Exchanged>) -> BTreeSet<String> {
    let failing = results.filter(|result| !result.blockers.is_empty());
    failing
        .flat_map(|result| {
            let hops = result.request.iter().chain(&result.response);
            hops.map(|hop| &hop.ns)
                .chain(result.blockers.iter().map(|blocker| &blocker.ns))
        })
        .filter_map(|ns| machine_of(&ns.path).strip_prefix("nodes/"))
        .map(str::to_owned)
        .collect()
}

/// Where the request ends, or would end if nothing blocked it.
pub(crate) fn destination(result: &Exchanged) -> Option<(IpAddr, u16)> {
    let last = result.request.last()?;
    let port = last.after.dport().and_then(Port::number);
    Some((last.after.dst, port.unwrap_or(0)))
}

/// An address with the objects that have it.
struct Known {
    address: IpAddr,
    pod: Option<Pod>,
    labels: Option<BTreeMap<String, String>>,
    node: Option<String>,
}

impl Known {
    fn of(world: &mut World<'_>, address: IpAddr) -> Result<Self, Halt> {
        let mut known = Self {
            address,
            pod: None,
            labels: None,
            node: None,
        };
        for record in world.by_address(address)?.iter() {
            match record {
                IndexRecord::Object {
                    object: ObjectKind::Pod,
                    namespace,
                    name,
                    entry,
                    host_network: false,
                    ..
                } => {
                    known.pod = world.pod(entry, namespace, name)?;
                    known.labels = world.namespace_labels(namespace)?;
                }
                IndexRecord::Object {
                    object: ObjectKind::Node,
                    name,
                    ..
                } => known.node = Some(name.clone()),
                IndexRecord::Interface { namespace, .. } => {
                    if let Some(node) = namespace
                        .strip_prefix("nodes/")
                        .and_then(|rest| rest.strip_suffix("/host"))
                    {
                        known.node.get_or_insert_with(|| node.to_owned());
                    }
                }
                IndexRecord::Object { .. } => {}
            }
        }
        Ok(known)
    }

    fn end(&self) -> End<'_> {
        End {
            address: self.address,
            pod: self.pod.as_ref(),
            namespace_labels: self.labels.as_ref(),
            node: self.node.as_deref(),
        }
    }
}

fn denied(
    world: &mut World<'_>,
    protocol: Protocol,
    from: &Known,
    seen: Option<&Known>,
    to: &Known,
    port: u16,
) -> Result<Vec<Denied>, Halt> {
    let mut all = Vec::new();
    for (direction, own) in [(Direction::Egress, from), (Direction::Ingress, to)] {
        let Some(pod) = &own.pod else {
            continue;
        };
        let Some(policies) = world.policies(&pod.meta.namespace)? else {
            continue;
        };
        // The source may be translated before or after the place where the policy is enforced.
        let sources = match direction {
            Direction::Egress => [Some(from), None],
            Direction::Ingress => [Some(from), seen],
        };
        let ruling = sources.into_iter().flatten().find_map(|source| {
            let connection = Connection {
                from: source.end(),
                to: to.end(),
                protocol,
                port,
            };
            match rule(&policies, direction, &connection) {
                Ruling::Denied(isolating) => Some(isolating),
                Ruling::Allowed(_) | Ruling::NotIsolated(_) | Ruling::Unknown(_) => None,
            }
        });
        if let Some(isolating) = ruling {
            all.push(Denied {
                direction,
                pod: format!("pod:{}/{}", pod.meta.namespace, pod.meta.name),
                name: pod.meta.name.clone(),
                address: own.address,
                node: pod.node.clone(),
                policies: isolating
                    .iter()
                    .map(|policy| {
                        (
                            format!("policy:{}/{}", policy.meta.namespace, policy.meta.name),
                            policy.meta.source.clone(),
                        )
                    })
                    .collect(),
            });
        }
    }
    Ok(all)
}
