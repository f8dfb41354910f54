//! Calico's NetworkPolicy and GlobalNetworkPolicy, with network sets and tiers (`projectcalico.org/v3`, `crd.projectcalico.org/v1`).
//!
//! <https://docs.tigera.io/calico/latest/reference/resources/globalnetworkpolicy>

mod selector;
mod surroundings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ipnet::IpNet;

use super::condition::{Bearer, Condition, Fact, Value};
use super::model::{Action, DEFAULT_TIER, Kind, Policy, Rule, Rules};
use super::unread::{Part, unread};
use crate::evidence::json::{Fault, Object};
use crate::evidence::kube::list;
use crate::evidence::kube::meta::Meta;
use crate::flow::Protocol;
use crate::source::{Parsed, SourceFile};
use selector::Selector;
pub(crate) use surroundings::{Surroundings, TierSpec, network_sets, tiers};

/// Says of an end of the connection that a fact holds.
type Whose = fn(Fact) -> Condition;

/// Reads policies of either kind; their selectors may mean the network sets of `around`.
pub(crate) fn parse(file: &Arc<SourceFile>, around: &Surroundings) -> Parsed<Vec<Policy>> {
    list(file, "", |item| policy(item, around))
}

fn policy(item: &Object<'_>, around: &Surroundings) -> Result<Policy, Fault> {
    let meta = Meta::of(item)?;
    let spec = item.required("spec", item.object("spec")?)?;
    let namespace = Some(meta.namespace.as_str()).filter(|name| !name.is_empty());
    let mut whom = vec![
        Condition::Own(Fact::Pod),
        Condition::Own(Fact::Node).not(),
        selector(&spec, "selector")?.condition(&|key, value| endpoint(key, value, Condition::Own)),
        selector(&spec, "namespaceSelector")?
            .condition(&|key, value| of_namespace(key, value, Condition::Own)),
        selector(&spec, "serviceAccountSelector")?
            .condition(&|key, value| of_account(key, value, Condition::Own)),
    ];
    whom.extend(namespace.map(|name| Condition::Own(Fact::Namespace(name.to_owned()))));
    // Such policies bear on host endpoints only.
    if spec.flag("doNotTrack")? || spec.flag("preDNAT")? {
        whom.push(Condition::NEVER);
    }
    let known = [
        "tier",
        "order",
        "ingress",
        "egress",
        "selector",
        "types",
        "doNotTrack",
        "preDNAT",
        "applyOnForward",
        "serviceAccountSelector",
        "namespaceSelector",
        "performanceHints",
    ];
    whom.extend(unread(&spec, &known, Part::Selector));
    let types = spec.strings("types")?;
    // Calico's own clients write the types that a policy's rules suggest; stored without any, as `kubectl` does with
    // `crd.projectcalico.org`, it has both (`ExtractPolicyMetadata`).
    let isolates =
        |name: &str| types.is_empty() || types.iter().any(|kind| kind.eq_ignore_ascii_case(name));
    let rules = |key: &str, isolates: bool| {
        Ok(Rules {
            list: match isolates {
                true => rules(&spec, key, namespace, around)?,
                false => Vec::new(),
            },
            isolates,
        })
    };
    Ok(Policy {
        kind: Kind::Calico,
        tier: spec
            .text("tier")?
            .unwrap_or_else(|| DEFAULT_TIER.to_owned()),
        object: match namespace {
            Some(namespace) => format!("policy:{namespace}/{}", meta.name),
            None => format!("policy:{}", meta.name),
        },
        source: meta.source.clone(),
        // None is last.
        rank: order(&spec)?.unwrap_or(f64::INFINITY),
        ingress: rules("ingress", isolates("Ingress"))?,
        egress: rules("egress", isolates("Egress"))?,
        tie: meta.name,
        subject: Condition::All(whom),
    })
}

/// An order is a number with or without a fraction.
fn order(spec: &Object<'_>) -> Result<Option<f64>, Fault> {
    match spec.get("order").map(|raw| raw.get()) {
        None | Some("null") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| spec.fault("order", format!("`{text}` is no number"))),
    }
}

fn selector(item: &Object<'_>, key: &str) -> Result<Selector, Fault> {
    let text = item.text(key)?.unwrap_or_default();
    Selector::parse(&text).map_err(|message| item.fault(key, message))
}

fn label(of: Bearer, key: &str, value: &Value, at: fn(Fact) -> Condition) -> Condition {
    at(Fact::Label {
        of,
        key: key.to_owned(),
        value: value.clone(),
    })
}

/// What a selector means by a label of an endpoint.
fn endpoint(key: &str, value: &Value, at: fn(Fact) -> Condition) -> Condition {
    match key {
        "projectcalico.org/namespace" => at(Fact::NamespaceName(value.clone())),
        "projectcalico.org/serviceaccount" => at(Fact::Account(value.clone())),
        "projectcalico.org/orchestrator" if value.holds(Some("k8s")) => Condition::ALWAYS,
        "projectcalico.org/orchestrator" => Condition::NEVER,
        key => match (key.strip_prefix("pcns."), key.strip_prefix("pcsa.")) {
            (Some(key), _) => of_namespace(key, value, at),
            (_, Some(key)) => of_account(key, value, at),
            (None, None) => label(Bearer::Pod, key, value, at),
        },
    }
}

fn of_namespace(key: &str, value: &Value, at: fn(Fact) -> Condition) -> Condition {
    match key {
        "projectcalico.org/name" => at(Fact::NamespaceName(value.clone())),
        key => label(Bearer::Namespace, key, value, at),
    }
}

fn of_account(key: &str, value: &Value, at: fn(Fact) -> Condition) -> Condition {
    match key {
        "projectcalico.org/name" => at(Fact::Account(value.clone())),
        key => label(Bearer::Account, key, value, at),
    }
}

fn rules(
    spec: &Object<'_>,
    key: &str,
    namespace: Option<&str>,
    around: &Surroundings,
) -> Result<Vec<Rule>, Fault> {
    let mut list = Vec::new();
    for rule in spec.objects(key)? {
        let action = match rule.text("action")?.as_deref() {
            Some("Allow" | "allow") => Action::Allow,
            Some("Deny" | "deny") => Action::Deny,
            Some("Pass" | "pass" | "next-tier") => Action::Pass,
            // It goes on with the next rule.
            Some("Log" | "log") => continue,
            other => {
                let message = format!("`{}` is no action", other.unwrap_or_default());
                return Err(rule.fault("action", message));
            }
        };
        let (source, destination): (Whose, Whose) = match key {
            "ingress" => (Condition::Other, Condition::Own),
            _ => (Condition::Own, Condition::Other),
        };
        let mut when = protocols(&rule)?;
        for (side, at) in [("source", source), ("destination", destination)] {
            if let Some(entity) = rule.object(side)? {
                when.extend(whom(&entity, at, namespace, around)?);
                when.extend(ports(&entity, side == "destination")?);
            }
        }
        let known = [
            "action",
            "ipVersion",
            "protocol",
            "notProtocol",
            "source",
            "destination",
            "metadata",
        ];
        when.extend(unread(&rule, &known, Part::Rule));
        list.push(Rule {
            action,
            when: Condition::All(when),
            source: rule.source(),
        });
    }
    Ok(list)
}

fn of_version(six: bool) -> Condition {
    let net = if six { "::/0" } else { "0.0.0.0/0" };
    net.parse()
        .map_or(Condition::NEVER, |net| Condition::Other(Fact::Net(net)))
}

fn protocols(rule: &Object<'_>) -> Result<Vec<Condition>, Fault> {
    let mut when = Vec::new();
    if let Some(version) = rule.number::<u8>("ipVersion")? {
        when.push(of_version(version == 6));
    }
    for (key, negated) in [("protocol", false), ("notProtocol", true)] {
        if let Some(name) = rule.name(key)? {
            let protocol = match name.to_ascii_lowercase().as_str() {
                "tcp" | "6" => Condition::Protocol(Protocol::Tcp),
                "udp" | "17" => Condition::Protocol(Protocol::Udp),
                "sctp" | "132" => Condition::Protocol(Protocol::Sctp),
                icmp @ ("icmp" | "1" | "icmpv6" | "58") => Condition::All(vec![
                    Condition::Protocol(Protocol::Icmp),
                    of_version(matches!(icmp, "icmpv6" | "58")),
                ]),
                // A protocol that nothing here speaks.
                _ => Condition::NEVER,
            };
            when.push(if negated { protocol.not() } else { protocol });
        }
    }
    Ok(when)
}

/// What a rule asks of one end, but for its ports.
fn whom(
    entity: &Object<'_>,
    at: fn(Fact) -> Condition,
    namespace: Option<&str>,
    around: &Surroundings,
) -> Result<Vec<Condition>, Fault> {
    let mut when = Vec::new();
    for (key, negated) in [("nets", false), ("notNets", true)] {
        if entity.has(key) {
            let mut nets = Vec::new();
            for text in entity.strings(key)? {
                nets.push(at(Fact::Net(net(&text).ok_or_else(|| {
                    entity.fault(key, format!("`{text}` is no prefix"))
                })?)));
            }
            match (nets.is_empty(), negated) {
                (true, _) => {}
                (false, true) => when.push(Condition::Any(nets).not()),
                (false, false) => when.push(Condition::Any(nets)),
            }
        }
    }
    let given = |key: &str| Ok::<_, Fault>(entity.text(key)?.is_some_and(|text| !text.is_empty()));
    let by_account = entity.object("serviceAccounts")?;
    // Any of them keeps a namespaced policy's rule to its own namespace (`getEndpointSelector`).
    let by_other = namespace.is_some() && given("notSelector")?;
    if given("selector")? || given("namespaceSelector")? || by_account.is_some() || by_other {
        let own = selector(entity, "selector")?;
        let of = given("namespaceSelector")?
            .then(|| selector(entity, "namespaceSelector"))
            .transpose()?;
        let mut pods = vec![at(Fact::Pod), at(Fact::Node).not()];
        pods.push(own.condition(&|key, value| endpoint(key, value, at)));
        match (&of, namespace) {
            (Some(of), _) => pods.push(of.condition(&|key, value| of_namespace(key, value, at))),
            (None, Some(namespace)) => pods.push(at(Fact::Namespace(namespace.to_owned()))),
            (None, None) => {}
        }
        let mut any = Vec::new();
        match &by_account {
            Some(account) => pods.extend(accounts(account, at)?),
            None => any.extend(around.selected(&own, of.as_ref(), namespace, at)),
        }
        any.push(Condition::All(pods));
        when.push(Condition::Any(any));
    }
    if given("notSelector")? {
        let not = selector(entity, "notSelector")?;
        let mut pods = vec![at(Fact::Pod), at(Fact::Node).not()];
        pods.push(not.condition(&|key, value| endpoint(key, value, at)));
        let mut any = around.selected(&not, None, None, at);
        any.push(Condition::All(pods));
        when.push(Condition::Any(any).not());
    }
    let known = [
        "nets",
        "notNets",
        "selector",
        "notSelector",
        "namespaceSelector",
        "serviceAccounts",
        "ports",
        "notPorts",
    ];
    when.extend(unread(entity, &known, Part::Selector));
    Ok(when)
}

fn accounts(item: &Object<'_>, at: fn(Fact) -> Condition) -> Result<Vec<Condition>, Fault> {
    let names = item.strings("names")?;
    let named = (!names.is_empty()).then(|| at(Fact::Account(Value::In(names))));
    let selected = selector(item, "selector")?.condition(&|key, value| of_account(key, value, at));
    Ok([selected].into_iter().chain(named).collect())
}

/// A prefix, or an address for itself.
fn net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| {
        text.parse()
            .ok()
            .map(|address: std::net::IpAddr| address.into())
    })
}

fn ports(entity: &Object<'_>, of_server: bool) -> Result<Vec<Condition>, Fault> {
    let mut when = Vec::new();
    for (key, negated) in [("ports", false), ("notPorts", true)] {
        let Some(raw) = entity.get(key).filter(|raw| raw.get() != "null") else {
            continue;
        };
        let values: Vec<serde_json::Value> = serde_json::from_str(raw.get())
            .map_err(|_| entity.fault(key, "it is no list of ports"))?;
        if values.is_empty() {
            continue;
        }
        if !of_server {
            when.push(Condition::Unknown(
                "the sender's port is not known".to_owned(),
            ));
            continue;
        }
        let mut any = Vec::new();
        for value in &values {
            any.push(
                port(value).ok_or_else(|| entity.fault(key, format!("`{value}` is no port")))?,
            );
        }
        let any = Condition::Any(any);
        when.push(if negated { any.not() } else { any });
    }
    Ok(when)
}

/// A number, `first:last`, or a name.
fn port(value: &serde_json::Value) -> Option<Condition> {
    if let Some(number) = value.as_u64() {
        let number = u16::try_from(number).ok()?;
        return Some(Condition::ports(number, number));
    }
    let text = value.as_str()?;
    if let Some((first, last)) = text.split_once(':') {
        return Some(Condition::ports(first.parse().ok()?, last.parse().ok()?));
    }
    Some(match text.parse() {
        Ok(number) => Condition::ports(number, number),
        Err(_) => Condition::NamedPort(text.to_owned()),
    })
}
