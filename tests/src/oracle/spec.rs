//! What a world is, as data: it can be saved, cut down and built again.

use std::collections::BTreeMap;
use std::net::IpAddr;

use pathglass_sim::flow::Protocol;
use serde::{Deserialize, Serialize};

/// A network namespace, by its place in the capture: `nodes/node-1/host`, `nodes/node-1/pods/default_p1`, `fabric/switch`.
pub type Place = String;

/// A world: how it is made, and what is asked of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// What it was drawn from.
    pub seed: u64,
    /// A word on its shape, for people.
    pub shape: String,
    /// Its nodes.
    pub nodes: Vec<NodeObject>,
    /// Its pods.
    pub pods: Vec<PodObject>,
    /// What is done to make it, in this order.
    pub ops: Vec<Op>,
    /// What is asked of it.
    pub flows: Vec<Flow>,
}

/// What the API server would know of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeObject {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// What the API server would know of a pod of namespace `default`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodObject {
    /// Its name.
    pub name: String,
    /// Its node.
    pub node: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// One step in the making of a world; it can be left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// What it exercises: a bullet of the semantics, a dot, and what of it, such as `fib.rule-fwmark`.
    pub feature: String,
    /// Where it is done.
    pub at: Place,
    /// What is done.
    #[serde(flatten)]
    pub deed: Deed,
}

/// What an op does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Feeds `text` to a tool. `{place}` stands for the name of the namespace of `place`.
    Run {
        /// Which tool.
        tool: Tool,
        /// Its input.
        text: String,
    },
    /// A server listens.
    Listen(Listener),
}

/// The tools, each with the input that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// `ip -batch`, done in all namespaces before anything else: what makes devices across namespaces.
    Wire,
    /// `ip -batch`.
    Ip,
    /// `ip -6 -batch`, for what does not show its family.
    Ip6,
    /// `bridge -batch`.
    Bridge,
    /// `tc -batch`.
    Tc,
    /// Lines `key=value`.
    Sysctl,
    /// `iptables-restore --noflush`, the nf_tables back end.
    Iptables,
    /// `ip6tables-restore --noflush`.
    Ip6tables,
    /// `iptables-legacy-restore --noflush`.
    IptablesLegacy,
    /// `ip6tables-legacy-restore --noflush`.
    Ip6tablesLegacy,
    /// `nft -f`.
    Nft,
    /// `ipset restore`.
    Ipset,
}

/// A server that answers who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The address it is bound to; the unspecified one of a family for all.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// For `::`: not for IPv4.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub v6_only: bool,
    /// Bound to this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// With `SO_REUSEPORT`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reuse_port: bool,
    /// With `IP_TRANSPARENT`: also for addresses that are not here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transparent: bool,
}

/// A question, asked of the kernel and of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Its name.
    pub id: String,
    /// The client's namespace.
    pub from: Place,
    /// The destination.
    pub to: IpAddr,
    /// The destination port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The payload each way; a small one if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u32>,
    /// How often it is tried.
    pub attempts: u32,
    /// The attempts depend on one another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sequential: bool,
}

impl Op {
    /// The bullet of the semantics: the first word of the feature.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.feature
            .split_once('.')
            .map_or(&self.feature, |(domain, _)| domain)
    }
}

impl Flow {
    /// Whether it is asked over IPv6.
    #[must_use]
    pub fn is_v6(&self) -> bool {
        self.to.is_ipv6()
    }

    /// The client, as a question names it.
    #[must_use]
    pub fn client(&self) -> String {
        let parts: Vec<&str> = self.from.split('/').collect();
        match parts.as_slice() {
            ["nodes", _, "pods", pod] => format!("pod:{}", pod.replacen('_', "/", 1)),
            ["nodes", node, "host"] => format!("node:{node}"),
            _ => self.from.clone(),
        }
    }
}

impl Spec {
    /// The namespaces that its ops name, in order.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let mut places: BTreeMap<&str, ()> = BTreeMap::new();
        for op in &self.ops {
            places.insert(&op.at, ());
            if let Deed::Run { text, .. } = &op.deed {
                let marks = text.split('{').skip(1);
                let named = marks.filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
                for name in named.filter(|name| is_place(name)) {
                    places.insert(name, ());
                }
            }
        }
        places.into_keys().map(str::to_owned).collect()
    }

    /// The features of its ops, in order.
    #[must_use]
    pub fn features(&self) -> Vec<String> {
        let mut all: Vec<String> = self.ops.iter().map(|op| op.feature.clone()).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// Whether `name` can be a namespace's place (nft's braces hold other things).
#[must_use]
pub fn is_place(name: &str) -> bool {
    (name.starts_with("nodes/") || name.starts_with("fabric/"))
        && name
            .chars()
            .all(|symbol| symbol.is_ascii_alphanumeric() || "-_/.".contains(symbol))
}
