//! The specification's own sentences, one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Direction, End, Policies, Ruling, rule};
use crate::evidence::kube::pod::{self, Pod};
use crate::evidence::kube::policy;
use crate::flow::Protocol;
use crate::source::SourceFile;

fn file(path: &str, items: &str) -> Arc<SourceFile> {
    let text = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{items}]}}"#);
    crate::evidence::source_file(path, text.as_bytes()).value
}

fn pods() -> Vec<Pod> {
    let of = |ns: &str, name: &str, label: &str, ip: &str, node: &str, host: bool| {
        format!(
            r#"{{"kind":"Pod","metadata":{{"name":"{name}","namespace":"{ns}","uid":"{name}","labels":{{"app":"{label}"}}}},
            "spec":{{"nodeName":"{node}","hostNetwork":{host},"containers":[{{"name":"c","ports":[{{"name":"web","containerPort":8080}}]}}]}},
            "status":{{"podIP":"{ip}"}}}}"#
        )
    };
    let one = |ns, name, label, ip, node| of(ns, name, label, ip, node, false);
    let items = [
        of("shop", "agent", "agent", "10.9.0.2", "n2", true),
        one("shop", "db", "db", "10.0.0.1", "n1"),
        one("shop", "api", "api", "10.0.0.2", "n1"),
        one("other", "api2", "api", "10.0.1.2", "n2"),
    ]
    .join(",");
    let parsed = pod::parse(&file("kube/pods.json", &items));
    assert_eq!(parsed.problems, []);
    parsed.value
}

fn policies(specs: &[&str]) -> Policies {
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
    let mut policies = Policies::default();
    let compiled = parsed.value.iter().map(super::network_policy).map(Arc::new);
    policies.add(
        (super::DEFAULT_TIER, super::DEFAULT, super::Action::Deny),
        compiled,
    );
    policies
}

fn end(name: &str) -> End {
    let pod = pods().into_iter().find(|pod| pod.meta.name == name);
    let address = pod.as_ref().and_then(|pod| pod.ips.first().copied());
    let mut end = End::stranger(
        address
            .or_else(|| name.parse().ok())
            .unwrap_or_else(|| "10.9.0.1".parse().expect("an address")),
    );
    let node = pod.as_ref().filter(|pod| pod.host_network);
    end.node = node.and_then(|pod| pod.node.clone());
    let named = ["n1", "n2"].into_iter().find(|node| *node == name);
    end.node = end.node.or(named.map(str::to_owned));
    // The labels of `shop` were not captured.
    let labelled = pod
        .as_ref()
        .is_some_and(|pod| pod.meta.namespace == "other");
    let labels = || BTreeMap::from([("team".to_owned(), "a".to_owned())]);
    end.namespace_labels = labelled.then(|| Arc::new(labels()));
    end.pod = pod.map(Arc::new);
    end
}

/// What becomes of a connection from pod `from` (or, if that is none of them, that address) to pod `to`.
fn ruled(specs: &[&str], direction: Direction, from: &str, to: &str, port: u16) -> &'static str {
    ruled_with(specs, direction, from, to, (Protocol::Tcp, port))
}

fn ruled_with(
    specs: &[&str],
    direction: Direction,
    from: &str,
    to: &str,
    (protocol, port): (Protocol, u16),
) -> &'static str {
    let policies = policies(specs);
    match rule(&policies, direction, (&end(from), &end(to)), protocol, port) {
        Ruling::NotIsolated(_) => "not isolated",
        Ruling::Allowed(_) => "allowed",
        Ruling::Denied(_) => "denied",
        Ruling::Unknown(..) => "unknown",
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

#[test]
fn what_the_specification_leaves_open_is_unknown() {
    let allow_agent = r#"{"podSelector":{"matchLabels":{"app":"db"}},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"agent"}}}]}]}"#;
    let allow_its_node = r#"{"podSelector":{"matchLabels":{"app":"db"}},"ingress":[{"from":[{"ipBlock":{"cidr":"10.9.0.2/32"}}]}]}"#;
    let deny = r#"{"podSelector":{},"policyTypes":["Ingress","Egress"]}"#;
    let cases = [
        // A pod of the host's network may count as a pod, or as its node …
        (allow_agent, Direction::Ingress, "agent", "db", "unknown"),
        // … which is the same where its address is allowed, or nothing is …
        (allow_its_node, Direction::Ingress, "agent", "db", "allowed"),
        (deny, Direction::Ingress, "agent", "db", "denied"),
        // … and it may itself be isolated or not, but never from what runs on its own node.
        (deny, Direction::Egress, "agent", "db", "unknown"),
        (deny, Direction::Egress, "agent", "n2", "not isolated"),
        (deny, Direction::Ingress, "api2", "agent", "unknown"),
    ];
    for (policy, direction, from, to, expected) in cases {
        assert_eq!(
            ruled(&[policy], direction, from, to, 80),
            expected,
            "{from} to {to} with {policy}"
        );
    }
    let ping = (Protocol::Icmp, 0);
    let allow = r#"{"podSelector":{},"ingress":[{}]}"#;
    for policy in [deny, allow] {
        assert_eq!(
            ruled_with(&[policy], Direction::Ingress, "api", "db", ping),
            "unknown"
        );
    }
    assert_eq!(
        ruled_with(&[], Direction::Ingress, "api", "db", ping),
        "not isolated"
    );
}

#[test]
fn the_rule_that_almost_allows_it_says_what_differs() {
    let policies = policies(&[r#"{"podSelector":{"matchLabels":{"app":"db"}},"ingress":[
            {"from":[{"namespaceSelector":{},"podSelector":{"matchLabels":{"app":"web","tier":"x"}}}],"ports":[{"port":8080}]},
            {"from":[{"podSelector":{"matchExpressions":[{"key":"app","operator":"In","values":["api","cli"]}]}}],"ports":[{"port":8080},{"port":"admin"}]}]}"#]);
    let (client, server) = (end("api"), end("db"));
    let Ruling::Denied(denying) = rule(
        &policies,
        Direction::Ingress,
        (&client, &server),
        Protocol::Tcp,
        80,
    ) else {
        panic!("it is denied");
    };
    let connection = super::Connection {
        own: &server,
        other: &client,
        direction: Direction::Ingress,
        protocol: Protocol::Tcp,
        port: 80,
    };
    let miss = super::nearest(&denying, &connection).expect("a near miss");
    assert_eq!(miss.lacks, ["port 8080, not 80"]);
    assert_eq!(
        miss.rule.to_string(),
        "kube/networkpolicies.json /items/0/spec/ingress/1"
    );
}
