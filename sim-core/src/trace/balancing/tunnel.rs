//! Packets that IPVS sends to a server in a tunnel (`ip_vs_tunnel_xmit`, `ip_vs_tunnel_xmit_v6`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::super::blocker::{Blocker, BlockerKind, Failure};
use super::super::device::Packed;
use super::super::output::Way;
use super::super::{Arrival, Carrier, Encapsulated, Frame, Reports, Stage, Stop, Transit, Walk};
use crate::linux::choice::Doubt;
use crate::linux::conntrack::{Ct, Zone};
use crate::linux::ipvs::Balanced;
use crate::linux::packet::{Family, Packet, Transport, protocol};
use crate::world::{Namespace, Place};

/// The smallest MTU that a path may have.
const MIN_MTU_V4: u32 = 68;
const MIN_MTU_V6: u32 = 1280;

impl Walk<'_, '_> {
    /// `__ip_vs_get_out_rt()`, `ensure_mtu_is_adequate()`: the client learns what fits into the tunnel.
    pub(super) fn check_tunnel_mtu(
        &mut self,
        ns: &Arc<Namespace>,
        connection: &Balanced,
        way: &Way,
        transit: &Transit,
    ) -> Stage<()> {
        let mtu = way.mtu.saturating_sub(overhead(connection));
        let least = match Family::of(connection.server.0) {
            Family::V4 => MIN_MTU_V4,
            Family::V6 => MIN_MTU_V6,
        };
        if mtu < least {
            let blocker = Blocker::new(BlockerKind::Mtu, ns)
                .says(format!(
                    "IPVS on {} sends nothing in tunnels by {}, whose MTU leaves {mtu} bytes",
                    ns.object, way.device
                ))
                .on(&way.device)
                .citing([connection.source.clone()]);
            return self.end(blocker, Failure::Silent, transit);
        }
        if transit.packet.family() == Family::V4 && !discovers(ns, connection)? {
            return Ok(());
        }
        let inside = Way { mtu, ..way.clone() };
        self.check_mtu(ns, &inside, transit)
    }

    /// The packet in an outer one to the server, out by this stack (`ip_local_out`).
    pub(super) fn send_tunnelled(
        &mut self,
        ns: &Arc<Namespace>,
        connection: &Balanced,
        way: &Way,
        mut transit: Transit,
    ) -> Stage<Arrival> {
        let carrier = match connection.tunnel.as_deref() {
            None | Some("ipip") => Carrier::Ip,
            Some("gre") => Carrier::Gre {
                key: None,
                checksum: connection.tunnel_checksum,
                sequence: false,
                ethernet: false,
            },
            // Which ports a server's kernel unpacks (`ip fou show`) is not captured.
            Some(other) => {
                return Err(Stop::Undecided(Doubt {
                    what: format!(
                        "IPVS on {} sends packets to {} by {other}: who unpacks them there is not captured",
                        ns.object, connection.server.0
                    ),
                    settle: String::new(),
                    source: Some(connection.source.clone()),
                }));
            }
        };
        // `ip_vs_tunnel_xmit_prepare()`
        self.confirm(&transit);
        let inner = &transit.packet;
        let number = match (&carrier, inner.family()) {
            (Carrier::Gre { .. }, _) => protocol::GRE,
            (_, Family::V4) => protocol::IPIP,
            (_, Family::V6) => protocol::IPV6,
        };
        let server = connection.server.0;
        let overhead = overhead(connection);
        let packet = Packet {
            src: way.prefsrc.unwrap_or(match server {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            }),
            dst: server,
            transport: Transport::Other { protocol: number },
            length: inner.length.saturating_add(overhead),
            dont_fragment: server.is_ipv6() || (inner.dont_fragment && discovers(ns, connection)?),
            ttl: inner.ttl,
            tos: inner.tos,
            mark: inner.mark,
        };
        let next = inner.dst;
        transit.ct = Ct::None;
        transit.zone = Zone::default();
        let encapsulated = Encapsulated {
            carrier,
            sender: self.sender.clone(),
            reports: match server {
                IpAddr::V4(_) => Reports::Sender,
                // `ip_vs_in_icmp_v6()` does not look into tunnels.
                IpAddr::V6(_) => Reports::Nobody,
            },
            device: Place {
                ns: Arc::clone(ns),
                device: way.device.clone(),
            },
            frame: Frame {
                dst: None,
                src: None,
                next,
                tags: Vec::new(),
                origin: None,
                answer: false,
                transit,
            },
        };
        let packed = Packed {
            packet,
            bound: None,
            route_mark: 0,
            overhead,
            tunnel: format!("the tunnel of IPVS on {} to {server}", ns.object),
            source: connection.source.clone(),
        };
        self.send_packed(ns, packed, encapsulated)
    }

    /// `ip_vs_confirm_conntrack()`: after that the packet is no longer the connection's.
    fn confirm(&mut self, transit: &Transit) {
        if let Ct::Attached { conn, .. } = transit.ct
            && let Some(conn) = self.conns.get_mut(conn)
        {
            conn.confirmed = true;
        }
    }
}

/// What the tunnel's headers add.
fn overhead(connection: &Balanced) -> u32 {
    let ip = match Family::of(connection.server.0) {
        Family::V4 => 20,
        Family::V6 => 40,
    };
    let own = match connection.tunnel.as_deref() {
        Some("gre") if connection.tunnel_checksum => 8,
        Some("gre") => 4,
        // `struct udphdr`, `struct guehdr`
        Some("gue") => 12,
        _ => 0,
    };
    ip + own
}

/// `sysctl_pmtu_disc()`
fn discovers(ns: &Namespace, connection: &Balanced) -> Stage<bool> {
    match ns.sysctl.integer("net.ipv4.vs.pmtu_disc").ok().flatten() {
        Some((value, _)) => Ok(value != 0),
        None => Err(Stop::Undecided(Doubt {
            what: format!(
                "whether IPVS on {} discovers its tunnels' path MTU",
                ns.object
            ),
            settle: format!("net.ipv4.vs.pmtu_disc in {}/sysctl.txt", ns.path),
            source: Some(connection.source.clone()),
        })),
    }
}
