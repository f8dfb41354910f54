//! NetworkPolicy (`networking.k8s.io/v1`), as its specification has it.
//!
//! <https://kubernetes.io/docs/concepts/services-networking/network-policies/>

use super::condition::{Bearer, Condition, Fact};
use super::model::{Action, DEFAULT_TIER, Kind, NETWORK_POLICY, Policy, Rule, Rules};
use crate::evidence::kube::meta::PortRef;
use crate::evidence::kube::policy::{NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule};

/// The policy in the common form: it only allows, and isolates the pods that it selects.
pub(crate) fn compile(policy: &NetworkPolicy) -> Policy {
    let namespace = &policy.meta.namespace;
    let rules = |isolates, list: &[PolicyRule]| Rules {
        isolates,
        list: if isolates {
            list.iter().map(|one| rule(one, namespace)).collect()
        } else {
            Vec::new()
        },
    };
    Policy {
        kind: Kind::Network,
        tier: DEFAULT_TIER.to_owned(),
        object: format!("policy:{namespace}/{}", policy.meta.name),
        source: policy.meta.source.clone(),
        rank: NETWORK_POLICY,
        tie: String::new(),
        subject: Condition::All(vec![
            Condition::Own(Fact::Namespace(namespace.clone())),
            Condition::selected(&policy.pods, Bearer::Pod, Condition::Own),
        ]),
        ingress: rules(policy.isolates_ingress, &policy.ingress),
        egress: rules(policy.isolates_egress, &policy.egress),
    }
}

fn rule(rule: &PolicyRule, namespace: &str) -> Rule {
    // None given is all.
    let any = |conditions: Vec<Condition>| match conditions.is_empty() {
        true => Condition::ALWAYS,
        false => Condition::Any(conditions),
    };
    let peers = rule.peers.iter().map(|one| peer(one, namespace)).collect();
    Rule {
        action: Action::Allow,
        when: Condition::All(vec![
            any(peers),
            any(rule.ports.iter().map(port).collect()),
            Condition::Specified,
        ]),
        source: rule.source.clone(),
    }
}

fn peer(peer: &PolicyPeer, namespace: &str) -> Condition {
    match peer {
        PolicyPeer::IpBlock { cidr, except } => {
            let net = |net| Condition::Other(Fact::Net(net));
            let excepted = except.iter().map(|except| net(*except).not());
            Condition::All([net(*cidr)].into_iter().chain(excepted).collect())
        }
        PolicyPeer::Pods { pods, namespaces } => {
            let namespace = match namespaces {
                None => Condition::Other(Fact::Namespace(namespace.to_owned())),
                Some(selector) => {
                    Condition::selected(selector, Bearer::Namespace, Condition::Other)
                }
            };
            let pods = pods
                .as_ref()
                .map(|selector| Condition::selected(selector, Bearer::Pod, Condition::Other));
            let all = [Condition::Other(Fact::Pod), namespace];
            Condition::All(all.into_iter().chain(pods).collect())
        }
    }
}

fn port(port: &PolicyPort) -> Condition {
    let number = match (&port.port, port.end_port) {
        (None, _) => None,
        (Some(PortRef::Number(first)), last) => {
            Some(Condition::ports(*first, last.unwrap_or(*first)))
        }
        (Some(PortRef::Name(name)), None) => Some(Condition::NamedPort(name.clone())),
        (Some(PortRef::Name(name)), Some(_)) => Some(Condition::Unknown(format!(
            "`endPort` has no meaning beside the named port `{name}`"
        ))),
    };
    let all = [Condition::Protocol(port.protocol)];
    Condition::All(all.into_iter().chain(number).collect())
}
