//! Routes, as real tools print them.

use super::*;
use crate::evidence::testing::{clean, file, problems};

fn routes(text: &str) -> Vec<Route> {
    clean(parse(&file("ip-route.json", text)))
}

#[test]
fn a_default_route_a_connected_one_and_a_host_route() {
    let all = routes(
        r#"[{"type":"unicast","dst":"default","gateway":"10.99.0.1","dev":"eth0","table":"main","protocol":"dhcp","scope":"global","prefsrc":"10.99.0.24","metric":100,"flags":[]},
            {"type":"unicast","dst":"10.99.0.0/24","dev":"eth0","table":"main","protocol":"kernel","scope":"link","prefsrc":"10.99.0.24","flags":["linkdown"]},
            {"type":"local","dst":"10.99.0.24","dev":"eth0","table":"local","protocol":"kernel","scope":"host","prefsrc":"10.99.0.24","flags":[]}]"#,
    );
    assert_eq!(all[0].dst, "0.0.0.0/0".parse().unwrap());
    assert_eq!((all[0].metric, all[0].table), (100, TableId::MAIN));
    assert_eq!(all[0].nexthops[0].gateway, Some([10, 99, 0, 1].into()));
    assert_eq!(all[1].scope, Scope::LINK);
    assert!(all[1].nexthops[0].linkdown && all[1].nexthops[0].gateway.is_none());
    assert_eq!(
        (all[2].kind, all[2].table, all[2].scope),
        (RouteKind::Local, TableId::LOCAL, Scope::HOST)
    );
    assert_eq!(all[2].dst, "10.99.0.24/32".parse().unwrap());
    assert_eq!(all[2].source.to_string(), "ip-route.json /2");
}

#[test]
fn several_ways_another_familys_gateway_and_nexthop_objects() {
    let all = routes(
        r#"[{"type":"unicast","dst":"10.1.0.0/16","table":"main","protocol":"boot","scope":"global","flags":[],"nexthops":[{"gateway":"10.0.0.2","dev":"va","weight":2,"flags":[]},{"gateway":"10.0.0.3","dev":"va","weight":1,"flags":["onlink","dead"]}]},
            {"type":"unicast","dst":"10.2.0.0/16","via":{"family":"inet6","host":"fe80::1"},"dev":"va","table":"main","protocol":"boot","scope":"global","flags":[]},
            {"type":"unicast","dst":"10.5.0.0/16","nhid":10,"table":"main","protocol":"boot","scope":"global","flags":[],"nh_info":{"id":10,"group":[{"id":1,"weight":2}],"flags":[]},"nexthops":[{"gateway":"10.0.0.2","dev":"va","weight":2,"flags":[]}]},
            {"type":"throw","dst":"10.4.0.0/16","table":"1234","protocol":"boot","scope":"global","flags":[]}]"#,
    );
    let [first, second] = all[0].nexthops.as_slice() else {
        panic!("two ways")
    };
    assert_eq!((first.weight, first.onlink), (2, false));
    assert!(second.onlink && second.dead);
    assert_eq!(all[1].nexthops[0].gateway, Some("fe80::1".parse().unwrap()));
    assert_eq!(all[2].nexthop_id, Some(10));
    assert_eq!(
        (all[3].kind, all[3].table),
        (RouteKind::Throw, TableId(1234))
    );
    assert!(all[3].nexthops.is_empty());
}

#[test]
fn metrics_and_tos() {
    let all = routes(
        r#"[{"type":"unicast","dst":"10.3.0.0/16","tos":"0x10","gateway":"10.0.0.2","dev":"va","table":"1234","protocol":"boot","scope":"global","metric":5,"flags":[],"metrics":[{"mtu":1400,"advmss":1300,"hoplimit":3}]},
            {"type":"unicast","dst":"10.3.0.0/16","tos":"AF21","dev":"va","flags":[]}]"#,
    );
    assert_eq!(
        (all[0].tos, all[0].mtu, all[0].advmss, all[0].hoplimit),
        (0x10, Some(1400), Some(1300), Some(3))
    );
    assert_eq!(all[1].tos, 0x48);
    assert_eq!(all[1].table, TableId::MAIN);
}

#[test]
fn an_encapsulations_dst_is_not_the_routes() {
    // iproute2 prints both into one object (`lwt_print_encap`).
    let all = routes(
        r#"[{"type":"unicast","dst":"10.7.0.0/16","encap":"ip","id":100,"src":"10.0.0.1","dst":"10.0.0.2","ttl":0,"tos":7,"dev":"ipip2","table":"main","protocol":"boot","scope":"link","flags":[]}]"#,
    );
    assert_eq!(all[0].dst, "10.7.0.0/16".parse().unwrap());
    assert_eq!(all[0].tos, 0);
    let encap = all[0].nexthops[0].encap.as_ref().unwrap();
    assert_eq!(
        (encap.id, encap.src, encap.dst),
        (
            Some(100),
            Some([10, 0, 0, 1].into()),
            Some([10, 0, 0, 2].into())
        )
    );
}

#[test]
fn ipv6_is_known_by_the_files_name() {
    let file = file(
        "nodes/n/host/ip6-route.json",
        r#"[{"type":"unicast","dst":"default","gateway":"fd00::2","dev":"va","table":"main","protocol":"boot","scope":"global","metric":1024,"flags":[],"pref":"medium"},
            {"type":"unicast","dst":"fd03::/64","from":"fd00::/64","gateway":"fd00::3","dev":"va","table":"main","protocol":"boot","scope":"global","metric":1024,"flags":[],"pref":"medium"},
            {"type":"unreachable","dst":"fd02::/64","dev":"lo","table":"main","protocol":"boot","scope":"global","metric":1024,"error":-113,"flags":[],"pref":"medium"}]"#,
    );
    let all = clean(parse(&file));
    assert_eq!(all[0].dst, "::/0".parse().unwrap());
    assert_eq!((all[0].family, all[0].metric), (Family::V6, 1024));
    assert_eq!(all[1].src, Some("fd00::/64".parse().unwrap()));
    assert_eq!(
        (all[2].kind, all[2].error),
        (RouteKind::Unreachable, Some(-113))
    );
}

#[test]
fn a_named_table_is_the_same_in_rules_and_routes_and_unlike_any_other() {
    let named = TableId::named("isp1");
    assert_eq!(named, TableId::named("isp1"));
    assert_ne!(named, TableId::named("isp2"));
    assert!(named.is_made_of_a_name());
    for (name, id) in [
        ("main", 254),
        ("local", 255),
        ("default", 253),
        ("1001", 1001),
    ] {
        assert_eq!(TableId::named(name), TableId(id));
        assert!(!TableId::named(name).is_made_of_a_name());
    }
}

#[test]
fn what_cannot_be_read_is_left_out_with_a_problem() {
    let parsed = parse(&file(
        "ip-route.json",
        r#"[{"type":"unicast","dst":"fd00::/64","dev":"va"},
            {"type":"bogus","dst":"10.0.0.0/8","dev":"va"},
            {"type":"unicast","dst":"10.0.0.0/8","scope":"galaxy","dev":"va"},
            {"type":"unicast","dev":"va"},
            {"type":"unicast","dst":"10.0.0.0/8","metric":4294967296,"dev":"va"},
            {"type":"unicast","dst":"10.0.0.0/8","metric":"7","dev":"va"},
            {"type":"unicast","dst":"10"#,
    ));
    assert_eq!(parsed.value.len(), 1);
    assert_eq!(parsed.value[0].metric, 7);
    assert_eq!(
        problems(&parsed),
        [
            "ip-route.json:7: the file ends in the middle of a value; capture it again",
            "ip-route.json /0/dst: `fd00::/64` is no IPv4 prefix",
            "ip-route.json /1/type: `bogus` is no route type",
            "ip-route.json /2/scope: `galaxy` is no scope",
            "ip-route.json /3: `dst` is missing",
            "ip-route.json /4/metric: `4294967296` is out of range",
        ]
    );
}
