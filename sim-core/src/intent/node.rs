//! What Kubernetes says of the nodes that a flow comes by.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::evidence::kube::node::Node;
use crate::evidence::kube::pod::Pod;
use crate::source::Source;
use crate::world::{Halt, World};

/// Something wrong with a node.
#[derive(Debug)]
pub(crate) struct Ailment {
    pub(crate) kind: AilmentKind,
    pub(crate) node: String,
    /// A sentence.
    pub(crate) says: String,
    pub(crate) sources: Vec<Source>,
}

/// The kinds, each with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AilmentKind {
    /// Not ready, or without network.
    NotReady,
    /// Its pods' addresses belong to another node, too.
    Overlap,
    /// No address is left for a further pod.
    Exhausted,
}

/// By which addresses the others reach a node.
#[derive(Debug)]
pub(crate) struct KnownBy {
    pub(crate) addresses: BTreeSet<IpAddr>,
    pub(crate) source: Source,
}

/// The addresses of the nodes `names`, as their objects list them.
pub(crate) fn known_by(
    world: &mut World<'_>,
    names: &BTreeSet<String>,
) -> Result<BTreeMap<String, KnownBy>, Halt> {
    let lists = world.nodes_named(names.iter().map(String::as_str))?;
    let nodes = lists.iter().flat_map(|list| list.iter());
    let asked = nodes.filter(|node| names.contains(&node.meta.name));
    let known = |node: &Node| KnownBy {
        addresses: (node.internal_ips.iter())
            .chain(&node.external_ips)
            .copied()
            .collect(),
        source: node.meta.source.clone(),
    };
    Ok(asked
        .map(|node| (node.meta.name.clone(), known(node)))
        .collect())
}

/// What is wrong with the nodes `names`.
pub(crate) fn ailments(
    world: &mut World<'_>,
    names: &BTreeSet<String>,
) -> Result<Vec<Ailment>, Halt> {
    let lists = world.nodes_named(names.iter().map(String::as_str))?;
    let nodes = || lists.iter().flat_map(|list| list.iter());
    let pods = world.pods_on(names.iter().map(String::as_str))?;
    let pods = || pods.iter().flat_map(|list| list.iter());
    let on_the_way = nodes().filter(|node| names.contains(&node.meta.name));
    Ok(on_the_way
        .flat_map(|node| {
            let overlap = nodes().find_map(|other| overlap(node, other));
            let exhausted = exhausted(node, &pods());
            unready(node).into_iter().chain(overlap).chain(exhausted)
        })
        .collect())
}

/// The condition `Ready` (kubelet) or `NetworkUnavailable` (the cloud's route controller, some network plugins).
fn unready(node: &Node) -> Option<Ailment> {
    let bad = node.conditions.iter().find(|condition| {
        (condition.kind == "Ready" && condition.status != "True")
            || (condition.kind == "NetworkUnavailable" && condition.status == "True")
    })?;
    let why = bad.message.as_ref().or(bad.reason.as_ref());
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    Some(Ailment {
        kind: AilmentKind::NotReady,
        node: node.meta.name.clone(),
        says: format!(
            "node:{} has the condition {} = {}{why}",
            node.meta.name, bad.kind, bad.status
        ),
        sources: vec![node.meta.source.clone()],
    })
}

fn overlap(node: &Node, other: &Node) -> Option<Ailment> {
    if node.meta.name == other.meta.name {
        return None;
    }
    node.pod_cidrs.iter().find_map(|own| {
        let theirs = other
            .pod_cidrs
            .iter()
            .find(|theirs| own.contains(*theirs) || theirs.contains(own))?;
        Some(Ailment {
            kind: AilmentKind::Overlap,
            node: node.meta.name.clone(),
            says: format!(
                "node:{} has the pod address block {own}, node:{} has {theirs}",
                node.meta.name, other.meta.name
            ),
            sources: vec![node.meta.source.clone(), other.meta.source.clone()],
        })
    })
}

/// `host-local`, which most plugins use, gives pods all addresses of a block but the first (the network's), the second
/// (the gateway's) and, of IPv4, the last.
fn exhausted<'p>(node: &Node, pods: &(impl Iterator<Item = &'p Pod> + Clone)) -> Option<Ailment> {
    node.pod_cidrs.iter().find_map(|block| {
        let bits = block.max_prefix_len().saturating_sub(block.prefix_len());
        let all = 1_u64.checked_shl(bits.into())?;
        let usable = all.checked_sub(if block.addr().is_ipv4() { 3 } else { 2 })?;
        let own = |pod: &&Pod| {
            let ended = matches!(pod.phase.as_str(), "Succeeded" | "Failed");
            pod.node.as_ref() == Some(&node.meta.name) && !pod.host_network && !ended
        };
        let used = pods.clone().filter(own);
        let used = used.filter(|pod| pod.ips.iter().any(|ip| block.contains(ip)));
        let n = u64::try_from(used.count()).ok()?;
        (n >= usable).then(|| Ailment {
            kind: AilmentKind::Exhausted,
            node: node.meta.name.clone(),
            says: format!(
                "{n} pods of node:{} have addresses of its block {block}, which has room for {usable}",
                node.meta.name
            ),
            sources: vec![node.meta.source.clone()],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file};

    #[test]
    fn a_full_block_is_told() {
        let node = r#"{"items":[{"kind":"Node","metadata":{"name":"n"},"spec":{"podCIDR":"10.0.0.0/29"}}]}"#;
        let nodes = clean(crate::evidence::kube::node::parse(&file(
            "kube/nodes.json",
            node,
        )));
        let full = |n: u8| {
            let pod = |idx: u8| {
                format!(
                    r#"{{"kind":"Pod","metadata":{{"name":"p{idx}"}},"spec":{{"nodeName":"n"}},"status":{{"phase":"Running","podIP":"10.0.0.{idx}"}}}}"#
                )
            };
            let pods: Vec<String> = (2..2 + n).map(pod).collect();
            let list = format!(r#"{{"items":[{}]}}"#, pods.join(","));
            let pods = clean(crate::evidence::kube::pod::parse(&file(
                "kube/pods.json",
                &list,
            )));
            exhausted(&nodes[0], &pods.iter()).is_some()
        };
        assert_eq!((full(4), full(5)), (false, true));
    }
}
