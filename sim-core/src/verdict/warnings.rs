//! What will bite on the machines that a flow came by, though it did not stop this one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::{self, Entry};
use crate::evidence::link::LinkKind;
use crate::linux::sysctl;
use crate::source::Source;
use crate::trace::Exchanged;
use crate::world::Namespace;

/// Of a hundred connections that the table holds, so many are too many.
const NEARLY_FULL: i64 = 90;

/// Something to look at.
pub(super) struct Warning {
    pub(super) entry: Entry,
    pub(super) ns: Arc<Namespace>,
    pub(super) message: String,
    pub(super) sources: Vec<Source>,
}

/// What there is on the nodes that packets of `results` came by, by node.
pub(super) fn of<'a>(results: impl Iterator<Item = &'a Exchanged>) -> Vec<Warning> {
    let mut nodes: BTreeMap<&str, &Arc<Namespace>> = BTreeMap::new();
    for result in results {
        for hop in result.request.iter().chain(&result.response) {
            if hop.ns.object.starts_with("node:") {
                nodes.insert(&hop.ns.path, &hop.ns);
            }
        }
    }
    nodes
        .into_values()
        .flat_map(|ns| {
            table_nearly_full(ns)
                .into_iter()
                .chain(bridged_past_rules(ns))
        })
        .collect()
}

fn table_nearly_full(ns: &Arc<Namespace>) -> Option<Warning> {
    let max = sysctl::integer(ns, "net.netfilter.nf_conntrack_max", 0);
    let count = sysctl::integer(ns, "net.netfilter.nf_conntrack_count", 0);
    let full = max.value > 0 && count.value < max.value;
    let nearly = count.value.saturating_mul(100) >= max.value.saturating_mul(NEARLY_FULL);
    (full && nearly).then(|| Warning {
        entry: catalogue::CONNTRACK_NEARLY_FULL,
        ns: Arc::clone(ns),
        message: format!(
            "the connection table of {} held {} of {} connections when it was captured",
            ns.object, count.value, max.value
        ),
        sources: count.source.into_iter().chain(max.source).collect(),
    })
}

/// A service's answer between two pods of one bridge passes the rules by that would translate it back.
fn bridged_past_rules(ns: &Arc<Namespace>) -> Option<Warning> {
    let setting = sysctl::integer(ns, "net.bridge.bridge-nf-call-iptables", 1);
    let source = setting.source.filter(|_| setting.value == 0)?;
    let is_bridge = |name: &str| {
        let link = ns.link(name);
        link.is_some_and(|link| matches!(link.kind, LinkKind::Bridge(_)))
    };
    let members = ns.links.iter().filter(|link| {
        let master = link.master.as_deref();
        matches!(link.kind, LinkKind::Veth) && master.is_some_and(is_bridge)
    });
    let translates = ns.xtables.iter().any(|(_, table)| {
        let table = table.table();
        table.name == "nat" && table.chain("KUBE-SERVICES").is_some()
    }) || ns
        .ruleset
        .tables
        .iter()
        .any(|table| table.name == "kube-proxy");
    (members.count() > 1 && translates).then(|| Warning {
        entry: catalogue::SYSCTL_BRIDGE_NF_OFF,
        ns: Arc::clone(ns),
        message: format!(
            "bridge-nf-call-iptables is 0 on {}: between two of its pods on one bridge, a service's answer is not translated back",
            ns.object
        ),
        sources: vec![source],
    })
}
