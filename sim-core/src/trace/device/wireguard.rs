//! WireGuard: peers by allowed addresses, both ways (`drivers/net/wireguard/device.c`, `send.c`, `receive.c`).

use std::net::IpAddr;
use std::sync::Arc;

use super::super::blocker::{Blocker, BlockerKind, Failure};
use super::super::{Arrival, Carrier, Encapsulated, Frame, Reports, Stage, Stop, Transit, Walk};
use super::Origin;
use super::carrier::{Outer, Taken, TooBig, no_socket, refused};
use crate::evidence::link::{Link, LinkKind};
use crate::evidence::wireguard::{WireguardDevice, WireguardPeer};
use crate::linux::choice::Doubt;
use crate::linux::conntrack::Ct;
use crate::linux::icmp;
use crate::linux::packet::{Family, Packet, Port, Transport, protocol};
use crate::verdict::Outcome;
use crate::world::{Namespace, Place};

/// Outer IPv4 and UDP headers, WireGuard's header and its authentication tag.
const OVERHEAD_V4: u32 = 60;
/// The same over IPv6.
const OVERHEAD_V6: u32 = 80;
/// A handshake's answer in an IPv4 packet.
const HANDSHAKE: u32 = 120;

impl Walk<'_, '_> {
    /// `wg_xmit()`: to the peer with the longest allowed prefix for the destination.
    pub(super) fn wireguard_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        frame: Frame,
    ) -> Stage<Arrival> {
        let device = settings(ns, &link.name)?;
        self.stack_is_here(ns, link, device)?;
        let dst = frame.transit.packet.dst;
        let family = frame.transit.packet.family();
        let (kind, code) = match family {
            Family::V4 => icmp::host_unreachable(family),
            Family::V6 => (1, 3),
        };
        // A datagram's own socket gets the device's error (ENOKEY, EDESTADDRREQ); TCP heeds the ICMP error.
        let refuses = match frame.transit.packet.protocol() {
            protocol::UDP if frame.transit.local => Failure::Local(Outcome::Unreachable),
            _ => Failure::Icmp { kind, code },
        };
        let Some((index, peer)) = allowed(device, dst) else {
            let blocker = Blocker::new(BlockerKind::WireguardPeer, ns)
                .says(format!(
                    "no WireGuard peer of {} on {} is allowed {dst}",
                    link.name, ns.object
                ))
                .on(&link.name)
                .citing([device.source.clone()]);
            return self.end(blocker, refuses, &frame.transit);
        };
        let key = (ns.path.clone(), link.name.clone(), index);
        let known = peer
            .endpoint
            .map(|endpoint| (endpoint.ip(), Port::Known(endpoint.port())));
        let endpoint = self.learned.endpoints.get(&key).copied().or(known);
        let Some((address, port)) = endpoint else {
            let blocker = Blocker::new(BlockerKind::WireguardPeer, ns)
                .says(format!(
                    "the WireGuard peer of {} on {} for {dst} has no endpoint",
                    link.name, ns.object
                ))
                .on(&link.name)
                .citing([peer.source.clone()]);
            return self.end(blocker, refuses, &frame.transit);
        };
        let length = frame.transit.packet.length;
        // Padded to 16 bytes, but not beyond the MTU (`calculate_skb_padding`).
        let padded = length.next_multiple_of(16).min(link.mtu.max(length));
        let base = if address.is_ipv4() {
            OVERHEAD_V4
        } else {
            OVERHEAD_V6
        };
        let outer = Outer {
            src: None,
            dst: address,
            transport: Transport::Udp {
                sport: Port::Known(device.listen_port),
                dport: port,
            },
            overhead: base.saturating_add(padded.saturating_sub(length)),
            dont_fragment: false,
            ttl: 64,
            tos: 0,
            bound: None,
            mark: Some(device.fwmark.unwrap_or(0)),
            routed_by_inner_mark: false,
            too_big: TooBig::Ignore,
            source: peer.source.clone(),
        };
        self.carry(ns, link, outer, Carrier::Wireguard, frame)
    }

    /// `wg_packet_consume_data_done()`: the sender must be a peer, and its inner source be allowed to it.
    pub(super) fn wireguard_end(
        &mut self,
        ns: &Arc<Namespace>,
        outer: &Transit,
        inner: &Encapsulated,
    ) -> Stage<Taken> {
        let from = &inner.device;
        for place in self.tunnels(ns, |kind| matches!(kind, LinkKind::Wireguard))? {
            let Some(link) = place.ns.link(&place.device).filter(|link| link.up) else {
                continue;
            };
            let device = settings(&place.ns, &link.name)?;
            if outer.packet.dport() != Some(Port::Known(device.listen_port)) {
                continue;
            }
            let src = inner.frame.transit.packet.src;
            let fault = |what: String, source: &crate::source::Source| {
                let blocker = Blocker::new(BlockerKind::WireguardPeer, &place.ns)
                    .says(what)
                    .on(&link.name)
                    .citing([source.clone()]);
                Ok(Err((Box::new(blocker), Failure::Silent)))
            };
            let Some(index) = self.peer_of(from, device, outer, src)? else {
                return fault(
                    format!(
                        "{} of {} has no peer for {}: no handshake is possible",
                        link.name, place.ns.object, from.ns.object
                    ),
                    &device.source,
                );
            };
            // Where it is heard from is where it is answered to (`wg_socket_set_peer_endpoint`).
            if let Some(sport) = outer.packet.sport() {
                let key = (place.ns.path.clone(), link.name.clone(), index);
                self.learned
                    .endpoints
                    .insert(key, (outer.packet.src, sport));
            }
            self.shake_hands(ns, &place, from, outer, inner)?;
            may_agree(from, device, index, inner.frame.transit.packet.dst)?;
            match allowed(device, src) {
                Some((other, _)) if other == index => return Ok(Ok(place.clone())),
                Some((_, peer)) => {
                    return fault(
                        format!(
                            "{} of {} allows {src} to another WireGuard peer than {}",
                            link.name, place.ns.object, from.ns.object
                        ),
                        &peer.source,
                    );
                }
                None => {
                    return fault(
                        format!(
                            "{} of {} allows no WireGuard peer to send from {src}",
                            link.name, place.ns.object
                        ),
                        &device.source,
                    );
                }
            }
        }
        let near = ns
            .links
            .iter()
            .find(|link| matches!(link.kind, LinkKind::Wireguard));
        let what = format!(
            "no WireGuard device of {} that is up listens on that port",
            ns.object
        );
        Ok(refused(
            BlockerKind::WireguardPeer,
            ns,
            near,
            no_socket(outer),
            &what,
        ))
    }

    /// Which peer of `device` the sender is.
    ///
    /// Keys tell, where the capture has them; else the endpoint does, else who is allowed the inner source.
    fn peer_of(
        &mut self,
        from: &Place,
        device: &WireguardDevice,
        outer: &Transit,
        src: IpAddr,
    ) -> Stage<Option<usize>> {
        let sender = settings(&from.ns, &from.device)?;
        if let Some(key) = &sender.public_key
            && device.peers.iter().all(|peer| peer.public_key.is_some())
        {
            return Ok(position(device, |peer| {
                peer.public_key.as_ref() == Some(key)
            }));
        }
        let port = sender.listen_port;
        let at = position(device, |peer| {
            peer.endpoint.is_some_and(|endpoint| {
                endpoint.ip() == outer.packet.src && endpoint.port() == port
            })
        });
        if at.is_some() {
            return Ok(at);
        }
        let Some((index, peer)) = allowed(device, src) else {
            return Ok(None);
        };
        let Some(endpoint) = peer.endpoint else {
            return Ok(Some(index));
        };
        if self.world.by_address(endpoint.ip())?.is_empty() {
            self.assume(format!(
                "the WireGuard peer at {endpoint} is {}, seen through a translation",
                from.ns.object
            ));
            return Ok(Some(index));
        }
        Err(Stop::Undecided(Doubt {
            what: format!(
                "which WireGuard peer {} is to {} cannot be told without their public keys",
                from.ns.object, device.device
            ),
            settle: String::new(),
            source: Some(peer.source.clone()),
        }))
    }

    /// Before the first data, the far side must be able to answer (`wg_packet_send_handshake_response`).
    fn shake_hands(
        &mut self,
        ns: &Arc<Namespace>,
        place: &Place,
        from: &Place,
        outer: &Transit,
        inner: &Encapsulated,
    ) -> Stage<()> {
        let there = (place.ns.path.clone(), place.device.clone());
        let here = (from.ns.path.clone(), from.device.clone());
        let session = |a: &(String, Arc<str>), b: &(String, Arc<str>)| {
            (a.0.clone(), a.1.clone(), b.0.clone(), b.1.clone())
        };
        if self.learned.sessions.contains(&session(&there, &here))
            || self.learned.sessions.contains(&session(&here, &there))
        {
            return Ok(());
        }
        self.learned.sessions.insert(session(&here, &there));
        let (Some(sport), Some(dport)) = (outer.packet.sport(), outer.packet.dport()) else {
            return Ok(());
        };
        let mark = settings(&place.ns, &place.device)?.fwmark.unwrap_or(0);
        let answer = Packet {
            src: outer.packet.dst,
            dst: outer.packet.src,
            transport: Transport::Udp {
                sport: dport,
                dport: sport,
            },
            length: HANDSHAKE,
            dont_fragment: false,
            ttl: 64,
            tos: 0,
            mark,
        };
        let origin = Origin {
            inner: Some(Box::new(Encapsulated {
                carrier: Carrier::Handshake,
                reports: Reports::Nobody,
                ..inner.clone()
            })),
            ..Origin::default()
        };
        let muted = std::mem::replace(&mut self.log.muted, true);
        let result = self.emit(ns, answer, Ct::None, origin);
        self.log.muted = muted;
        match result {
            // The blocker, if any, is noted; the walk goes on as if it had not been there.
            Ok(_) | Err(Stop::Lost) => Ok(()),
            Err(stop) => Err(stop),
        }
    }

    /// A WireGuard device keeps its socket in the namespace that it was made in, which `ip link` does not print.
    fn stack_is_here(
        &self,
        ns: &Arc<Namespace>,
        link: &Link,
        device: &WireguardDevice,
    ) -> Stage<()> {
        ns.known("ss.txt")?;
        let bound = ns.listeners.iter().any(|listener| {
            listener.protocol == crate::flow::Protocol::Udp && listener.port == device.listen_port
        });
        if bound {
            return Ok(());
        }
        Err(Stop::Undecided(Doubt {
            what: format!(
                "no UDP socket of {} has the port of {}: the device may belong to another namespace",
                ns.object, link.name
            ),
            settle: format!("{}/ss.txt", ns.path),
            source: Some(device.source.clone()),
        }))
    }
}

fn settings<'a>(ns: &'a Namespace, device: &str) -> Stage<&'a WireguardDevice> {
    ns.known("wg.txt")?;
    let found = ns.wireguard.iter().find(|known| known.device == device);
    found.ok_or_else(|| {
        Stop::Undecided(Doubt {
            what: format!(
                "the WireGuard peers of {device} of {} are not known",
                ns.object
            ),
            settle: format!("{}/wg.txt", ns.path),
            source: ns.link(device).map(|link| link.source.clone()),
        })
    })
}

/// Two peers that tried and never came to a handshake may hold wrong keys of each other, which were not captured
/// (`wg_noise_handshake_consume_initiation`).
fn may_agree(from: &Place, device: &WireguardDevice, index: usize, dst: IpAddr) -> Stage<()> {
    let sender = settings(&from.ns, &from.device)?;
    let knows_keys = sender.public_key.is_some() && device.public_key.is_some();
    let (Some((_, there)), Some(here)) = (allowed(sender, dst), device.peers.get(index)) else {
        return Ok(());
    };
    let met = [there, here]
        .iter()
        .any(|peer| peer.latest_handshake.is_some() || peer.received > 0);
    if knows_keys || met || there.sent == 0 {
        return Ok(());
    }
    Err(Stop::Undecided(Doubt {
        what: format!(
            "{} of {} sent to its WireGuard peer, and no handshake came of it: whether they know each other's keys is not captured",
            from.device, from.ns.object
        ),
        settle: format!("public keys in {}/wg.txt", from.ns.path),
        source: Some(there.source.clone()),
    }))
}

fn position(device: &WireguardDevice, is: impl Fn(&WireguardPeer) -> bool) -> Option<usize> {
    device.peers.iter().position(is)
}

/// The peer with the longest allowed prefix for an address (`wg_allowedips_lookup_dst`, `wg_allowedips_lookup_src`).
fn allowed(device: &WireguardDevice, address: IpAddr) -> Option<(usize, &WireguardPeer)> {
    let longest = |peer: &WireguardPeer| {
        let nets = peer.allowed_ips.iter();
        nets.filter(|net| net.contains(&address))
            .map(ipnet::IpNet::prefix_len)
            .max()
    };
    device
        .peers
        .iter()
        .enumerate()
        .filter_map(|(index, peer)| Some((longest(peer)?, index, peer)))
        .max_by_key(|(length, ..)| *length)
        .map(|(_, index, peer)| (index, peer))
}
