//! Network policies against a naive reading of their specification, and the matrix against single questions, on
//! thousands of random policies.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;

use fastrand::Rng;
use pathglass_sim::flow::Protocol;
use pathglass_sim::intent::all_pairs::{IntendedRequest, MatrixRequest};
use pathglass_sim::session::Session;
use pathglass_sim::snapshot::{Folder, Step};
use pathglass_sim::verdict::Intention;
use pathglass_tests::naive::{self, Cluster, Party, Said};
use pathglass_tests::{ask, pairs};
use serde_json::{Value, json};

/// Random clusters; each is asked about all its pairs.
const CLUSTERS: u64 = 600;

const PROTOCOLS: [(&str, Protocol); 4] = [
    ("TCP", Protocol::Tcp),
    ("UDP", Protocol::Udp),
    ("SCTP", Protocol::Sctp),
    ("ICMP", Protocol::Icmp),
];

/// Few enough that they often meet.
const PORTS: [u16; 4] = [80, 81, 443, 8080];
const OUTSIDERS: [&str; 4] = ["198.51.100.7", "10.0.9.9", "2001:db8::7", "fd00::9:9"];

fn pick<'a, T>(random: &mut Rng, from: &'a [T]) -> &'a T {
    &from[random.usize(..from.len())]
}

fn labels(random: &mut Rng) -> Value {
    let mut labels = serde_json::Map::new();
    for key in ["app", "tier", "team"] {
        if random.bool() {
            labels.insert(key.to_owned(), (*pick(random, &["a", "b", "c"])).into());
        }
    }
    Value::Object(labels)
}

fn selector(random: &mut Rng) -> Value {
    let mut selector = json!({});
    if random.u8(..3) == 0 {
        return selector;
    }
    if random.bool() {
        let key = *pick(random, &["app", "tier", "team"]);
        selector["matchLabels"] = json!({ key: pick(random, &["a", "b", "c"]) });
    }
    if random.bool() {
        let operator = *pick(random, &["In", "NotIn", "Exists", "DoesNotExist"]);
        let mut expression =
            json!({"key": pick(random, &["app", "tier", "team"]), "operator": operator});
        if operator.ends_with("In") {
            let n = random.usize(1..3);
            expression["values"] = (0..n).map(|_| *pick(random, &["a", "b", "c"])).collect();
        }
        selector["matchExpressions"] = json!([expression]);
    }
    selector
}

fn block(random: &mut Rng) -> Value {
    const BLOCKS: &[(&str, &[&str])] = &[
        ("10.0.0.0/8", &["10.0.0.0/24", "10.0.1.2/32"]),
        ("10.0.0.0/23", &["10.0.0.4/30"]),
        ("0.0.0.0/0", &["10.9.0.0/16", "198.51.100.0/24"]),
        ("198.51.100.0/24", &["198.51.100.4/30"]),
        ("::/0", &["fd00::/16", "2001:db8::/32"]),
        ("fd00::/64", &["fd00::1/128", "fd00::/126"]),
    ];
    let (cidr, excepts) = *pick(random, BLOCKS);
    let mut block = json!({ "cidr": cidr });
    if random.bool() {
        block["except"] = json!([pick(random, excepts)]);
    }
    json!({ "ipBlock": block })
}

fn peer(random: &mut Rng) -> Value {
    match random.u8(..4) {
        0 => block(random),
        1 => json!({"podSelector": selector(random)}),
        2 => json!({"namespaceSelector": selector(random)}),
        _ => json!({"podSelector": selector(random), "namespaceSelector": selector(random)}),
    }
}

fn port(random: &mut Rng) -> Value {
    let mut port = json!({});
    if random.bool() {
        port["protocol"] = json!(pick(random, &["TCP", "UDP", "SCTP"]));
    }
    match random.u8(..4) {
        0 => {}
        1 => port["port"] = json!(pick(random, &["web", "dns"])),
        2 => {
            port["port"] = json!(pick(random, &PORTS));
            port["endPort"] = json!(port["port"].as_u64().unwrap() + random.u64(..400));
        }
        _ => port["port"] = json!(pick(random, &PORTS)),
    }
    port
}

fn rule(random: &mut Rng, peers: &str) -> Value {
    let mut rule = json!({});
    if random.u8(..4) > 0 {
        let n = random.usize(..3);
        rule[peers] = (0..n).map(|_| peer(random)).collect();
    }
    if random.bool() {
        let n = random.usize(..3);
        rule["ports"] = (0..n).map(|_| port(random)).collect();
    }
    rule
}

fn policy(random: &mut Rng, number: usize) -> Value {
    let mut spec = json!({"podSelector": selector(random)});
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        if random.bool() {
            let n = random.usize(..3);
            spec[direction] = (0..n).map(|_| rule(random, peers)).collect();
        }
    }
    match random.u8(..4) {
        0 => {}
        1 => spec["policyTypes"] = json!(["Ingress"]),
        2 => spec["policyTypes"] = json!(["Egress"]),
        _ => spec["policyTypes"] = json!(["Ingress", "Egress"]),
    }
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": format!("p{number}"), "namespace": pick(random, &["x", "y"])},
        "spec": spec,
    })
}

fn pod(random: &mut Rng, number: usize) -> Value {
    let on_host = random.u8(..6) == 0;
    let node = *pick(random, &["n1", "n2"]);
    let addresses = match (on_host, node) {
        (true, "n1") => json!([{"ip": "10.9.0.1"}, {"ip": "fd00::9:1"}]),
        (true, _) => json!([{"ip": "10.9.0.2"}, {"ip": "fd00::9:2"}]),
        (false, _) => json!([
            {"ip": format!("10.0.{}.{}", number % 2, number + 1)}, {"ip": format!("fd00::{}", number + 1)}
        ]),
    };
    let ports: Vec<Value> = ["web", "dns"]
        .iter()
        .filter_map(|name| {
            let protocol = pick(random, &["TCP", "UDP", "SCTP"]);
            let port = pick(random, &PORTS);
            random
                .bool()
                .then(|| json!({"name": name, "containerPort": port, "protocol": protocol}))
        })
        .collect();
    json!({
        "kind": "Pod",
        "metadata": {"name": format!("q{number}"), "namespace": pick(random, &["x", "y", "z"]),
            "uid": format!("u{number}"), "labels": labels(random)},
        "spec": {"nodeName": node, "hostNetwork": on_host, "containers": [{"name": "c", "ports": ports}]},
        "status": {"phase": "Running", "podIPs": addresses, "podIP": addresses[0]["ip"]},
    })
}

fn cluster(random: &mut Rng) -> Cluster {
    let namespace = |random: &mut Rng, name: &str| json!({"kind": "Namespace", "metadata": {"name": name, "labels": labels(random)}});
    let (n_pods, n_policies) = (random.usize(2..8), random.usize(..7));
    Cluster {
        namespaces: ["x", "y", "z"]
            .iter()
            .map(|name| namespace(random, name))
            .collect(),
        pods: (0..n_pods).map(|number| pod(random, number)).collect(),
        policies: (0..n_policies)
            .map(|number| policy(random, number))
            .collect(),
    }
}

fn session(cluster: &Cluster) -> Session<Folder> {
    let node = |number: u8| {
        json!({"kind": "Node", "metadata": {"name": format!("n{number}")}, "status": {"addresses": [
            {"type": "InternalIP", "address": format!("10.9.0.{number}")},
            {"type": "InternalIP", "address": format!("fd00::9:{number}")}]}})
    };
    ask::unsealed(&pairs::files(cluster, &[node(1), node(2)]))
}

fn done<T, E: std::fmt::Debug>(step: Result<Step<T>, E>) -> T {
    match step.unwrap() {
        Step::Done(value) => value,
        Step::Needs(ranges) => panic!("a folder needs no ranges: {ranges:?}"),
    }
}

fn said(intention: Intention) -> Said {
    match intention {
        Intention::Allows => Some(true),
        Intention::Forbids => Some(false),
        Intention::Unknown => None,
    }
}

fn name(pod: &Value) -> String {
    let part = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap();
    format!("{}/{}", part("/metadata/namespace"), part("/metadata/name"))
}

fn party(pod: &Value, ipv6: bool) -> Party<'_> {
    let place = usize::from(ipv6);
    let on_host = pod["spec"]["hostNetwork"] == true;
    Party {
        pod: Some(pod),
        address: pod["status"]["podIPs"][place]["ip"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap(),
        node: on_host.then(|| pod["spec"]["nodeName"].as_str().unwrap()),
    }
}

#[test]
fn random_policies_say_what_a_naive_reading_says() {
    let mut counts: BTreeMap<Said, usize> = BTreeMap::new();
    for seed in 0..CLUSTERS {
        let mut random = Rng::with_seed(seed);
        let cluster = cluster(&mut random);
        let mut session = session(&cluster);
        let (word, protocol) = match random.u8(..8) {
            0 => PROTOCOLS[3],
            other => PROTOCOLS[usize::from(other) % 3],
        };
        let port = if protocol == Protocol::Icmp {
            0
        } else {
            *pick(&mut random, &PORTS)
        };
        let ipv6 = random.u8(..4) == 0;
        let matrix = done(session.intended_matrix(MatrixRequest {
            protocol,
            port,
            ipv6: Some(ipv6),
        }));
        assert_eq!(matrix.pods.len(), cluster.pods.len(), "seed {seed}");
        let place = |pod: &Value| {
            matrix
                .pods
                .iter()
                .position(|other| *other == name(pod))
                .unwrap()
        };
        let mut ask = |from: String, to: String| {
            let request = IntendedRequest {
                from,
                to,
                protocol,
                port,
            };
            let (intention, sides) = done(session.intended(&request));
            (
                said(intention),
                format!("seed {seed}: {request:?} {sides:#?}"),
            )
        };
        for pod in &cluster.pods {
            let own = party(pod, ipv6);
            for other in &cluster.pods {
                let expected = naive::allowed(&cluster, own, party(other, ipv6), word, port);
                let cell = said(matrix.cell(place(pod), place(other)));
                // Both addresses are told apart by IP version alone: the pods' names take the first.
                if !ipv6 {
                    let (found, why) =
                        ask(format!("pod:{}", name(pod)), format!("pod:{}", name(other)));
                    assert_eq!(found, expected, "{why}");
                }
                assert_eq!(
                    cell,
                    expected,
                    "matrix, seed {seed}: {} to {}",
                    name(pod),
                    name(other)
                );
                *counts.entry(expected).or_default() += 1;
            }
            for outsider in OUTSIDERS {
                let address: IpAddr = outsider.parse().unwrap();
                let (own, outside) = (
                    party(pod, address.is_ipv6()),
                    Party {
                        pod: None,
                        address,
                        node: None,
                    },
                );
                let expected = naive::allowed(&cluster, own, outside, word, port);
                let (found, why) = ask(format!("pod:{}", name(pod)), outsider.to_owned());
                assert_eq!(found, expected, "{why}");
                let expected = naive::allowed(&cluster, outside, own, word, port);
                // An end that is named by its address: a host's network is its node then.
                if pod["spec"]["hostNetwork"] != true {
                    let (found, why) = ask(format!("ip:{outsider}"), format!("ip:{}", own.address));
                    assert_eq!(found, expected, "{why}");
                }
                *counts.entry(expected).or_default() += 1;
            }
        }
    }
    // The dice meet everything often.
    let of = |said: Said| counts.get(&said).copied().unwrap_or(0);
    assert!(
        of(Some(true)) > 4_000 && of(Some(false)) > 4_000 && of(None) > 500,
        "{counts:?}"
    );
}

/// The tables of the upstream suites, in our own words: what each feature does to three pods in three namespaces.
#[test]
fn truth_tables() {
    let namespaces = ["x", "y", "z"];
    let pods: Vec<Value> = namespaces
        .iter()
        .flat_map(|ns| ["a", "b", "c"].map(|name| (*ns, name)))
        .enumerate()
        .map(|(number, (ns, name))| {
            json!({"kind": "Pod", "metadata": {"name": name, "namespace": ns, "labels": {"pod": name}},
                "spec": {"nodeName": "n1", "containers": [{"name": "c", "ports": [
                    {"name": "serve-80-tcp", "containerPort": 80}, {"name": "serve-80-udp", "containerPort": 80, "protocol": "UDP"}]}]},
                "status": {"phase": "Running", "podIP": format!("10.0.0.{}", number + 1)}})
        })
        .collect();
    let namespaces: Vec<Value> = namespaces
        .iter()
        .map(|ns| json!({"kind": "Namespace", "metadata": {"name": ns, "labels": {"ns": ns}}}))
        .collect();
    // Policies on x/a, and how many of the eight others then reach it (or it them) on TCP 80, 81 and UDP 80.
    let cases: &[(&str, Value, [usize; 3])] = &[
        (
            "none",
            json!({"podSelector": {"matchLabels": {"pod": "none"}}, "policyTypes": ["Ingress"]}),
            [8, 8, 8],
        ),
        (
            "deny all",
            json!({"podSelector": {}, "policyTypes": ["Ingress"]}),
            [0, 0, 0],
        ),
        (
            "allow all",
            json!({"podSelector": {}, "ingress": [{}]}),
            [8, 8, 8],
        ),
        (
            "empty from",
            json!({"podSelector": {}, "ingress": [{"from": []}]}),
            [8, 8, 8],
        ),
        (
            "own namespace",
            json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}),
            [2, 2, 2],
        ),
        (
            "by namespace",
            json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"ns": "y"}}}]}]}),
            [3, 3, 3],
        ),
        (
            "all namespaces",
            json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}),
            [8, 8, 8],
        ),
        (
            "both in one",
            json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"ns": "y"}}, "podSelector": {"matchLabels": {"pod": "b"}}}]}]}),
            [1, 1, 1],
        ),
        (
            "one or the other",
            json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"ns": "y"}}}, {"podSelector": {"matchLabels": {"pod": "b"}}}]}]}),
            [4, 4, 4],
        ),
        (
            "expressions",
            json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchExpressions": [{"key": "ns", "operator": "NotIn", "values": ["x"]}]}, "podSelector": {"matchExpressions": [{"key": "pod", "operator": "In", "values": ["b", "c"]}]}}]}]}),
            [4, 4, 4],
        ),
        (
            "a port",
            json!({"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]}),
            [8, 0, 0],
        ),
        (
            "a range",
            json!({"podSelector": {}, "ingress": [{"ports": [{"port": 80, "endPort": 81}]}]}),
            [8, 8, 0],
        ),
        (
            "a named port",
            json!({"podSelector": {}, "ingress": [{"ports": [{"port": "serve-80-udp", "protocol": "UDP"}]}]}),
            [0, 0, 8],
        ),
        (
            "a protocol",
            json!({"podSelector": {}, "ingress": [{"ports": [{"protocol": "UDP"}]}]}),
            [0, 0, 8],
        ),
        (
            "a named port of another protocol",
            json!({"podSelector": {}, "ingress": [{"ports": [{"port": "serve-80-udp"}]}]}),
            [0, 0, 0],
        ),
        (
            "a block",
            json!({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/29", "except": ["10.0.0.2/32"]}}]}]}),
            [5, 5, 5],
        ),
        (
            "deny egress",
            json!({"podSelector": {}, "policyTypes": ["Egress"]}),
            [0, 0, 0],
        ),
        (
            "egress to a named port",
            json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"namespaceSelector": {"matchLabels": {"ns": "z"}}}], "ports": [{"port": "serve-80-tcp"}]}]}),
            [3, 0, 0],
        ),
        (
            "egress by default",
            json!({"podSelector": {}, "egress": [{"to": [{"podSelector": {"matchLabels": {"pod": "c"}}}]}]}),
            [0, 0, 0],
        ),
    ];
    for (what, spec, expected) in cases {
        let policy = json!({"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "x"}, "spec": spec});
        let cluster = Cluster {
            namespaces: namespaces.clone(),
            pods: pods.clone(),
            policies: vec![policy],
        };
        let mut session = session(&cluster);
        let egress = what.contains("egress");
        for ((protocol, port), expected) in [
            (Protocol::Tcp, 80),
            (Protocol::Tcp, 81),
            (Protocol::Udp, 80),
        ]
        .into_iter()
        .zip(expected)
        {
            let matrix = done(session.intended_matrix(MatrixRequest {
                protocol,
                port,
                ipv6: None,
            }));
            // Only towards (from) other namespaces' pods and its own neighbours that are not isolated themselves.
            let others = (1..9).filter(|other| {
                let cell = if egress {
                    matrix.cell(0, *other)
                } else {
                    matrix.cell(*other, 0)
                };
                cell == Intention::Allows
            });
            assert_eq!(others.count(), *expected, "{what}: {protocol} {port}");
        }
    }
}

/// Four pods: `x/a`, `x/b`, `y/c`, `y/d`; what is intended from each of the others to `x/a` on TCP 80.
fn towards_a(lists: &[(&str, Value)]) -> String {
    let pod = |number: usize, namespace: &str, name: &str| {
        json!({"kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
            "spec": {"nodeName": "n1", "serviceAccountName": name,
                "containers": [{"name": "c", "ports": [{"name": "web", "containerPort": 80}]}]},
            "status": {"phase": "Running", "podIP": format!("10.0.0.{number}")}})
    };
    let namespace = |name: &str| json!({"kind": "Namespace", "metadata": {"name": name, "labels": {"ns": name}}});
    let cluster = Cluster {
        namespaces: vec![namespace("x"), namespace("y")],
        pods: vec![
            pod(1, "x", "a"),
            pod(2, "x", "b"),
            pod(3, "y", "c"),
            pod(4, "y", "d"),
        ],
        policies: Vec::new(),
    };
    let mut files = pairs::files(&cluster, &[]);
    for (name, items) in lists {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
        files.insert(format!("kube/{name}.json"), list.into_bytes().into());
    }
    let asked = MatrixRequest {
        protocol: Protocol::Tcp,
        port: 80,
        ipv6: None,
    };
    // What is sealed says the same as the folder, and one question the same as the matrix.
    let sealed = done(ask::sealed(ask::sealed_bytes(&files).unwrap()).intended_matrix(asked));
    let mut session = ask::unsealed(&files);
    let matrix = done(session.intended_matrix(asked));
    let from = ["x/b", "y/c", "y/d"];
    let place = |name: &str| matrix.pods.iter().position(|pod| pod == name).unwrap();
    from.iter()
        .map(|name| {
            let cell = matrix.cell(place(name), place("x/a"));
            assert_eq!(
                cell,
                sealed.cell(place(name), place("x/a")),
                "sealed: {name} with {lists:?}"
            );
            let request = IntendedRequest {
                from: format!("pod:{name}"),
                to: "pod:x/a".to_owned(),
                protocol: Protocol::Tcp,
                port: 80,
            };
            let (one, sides) = done(session.intended(&request));
            assert_eq!(one, cell, "{name}: {sides:#?} with {lists:?}");
            match cell {
                Intention::Allows => '.',
                Intention::Forbids => 'x',
                Intention::Unknown => '?',
            }
        })
        .collect()
}

fn object(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    let mut object = json!({"kind": kind, "metadata": {"name": name}, "spec": spec});
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

#[test]
fn administrators_policies_come_before_and_after() {
    let subject = json!({"namespaces": {}});
    let from = |app: &str| json!([{"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": app}}}}]);
    let all = json!([{"namespaces": {}}]);
    let admin = |name: &str, priority: u16, rules: Value| {
        object(
            "AdminNetworkPolicy",
            "",
            name,
            &json!({"subject": subject, "priority": priority, "ingress": rules}),
        )
    };
    let deny_np = json!([object(
        "NetworkPolicy",
        "x",
        "np",
        &json!({"podSelector": {}, "policyTypes": ["Ingress"]})
    )]);
    let rules = json!([{"action": "Allow", "from": from("b")}, {"action": "Pass", "from": from("c")}, {"action": "Deny", "from": all}]);
    let first = json!([admin("one", 1, rules)]);
    // Allowed for good, passed on to nobody who forbids, denied.
    assert_eq!(towards_a(&[("adminnetworkpolicies", first.clone())]), "..x");
    assert_eq!(
        towards_a(&[
            ("adminnetworkpolicies", first),
            ("networkpolicies", deny_np.clone())
        ]),
        ".xx"
    );
    // What comes first by priority decides; nothing orders equals that disagree.
    let allow = |priority| {
        admin(
            "allow",
            priority,
            json!([{"action": "Allow", "from": from("b")}]),
        )
    };
    let deny = |priority, ports: Value| {
        admin(
            "deny",
            priority,
            json!([{"action": "Deny", "from": all, "ports": ports}]),
        )
    };
    let web = json!([{"namedPort": "web"}]);
    let other = json!([{"portNumber": {"protocol": "TCP", "port": 81}}, {"portRange": {"protocol": "TCP", "start": 82, "end": 90}}]);
    for (policies, expected) in [
        (json!([allow(1), deny(2, web.clone())]), ".xx"),
        (json!([allow(2), deny(1, web.clone())]), "xxx"),
        (json!([allow(1), deny(1, web)]), "?xx"),
        (json!([allow(1), deny(1, other)]), "..."),
    ] {
        assert_eq!(
            towards_a(&[("adminnetworkpolicies", policies.clone())]),
            expected,
            "{policies}"
        );
    }
    // The wrapper of v0.1 selects no more than what stands in it.
    for wrapped in [
        json!({"namespaceSelector": {"matchLabels": {"ns": "y"}}}),
        json!({"sameLabels": ["ns"]}),
    ] {
        let rules = json!([{"action": "Deny", "from": [{"namespaces": wrapped}]}]);
        let list = json!([admin("old", 1, rules)]);
        assert_eq!(towards_a(&[("adminnetworkpolicies", list)]), "???");
    }
    let baseline = json!([object(
        "BaselineAdminNetworkPolicy",
        "",
        "default",
        &json!({"subject": subject,
        "ingress": [{"action": "Allow", "from": from("c")}, {"action": "Deny", "from": all}]})
    )]);
    assert_eq!(
        towards_a(&[("baselineadminnetworkpolicies", baseline.clone())]),
        "x.x"
    );
    // Where a NetworkPolicy isolates the pod, the baseline is not asked.
    assert_eq!(
        towards_a(&[
            ("baselineadminnetworkpolicies", baseline),
            ("networkpolicies", deny_np)
        ]),
        "xxx"
    );
    let newer = json!([
        object(
            "ClusterNetworkPolicy",
            "",
            "late",
            &json!({"tier": "Baseline", "priority": 0, "subject": subject,
            "ingress": [{"action": "Deny", "from": all, "protocols": [{"tcp": {"destinationPort": {"range": {"start": 80, "end": 81}}}}]}]})
        ),
        object(
            "ClusterNetworkPolicy",
            "",
            "early",
            &json!({"tier": "Admin", "priority": 9, "subject": {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "a"}}}},
            "ingress": [{"action": "Accept", "from": from("d"), "protocols": [{"tcp": {"destinationPort": {"number": 80}}}]}, {"action": "Deny", "from": [{"clouds": {}}]}]})
        ),
    ]);
    // A peer of an unknown kind is not passed over.
    assert_eq!(towards_a(&[("clusternetworkpolicies", newer)]), "xx.");
}

#[test]
fn calicos_tiers_orders_and_actions() {
    let rule = |action: &str, source: &str| json!({"action": action, "protocol": "TCP", "source": {"selector": source}, "destination": {"ports": [80, "90:99"]}});
    let policy = |name: &str, tier: &str, order: Value, rules: Value| {
        object(
            "GlobalNetworkPolicy",
            "",
            name,
            &json!({"tier": tier, "order": order, "selector": "app in {'a'}", "types": ["Ingress"], "ingress": rules}),
        )
    };
    let tiers = json!([
        object("Tier", "", "default", &json!({"order": 1_000_000})),
        object("Tier", "", "security", &json!({"order": 1}))
    ]);
    let ask = |policies: Value| {
        towards_a(&[
            ("globalnetworkpolicies", policies),
            ("tiers", tiers.clone()),
        ])
    };
    // The end of a tier that applies denies; a log goes on; a lower order decides.
    assert_eq!(
        ask(json!([policy(
            "p",
            "default",
            json!(1.5),
            json!([rule("Log", "all()"), rule("Allow", "app == 'b'")])
        )])),
        ".xx"
    );
    let (allow, deny) = (
        json!([rule("Allow", "all()")]),
        json!([rule("Deny", "app == 'c'")]),
    );
    assert_eq!(
        ask(json!([
            policy("p", "default", json!(10), allow.clone()),
            policy("q", "default", json!(5), deny.clone())
        ])),
        ".x."
    );
    assert_eq!(
        ask(json!([
            policy("p", "default", json!(5), allow.clone()),
            policy("q", "default", Value::Null, deny)
        ])),
        "..."
    );
    // A tier passes to the next, or is the last word.
    let pass = json!([
        rule("Pass", "app == 'b' || app == 'c'"),
        rule("Allow", "pcns.ns == 'y'")
    ]);
    let below = policy(
        "p",
        "default",
        json!(1),
        json!([rule("Allow", "!has(missing) && app != 'c'")]),
    );
    assert_eq!(
        ask(json!([policy("first", "security", json!(1), pass), below])),
        ".x."
    );
    assert_eq!(ask(json!([policy("p", "nowhere", json!(1), allow)])), "???");
    // Network sets, service accounts, prefixes; a namespaced policy means its own namespace.
    let sets = json!([{"kind": "GlobalNetworkSet", "metadata": {"name": "s", "annotations": {"projectcalico.org/metadata": "{\"labels\":{\"set\":\"yes\"}}"}}, "spec": {"nets": ["10.0.0.3/32"]}}]);
    let by_set = json!([policy(
        "p",
        "default",
        json!(1),
        json!([rule("Allow", "set == 'yes'")])
    )]);
    assert_eq!(
        towards_a(&[
            ("globalnetworkpolicies", by_set),
            ("globalnetworksets", sets)
        ]),
        "x.x"
    );
    let own = |source: Value| {
        let rules = json!([{"action": "Allow", "source": source}]);
        towards_a(&[(
            "networkpolicies.crd.projectcalico.org",
            json!([object(
                "NetworkPolicy",
                "x",
                "default.p",
                &json!({"selector": "all()", "types": ["Ingress"], "ingress": rules})
            )]),
        )])
    };
    assert_eq!(own(json!({"selector": "has(app)"})), ".xx");
    assert_eq!(
        own(json!({"namespaceSelector": "projectcalico.org/name == 'y'"})),
        "x.."
    );
    assert_eq!(own(json!({"serviceAccounts": {"names": ["b"]}})), ".xx");
    assert_eq!(
        own(json!({"nets": ["10.0.0.0/24"], "notNets": ["10.0.0.3"]})),
        ".x."
    );
    assert_eq!(own(json!({"notSelector": "app == 'c'"})), ".xx");
    assert_eq!(own(json!({"notSelector": "app == 'b'"})), "xxx");
    assert_eq!(own(json!({"domains": ["example.org"]})), "???");
    // Stored without types, a policy has both, whatever its rules are.
    let untyped = object(
        "NetworkPolicy",
        "x",
        "default.p",
        &json!({"selector": "all()", "egress": [{"action": "Allow"}]}),
    );
    let list = ("networkpolicies.crd.projectcalico.org", json!([untyped]));
    assert_eq!(towards_a(&[list]), "xxx");
}

#[test]
fn names_do_not_order_calicos_policies_of_several_scopes() {
    let global = |order: Value, action: &str| {
        let rules =
            json!([{"action": action, "protocol": "TCP", "source": {"selector": "app == 'c'"}}]);
        let spec =
            json!({"order": order, "selector": "all()", "types": ["Ingress"], "ingress": rules});
        let list = json!([object("GlobalNetworkPolicy", "", "default.b", &spec)]);
        ("globalnetworkpolicies", list)
    };
    let own = |name: &str, action: &str| {
        let rules = json!([{"action": action}]);
        let spec = json!({"selector": "all()", "types": ["Ingress"], "ingress": rules});
        object("NetworkPolicy", "x", name, &spec)
    };
    let owns = |all: Value| ("networkpolicies.crd.projectcalico.org", all);
    let allow = || own("default.a", "Allow");
    let deny = || global(Value::Null, "Deny");
    assert_eq!(towards_a(&[deny(), owns(json!([allow()]))]), ".?.");
    // The names of one scope do, and a policy without rules contradicts nobody.
    let both = json!([own("default.z", "Deny"), allow()]);
    assert_eq!(towards_a(&[owns(both)]), "...");
    // A NetworkPolicy has the order 1000.
    let np = json!([object(
        "NetworkPolicy",
        "x",
        "np",
        &json!({"podSelector": {}, "ingress": [{}]})
    )]);
    for (order, expected) in [(999, ".x."), (1000, ".?."), (1001, "...")] {
        let lists = [
            global(json!(order), "Deny"),
            ("networkpolicies", np.clone()),
        ];
        assert_eq!(towards_a(&lists), expected, "{order}");
    }
}

#[test]
fn ciliums_policies() {
    let ask = |spec: Value| {
        towards_a(&[(
            "ciliumnetworkpolicies",
            json!([object("CiliumNetworkPolicy", "x", "p", &spec)]),
        )])
    };
    let on =
        |rules: Value| json!({"endpointSelector": {"matchLabels": {"app": "a"}}, "ingress": rules});
    let port = |port: &str| json!([{"ports": [{"port": port, "protocol": "TCP"}]}]);
    assert_eq!(ask(on(json!([{"fromEndpoints": [{}]}]))), ".xx");
    assert_eq!(
        ask(on(
            json!([{"fromEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "y", "app": "c"}}]}])
        )),
        "x.x"
    );
    assert_eq!(
        ask(on(
            json!([{"fromEntities": ["cluster"], "toPorts": port("80")}])
        )),
        "..."
    );
    assert_eq!(
        ask(on(
            json!([{"toPorts": port("web")}, {"toPorts": port("81")}])
        )),
        "..."
    );
    assert_eq!(
        ask(on(json!([{"fromEntities": ["world", "kube-apiserver"]}]))),
        "xxx"
    );
    // An empty rule isolates, and means nobody.
    assert_eq!(ask(on(json!([{}]))), "xxx");
    assert_eq!(
        ask(on(
            json!([{}, {"fromEndpoints": [{"matchLabels": {"app": "b"}}]}])
        )),
        ".xx"
    );
    // Prefixes do not mean the cluster's pods; layer 7 is not decided.
    assert_eq!(ask(on(json!([{"fromCIDR": ["10.0.0.0/8"]}]))), "xxx");
    let http =
        json!([{"ports": [{"port": "80", "protocol": "TCP"}], "rules": {"http": [{"path": "/"}]}}]);
    assert_eq!(
        ask(on(json!([{"fromEndpoints": [{}], "toPorts": http}]))),
        "?xx"
    );
    // Reserved labels are those of nodes and the world: who is no pod may be meant, and no namespace is.
    for labels in [
        json!({"matchLabels": {"reserved:remote-node": ""}}),
        json!({"matchExpressions": [{"key": "reserved:host", "operator": "Exists"}]}),
    ] {
        assert_eq!(ask(on(json!([{"fromEndpoints": [labels]}]))), "???");
    }
    // What denies wins, and isolates no further than it is told to.
    let mut both = on(json!([{"fromEntities": ["all"]}]));
    both["ingressDeny"] = json!([{"fromEndpoints": [{"matchLabels": {"app": "b"}}]}]);
    assert_eq!(ask(both), "x..");
    let open = json!({"endpointSelector": {}, "enableDefaultDeny": {"ingress": false}, "ingress": [{"fromEndpoints": [{}]}]});
    assert_eq!(ask(open), "...");
    // It adds to NetworkPolicies; several rules of one object count.
    let np = json!([object(
        "NetworkPolicy",
        "x",
        "np",
        &json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"ns": "y"}}, "podSelector": {"matchLabels": {"app": "d"}}}]}]})
    )]);
    let two = json!([{"kind": "CiliumClusterwideNetworkPolicy", "metadata": {"name": "two"}, "specs": [
        {"endpointSelector": {}, "ingress": [{"fromEndpoints": [{"matchLabels": {"app": "c"}}]}]},
        {"endpointSelector": {"matchLabels": {"app": "none"}}, "ingressDeny": [{"fromEntities": ["all"]}]}]}]);
    assert_eq!(
        towards_a(&[
            ("ciliumclusterwidenetworkpolicies", two),
            ("networkpolicies", np)
        ]),
        "x.."
    );
}
