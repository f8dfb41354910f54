//! Sockets that listen on one address, on one device, for one family, or share a port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pathglass_sim::flow::Protocol;

use crate::oracle::draft::{Draft, server};
use crate::oracle::spec::Listener;

/// The ports that these sockets listen on begin here.
const FIRST_PORT: u16 = 9100;

/// Adds a few, and questions to them.
pub fn ops(draft: &mut Draft) {
    for index in 0..draft.rng.u16(2..=4) {
        one(draft, FIRST_PORT + index);
    }
}

fn one(draft: &mut Draft, port: u16) {
    let pods = draft.topology.pods.clone();
    let nodes = draft.topology.nodes.clone();
    let protocol = draft.pick(&[Protocol::Tcp, Protocol::Tcp, Protocol::Udp]);
    let v6 = draft.chance(50);
    let (place, own): (String, [IpAddr; 2]) = if draft.chance(70) {
        let pod = draft.pick(&pods);
        (pod.place.clone(), [pod.v4.into(), pod.v6.into()])
    } else {
        let node = draft.pick(&nodes);
        (node.place.clone(), [node.v4.into(), node.v6.into()])
    };
    let any: IpAddr = if v6 {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    let loopback: IpAddr = if v6 {
        Ipv6Addr::LOCALHOST.into()
    } else {
        Ipv4Addr::LOCALHOST.into()
    };
    let [own_v4, own_v6] = own;
    let exact = if v6 { own_v6 } else { own_v4 };
    match draft.rng.u32(0..8) {
        0 => draft.listen("sockets.address", &place, server(exact, port, protocol)),
        1 => draft.listen("sockets.loopback", &place, server(loopback, port, protocol)),
        2 => {
            let device = draft.pick(&["eth0", "eth0", "lo"]);
            let bound = Listener {
                device: Some(device.to_owned()),
                ..server(any, port, protocol)
            };
            draft.listen("sockets.device", &place, bound);
        }
        3 => {
            let only = Listener {
                v6_only: true,
                ..server(Ipv6Addr::UNSPECIFIED.into(), port, protocol)
            };
            draft.listen("sockets.v6-only", &place, only);
        }
        4 => draft.listen(
            "sockets.dual-stack",
            &place,
            server(Ipv6Addr::UNSPECIFIED.into(), port, protocol),
        ),
        5 => {
            for _ in 0..2 {
                let shared = Listener {
                    reuse_port: true,
                    ..server(any, port, protocol)
                };
                draft.listen("sockets.reuse-port", &place, shared);
            }
        }
        6 => {
            // The same port on an address and on a device.
            draft.listen("sockets.address", &place, server(exact, port, protocol));
            let bound = Listener {
                device: Some("eth0".to_owned()),
                v6_only: v6,
                ..server(any, port, protocol)
            };
            draft.listen("sockets.device", &place, bound);
        }
        _ => {
            // IPv4 by an IPv6 socket that has one address.
            let IpAddr::V4(v4) = own_v4 else { return };
            draft.listen(
                "sockets.mapped",
                &place,
                server(v4.to_ipv6_mapped().into(), port, protocol),
            );
        }
    }
    let clients = draft.topology.clients();
    for to in own {
        let from = draft.pick(&clients);
        draft.flow(&from, (to, port), protocol, None, 1);
        draft.flow(&place, (to, port), protocol, None, 1);
    }
    draft.flow(&place, (loopback, port), protocol, None, 1);
}
