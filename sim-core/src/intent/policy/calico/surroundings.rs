//! What Calico's policies refer to: network sets, tiers, namespaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;

use super::super::condition::{Condition, Fact};
use super::super::model::{Action, BASELINE, DEFAULT, DEFAULT_TIER};
use super::selector::Selector;
use super::{net, order};
use crate::evidence::json::{Fault, Object};
use crate::evidence::kube::list;
use crate::evidence::kube::meta::Meta;
use crate::source::{Parsed, SourceFile};

/// What the policies of a cluster refer to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    pub(crate) sets: Vec<NetworkSet>,
    /// Labels of namespaces by name; `None` where they were not captured.
    pub(crate) namespaces: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// There are host endpoints, which selectors may mean.
    pub(crate) host_endpoints: bool,
}

/// A NetworkSet or GlobalNetworkSet.
#[derive(Debug, Clone)]
pub(crate) struct NetworkSet {
    /// Empty for a global one.
    namespace: String,
    labels: BTreeMap<String, String>,
    nets: Vec<IpNet>,
}

/// A Tier.
#[derive(Debug, Clone)]
pub(crate) struct TierSpec {
    pub(crate) name: String,
    pub(crate) order: f64,
    pub(crate) end: Action,
}

/// Reads network sets of either kind.
pub(crate) fn network_sets(file: &Arc<SourceFile>) -> Parsed<Vec<NetworkSet>> {
    list(file, "", |item| {
        let meta = Meta::of(item)?;
        let spec = item.required("spec", item.object("spec")?)?;
        if !spec.strings("allowedEgressDomains")?.is_empty() {
            return Err(spec.fault("allowedEgressDomains", "domains are not decided"));
        }
        let mut nets = Vec::new();
        for text in spec.strings("nets")? {
            nets.push(
                net(&text).ok_or_else(|| spec.fault("nets", format!("`{text}` is no prefix")))?,
            );
        }
        let labels = kept_labels(item, &meta)?;
        Ok(NetworkSet {
            namespace: meta.namespace,
            labels,
            nets,
        })
    })
}

/// Calico keeps the labels of what it stores as custom resources in an annotation.
fn kept_labels(item: &Object<'_>, meta: &Meta) -> Result<BTreeMap<String, String>, Fault> {
    let mut labels = meta.labels.clone();
    if let Some(text) = meta.annotations.get("projectcalico.org/metadata") {
        let kept: serde_json::Value = serde_json::from_str(text).map_err(|_| {
            item.fault(
                "metadata",
                "its annotation projectcalico.org/metadata is no JSON",
            )
        })?;
        let kept = kept.get("labels").and_then(serde_json::Value::as_object);
        for (key, value) in kept.into_iter().flatten() {
            if let Some(value) = value.as_str() {
                labels.insert(key.clone(), value.to_owned());
            }
        }
    }
    Ok(labels)
}

/// Reads tiers.
pub(crate) fn tiers(file: &Arc<SourceFile>) -> Parsed<Vec<TierSpec>> {
    list(file, "Tier", |item| {
        let meta = Meta::of(item)?;
        let spec = item.required("spec", item.object("spec")?)?;
        let standard = match meta.name.as_str() {
            DEFAULT_TIER => DEFAULT,
            "baselineadminnetworkpolicy" | "kube-baseline" => BASELINE,
            _ => f64::INFINITY,
        };
        let end = match spec.text("defaultAction")?.as_deref() {
            Some("Pass") => Action::Pass,
            None | Some("Deny") => Action::Deny,
            Some(other) => {
                return Err(spec.fault("defaultAction", format!("`{other}` is no action")));
            }
        };
        Ok(TierSpec {
            order: order(&spec)?.unwrap_or(standard),
            name: meta.name,
            end,
        })
    })
}

impl Surroundings {
    /// What else than pods a rule's selectors mean: the addresses of network sets, and host endpoints.
    pub(super) fn selected(
        &self,
        own: &Selector,
        of: Option<&Selector>,
        namespace: Option<&str>,
        at: fn(Fact) -> Condition,
    ) -> Vec<Condition> {
        let mut any = Vec::new();
        for set in &self.sets {
            let labels = |key: &str| match key {
                "projectcalico.org/namespace" => {
                    (!set.namespace.is_empty()).then(|| set.namespace.clone())
                }
                key => set.labels.get(key).cloned(),
            };
            if !own.holds(&labels) {
                continue;
            }
            let in_scope = match (of, namespace) {
                (Some(of), _) if set.namespace.is_empty() => Some(of.means_global()),
                (Some(of), _) => self.namespaces.as_ref().map(|known| {
                    let labels = known.get(&set.namespace);
                    of.holds(&|key: &str| match key {
                        "projectcalico.org/name" => Some(set.namespace.clone()),
                        key => labels?.get(key).cloned(),
                    })
                }),
                (None, Some(namespace)) => Some(set.namespace == namespace),
                (None, None) => Some(true),
            };
            let nets = set.nets.iter().map(|net| at(Fact::Net(*net)));
            let nets = Condition::Any(nets.collect());
            match in_scope {
                Some(true) => any.push(nets),
                Some(false) => {}
                None => any.push(Condition::All(vec![
                    nets,
                    Condition::Unknown("the namespaces were not captured".to_owned()),
                ])),
            }
        }
        let meant = match (of, namespace) {
            (Some(of), _) => of.means_global(),
            (None, namespace) => namespace.is_none(),
        };
        if self.host_endpoints && meant {
            any.push(Condition::All(vec![
                at(Fact::Node),
                Condition::Unknown(
                    "whether a selector means a host endpoint is not decided".to_owned(),
                ),
            ]));
        }
        any
    }
}
