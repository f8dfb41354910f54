//! What is asked of a world: pods and nodes towards pods, nodes, services, node ports and the outside.

use std::net::IpAddr;

use pathglass_sim::flow::Protocol;

use super::topology::PORT;
use crate::oracle::draft::Draft;

/// Questions per world, beside those that domains add.
const FLOWS: usize = 44;
/// Chance of IPv6, in percent.
const V6: u32 = 45;
/// A payload that needs full-size packets.
const FULL: [u32; 3] = [1400, 3000, 20000];

/// Adds the questions.
pub fn ask(draft: &mut Draft) {
    let clients = draft.topology.clients();
    while draft.spec.flows.len() < FLOWS {
        let from = draft.pick(&clients);
        let v6 = draft.chance(V6);
        let protocol = if draft.chance(65) {
            Protocol::Tcp
        } else {
            Protocol::Udp
        };
        let (to, choices) = destination(draft, v6);
        let bytes = if draft.chance(20) {
            // A datagram of more than 64 KiB is none.
            Some(draft.pick(&FULL))
        } else {
            None
        };
        draft.flow(&from, to, protocol, bytes, choices);
    }
}

fn destination(draft: &mut Draft, v6: bool) -> ((IpAddr, u16), usize) {
    let pods = draft.topology.pods.clone();
    let nodes = draft.topology.nodes.clone();
    let services = draft.topology.services.clone();
    match draft.rng.u32(0..100) {
        0..=39 => {
            let pod = draft.pick(&pods);
            ((pod.ip(v6), PORT), 1)
        }
        40..=69 => {
            let service = draft.pick(&services);
            ((service.ip(v6), service.port), service.backends.len())
        }
        70..=79 => {
            let (node, service) = (draft.pick(&nodes), draft.pick(&services));
            ((node.ip(v6), service.node_port), service.backends.len())
        }
        80..=91 => {
            let node = draft.pick(&nodes);
            ((node.ip(v6), PORT), 1)
        }
        92..=94 => {
            // A port that nobody listens on.
            let pod = draft.pick(&pods);
            ((pod.ip(v6), PORT + 1), 1)
        }
        _ => {
            let outside: IpAddr = if v6 {
                std::net::Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1).into()
            } else {
                std::net::Ipv4Addr::new(10, 99, 0, 1).into()
            };
            ((outside, PORT), 1)
        }
    }
}
