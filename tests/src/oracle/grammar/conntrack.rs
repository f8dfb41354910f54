//! Translations beside the services' own, zones, and what connection tracking makes of odd ways.

use pathglass_sim::flow::Protocol;

use super::spot::Spot;
use super::topology::PORT;
use crate::oracle::draft::Draft;

/// Adds a few.
pub fn ops(draft: &mut Draft) {
    for _ in 0..draft.rng.usize(1..=3) {
        one(draft);
    }
}

fn target(address: std::net::IpAddr, port: impl std::fmt::Display) -> String {
    if address.is_ipv6() {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

fn one(draft: &mut Draft) {
    let clients = draft.topology.clients();
    let (pods, nodes) = (draft.topology.pods.clone(), draft.topology.nodes.clone());
    let (at, pod, other) = (draft.pick(&clients), draft.pick(&pods), draft.pick(&pods));
    let node = draft.topology.node_of(&pod).clone();
    let somewhere = draft.pick(&nodes);
    let v6 = draft.chance(45);
    let chain = draft.pick(&["PREROUTING", "OUTPUT"]);
    let protocol = draft.pick(&[Protocol::Tcp, Protocol::Udp]);
    let p = if protocol == Protocol::Tcp {
        "tcp"
    } else {
        "udp"
    };
    let family = if v6 { "ip6" } else { "ip" };
    let (to, from) = (pod.ip(v6), other.ip(v6));
    let (before, after) = (draft.pick(&["-110", "-90"]), draft.pick(&["90", "110"]));
    let loose = draft.pick(&[0, 0, 1]);
    let table = format!("n{}", draft.rng.u32(0..1_000_000));
    match draft.rng.u32(0..13) {
        0 => draft.iptables("conntrack-nat.hijack", &at, v6, "nat", &format!("-A {chain} -d {to} -p {p} -j DNAT --to-destination {}", target(from, PORT))),
        1 => {
            let range = draft.pick(&[format!("{PORT}-{}", PORT + 9), format!("{}-{PORT}", PORT - 9)]);
            draft.iptables("conntrack-nat.port-range", &at, v6, "nat", &format!("-A {chain} -d {to} -p {p} -j DNAT --to-destination {}", target(to, range)));
            draft.flow(&at, (to, PORT + 3), protocol, None, 1);
            draft.flow(&at, (to, 80), protocol, None, 1);
        }
        2 => {
            draft.iptables("conntrack-nat.redirect", &node.place, v6, "nat", &format!("-A {chain} -d {to} -p {p} -m {p} --dport {PORT} -j REDIRECT --to-ports {PORT}"));
        }
        3 => draft.iptables("conntrack-nat.redirect", &pod.place, v6, "nat", &format!("-A PREROUTING -p {p} -m {p} --dport {} -j REDIRECT --to-ports {PORT}", PORT + 1)),
        4 => draft.iptables("conntrack-nat.snat", &node.place, v6, "nat", &format!("-A POSTROUTING -d {to} -p {p} -j SNAT --to-source {}", node.ip(v6))),
        5 => draft.iptables("conntrack-nat.snat-ports", &node.place, v6, "nat", &format!("-A POSTROUTING -s {from} -p {p} -j SNAT --to-source {}", target(node.ip(v6), "2000-2999"))),
        6 => {
            let (network, pods) = if v6 { ("fd77::/16", "fd44::/16") } else { ("10.77.0.0/16", "10.244.0.0/16") };
            let mapped: std::net::IpAddr = to.to_string().replacen(if v6 { "fd44" } else { "10.244" }, if v6 { "fd77" } else { "10.77" }, 1).parse().unwrap_or(to);
            draft.iptables("conntrack-nat.netmap", &at, v6, "nat", &format!("-A OUTPUT -d {network} -j NETMAP --to {pods}"));
            draft.flow(&at, (mapped, PORT), protocol, None, 1);
        }
        7 => {
            draft.nft("conntrack-nat.nft-dnat-map", &at, format!("table {family} {table} {{\n chain c {{ type nat hook {} priority {}; policy accept;\n  meta l4proto {p} dnat to {family} daddr . th dport map {{ {to} . {PORT} : {from} . {PORT} }}\n }}\n}}", chain.to_lowercase(), before));
        }
        8 => draft.nft("conntrack-nat.nft-redirect", &pod.place, format!("table inet {table} {{\n chain c {{ type nat hook prerouting priority -100; policy accept;\n  {p} dport {{ 81, 82 }} redirect to :{PORT}\n }}\n}}")),
        9 => draft.nft("conntrack-nat.nft-masquerade", &node.place, format!("table inet {table} {{\n chain c {{ type nat hook postrouting priority {after}; policy accept;\n  {family} daddr {to} masquerade\n }}\n}}")),
        10 => {
            let zone = draft.pick(&["--zone 7", "--zone-orig 7"]);
            let spot = Spot::draw(draft);
            let first = spot.first_chain();
            draft.iptables("conntrack-nat.zone", &spot.place, spot.v6, "raw", &format!("-A {first} {} -j CT {zone}", spot.condition()));
        }
        11 => draft.sysctl("conntrack-nat.loose", &somewhere.place, format!("net.netfilter.nf_conntrack_tcp_loose={loose}")),
        _ => super::spot::put_at(draft, "conntrack-nat.invalid", &somewhere.place, v6, "filter", "-A FORWARD -m conntrack --ctstate INVALID -j DROP"),
    }
    if draft.chance(50) {
        let port = draft.rng.u16(81..83);
        draft.flow(&at, (to, port), protocol, None, 1);
    }
}
