//! Addresses and names with the Kubernetes objects that have them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::policy::{End, Labels};
use crate::evidence::kube::pod::Pod;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::world::{Halt, World};

/// Who has `address`. Of pods of a host's network, which share it, the one that is `asked` for counts.
pub(super) fn of_address(world: &mut World<'_>, address: IpAddr, asked: &str) -> Result<End, Halt> {
    let mut end = End::stranger(address);
    for record in world.by_address(address)?.iter() {
        match record {
            IndexRecord::Object {
                object: ObjectKind::Pod,
                namespace,
                name,
                entry,
                host_network,
                ..
            } => {
                if *host_network && asked != format!("pod:{namespace}/{name}") {
                    continue;
                }
                if let Some(pod) = world.pod(entry, namespace, name)? {
                    take(world, &mut end, pod)?;
                }
            }
            IndexRecord::Object {
                object: ObjectKind::Node,
                name,
                ..
            } => end.node = Some(name.clone()),
            IndexRecord::Interface { namespace, .. } => {
                if let Some(node) = namespace
                    .strip_prefix("nodes/")
                    .and_then(|rest| rest.strip_suffix("/host"))
                {
                    end.node.get_or_insert_with(|| node.to_owned());
                }
            }
            IndexRecord::Object { .. } => {}
        }
    }
    if let Some(node) = &end.node {
        end.node_labels = world.node_labels(node)?;
    }
    Ok(end)
}

/// A pod, at one of its addresses.
pub(super) fn of_pod(world: &mut World<'_>, pod: Pod, address: IpAddr) -> Result<End, Halt> {
    let mut end = End::stranger(address);
    if pod.host_network {
        end.node = pod.node.clone();
        if let Some(node) = &end.node {
            end.node_labels = world.node_labels(node)?;
        }
    }
    take(world, &mut end, pod)?;
    Ok(end)
}

fn take(world: &mut World<'_>, end: &mut End, pod: Pod) -> Result<(), Halt> {
    let labels = |found: Option<BTreeMap<String, String>>| -> Labels { found.map(Arc::new) };
    end.namespace_labels = labels(world.namespace_labels(&pod.meta.namespace)?);
    end.account_labels = labels(world.account_labels(&pod.meta.namespace, pod.account())?);
    end.pod = Some(Arc::new(pod));
    Ok(())
}
