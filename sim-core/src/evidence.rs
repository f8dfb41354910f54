//! One parser per captured format; every parsed item keeps its `Source`.
//!
//! | file | parser |
//! | --- | --- |
//! | `capture.json` | [`manifest::parse`] |
//! | `ip-link.json` | [`link::parse`] |
//! | `ip-addr.json` | [`address::parse`] |
//! | `ip-route.json`, `ip6-route.json` | [`route::parse`] |
//! | `ip-rule.json`, `ip6-rule.json` | [`rule::parse`] |
//! | `ip-neigh.json`, `ip-neigh-proxy.json` | [`neighbour::parse`] |
//! | `ip-nexthop.json` | [`nexthop::parse`] |
//! | `bridge-link.json`, `bridge-fdb.json`, `bridge-vlan.json` | [`bridge::parse_links`], [`bridge::parse_fdb`], [`bridge::parse_vlans`] |
//! | `ip(6)tables-save.txt`, `ip(6)tables-legacy-save.txt` | [`xtables::parse`] |
//! | `nft-ruleset.json` | [`nft::parse`] |
//! | `ipset-save.txt` | [`ipset::parse`] |
//! | `ipvsadm-save.txt` | [`ipvs::parse`] |
//! | `ss.txt` | [`socket::parse`] |
//! | `sysctl.txt` | [`sysctl::parse`] |
//! | `netns.json` | [`netns::parse`] |
//! | `tc.json` | [`tc::parse`] |
//! | `bpf-net.json` | [`bpf::parse`] |
//! | `wg.txt` | [`wireguard::parse`] |
//! | `resolv.conf` | [`resolv::parse`] |
//! | `nstat.json`, `softnet_stat.txt`, `conntrack-count.txt` | [`counters`] |
//! | `kube/pods.json` | [`kube::pod::parse`] |
//! | `kube/nodes.json`, `kube/namespaces.json` | [`kube::node`] |
//! | `kube/services.json` | [`kube::service::parse`] |
//! | `kube/endpoints.json`, `kube/endpointslices.json` | [`kube::endpoints`] |
//! | `kube/networkpolicies.json` | [`kube::policy::parse`] |
//! | `kube/configmaps.json`, `kube/daemonsets.json` | [`kube::config`] |
//! | other `kube/*.json` | [`kube::generic::parse`] |
//! | `cloud/…` | [`cloud::parse`] |
//!
//! Bad input costs only itself: a faulty item is left out, a cut file gives what stood before the cut, and the
//! [`Problem`](crate::source::Problem) names the line or JSON pointer.

pub mod address;
pub mod bpf;
pub mod bridge;
pub(crate) mod by_name;
pub mod cloud;
pub mod corefile;
pub mod counters;
mod formats;
pub mod ipset;
pub mod ipvs;
pub(crate) mod json;
pub mod kube;
pub mod link;
pub mod mac;
pub mod manifest;
pub(crate) mod names;
pub mod neighbour;
pub mod netns;
pub mod nexthop;
pub mod nft;
pub mod resolv;
pub mod route;
pub mod rule;
pub mod socket;
pub mod sysctl;
pub mod tc;
#[cfg(test)]
pub(crate) mod testing;
mod text;
pub mod wireguard;
pub mod xtables;

pub use formats::check;
pub use text::{MAX_FILE_BYTES, source_file};
