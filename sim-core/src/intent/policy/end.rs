//! The two ends of a connection, as policies see them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::evidence::kube::pod::Pod;
use crate::flow::Protocol;

/// Labels; `None` where they were not captured.
pub(crate) type Labels = Option<Arc<BTreeMap<String, String>>>;

/// One end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct End {
    /// Its address.
    pub(crate) address: IpAddr,
    /// The pod that it is taken for.
    pub(crate) pod: Option<Arc<Pod>>,
    /// The labels of the pod's namespace.
    pub(crate) namespace_labels: Labels,
    /// The labels of the pod's service account.
    pub(crate) account_labels: Labels,
    /// The node whose address it is.
    pub(crate) node: Option<String>,
    /// That node's labels.
    pub(crate) node_labels: Labels,
}

impl End {
    /// An address of which nothing is known.
    pub(crate) fn stranger(address: IpAddr) -> Self {
        Self {
            address,
            pod: None,
            namespace_labels: None,
            account_labels: None,
            node: None,
            node_labels: None,
        }
    }

    /// `pod:ns/name`, `node:name` or `ip:address`.
    pub(crate) fn object(&self) -> String {
        match (&self.pod, &self.node) {
            (Some(pod), _) => format!("pod:{}/{}", pod.meta.namespace, pod.meta.name),
            (None, Some(node)) => format!("node:{node}"),
            (None, None) => format!("ip:{}", self.address),
        }
    }

    /// How a plugin may see it: the specification leaves open whether a pod of the host's network counts as a pod, or
    /// as its node. Without such a pod there is one way.
    pub(crate) fn readings(&self) -> Vec<Self> {
        let on_host = self.pod.as_ref().is_some_and(|pod| pod.host_network);
        if !on_host {
            return vec![self.clone()];
        }
        let as_node = Self {
            pod: None,
            namespace_labels: None,
            account_labels: None,
            ..self.clone()
        };
        vec![as_node, self.clone()]
    }

    /// Whether both are one machine: a pod and itself, or two programs of one node's own network.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let uid = |end: &Self| {
            let pod = end.pod.as_ref()?;
            (!pod.host_network).then(|| (pod.meta.namespace.clone(), pod.meta.name.clone()))
        };
        match (uid(self), uid(other)) {
            (Some(one), Some(two)) => one == two,
            (None, None) => self.node.is_some() && self.node == other.node,
            _ => false,
        }
    }

    /// Whether `other` is the node (or has its network) that this pod runs on.
    pub(crate) fn is_on(&self, other: &Self) -> bool {
        let node = self.pod.as_ref().and_then(|pod| pod.node.as_deref());
        node.is_some() && node == other.node.as_deref()
    }
}

/// What policies are asked: may this connection be made?
#[derive(Debug, Clone)]
pub(crate) struct Connection<'a> {
    /// The isolated pod.
    pub(crate) own: &'a End,
    /// Who connects to it, or to whom it connects, after a service's address was translated.
    pub(crate) other: &'a End,
    pub(crate) direction: Direction,
    pub(crate) protocol: Protocol,
    /// The port that is connected to.
    pub(crate) port: u16,
}

impl Connection<'_> {
    /// Who is connected to.
    pub(crate) fn server(&self) -> &End {
        match self.direction {
            Direction::Ingress => self.own,
            Direction::Egress => self.other,
        }
    }
}

/// A direction, seen from the isolated pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Into the pod.
    Ingress,
    /// Out of the pod.
    Egress,
}

impl Direction {
    /// `ingress` or `egress`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The other one.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Ingress => Self::Egress,
            Self::Egress => Self::Ingress,
        }
    }
}
