//! Gateways and routes as the API has them.

use super::*;
use crate::evidence::testing::{clean, file};

fn objects(items: &str) -> Vec<Object> {
    clean(crate::evidence::kube::generic::parse(&file(
        "kube/x.json",
        &format!("{{\"items\":[{items}]}}"),
    )))
}

const GATEWAY: &str = r#"{"kind":"Gateway","metadata":{"name":"g","namespace":"infra"},"spec":{"listeners":[
    {"name":"web","port":80,"protocol":"HTTP","hostname":"*.example","allowedRoutes":{"namespaces":{"from":"All"}}},
    {"name":"own","port":81,"protocol":"HTTP"},
    {"name":"team","port":82,"protocol":"HTTP","allowedRoutes":{"namespaces":{"from":"Selector","selector":{"matchExpressions":[{"key":"team","operator":"In","values":["a"]}]}}}},
    {"name":"one","port":83,"protocol":"HTTP","hostname":"a.example","allowedRoutes":{"namespaces":{"from":"All"}}},
    {"name":"raw","port":84,"protocol":"TLS","hostname":"*.example","tls":{"mode":"Passthrough"}},
    {"name":"https","port":84,"protocol":"HTTPS","hostname":"a.example","allowedRoutes":{"namespaces":{"from":"All"}}},
    {"name":"any","port":83,"protocol":"HTTP","allowedRoutes":{"namespaces":{"from":"All"}}}]}}"#;

fn route(section: &str, rules: &str) -> String {
    format!(
        r#"{{"kind":"HTTPRoute","metadata":{{"name":"r","namespace":"shop"}},"spec":{{"parentRefs":[{{"name":"g","namespace":"infra"{section}}}],"hostnames":["a.example"],"rules":[{rules}]}}}}"#
    )
}

fn decide(routes: &str, grants: &str, url: &str) -> String {
    let (gateway, routes, grants) = (objects(GATEWAY), objects(routes), objects(grants));
    let labels = [("team".to_owned(), "a".to_owned())].into();
    let routing = Routing {
        gateway: &gateway[0],
        routes: &routes,
        grants: Some(&grants),
        namespaces: &[("shop".to_owned(), labels)].into(),
    };
    match routing.decide(&Url::of(url).unwrap()) {
        Decision::Pass { backends, lost, .. } => {
            let mut all: Vec<String> = backends
                .iter()
                .map(|backend| {
                    format!(
                        "{}/{} {}",
                        backend.namespace, backend.service, backend.weight
                    )
                })
                .collect();
            all.extend(
                lost.iter()
                    .map(|answer| format!("{} {:?}", answer.status, answer.why)),
            );
            all.join(", ")
        }
        Decision::Fixed(answer) => format!("{} {:?}", answer.status, answer.why),
        Decision::Unknown(doubt) => doubt.what,
    }
}

#[test]
fn the_most_specific_match_takes_the_request() {
    let rules = r#"{"matches":[{"path":{"type":"PathPrefix","value":"/"}}],"backendRefs":[{"name":"root","port":80}]},
        {"matches":[{"path":{"type":"PathPrefix","value":"/api"}}],"backendRefs":[{"name":"new","port":80,"weight":3},{"name":"old","port":80}]},
        {"matches":[{"path":{"type":"Exact","value":"/api"}},{"path":{"value":"/h"},"headers":[{"name":"x","value":"y"}]}],"backendRefs":[{"name":"exact","port":80}]}"#;
    let routes = route("", rules);
    assert_eq!(decide(&routes, "", "http://a.example/api"), "shop/exact 1");
    assert_eq!(
        decide(&routes, "", "http://a.example/api/v1"),
        "shop/new 3, shop/old 1"
    );
    assert_eq!(decide(&routes, "", "http://a.example/h"), "shop/root 1");
    assert_eq!(decide(&routes, "", "http://b.example/"), "404 NoRule");
    assert_eq!(decide(&routes, "", "http://a.other/"), "404 NoListener");
}

#[test]
fn routes_attach_where_the_listener_lets_them() {
    let rules = r#"{"backendRefs":[{"name":"web","port":80}]}"#;
    assert_eq!(
        decide(&route("", rules), "", "http://a.example:81/"),
        "404 NotAttached"
    );
    assert_eq!(
        decide(
            &route(r#","sectionName":"own""#, rules),
            "",
            "http://a.example/"
        ),
        "404 NotAttached"
    );
}

#[test]
fn services_of_other_namespaces_need_a_grant() {
    let routes = route(
        "",
        r#"{"backendRefs":[{"name":"db","namespace":"data","port":80}]}"#,
    );
    assert_eq!(decide(&routes, "", "http://a.example/"), "500 NotPermitted");
    let grant = r#"{"kind":"ReferenceGrant","metadata":{"name":"g","namespace":"data"},"spec":{"from":[{"group":"gateway.networking.k8s.io","kind":"HTTPRoute","namespace":"shop"}],"to":[{"group":"","kind":"Service"}]}}"#;
    assert_eq!(decide(&routes, grant, "http://a.example/"), "data/db 1");
}

#[test]
fn namespaces_are_selected_by_expressions_too() {
    let rules = r#"{"backendRefs":[{"name":"web","port":80}]}"#;
    let routes = route("", rules);
    assert_eq!(decide(&routes, "", "http://a.example:82/"), "shop/web 1");
    let elsewhere = routes.replace(r#""namespace":"shop""#, r#""namespace":"far""#);
    let said = decide(&elsewhere, "", "http://a.example:82/");
    assert!(said.contains("labels of namespace `far`"), "{said}");
}

#[test]
fn a_route_of_a_less_specific_listener_is_not_decided() {
    let rules = r#"{"backendRefs":[{"name":"web","port":80}]}"#;
    let routes = route(r#","sectionName":"any""#, rules);
    let said = decide(&routes, "", "http://a.example:83/");
    assert!(said.contains("listener `any`"), "{said}");
}

#[test]
fn a_backend_that_is_not_permitted_costs_only_its_share() {
    let routes = route(
        "",
        r#"{"backendRefs":[{"name":"web","port":80},{"name":"db","namespace":"data","port":80}]}"#,
    );
    assert_eq!(
        decide(&routes, "", "http://a.example/"),
        "shop/web 1, 500 NotPermitted"
    );
}

#[test]
fn query_parameters_are_matched() {
    let rules = r#"{"matches":[{"queryParams":[{"name":"v","value":"2"}]}],"backendRefs":[{"name":"two","port":80}]},
        {"backendRefs":[{"name":"one","port":80}]}"#;
    let routes = route("", rules);
    assert_eq!(decide(&routes, "", "http://a.example/"), "shop/one 1");
    assert_eq!(
        decide(&routes, "", "http://a.example/?x=1&v=2&v=3"),
        "shop/two 1"
    );
    assert_eq!(decide(&routes, "", "http://a.example/?v=3"), "shop/one 1");
}

#[test]
fn a_less_specific_hosts_rules_are_not_decided_behind_a_more_specific_one() {
    let api = r#"{"matches":[{"path":{"value":"/api"}}],"backendRefs":[{"name":"web","port":80}]}"#;
    let all = r#"{"backendRefs":[{"name":"wild","port":80}]}"#;
    let wild = route("", all)
        .replace(r#"["a.example"]"#, r#"["*.example"]"#)
        .replace(r#""name":"r""#, r#""name":"w""#);
    let both = format!("{},{wild}", route("", api));
    assert_eq!(decide(&both, "", "http://a.example/api"), "shop/web 1");
    assert_eq!(decide(&both, "", "http://b.example/x"), "shop/wild 1");
    let said = decide(&both, "", "http://a.example/x");
    assert!(said.contains("a more specific host than"), "{said}");
    // A listener that names the host gives it to both.
    let same = decide(&both, "", "http://a.example:83/x");
    assert_eq!(same, "shop/wild 1");
}

#[test]
fn a_listener_that_passes_tls_through_is_not_decided() {
    let routes = route("", r#"{"backendRefs":[{"name":"web","port":80}]}"#);
    let said = decide(&routes, "", "https://b.example:84/");
    assert!(said.contains("TLSRoute"), "{said}");
    // The more specific listener takes its own host.
    assert_eq!(decide(&routes, "", "https://a.example:84/"), "shop/web 1");
    assert_eq!(
        decide(&routes, "", "http://b.example:84/"),
        "404 NoListener"
    );
}
