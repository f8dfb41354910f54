//! Who translates services on a node: where it is not kube-proxy's rules, what becomes of a service's address is not
//! to be seen in them.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Phase, Stage, Stop, Transit, Walk};
use crate::evidence::link::Link;
use crate::linux::choice::Doubt;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::world::{Namespace, machine_of};

/// Devices that only a data plane of BPF programs makes: Cilium's, and those of Calico's eBPF mode.
const BPF_DEVICES: &[&str] = &["cilium_", "bpfin.cali", "bpfout.cali"];
/// Pods of data planes that can stand in for kube-proxy, by the start of their names.
const REPLACEMENTS: &[&str] = &["cilium-", "antrea-agent-", "ovnkube-node-"];
/// Pods that bear such a name and handle no packets.
const BYSTANDERS: &[&str] = &["cilium-operator", "cilium-envoy"];

/// The device that shows a data plane of BPF programs.
pub(super) fn bpf_device(ns: &Namespace) -> Option<&Link> {
    let is_sign = |link: &&Link| BPF_DEVICES.iter().any(|start| link.name.starts_with(start));
    ns.links.iter().find(is_sign)
}

impl Walk<'_, '_> {
    /// The service that has this address, in words.
    pub(super) fn service_at(&mut self, address: IpAddr) -> Stage<Option<String>> {
        let records = self.world.by_address(address)?;
        Ok(records.iter().find_map(|record| match record {
            IndexRecord::Object {
                object: ObjectKind::Service,
                namespace,
                name,
                ..
            } => Some(format!("service {namespace}/{name}")),
            IndexRecord::Object { .. } | IndexRecord::Interface { .. } => None,
        }))
    }

    /// A packet leaves a node with a service's address that no rule translated: nobody knows what becomes of it where
    /// something else than kube-proxy translates services there.
    pub(super) fn untranslated(&mut self, ns: &Arc<Namespace>, transit: &Transit) -> Stage<()> {
        let is_node = ns.path.starts_with("nodes/") && ns.path.ends_with("/host");
        if self.phase != Phase::Request
            || !is_node
            || transit.inner.is_some()
            || self.is_translated(transit)
        {
            return Ok(());
        }
        let Some(service) = self.service_at(transit.packet.dst)? else {
            return Ok(());
        };
        let Some(who) = self.replacement(ns)? else {
            return Ok(());
        };
        Err(Stop::Undecided(Doubt {
            what: format!(
                "no rule on {} translates {service}, and {who} shows that something else than kube-proxy may do it, which is not modelled",
                ns.object
            ),
            settle: String::new(),
            source: bpf_device(ns).map(|link| link.source.clone()),
        }))
    }

    /// What shows that something else than kube-proxy translates services on the node of `ns`.
    fn replacement(&mut self, ns: &Namespace) -> Stage<Option<String>> {
        if let Some(link) = bpf_device(ns) {
            return Ok(Some(format!("its device {}", link.name)));
        }
        let own = machine_of(&ns.path).trim_start_matches("nodes/");
        let pods = self.world.objects()?;
        let found = pods.into_iter().find_map(|record| match record {
            IndexRecord::Object {
                object: ObjectKind::Pod,
                namespace,
                name,
                node,
                ..
            } if node == own
                && REPLACEMENTS.iter().any(|start| name.starts_with(start))
                && !BYSTANDERS.iter().any(|start| name.starts_with(start)) =>
            {
                Some(format!("its pod {namespace}/{name}"))
            }
            IndexRecord::Object { .. } | IndexRecord::Interface { .. } => None,
        });
        Ok(found)
    }
}
