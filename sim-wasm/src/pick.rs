//! What a person can pick as source and destination, and what the capture is.

use pathglass_sim::flow::Protocol;
use pathglass_sim::snapshot::{IndexRecord, ObjectKind, Seal};
use serde::Serialize;
use tsify::Tsify;

/// Everything that a flow can name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Tsify)]
pub struct Objects {
    /// Pods, by namespace and name.
    pub pods: Vec<PodObject>,
    /// Nodes, by name.
    pub nodes: Vec<NodeObject>,
    /// Services, by namespace and name.
    pub services: Vec<ServiceObject>,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct PodObject {
    /// What a flow calls it: `pod:ns/name`.
    pub id: String,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The node that it runs on; absent when it is not scheduled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Whether it uses its node's network.
    pub host_network: bool,
    /// Its addresses.
    pub addresses: Vec<String>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
pub struct NodeObject {
    /// What a flow calls it: `node:name`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<String>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
pub struct ServiceObject {
    /// What a flow calls it: `service:ns/name`.
    pub id: String,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its cluster, external and load balancer addresses.
    pub addresses: Vec<String>,
}

/// A port that a flow can ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
pub struct Port {
    /// The number.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotInfo {
    /// Who vouches for it.
    pub seal: Seal,
    /// SHA-256 (hex) of its manifest.
    pub manifest_sha256: String,
    /// When it was captured, as written in it; absent where it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<String>,
    /// How many machines were captured: nodes and others.
    pub machines: u32,
}

/// Sorts index records into what a person picks from.
pub(crate) fn objects(records: Vec<IndexRecord>) -> Objects {
    let mut objects = Objects::default();
    for record in records {
        let IndexRecord::Object {
            object,
            namespace,
            name,
            entry: _,
            pointer: _,
            node,
            host_network,
            addresses,
        } = record
        else {
            continue;
        };
        let addresses = addresses.iter().map(ToString::to_string).collect();
        match object {
            ObjectKind::Pod => objects.pods.push(PodObject {
                id: format!("pod:{namespace}/{name}"),
                namespace,
                name,
                node: Some(node).filter(|node| !node.is_empty()),
                host_network,
                addresses,
            }),
            ObjectKind::Node => objects.nodes.push(NodeObject {
                id: format!("node:{name}"),
                name,
                addresses,
            }),
            ObjectKind::Service => objects.services.push(ServiceObject {
                id: format!("service:{namespace}/{name}"),
                namespace,
                name,
                addresses,
            }),
        }
    }
    objects
}
