//! NetworkPolicy (`networking.k8s.io/v1`), as its specification has it.
//!
//! <https://kubernetes.io/docs/concepts/services-networking/network-policies/>

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::evidence::kube::meta::PortRef;
use crate::evidence::kube::pod::Pod;
use crate::evidence::kube::policy::{NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule};
use crate::flow::Protocol;

/// A direction, seen from the isolated pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Into the pod.
    Ingress,
    /// Out of the pod.
    Egress,
}

/// One end of a connection, as policies see it.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// Its address.
    pub address: IpAddr,
    /// The pod that has the address.
    pub pod: Option<&'a Pod>,
    /// The labels of the pod's namespace; `None` where they are not known.
    pub namespace_labels: Option<&'a BTreeMap<String, String>>,
    /// The node whose address it is.
    pub node: Option<&'a str>,
}

/// What is asked of the policies: may this connection be made?
#[derive(Debug, Clone, Copy)]
pub struct Connection<'a> {
    /// Who connects.
    pub from: End<'a>,
    /// To whom, after a service's address was translated.
    pub to: End<'a>,
    /// TCP, UDP, SCTP or ICMP.
    pub protocol: Protocol,
    /// The port of the pod that is connected to.
    pub port: u16,
}

/// What the policies say of one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling<'p> {
    /// No policy isolates the pod in this direction, or policies do not bear on it.
    NotIsolated(&'static str),
    /// This policy allows it.
    Allowed(&'p NetworkPolicy),
    /// These isolate the pod and none allows it.
    Denied(Vec<&'p NetworkPolicy>),
    /// It cannot be told, and why.
    Unknown(&'static str),
}

/// Whether `policies` (of the isolated pod's namespace at least) let `connection` pass in `direction`.
#[must_use]
pub fn rule<'p>(
    policies: &'p [NetworkPolicy],
    direction: Direction,
    connection: &Connection<'_>,
) -> Ruling<'p> {
    let (own, other) = match direction {
        Direction::Ingress => (&connection.to, &connection.from),
        Direction::Egress => (&connection.from, &connection.to),
    };
    let Some(pod) = own.pod else {
        return Ruling::NotIsolated("policies isolate pods only");
    };
    if pod.host_network {
        return Ruling::NotIsolated("policies do not bear on pods of the host's network");
    }
    if other
        .pod
        .is_some_and(|other| other.meta.uid == pod.meta.uid)
        && own.address == other.address
    {
        return Ruling::NotIsolated("a pod always reaches itself");
    }
    if other.node.is_some() && other.node == pod.node.as_deref() {
        return Ruling::NotIsolated("a pod and its own node always reach each other");
    }
    let isolating: Vec<&NetworkPolicy> = policies
        .iter()
        .filter(|policy| {
            policy.meta.namespace == pod.meta.namespace
                && policy.pods.matches(&pod.meta.labels)
                && match direction {
                    Direction::Ingress => policy.isolates_ingress,
                    Direction::Egress => policy.isolates_egress,
                }
        })
        .collect();
    if isolating.is_empty() {
        return Ruling::NotIsolated("no policy isolates the pod in this direction");
    }
    let mut unknown = None;
    for policy in &isolating {
        let rules = match direction {
            Direction::Ingress => &policy.ingress,
            Direction::Egress => &policy.egress,
        };
        for allowance in rules {
            match allows(allowance, policy, other, connection) {
                Ok(true) => return Ruling::Allowed(policy),
                Ok(false) => {}
                Err(why) => unknown = Some(why),
            }
        }
    }
    match unknown {
        Some(why) => Ruling::Unknown(why),
        None => Ruling::Denied(isolating),
    }
}

fn allows(
    rule: &PolicyRule,
    policy: &NetworkPolicy,
    other: &End<'_>,
    connection: &Connection<'_>,
) -> Result<bool, &'static str> {
    let on_port = any(&rule.ports, |port| on_port(port, connection))?;
    if !on_port {
        return Ok(false);
    }
    any(&rule.peers, |peer| is_peer(peer, policy, other))
}

/// Whether one of `items` holds; none are given where everything holds.
fn any<T>(
    items: &[T],
    mut holds: impl FnMut(&T) -> Result<bool, &'static str>,
) -> Result<bool, &'static str> {
    if items.is_empty() {
        return Ok(true);
    }
    let mut unknown = None;
    for item in items {
        match holds(item) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(why) => unknown = Some(why),
        }
    }
    unknown.map_or(Ok(false), Err)
}

fn on_port(port: &PolicyPort, connection: &Connection<'_>) -> Result<bool, &'static str> {
    if connection.protocol == Protocol::Icmp {
        return Err("NetworkPolicy does not say what becomes of ICMP where ports are given");
    }
    if port.protocol != connection.protocol {
        return Ok(false);
    }
    Ok(match (&port.port, port.end_port) {
        (None, _) => true,
        (Some(PortRef::Number(first)), Some(last)) => (*first..=last).contains(&connection.port),
        (Some(PortRef::Number(number)), None) => *number == connection.port,
        // A named port is a port of the pod that is connected to.
        (Some(PortRef::Name(name)), _) => {
            let Some(pod) = connection.to.pod else {
                return Ok(false);
            };
            pod.ports.iter().any(|declared| {
                declared.name.as_ref() == Some(name)
                    && declared.protocol == connection.protocol
                    && declared.port == connection.port
                    && !declared.init
            })
        }
    })
}

fn is_peer(
    peer: &PolicyPeer,
    policy: &NetworkPolicy,
    other: &End<'_>,
) -> Result<bool, &'static str> {
    match peer {
        PolicyPeer::IpBlock { cidr, except } => Ok(cidr.contains(&other.address)
            && !except.iter().any(|except| except.contains(&other.address))),
        PolicyPeer::Pods { pods, namespaces } => {
            // The host's network has the node's identity, not the pod's.
            let Some(pod) = other.pod.filter(|pod| !pod.host_network) else {
                return Ok(false);
            };
            if pods
                .as_ref()
                .is_some_and(|selector| !selector.matches(&pod.meta.labels))
            {
                return Ok(false);
            }
            match namespaces {
                None => Ok(pod.meta.namespace == policy.meta.namespace),
                Some(selector) => match other.namespace_labels {
                    Some(labels) => Ok(selector.matches(labels)),
                    None => Err("the labels of the other pod's namespace were not captured"),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests;
