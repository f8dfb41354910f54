//! Kubernetes objects as real API servers give them.

use std::net::IpAddr;

use super::endpoints::{TargetRef, parse_slices};
use super::meta::PortRef;
use super::policy::PolicyPeer;
use super::service::ServiceKind;
use super::*;
use crate::evidence::testing::{clean, file, problems};

fn items(objects: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","items":[{objects}],"kind":"List","metadata":{{"resourceVersion":""}}}}"#
    )
}

fn ip_of(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const POD: &str = r#"{"apiVersion":"v1","kind":"Pod",
    "metadata":{"name":"web-1","namespace":"shop","uid":"u","resourceVersion":"7","labels":{"app":"web"},"ownerReferences":[{"kind":"ReplicaSet","name":"web"}]},
    "spec":{"nodeName":"node-1","dnsPolicy":"ClusterFirst","priorityClassName":"high",
      "containers":[{"name":"app","ports":[{"name":"http","containerPort":8080,"protocol":"TCP","hostPort":80},{"containerPort":53,"protocol":"UDP"}]}],
      "initContainers":[{"name":"init","ports":[{"containerPort":1}]},{"name":"mesh","restartPolicy":"Always","ports":[{"containerPort":15001}]}]},
    "status":{"phase":"Running","podIP":"10.0.0.5","podIPs":[{"ip":"10.0.0.5"},{"ip":"fd00::5"}],"hostIP":"10.99.0.1",
      "conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady"}],
      "containerStatuses":[{"name":"app","ready":false,"restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}"#;

#[test]
fn a_pod_with_ports_addresses_and_containers() {
    let file = file("kube/pods.json", &items(&format!("null,{POD}")));
    let pods = clean(pod::parse(&file));
    let pod = &pods[0];
    assert_eq!(
        (pod.meta.namespace.as_str(), pod.meta.name.as_str()),
        ("shop", "web-1")
    );
    assert_eq!(pod.meta.source.to_string(), "kube/pods.json /items/1");
    assert_eq!(
        pod.meta.owners,
        [("ReplicaSet".to_owned(), "web".to_owned())]
    );
    assert_eq!(pod.node.as_deref(), Some("node-1"));
    assert_eq!(pod.ips, [ip_of("10.0.0.5"), ip_of("fd00::5")]);
    assert!(!pod.ready && !pod.host_network);
    assert_eq!(
        pod.containers[0].reason.as_deref(),
        Some("CrashLoopBackOff")
    );
    assert_eq!(pod.containers[0].restarts, 4);
    let ports: Vec<(u16, bool)> = pod
        .ports
        .iter()
        .map(|port| (port.port, port.init))
        .collect();
    assert_eq!(
        ports,
        [(8080, false), (53, false), (1, true), (15001, false)]
    );
    assert_eq!(pod.ports[0].host_port, Some(80));
    assert_eq!(pod.ports[1].protocol, Protocol::Udp);
}

#[test]
fn a_single_object_a_bare_array_and_a_null_list_are_lists() {
    assert_eq!(clean(pod::parse(&file("kube/pods.json", POD))).len(), 1);
    assert_eq!(
        clean(pod::parse(&file("kube/pods.json", &format!("[{POD}]")))).len(),
        1
    );
    let null = r#"{"kind":"PodList","items":null}"#;
    assert!(clean(pod::parse(&file("kube/pods.json", null))).is_empty());
}

#[test]
fn a_pending_pod_without_status_and_with_nulls() {
    let text = r#"{"kind":"Pod","metadata":{"name":"p","labels":null},"spec":{"hostNetwork":null,"containers":[{"name":"c","ports":null}]},"status":{"podIP":""}}"#;
    let pods = clean(pod::parse(&file("kube/pods.json", text)));
    assert!(!pods[0].host_network && pods[0].ips.is_empty());
    assert!(!pods[0].containers[0].running);
}

#[test]
fn a_faulty_object_is_left_out_and_named() {
    let bad = POD.replace(r#""containerPort":53"#, r#""containerPort":"dns""#);
    let service = r#"{"kind":"Service","metadata":{"name":"s"},"spec":{}}"#;
    let parsed = pod::parse(&file(
        "kube/pods.json",
        &items(&format!("{bad},{service},{{}},{POD}")),
    ));
    assert_eq!(parsed.value.len(), 1);
    assert_eq!(
        problems(&parsed),
        [
            r#"kube/pods.json /items/0/spec/containers/0/ports/1/containerPort: `"dns"` is not an integer"#,
            "kube/pods.json /items/1/kind: `Service` is not the kind `Pod`",
            "kube/pods.json /items/2: `metadata` is missing",
        ]
    );
}

#[test]
fn a_cut_list_gives_the_objects_before_the_cut() {
    let text = items(&format!("{POD},\n{POD}"));
    let cut = text.get(..text.len() - 200).unwrap();
    let parsed = pod::parse(&file("kube/pods.json", cut));
    assert_eq!(parsed.value.len(), 1);
    let line = cut.lines().count();
    assert_eq!(
        problems(&parsed),
        [format!(
            "kube/pods.json:{line}: the file ends in the middle of a value; capture it again"
        )]
    );
}

#[test]
fn services_of_every_type() {
    let file = file(
        "kube/services.json",
        &items(
            r#"{"kind":"Service","metadata":{"name":"a","namespace":"n"},"spec":{"clusterIP":"10.96.0.1","ports":[{"port":80,"targetPort":"http"},{"name":"dns","port":53,"protocol":"UDP"}],"selector":{"app":"a"},"sessionAffinity":"ClientIP"}},
               {"kind":"Service","metadata":{"name":"b","namespace":"n"},"spec":{"type":"LoadBalancer","clusterIPs":["10.96.0.2","fd00::2"],"externalTrafficPolicy":"Local","healthCheckNodePort":31000,"loadBalancerSourceRanges":["203.0.113.0/24 ","bogus"],"ports":[{"port":80,"targetPort":0,"nodePort":30080}]},"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1","ipMode":"Proxy"},{"hostname":"lb.example"}]}}},
               {"kind":"Service","metadata":{"name":"c","namespace":"n"},"spec":{"clusterIP":"None","publishNotReadyAddresses":true,"externalIPs":["010.0.0.08"],"internalTrafficPolicy":"Local"}},
               {"kind":"Service","metadata":{"name":"d","namespace":"n"},"spec":{"type":"ExternalName","externalName":"x.example"}}"#,
        ),
    );
    let all = clean(service::parse(&file));
    let (a, b, c, d) = (&all[0], &all[1], &all[2], &all[3]);
    assert_eq!(
        (a.kind, a.client_ip_affinity),
        (ServiceKind::ClusterIp, Some(10_800))
    );
    assert_eq!(a.ports[0].target, PortRef::Name("http".to_owned()));
    assert_eq!(
        (a.ports[1].protocol, a.ports[1].target.clone()),
        (Protocol::Udp, PortRef::Number(53))
    );
    assert_eq!(b.cluster_ips, [ip_of("10.96.0.2"), ip_of("fd00::2")]);
    assert!(b.external_local && !b.internal_local);
    assert_eq!(
        (b.source_ranges.len(), b.invalid_source_ranges.as_slice()),
        (1, ["bogus".to_owned()].as_slice())
    );
    assert_eq!(
        (b.ports[0].node_port, b.ports[0].target.clone()),
        (Some(30080), PortRef::Number(80))
    );
    assert_eq!(b.load_balancer[0].ip_mode.as_deref(), Some("Proxy"));
    assert_eq!(b.load_balancer[1].hostname.as_deref(), Some("lb.example"));
    assert!(c.headless && c.publish_not_ready && c.internal_local && c.selector.is_none());
    assert_eq!(c.external_ips, [ip_of("10.0.0.8")]);
    assert_eq!(
        (d.kind, d.external_name.as_deref()),
        (ServiceKind::ExternalName, Some("x.example"))
    );
}

#[test]
fn slices_of_v1_and_v1beta1() {
    let file = file(
        "kube/endpointslices.json",
        &items(
            r#"{"apiVersion":"discovery.k8s.io/v1beta1","kind":"EndpointSlice","addressType":"IPv4","metadata":{"name":"a-1","namespace":"n","labels":{"kubernetes.io/service-name":"a"}},
                "endpoints":[{"addresses":["10.0.0.5"],"conditions":{"ready":true},"targetRef":{"kind":"Pod","namespace":"n","name":"p"},"topology":{"kubernetes.io/hostname":"node-2","topology.kubernetes.io/zone":"z"}}],
                "ports":[{"name":"","port":8080,"protocol":"TCP"}]},
               {"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","addressType":"IPv6","metadata":{"name":"a-2","namespace":"n"},
                "endpoints":[{"addresses":["fd00::5"],"conditions":{"ready":false,"serving":true,"terminating":true},"nodeName":"node-1","hints":{"forZones":[{"name":"z"}]}},{"addresses":["fd00::6"],"conditions":{"ready":null}}],"ports":null},
               {"kind":"EndpointSlice","addressType":"FQDN","metadata":{"name":"a-3"},"endpoints":[{"addresses":["x.example"]}],"ports":[]},
               {"kind":"EndpointSlice","addressType":"IPv4","metadata":{"name":"a-4"},"endpoints":null,"ports":[{"port":null}]}"#,
        ),
    );
    let all = clean(parse_slices(&file));
    let old = &all[0].endpoints[0];
    assert_eq!(
        (
            all[0].service.as_deref(),
            old.node.as_deref(),
            old.zone.as_deref()
        ),
        (Some("a"), Some("node-2"), Some("z"))
    );
    assert!(old.ready && old.serving && !old.terminating);
    let target = TargetRef {
        kind: "Pod".into(),
        namespace: "n".into(),
        name: "p".into(),
    };
    assert_eq!(old.target, Some(target));
    assert_eq!(
        (all[0].ports[0].name.clone(), all[0].ports[0].port),
        (None, Some(8080))
    );
    let new = &all[1].endpoints[0];
    assert!(!new.ready && new.serving && new.terminating);
    assert_eq!(
        (new.node.as_deref(), new.hints.as_slice()),
        (Some("node-1"), ["z".to_owned()].as_slice())
    );
    assert!(all[1].endpoints[1].ready && all[1].endpoints[1].serving);
    assert!(all[2].endpoints.is_empty());
    assert_eq!(all[3].ports[0].port, None);
}

#[test]
fn endpoints_part_ready_from_not_ready() {
    let text = r#"{"kind":"Endpoints","metadata":{"name":"a","namespace":"n"},"subsets":[{"addresses":[{"ip":"10.0.0.5","nodeName":"node-1"}],"notReadyAddresses":[{"ip":"10.0.0.6"}],"ports":[{"name":"http","port":80,"protocol":"TCP"}]}]}"#;
    let all = clean(endpoints::parse(&file("kube/endpoints.json", text)));
    let subset = &all[0].subsets[0];
    assert_eq!(subset.ready[0].node.as_deref(), Some("node-1"));
    assert_eq!(subset.not_ready[0].ip, ip_of("10.0.0.6"));
}

#[test]
fn policies_with_defaults_blocks_selectors_and_port_ranges() {
    let file = file(
        "kube/networkpolicies.json",
        &items(
            r#"{"kind":"NetworkPolicy","metadata":{"name":"deny","namespace":"n"},"spec":{"podSelector":{},"policyTypes":["Ingress"]}},
               {"kind":"NetworkPolicy","metadata":{"name":"some","namespace":"n"},"spec":{"podSelector":{"matchExpressions":[{"key":"app","operator":"In","values":["a","b"]},{"key":"old","operator":"DoesNotExist"}]},
                 "ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}},{"namespaceSelector":{},"podSelector":{"matchLabels":{"x":"y"}}}],"ports":[{"port":8000,"endPort":8999},{"port":"http","protocol":"UDP"},{}]}],
                 "egress":[{}]}}"#,
        ),
    );
    let all = clean(policy::parse(&file));
    assert!(all[0].isolates_ingress && !all[0].isolates_egress && all[0].ingress.is_empty());
    let some = &all[1];
    assert!(some.isolates_ingress && some.isolates_egress);
    let labels = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    };
    assert!(some.pods.matches(&labels(&[("app", "b")])));
    assert!(!some.pods.matches(&labels(&[("app", "b"), ("old", "1")])));
    assert!(!some.pods.matches(&labels(&[])));
    let rule = &some.ingress[0];
    assert!(matches!(&rule.peers[0], PolicyPeer::IpBlock { except, .. } if except.len() == 1));
    assert!(
        matches!(&rule.peers[1], PolicyPeer::Pods { pods: Some(_), namespaces: Some(namespaces) } if namespaces.matches(&labels(&[])))
    );
    assert_eq!(
        (rule.ports[0].port.clone(), rule.ports[0].end_port),
        (Some(PortRef::Number(8000)), Some(8999))
    );
    assert_eq!(rule.ports[1].port, Some(PortRef::Name("http".to_owned())));
    assert_eq!(rule.ports[2].port, None);
    assert!(some.egress[0].peers.is_empty() && some.egress[0].ports.is_empty());
}

#[test]
fn a_peer_or_operator_that_says_nothing_is_a_problem() {
    let policy = |spec: &str| {
        format!(r#"{{"kind":"NetworkPolicy","metadata":{{"name":"p"}},"spec":{spec}}}"#)
    };
    let parsed = policy::parse(&file(
        "kube/networkpolicies.json",
        &items(
            &[
                policy(r#"{"podSelector":{},"ingress":[{"from":[{}]}]}"#),
                policy(r#"{"podSelector":{"matchExpressions":[{"key":"a","operator":"Near"}]}}"#),
            ]
            .join(","),
        ),
    ));
    assert!(parsed.value.is_empty());
    assert_eq!(
        problems(&parsed),
        [
            "kube/networkpolicies.json /items/0/spec/ingress/0/from/0: neither `ipBlock` nor a selector is given",
            "kube/networkpolicies.json /items/1/spec/podSelector/matchExpressions/0/operator: `Near` is no operator",
        ]
    );
}

#[test]
fn nodes_with_blocks_addresses_and_taints() {
    let text = r#"{"kind":"Node","metadata":{"name":"node-1"},"spec":{"podCIDR":"10.244.0.0/24","providerID":"cn-hangzhou.i-abc","taints":[{"key":"k","value":"v","effect":"NoSchedule"},{"key":"node.kubernetes.io/unreachable","effect":"NoExecute"}],"unschedulable":true},
        "status":{"addresses":[{"type":"InternalIP","address":"10.99.0.24"},{"type":"Hostname","address":"node-1"},{"type":"ExternalIP","address":"192.0.2.7"}],"conditions":[{"type":"Ready","status":"Unknown"}],"nodeInfo":{"kernelVersion":"6.1.0","operatingSystem":"linux"}}}"#;
    let nodes = clean(node::parse(&file("kube/nodes.json", text)));
    assert_eq!(nodes[0].pod_cidrs, ["10.244.0.0/24".parse().unwrap()]);
    assert_eq!(
        (nodes[0].internal_ips[0], nodes[0].external_ips[0]),
        (ip_of("10.99.0.24"), ip_of("192.0.2.7"))
    );
    assert_eq!(
        nodes[0].taints,
        ["k=v:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"]
    );
    assert!(nodes[0].unschedulable);
    assert_eq!(nodes[0].conditions[0].status, "Unknown");
}

fn kube_proxy(text: &str) -> Result<Option<config::KubeProxyConfig>, config::InvalidSetting> {
    let map = serde_json::json!({"kind": "ConfigMap", "metadata": {"name": "kube-proxy"}, "data": {"config.conf": text, "kubeconfig.conf": "kind: Config\n"}});
    clean(config::parse(&file(
        "kube/configmaps.json",
        &map.to_string(),
    )))[0]
        .kube_proxy()
}

#[test]
fn kube_proxys_configuration() {
    let text = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nclusterCIDR: 10.244.0.0/16,fd00::/48\nconntrack:\n  maxPerCore: 0\niptables:\n  masqueradeAll: true # all of it\n  masqueradeBit: 15\n  localhostNodePorts: null\nipvs:\n  scheduler: \"lc\"\n  strictARP: true\nkind: KubeProxyConfiguration\nmode: \"ipvs\"\nnodePortAddresses:\n- 10.0.0.0/8\n- \"primary\"\n";
    let config = kube_proxy(text).unwrap().unwrap();
    assert_eq!(config.mode.as_deref(), Some("ipvs"));
    assert_eq!(config.cluster_cidrs.len(), 2);
    assert_eq!(
        (config.masquerade_all, config.masquerade_bit),
        (Some(true), Some(15))
    );
    assert_eq!(
        (config.ipvs_scheduler.as_deref(), config.ipvs_strict_arp),
        (Some("lc"), Some(true))
    );
    assert_eq!(config.node_port_addresses, ["10.0.0.0/8", "primary"]);
    assert_eq!(config.localhost_node_ports, None);
    let json = r#"{"kind":"KubeProxyConfiguration","mode":"","nodePortAddresses":["10.0.0.0/8"],"iptables":{"masqueradeBit":3}}"#;
    let config = kube_proxy(json).unwrap().unwrap();
    assert_eq!(
        (
            config.mode,
            config.masquerade_bit,
            config.node_port_addresses.len()
        ),
        (None, Some(3), 1)
    );
    let inline =
        "kind: KubeProxyConfiguration\nnodePortAddresses: [\"10.0.0.0/8\", 192.168.0.0/16]\n";
    assert_eq!(
        kube_proxy(inline)
            .unwrap()
            .unwrap()
            .node_port_addresses
            .len(),
        2
    );
    assert_eq!(kube_proxy("kind: Other\n").unwrap(), None);
}

#[test]
fn a_setting_of_kube_proxy_that_means_nothing_is_an_error_and_no_default() {
    let error =
        kube_proxy("kind: KubeProxyConfiguration\niptables:\n  masqueradeBit: 32\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "kube-proxy's `iptables.masqueradeBit` is `32`, which is not a bit from 0 to 31"
    );
    assert!(kube_proxy("kind: KubeProxyConfiguration\nclusterCIDR: ten\n").is_err());
}

#[test]
fn daemon_sets_and_other_objects() {
    let text = r#"{"kind":"DaemonSet","metadata":{"name":"kube-proxy","namespace":"kube-system"},"spec":{"template":{"spec":{"priorityClassName":"system-node-critical","nodeSelector":{"kubernetes.io/os":"linux"},"containers":[{"name":"p","image":"kube-proxy:v1.20.2"}]}}},"status":{"desiredNumberScheduled":3,"numberReady":2}}"#;
    let sets = clean(config::parse_daemonsets(&file(
        "kube/daemonsets.json",
        text,
    )));
    assert_eq!((sets[0].desired, sets[0].ready), (3, 2));
    assert_eq!(
        sets[0].priority_class.as_deref(),
        Some("system-node-critical")
    );
    let text = items(
        r#"{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"i","namespace":"n"},"spec":{"rules":[]}}"#,
    );
    let objects = clean(generic::parse(&file("kube/ingresses.json", &text)));
    assert_eq!(
        (objects[0].kind.as_str(), objects[0].meta.name.as_str()),
        ("Ingress", "i")
    );
    assert!(objects[0].body["spec"]["rules"].is_array());
}
