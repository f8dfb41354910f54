//! The ConfigMaps that a snapshot can hold, and their keys.

use serde_json::{Map, Value};

/// How the value of a key is kept.
#[derive(Clone, Copy)]
enum Keep {
    /// As it is.
    Whole,
    /// As a Corefile, with the directives that say where names are looked up.
    Corefile,
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
    ("coredns", &[("Corefile", Keep::Corefile)]),
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
    ("node-local-dns", &[("Corefile", Keep::Corefile)]),
    ("nodelocaldns", &[("Corefile", Keep::Corefile)]),
    (
        "tke-cni-agent-conf",
        &[
            ("00-multus.conf", Keep::Json),
            ("tke-bridge.conf", Keep::Json),
        ],
    ),
];

/// CoreDNS directives and options without credentials.
const COREFILE: &[&str] = &[
    "acl",
    "allow",
    "any",
    "autopath",
    "bind",
    "block",
    "bufsize",
    "cache",
    "cancel",
    "class",
    "consolidate",
    "denial",
    "disable",
    "dns64",
    "drop",
    "endpoint_pod_names",
    "errors",
    "except",
    "expire",
    "fallthrough",
    "filter",
    "force_tcp",
    "forward",
    "header",
    "health",
    "health_check",
    "hosts",
    "ignore",
    "keepttl",
    "import",
    "kubernetes",
    "labels",
    "lameduck",
    "loadbalance",
    "local",
    "log",
    "loop",
    "max_concurrent",
    "max_fails",
    "minimal",
    "multicluster",
    "name",
    "namespace_labels",
    "namespaces",
    "next",
    "no_reverse",
    "nodecache",
    "noendpoints",
    "policy",
    "pods",
    "prefer_udp",
    "prefetch",
    "prometheus",
    "proxy",
    "ready",
    "reload",
    "rewrite",
    "root",
    "serve_stale",
    "servfail",
    "success",
    "template",
    "answer",
    "match",
    "rcode",
    "ttl",
    "upstream",
    "view",
    "whoami",
    "zonal",
];

/// Plugins that answer names themselves; of their lines the name stays, so that nobody takes them not to be there.
const ANSWERING: &[&str] = &[
    "auto",
    "azure",
    "clouddns",
    "etcd",
    "file",
    "grpc",
    "k8s_external",
    "nodes",
    "route53",
    "secondary",
];
/// Plugins that answer nothing, of whose lines nothing stays.
const SILENT: &[&str] = &[
    "chaos",
    "debug",
    "dnssec",
    "dnstap",
    "geoip",
    "metadata",
    "multisocket",
    "nsid",
    "on",
    "pprof",
    "quic",
    "sign",
    "timeouts",
    "tls",
    "trace",
    "transfer",
    "tsig",
];
/// Stands for a plugin, an option or a server block's key that nobody listed.
const LEFT_OUT: &str = "left-out";

/// A Corefile without comments and without directives that may hold credentials (`route53`, `etcd`, `tls` …).
fn corefile(text: &str) -> String {
    let mut kept = String::new();
    // Depth of a block that is left out, and of those that are kept.
    let mut dropped = 0_usize;
    let mut depth = 0_usize;
    for line in text.lines() {
        let code = line.split('#').next().unwrap_or_default().trim_end();
        let word = code.split_whitespace().next().unwrap_or_default();
        let opens = code.ends_with('{');
        if dropped > 0 {
            dropped = (dropped + usize::from(opens)).saturating_sub(usize::from(word == "}"));
            continue;
        }
        let is_zone = opens && !code.starts_with([' ', '\t']);
        let is_host = word.parse::<std::net::IpAddr>().is_ok();
        if word == "}" || is_zone || is_host || COREFILE.contains(&word) {
            kept.push_str(code);
            kept.push('\n');
            depth = (depth + usize::from(opens)).saturating_sub(usize::from(word == "}"));
            continue;
        }
        let silent = depth == 1 && SILENT.contains(&word);
        if !word.is_empty() && !silent {
            let indent = code.len().saturating_sub(code.trim_start().len());
            let name = ANSWERING.iter().find(|name| **name == word);
            kept.push_str(code.get(..indent).unwrap_or_default());
            kept.push_str(name.unwrap_or(&LEFT_OUT));
            kept.push('\n');
        }
        dropped = usize::from(opens);
    }
    kept
}

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
            Keep::Corefile => corefile(&text),
            Keep::Json => {
                let value = super::secret::without_secrets(serde_json::from_str(&text).ok()?);
                serde_json::to_string(&value).ok()?
            }
        };
        Some((key, Value::String(text)))
    };
    Some(data.into_iter().filter_map(keep).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corefile_keeps_where_names_are_looked_up_and_no_credentials() {
        let text = ".:53 {\n    errors # why\n    route53 example.org.:Z1 {\n        aws_access_key CANARY CANARY\n    }\n    fancy CANARY {\n        more CANARY\n    }\n    tls CANARY\n    forward . 192.0.2.1 {\n        max_concurrent 9\n    }\n}\n";
        let kept = ".:53 {\n    errors\n    route53\n    left-out\n    forward . 192.0.2.1 {\n        max_concurrent 9\n    }\n}\n";
        assert_eq!(corefile(text), kept);
        assert_eq!(corefile(kept), kept);
    }

    #[test]
    fn what_a_corefile_loses_is_marked_at_every_depth() {
        let text = "a.example,\n.:53 {\n    kubernetes {\n        kubeconfig CANARY\n        zonal\n    }\n    rewrite stop {\n        name exact a.example b.example\n    }\n}\n";
        let kept = "left-out\n.:53 {\n    kubernetes {\n        left-out\n        zonal\n    }\n    rewrite stop {\n        name exact a.example b.example\n    }\n}\n";
        assert_eq!(corefile(text), kept);
        assert!(corefile(".:53\nforward . 192.0.2.1\n").starts_with("left-out\n"));
    }
}
