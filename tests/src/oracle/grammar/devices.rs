//! Bridges, their ports, tunnels and wires that are not as they should be.

use super::topology::{Between, Node, PORT, Pod, SWITCH, Wiring};
use crate::oracle::draft::Draft;
use crate::oracle::spec::Tool;

/// Adds a few.
pub fn ops(draft: &mut Draft) {
    let (wiring, between) = (draft.topology.wiring, draft.topology.between);
    for _ in 0..draft.rng.usize(1..=3) {
        let (nodes, pods) = (draft.topology.nodes.clone(), draft.topology.pods.clone());
        let (node, pod) = (draft.pick(&nodes), draft.pick(&pods));
        match draft.rng.u32(0..4) {
            0 => link(draft, &node, &pod),
            1 if wiring == Wiring::Bridge => port(draft, &pod),
            2 if between == Between::Vxlan => tunnel(draft, &node),
            _ => switch(draft, &node),
        }
        let v6 = draft.chance(45);
        let clients = draft.topology.clients();
        for _ in 0..3 {
            let from = draft.pick(&clients);
            draft.flow(
                &from,
                (pod.ip(v6), PORT),
                pathglass_sim::flow::Protocol::Tcp,
                None,
                1,
            );
        }
    }
}

fn link(draft: &mut Draft, node: &Node, pod: &Pod) {
    let home = draft.topology.node_of(pod).place.clone();
    let device = &pod.host_device;
    match draft.rng.u32(0..6) {
        0 => draft.ip("devices.down", &home, format!("link set {device} down")),
        1 => draft.ip("devices.down", &pod.place, "link set eth0 down"),
        2 => draft.ip(
            "devices.down",
            SWITCH,
            format!("link set {} down", node.name),
        ),
        // It neither asks nor answers: what it sends has a hardware address that nobody else has.
        3 => draft.ip("devices.no-arp", &pod.place, "link set eth0 arp off"),
        4 => draft.ip(
            "devices.wrong-mac",
            &pod.place,
            format!(
                "link set eth0 address 02:00:00:99:{:02x}:{:02x}",
                pod.node, pod.number
            ),
        ),
        _ => draft.ip("devices.loopback-down", &pod.place, "link set lo down"),
    }
}

/// A bridge port's own switches.
fn port(draft: &mut Draft, pod: &Pod) {
    let home = draft.topology.node_of(pod).place.clone();
    let device = pod.host_device.clone();
    let mates: Vec<Pod> = (draft.topology.pods.iter())
        .filter(|other| other.node == pod.node)
        .cloned()
        .collect();
    match draft.rng.u32(0..9) {
        0 => {
            for mate in mates {
                draft.run(
                    "devices.isolated",
                    &home,
                    Tool::Bridge,
                    format!("link set dev {} isolated on", mate.host_device),
                );
            }
        }
        1 => {
            let state = draft.pick(&["0", "1", "2", "4"]);
            draft.run(
                "devices.stp-state",
                &home,
                Tool::Bridge,
                format!("link set dev {device} state {state}"),
            );
        }
        2 => {
            let what = draft.pick(&["flood off", "mcast_flood off", "bcast_flood off"]);
            draft.run(
                "devices.flood",
                &home,
                Tool::Bridge,
                format!("link set dev {device} {what}"),
            );
        }
        3 => draft.run(
            "devices.learning",
            &home,
            Tool::Bridge,
            format!("link set dev {device} learning off"),
        ),
        4 => {
            let other = draft.pick(&mates).host_device;
            draft.run(
                "devices.fdb",
                &home,
                Tool::Bridge,
                format!("fdb replace {} dev {other} master static", pod.mac()),
            );
        }
        5 => {
            let vid = draft.pick(&["1", "7"]);
            draft.ip(
                "devices.vlan-filter",
                &home,
                "link set cni0 type bridge vlan_filtering 1",
            );
            draft.run(
                "devices.vlan",
                &home,
                Tool::Bridge,
                format!(
                    "vlan del dev {device} vid 1\nvlan add dev {device} vid {vid} pvid untagged"
                ),
            );
        }
        6 => draft.ip(
            "devices.hairpin-off",
            &home,
            format!("link set dev {device} type bridge_slave hairpin off"),
        ),
        7 => draft.ip(
            "devices.unbridged",
            &home,
            format!("link set {device} nomaster"),
        ),
        _ => draft.run(
            "devices.neighbour-suppression",
            &home,
            Tool::Bridge,
            format!("link set dev {device} neigh_suppress on"),
        ),
    }
}

fn tunnel(draft: &mut Draft, node: &Node) {
    let at = node.place.as_str();
    let others: Vec<Node> = (draft.topology.nodes.iter())
        .filter(|other| other.number != node.number)
        .cloned()
        .collect();
    let Some(other) = others.first() else {
        return;
    };
    let mac = format!("02:00:00:00:60:{:02x}", other.number);
    match draft.rng.u32(0..5) {
        0 => draft.run(
            "devices.vxlan-fdb-missing",
            at,
            Tool::Bridge,
            format!("fdb del {mac} dev flannel.1 dst {}", other.v4),
        ),
        1 => draft.run(
            "devices.vxlan-fdb-wrong",
            at,
            Tool::Bridge,
            format!(
                "fdb replace {mac} dev flannel.1 dst 10.99.0.{}",
                draft.topology.nodes.len() + 40
            ),
        ),
        2 => draft.ip("devices.down", at, "link set flannel.1 down"),
        3 => draft.iptables(
            "devices.vxlan-filtered",
            at,
            false,
            "filter",
            "-A INPUT -p udp -m udp --dport 8472 -j DROP",
        ),
        _ => draft.ip(
            "devices.wrong-mac",
            at,
            format!(
                "link set flannel.1 address 02:00:00:00:5f:{:02x}",
                node.number
            ),
        ),
    }
}

/// The switch between the nodes.
fn switch(draft: &mut Draft, node: &Node) {
    let port = &node.name;
    match draft.rng.u32(0..5) {
        0 => draft.run(
            "devices.isolated",
            SWITCH,
            Tool::Bridge,
            format!("link set dev {port} isolated on\nlink set dev outside isolated on"),
        ),
        1 => draft.run(
            "devices.stp-state",
            SWITCH,
            Tool::Bridge,
            format!("link set dev {port} state 4"),
        ),
        2 => draft.run(
            "devices.fdb",
            SWITCH,
            Tool::Bridge,
            format!("fdb replace {} dev outside master static", node.mac()),
        ),
        3 => {
            draft.ip(
                "devices.vlan-filter",
                SWITCH,
                "link set br0 type bridge vlan_filtering 1",
            );
            draft.run(
                "devices.vlan",
                SWITCH,
                Tool::Bridge,
                format!("vlan del dev {port} vid 1\nvlan add dev {port} vid 9 pvid untagged"),
            );
        }
        _ => draft.run(
            "devices.flood",
            SWITCH,
            Tool::Bridge,
            format!("link set dev {port} flood off"),
        ),
    }
}
