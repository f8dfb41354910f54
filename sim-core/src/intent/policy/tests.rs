//! The specification's own sentences, one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Connection, Direction, End, Ruling, rule};
use crate::evidence::kube::pod::{self, Pod};
use crate::evidence::kube::policy::{self, NetworkPolicy};
use crate::flow::Protocol;
use crate::source::SourceFile;

fn file(path: &str, items: &str) -> Arc<SourceFile> {
    let text = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{items}]}}"#);
    crate::evidence::source_file(path, text.as_bytes()).value
}

fn pods() -> Vec<Pod> {
    let one = |ns: &str, name: &str, label: &str, ip: &str, node: &str| {
        format!(
            r#"{{"kind":"Pod","metadata":{{"name":"{name}","namespace":"{ns}","uid":"{name}","labels":{{"app":"{label}"}}}},
            "spec":{{"nodeName":"{node}","containers":[{{"name":"c","ports":[{{"name":"web","containerPort":8080}}]}}]}},
            "status":{{"podIP":"{ip}"}}}}"#
        )
    };
    let items = [
        one("shop", "db", "db", "10.0.0.1", "n1"),
        one("shop", "api", "api", "10.0.0.2", "n1"),
        one("other", "api2", "api", "10.0.1.2", "n2"),
    ]
    .join(",");
    let parsed = pod::parse(&file("kube/pods.json", &items));
    assert_eq!(parsed.problems, []);
    parsed.value
}

fn policies(specs: &[&str]) -> Vec<NetworkPolicy> {
    let items: Vec<String> = specs
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            format!(
                r#"{{"kind":"NetworkPolicy","metadata":{{"name":"p{index}","namespace":"shop"}},"spec":{spec}}}"#
            )
        })
        .collect();
    let parsed = policy::parse(&file("kube/networkpolicies.json", &items.join(",")));
    assert_eq!(parsed.problems, []);
    parsed.value
}

/// What becomes of a connection from pod `from` (or, if that is none of them, that address) to pod `to`.
fn ruled(specs: &[&str], direction: Direction, from: &str, to: &str, port: u16) -> &'static str {
    let pods = pods();
    let policies = policies(specs);
    let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
    let end = |name: &str| {
        let pod = pods.iter().find(|pod| pod.meta.name == name);
        End {
            address: pod
                .and_then(|pod| pod.ips.first().copied())
                .or_else(|| name.parse().ok())
                .unwrap_or_else(|| "10.9.0.1".parse().expect("an address")),
            pod,
            namespace_labels: pod
                .filter(|pod| pod.meta.namespace == "other")
                .map(|_| &labels),
            node: ["n1", "n2"].into_iter().find(|node| *node == name),
        }
    };
    let connection = Connection {
        from: end(from),
        to: end(to),
        protocol: Protocol::Tcp,
        port,
    };
    match rule(&policies, direction, &connection) {
        Ruling::NotIsolated(_) => "not isolated",
        Ruling::Allowed(_) => "allowed",
        Ruling::Denied(_) => "denied",
        Ruling::Unknown(_) => "unknown",
    }
}

#[test]
fn isolation_is_per_direction_and_per_namespace() {
    let ingress = r#"{"podSelector":{},"policyTypes":["Ingress"]}"#;
    let cases = [
        (Direction::Ingress, "api", "db", "denied"),
        (Direction::Egress, "db", "api", "not isolated"),
        (Direction::Ingress, "db", "api2", "not isolated"),
        (Direction::Ingress, "db", "db", "not isolated"),
        (Direction::Ingress, "n1", "db", "not isolated"),
        (Direction::Ingress, "n2", "db", "denied"),
    ];
    for (direction, from, to, expected) in cases {
        assert_eq!(
            ruled(&[ingress], direction, from, to, 80),
            expected,
            "{from} to {to}"
        );
    }
}

#[test]
fn peers() {
    let with = |peer: &str| {
        format!(
            r#"{{"podSelector":{{"matchLabels":{{"app":"db"}}}},"ingress":[{{"from":[{peer}]}}]}}"#
        )
    };
    let cases = [
        (
            r#"{"podSelector":{"matchLabels":{"app":"api"}}}"#,
            "api",
            "allowed",
        ),
        // Without a namespaceSelector only the policy's own namespace counts.
        (
            r#"{"podSelector":{"matchLabels":{"app":"api"}}}"#,
            "api2",
            "denied",
        ),
        (
            r#"{"namespaceSelector":{"matchLabels":{"team":"a"}}}"#,
            "api2",
            "allowed",
        ),
        // Both selectors in one peer must hold.
        (
            r#"{"namespaceSelector":{"matchLabels":{"team":"a"}},"podSelector":{"matchLabels":{"app":"x"}}}"#,
            "api2",
            "denied",
        ),
        // In two peers one is enough.
        (
            r#"{"namespaceSelector":{"matchLabels":{"team":"a"}}},{"podSelector":{"matchLabels":{"app":"x"}}}"#,
            "api2",
            "allowed",
        ),
        // The labels of this pod's namespace were not captured.
        (
            r#"{"namespaceSelector":{"matchLabels":{"team":"a"}}}"#,
            "api",
            "unknown",
        ),
        (
            r#"{"ipBlock":{"cidr":"198.51.100.0/24","except":["198.51.100.8/29"]}}"#,
            "198.51.100.1",
            "allowed",
        ),
        (
            r#"{"ipBlock":{"cidr":"198.51.100.0/24","except":["198.51.100.8/29"]}}"#,
            "198.51.100.9",
            "denied",
        ),
    ];
    for (peer, from, expected) in cases {
        assert_eq!(
            ruled(&[&with(peer)], Direction::Ingress, from, "db", 80),
            expected,
            "{from} with {peer}"
        );
    }
}

#[test]
fn ports() {
    let with = |port: &str| {
        format!(
            r#"{{"podSelector":{{}},"policyTypes":["Egress"],"egress":[{{"ports":[{port}]}}]}}"#
        )
    };
    let cases = [
        (r#"{"port":80}"#, 80, "allowed"),
        (r#"{"port":80,"protocol":"UDP"}"#, 80, "denied"),
        (r#"{"port":80,"endPort":90}"#, 90, "allowed"),
        (r#"{"port":80,"endPort":90}"#, 91, "denied"),
        // A name is one of the pod that is connected to.
        (r#"{"port":"web"}"#, 8080, "allowed"),
        (r#"{"port":"web"}"#, 80, "denied"),
        (r#"{"protocol":"TCP"}"#, 4711, "allowed"),
    ];
    for (port, number, expected) in cases {
        assert_eq!(
            ruled(&[&with(port)], Direction::Egress, "api", "db", number),
            expected,
            "{number} with {port}"
        );
    }
}

#[test]
fn policies_add_up() {
    let deny = r#"{"podSelector":{},"policyTypes":["Ingress"]}"#;
    let allow = r#"{"podSelector":{"matchLabels":{"app":"db"}},"ingress":[{}]}"#;
    let nobody = r#"{"podSelector":{"matchLabels":{"app":"none"}},"ingress":[{}]}"#;
    assert_eq!(
        ruled(&[deny, allow], Direction::Ingress, "api", "db", 1),
        "allowed"
    );
    assert_eq!(
        ruled(&[deny, nobody], Direction::Ingress, "api", "db", 1),
        "denied"
    );
    assert_eq!(
        ruled(&[nobody], Direction::Ingress, "api", "db", 1),
        "not isolated"
    );
}
