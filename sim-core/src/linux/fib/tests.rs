//! Routes and rules, as the kernel was seen to choose them.

use super::{FibKey, NoRoute, lookup};
use crate::evidence::route::RouteKind;
use crate::linux::choice::Tri;
use crate::linux::netfilter::{FibQuestion, ReversePath, Surroundings as _};
use crate::linux::packet::{Packet, Transport};
use crate::linux::source_address::select_v6;
use crate::world::Namespace;

fn ns(files: &[(&'static str, &str)]) -> Namespace {
    Namespace::of(files)
}

fn device(ns: &Namespace, key: &FibKey<'_>) -> String {
    match lookup(ns, key) {
        Ok(found) => format!(
            "{:?} {}",
            found.route.kind,
            found.nexthops[0].device.as_deref().unwrap_or("-")
        ),
        Err(NoRoute::Missing) => "missing".to_owned(),
        Err(NoRoute::Refused { kind, .. }) => format!("{kind:?}"),
        Err(NoRoute::Undecided(doubt)) => doubt.what,
    }
}

const RULES: &str = r#"{"priority":0,"src":"all","table":"local"},{"priority":32766,"src":"all","table":"main"},{"priority":32767,"src":"all","table":"default"}"#;

#[test]
fn local_and_main_are_one_trie_until_there_is_a_rule() {
    let routes = r#"[{"type":"local","dst":"10.0.0.0/8","dev":"lo","table":"local","scope":"host"},
        {"type":"unicast","dst":"10.0.2.0/24","dev":"eth0","table":"main"}]"#;
    let key = FibKey::to([10, 0, 2, 2].into());
    let plain = format!("[{RULES}]");
    let custom =
        format!(r#"[{{"priority":9,"src":"all","dst":"9.9.9.9","action":"prohibit"}},{RULES}]"#);
    let of = |rules: &str| {
        device(
            &ns(&[("ip-route.json", routes), ("ip-rule.json", rules)]),
            &key,
        )
    };
    assert_eq!(of(&plain), "Unicast eth0");
    assert_eq!(of(&custom), "Local lo");
}

#[test]
fn a_suppressing_rule_lets_reject_routes_through() {
    let routes = r#"[{"type":"blackhole","dst":"0.0.0.0/1","table":"main"},{"type":"unicast","dst":"128.0.0.0/1","dev":"eth0","table":"main"}]"#;
    let rules = r#"[{"priority":10,"src":"all","table":"main","suppress_prefixlen":1}]"#;
    let ns = ns(&[("ip-route.json", routes), ("ip-rule.json", rules)]);
    assert_eq!(device(&ns, &FibKey::to([10, 0, 0, 1].into())), "Blackhole");
    assert_eq!(device(&ns, &FibKey::to([192, 0, 2, 1].into())), "missing");
}

#[test]
fn ipv4_compares_tos_without_precedence_and_ipv6_with_it() {
    let rule = r#"[{"priority":10,"src":"all","tos":"0x10","action":"prohibit"}]"#;
    let ns = ns(&[("ip-rule.json", rule), ("ip6-rule.json", rule)]);
    let of = |dst: &str, tos| {
        let key = FibKey {
            tos,
            ..FibKey::to(dst.parse().unwrap())
        };
        device(&ns, &key)
    };
    assert_eq!(
        [of("10.0.0.1", 0xd0), of("10.0.0.1", 0x0c)],
        ["Prohibit", "missing"]
    );
    assert_eq!(
        [of("fd00::1", 0xd0), of("fd00::1", 0x10)],
        ["missing", "Prohibit"]
    );
}

#[test]
fn an_ipv6_host_leaves_a_dead_gateway_and_a_router_does_not() {
    let routes = r#"[{"type":"unicast","dst":"fd09::9","gateway":"fd01::77","dev":"eth0","table":"main","metric":1024},
        {"type":"unicast","dst":"fd09::/16","gateway":"fd03::1","dev":"eth1","table":"main","metric":1024}]"#;
    let neighbours = r#"[{"dst":"fd01::77","dev":"eth0","state":["FAILED"]}]"#;
    let key = FibKey::to("fd09::9".parse().unwrap());
    let of = |forwarding: &str| {
        device(
            &ns(&[
                ("ip6-route.json", routes),
                ("ip-neigh.json", neighbours),
                ("sysctl.txt", forwarding),
            ]),
            &key,
        )
    };
    assert_eq!(of("net.ipv6.conf.all.forwarding = 0\n"), "Unicast eth1");
    assert_eq!(of("net.ipv6.conf.all.forwarding = 1\n"), "Unicast eth0");
}

#[test]
fn a_route_for_a_source_goes_before_metrics_and_hides_those_for_any() {
    let routes = r#"[{"type":"unicast","dst":"fd02::/64","dev":"eth0","table":"main","metric":256},
        {"type":"blackhole","dst":"fd02::/64","from":"fd01::/64","dev":"lo","table":"main","metric":1024},
        {"type":"unicast","dst":"default","dev":"eth1","table":"main","metric":1024}]"#;
    let ns = ns(&[("ip6-route.json", routes)]);
    let dst = "fd02::2".parse().unwrap();
    let from = |src: &str| FibKey {
        src: Some(src.parse().unwrap()),
        ..FibKey::to(dst)
    };
    assert_eq!(
        device(&ns, &from("fd01::2")),
        format!("{:?}", RouteKind::Blackhole)
    );
    assert_eq!(device(&ns, &from("fd05::2")), "Unicast eth1");
    assert_eq!(device(&ns, &FibKey::to(dst)), "Unicast eth1");
}

#[test]
fn loopback_and_link_local_destinations_are_of_the_device_that_the_packet_came_by() {
    let routes = r#"[{"type":"local","dst":"::1","dev":"lo","table":"local"},{"type":"local","dst":"fd00::1","dev":"eth1","table":"local"}]"#;
    let ns = ns(&[("ip6-route.json", routes)]);
    let by = |dst: &str| FibKey {
        iif: Some("eth0"),
        ..FibKey::to(dst.parse().unwrap())
    };
    assert_eq!(device(&ns, &by("::1")), "missing");
    assert_eq!(device(&ns, &by("fd00::1")), "Local eth1");
}

#[test]
fn ipv6_sources_by_scope_state_device_label_and_prefix() {
    let address = |device: &str, index: u32, of: &str| {
        format!(r#"{{"ifindex":{index},"ifname":"{device}","addr_info":[{of}]}}"#)
    };
    let global = |local: &str, more: &str| {
        format!(r#"{{"family":"inet6","local":"{local}","prefixlen":64,"scope":"global"{more}}}"#)
    };
    let eth0 = [
        global("fd01::99", r#","deprecated":true"#),
        global("fd01::2", ""),
        global("2001:db8::2", ""),
        r#"{"family":"inet6","local":"fe80::2","prefixlen":64,"scope":"link"}"#.to_owned(),
    ]
    .join(",");
    let text = format!(
        "[{},{}]",
        address("lo", 1, &global("fd07::1", "")),
        address("eth0", 2, &eth0)
    );
    let ns = ns(&[("ip-addr.json", &text)]);
    let from = |device: &str, dst: &str| {
        select_v6(&ns, Some(device), dst.parse().unwrap())
            .unwrap()
            .to_string()
    };
    assert_eq!(from("eth0", "fd01::98"), "fd01::2");
    assert_eq!(from("eth0", "2001:db8:9::3"), "2001:db8::2");
    assert_eq!(from("eth0", "fe80::9"), "fe80::2");
    assert_eq!(from("eth0", "fd07::1"), "fd07::1");
    assert_eq!(from("lo", "fd01::98"), "fd07::1");
}

/// Measured with counters beside `fib saddr . iif oif` in namespaces (docs/kernel-notes.md).
#[test]
fn nft_fib_asks_ipv4_for_any_next_hop_and_link_local_addresses_on_their_link() {
    let v4 = r#"[{"type":"unicast","dst":"10.7.0.1","table":"main","nexthops":[{"gateway":"10.8.0.2","dev":"vc","weight":1},{"gateway":"10.9.0.2","dev":"va","weight":1}]},
        {"type":"local","dst":"10.9.0.1","dev":"va","table":"local"}]"#;
    let v6 = r#"[{"type":"unicast","dst":"fd07::1","table":"main","nexthops":[{"gateway":"fd08::2","dev":"vc","weight":1},{"gateway":"fd09::2","dev":"va","weight":1}]},
        {"type":"unicast","dst":"fe80::/64","dev":"vc","table":"main"},
        {"type":"unicast","dst":"fe80::/64","dev":"va","table":"main"},
        {"type":"local","dst":"fd09::1","dev":"va","table":"local"}]"#;
    let rules = format!("[{RULES}]");
    let ns = ns(&[
        ("ip-route.json", v4),
        ("ip-rule.json", &rules),
        ("ip6-route.json", v6),
        ("ip6-rule.json", &rules),
    ]);
    let of = |to: &str, from: &str, on, by| {
        let asked = FibQuestion {
            to: to.parse().unwrap(),
            from: from.parse().unwrap(),
            mark: 0,
            on,
            by,
        };
        match ns.route_device(asked) {
            Ok(device) => device.unwrap_or_else(|| "missing".to_owned()),
            Err(Tri::Unknown(doubt)) => doubt.what,
            Err(other) => format!("{other:?}"),
        }
    };
    let hash = "which of several next hops the kernel's hash takes";
    for (to, from, on, by, device) in [
        ("10.7.0.1", "10.9.0.1", Some("va"), Some("va"), "va"),
        ("10.7.0.1", "10.9.0.1", Some("va"), Some("vb"), "missing"),
        ("10.7.0.1", "10.9.0.1", Some("va"), None, "vc"),
        ("10.9.0.1", "10.7.0.1", Some("va"), None, "missing"),
        ("fd07::1", "fd09::1", Some("va"), Some("va"), hash),
        ("fd09::1", "fd07::1", Some("va"), Some("va"), "missing"),
        ("fe80::2", "ff02::1:ff00:1", Some("va"), Some("va"), "va"),
        ("fe80::2", "ff02::1:ff00:1", Some("vc"), Some("vc"), "vc"),
        ("fe80::2", "ff02::1:ff00:1", Some("va"), None, "va"),
        ("fe80::2", "ff02::1:ff00:1", Some("vb"), None, "missing"),
    ] {
        assert_eq!(of(to, from, on, by), device, "{to} {on:?} {by:?}");
    }
}

/// `rpfilter_lookup_reverse()`; `rpfilter_lookup_reverse6()` sets the outgoing device, which `rt6_device_match()` prefers.
#[test]
fn the_way_back_is_any_next_hop_and_of_ipv6s_routes_the_one_by_the_device() {
    let v4 = r#"[{"type":"local","dst":"10.9.0.1","dev":"va","table":"local"},
        {"type":"unicast","dst":"10.7.0.1","table":"main","nexthops":[{"gateway":"10.8.0.2","dev":"vc","weight":1},{"gateway":"10.9.0.2","dev":"va","weight":1}]}]"#;
    let v6 = r#"[{"type":"local","dst":"fd09::1","dev":"va","table":"local"},
        {"type":"unicast","dst":"fd07::1","gateway":"fd08::2","dev":"vc","table":"main","metric":1024},
        {"type":"unicast","dst":"fd07::1","gateway":"fd09::2","dev":"va","table":"main","metric":1024},
        {"type":"unicast","dst":"default","gateway":"fe80::1","dev":"vc","table":"main","metric":100},
        {"type":"unicast","dst":"default","gateway":"fe80::2","dev":"va","table":"main","metric":1024}]"#;
    let ns = ns(&[("ip-route.json", v4), ("ip6-route.json", v6)]);
    let how = ReversePath {
        accept_local: true,
        ..ReversePath::default()
    };
    let back = |src: &str, dst: &str, iif| {
        let packet = Packet {
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            transport: Transport::Other { protocol: 47 },
            length: 60,
            dont_fragment: true,
            ttl: 64,
            tos: 0,
            mark: 0,
        };
        match ns.reverse_path(&packet, iif, how) {
            Tri::Yes => "yes",
            Tri::No => "no",
            Tri::Unknown(_) | Tri::Assumed(..) => "unknown",
        }
    };
    for (src, dst, iif, answer) in [
        ("10.7.0.1", "10.9.0.1", "va", "yes"),
        ("10.7.0.1", "10.9.0.1", "vb", "no"),
        ("10.9.0.1", "10.9.0.9", "va", "yes"),
        ("10.9.0.1", "10.9.0.9", "vb", "no"),
        ("fd07::1", "fd09::1", "va", "yes"),
        ("fd07::1", "fd09::1", "vb", "no"),
        ("fd06::1", "fd09::1", "va", "yes"),
        ("fd06::1", "fd09::1", "vb", "no"),
        ("fd09::1", "fd09::9", "vb", "yes"),
    ] {
        assert_eq!(back(src, dst, iif), answer, "{src} {iif}");
    }
}
