//! The rule that almost allowed a connection, and what it lacks, field by field.

use super::condition::{Bearer, Condition, Fact, Holds, Value};
use super::decide::Statement;
use super::end::{Connection, End};
use super::model::{Action, Rule};
use crate::source::Source;

/// More than this is no near miss.
const MOST: usize = 3;

/// A rule that would have allowed the connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Miss {
    /// The rule's policy.
    pub(crate) object: String,
    pub(crate) rule: Source,
    /// What does not hold, in words; never empty.
    pub(crate) lacks: Vec<String>,
}

/// Of the rules of the policies that forbid `connection`, the one that comes nearest to allowing it.
pub(crate) fn nearest(statements: &[Statement], connection: &Connection<'_>) -> Option<Miss> {
    let rules = statements.iter().flat_map(|statement| {
        let list = &statement.policy.rules(connection.direction).list;
        list.iter().map(move |rule| (statement, rule))
    });
    rules
        .filter(|(_, rule)| rule.action == Action::Allow)
        .filter_map(|(statement, rule)| miss(&statement.policy.object, rule, connection))
        .min_by_key(|miss| miss.lacks.len())
}

fn miss(object: &str, rule: &Rule, connection: &Connection<'_>) -> Option<Miss> {
    let lacks = lacks(&rule.when, connection);
    (1..=MOST).contains(&lacks.len()).then(|| Miss {
        object: object.to_owned(),
        rule: rule.source.clone(),
        lacks,
    })
}

/// The fewest things that would have to be otherwise.
fn lacks(condition: &Condition, connection: &Connection<'_>) -> Vec<String> {
    if condition.holds(connection) != Holds::No {
        return Vec::new();
    }
    match condition {
        Condition::All(all) => {
            let pod = Condition::Other(Fact::Pod);
            // Who is no pod has no labels either.
            if all.contains(&pod) && pod.holds(connection) == Holds::No {
                return lacks(&pod, connection);
            }
            all.iter().flat_map(|one| lacks(one, connection)).collect()
        }
        Condition::Any(any) => {
            let each = any.iter().map(|one| lacks(one, connection));
            let fewest = each.min_by_key(Vec::len);
            fewest.unwrap_or_else(|| vec!["the rule names nobody".to_owned()])
        }
        Condition::Not(one) => vec![format!("it excludes {}", wanted(one))],
        Condition::Own(fact) => vec![unlike(fact, connection.own)],
        Condition::Other(fact) => vec![unlike(fact, connection.other)],
        Condition::Protocol(protocol) => {
            vec![format!("protocol {protocol}, not {}", connection.protocol)]
        }
        Condition::Port(_) => vec![format!("{}, not {}", wanted(condition), connection.port)],
        Condition::NamedPort(name) => {
            let server = connection.server();
            let declared = server.pod.iter().flat_map(|pod| &pod.ports);
            let numbers: Vec<String> = declared
                .filter(|port| port.name.as_deref() == Some(name.as_str()) && !port.init)
                .map(|port| format!("{}/{}", port.port, port.protocol))
                .collect();
            let found = match numbers.as_slice() {
                [] => format!("which {} does not declare", server.object()),
                some => format!("which is {} of {}", some.join(" and "), server.object()),
            };
            vec![format!("port `{name}`, {found}; not {}", connection.port)]
        }
        Condition::OwnNode | Condition::Specified | Condition::Unknown(_) => {
            vec![wanted(condition)]
        }
    }
}

/// What `fact` asks, and what `end` has instead.
fn unlike(fact: &Fact, end: &End) -> String {
    let wanted = fact_wanted(fact);
    let who = end.object();
    match fact {
        Fact::Net(_) => format!("{wanted}, which {} is not in", end.address),
        Fact::Label { of, key, .. } => {
            let labels = match of {
                Bearer::Pod => end.pod.as_ref().map(|pod| &pod.meta.labels),
                Bearer::Namespace => end.namespace_labels.as_deref(),
                Bearer::Account => end.account_labels.as_deref(),
                Bearer::Node => end.node_labels.as_deref(),
            };
            match labels.and_then(|labels| labels.get(key)) {
                Some(found) => format!("{wanted}, where {who} has `{found}`"),
                None => format!("{wanted}, which {who} lacks"),
            }
        }
        Fact::Pod | Fact::Node | Fact::Namespace(_) | Fact::Account(_) | Fact::NamespaceName(_) => {
            format!("{wanted}, which {who} is not")
        }
    }
}

fn wanted(condition: &Condition) -> String {
    let list = |all: &[Condition], with: &str| {
        let all: Vec<String> = all.iter().map(wanted).collect();
        all.join(with)
    };
    match condition {
        Condition::All(all) => list(all, " and "),
        Condition::Any(any) => list(any, " or "),
        Condition::Not(one) => format!("not {}", wanted(one)),
        Condition::Own(fact) | Condition::Other(fact) => fact_wanted(fact),
        Condition::OwnNode => "the pod's own node".to_owned(),
        Condition::Protocol(protocol) => format!("protocol {protocol}"),
        Condition::Port(range) if range.first == range.last => format!("port {}", range.first),
        Condition::Port(range) => format!("ports {}-{}", range.first, range.last),
        Condition::NamedPort(name) => format!("port `{name}`"),
        Condition::Specified => "a protocol that NetworkPolicy speaks of".to_owned(),
        Condition::Unknown(why) => why.clone(),
    }
}

fn fact_wanted(fact: &Fact) -> String {
    match fact {
        Fact::Net(net) => format!("addresses {net}"),
        Fact::Pod => "a pod".to_owned(),
        Fact::Node => "a node".to_owned(),
        Fact::Namespace(name) => format!("a pod of namespace {name}"),
        Fact::Label { of, key, value } => {
            let of = match of {
                Bearer::Pod => "label",
                Bearer::Namespace => "namespace label",
                Bearer::Account => "service account label",
                Bearer::Node => "node label",
            };
            format!("{of} `{key}{}`", comparison(value))
        }
        Fact::Account(value) => format!("a service account `{}`", comparison(value)),
        Fact::NamespaceName(value) => format!("a pod of a namespace `{}`", comparison(value)),
    }
}

fn comparison(value: &Value) -> String {
    match value {
        Value::Exists => String::new(),
        Value::In(values) => format!("={}", values.join("|")),
        Value::StartsWith(text) => format!("={text}*"),
        Value::EndsWith(text) => format!("=*{text}"),
        Value::Contains(text) => format!("=*{text}*"),
    }
}
