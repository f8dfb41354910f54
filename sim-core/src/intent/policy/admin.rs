//! The cluster's administrators' policies (`policy.networking.k8s.io`): AdminNetworkPolicy and
//! BaselineAdminNetworkPolicy (v1alpha1), ClusterNetworkPolicy (v1alpha2).
//!
//! <https://network-policy-api.sigs.k8s.io/api-overview/>

use std::sync::Arc;

use ipnet::IpNet;

use super::condition::{Bearer, Condition, Fact};
use super::model::{ADMIN_TIER, Action, BASELINE_TIER, Kind, Policy, Rule, Rules};
use super::unread::{Part, unread};
use crate::evidence::json::{Fault, Object};
use crate::evidence::kube::list;
use crate::evidence::kube::meta::Meta;
use crate::evidence::kube::selector::LabelSelector;
use crate::flow::Protocol;
use crate::source::{Parsed, SourceFile};

/// Reads any of the three kinds.
pub(crate) fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Policy>> {
    list(file, "", policy)
}

fn policy(item: &Object<'_>) -> Result<Policy, Fault> {
    let meta = Meta::of(item)?;
    let spec = item.required("spec", item.object("spec")?)?;
    let kind = item.text("kind")?.unwrap_or_default();
    let tier = match (kind.as_str(), spec.text("tier")?.as_deref()) {
        ("AdminNetworkPolicy", _) | ("ClusterNetworkPolicy", Some("Admin")) => ADMIN_TIER,
        ("BaselineAdminNetworkPolicy", _) | ("ClusterNetworkPolicy", Some("Baseline")) => {
            BASELINE_TIER
        }
        (_, tier) => {
            let tier = tier.unwrap_or_default();
            let message = format!("`{kind}` of the tier `{tier}` is none that is known");
            return Err(Fault::new(item.pointer(), message));
        }
    };
    let priority: Option<u16> = spec.number("priority")?;
    let subject = spec.required("subject", spec.object("subject")?)?;
    let mut whom = vec![Condition::Own(Fact::Pod), Condition::Own(Fact::Node).not()];
    whom.push(pods(&subject, Condition::Own)?);
    Ok(Policy {
        kind: Kind::Admin,
        tier: tier.to_owned(),
        object: format!("policy:{}", meta.name),
        source: meta.source,
        rank: f64::from(priority.unwrap_or(0)),
        tie: String::new(),
        subject: Condition::All(whom),
        ingress: rules(&spec, "ingress", "from")?,
        egress: rules(&spec, "egress", "to")?,
    })
}

fn rules(spec: &Object<'_>, key: &str, peers: &str) -> Result<Rules, Fault> {
    let mut list = Vec::new();
    for rule in spec.objects(key)? {
        let action = match rule.text("action")?.as_deref() {
            Some("Allow" | "Accept") => Action::Allow,
            Some("Deny") => Action::Deny,
            Some("Pass") => Action::Pass,
            other => {
                let message = format!("`{}` is no action", other.unwrap_or_default());
                return Err(rule.fault("action", message));
            }
        };
        let mut whom = Vec::new();
        for one in rule.objects(peers)? {
            whom.push(peer(&one)?);
        }
        let mut when = vec![Condition::Any(whom)];
        when.extend(ports(&rule)?);
        when.extend(unread(
            &rule,
            &["name", "action", "ports", "protocols", peers],
            Part::Rule,
        ));
        list.push(Rule {
            action,
            when: Condition::All(when),
            source: rule.source(),
        });
    }
    Ok(Rules {
        isolates: false,
        list,
    })
}

/// `namespaces` or `pods`; pods of a host's network are not meant.
fn pods(item: &Object<'_>, at: fn(Fact) -> Condition) -> Result<Condition, Fault> {
    let mut all = vec![at(Fact::Pod), at(Fact::Node).not()];
    if item.has("namespaces") {
        all.extend(selected(item, "namespaces", Bearer::Namespace, at)?);
    } else if let Some(pods) = item.object("pods")? {
        all.extend(selected(&pods, "namespaceSelector", Bearer::Namespace, at)?);
        all.extend(selected(&pods, "podSelector", Bearer::Pod, at)?);
        let known = ["namespaceSelector", "podSelector"];
        all.extend(unread(&pods, &known, Part::Selector));
    }
    all.extend(unread(item, &["namespaces", "pods"], Part::Selector));
    Ok(Condition::All(all))
}

/// The selector under `key`; all of `bearer` where it is missing. What v0.1 of the interface wrapped around it
/// (`namespaceSelector`, `sameLabels`, `notSameLabels`) is not passed over.
fn selected(
    item: &Object<'_>,
    key: &str,
    bearer: Bearer,
    at: fn(Fact) -> Condition,
) -> Result<Vec<Condition>, Fault> {
    let Some(selector) = item.object(key)? else {
        return Ok(Vec::new());
    };
    let known = ["matchLabels", "matchExpressions"];
    let strange = unread(&selector, &known, Part::Selector);
    let labels = Condition::selected(&LabelSelector::of(&selector)?, bearer, at);
    Ok([labels].into_iter().chain(strange).collect())
}

fn peer(item: &Object<'_>) -> Result<Condition, Fault> {
    if item.has("namespaces") || item.has("pods") {
        return pods(item, Condition::Other);
    }
    if let Some(nodes) = item.object("nodes")? {
        let nodes =
            Condition::selected(&LabelSelector::of(&nodes)?, Bearer::Node, Condition::Other);
        return Ok(Condition::All(vec![Condition::Other(Fact::Node), nodes]));
    }
    if item.has("networks") {
        let mut networks = Vec::new();
        for text in item.strings("networks")? {
            let net: IpNet = text
                .parse()
                .map_err(|_| item.fault("networks", format!("`{text}` is no prefix")))?;
            networks.push(Condition::Other(Fact::Net(net)));
        }
        return Ok(Condition::Any(networks));
    }
    // `domainNames`, or a field of a newer version.
    let field = item.keys().next().unwrap_or("nothing");
    Ok(Condition::Unknown(format!(
        "a peer by `{field}` is not decided"
    )))
}

/// The ports of a rule, as either version writes them; none where it is about all traffic.
fn ports(rule: &Object<'_>) -> Result<Option<Condition>, Fault> {
    let mut any = Vec::new();
    for port in rule.objects("ports")? {
        let known = ["portNumber", "portRange", "namedPort"];
        any.extend(unread(&port, &known, Part::Port));
        if let Some(number) = port.object("portNumber")? {
            let of = number.required("port", number.number("port")?)?;
            any.push(on(protocol(&number)?, Some((of, of))));
        }
        if let Some(range) = port.object("portRange")? {
            let start = range.required("start", range.number("start")?)?;
            let end = range.required("end", range.number("end")?)?;
            any.push(on(protocol(&range)?, Some((start, end))));
        }
        any.extend(port.text("namedPort")?.map(Condition::NamedPort));
    }
    for port in rule.objects("protocols")? {
        let known = ["tcp", "udp", "sctp", "destinationNamedPort"];
        any.extend(unread(&port, &known, Part::Port));
        for (key, protocol) in [
            ("tcp", Protocol::Tcp),
            ("udp", Protocol::Udp),
            ("sctp", Protocol::Sctp),
        ] {
            if let Some(part) = port.object(key)? {
                let range = destination_port(&part)?;
                any.push(on(protocol, range));
            }
        }
        any.extend(port.text("destinationNamedPort")?.map(Condition::NamedPort));
    }
    let given = rule.has("ports") || rule.has("protocols");
    Ok((given && !any.is_empty()).then_some(Condition::Any(any)))
}

fn destination_port(part: &Object<'_>) -> Result<Option<(u16, u16)>, Fault> {
    let Some(port) = part.object("destinationPort")? else {
        return Ok(None);
    };
    if let Some(range) = port.object("range")? {
        let start = range.required("start", range.number("start")?)?;
        let end = range.required("end", range.number("end")?)?;
        return Ok(Some((start, end)));
    }
    let number: u16 = port.required("number", port.number("number")?)?;
    Ok(Some((number, number)))
}

fn protocol(item: &Object<'_>) -> Result<Protocol, Fault> {
    match item.text("protocol")?.as_deref() {
        None | Some("TCP") => Ok(Protocol::Tcp),
        Some("UDP") => Ok(Protocol::Udp),
        Some("SCTP") => Ok(Protocol::Sctp),
        Some(other) => Err(item.fault("protocol", format!("`{other}` is no protocol"))),
    }
}

fn on(protocol: Protocol, ports: Option<(u16, u16)>) -> Condition {
    let ports = ports.map(|(first, last)| Condition::ports(first, last));
    let all = [Condition::Protocol(protocol)];
    Condition::All(all.into_iter().chain(ports).collect())
}
