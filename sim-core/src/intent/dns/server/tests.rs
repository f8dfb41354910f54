//! Answers of a few Corefiles over a few objects.

use super::*;
use crate::evidence::corefile::parse;
use crate::evidence::testing::file;
use crate::snapshot::Folder;
use crate::world::Parses;

fn corefile(text: &str) -> Corefile {
    Corefile {
        blocks: parse(text),
        source: Source::whole(&file("kube/configmaps.json", "{}")),
        object: "configmap:kube-system/coredns".to_owned(),
    }
}

/// The answer in a word.
fn step(text: &str, name: &str) -> String {
    let lists: [(&str, &str); 3] = [
        (
            "namespaces",
            r#"{"kind":"Namespace","metadata":{"name":"shop"}}"#,
        ),
        (
            "services",
            r#"{"kind":"Service","metadata":{"name":"web","namespace":"shop"},"spec":{"clusterIP":"10.96.0.7","ports":[{"name":"http","port":80}]}},
          {"kind":"Service","metadata":{"name":"db","namespace":"shop"},"spec":{"clusterIP":"None","ports":[{"port":80}]}},
          {"kind":"Service","metadata":{"name":"none","namespace":"shop"},"spec":{"clusterIP":"None","ports":[{"port":80}]}},
          {"kind":"Service","metadata":{"name":"ext","namespace":"shop"},"spec":{"type":"ExternalName","externalName":"www.example.org"}}"#,
        ),
        (
            "endpointslices",
            r#"{"kind":"EndpointSlice","metadata":{"name":"db-1","namespace":"shop","labels":{"kubernetes.io/service-name":"db"}},"addressType":"IPv4","ports":[{"port":80}],
          "endpoints":[{"addresses":["10.244.0.5"],"hostname":"db-0","conditions":{"ready":true}},{"addresses":["10.244.0.6"],"conditions":{"ready":false}}]}"#,
        ),
    ];
    let files = lists.map(|(name, items)| {
        let text = format!("{{\"items\":[{items}]}}");
        (format!("kube/{name}.json"), text.into_bytes().into())
    });
    let mut store = Folder::new(files.into());
    let mut parses = Parses::default();
    let mut world = World::new(&mut store, &mut parses);
    match corefile(text).step(&mut world, 53, name).unwrap() {
        Step::Reply(Reply::Found(found)) => found.addresses[0].to_string(),
        Step::Reply(Reply::NoName(why)) => format!("no name: {:?}", why.kind),
        Step::Reply(Reply::NoData(_)) => "no data".to_owned(),
        Step::Reply(Reply::Failure(_)) => "failure".to_owned(),
        Step::Reply(Reply::Outside(_)) => "outside".to_owned(),
        Step::Reply(Reply::Unknown(doubt)) => doubt.what,
        Step::Alias(name, ..) => format!("alias {name}"),
        Step::Forward(forward) => format!("forward {} {:?}", forward.name, forward.to),
    }
}

const USUAL: &str = ".:53 {\n errors\n kubernetes cluster.local in-addr.arpa {\n pods insecure\n fallthrough in-addr.arpa\n }\n forward . /etc/resolv.conf\n cache 30\n loadbalance\n}\ncorp.example:53 {\n forward . 192.0.2.9\n}\n";

#[test]
fn names_of_the_cluster() {
    assert_eq!(step(USUAL, "web.shop.svc.cluster.local"), "10.96.0.7");
    assert_eq!(
        step(USUAL, "_http._tcp.web.shop.svc.cluster.local"),
        "10.96.0.7"
    );
    assert_eq!(
        step(USUAL, "_wrong._tcp.web.shop.svc.cluster.local"),
        "no name: NoObject"
    );
    assert_eq!(step(USUAL, "db.shop.svc.cluster.local"), "10.244.0.5");
    assert_eq!(step(USUAL, "db-0.db.shop.svc.cluster.local"), "10.244.0.5");
    assert_eq!(
        step(USUAL, "10-244-0-6.db.shop.svc.cluster.local"),
        "no name: NoObject"
    );
    assert_eq!(
        step(USUAL, "none.shop.svc.cluster.local"),
        "no name: NoEndpoints"
    );
    assert_eq!(
        step(USUAL, "ext.shop.svc.cluster.local"),
        "alias www.example.org"
    );
    assert_eq!(step(USUAL, "shop.svc.cluster.local"), "no data");
    assert_eq!(step(USUAL, "web.svc.cluster.local"), "no name: NoObject");
    assert_eq!(step(USUAL, "10-1-2-3.shop.pod.cluster.local"), "10.1.2.3");
    assert_eq!(step(USUAL, "web.cluster.local"), "no name: NoObject");
}

#[test]
fn the_longest_zone_wins_and_the_rest_is_forwarded() {
    assert!(step(USUAL, "www.example.org").starts_with("forward www.example.org [File"));
    assert!(step(USUAL, "a.corp.example").contains("192.0.2.9"));
    assert_eq!(
        step("corp.example {\n forward . 192.0.2.9\n}\n", "web.example"),
        "failure"
    );
    let except = ". {\n forward . 192.0.2.9 {\n except corp.example\n }\n}\n";
    assert_eq!(step(except, "a.corp.example"), "failure");
}

#[test]
fn plugins_act_in_coredns_own_order() {
    let text = ". {\n forward . 192.0.2.9\n kubernetes cluster.local\n hosts {\n 192.0.2.5 a.example\n fallthrough\n }\n rewrite name suffix .old .shop.svc.cluster.local\n}\n";
    assert_eq!(step(text, "web.old"), "10.96.0.7");
    assert_eq!(step(text, "a.example"), "192.0.2.5");
    assert_eq!(
        step(
            ". {\n hosts {\n 192.0.2.5 a.example\n }\n forward . 192.0.2.9\n}\n",
            "b.example"
        ),
        "failure"
    );
    assert!(
        step(". {\n rewrite name regex (.*) a\n}\n", "b.example").contains("regular expression")
    );
    assert!(
        step(
            ". {\n route53 corp.:Z1\n forward . 192.0.2.9\n}\n",
            "b.corp"
        )
        .contains("route53")
    );
    assert!(
        step(
            ". {\n route53 corp.:Z1\n forward . 192.0.2.9\n}\n",
            "b.example"
        )
        .starts_with("forward")
    );
    assert!(step(". {\n fancy\n}\n", "b.example").contains("`fancy`"));
}

#[test]
fn what_is_left_out_or_twice_there_is_not_decided() {
    for text in [
        ".:53 {\n forward . 192.0.2.9 {\n left-out\n }\n}\n",
        ".:53 {\n forward . 192.0.2.9 {\n next NXDOMAIN\n }\n}\n",
        "left-out\nforward . 192.0.2.9\n",
        "left-out\n.:53 {\n forward . 192.0.2.9\n}\n",
        ".:53 {\n rewrite stop {\n }\n forward . 192.0.2.9\n}\n",
        ".:53 {\n rewrite cname exact a b\n forward . 192.0.2.9\n}\n",
        ".:53 {\n bind 192.0.2.1\n forward . 192.0.2.9\n}\n.:53 {\n bind 192.0.2.2\n forward . 192.0.2.8\n}\n",
    ] {
        let said = step(text, "b.example");
        assert!(
            said.contains(' ') && !said.starts_with("forward"),
            "{text}: {said}"
        );
    }
}
