//! NetworkPolicy as its documentation has it, sentence by sentence, on the JSON itself: slow, plain, and of no shared code.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "as good as a test: what it is given was made for it"
)]

use std::net::IpAddr;

use serde_json::Value;

/// What may happen: `Some(true)` it is allowed, `Some(false)` it is not, `None` nobody says.
pub type Said = Option<bool>;

/// Objects of a cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Namespaces.
    pub namespaces: Vec<Value>,
    /// Pods.
    pub pods: Vec<Value>,
    /// Network policies.
    pub policies: Vec<Value>,
}

/// Someone who connects or is connected to.
#[derive(Debug, Clone, Copy)]
pub struct Party<'a> {
    /// The pod, where it is one.
    pub pod: Option<&'a Value>,
    /// Its address.
    pub address: IpAddr,
    /// The node whose address it is.
    pub node: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Ingress,
    Egress,
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn is_on_host(pod: &Value) -> bool {
    pod.pointer("/spec/hostNetwork") == Some(&Value::Bool(true))
}

/// "For a connection from a source pod to a destination pod to be allowed, both the egress policy on the source pod
/// and the ingress policy on the destination pod need to allow the connection. If either side does not allow the
/// connection, it will not happen."
#[must_use]
pub fn allowed(
    cluster: &Cluster,
    from: Party<'_>,
    to: Party<'_>,
    protocol: &str,
    port: u16,
) -> Said {
    let sides = [
        one_way(cluster, Way::Egress, from, to, protocol, port),
        one_way(cluster, Way::Ingress, to, from, protocol, port),
    ];
    if sides.contains(&Some(false)) {
        Some(false)
    } else if sides.contains(&None) {
        None
    } else {
        Some(true)
    }
}

/// "NetworkPolicy behaviour for hostNetwork pods is undefined, but it should be limited to 2 possibilities": they are
/// treated like other pods, or like their node.
fn one_way(
    cluster: &Cluster,
    way: Way,
    own: Party<'_>,
    other: Party<'_>,
    protocol: &str,
    port: u16,
) -> Said {
    let mut answers = Vec::new();
    for own_is_pod in [true, false] {
        for other_is_pod in [true, false] {
            let seen = |party: Party<'_>, is_pod: bool| match party.pod {
                Some(pod) if is_on_host(pod) && !is_pod => None,
                _ => Some(()),
            };
            let own_pod = seen(own, own_is_pod).and(own.pod);
            let other_pod = seen(other, other_is_pod).and(other.pod);
            answers.push(decide(
                cluster,
                way,
                (own, own_pod),
                (other, other_pod),
                protocol,
                port,
            ));
        }
    }
    let first = answers[0];
    if answers.iter().all(|answer| *answer == first) {
        first
    } else {
        None
    }
}

fn decide(
    cluster: &Cluster,
    way: Way,
    (own, own_pod): (Party<'_>, Option<&Value>),
    (other, other_pod): (Party<'_>, Option<&Value>),
    protocol: &str,
    port: u16,
) -> Said {
    let Some(pod) = own_pod else {
        return Some(true);
    };
    // "A pod cannot block access to itself"
    if own.pod == other.pod && own.pod.is_some() {
        return Some(true);
    }
    // "traffic to and from the node where a Pod is running is always allowed, regardless of the IP address of the Pod
    // or the node"
    if other.node.is_some() && other.node == Some(text(pod, "/spec/nodeName")) {
        return Some(true);
    }
    let mut isolating = Vec::new();
    for policy in &cluster.policies {
        let same_namespace =
            text(policy, "/metadata/namespace") == text(pod, "/metadata/namespace");
        if same_namespace
            && types(policy).contains(&way)
            && selects(&policy["spec"]["podSelector"], &pod["metadata"]["labels"])
        {
            isolating.push(policy);
        }
    }
    // "By default, a pod is non-isolated"
    if isolating.is_empty() {
        return Some(true);
    }
    // "For other protocols … the behaviour is undefined"
    if protocol == "ICMP" {
        return None;
    }
    let (rules, peers) = match way {
        Way::Ingress => ("/spec/ingress", "/from"),
        Way::Egress => ("/spec/egress", "/to"),
    };
    let server = match way {
        Way::Ingress => own_pod,
        Way::Egress => other_pod,
    };
    for policy in isolating {
        for rule in list(policy, rules) {
            let ports = list(rule, "/ports");
            let peers = list(rule, peers);
            let on_port = ports.is_empty()
                || ports
                    .iter()
                    .any(|one| port_matches(one, server, protocol, port));
            let by_peer = peers.is_empty()
                || peers
                    .iter()
                    .any(|peer| peer_matches(cluster, peer, policy, other, other_pod));
            if on_port && by_peer {
                return Some(true);
            }
        }
    }
    Some(false)
}

/// "If no policyTypes are specified on a NetworkPolicy then by default Ingress will always be set and Egress will be
/// set if the NetworkPolicy has any egress rules."
fn types(policy: &Value) -> Vec<Way> {
    let named: Vec<&str> = list(policy, "/spec/policyTypes")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut types = Vec::new();
    if named.is_empty() {
        types.push(Way::Ingress);
        if !list(policy, "/spec/egress").is_empty() {
            types.push(Way::Egress);
        }
        return types;
    }
    if named.contains(&"Ingress") {
        types.push(Way::Ingress);
    }
    if named.contains(&"Egress") {
        types.push(Way::Egress);
    }
    types
}

fn port_matches(rule: &Value, server: Option<&Value>, protocol: &str, port: u16) -> bool {
    let wanted = rule["protocol"].as_str().unwrap_or("TCP");
    if wanted != protocol {
        return false;
    }
    match &rule["port"] {
        Value::Null => true,
        Value::Number(first) => {
            let first = first.as_u64().unwrap();
            let last = rule["endPort"].as_u64().unwrap_or(first);
            first <= u64::from(port) && u64::from(port) <= last
        }
        Value::String(name) => {
            let Some(pod) = server else {
                return false;
            };
            list(pod, "/spec/containers").iter().any(|container| {
                list(container, "/ports").iter().any(|declared| {
                    declared["name"] == *name.as_str()
                        && declared["containerPort"] == port
                        && declared["protocol"].as_str().unwrap_or("TCP") == protocol
                })
            })
        }
        _ => panic!("no port: {rule}"),
    }
}

fn peer_matches(
    cluster: &Cluster,
    peer: &Value,
    policy: &Value,
    other: Party<'_>,
    other_pod: Option<&Value>,
) -> bool {
    if let Some(block) = peer.get("ipBlock") {
        let inside = |cidr: &Value| is_inside(other.address, cidr.as_str().unwrap());
        return inside(&block["cidr"]) && !list(block, "/except").iter().any(inside);
    }
    let Some(pod) = other_pod else {
        return false;
    };
    let namespace = text(pod, "/metadata/namespace");
    let in_namespace = match peer.get("namespaceSelector") {
        None => namespace == text(policy, "/metadata/namespace"),
        Some(selector) => cluster.namespaces.iter().any(|one| {
            text(one, "/metadata/name") == namespace
                && selects(selector, &one["metadata"]["labels"])
        }),
    };
    let selected = match peer.get("podSelector") {
        None => true,
        Some(selector) => selects(selector, &pod["metadata"]["labels"]),
    };
    in_namespace && selected
}

fn selects(selector: &Value, labels: &Value) -> bool {
    if let Some(wanted) = selector["matchLabels"].as_object() {
        for (key, value) in wanted {
            if labels[key] != *value {
                return false;
            }
        }
    }
    for expression in list(selector, "/matchExpressions") {
        let found = &labels[text(expression, "/key")];
        let among = list(expression, "/values").contains(found);
        let holds = match text(expression, "/operator") {
            "In" => among,
            "NotIn" => !among,
            "Exists" => !found.is_null(),
            "DoesNotExist" => found.is_null(),
            other => panic!("no operator: {other}"),
        };
        if !holds {
            return false;
        }
    }
    true
}

/// Bit by bit.
fn is_inside(address: IpAddr, cidr: &str) -> bool {
    let (network, length) = cidr.split_once('/').unwrap();
    let bits = |address: IpAddr| -> Vec<bool> {
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        bytes
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
            .collect()
    };
    let (address, network) = (bits(address), bits(network.parse().unwrap()));
    let length: usize = length.parse().unwrap();
    address.len() == network.len() && address[..length] == network[..length]
}
