//! Keeping only what an allow-list names of a JSON value.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// An allow-list as a tree, built from patterns such as `spec.ports[].port`.
///
/// A pattern keeps the scalar at its end, or an array of scalars where it ends in `[]`. `.*` keeps every scalar of a
/// map, `.**` everything below (without keys that look like secrets).
/// `metadata.annotations` is special: its keys must match [`ANNOTATIONS`].
#[derive(Debug, Default)]
pub(crate) struct Allow {
    fields: BTreeMap<&'static str, Allow>,
    items: Option<Box<Allow>>,
    every: Option<Every>,
    scalar: bool,
}

#[derive(Debug, Clone, Copy)]
enum Every {
    /// Every scalar of a map.
    Scalar,
    /// Everything below.
    Anything,
    /// The scalars whose keys are network annotations.
    Annotation,
}

/// Annotations that configure the network: exact keys, or prefixes where they end in `*`.
pub(crate) const ANNOTATIONS: &[&str] = &[
    "alb.ingress.kubernetes.io/*",
    "cni.projectcalico.org/*",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "endpoints.kubernetes.io/over-capacity",
    "flannel.alpha.coreos.com/*",
    "ingressclass.kubernetes.io/is-default-class",
    "ipam.cilium.io/*",
    "k8s.aliyun.com/*",
    "k8s.v1.cni.cncf.io/*",
    "kube-router.io/*",
    "kubernetes.io/egress-bandwidth",
    "kubernetes.io/ingress-bandwidth",
    "kubernetes.io/ingress.class",
    "network.alibabacloud.com/*",
    "nginx.ingress.kubernetes.io/affinity",
    "nginx.ingress.kubernetes.io/allowlist-source-range",
    "nginx.ingress.kubernetes.io/app-root",
    "nginx.ingress.kubernetes.io/backend-protocol",
    "nginx.ingress.kubernetes.io/canary",
    "nginx.ingress.kubernetes.io/denylist-source-range",
    "nginx.ingress.kubernetes.io/force-ssl-redirect",
    "nginx.ingress.kubernetes.io/from-to-www-redirect",
    "nginx.ingress.kubernetes.io/rewrite-target",
    "nginx.ingress.kubernetes.io/server-alias",
    "nginx.ingress.kubernetes.io/ssl-passthrough",
    "nginx.ingress.kubernetes.io/ssl-redirect",
    "nginx.ingress.kubernetes.io/use-regex",
    "nginx.ingress.kubernetes.io/whitelist-source-range",
    "projectcalico.org/*",
    "service.alpha.kubernetes.io/tolerate-unready-endpoints",
    "service.beta.kubernetes.io/*",
    "service.cloud.tencent.com/*",
    "service.kubernetes.io/*",
    "tke.cloud.tencent.com/*",
];

/// Annotations of HTTP proxies, which may hold anything: their keys stay, their values become [`PRUNED`].
pub(crate) const PROXY_ANNOTATIONS: &[&str] = &[
    "haproxy-ingress.github.io/",
    "haproxy.org/",
    "ingress.kubernetes.io/",
    "konghq.com/",
    "nginx.ingress.kubernetes.io/",
    "nginx.org/",
    "traefik.ingress.kubernetes.io/",
];

/// What stands for a value that was dropped although its key was kept.
pub(crate) const PRUNED: &str = "(pruned)";

impl Allow {
    /// Builds the tree of `patterns`.
    pub(crate) fn of(patterns: impl Iterator<Item = &'static str>) -> Self {
        let mut root = Self::default();
        for pattern in patterns {
            root.add(pattern);
        }
        root
    }

    fn add(&mut self, pattern: &'static str) {
        let (step, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
        let mut node = match step {
            "" => {
                self.scalar = true;
                return;
            }
            "*" => {
                self.every = Some(Every::Scalar);
                return;
            }
            "**" => {
                self.every = Some(Every::Anything);
                return;
            }
            "<network>" => {
                self.every = Some(Every::Annotation);
                return;
            }
            step => self.fields.entry(step.trim_end_matches("[]")).or_default(),
        };
        if step.ends_with("[]") {
            node = node.items.get_or_insert_default();
        }
        node.add(rest);
    }

    /// What is allowed of `value`; nothing where it is not allowed at all.
    /// Items of an array keep their places: those of which nothing is allowed become null.
    pub(crate) fn prune(&self, value: Value) -> Option<Value> {
        match value {
            Value::Object(map) => self.prune_map(map).map(Value::Object),
            Value::Array(items) => {
                if let Some(Every::Anything) = self.every {
                    return Some(super::secret::without_secrets(Value::Array(items)));
                }
                let allow = self.items.as_ref()?;
                Some(Value::Array(
                    items
                        .into_iter()
                        .map(|item| allow.prune(item).unwrap_or(Value::Null))
                        .collect(),
                ))
            }
            Value::Null => Some(Value::Null),
            scalar @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                (self.scalar || matches!(self.every, Some(Every::Anything))).then_some(scalar)
            }
        }
    }

    fn prune_map(&self, map: Map<String, Value>) -> Option<Map<String, Value>> {
        if let Some(Every::Anything) = self.every {
            return match super::secret::without_secrets(Value::Object(map)) {
                Value::Object(map) => Some(map),
                _ => None,
            };
        }
        if self.fields.is_empty() && self.every.is_none() {
            return None;
        }
        let keep = |(key, value): (String, Value)| {
            let is_scalar = !matches!(value, Value::Object(_) | Value::Array(_));
            let value = match (self.fields.get(key.as_str()), self.every) {
                (Some(allow), _) => allow.prune(value),
                (None, Some(Every::Scalar)) => Some(value).filter(|_| is_scalar),
                (None, Some(Every::Annotation)) if is_network_annotation(&key) => {
                    Some(value).filter(|_| is_scalar)
                }
                (None, Some(Every::Annotation)) => PROXY_ANNOTATIONS
                    .iter()
                    .any(|prefix| key.starts_with(prefix))
                    .then(|| Value::String(PRUNED.to_owned())),
                (None, Some(Every::Anything) | None) => None,
            };
            value.map(|value| (key, value))
        };
        Some(map.into_iter().filter_map(keep).collect())
    }
}

fn is_network_annotation(key: &str) -> bool {
    ANNOTATIONS
        .iter()
        .any(|allowed| match allowed.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == *allowed,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(patterns: &[&'static str], value: Value, expected: Value) {
        assert_eq!(
            Allow::of(patterns.iter().copied()).prune(value),
            Some(expected)
        );
    }

    #[test]
    fn only_what_is_named_stays() {
        check(
            &["a.b"],
            json!({"a": {"b": 1, "c": 2}, "d": 3}),
            json!({"a": {"b": 1}}),
        );
        check(
            &["a[].b"],
            json!({"a": [{"b": 1, "c": 2}, {"c": 3}]}),
            json!({"a": [{"b": 1}, {}]}),
        );
        check(
            &["labels.*"],
            json!({"labels": {"x": "y", "deep": {"z": 1}}}),
            json!({"labels": {"x": "y"}}),
        );
        check(
            &["spec.**"],
            json!({"spec": {"a": [{"b": {}}]}, "data": 1}),
            json!({"spec": {"a": [{"b": {}}]}}),
        );
    }

    #[test]
    fn array_items_keep_their_places() {
        check(
            &["a[]"],
            json!({"a": [1, {"secret": 2}, 3]}),
            json!({"a": [1, null, 3]}),
        );
    }

    #[test]
    fn a_map_where_a_scalar_is_allowed_does_not_stay() {
        check(&["name"], json!({"name": {"secret": "x"}}), json!({}));
    }

    #[test]
    fn annotations_stay_where_they_are_of_the_network() {
        check(
            &["annotations.<network>"],
            json!({"annotations": {"projectcalico.org/IPv4Address": "192.0.2.1/24",
                "kubectl.kubernetes.io/last-applied-configuration": "{}", "projectcalico.orgx": "no"}}),
            json!({"annotations": {"projectcalico.org/IPv4Address": "192.0.2.1/24"}}),
        );
    }
}
