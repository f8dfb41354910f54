//! What a rule asks of a connection: one small language for all kinds of policies.

use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::end::{Connection, End, Labels};
use crate::evidence::kube::selector::{LabelSelector, Operator};
use crate::flow::Protocol;

/// Yes, no, or not known and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holds {
    Yes,
    No,
    Unknown(String),
}

/// A condition on a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Condition {
    /// All hold; an empty list does.
    All(Vec<Condition>),
    /// One holds; of an empty list none does.
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The isolated pod is such.
    Own(Fact),
    /// The other end is such.
    Other(Fact),
    /// The other end is the isolated pod's own node.
    OwnNode,
    Protocol(Protocol),
    /// The port that is connected to.
    Port(RangeInclusivePort),
    /// The server declares the port that is connected to under this name.
    NamedPort(String),
    /// The protocol is one that NetworkPolicy speaks of: of others its specification leaves everything open.
    Specified,
    /// It cannot be told, and why.
    Unknown(String),
}

/// Ports from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RangeInclusivePort {
    pub(crate) first: u16,
    pub(crate) last: u16,
}

impl From<RangeInclusive<u16>> for RangeInclusivePort {
    fn from(range: RangeInclusive<u16>) -> Self {
        Self {
            first: *range.start(),
            last: *range.end(),
        }
    }
}

/// What can be asked of one end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fact {
    /// Its address is in this prefix.
    Net(IpNet),
    /// It is a pod.
    Pod,
    /// It is a node's address.
    Node,
    /// It is a pod of this namespace.
    Namespace(String),
    /// A label is such.
    Label {
        of: Bearer,
        key: String,
        value: Value,
    },
    /// It is a pod whose service account has such a name.
    Account(Value),
    /// It is a pod whose namespace has such a name.
    NamespaceName(Value),
}

/// What bears a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bearer {
    Pod,
    Namespace,
    Account,
    Node,
}

/// How a value is compared; a missing one never compares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Exists,
    In(Vec<String>),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
}

impl Holds {
    pub(crate) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    pub(crate) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Unknown(why) => match other() {
                Self::No => Self::No,
                Self::Yes | Self::Unknown(_) => Self::Unknown(why),
            },
        }
    }

    fn or(self, other: impl FnOnce() -> Self) -> Self {
        self.not().and(|| other().not()).not()
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            unknown @ Self::Unknown(_) => unknown,
        }
    }
}

impl Condition {
    /// What always holds.
    pub(crate) const ALWAYS: Self = Self::All(Vec::new());
    /// What never holds.
    pub(crate) const NEVER: Self = Self::Any(Vec::new());

    pub(crate) fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    pub(crate) fn ports(first: u16, last: u16) -> Self {
        Self::Port((first..=last).into())
    }

    /// Objects of `bearer` that a Kubernetes selector selects (`LabelSelectorAsSelector`), at the end that `at` means.
    pub(crate) fn selected(
        selector: &LabelSelector,
        of: Bearer,
        at: impl Fn(Fact) -> Self,
    ) -> Self {
        let label = |key: &String, value| {
            at(Fact::Label {
                of,
                key: key.clone(),
                value,
            })
        };
        let equal = selector
            .match_labels
            .iter()
            .map(|(key, value)| label(key, Value::In(vec![value.clone()])));
        let expressions = selector.match_expressions.iter().map(|requirement| {
            let among = || label(&requirement.key, Value::In(requirement.values.clone()));
            let exists = || label(&requirement.key, Value::Exists);
            match requirement.operator {
                Operator::In => among(),
                Operator::NotIn => among().not(),
                Operator::Exists => exists(),
                Operator::DoesNotExist => exists().not(),
            }
        });
        Self::All(equal.chain(expressions).collect())
    }

    /// Whether it holds of `connection`.
    pub(crate) fn holds(&self, connection: &Connection<'_>) -> Holds {
        match self {
            Self::All(all) => all.iter().fold(Holds::Yes, |so_far, one| {
                so_far.and(|| one.holds(connection))
            }),
            Self::Any(any) => any
                .iter()
                .fold(Holds::No, |so_far, one| so_far.or(|| one.holds(connection))),
            Self::Not(one) => one.holds(connection).not(),
            Self::Own(fact) => fact.holds(connection.own),
            Self::Other(fact) => fact.holds(connection.other),
            Self::OwnNode => Holds::of(connection.own.is_on(connection.other)),
            Self::NamedPort(name) => {
                let (server, protocol) = (connection.server(), connection.protocol);
                Holds::of(declares(server, name, protocol, connection.port))
            }
            Self::Protocol(_) | Self::Port(_) | Self::Specified | Self::Unknown(_) => {
                self.holds_on(connection.protocol, connection.port)
            }
        }
    }

    /// Whether a condition on protocol and port holds; all others do not.
    pub(crate) fn holds_on(&self, protocol: Protocol, port: u16) -> Holds {
        match self {
            Self::Protocol(asked) => Holds::of(*asked == protocol),
            // ICMP has no ports.
            Self::Port(range) => {
                Holds::of(protocol != Protocol::Icmp && range.first <= port && port <= range.last)
            }
            Self::Specified if protocol == Protocol::Icmp => {
                Holds::Unknown(ICMP_IS_OPEN.to_owned())
            }
            Self::Specified => Holds::Yes,
            Self::Unknown(why) => Holds::Unknown(why.clone()),
            _ => Holds::No,
        }
    }
}

/// Why ICMP is not decided.
pub(crate) const ICMP_IS_OPEN: &str =
    "NetworkPolicy leaves open what becomes of ICMP: plugins differ";

/// Whether the pod declares this port, with its protocol, under `name`. A non-restartable init container has ended.
pub(crate) fn declares(end: &End, name: &str, protocol: Protocol, port: u16) -> bool {
    let ports = end.pod.iter().flat_map(|pod| &pod.ports);
    let mut ports = ports.filter(|declared| !declared.init);
    ports.any(|declared| {
        declared.name.as_deref() == Some(name)
            && declared.protocol == protocol
            && declared.port == port
    })
}

impl Fact {
    /// Whether it is so of `end`.
    pub(crate) fn holds(&self, end: &End) -> Holds {
        let pod = end.pod.as_deref();
        match self {
            Self::Net(net) => Holds::of(net.contains(&end.address)),
            Self::Pod => Holds::of(pod.is_some()),
            Self::Node => Holds::of(end.node.is_some()),
            Self::Namespace(name) => Holds::of(pod.is_some_and(|pod| pod.meta.namespace == *name)),
            Self::Label { of, key, value } => match (of, pod) {
                (Bearer::Node, _) if end.node.is_none() => Holds::No,
                (Bearer::Node, _) => in_labels(&end.node_labels, key, value, || {
                    "the labels of the node were not captured".to_owned()
                }),
                (_, None) => Holds::No,
                (Bearer::Pod, Some(pod)) => {
                    Holds::of(value.holds(pod.meta.labels.get(key).map(String::as_str)))
                }
                (Bearer::Namespace, Some(pod)) => {
                    in_labels(&end.namespace_labels, key, value, || {
                        format!(
                            "the labels of namespace {} were not captured",
                            pod.meta.namespace
                        )
                    })
                }
                (Bearer::Account, Some(pod)) => in_labels(&end.account_labels, key, value, || {
                    format!(
                        "the labels of service account {}/{} were not captured",
                        pod.meta.namespace,
                        pod.account()
                    )
                }),
            },
            Self::Account(value) => {
                Holds::of(pod.is_some_and(|pod| value.holds(Some(pod.account()))))
            }
            Self::NamespaceName(value) => {
                Holds::of(pod.is_some_and(|pod| value.holds(Some(&pod.meta.namespace))))
            }
        }
    }
}

fn in_labels(labels: &Labels, key: &str, value: &Value, why: impl FnOnce() -> String) -> Holds {
    match labels {
        Some(labels) => Holds::of(value.holds(labels.get(key).map(String::as_str))),
        None => Holds::Unknown(why()),
    }
}

impl Value {
    pub(crate) fn holds(&self, found: Option<&str>) -> bool {
        found.is_some_and(|found| match self {
            Self::Exists => true,
            Self::In(values) => values.iter().any(|value| value == found),
            Self::StartsWith(start) => found.starts_with(start.as_str()),
            Self::EndsWith(end) => found.ends_with(end.as_str()),
            Self::Contains(part) => found.contains(part.as_str()),
        })
    }
}
