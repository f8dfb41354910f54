//! Routes and policy rules: missing, wrong, of another kind, and those that decide among several.

use std::net::IpAddr;

use pathglass_sim::flow::Protocol;

use super::topology::{Node, PORT, Pod};
use crate::oracle::draft::Draft;

/// Adds a few.
pub fn ops(draft: &mut Draft) {
    for _ in 0..draft.rng.usize(1..=3) {
        let nodes = draft.topology.nodes.clone();
        let pods = draft.topology.pods.clone();
        let site = Site {
            node: draft.pick(&nodes),
            pod: draft.pick(&pods),
            v6: draft.chance(50),
        };
        match draft.rng.u32(0..10) {
            0..=2 => route(draft, &site),
            3..=6 => rule(draft, &site),
            7 => ways(draft, &site),
            8 => source(draft, &site),
            _ => odd(draft, &site),
        }
    }
}

/// Where, about whom, and of which family.
struct Site {
    node: Node,
    pod: Pod,
    v6: bool,
}

impl Site {
    /// The pod's address as a prefix.
    fn to(&self) -> String {
        format!(
            "{}/{}",
            self.pod.ip(self.v6),
            if self.v6 { 128 } else { 32 }
        )
    }

    fn ip(&self, draft: &mut Draft, feature: &str, at: &str, lines: &str) {
        if self.v6 {
            draft.ip6(feature, at, lines);
        } else {
            draft.ip(feature, at, lines);
        }
    }
}

/// The node's gateway to the outside.
fn outside(v6: bool) -> IpAddr {
    if v6 {
        std::net::Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1).into()
    } else {
        std::net::Ipv4Addr::new(10, 99, 0, 1).into()
    }
}

fn route(draft: &mut Draft, site: &Site) {
    let (to, at) = (site.to(), site.node.place.as_str());
    let nodes = draft.topology.nodes.clone();
    let other = draft.pick(&nodes);
    match draft.rng.u32(0..8) {
        0 | 1 => {
            let kind = draft.pick(&["blackhole", "unreachable", "prohibit"]);
            let place = if draft.chance(50) {
                at
            } else {
                &site.pod.place
            };
            site.ip(
                draft,
                &format!("fib.{kind}"),
                place,
                &format!("route add {kind} {to}"),
            );
        }
        2 => {
            let lines = format!(
                "rule add iif eth0 priority 102 table 78\nroute add throw {to} table 78\nroute add unreachable default table 78"
            );
            site.ip(draft, "fib.throw", at, &lines);
        }
        3 => site.ip(draft, "fib.default", &site.pod.place, "route del default"),
        4 => site.ip(
            draft,
            "fib.longest-prefix",
            at,
            &format!("route add {to} via {}", other.ip(site.v6)),
        ),
        5 => {
            let metric = draft.pick(&[5, 5000]);
            let line = format!("route add {to} via {} metric {metric}", outside(site.v6));
            site.ip(draft, "fib.metric", at, &line);
        }
        6 => {
            // Addresses that are this machine's though no device has them.
            site.ip(
                draft,
                "fib.local",
                at,
                &format!("route add local {to} dev lo"),
            );
        }
        _ => {
            let line = format!("route add {to} via {} dev eth0 onlink", other.ip(site.v6));
            site.ip(draft, "fib.onlink", at, &line);
        }
    }
}

fn rule(draft: &mut Draft, site: &Site) {
    let (to, at) = (site.to(), site.node.place.clone());
    let pods = draft.topology.pods.clone();
    let from = draft.pick(&pods).ip(site.v6);
    let host = if site.v6 { 128 } else { 32 };
    let action = draft.pick(&["blackhole", "unreachable", "prohibit", "table 77"]);
    let place = if draft.chance(60) {
        at
    } else {
        site.pod.place.clone()
    };
    let protocol = draft.pick(&["tcp", "udp"]);
    let (feature, selector) = match draft.rng.u32(0..13) {
        0 => ("fib.rule-to", format!("to {to}")),
        1 => ("fib.rule-from", format!("from {from}/{host}")),
        2 => ("fib.rule-iif", "iif eth0".to_owned()),
        3 => ("fib.rule-iif", format!("iif lo to {to}")),
        4 => ("fib.rule-ports", format!("ipproto {protocol} dport {PORT}")),
        5 => ("fib.rule-ports", format!("ipproto {protocol} sport {PORT}")),
        6 => ("fib.rule-ipproto", format!("ipproto {protocol}")),
        7 => ("fib.rule-not", format!("not to {to}")),
        8 => return mark(draft, site, &place, action),
        9 => return tos(draft, site, &place, action),
        10 => ("fib.rule-uidrange", format!("to {to} uidrange 4000-5000")),
        11 => {
            // Over the other rule, which would refuse everything.
            let lines = format!(
                "rule add priority 120 nop\nrule add to {to} priority 100 goto 120\nrule add to {to} priority 110 prohibit"
            );
            return site.ip(draft, "fib.rule-goto", &place, &lines);
        }
        _ => return suppress(draft, site, &place),
    };
    let mut lines = format!("rule add {selector} priority 103 {action}");
    if action == "table 77" {
        lines.push_str("\nroute add unreachable default table 77");
    }
    site.ip(draft, feature, &place, &lines);
}

fn mark(draft: &mut Draft, site: &Site, place: &str, action: &str) {
    let chain = draft.pick(&["PREROUTING", "OUTPUT"]);
    let rules = format!("-A {chain} -d {} -j MARK --set-xmark 0x50/0xf0", site.to());
    draft.iptables("fib.rule-fwmark", place, site.v6, "mangle", &rules);
    let mut lines = format!("rule add fwmark 0x10/0x10 priority 104 {action}");
    if action == "table 77" {
        lines.push_str("\nroute add prohibit default table 77");
    }
    site.ip(draft, "fib.rule-fwmark", place, &lines);
}

fn tos(draft: &mut Draft, site: &Site, place: &str, action: &str) {
    let value = draft.pick(&["0x10", "0x08", "0xb0"]);
    let rules = format!("-A OUTPUT -d {} -j TOS --set-tos {value}", site.to());
    let client = site.pod.place.clone();
    draft.iptables("fib.rule-tos", &client, site.v6, "mangle", &rules);
    let mut lines = format!("rule add tos 0x10 priority 105 {action}");
    if action == "table 77" {
        lines.push_str("\nroute add prohibit default table 77");
    }
    site.ip(draft, "fib.rule-tos", place, &lines);
}

fn suppress(draft: &mut Draft, site: &Site, place: &str) {
    let by = draft.pick(&[
        "suppress_prefixlength 0",
        "suppress_prefixlength 24",
        "suppress_ifgroup 7",
    ]);
    if by == "suppress_ifgroup 7" {
        draft.ip("fib.rule-suppress", place, "link set eth0 group 7");
    }
    let lines = format!(
        "rule add priority 106 table main {by}\nrule add to {} priority 107 unreachable",
        site.to()
    );
    site.ip(draft, "fib.rule-suppress", place, &lines);
}

/// Several ways: all lead there, or the others are known to be dead.
fn ways(draft: &mut Draft, site: &Site) {
    let client = site.pod.place.clone();
    let gateway: IpAddr = if site.v6 {
        std::net::Ipv6Addr::new(0xfd44, u16::from(site.node.number), 0, 0, 0, 0, 0, 1).into()
    } else {
        std::net::Ipv4Addr::new(10, 244, site.node.number, 1).into()
    };
    let at = site.node.place.as_str();
    match draft.rng.u32(0..4) {
        0 => {
            let lines = format!(
                "nexthop add id 1 via {0} dev eth0\nnexthop add id 2 via {0} dev eth0 onlink\nnexthop add id 10 group 1,2/2,3\nroute add {1} nhid 10",
                outside(site.v6),
                site.to()
            );
            site.ip(draft, "fib.nexthop-group", at, &lines);
        }
        1 => {
            let lines = format!("nexthop add id 3 blackhole\nroute add {} nhid 3", site.to());
            site.ip(draft, "fib.nexthop-blackhole", at, &lines);
        }
        2 => {
            let lines = format!(
                "nexthop add id 4 via {} dev eth0\nroute add {} nhid 4",
                outside(site.v6),
                site.to()
            );
            site.ip(draft, "fib.nexthop", at, &lines);
        }
        _ => {
            // IPv4 by an IPv6 router.
            let lines = format!(
                "route replace default via inet6 fe80::1 dev eth0\nneigh replace fe80::1 dev eth0 lladdr {} nud permanent",
                site.node.mac()
            );
            let _ = gateway;
            draft.ip("fib.via-inet6", &client, lines);
        }
    }
}

/// Which source a packet from here gets.
fn source(draft: &mut Draft, site: &Site) {
    let at = if draft.chance(50) {
        site.node.place.clone()
    } else {
        site.pod.place.clone()
    };
    let n = site.node.number;
    match draft.rng.u32(0..6) {
        0 if site.v6 => draft.ip("fib.source-deprecated", &at, format!("addr add fd99::{n}:77/128 dev eth0 nodad\naddr add fd44:{n}::77/64 dev eth0 nodad preferred_lft 0")),
        1 if site.v6 => draft.ip("fib.source-label", &at, format!("addr add 2001:db8::{n}/64 dev eth0 nodad")),
        2 if site.v6 => draft.sysctl("fib.source-oif-only", &at, "net.ipv6.conf.eth0.use_oif_addrs_only=1"),
        0 => draft.ip("fib.source-secondary", &at, format!("addr add 10.244.{n}.77/24 dev eth0")),
        1 => draft.ip("fib.source-first", &at, format!("addr add 172.30.{n}.1/32 dev eth0 scope link")),
        2 => draft.ip("fib.source-lo", &at, format!("addr add 172.31.{n}.1/32 dev lo")),
        _ => {
            let (address, prefix) = if site.v6 { (format!("fd77::{n}"), 128) } else { (format!("172.29.{n}.1"), 32) };
            draft.ip("fib.prefsrc", &site.node.place, format!("addr add {address}/{prefix} dev lo"));
            let line = format!("route add {} via {} src {address}", site.to(), outside(site.v6));
            site.ip(draft, "fib.prefsrc", &site.node.place, &line);
        }
    }
    let pods = draft.topology.pods.clone();
    let to = draft.pick(&pods).ip(site.v6);
    draft.flow(&at, (to, PORT), Protocol::Tcp, None, 1);
}

fn odd(draft: &mut Draft, site: &Site) {
    let (to, at) = (site.to(), site.node.place.as_str());
    match draft.rng.u32(0..5) {
        0 => {
            let mtu = draft
                .pick(&[1000, 1300])
                .max(if site.v6 { 1280 } else { 0 });
            let line = format!("route change default via {} mtu {mtu}", outside(site.v6));
            site.ip(draft, "fib.route-mtu", at, &line);
        }
        1 if site.v6 => {
            let pods = draft.topology.pods.clone();
            let from = draft.pick(&pods).v6;
            draft.ip6(
                "fib.source-route",
                at,
                format!("route add prohibit {to} from {from}/128"),
            );
        }
        2 if site.v6 => {
            let pref = draft.pick(&["low", "high"]);
            draft.ip6(
                "fib.router-preference",
                at,
                format!("route add default via fd99::dead pref {pref}"),
            );
        }
        3 => site.ip(
            draft,
            "fib.local-wide",
            at,
            if site.v6 {
                "route add local fd44::/16 dev lo"
            } else {
                "route add local 10.244.0.0/16 dev lo"
            },
        ),
        _ => {
            let lines = if site.v6 {
                format!(
                    "rule add priority 10 lookup local\nrule del priority 0\nrule add to {to} priority 5 blackhole"
                )
            } else {
                format!(
                    "rule add priority 10 lookup local\nrule del priority 0\nrule add to {to} priority 5 prohibit"
                )
            };
            site.ip(draft, "fib.rule-before-local", &site.pod.place, &lines);
        }
    }
}
