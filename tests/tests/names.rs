//! Names and URLs as destinations: looked up and routed over a made cluster whose name server and proxy are pods.
#![expect(
    clippy::indexing_slicing,
    reason = "JSON made here is indexed as it was made"
)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::verdict::{Outcome, Severity, Verdict, catalogue};
use pathglass_tests::ask;
use pathglass_tests::cluster::{Cluster, edit, edit_list};
use pathglass_tests::corpus::Files;
use pathglass_tests::honesty::{self, Compared};
use pathglass_tests::schema;
use serde_json::json;

const CLIENT: &str = "nodes/node-1/pods/default_client";
/// The pods that take the parts of name server and proxy.
const DNS_POD: &str = "nodes/node-2/pods/default_web-10";
const PROXY_POD: &str = "nodes/node-2/pods/default_web-11";
const COREFILE: &str =
    ".:53 {\n  kubernetes cluster.local {\n    pods insecure\n  }\n  forward . 198.51.100.53\n}\n";

fn listen(files: &mut Files, pod: &str, port: u16) {
    edit(files, &format!("{pod}/ss.txt"), |text| {
        text.push_str(&format!(
            "tcp LISTEN 0 128 0.0.0.0:{port} 0.0.0.0:* users:((\"server\"))\nudp UNCONN 0 0 0.0.0.0:{port} 0.0.0.0:* users:((\"server\"))\n"
        ));
    });
}

/// A cluster whose pod `web-10` answers names and whose pod `web-11` takes HTTP requests.
fn files() -> Files {
    let mut files = Cluster::new(3).files();
    edit(&mut files, &format!("{CLIENT}/resolv.conf"), |text| {
        text.push_str("search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.244.1.10\noptions ndots:5\n");
    });
    listen(&mut files, DNS_POD, 53);
    listen(&mut files, PROXY_POD, 80);
    edit_list(&mut files, "pods", |pods| {
        for pod in pods {
            match pod["metadata"]["name"].as_str() {
                Some("web-10") => pod["metadata"]["labels"] = json!({"k8s-app": "kube-dns"}),
                Some("web-11") => {
                    pod["metadata"]["labels"] = json!({"app.kubernetes.io/name": "ingress-nginx", "gateway.networking.k8s.io/gateway-name": "g"});
                }
                _ => {}
            }
        }
    });
    edit_list(&mut files, "namespaces", |namespaces| {
        for name in ["default", "bench"] {
            namespaces.push(json!({"kind": "Namespace", "metadata": {"name": name}}));
        }
    });
    edit_list(&mut files, "configmaps", |maps| {
        maps.push(json!({"kind": "ConfigMap", "metadata": {"name": "coredns", "namespace": "default"}, "data": {"Corefile": COREFILE}}));
    });
    edit_list(&mut files, "services", |services| {
        services.push(
            json!({"kind": "Service", "metadata": {"name": "alias", "namespace": "bench"},
            "spec": {"type": "ExternalName", "externalName": "svc-00002.bench.svc.cluster.local"}}),
        );
        services.push(
            json!({"kind": "Service", "metadata": {"name": "empty", "namespace": "bench"},
            "spec": {"clusterIP": "None", "ports": [{"port": 80}], "selector": {"app": "nobody"}}}),
        );
        // Its load balancer is the proxy's own address: nothing stands in between.
        services.push(json!({"kind": "Service", "metadata": {"name": "proxy", "namespace": "default"},
            "spec": {"type": "LoadBalancer", "clusterIP": "10.111.0.1", "ports": [{"port": 80}], "selector": {"app.kubernetes.io/name": "ingress-nginx"}},
            "status": {"loadBalancer": {"ingress": [{"ip": "10.244.1.11"}]}}}));
    });
    edit_list(&mut files, "ingressclasses", |classes| {
        classes.push(json!({"kind": "IngressClass", "metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}));
    });
    edit_list(&mut files, "ingresses", |ingresses| {
        let path = |path: &str, service: &str, port: u16| json!({"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": port}}}});
        ingresses.push(json!({"kind": "Ingress", "metadata": {"name": "shop", "namespace": "bench"}, "spec": {"ingressClassName": "nginx",
            "rules": [{"host": "shop.example", "http": {"paths": [
                path("/web", "svc-00000", 80), path("/gone", "no-such", 80), path("/port", "svc-00000", 81), path("/empty", "empty", 80),
                path("/pods", "svc-00000", 8080),
            ]}}]}}));
    });
    files
}

fn diagnose(files: &Files, to: &str) -> Verdict {
    let request = FlowRequest {
        from: Cluster::client(),
        to: to.to_owned(),
        ..FlowRequest::default()
    };
    let verdict = ask::diagnose(&mut ask::unsealed(files), &request).unwrap();
    let validator = schema::validator().unwrap();
    assert_eq!(
        schema::problems(&validator, &verdict.to_json()),
        Vec::<String>::new(),
        "{to}"
    );
    for finding in &verdict.findings {
        assert!(
            !finding.evidence.is_empty(),
            "{to}: {} cites nothing",
            finding.code
        );
        assert!(catalogue::find(&finding.code).is_some(), "{}", finding.code);
    }
    verdict
}

fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict
        .findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect()
}

#[test]
fn a_service_by_its_name() {
    let files = files();
    let verdict = diagnose(&files, "dns:svc-00001.bench");
    assert_eq!(verdict.outcome, Outcome::Connected);
    assert_eq!(verdict.flow.to.object, Cluster::service(1));
    assert_eq!(verdict.branches.len(), 5);
    let legs: Vec<_> = verdict
        .legs
        .iter()
        .map(|leg| (leg.name.as_str(), leg.outcome))
        .collect();
    assert_eq!(
        legs,
        [
            ("DNS query over UDP", Outcome::Connected),
            ("DNS query over TCP", Outcome::Connected),
            ("name lookup", Outcome::Connected)
        ]
    );
    let alias = diagnose(&files, "dns:alias.bench:80");
    assert_eq!(
        (alias.outcome, alias.flow.to.object),
        (Outcome::Connected, Cluster::service(2))
    );
}

#[test]
fn a_name_that_is_not_there() {
    let files = files();
    let verdict = diagnose(&files, "dns:svc-00001");
    assert_eq!(verdict.outcome, Outcome::Unreachable);
    let first = &verdict.findings[0];
    assert_eq!(
        (first.code.as_str(), first.severity),
        ("dns.no-such-name", Severity::Cause)
    );
    assert!(
        first
            .message
            .contains("`svc-00001.bench.svc.cluster.local`"),
        "{}",
        first.message
    );
    assert_eq!(
        codes(&diagnose(&files, "dns:empty.bench:80"))[0],
        "dns.headless-empty"
    );
}

/// What keeps a name from being answered is what a person must change, and the command shows it.
#[test]
fn a_name_without_an_address_blames_what_is_there() {
    let mut files = files();
    edit_list(&mut files, "configmaps", |maps| {
        let text = COREFILE.replace("pods insecure", "pods disabled");
        maps[0]["data"]["Corefile"] = json!(text);
    });
    let setup = diagnose(&files, "dns:10-1-2-3.bench.pod.cluster.local:80");
    let first = &setup.findings[0];
    assert_eq!(
        (first.code.as_str(), first.object.as_str()),
        ("dns.setup", "configmap:default/coredns")
    );
    assert_eq!(
        first.confirm,
        ["kubectl get configmap -n default coredns -o yaml"]
    );
    let none = diagnose(&files, "dns:bench.svc.cluster.local:80");
    let first = &none.findings[0];
    assert_eq!(first.code, "dns.no-address");
    assert_eq!(first.confirm, ["kubectl get services -A"]);
}

/// Kubelet writes it into the pod's hosts file: a StatefulSet's pod finds itself before it is ready.
#[test]
fn a_pod_knows_its_own_whole_name() {
    let mut files = files();
    let name = "dns:client.clients.default.svc.cluster.local:7000";
    let lookup = |files: &Files| {
        let verdict = diagnose(files, name);
        let leg = verdict.legs.iter().find(|leg| leg.name == "name lookup");
        leg.unwrap().outcome
    };
    assert_eq!(lookup(&files), Outcome::Unreachable);
    edit_list(&mut files, "pods", |pods| {
        for pod in pods {
            if pod["metadata"]["name"] == "client" {
                pod["spec"]["subdomain"] = json!("clients");
            }
        }
    });
    assert_eq!(lookup(&files), Outcome::Connected);
}

#[test]
fn a_name_server_that_does_not_answer() {
    let mut files = files();
    edit(&mut files, &format!("{DNS_POD}/ss.txt"), |text| {
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains(":53 ")).collect();
        *text = kept.join("\n") + "\n";
    });
    let verdict = diagnose(&files, "dns:svc-00001.bench:80");
    assert_eq!(verdict.outcome, Outcome::Refused);
    assert_eq!(
        codes(&verdict)[..2],
        ["socket.no-listener", "dns.query-failed"]
    );
    assert_eq!(
        verdict.findings[1].under.as_deref(),
        Some("socket.no-listener")
    );
}

#[test]
fn glibc_alone_heeds_that_names_are_asked_for_over_tcp() {
    let mut files = files();
    edit(&mut files, &format!("{CLIENT}/resolv.conf"), |text| {
        text.push_str("options use-vc\n");
    });
    let verdict = diagnose(&files, "dns:svc-00001.bench");
    assert_eq!(verdict.outcome, Outcome::Connected);
    edit(&mut files, &format!("{DNS_POD}/ss.txt"), |text| {
        *text = text.replace(
            "tcp LISTEN 0 128 0.0.0.0:53 ",
            "tcp LISTEN 0 128 0.0.0.0:54 ",
        );
    });
    let verdict = diagnose(&files, "dns:svc-00001.bench");
    assert_eq!(verdict.outcome, Outcome::Unknown);
    let told = verdict.settle.iter().any(|line| line.contains("`use-vc`"));
    assert!(told, "{:?}", verdict.settle);
}

#[test]
fn what_is_not_captured_is_not_known() {
    let mut files = files();
    let outside = diagnose(&files, "dns:www.example.org:443");
    assert_eq!(outside.outcome, Outcome::Unknown);
    files.remove("kube/configmaps.json");
    let verdict = diagnose(&files, "dns:svc-00001.bench");
    assert_eq!(verdict.outcome, Outcome::Unknown);
    assert!(
        verdict
            .settle
            .iter()
            .any(|line| line.contains("configmaps")),
        "{:?}",
        verdict.settle
    );
}

#[test]
fn a_sealed_capture_says_the_same() {
    let files = files();
    let bytes = ask::sealed_bytes(&files).unwrap();
    for to in [
        "dns:svc-00001.bench",
        "dns:nosuch",
        "http://shop.example/web",
    ] {
        let request = FlowRequest {
            from: Cluster::client(),
            to: to.to_owned(),
            ..FlowRequest::default()
        };
        let sealed = ask::diagnose(&mut ask::sealed(bytes.clone()), &request).unwrap();
        let open = diagnose(&files, to);
        assert_eq!(
            (sealed.outcome, codes(&sealed)),
            (open.outcome, codes(&open)),
            "{to}"
        );
    }
}

#[test]
fn an_ingress_leads_to_its_backend() {
    let files = files();
    let verdict = diagnose(&files, "http://shop.example/web/x");
    assert_eq!(verdict.outcome, Outcome::Connected, "{:?}", verdict.settle);
    assert_eq!(verdict.branches.len(), 5);
    assert!(
        verdict
            .branches
            .iter()
            .all(|branch| branch.hops[0].object == "pod:default/web-11")
    );
    // One command for both fails where the cluster has no Gateway API.
    assert_eq!(
        diagnose(&files, "http://shop.example/other").findings[0].confirm,
        ["kubectl get ingresses -A", "kubectl get httproutes -A"]
    );
    // ingress-nginx takes the service's target port as well (`serviceEndpoints`).
    let by_target = diagnose(&files, "http://shop.example/pods");
    assert_eq!(
        (by_target.outcome, by_target.branches.len()),
        (Outcome::Connected, 5)
    );
    for (path, code) in [
        ("/other", "http.no-rule"),
        ("/gone", "http.backend-missing"),
        ("/port", "http.backend-missing"),
        ("/empty", "http.backend-missing"),
    ] {
        let verdict = diagnose(&files, &format!("http://shop.example{path}"));
        assert_eq!(
            (verdict.outcome, codes(&verdict)[0]),
            (Outcome::Unreachable, code),
            "{path}"
        );
    }
    assert_eq!(
        codes(&diagnose(&files, "http://shop.exampel/web"))[0],
        "http.no-rule"
    );
}

/// Two installations of ingress-nginx have the same labels but for their instance.
#[test]
fn of_two_controllers_the_class_names_its_own() {
    let mut files = files();
    edit_list(&mut files, "pods", |pods| {
        for pod in pods {
            let instance = match pod["metadata"]["name"].as_str() {
                Some("web-11") => "outer",
                Some("web-12") => "inner",
                _ => continue,
            };
            pod["metadata"]["labels"] = json!({"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/instance": instance});
        }
    });
    let unsure = diagnose(&files, "http://shop.example/web/x");
    assert_eq!(unsure.outcome, Outcome::Unknown);
    let said = "which of several installations";
    assert!(
        unsure.settle.iter().any(|line| line.starts_with(said)),
        "{:?}",
        unsure.settle
    );
    edit_list(&mut files, "ingressclasses", |classes| {
        classes[0]["metadata"]["labels"] = json!({"app.kubernetes.io/instance": "outer"});
    });
    edit_list(&mut files, "services", |services| {
        for service in services {
            if service["metadata"]["name"] == "proxy" {
                service["spec"]["selector"]["app.kubernetes.io/instance"] = json!("outer");
            }
        }
    });
    let sure = diagnose(&files, "http://shop.example/web/x");
    assert_eq!(sure.outcome, Outcome::Connected, "{:?}", sure.settle);
}

#[test]
fn behind_a_rule_that_traefik_leaves_out_another_may_take_the_request() {
    let mut files = files();
    let labels = json!({"app.kubernetes.io/name": "traefik"});
    edit_list(&mut files, "ingressclasses", |classes| {
        classes[0]["spec"]["controller"] = json!("traefik.io/ingress-controller");
    });
    edit_list(&mut files, "pods", |pods| {
        for pod in pods {
            if pod["metadata"]["name"] == "web-11" {
                pod["metadata"]["labels"] = labels.clone();
            }
        }
    });
    edit_list(&mut files, "services", |services| {
        for service in services {
            if service["metadata"]["name"] == "proxy" {
                service["spec"]["selector"] = labels.clone();
            }
        }
    });
    let alone = diagnose(&files, "http://shop.example/gone");
    assert_eq!(alone.outcome, Outcome::Unreachable);
    let told = &alone.findings[0].message;
    assert!(!told.contains("is told"), "{told}");
    edit_list(&mut files, "ingresses", |ingresses| {
        let rule = &mut ingresses.last_mut().unwrap()["spec"]["rules"][0];
        let paths = rule["http"]["paths"].as_array_mut().unwrap();
        paths.push(json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "svc-00000", "port": {"number": 80}}}}));
    });
    let unsure = diagnose(&files, "http://shop.example/gone");
    assert_eq!(unsure.outcome, Outcome::Unknown);
    assert_eq!(unsure.findings[0].severity, Severity::Contributing);
}

/// A Gateway and its route, beside the Ingress.
fn with_gateway() -> Files {
    let mut files = files();
    edit_list(&mut files, "gateways", |gateways| {
        gateways.push(json!({"kind": "Gateway", "metadata": {"name": "g", "namespace": "default"}, "spec": {"listeners": [
            {"name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}]}}));
    });
    edit_list(&mut files, "httproutes", |routes| {
        routes.push(
            json!({"kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "bench"}, "spec": {
            "parentRefs": [{"name": "g", "namespace": "default"}], "hostnames": ["api.example"],
            "rules": [{"backendRefs": [{"name": "svc-00000", "port": 80}]},
                {"matches": [{"path": {"value": "/empty"}}], "backendRefs": [{"name": "empty", "port": 80}]},
                {"matches": [{"path": {"value": "/gone"}}], "backendRefs": [{"name": "no-such", "port": 80}]}]}}),
        );
    });
    files
}

#[test]
fn a_gateways_route_leads_to_its_backends() {
    let files = with_gateway();
    let verdict = diagnose(&files, "http://api.example/");
    assert_eq!(
        (verdict.outcome, verdict.branches.len()),
        (Outcome::Connected, 5),
        "{:?}",
        verdict.settle
    );
    // The backends' port without a listener: Envoy, which most Gateways are, says 503.
    let mut deaf = files.clone();
    for path in files.keys().filter(|path| path.ends_with("/ss.txt")) {
        edit(&mut deaf, path, |text| {
            let kept: Vec<&str> = text
                .lines()
                .filter(|line| !line.contains(":8080 "))
                .collect();
            *text = kept.join("\n") + "\n";
        });
    }
    let refused = diagnose(&deaf, "http://api.example/");
    let told = refused
        .findings
        .iter()
        .find(|finding| finding.code == "proxy.bad-gateway");
    let told = &told.unwrap().message;
    assert!(told.ends_with("502 (503 by Envoy and HAProxy)"), "{told}");
    for (path, status) in [("/empty", "503"), ("/gone", "500")] {
        let verdict = diagnose(&files, &format!("http://api.example{path}"));
        assert_eq!(codes(&verdict)[0], "http.backend-missing", "{path}");
        let told = &verdict.findings[0].message;
        assert!(told.contains(&format!("is told {status}")), "{told}");
    }
    assert_eq!(
        codes(&diagnose(&files, "http://other.example/"))[0],
        "http.no-rule"
    );
    assert_eq!(
        codes(&diagnose(&files, "http://api.example:81/"))[0],
        "gateway.no-listener"
    );
}

#[test]
fn without_a_file_names_and_urls_say_the_same_or_less() {
    let files = with_gateway();
    let asked = [
        "dns:svc-00001.bench",
        "dns:svc-00001",
        "dns:alias.bench:80",
        "dns:empty.bench:80",
        "http://shop.example/web/x",
        "http://shop.example/other",
        "http://shop.example/empty",
        "http://api.example/",
        "http://api.example:81/",
        "http://other.example/",
    ];
    let before: Vec<Verdict> = asked.iter().map(|to| diagnose(&files, to)).collect();
    let mut told = Vec::new();
    let (mut n_same, mut n_unsure) = (0, 0);
    for file in files.keys() {
        let left = honesty::without(&files, |path| path == file);
        let mut session = ask::unsealed(&left);
        for (to, before) in asked.iter().zip(&before) {
            let request = FlowRequest {
                from: Cluster::client(),
                to: (*to).to_owned(),
                ..FlowRequest::default()
            };
            let Ok(after) = ask::diagnose(&mut session, &request) else {
                continue;
            };
            match honesty::compare(before, &after) {
                Compared::Same => n_same += 1,
                Compared::Unsure => n_unsure += 1,
                Compared::Contradiction(how) => told.push(format!("{to} without {file}: {how}")),
            }
        }
    }
    assert!(n_same > 0 && n_unsure > 0, "{n_same} {n_unsure}");
    assert!(told.is_empty(), "\n  {}\n", told.join("\n  "));
}
