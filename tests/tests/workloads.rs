//! Pods and nodes that Kubernetes itself calls wrong, as causes, over a made cluster.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

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

/// The codes and messages that a service's endpoints get, where each is as `change` makes it.
fn of_endpoints(
    distribution: Option<&str>,
    change: impl Fn(&str, &mut Value),
) -> Vec<(String, String)> {
    let mut files = Cluster::new(1).files();
    edit_list(&mut files, "nodes", |nodes| {
        for (node, zone) in nodes.iter_mut().zip(["zone-1", "zone-2"]) {
            node["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!(zone);
        }
    });
    edit_list(&mut files, "services", |services| {
        services[0]["spec"]["trafficDistribution"] = json!(distribution);
    });
    edit_list(&mut files, "endpointslices", |slices| {
        for endpoint in slices[0]["endpoints"].as_array_mut().unwrap() {
            let node = endpoint["nodeName"].as_str().unwrap().to_owned();
            change(&node, endpoint);
        }
    });
    let verdict = diagnose(&files, &Cluster::service(0), 80);
    assert_eq!(verdict.outcome, Outcome::Connected);
    let of_service = verdict
        .findings
        .iter()
        .filter(|it| it.code.starts_with("service."));
    of_service
        .map(|it| (it.code.clone(), it.message.clone()))
        .collect()
}

#[test]
fn hints_keep_connections_in_their_zone() {
    let zoned = |node: &str, endpoint: &mut Value| {
        let zone = if node == "node-1" { "zone-1" } else { "zone-2" };
        endpoint["hints"] = json!({"forZones": [{"name": zone}]});
    };
    let found = of_endpoints(Some("PreferClose"), zoned);
    let [(code, message)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(code, "service.topology");
    assert!(
        message.contains("node:node-1 (zone zone-1) sends them to"),
        "{message}"
    );
    // Older kube-proxies heed no hints without the field or the annotation.
    assert_eq!(of_endpoints(None, zoned), []);
    // One endpoint without a hint, and none counts.
    let partly = |node: &str, endpoint: &mut Value| {
        if node == "node-1" {
            zoned(node, endpoint);
        }
    };
    assert_eq!(of_endpoints(Some("PreferClose"), partly), []);
}

#[test]
fn endpoints_that_are_terminating_take_traffic_where_none_is_ready() {
    let drain = |_: &str, endpoint: &mut Value| {
        endpoint["conditions"] = json!({"ready": false, "serving": true, "terminating": true});
    };
    let found = of_endpoints(None, drain);
    assert_eq!(found[0].0, "service.terminating-only", "{found:?}");
}

/// Before 1.26, `ProxyTerminatingEndpoints` was off: kube-proxy refuses what has draining endpoints only.
#[test]
fn a_node_that_refuses_in_spite_of_draining_endpoints_is_told_as_such() {
    let mut files = Cluster::new(1).files();
    edit_list(&mut files, "endpointslices", |slices| {
        for endpoint in slices[0]["endpoints"].as_array_mut().unwrap() {
            endpoint["conditions"] = json!({"ready": false, "serving": true, "terminating": true});
        }
    });
    let name = Cluster::service(0).replace("service:", "");
    let to = format!("-A KUBE-SERVICES -d {}/32", Cluster::service_address(0));
    edit(&mut files, "nodes/node-1/host/iptables-save.txt", |text| {
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains(&to)).collect();
        let reject = format!(
            "{to} -p tcp -m comment --comment \"{name}:http has no endpoints\" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable"
        );
        let firewall = "[0:0] -A KUBE-FIREWALL ";
        let with_reject = format!("[0:0] {reject}\n{firewall}");
        *text = kept.join("\n").replacen(firewall, &with_reject, 1) + "\n";
    });
    let verdict = diagnose(&files, &Cluster::service(0), 80);
    let first = &verdict.findings[0];
    assert_eq!(
        (verdict.outcome, first.code.as_str()),
        (Outcome::Refused, "service.no-endpoints")
    );
    assert!(
        first.message.contains("none of them ready"),
        "{}",
        first.message
    );
    let mut codes = verdict.findings.iter().map(|it| it.code.as_str());
    assert!(!codes.any(|code| code == "service.terminating-only"));
}

/// Cilium's eBPF, for one, heeds no hints by default.
#[test]
fn hints_are_not_told_where_no_rule_of_kube_proxy_is_seen() {
    let mut files = Cluster::new(1).files();
    edit_list(&mut files, "services", |services| {
        services[0]["spec"]["trafficDistribution"] = json!("PreferSameNode");
    });
    edit_list(&mut files, "endpointslices", |slices| {
        for endpoint in slices[0]["endpoints"].as_array_mut().unwrap() {
            endpoint["hints"] = json!({"forNodes": [{"name": endpoint["nodeName"]}]});
        }
    });
    let told = |files: &Files| {
        let verdict = diagnose(files, &Cluster::service(0), 80);
        let mut codes = verdict.findings.iter().map(|it| it.code.as_str());
        codes.any(|code| code == "service.topology")
    };
    assert!(told(&files));
    let to = format!("-A KUBE-SERVICES -d {}/32", Cluster::service_address(0));
    edit(&mut files, "nodes/node-1/host/iptables-save.txt", |text| {
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains(&to)).collect();
        *text = kept.join("\n") + "\n";
    });
    assert!(!told(&files));
}
