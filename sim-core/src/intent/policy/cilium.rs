//! Cilium's CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy (`cilium.io/v2`), layers 3 and 4.
//!
//! <https://docs.cilium.io/en/stable/security/policy/>: a rule that denies wins over all that allow, and a pod that any
//! rule selects in a direction is isolated in it. What layer 7, names and services would decide is not decided.

use std::sync::Arc;

use ipnet::IpNet;

use super::condition::{Bearer, Condition, Fact, Value};
use super::model::{Action, DEFAULT_TIER, Kind, NETWORK_POLICY, Policy, Rule, Rules};
use super::unread::{Part, unread};
use crate::evidence::json::{Fault, Object};
use crate::evidence::kube::list;
use crate::evidence::kube::meta::Meta;
use crate::evidence::kube::selector::{LabelSelector, Operator, Requirement};
use crate::flow::Protocol;
use crate::source::{Parsed, SourceFile};

/// Denying rules come before all that allow.
const DENIES: f64 = -1.0;

/// Reads policies of either kind; each of their rules becomes two policies, what it denies and what it allows.
pub(crate) fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Policy>> {
    let Parsed { value, problems } = list(file, "", |item| {
        let meta = Meta::of(item)?;
        let mut all = Vec::new();
        for spec in item
            .object("spec")?
            .into_iter()
            .chain(item.objects("specs")?)
        {
            all.extend(spec_of(&spec, &meta)?);
        }
        Ok(all)
    });
    Parsed {
        value: value.into_iter().flatten().collect(),
        problems,
    }
}

fn spec_of(spec: &Object<'_>, meta: &Meta) -> Result<Vec<Policy>, Fault> {
    let namespace = Some(meta.namespace.as_str()).filter(|name| !name.is_empty());
    let mut whom = vec![Condition::Own(Fact::Pod), Condition::Own(Fact::Node).not()];
    whom.extend(namespace.map(|name| Condition::Own(Fact::Namespace(name.to_owned()))));
    match spec.object("endpointSelector")? {
        Some(selector) => whom.push(selected(&LabelSelector::of(&selector)?, Condition::Own)),
        // Policies of hosts.
        None => whom.push(Condition::NEVER),
    }
    let known = [
        "endpointSelector",
        "nodeSelector",
        "ingress",
        "ingressDeny",
        "egress",
        "egressDeny",
        "enableDefaultDeny",
        "labels",
        "description",
        "log",
    ];
    whom.extend(unread(spec, &known, Part::Selector));
    let default_deny = spec.object("enableDefaultDeny")?;
    let direction = |key: &str, deny: &str, own: &str| {
        let given = !spec.objects(key)?.is_empty() || !spec.objects(deny)?.is_empty();
        let isolates = match &default_deny {
            Some(set) if set.has(own) => set.flag(own)?,
            _ => given,
        };
        Ok::<_, Fault>((
            Rules {
                isolates,
                list: rules(spec, key, Action::Allow, namespace)?,
            },
            Rules {
                isolates: false,
                list: rules(spec, deny, Action::Deny, namespace)?,
            },
        ))
    };
    let (ingress, ingress_deny) = direction("ingress", "ingressDeny", "ingress")?;
    let (egress, egress_deny) = direction("egress", "egressDeny", "egress")?;
    let allows = Policy {
        kind: Kind::Cilium,
        tier: DEFAULT_TIER.to_owned(),
        object: match namespace {
            Some(namespace) => format!("policy:{namespace}/{}", meta.name),
            None => format!("policy:{}", meta.name),
        },
        source: meta.source.clone(),
        rank: NETWORK_POLICY,
        tie: String::new(),
        subject: Condition::All(whom),
        ingress,
        egress,
    };
    let denies = Policy {
        rank: DENIES,
        ingress: ingress_deny,
        egress: egress_deny,
        ..allows.clone()
    };
    Ok(vec![allows, denies])
}

fn rules(
    spec: &Object<'_>,
    key: &str,
    action: Action,
    namespace: Option<&str>,
) -> Result<Vec<Rule>, Fault> {
    let way = if key.starts_with("ingress") {
        "from"
    } else {
        "to"
    };
    let mut list = Vec::new();
    for rule in spec.objects(key)? {
        let when = match rule.is_empty() {
            // It names nobody and no port: it isolates, or denies nothing (`mergeIngress`, `mergeEgress`).
            true => vec![Condition::NEVER],
            false => {
                let mut when = peers(&rule, way, namespace)?;
                when.extend(ports(&rule)?);
                when
            }
        };
        list.push(Rule {
            action,
            when: Condition::All(when),
            source: rule.source(),
        });
    }
    Ok(list)
}

/// Whom a rule is about: one of what it names; everybody where it names no kind of peer.
fn peers(rule: &Object<'_>, way: &str, namespace: Option<&str>) -> Result<Vec<Condition>, Fault> {
    let key = |name: &str| format!("{way}{name}");
    let mut any = Vec::new();
    let mut named = false;
    for selector in rule.objects(&key("Endpoints"))? {
        let selector = LabelSelector::of(&selector)?;
        // Nodes, the world and the like bear such labels, and are of no namespace (`getEndpointSelector`).
        if let Some(name) = keys(&selector).find(|name| is_reserved(name)) {
            any.push(meant_by(name));
            continue;
        }
        let mut all = vec![
            Condition::Other(Fact::Pod),
            Condition::Other(Fact::Node).not(),
            selected(&selector, Condition::Other),
        ];
        // Unless it speaks of namespaces itself, a namespaced policy means its own.
        if let Some(namespace) = namespace.filter(|_| !names_namespaces(&selector)) {
            all.push(Condition::Other(Fact::Namespace(namespace.to_owned())));
        }
        any.push(Condition::All(all));
    }
    for text in rule.strings(&key("CIDR"))? {
        any.push(outside(prefix(rule, &text)?));
    }
    for set in rule.objects(&key("CIDRSet"))? {
        let strange = unread(&set, &["cidr", "except"], Part::Selector);
        let mut all: Vec<Condition> = strange.into_iter().collect();
        if let Some(text) = set.text("cidr")? {
            all.push(outside(prefix(&set, &text)?));
        }
        for text in set.strings("except")? {
            all.push(Condition::Other(Fact::Net(prefix(&set, &text)?)).not());
        }
        any.push(Condition::All(all));
    }
    for name in rule.strings(&key("Entities"))? {
        any.push(entity(&name));
    }
    for name in ["Endpoints", "CIDR", "CIDRSet", "Entities"] {
        named |= rule.has(&key(name));
    }
    // `toFQDNs`, `toServices`, `fromGroups` and the like name somebody too, who is not known.
    for strange in rule.keys().filter(|name| name.starts_with(way)) {
        let known = ["Endpoints", "CIDR", "CIDRSet", "Entities", "Ports"];
        if !known.iter().any(|name| key(name) == *strange) {
            any.push(Condition::Unknown(format!(
                "whom `{strange}` means is not decided"
            )));
            named = true;
        }
    }
    let mut when = Vec::new();
    if named {
        when.push(Condition::Any(any));
    }
    let own: Vec<String> = rule
        .keys()
        .filter(|name| !name.starts_with(way) && !["toPorts", "icmps"].contains(name))
        .map(str::to_owned)
        .collect();
    if let Some(strange) = own.first() {
        when.push(Condition::Unknown(format!("`{strange}` is not decided")));
    }
    Ok(when)
}

fn prefix(item: &Object<'_>, text: &str) -> Result<IpNet, Fault> {
    let address = || text.parse().ok().map(|ip: std::net::IpAddr| ip.into());
    text.parse()
        .ok()
        .or_else(address)
        .ok_or_else(|| Fault::new(item.pointer(), format!("`{text}` is no prefix")))
}

/// Prefixes mean what is not the cluster's own; nodes only where Cilium is told so.
fn outside(net: IpNet) -> Condition {
    let within = Condition::Other(Fact::Net(net));
    let is = |fact| Condition::Other(fact);
    let node = Condition::All(vec![
        is(Fact::Node),
        Condition::Unknown(
            "whether prefixes mean nodes (`policy-cidr-match-mode`) is not decided".to_owned(),
        ),
    ]);
    let stranger = Condition::All(vec![is(Fact::Pod).not(), is(Fact::Node).not()]);
    Condition::All(vec![within, Condition::Any(vec![stranger, node])])
}

fn entity(name: &str) -> Condition {
    let is = |fact| Condition::Other(fact);
    let inside = || Condition::Any(vec![is(Fact::Pod), is(Fact::Node)]);
    match name {
        "all" => Condition::ALWAYS,
        "world" => inside().not(),
        "cluster" => inside(),
        "host" => Condition::OwnNode,
        "remote-node" => Condition::All(vec![is(Fact::Node), Condition::OwnNode.not()]),
        other => {
            let what = format!("whom the entity `{other}` means is not decided");
            // The API server's addresses, Cilium's own endpoints for health checks and for its Ingress: none of them is
            // a pod's but in a node's network.
            let may_be = match other {
                "kube-apiserver" | "health" | "ingress" => {
                    Condition::Any(vec![is(Fact::Pod).not(), is(Fact::Node)])
                }
                _ => Condition::ALWAYS,
            };
            Condition::All(vec![may_be, Condition::Unknown(what)])
        }
    }
}

/// The label without Cilium's prefix of where it comes from.
fn key(key: &str) -> &str {
    let key = key.strip_prefix("k8s:").unwrap_or(key);
    let key = key.strip_prefix("any:").unwrap_or(key);
    // As the API server lets it be written.
    key.strip_prefix("k8s.").unwrap_or(key)
}

const NAMESPACE: &str = "io.kubernetes.pod.namespace";
const NAMESPACE_LABEL: &str = "io.cilium.k8s.namespace.labels.";

/// The labels that a selector asks for.
fn keys(selector: &LabelSelector) -> impl Iterator<Item = &str> {
    let labels = selector.match_labels.keys();
    let expressions = selector.match_expressions.iter().map(|one| &one.key);
    labels.chain(expressions).map(|name| key(name))
}

fn names_namespaces(selector: &LabelSelector) -> bool {
    keys(selector).any(|name| name == NAMESPACE || name.starts_with(NAMESPACE_LABEL))
}

fn is_reserved(name: &str) -> bool {
    name.starts_with("reserved:") || name.starts_with("reserved.")
}

fn meant_by(name: &str) -> Condition {
    Condition::Unknown(format!("whom the label `{name}` means is not decided"))
}

fn selected(selector: &LabelSelector, at: fn(Fact) -> Condition) -> Condition {
    let equal = selector
        .match_labels
        .iter()
        .map(|(key, value)| label(key, Value::In(vec![value.clone()]), at));
    let expressions = selector.match_expressions.iter();
    let expressions = expressions.map(
        |Requirement {
             key,
             operator,
             values,
         }| {
            let among = || label(key, Value::In(values.clone()), at);
            match operator {
                Operator::In => among(),
                Operator::NotIn => among().not(),
                Operator::Exists => label(key, Value::Exists, at),
                Operator::DoesNotExist => label(key, Value::Exists, at).not(),
            }
        },
    );
    Condition::All(equal.chain(expressions).collect())
}

fn label(name: &str, value: Value, at: fn(Fact) -> Condition) -> Condition {
    let of = |of, key: &str, value| {
        at(Fact::Label {
            of,
            key: key.to_owned(),
            value,
        })
    };
    match key(name) {
        NAMESPACE => at(Fact::NamespaceName(value)),
        "io.cilium.k8s.policy.serviceaccount" => at(Fact::Account(value)),
        name if is_reserved(name) => meant_by(name),
        name if name.starts_with("io.cilium.k8s.policy.") => {
            Condition::Unknown(format!("the label `{name}` is not decided"))
        }
        name => match name.strip_prefix(NAMESPACE_LABEL) {
            Some(name) => of(Bearer::Namespace, name, value),
            None => of(Bearer::Pod, name, value),
        },
    }
}

/// The ports of a rule; none where it is about all traffic.
fn ports(rule: &Object<'_>) -> Result<Option<Condition>, Fault> {
    let mut any = Vec::new();
    for part in rule.objects("toPorts")? {
        let mut of = Vec::new();
        for port in part.objects("ports")? {
            of.push(on(&port)?);
        }
        let ports = match of.is_empty() {
            true => Condition::ALWAYS,
            false => Condition::Any(of),
        };
        // Layer 7, TLS, listeners.
        let strange = unread(&part, &["ports"], Part::Port);
        any.push(Condition::All([ports].into_iter().chain(strange).collect()));
    }
    if rule.has("icmps") {
        any.push(Condition::All(vec![
            Condition::Protocol(Protocol::Icmp),
            Condition::Unknown("types of ICMP are not decided".to_owned()),
        ]));
    }
    Ok((!any.is_empty()).then_some(Condition::Any(any)))
}

fn on(port: &Object<'_>) -> Result<Condition, Fault> {
    let mut all: Vec<Condition> = unread(port, &["port", "endPort", "protocol"], Part::Port)
        .into_iter()
        .collect();
    match port.text("protocol")?.as_deref() {
        None | Some("" | "ANY") => {}
        Some("TCP") => all.push(Condition::Protocol(Protocol::Tcp)),
        Some("UDP") => all.push(Condition::Protocol(Protocol::Udp)),
        Some("SCTP") => all.push(Condition::Protocol(Protocol::Sctp)),
        Some("ICMP" | "ICMPv6") => all.push(Condition::Protocol(Protocol::Icmp)),
        Some(_) => all.push(Condition::NEVER),
    }
    let name = port.name("port")?.unwrap_or_default();
    match name.parse::<u16>() {
        Ok(0) => {}
        Ok(first) => {
            let last = port.number("endPort")?.filter(|last| *last != 0);
            all.push(Condition::ports(first, last.unwrap_or(first)));
        }
        Err(_) if name.is_empty() => {}
        Err(_) => all.push(Condition::NamedPort(name)),
    }
    Ok(Condition::All(all))
}
