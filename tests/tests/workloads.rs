//! Pods and nodes that Kubernetes itself calls wrong, as causes, over a made cluster.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::verdict::{Outcome, Verdict};
use pathglass_tests::ask;
use pathglass_tests::cluster::{Cluster, edit_list};
use pathglass_tests::corpus::Files;
use serde_json::json;

fn diagnose(files: &Files, to: &str, port: u16) -> Verdict {
    let request = FlowRequest {
        from: Cluster::client(),
        to: to.to_owned(),
        port: Some(port),
        ..FlowRequest::default()
    };
    ask::diagnose(&mut ask::unsealed(files), &request).unwrap()
}

#[test]
fn a_host_port_that_nobody_maps() {
    let mut files = Cluster::new(1).files();
    let before = diagnose(&files, "node:node-2", 9090);
    assert_eq!(
        (before.outcome, before.findings[0].code.as_str()),
        (Outcome::Refused, "socket.no-listener")
    );
    edit_list(&mut files, "pods", |pods| {
        let pod = pods
            .iter_mut()
            .find(|pod| pod["metadata"]["name"] == "web-10")
            .unwrap();
        pod["spec"]["containers"] =
            json!([{"name": "web", "ports": [{"containerPort": 8080, "hostPort": 9090}]}]);
    });
    let verdict = diagnose(&files, "node:node-2", 9090);
    let first = &verdict.findings[0];
    assert_eq!(
        (verdict.outcome, first.code.as_str(), first.object.as_str()),
        (
            Outcome::Refused,
            "pod.host-port-not-programmed",
            "node:node-2"
        )
    );
    assert!(
        first.message.contains("pod:default/web-10"),
        "{}",
        first.message
    );
    assert!(
        first
            .evidence
            .iter()
            .any(|line| line.file == "kube/pods.json")
    );
}
