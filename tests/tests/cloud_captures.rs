//! Whole captures with a cloud around the machines: each fault of `data/cloud/captures-*.json` comes out with its cause first.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::verdict::{Outcome, Severity};
use pathglass_tests::clouds::{self, Change};
use pathglass_tests::cluster::Cluster;
use pathglass_tests::corpus::Files;
use pathglass_tests::{ask, unhashed};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    name: String,
    from: String,
    to: String,
    port: u16,
    outcome: Outcome,
    /// The first finding's code.
    code: Option<String>,
    object: Option<String>,
    /// Evidence that would settle it.
    settle: Option<String>,
    /// The number of an unconfirmed rule that it rests on.
    assumes: Option<String>,
    /// How the nodes reach each other's pods: `routed` by the cloud, or `vxlan`; `pod-eni` where the client
    /// has a network interface of its own besides.
    nodes: String,
    changes: Vec<Change>,
}

/// The made cluster's nodes, which reach each other's pods by the cloud's route tables unless asked otherwise.
fn nodes(routed: bool, pod_interface: bool) -> Files {
    let mut files = Cluster::new(1).files();
    if pod_interface {
        // The client's device is a network card, not the end of a wire to its node.
        let path = "nodes/node-1/pods/default_client/ip-link.json";
        let mut links: Vec<Value> = serde_json::from_slice(files.get(path).unwrap()).unwrap();
        for link in &mut links {
            let link = link.as_object_mut().unwrap();
            for key in ["link_index", "link_netnsid", "linkinfo"] {
                link.remove(key);
            }
        }
        let links = serde_json::to_vec(&links).unwrap();
        files.insert(path.to_owned(), links.into());
    }
    if routed {
        for (path, bytes) in &mut files {
            if path.ends_with("/host/ip-route.json") {
                let mut routes: Vec<Value> = serde_json::from_slice(bytes).unwrap();
                let before = routes.len();
                routes
                    .retain(|route| route.get("gateway").is_none() || route["dev"] != "flannel.1");
                assert_eq!(routes.len() + 1, before);
                *bytes = serde_json::to_vec(&routes).unwrap().into();
            }
        }
    }
    files
}

fn check(topic: &str) {
    let made = clouds::read::<Case>(topic).unwrap();
    let mut wrong = Vec::new();
    for case in &made.cases {
        let cloud = clouds::changed(&made.files, &case.changes).unwrap();
        let mut files = nodes(case.nodes != "vxlan", case.nodes == "pod-eni");
        for (name, body) in cloud {
            let path = format!("{}/{name}", made.folder);
            files.insert(path, body.to_string().into_bytes().into());
        }
        let flow = FlowRequest {
            from: case.from.clone(),
            to: case.to.clone(),
            port: Some(case.port),
            ..FlowRequest::default()
        };
        let verdict = match ask::diagnose(&mut unhashed::open(&files), &flow) {
            Ok(verdict) => verdict,
            Err(error) => {
                wrong.push(format!("{}: {error}", case.name));
                continue;
            }
        };
        let first = verdict.findings.first();
        let cause = first.filter(|first| first.severity == Severity::Cause);
        let found = (verdict.outcome, cause.map(|first| &first.code));
        let object = cause.map(|first| &first.object);
        let settles = |file: &String| verdict.settle.iter().any(|known| known.ends_with(file));
        let assumed = |rule: &String| {
            verdict
                .assumptions
                .iter()
                .any(|known| known.starts_with(&format!("{rule}:")))
        };
        if found != (case.outcome, case.code.as_ref())
            || (case.object.is_some() && object != case.object.as_ref())
            || !case.settle.as_ref().is_none_or(settles)
            || !case.assumes.as_ref().is_none_or(assumed)
        {
            wrong.push(format!(
                "{}: {found:?} {object:?}\n    settle {:?}\n    assumes {:?}\n    {:?}",
                case.name,
                verdict.settle,
                verdict.assumptions,
                verdict
                    .findings
                    .iter()
                    .map(|one| &one.message)
                    .collect::<Vec<_>>()
            ));
        }
    }
    assert!(wrong.is_empty(), "{topic}:\n{}", wrong.join("\n"));
}

#[test]
fn faults_in_alibaba_cloud_are_named() {
    check("captures-aliyun");
    check("captures-balancers-aliyun");
}

#[test]
fn faults_in_tencent_cloud_are_named() {
    check("captures-tencent");
    check("captures-balancers-tencent");
}
