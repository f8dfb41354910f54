//! IP tunnels: ipip, sit, GRE and ip6tnl (`net/ipv4/ip_tunnel.c`, `ipip.c`, `ip_gre.c`, `sit.c`, `net/ipv6/ip6_tunnel.c`).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::super::blocker::{Blocker, BlockerKind, Failure};
use super::super::{Arrival, Carrier, Encapsulated, Frame, Stage, Transit, Walk};
use super::carrier::{Outer, Taken, TooBig, no_socket, refused, unknown};
use crate::evidence::link::{Link, LinkKind, Tunnel};
use crate::linux::packet::{Family, Transport, protocol};
use crate::world::{Namespace, Place};

impl Walk<'_, '_> {
    /// `ip_tunnel_xmit()`.
    pub(super) fn tunnel_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        tunnel: &Tunnel,
        frame: Frame,
    ) -> Stage<Arrival> {
        let inner = &frame.transit.packet;
        if tunnel.external || tunnel.encap.is_some() {
            return unknown(link);
        }
        let ethernet = is_tap(link);
        let Some(protocol) = protocol_of(link, tunnel, inner.family()) else {
            let blocker = Blocker::new(BlockerKind::TunnelPeer, ns)
                .says(format!(
                    "{} of {} does not carry packets of this family",
                    link.name, ns.object
                ))
                .on(&link.name)
                .citing([link.source.clone()]);
            return self.end(blocker, Failure::Silent, &frame.transit);
        };
        let remote = match (tunnel.remote, &link.kind) {
            (Some(remote), _) => remote,
            // No far end of its own (NBMA): the route's gateway is it (`rt_nexthop`).
            (None, LinkKind::Ipip(_) | LinkKind::Gre { tap: false, .. })
                if inner.family() == Family::V4 && frame.next.is_ipv4() =>
            {
                frame.next
            }
            (None, LinkKind::Sit(_)) => {
                match embedded(frame.next).or_else(|| six_to_four(inner.dst)) {
                    Some(remote) => IpAddr::V4(remote),
                    None => {
                        let blocker = Blocker::new(BlockerKind::TunnelPeer, ns)
                            .says(format!(
                                "{} of {} has no far end, and {} names none",
                                link.name, ns.object, frame.next
                            ))
                            .on(&link.name)
                            .citing([link.source.clone()]);
                        return self.end(blocker, Failure::Silent, &frame.transit);
                    }
                }
            }
            (None, _) => return unknown(link),
        };
        if remote.is_multicast() || (remote.is_ipv6() && tunnel.local.is_none()) {
            return unknown(link);
        }
        let carrier = match &link.kind {
            LinkKind::Gre { .. } => Carrier::Gre {
                key: tunnel.okey,
                checksum: tunnel.checksums.1,
                sequence: tunnel.sequence.1,
                ethernet,
            },
            LinkKind::Ip6Tunnel(_) if is_gre6(tunnel) => return unknown(link),
            _ => Carrier::Ip,
        };
        let outer = Outer {
            src: tunnel.local,
            dst: remote,
            transport: Transport::Other { protocol },
            overhead: overhead(tunnel, &carrier, remote),
            dont_fragment: remote.is_ipv6()
                || tunnel.pmtudisc
                || (inner.family() == Family::V4 && !tunnel.ignore_df && inner.dont_fragment),
            ttl: tunnel.ttl.unwrap_or(inner.ttl),
            tos: tunnel.tos.unwrap_or(inner.tos),
            bound: tunnel.lower.clone(),
            mark: None,
            routed_by_inner_mark: false,
            too_big: TooBig::Refuse,
            source: link.source.clone(),
        };
        self.carry(ns, link, outer, carrier, frame)
    }

    /// The device that takes an outer packet: that of both ends, of the far one, of the near one, of none, then the
    /// fallback device (`ip_tunnel_lookup`).
    pub(super) fn tunnel_end(
        &mut self,
        ns: &Arc<Namespace>,
        outer: &Transit,
        inner: &Encapsulated,
    ) -> Stage<Taken> {
        let family = inner.frame.transit.packet.family();
        let six = outer.packet.dst.is_ipv6();
        let all = self.tunnels(ns, |kind| match (kind, &inner.carrier) {
            (LinkKind::Gre { tap, .. }, Carrier::Gre { ethernet, .. }) => tap == ethernet,
            (LinkKind::Ip6Tunnel(tunnel), Carrier::Ip) => six && !is_gre6(tunnel),
            (LinkKind::Ipip(_), Carrier::Ip) => !six && family == Family::V4,
            (LinkKind::Sit(_), Carrier::Ip) => !six && family == Family::V6,
            _ => false,
        })?;
        let mut best: Option<(u8, &Place)> = None;
        for place in &all {
            let Some((link, tunnel)) = tunnel_of(place) else {
                continue;
            };
            if !link.up {
                continue;
            }
            if tunnel.external || tunnel.encap.is_some() {
                return unknown(link);
            }
            let fits = |end: Option<IpAddr>, address: IpAddr| end.is_none_or(|end| end == address);
            if !fits(tunnel.remote, outer.packet.src) || !fits(tunnel.local, outer.packet.dst) {
                continue;
            }
            if let Carrier::Gre { key, .. } = inner.carrier
                && tunnel.ikey != key
            {
                continue;
            }
            let bound = tunnel.lower.is_some() && tunnel.lower.as_deref() == outer.iif.as_deref();
            let rank = match (tunnel.remote, tunnel.local) {
                (Some(_), Some(_)) => 8,
                (Some(_), None) => 6,
                (None, Some(_)) => 4,
                (None, None) => 2,
            } + u8::from(bound);
            if best.is_none_or(|(known, _)| rank > known) {
                best = Some((rank, place));
            }
        }
        let Some((_, place)) = best else {
            let near = all.first().and_then(|place| place.ns.link(&place.device));
            let what = format!(
                "{} has no tunnel device that is up and takes packets from {} to {}",
                ns.object, outer.packet.src, outer.packet.dst
            );
            return Ok(refused(
                BlockerKind::TunnelPeer,
                ns,
                near,
                no_socket(outer),
                &what,
            ));
        };
        let Some((link, tunnel)) = tunnel_of(place) else {
            return Ok(Ok(place.clone()));
        };
        // `ipip_tunnel_rcv()`, `ipip6_rcv()`, `ipxip6_rcv()`: of one family only.
        if protocol_of(link, tunnel, family).is_none() {
            let what = format!(
                "{} of {} takes no packets of this family",
                link.name, place.ns.object
            );
            return Ok(refused(
                BlockerKind::TunnelPeer,
                &place.ns,
                Some(link),
                Failure::Silent,
                &what,
            ));
        }
        // `ip_tunnel_rcv()`: checksums and numbers must be there, or not, as was agreed.
        if let Carrier::Gre {
            checksum, sequence, ..
        } = inner.carrier
            && (tunnel.checksums.0 != checksum || (tunnel.sequence.0 && !sequence))
        {
            let what = format!(
                "{} of {} expects GRE packets with other options",
                link.name, place.ns.object
            );
            return Ok(refused(
                BlockerKind::TunnelPeer,
                &place.ns,
                Some(link),
                Failure::Silent,
                &what,
            ));
        }
        Ok(Ok(place.clone()))
    }
}

fn tunnel_of(place: &Place) -> Option<(&Link, &Tunnel)> {
    let link = place.ns.link(&place.device)?;
    match &link.kind {
        LinkKind::Ipip(tunnel)
        | LinkKind::Sit(tunnel)
        | LinkKind::Ip6Tunnel(tunnel)
        | LinkKind::Gre { tunnel, .. } => Some((link, tunnel)),
        _ => None,
    }
}

pub(in crate::trace) fn is_tap(link: &Link) -> bool {
    matches!(link.kind, LinkKind::Gre { tap: true, .. })
}

fn is_gre6(tunnel: &Tunnel) -> bool {
    tunnel.kind.contains("gre") || tunnel.kind.contains("erspan")
}

/// The outer packet's protocol; `None` where the tunnel does not carry the family.
fn protocol_of(link: &Link, tunnel: &Tunnel, family: Family) -> Option<u8> {
    let mode = tunnel.mode.as_deref().unwrap_or("any");
    match (&link.kind, family) {
        (LinkKind::Gre { .. }, _) => Some(protocol::GRE),
        (LinkKind::Ipip(_), Family::V4) if matches!(mode, "ipip" | "any" | "ip4ip") => {
            Some(protocol::IPIP)
        }
        (LinkKind::Sit(_), Family::V6) if matches!(mode, "ip6ip" | "any") => Some(protocol::IPV6),
        (LinkKind::Ip6Tunnel(_), Family::V4) if matches!(mode, "ipip6" | "any" | "ip4ip6") => {
            Some(protocol::IPIP)
        }
        (LinkKind::Ip6Tunnel(_), Family::V6) if matches!(mode, "ip6ip6" | "any") => {
            Some(protocol::IPV6)
        }
        _ => None,
    }
}

/// What the outer headers add to the inner IP packet.
fn overhead(tunnel: &Tunnel, carrier: &Carrier, remote: IpAddr) -> u32 {
    let ip = if remote.is_ipv4() {
        20
    } else if tunnel.encap_limit {
        // A destination options header besides (`init_tel_txopt`).
        48
    } else {
        40
    };
    let own = match carrier {
        Carrier::Gre {
            key,
            checksum,
            sequence,
            ethernet,
        } => {
            let options = [key.is_some(), *checksum, *sequence];
            let n_options = options.into_iter().filter(|set| *set).count();
            let options = u32::try_from(n_options).unwrap_or(0).saturating_mul(4);
            4 + options + if *ethernet { 14 } else { 0 }
        }
        _ => 0,
    };
    ip + own
}

/// The IPv4 address in an IPv4-compatible one (`ipip6_tunnel_xmit`).
fn embedded(next: IpAddr) -> Option<Ipv4Addr> {
    match next {
        IpAddr::V6(six) => {
            let bits = u128::from(six);
            let low = u32::try_from(bits).ok()?;
            (low > 0xffff).then(|| Ipv4Addr::from(low))
        }
        IpAddr::V4(_) => None,
    }
}

/// The router's IPv4 address in a 6to4 address (`try_6rd`).
fn six_to_four(dst: IpAddr) -> Option<Ipv4Addr> {
    match dst {
        IpAddr::V6(six) if six.segments().first() == Some(&0x2002) => {
            let [_, _, a, b, c, d, ..] = six.octets();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}
