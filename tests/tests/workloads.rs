//! Pods and nodes that Kubernetes itself calls wrong, as causes, over a made cluster.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::verdict::{Intention, Outcome, Verdict};
use pathglass_tests::ask;
use pathglass_tests::cluster::{Cluster, edit, edit_list};
use pathglass_tests::corpus::{Files, workspace};
use pathglass_tests::fuzzing;
use serde_json::{Value, json};

fn diagnose(files: &Files, to: &str, port: u16) -> Verdict {
    let request = FlowRequest {
        from: Cluster::client(),
        to: to.to_owned(),
        port: Some(port),
        ..FlowRequest::default()
    };
    ask::diagnose(&mut ask::unsealed(files), &request).unwrap()
}

/// What becomes of the bundled example's flow to its service, which sends port 80 on to 8080.
fn ask_web(files: &Files) -> Verdict {
    let request = FlowRequest {
        from: "pod:shop/client".to_owned(),
        to: "service:shop/web".to_owned(),
        port: Some(80),
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

#[test]
fn a_plugins_drop_by_its_own_mark_is_not_a_services() {
    let mut files = fuzzing::read(&workspace().join("examples/missing-route")).unwrap();
    edit_list(&mut files, "services", |services| {
        services[0]["spec"]["loadBalancerSourceRanges"] = json!(["203.0.113.0/24"]);
    });
    edit(&mut files, "nodes/node-1/host/iptables-save.txt", |text| {
        let rule = "-A FORWARD -d 10.244.1.3/32 -m comment --comment \"Drop if no policies passed packet\" -m mark --mark 0x0/0x20000 -j DROP\n";
        let place = text.find("[266:15532] -A FORWARD").unwrap();
        text.insert_str(place, &format!("[0:0] {rule}"));
    });
    let verdict = ask_web(&files);
    let drop = (verdict.findings.iter())
        .find(|finding| finding.message.contains("chain FORWARD"))
        .unwrap();
    assert_eq!(
        (drop.code.as_str(), drop.object.as_str()),
        ("netfilter.drop", "node:node-1")
    );
}

#[test]
fn a_block_may_mean_a_services_address_with_its_port() {
    let mut files = fuzzing::read(&workspace().join("examples/missing-route")).unwrap();
    for (port, expected) in [(80, Intention::Unknown), (81, Intention::Forbids)] {
        edit_list(&mut files, "networkpolicies", |policies| {
            let rule =
                json!({"to": [{"ipBlock": {"cidr": "10.96.0.0/16"}}], "ports": [{"port": port}]});
            let spec = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]});
            *policies = vec![
                json!({"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "shop"}, "spec": spec}),
            ];
        });
        let verdict = ask_web(&files);
        let mut intended = verdict.intended.iter();
        let egress = intended.find(|one| one.direction == "egress").unwrap();
        assert_eq!(egress.intention, expected, "{}", egress.message);
    }
}

#[test]
fn an_address_that_every_node_has_is_the_own_nodes_too() {
    let mut files = fuzzing::read(&workspace().join("examples/missing-route")).unwrap();
    // As NodeLocal DNS has it.
    let own = json!({"family": "inet", "local": "169.254.20.10", "prefixlen": 32, "scope": "host", "label": "lo"});
    let route = json!({"type": "local", "dst": "169.254.20.10", "dev": "lo", "table": "local", "protocol": "kernel",
        "scope": "host", "prefsrc": "169.254.20.10", "flags": []});
    for node in ["node-1", "node-2"] {
        let mut add = |file: &str, change: &dyn Fn(&mut Vec<Value>)| {
            edit(&mut files, &format!("nodes/{node}/host/{file}"), |text| {
                let mut list: Vec<Value> = serde_json::from_str(text).unwrap();
                change(&mut list);
                *text = json!(list).to_string();
            });
        };
        add("ip-route.json", &|routes| routes.push(route.clone()));
        add("ip-addr.json", &|links| {
            let mut links = links.iter_mut();
            let lo = links.find(|link| link["ifname"] == "lo").unwrap();
            lo["addr_info"].as_array_mut().unwrap().push(own.clone());
        });
    }
    edit_list(&mut files, "networkpolicies", |policies| {
        let spec = json!({"podSelector": {}, "policyTypes": ["Egress"]});
        *policies = vec![
            json!({"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "shop"}, "spec": spec}),
        ];
    });
    let request = FlowRequest {
        from: "pod:shop/web-2".to_owned(),
        to: "169.254.20.10".to_owned(),
        port: Some(10_250),
        ..FlowRequest::default()
    };
    let verdict = ask::diagnose(&mut ask::unsealed(&files), &request).unwrap();
    assert_eq!(verdict.outcome, Outcome::Connected);
    assert_eq!(verdict.findings.len(), 0, "{:?}", verdict.findings);
    let mut intended = verdict.intended.iter();
    let egress = intended.find(|one| one.direction == "egress").unwrap();
    assert_eq!(egress.intention, Intention::Unknown, "{}", egress.message);
}
