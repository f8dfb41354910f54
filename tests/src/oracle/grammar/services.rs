//! Services: chains as kube-proxy writes them with iptables, or maps as it does with nftables.

use std::fmt::Write as _;

use super::topology::{Node, PODS4, PODS6, PORT, Service, Topology};
use crate::oracle::draft::Draft;

/// Programs every service on every node.
pub fn ops(draft: &mut Draft) {
    let topology = draft.topology.clone();
    let with_nft = draft.chance(40);
    // Without it, bridged packets do not meet iptables; kube-proxy switches it on.
    let bridged = draft.chance(85);
    draft.spec.shape += if with_nft { " nft" } else { " iptables" };
    for node in &topology.nodes {
        for v6 in [false, true] {
            if with_nft {
                nft(draft, &topology, node, v6);
            } else {
                iptables(draft, &topology, node, v6);
            }
        }
        let value = u8::from(bridged);
        draft.sysctl(
            "sanity.bridge-nf-call",
            &node.place,
            format!(
                "net.bridge.bridge-nf-call-iptables={value}\nnet.bridge.bridge-nf-call-ip6tables={value}"
            ),
        );
    }
}

fn pods(v6: bool) -> &'static str {
    if v6 { PODS6 } else { PODS4 }
}

fn host(v6: bool) -> u8 {
    if v6 { 128 } else { 32 }
}

fn target(address: std::net::IpAddr) -> String {
    std::net::SocketAddr::new(address, PORT).to_string()
}

/// The layout of kube-proxy's iptables mode.
fn iptables(draft: &mut Draft, topology: &Topology, node: &Node, v6: bool) {
    let mut base = String::new();
    for chain in ["SERVICES", "NODEPORTS", "POSTROUTING", "MARK-MASQ"] {
        let _ = writeln!(base, ":KUBE-{chain} - [0:0]");
    }
    base += "-A PREROUTING -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES\n-A POSTROUTING -j KUBE-POSTROUTING\n\
        -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n\
        -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
        -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n\
        -A KUBE-POSTROUTING -j MASQUERADE --random-fully\n";
    draft.iptables("conntrack-nat.masquerade", &node.place, v6, "nat", &base);
    for (index, service) in topology.services.iter().enumerate() {
        let text = service_chains(topology, service, index, v6);
        draft.iptables("conntrack-nat.dnat", &node.place, v6, "nat", &text);
    }
    draft.iptables(
        "conntrack-nat.node-port",
        &node.place,
        v6,
        "nat",
        "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
    );
    let pods = pods(v6);
    draft.iptables(
        "conntrack-nat.masquerade",
        &node.place,
        v6,
        "nat",
        &format!("-A POSTROUTING -s {pods} ! -d {pods} -j MASQUERADE --random-fully"),
    );
}

fn service_chains(topology: &Topology, service: &Service, index: usize, v6: bool) -> String {
    let name = format!("KUBE-SVC-{index}");
    let ip = format!("{}/{}", service.ip(v6), host(v6));
    let (port, node_port) = (service.port, service.node_port);
    let mut text = format!(":{name} - [0:0]\n");
    for number in 0..service.backends.len() {
        let _ = writeln!(text, ":KUBE-SEP-{index}-{number} - [0:0]");
    }
    for protocol in ["tcp", "udp"] {
        let m = format!("-p {protocol} -m {protocol} --dport");
        let _ = writeln!(text, "-A KUBE-SERVICES -d {ip} {m} {port} -j {name}");
        let _ = writeln!(text, "-A KUBE-NODEPORTS {m} {node_port} -j KUBE-MARK-MASQ");
        let _ = writeln!(text, "-A KUBE-NODEPORTS {m} {node_port} -j {name}");
        let _ = writeln!(
            text,
            "-A {name} ! -s {} -d {ip} {m} {port} -j KUBE-MARK-MASQ",
            pods(v6)
        );
    }
    let n_backends = service.backends.len();
    let backends = service
        .backends
        .iter()
        .filter_map(|pod| topology.pods.get(*pod));
    for (number, pod) in backends.enumerate() {
        let chain = format!("KUBE-SEP-{index}-{number}");
        let left = n_backends - number;
        if left > 1 {
            #[expect(clippy::cast_precision_loss, reason = "a handful of backends")]
            let probability = 1.0 / left as f64;
            let _ = writeln!(
                text,
                "-A {name} -m statistic --mode random --probability {probability:.10} -j {chain}"
            );
        } else {
            let _ = writeln!(text, "-A {name} -j {chain}");
        }
        let own = pod.ip(v6);
        let _ = writeln!(text, "-A {chain} -s {own}/{} -j KUBE-MARK-MASQ", host(v6));
        for protocol in ["tcp", "udp"] {
            let _ = writeln!(
                text,
                "-A {chain} -p {protocol} -m {protocol} -j DNAT --to-destination {}",
                target(own)
            );
        }
    }
    text
}

/// The layout of kube-proxy's nftables mode, cut to what a packet meets.
fn nft(draft: &mut Draft, topology: &Topology, node: &Node, v6: bool) {
    let (family, address) = if v6 {
        ("ip6", "ipv6_addr")
    } else {
        ("ip", "ipv4_addr")
    };
    let pods = pods(v6);
    draft.nft(
        "conntrack-nat.masquerade",
        &node.place,
        format!(
            "table {family} kube-proxy {{
  map service-ips {{ type {address} . inet_proto . inet_service : verdict; }}
  map service-nodeports {{ type inet_proto . inet_service : verdict; }}
  chain mark-for-masquerade {{ meta mark set meta mark or 0x4000; }}
  chain services {{
    {family} daddr . meta l4proto . th dport vmap @service-ips
    fib daddr type local meta l4proto . th dport vmap @service-nodeports
  }}
  chain nat-prerouting {{ type nat hook prerouting priority dstnat; policy accept; jump services; }}
  chain nat-output {{ type nat hook output priority -100; policy accept; jump services; }}
  chain nat-postrouting {{ type nat hook postrouting priority srcnat; policy accept;
    meta mark and 0x4000 != 0 meta mark set meta mark xor 0x4000 masquerade fully-random
    {family} saddr {pods} {family} daddr != {pods} masquerade fully-random
  }}
}}"
        ),
    );
    for (index, service) in topology.services.iter().enumerate() {
        let text = service_map(topology, service, index, v6, family);
        draft.nft("conntrack-nat.dnat", &node.place, text);
    }
}

fn service_map(
    topology: &Topology,
    service: &Service,
    index: usize,
    v6: bool,
    family: &str,
) -> String {
    let ip = service.ip(v6);
    let mut chains = String::new();
    let mut targets = String::new();
    let backends = service
        .backends
        .iter()
        .filter_map(|pod| topology.pods.get(*pod));
    for (number, pod) in backends.enumerate() {
        let own = pod.ip(v6);
        let _ = write!(
            chains,
            "  chain endpoint-{index}-{number} {{
    {family} saddr {own} jump mark-for-masquerade
    meta l4proto {{ tcp, udp }} dnat to {}
  }}\n",
            target(own)
        );
        let _ = write!(targets, "{number} : goto endpoint-{index}-{number}, ");
    }
    let mut elements = String::new();
    let mut node_ports = String::new();
    for protocol in ["tcp", "udp"] {
        let _ = write!(
            elements,
            "{ip} . {protocol} . {} : goto service-{index}, ",
            service.port
        );
        let _ = write!(
            node_ports,
            "{protocol} . {} : goto external-{index}, ",
            service.node_port
        );
    }
    format!(
        "table {family} kube-proxy {{
{chains}  chain service-{index} {{
    {family} daddr {ip} {family} saddr != {} jump mark-for-masquerade
    numgen random mod {} vmap {{ {} }}
  }}
  chain external-{index} {{ jump mark-for-masquerade; goto service-{index}; }}
}}
add element {family} kube-proxy service-ips {{ {} }}
add element {family} kube-proxy service-nodeports {{ {} }}",
        pods(v6),
        service.backends.len(),
        targets.trim_end_matches(", "),
        elements.trim_end_matches(", "),
        node_ports.trim_end_matches(", ")
    )
}
