//! What Kubernetes says should happen, to set beside what the data plane does.

pub mod all_pairs;
mod balancing;
pub(crate) mod dns;
mod ends;
pub(crate) mod node;
pub mod policy;
pub(crate) mod service;
mod usable;
pub(crate) mod web;
pub(crate) mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::cloud::balancer::service::Difference;
use crate::evidence::kube::pod::ContainerPort;
use crate::flow::Protocol;
use crate::linux::packet::Port;
use crate::trace::Exchanged;
use crate::world::{Halt, World, machine_of};
use policy::{Connection, Direction, End, Miss, Ruling};

/// What policies say of one direction of a flow.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) direction: Direction,
    /// The pod that they may isolate.
    pub(crate) own: End,
    pub(crate) ruling: Ruling,
    /// The rule that almost allows what is forbidden.
    pub(crate) nearest: Option<Miss>,
    /// The pod's node was captured: its rules were walked.
    pub(crate) enforced_here: bool,
    /// Policies isolate the pod in the other direction, which does not matter to answers.
    pub(crate) answers_free: bool,
    /// What was taken for granted of policies that were not captured.
    pub(crate) assumed: Vec<String>,
    /// The cluster's admin policies, which may overrule others, were captured.
    pub(crate) admin_known: bool,
}

/// What is intended for a flow, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intended {
    Allows,
    Forbids,
    Unknown,
}

/// What is intended for a flow.
#[derive(Debug, Default)]
pub(crate) struct Intent {
    /// By where a branch ends, after translation, and the source as seen there.
    sides: BTreeMap<Ends, Vec<Side>>,
    /// The ports that the pods at those addresses declare.
    pub(crate) ports: BTreeMap<IpAddr, Vec<ContainerPort>>,
    /// The services that the rules on the way name, and the one asked for.
    pub(crate) services: service::Named,
    /// What keeps the pods at those addresses from their work.
    pub(crate) troubles: BTreeMap<IpAddr, service::Unready>,
    /// The pods that program the nodes on the way of a flow that fails.
    pub(crate) agents: BTreeMap<String, workload::Agents>,
    /// Ports of those nodes that pods ask for.
    pub(crate) host_ports: Vec<workload::HostPort>,
    /// What is wrong with those nodes.
    pub(crate) nodes: Vec<node::Ailment>,
    /// The addresses by which Kubernetes knows them.
    pub(crate) known_by: BTreeMap<String, node::KnownBy>,
    /// What the service asked for and its load balancer do not agree on.
    pub(crate) differences: Vec<Difference>,
    /// Where the service asked for keeps connections that begin on this node.
    pub(crate) near: Option<service::Near>,
}

/// The ends of a branch: the source where it starts and where it arrives, destination and port.
type Ends = (IpAddr, IpAddr, IpAddr, u16);

/// Whom a flow names: the objects that its ends belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    /// The service (`namespace/name`) that has the destination address.
    pub(crate) service: Option<&'a str>,
}

impl Intent {
    /// What policies say of what this run does: of the sender first.
    pub(crate) fn sides(&self, result: &Exchanged) -> &[Side] {
        ends(result)
            .and_then(|ends| self.sides.get(&ends))
            .map_or(&[], Vec::as_slice)
    }

    /// What is intended for `results`, walks of one flow.
    pub(crate) fn of<'a>(
        world: &mut World<'_>,
        protocol: Protocol,
        asked: Asked<'_>,
        results: impl Iterator<Item = &'a Exchanged> + Clone,
    ) -> Result<Self, Halt> {
        let mut intent = Self::default();
        for result in results.clone() {
            let Some(ends) = ends(result) else {
                continue;
            };
            if intent.sides.contains_key(&ends) {
                continue;
            }
            let (source, seen, to, port) = ends;
            let client = ends::of_address(world, source, asked.from)?;
            let server = ends::of_address(world, to, asked.to)?;
            // Who receives sees the source as it was translated on the way.
            let seen = match seen == source {
                true => None,
                false => Some(ends::of_address(world, seen, "")?),
            };
            let mut sides = Vec::new();
            for (direction, own) in [(Direction::Egress, &client), (Direction::Ingress, &server)] {
                let Some(pod) = &own.pod else {
                    continue;
                };
                let policies = world.policies(Some(&pod.meta.namespace))?;
                let rule = |client: &End| {
                    policy::rule(&policies, direction, (client, &server), protocol, port)
                };
                let mut ruling = rule(&client);
                if let (Direction::Ingress, Some(seen)) = (direction, &seen) {
                    ruling = ruling.common(rule(seen), TRANSLATED);
                }
                if direction == Direction::Egress && !ruling.denying().is_empty() {
                    let rule = |server: &End, port| {
                        policy::rule(&policies, direction, (&client, server), protocol, port)
                    };
                    ruling = seen_otherwise(ruling, result, (&client, &server), port, rule);
                }
                let connection = Connection {
                    own,
                    other: if direction == Direction::Egress {
                        &server
                    } else {
                        &client
                    },
                    direction,
                    protocol,
                    port,
                };
                let node = pod.node.as_deref().unwrap_or_default();
                let machine = format!("nodes/{node}");
                sides.push(Side {
                    direction,
                    own: own.clone(),
                    nearest: policy::nearest(ruling.denying(), &connection),
                    ruling,
                    answers_free: policy::isolates(&policies, own, direction.opposite()),
                    admin_known: policies.captured.contains(&policy::Kind::Admin),
                    assumed: world.uncaptured_policies(&policies, Some(node))?,
                    enforced_here: world.machines()?.contains(&machine),
                });
            }
            intent.sides.insert(ends, sides);
            if let Some(pod) = server.pod {
                if let Some(why) = workload::trouble(&pod) {
                    let unready = service::Unready {
                        object: format!("pod:{}/{}", pod.meta.namespace, pod.meta.name),
                        why,
                        source: pod.meta.source.clone(),
                    };
                    intent.troubles.insert(to, unready);
                }
                intent.ports.insert(to, pod.ports.clone());
            }
        }
        intent.services = service::named(world, asked.service, results.clone())?;
        let first = results.clone().find_map(|result| result.request.first());
        let known = asked.service.and_then(|name| intent.services.get(name));
        if let (Some(first), Some(known)) = (first, known) {
            let asked = first.before.dst;
            intent.differences = balancing::of(world, known, asked)?;
            // What stands in for kube-proxy heeds no hints unless it is told to (Cilium's `enable-service-topology`).
            let mut hops = results.clone().flat_map(|result| result.request.iter());
            if hops.any(|hop| hop.after.dst != asked) {
                intent.near = service::near(world, known, first)?;
            }
        }
        let nodes = nodes_on_the_way(results);
        if !nodes.is_empty() {
            intent.agents = workload::agents(world, nodes.iter().map(String::as_str))?;
            intent.host_ports = workload::host_ports(world, &nodes.iter().map(String::as_str))?;
            intent.nodes = node::ailments(world, &nodes)?;
            intent.known_by = node::known_by(world, &nodes)?;
        }
        Ok(intent)
    }
}

/// Why a translated source leaves it open.
const TRANSLATED: &str = "the source is translated on the way, and NetworkPolicy leaves open whether it is seen before or after that";
const TRANSLATED_TO: &str = "the destination is translated on the way, and NetworkPolicy leaves open whether it is seen before or after that";

const OWN_TOO: &str = "the destination is an address of the pod's own node too, and plugins differ in whether policies bear on that";

/// What becomes of `ruling`, which forbids a connection out of `own`, where its destination may be seen otherwise.
fn seen_otherwise(
    mut ruling: Ruling,
    result: &Exchanged,
    (own, server): (&End, &End),
    port: u16,
    rule: impl Fn(&End, u16) -> Ruling,
) -> Ruling {
    // Pods are selected behind a service's address; an ipBlock may mean that address itself, with its port.
    if let Some((asked, port)) = asked_for(result, server.address) {
        ruling = ruling.common(rule(&End::stranger(asked), port), TRANSLATED_TO);
    }
    if let Some(node) = own_node_at_end(result, own, server) {
        let at_home = End {
            node: Some(node),
            ..server.clone()
        };
        ruling = ruling.common(rule(&at_home, port), OWN_TOO);
    }
    ruling
}

/// The node of the pod `own`, where the packet ends at an address that each node has for itself (NodeLocal DNS), and
/// that is taken for another's.
fn own_node_at_end(result: &Exchanged, own: &End, server: &End) -> Option<String> {
    let node = own.pod.as_ref()?.node.as_ref()?;
    let last = &result.request.last()?.ns;
    let has_address = last.addresses.iter().any(|one| one.local == server.address);
    let is_home = last.path == format!("nodes/{node}/host") && has_address;
    (is_home && !own.is_on(server)).then(|| node.clone())
}

/// The address and port that were asked for, where it is another address than the connection ends at.
fn asked_for(result: &Exchanged, to: IpAddr) -> Option<(IpAddr, u16)> {
    let asked = &result.request.first()?.before;
    let port = asked.dport().and_then(Port::number).unwrap_or(0);
    (asked.dst != to).then_some((asked.dst, port))
}

impl Side {
    /// A ruling without what a walk adds to it.
    fn bare(direction: Direction, own: End, ruling: Ruling) -> Self {
        Self {
            direction,
            own,
            ruling,
            nearest: None,
            enforced_here: false,
            answers_free: false,
            assumed: Vec::new(),
            admin_known: false,
        }
    }
}

impl Intended {
    /// What both directions come to: one that forbids is enough.
    pub(crate) fn of(sides: &[Side]) -> Self {
        let any = |is: fn(&Ruling) -> bool| sides.iter().any(|side| is(&side.ruling));
        if any(|ruling| matches!(ruling, Ruling::Denied(_))) {
            Self::Forbids
        } else if any(|ruling| matches!(ruling, Ruling::Unknown(..))) {
            Self::Unknown
        } else {
            Self::Allows
        }
    }
}

fn ends(result: &Exchanged) -> Option<Ends> {
    let (first, last) = (result.request.first()?, result.request.last()?);
    let (to, port) = destination(result)?;
    Some((first.before.src, last.after.src, to, port))
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
