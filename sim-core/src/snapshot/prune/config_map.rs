//! The ConfigMaps that a snapshot can hold, and their keys.

use serde_json::{Map, Value};

/// How the value of a key is kept.
#[derive(Clone, Copy)]
enum Keep {
    /// As it is.
    Whole,
    /// As JSON, without the fields that look like secrets; dropped where it is not JSON.
    Json,
}

/// Names, each with the keys that stay.
const CONFIG_MAPS: &[(&str, &[(&str, Keep)])] = &[
    (
        "calico-config",
        &[
            ("calico_backend", Keep::Whole),
            ("cni_network_config", Keep::Json),
            ("typha_service_name", Keep::Whole),
            ("veth_mtu", Keep::Whole),
        ],
    ),
    ("coredns", &[("Corefile", Keep::Whole)]),
    (
        "eni-config",
        &[
            ("10-terway.conf", Keep::Json),
            ("10-terway.conflist", Keep::Json),
            ("disable_network_policy", Keep::Whole),
            ("eni_conf", Keep::Json),
            ("in_cluster_loadbalance", Keep::Whole),
        ],
    ),
    ("ip-masq-agent", &[("config", Keep::Whole)]),
    ("ip-masq-agent-config", &[("config", Keep::Whole)]),
    (
        "kube-dns",
        &[
            ("stubDomains", Keep::Whole),
            ("upstreamNameservers", Keep::Whole),
        ],
    ),
    (
        "kube-flannel-cfg",
        &[("cni-conf.json", Keep::Json), ("net-conf.json", Keep::Json)],
    ),
    (
        "flannel",
        &[("cni-conf.json", Keep::Json), ("net-conf.json", Keep::Json)],
    ),
    // kubeconfig.conf stands beside it and can hold a token: it is not listed.
    ("kube-proxy", &[("config.conf", Keep::Whole)]),
    ("kube-proxy-worker", &[("config.conf", Keep::Whole)]),
    ("kube-router-cfg", &[("cni-conf.json", Keep::Json)]),
    ("node-local-dns", &[("Corefile", Keep::Whole)]),
    (
        "tke-cni-agent-conf",
        &[
            ("00-multus.conf", Keep::Json),
            ("tke-bridge.conf", Keep::Json),
        ],
    ),
];

/// The data that stays of the ConfigMap `name`; nothing where it is not listed.
pub(super) fn data(name: &str, data: Map<String, Value>) -> Option<Map<String, Value>> {
    let (_, keys) = CONFIG_MAPS.iter().find(|(listed, _)| *listed == name)?;
    let keep = |(key, value): (String, Value)| {
        let (_, keep) = keys.iter().find(|(listed, _)| *listed == key)?;
        let Value::String(text) = value else {
            return None;
        };
        let text = match keep {
            Keep::Whole => text,
            Keep::Json => {
                let value = super::secret::without_secrets(serde_json::from_str(&text).ok()?);
                serde_json::to_string(&value).ok()?
            }
        };
        Some((key, Value::String(text)))
    };
    Some(data.into_iter().filter_map(keep).collect())
}
