//! Narrow places: devices and routes with a smaller MTU, and what hides it from the sender.

use pathglass_sim::flow::Protocol;

use super::topology::{PORT, SWITCH};
use crate::oracle::draft::Draft;

/// Payloads that need full-size packets: of one packet, of a few.
const SIZES: [u32; 3] = [1400, 3000, 20000];

/// Makes one place narrow, perhaps hides it, and asks over it in full size.
pub fn ops(draft: &mut Draft) {
    let (nodes, pods) = (draft.topology.nodes.clone(), draft.topology.pods.clone());
    let (node, pod) = (draft.pick(&nodes), draft.pick(&pods));
    let home = draft.topology.node_of(&pod).clone();
    let mtu = draft.pick(&[1280, 1300, 1400]);
    match draft.rng.u32(0..5) {
        // The pod's own end knows; the other side learns it from the segment size.
        0 => draft.ip(
            "mtu.pod-device",
            &pod.place,
            format!("link set eth0 mtu {mtu}"),
        ),
        // The node's end is narrow: what is larger is refused there.
        1 => draft.ip(
            "mtu.host-device",
            &home.place,
            format!("link set {} mtu {mtu}", pod.host_device),
        ),
        2 => draft.ip(
            "mtu.node-device",
            &node.place,
            format!("link set eth0 mtu {mtu}"),
        ),
        // A switch drops what is too large and tells nobody.
        3 => draft.ip(
            "mtu.switch-port",
            SWITCH,
            format!("link set {} mtu {mtu}", node.name),
        ),
        _ => {
            let other = draft.pick(&nodes);
            let v6 = draft.chance(45);
            let to = other.block(v6);
            if other.name != node.name {
                draft.ip(
                    "mtu.route",
                    &node.place,
                    format!("route append {to} via {} mtu {mtu}", other.ip(v6)),
                );
            }
        }
    }
    if draft.chance(35) {
        let v6 = draft.chance(45);
        let message = if v6 {
            "-p ipv6-icmp -m icmp6 --icmpv6-type packet-too-big"
        } else {
            "-p icmp -m icmp --icmp-type fragmentation-needed"
        };
        let place = draft.pick(&[pod.place.clone(), node.place.clone(), home.place.clone()]);
        let chain = draft.pick(&["INPUT", "OUTPUT", "FORWARD"]);
        draft.iptables(
            "mtu.icmp-dropped",
            &place,
            v6,
            "filter",
            &format!("-A {chain} {message} -j DROP"),
        );
    }
    if draft.chance(20) {
        let v6 = draft.chance(45);
        draft.iptables(
            "mtu.clamped",
            &home.place,
            v6,
            "mangle",
            "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
        );
    }
    let clients = draft.topology.clients();
    for _ in 0..8 {
        let (from, bytes) = (draft.pick(&clients), draft.pick(&SIZES));
        let protocol = draft.pick(&[Protocol::Tcp, Protocol::Tcp, Protocol::Udp]);
        let v6 = draft.chance(45);
        draft.flow(&from, (pod.ip(v6), PORT), protocol, Some(bytes), 1);
    }
}
