//! Which file of a capture has which format.

use std::sync::Arc;

use super::{
    address, bpf, bridge, cloud, counters, ipset, ipvs, kube, link, manifest, neighbour, netns,
    nexthop, nft, resolv, route, rule, socket, sysctl, tc, wireguard, xtables,
};
use crate::source::{Problem, SourceFile};

/// A parser, asked only for what it could not read.
type Check = fn(&Arc<SourceFile>) -> Vec<Problem>;

/// Files of a network namespace, by name.
const NAMESPACE: &[(&str, Check)] = &[
    ("ip-link.json", |file| link::parse(file).problems),
    ("ip-addr.json", |file| address::parse(file).problems),
    ("ip-route.json", |file| route::parse(file).problems),
    ("ip6-route.json", |file| route::parse(file).problems),
    ("ip-rule.json", |file| rule::parse(file).problems),
    ("ip6-rule.json", |file| rule::parse(file).problems),
    ("ip-neigh.json", |file| neighbour::parse(file).problems),
    ("ip-neigh-proxy.json", |file| {
        neighbour::parse(file).problems
    }),
    ("ip-nexthop.json", |file| nexthop::parse(file).problems),
    ("bridge-fdb.json", |file| bridge::parse_fdb(file).problems),
    ("bridge-link.json", |file| {
        bridge::parse_links(file).problems
    }),
    ("bridge-vlan.json", |file| {
        bridge::parse_vlans(file).problems
    }),
    ("iptables-save.txt", |file| xtables::parse(file).problems),
    ("iptables-legacy-save.txt", |file| {
        xtables::parse(file).problems
    }),
    ("ip6tables-save.txt", |file| xtables::parse(file).problems),
    ("ip6tables-legacy-save.txt", |file| {
        xtables::parse(file).problems
    }),
    ("nft-ruleset.json", |file| nft::parse(file).problems),
    ("ipset-save.txt", |file| ipset::parse(file).problems),
    ("ipvsadm-save.txt", |file| ipvs::parse(file).problems),
    ("ss.txt", |file| socket::parse(file).problems),
    ("sysctl.txt", |file| sysctl::parse(file).problems),
    ("netns.json", |file| netns::parse(file).problems),
    ("tc.json", |file| tc::parse(file).problems),
    ("bpf-net.json", |file| bpf::parse(file).problems),
    ("wg.txt", |file| wireguard::parse(file).problems),
    ("resolv.conf", |file| resolv::parse(file).problems),
    ("nstat.json", |file| counters::parse_nstat(file).problems),
    ("softnet_stat.txt", |file| {
        counters::parse_softnet(file).problems
    }),
    ("conntrack-count.txt", |file| {
        counters::parse_conntrack_count(file).problems
    }),
];

/// Lists of Kubernetes objects, by resource; all others are read as objects of any kind.
const KUBE: &[(&str, Check)] = &[
    ("configmaps", |file| kube::config::parse(file).problems),
    ("daemonsets", |file| {
        kube::config::parse_daemonsets(file).problems
    }),
    ("endpoints", |file| kube::endpoints::parse(file).problems),
    ("endpointslices", |file| {
        kube::endpoints::parse_slices(file).problems
    }),
    ("namespaces", |file| {
        kube::node::parse_namespaces(file).problems
    }),
    ("networkpolicies", |file| kube::policy::parse(file).problems),
    ("nodes", |file| kube::node::parse(file).problems),
    ("pods", |file| kube::pod::parse(file).problems),
    ("services", |file| kube::service::parse(file).problems),
];

/// What the parser of `file` cannot read in it; `None` for files that have no parser here.
#[must_use]
pub fn check(file: &Arc<SourceFile>) -> Option<Vec<Problem>> {
    let check = parser_of(&file.name)?;
    Some(check(file))
}

fn parser_of(path: &str) -> Option<Check> {
    if path == "capture.json" {
        return Some(|file| manifest::parse(file).problems);
    }
    if path.starts_with("cloud/") {
        return cloud::CloudPath::of(path).map(|_| -> Check { |file| cloud::parse(file).problems });
    }
    if let Some(name) = path.strip_prefix("kube/") {
        // Split lists of big clusters: `kube/pods/node-1.json`.
        let resource = name.strip_suffix(".json")?.split('/').next()?;
        return Some(find(KUBE, resource).unwrap_or(|file| kube::generic::parse(file).problems));
    }
    if !path.starts_with("nodes/") && !path.starts_with("fabric/") {
        return None;
    }
    find(NAMESPACE, path.rsplit('/').next()?)
}

fn find(table: &[(&str, Check)], name: &str) -> Option<Check> {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, check)| *check)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests read the corpus from disk; the parsers never do"
)]
mod tests;
