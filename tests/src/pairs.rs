//! How long the matrix of all pairs of many pods takes, beside asking for one pair after the other.
#![expect(
    clippy::indexing_slicing,
    reason = "JSON made here is indexed as it was made"
)]

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use pathglass_sim::flow::Protocol;
use pathglass_sim::intent::all_pairs::MatrixRequest;
use pathglass_sim::snapshot::Step;
use pathglass_sim::verdict::Intention;
use serde_json::{Value, json};

use crate::ask;
use crate::large::median;
use crate::naive::{self, Cluster, Party};

const PODS: u32 = 1_000;
const POLICIES: u32 = 200;
const NAMESPACES: u32 = 20;
/// Pairs that are asked for one after the other.
const SAMPLE: usize = 2_000;
const ROUNDS: usize = 5;

/// A capture of a cluster's objects alone.
#[must_use]
pub fn files(cluster: &Cluster, nodes: &[Value]) -> BTreeMap<String, Arc<[u8]>> {
    let lists = [
        ("namespaces", cluster.namespaces.as_slice()),
        ("networkpolicies", &cluster.policies),
        ("nodes", nodes),
        ("pods", &cluster.pods),
    ];
    let list = |(name, items): (&str, &[Value])| {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        (
            format!("kube/{name}.json"),
            list.to_string().into_bytes().into(),
        )
    };
    lists.into_iter().map(list).collect()
}

/// Measures both and gives the line for people.
///
/// # Errors
/// When the two disagree, or the capture cannot be read.
pub fn measure() -> io::Result<String> {
    let cluster = cluster();
    let mut session = ask::unsealed(&files(&cluster, &[]));
    let request = MatrixRequest {
        protocol: Protocol::Tcp,
        port: 8080,
        ipv6: None,
    };
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..=ROUNDS {
        let start = Instant::now();
        let matrix = match session.intended_matrix(request).map_err(io::Error::other)? {
            Step::Done(matrix) => matrix,
            Step::Needs(_) => return Err(io::Error::other("a folder needs no bytes")),
        };
        times.push(start.elapsed().as_secs_f64() * 1e3);
        last = Some(matrix);
    }
    let first = times.remove(0);
    let further = median(times);
    let Some(matrix) = last else {
        return Ok(String::new());
    };
    let places: BTreeMap<&str, usize> = matrix.pods.iter().map(String::as_str).zip(0..).collect();
    let mut random = fastrand::Rng::with_seed(1);
    let mut spent = 0.0;
    for _ in 0..SAMPLE {
        let n_pods = cluster.pods.len();
        let (Some(from), Some(to)) = (
            cluster.pods.get(random.usize(..n_pods)),
            cluster.pods.get(random.usize(..n_pods)),
        ) else {
            continue;
        };
        let start = Instant::now();
        let said = naive::allowed(&cluster, party(from), party(to), "TCP", request.port);
        spent += start.elapsed().as_secs_f64();
        let place = |pod| places.get(name(pod).as_str()).copied().unwrap_or_default();
        let cell = matrix.cell(place(from), place(to));
        if said != Some(cell == Intention::Allows) {
            let message = format!("{} to {}: {said:?}, {cell:?}", name(from), name(to));
            return Err(io::Error::other(message));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let naively = spent / SAMPLE as f64 * f64::from(PODS) * f64::from(PODS) * 1e3;
    Ok(format!(
        "\nAll {PODS} x {PODS} pairs of pods under {POLICIES} policies ({} different rows): {first:.0} ms with parsing, {further:.1} ms after it; \
         pair by pair, naively, {:.0} s (from {SAMPLE} pairs): {:.0} times as long.\n",
        matrix.rows().len(),
        naively / 1e3,
        naively / further
    ))
}

fn name(pod: &Value) -> String {
    let part = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str);
    let namespace = part("/metadata/namespace").unwrap_or_default();
    format!("{namespace}/{}", part("/metadata/name").unwrap_or_default())
}

fn party(pod: &Value) -> Party<'_> {
    let address = pod.pointer("/status/podIP").and_then(Value::as_str);
    let address = address.and_then(|text| text.parse().ok());
    Party {
        pod: Some(pod),
        address: address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        node: None,
    }
}

fn cluster() -> Cluster {
    let namespace = |number: u32| {
        json!({"kind": "Namespace", "metadata": {"name": format!("team-{number}"),
            "labels": {"stage": format!("s{}", number % 3), "name": format!("team-{number}")}}})
    };
    let pod = |number: u32| {
        let address = Ipv4Addr::from(0x0a00_0100 + number);
        json!({"kind": "Pod",
            "metadata": {"name": format!("pod-{number}"), "namespace": format!("team-{}", number % NAMESPACES),
                "labels": {"app": format!("a{}", number / NAMESPACES % 10), "tier": format!("t{}", number % 7)}},
            "spec": {"nodeName": format!("node-{}", number % 30), "containers": [{"name": "c", "ports": [{"name": "web", "containerPort": 8080}]}]},
            "status": {"phase": "Running", "podIP": address.to_string()}})
    };
    let policy = |number: u32| {
        let app = format!("a{}", number / NAMESPACES % 10);
        let from = json!([
            {"namespaceSelector": {"matchLabels": {"stage": format!("s{}", number % 3)}}, "podSelector": {"matchLabels": {"tier": format!("t{}", number % 7)}}},
            {"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": [format!("a{}", number % 10), "a0"]}]}},
            {"ipBlock": {"cidr": "10.0.2.0/24", "except": [format!("10.0.2.{}/32", number % 200)]}},
        ]);
        let mut spec = json!({"podSelector": {"matchLabels": {"app": app}},
            "ingress": [{"from": from, "ports": [{"port": "web"}, {"port": 9000, "endPort": 9100}]}]});
        if number.is_multiple_of(4) {
            spec["policyTypes"] = json!(["Ingress", "Egress"]);
            spec["egress"] =
                json!([{"to": [{"namespaceSelector": {}}], "ports": [{"port": 8080}]}]);
        }
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": format!("policy-{number}"), "namespace": format!("team-{}", number % NAMESPACES)}, "spec": spec})
    };
    Cluster {
        namespaces: (0..NAMESPACES).map(namespace).collect(),
        pods: (0..PODS).map(pod).collect(),
        policies: (0..POLICIES).map(policy).collect(),
    }
}
