//! `kube/networkpolicies.json`.

use std::sync::Arc;

use ipnet::IpNet;

use super::list;
use super::meta::{Meta, PortRef};
use super::protocol;
use super::selector::LabelSelector;
use crate::evidence::json::{Fault, Object};
use crate::flow::Protocol;
use crate::source::{Parsed, Source, SourceFile};

/// A network policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// Name, namespace …
    pub meta: Meta,
    /// The pods that it isolates.
    pub pods: LabelSelector,
    /// It isolates them for incoming traffic.
    pub isolates_ingress: bool,
    /// It isolates them for outgoing traffic.
    pub isolates_egress: bool,
    /// What may come in.
    pub ingress: Vec<PolicyRule>,
    /// What may go out.
    pub egress: Vec<PolicyRule>,
}

/// One allowance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRule {
    /// From or to whom; empty is everybody.
    pub peers: Vec<PolicyPeer>,
    /// On which ports; empty is all.
    pub ports: Vec<PolicyPort>,
    /// Where it stands.
    pub source: Source,
}

/// Whom an allowance is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyPeer {
    /// Addresses.
    IpBlock {
        /// These …
        cidr: IpNet,
        /// … without these.
        except: Vec<IpNet>,
    },
    /// Pods.
    Pods {
        /// Pods with these labels; `None` is all.
        pods: Option<LabelSelector>,
        /// In namespaces with these labels; `None` is the policy's own namespace.
        namespaces: Option<LabelSelector>,
    },
}

/// A port of an allowance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyPort {
    /// Its protocol; TCP unless given.
    pub protocol: Protocol,
    /// Its number or name; `None` is all.
    pub port: Option<PortRef>,
    /// Last port of a range that begins with `port`.
    pub end_port: Option<u16>,
}

/// Reads `kube/networkpolicies.json`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<NetworkPolicy>> {
    list(file, "NetworkPolicy", policy)
}

fn policy(item: &Object<'_>) -> Result<NetworkPolicy, Fault> {
    let meta = Meta::of(item)?;
    if let Some(version) = item.text("apiVersion")?
        && version.contains("projectcalico")
    {
        let message =
            format!("`{version}` is Calico's: its list is networkpolicies.crd.projectcalico.org");
        return Err(item.fault("apiVersion", message));
    }
    let spec = item.required("spec", item.object("spec")?)?;
    let ingress = rules(&spec, "ingress", "from")?;
    let egress = rules(&spec, "egress", "to")?;
    let types = spec.strings("policyTypes")?;
    // The API server's default: ingress always, egress where it has rules (`SetDefaults_NetworkPolicy`).
    let isolates = |name: &str, default: bool| {
        if types.is_empty() {
            default
        } else {
            types.iter().any(|kind| kind == name)
        }
    };
    Ok(NetworkPolicy {
        pods: selector(&spec, "podSelector")?.unwrap_or_default(),
        isolates_ingress: isolates("Ingress", true),
        isolates_egress: isolates("Egress", !egress.is_empty()),
        ingress,
        egress,
        meta,
    })
}

fn rules(spec: &Object<'_>, key: &str, peers: &str) -> Result<Vec<PolicyRule>, Fault> {
    spec.objects(key)?
        .iter()
        .map(|rule| {
            Ok(PolicyRule {
                peers: rule
                    .objects(peers)?
                    .iter()
                    .map(peer)
                    .collect::<Result<_, _>>()?,
                ports: rule
                    .objects("ports")?
                    .iter()
                    .map(port)
                    .collect::<Result<_, _>>()?,
                source: rule.source(),
            })
        })
        .collect()
}

fn peer(item: &Object<'_>) -> Result<PolicyPeer, Fault> {
    if let Some(block) = item.object("ipBlock")? {
        let prefix = |text: &str, key: &str| -> Result<IpNet, Fault> {
            text.parse()
                .map_err(|_| block.fault(key, format!("`{text}` is no prefix")))
        };
        let cidr = block.required("cidr", block.text("cidr")?)?;
        return Ok(PolicyPeer::IpBlock {
            cidr: prefix(&cidr, "cidr")?,
            except: block
                .strings("except")?
                .iter()
                .map(|text| prefix(text, "except"))
                .collect::<Result<_, _>>()?,
        });
    }
    let pods = selector(item, "podSelector")?;
    let namespaces = selector(item, "namespaceSelector")?;
    if pods.is_none() && namespaces.is_none() {
        return Err(Fault::new(
            item.pointer(),
            "neither `ipBlock` nor a selector is given",
        ));
    }
    Ok(PolicyPeer::Pods { pods, namespaces })
}

fn port(item: &Object<'_>) -> Result<PolicyPort, Fault> {
    Ok(PolicyPort {
        protocol: protocol(item)?,
        port: PortRef::of(item, "port")?,
        end_port: item.number("endPort")?,
    })
}

fn selector(item: &Object<'_>, key: &str) -> Result<Option<LabelSelector>, Fault> {
    item.object(key)?
        .map(|selector| LabelSelector::of(&selector))
        .transpose()
}
