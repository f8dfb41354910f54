//! What Kubernetes says of the nodes that a flow comes by.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::evidence::kube::node::Node;
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
    let on_the_way = nodes().filter(|node| names.contains(&node.meta.name));
    Ok(on_the_way
        .flat_map(|node| {
            let overlap = nodes().find_map(|other| overlap(node, other));
            unready(node).into_iter().chain(overlap)
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
