//! Neighbours: entries that are wrong or dead, and who answers when one is asked for.

use super::topology::{Node, Pod, Wiring};
use crate::oracle::draft::Draft;

/// Adds a few.
pub fn ops(draft: &mut Draft) {
    for _ in 0..draft.rng.usize(1..=3) {
        one(draft);
    }
}

/// A machine that has neighbours, its device, and a neighbour's address of each family.
fn pair(draft: &mut Draft) -> (String, String, [String; 2]) {
    let nodes = draft.topology.nodes.clone();
    let pods = draft.topology.pods.clone();
    let pod: Pod = draft.pick(&pods);
    let node: Node = draft.topology.node_of(&pod).clone();
    let n = node.number;
    if draft.chance(60) {
        let (device, gateways) = if draft.topology.wiring == Wiring::Bridge {
            (
                "cni0".to_owned(),
                [format!("10.244.{n}.1"), format!("fd44:{n}::1")],
            )
        } else {
            (
                pod.host_device.clone(),
                [
                    "169.254.1.1".to_owned(),
                    "fe80::ecee:eeff:feee:eeee".to_owned(),
                ],
            )
        };
        return if draft.chance(50) {
            (pod.place, "eth0".to_owned(), gateways)
        } else {
            (node.place, device, [pod.v4.to_string(), pod.v6.to_string()])
        };
    }
    let other = draft.pick(&nodes);
    (
        node.place,
        "eth0".to_owned(),
        [other.v4.to_string(), other.v6.to_string()],
    )
}

fn one(draft: &mut Draft) {
    let (at, device, [v4, v6]) = pair(draft);
    let is_v6 = draft.chance(55);
    let target = if is_v6 { v6 } else { v4 };
    let nodes = draft.topology.nodes.clone();
    let node = draft.pick(&nodes);
    // Who is asked learns who asked: only faults that cut both ways do not depend on what other flows did before.
    match draft.rng.u32(0..8) {
        0 => draft.ip("neighbours.permanent", &at, format!("neigh replace {target} lladdr 02:00:00:00:00:77 dev {device} nud permanent")),
        1 => draft.ip("neighbours.failed", &at, format!("neigh replace {target} dev {device} nud failed")),
        2 => draft.ip("neighbours.noarp", &at, format!("neigh replace {target} lladdr 02:00:00:00:00:78 dev {device} nud noarp")),
        3 => {
            let value = draft.pick(&[1, 2]);
            draft.sysctl("neighbours.arp-announce", &at, format!("net.ipv4.conf.all.arp_announce={value}"));
        }
        4 => {
            let pods = draft.topology.pods.clone();
            let pod = draft.pick(&pods);
            let host = draft.topology.node_of(&pod).place.clone();
            draft.sysctl("neighbours.proxy-arp", &host, "net.ipv4.conf.all.proxy_arp=0\nnet.ipv4.conf.default.proxy_arp=0");
            if draft.topology.wiring == Wiring::Routed {
                draft.sysctl("neighbours.proxy-arp", &host, format!("net.ipv4.conf.{}.proxy_arp=0", pod.host_device));
            }
        }
        5 => {
            // A node says that it has a pod which is elsewhere.
            let pods = draft.topology.pods.clone();
            let pod = draft.pick(&pods);
            let lines = format!("route add {0}/32 dev eth0\nroute add {1}/128 dev eth0", pod.v4, pod.v6);
            let from = draft.pick(&nodes);
            draft.ip("neighbours.proxy", &from.place, lines);
            draft.sysctl("neighbours.proxy", &node.place, "net.ipv6.conf.eth0.proxy_ndp=1");
            draft.ip("neighbours.proxy", &node.place, format!("neigh add proxy {} dev eth0\nneigh add proxy {} dev eth0", pod.v4, pod.v6));
        }
        6 => draft.iptables("neighbours.rules", &at, true, "filter", ":INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -j ACCEPT"),
        _ => draft.ip("neighbours.arp-off", &at, format!("link set {device} arp off")),
    }
}
