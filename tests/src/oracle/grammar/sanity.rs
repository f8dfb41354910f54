//! Settings and addresses that make the kernel drop, answer or forward otherwise.

use super::topology::PORT;
use crate::oracle::draft::Draft;

/// Adds a few.
pub fn ops(draft: &mut Draft) {
    for _ in 0..draft.rng.usize(1..=3) {
        one(draft);
    }
}

fn one(draft: &mut Draft) {
    let nodes = draft.topology.nodes.clone();
    let pods = draft.topology.pods.clone();
    let (node, pod) = (draft.pick(&nodes), draft.pick(&pods));
    let at = node.place.as_str();
    let host = draft.topology.node_of(&pod).place.clone();
    let device = pod.host_device.as_str();
    let value = draft.pick(&[1, 2]);
    let outside = if draft.chance(50) {
        "10.99.0.1"
    } else {
        "fd99::1"
    };
    match draft.rng.u32(0..16) {
        0 => draft.sysctl("sanity.forwarding", at, "net.ipv4.ip_forward=0"),
        1 => draft.sysctl("sanity.forwarding", at, "net.ipv6.conf.all.forwarding=0"),
        2 => {
            let device = draft.pick(&["all", "eth0"]);
            draft.sysctl(
                "sanity.rp_filter",
                at,
                format!("net.ipv4.conf.{device}.rp_filter={value}"),
            );
        }
        3 => draft.sysctl("sanity.forwarding", at, "net.ipv4.conf.eth0.forwarding=0"),
        4 => draft.sysctl(
            "sanity.bridge-nf-call",
            at,
            "net.bridge.bridge-nf-call-iptables=0",
        ),
        5 => draft.sysctl(
            "sanity.bridge-nf-call",
            at,
            "net.bridge.bridge-nf-call-ip6tables=0",
        ),
        6 => {
            // The way back to the pod leads elsewhere.
            draft.sysctl(
                "sanity.rp_filter",
                &host,
                format!("net.ipv4.conf.all.rp_filter={value}"),
            );
            draft.ip(
                "sanity.rp_filter",
                &host,
                format!("route add {}/32 via 10.99.0.1", pod.v4),
            );
        }
        7 => {
            draft.sysctl(
                "sanity.forwarding",
                at,
                "net.ipv6.conf.all.forwarding=0\nnet.ipv6.conf.eth0.force_forwarding=1",
            );
        }
        8 => draft.sysctl(
            "sanity.disable-ipv6",
            at,
            "net.ipv6.conf.eth0.disable_ipv6=1",
        ),
        9 => draft.sysctl(
            "sanity.disable-ipv6",
            &pod.place,
            "net.ipv6.conf.all.disable_ipv6=1",
        ),
        10 => {
            // A packet that claims to come from the machine that gets it.
            let (v6, own) = if draft.chance(50) {
                (true, node.v6.to_string())
            } else {
                (false, node.v4.to_string())
            };
            draft.iptables(
                "sanity.own-source",
                &pod.place,
                v6,
                "nat",
                &format!("-A POSTROUTING -d {own} -j SNAT --to-source {own}"),
            );
            if draft.chance(40) {
                draft.sysctl(
                    "sanity.accept-local",
                    at,
                    "net.ipv4.conf.all.accept_local=1",
                );
            }
        }
        11 => {
            let source = draft.pick(&["127.0.0.9", "240.0.0.9", "0.0.0.9", "224.0.0.9"]);
            draft.iptables(
                "sanity.martian",
                &pod.place,
                false,
                "nat",
                &format!("-A POSTROUTING -p tcp -j SNAT --to-source {source}"),
            );
            if draft.chance(40) {
                draft.sysctl(
                    "sanity.route-localnet",
                    at,
                    "net.ipv4.conf.all.route_localnet=1",
                );
            }
        }
        12 => {
            let (v6, lo) = if draft.chance(50) {
                (true, format!("[::1]:{PORT}"))
            } else {
                (false, format!("127.0.0.1:{PORT}"))
            };
            draft.iptables(
                "sanity.route-localnet",
                at,
                v6,
                "nat",
                &format!(
                    "-A PREROUTING -p tcp -m tcp --dport {PORT} -j DNAT --to-destination {lo}"
                ),
            );
            if draft.chance(50) {
                draft.sysctl(
                    "sanity.route-localnet",
                    at,
                    "net.ipv4.conf.all.route_localnet=1",
                );
            }
        }
        13 => {
            let mark = "-A PREROUTING -j MARK --set-xmark 0x9/0xffffffff";
            draft.iptables("sanity.src-valid-mark", &host, false, "mangle", mark);
            draft.ip("sanity.src-valid-mark", &host, "rule add fwmark 0x9 priority 60 table 79\nroute add default via 10.99.0.1 table 79");
            draft.sysctl(
                "sanity.src-valid-mark",
                &host,
                format!(
                    "net.ipv4.conf.all.rp_filter={value}\nnet.ipv4.conf.all.src_valid_mark={}",
                    value - 1
                ),
            );
        }
        14 => {
            let to: std::net::IpAddr = if outside == "fd99::1" {
                node.v6.into()
            } else {
                node.v4.into()
            };
            draft.iptables(
                "sanity.rpfilter-match",
                at,
                to.is_ipv6(),
                "raw",
                "-A PREROUTING -m rpfilter --invert -j DROP",
            );
        }
        _ => {
            let _ = device;
            draft.sysctl(
                "sanity.redirects",
                at,
                "net.ipv4.conf.all.send_redirects=0\nnet.ipv4.conf.eth0.send_redirects=0",
            );
        }
    }
}
