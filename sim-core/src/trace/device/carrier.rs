//! What all tunnels share: the outer packet on its way, and the device that unpacks it.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::blocker::{Blocker, BlockerKind, Failure};
use super::super::no_route::no_route;
use super::super::output::Way;
use super::super::{
    Arrival, Carrier, Encapsulated, Expected, Frame, Reports, Stage, Stop, Transit, Walk,
};
use super::super::{neighbour::is_bridge, transmit::not_modelled};
use super::Origin;
use crate::evidence::link::{Link, LinkKind};
use crate::linux::choice::Doubt;
use crate::linux::conntrack::{self, Ct, Zone};
use crate::linux::fib::FibKey;
use crate::linux::icmp;
use crate::linux::packet::{Family, Packet, Port, Transport};
use crate::source::Source;
use crate::verdict::StepStatus;
use crate::world::{Namespace, Place};

/// The outer packet that a tunnel makes.
pub(super) struct Outer {
    /// `None`: chosen by the route.
    pub(super) src: Option<IpAddr>,
    pub(super) dst: IpAddr,
    pub(super) transport: Transport,
    /// Bytes that it adds to the inner IP packet.
    pub(super) overhead: u32,
    pub(super) dont_fragment: bool,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    /// The device that it must leave by.
    pub(super) bound: Option<String>,
    /// The mark that its route is looked up with, and that it has.
    pub(super) mark: Option<u32>,
    /// Where it names none, its route is looked up with the inner packet's mark (`udp_tunnel_dst_lookup`), not with 0
    /// (`ip_tunnel_init_flow`).
    pub(super) routed_by_inner_mark: bool,
    pub(super) too_big: TooBig,
    /// Says where it goes.
    pub(super) source: Source,
}

impl Outer {
    /// The mark that its route is looked up with.
    fn route_mark(&self, inner: &Packet) -> u32 {
        match self.mark {
            Some(mark) => mark,
            None if self.routed_by_inner_mark => inner.mark,
            None => 0,
        }
    }
}

/// An outer packet that is ready to be sent.
pub(in crate::trace) struct Packed {
    pub(in crate::trace) packet: Packet,
    /// The device that it must leave by.
    pub(in crate::trace) bound: Option<String>,
    /// The mark that its route is looked up with.
    pub(in crate::trace) route_mark: u32,
    /// Bytes that it adds to the inner packet.
    pub(in crate::trace) overhead: u32,
    /// The tunnel, in words.
    pub(in crate::trace) tunnel: String,
    /// Says that there is one.
    pub(in crate::trace) source: Source,
}

/// What a tunnel does about an inner packet that its path's MTU has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooBig {
    /// Tells the sender (`tnl_update_pmtu`).
    Refuse,
    /// Lowers the MTU that this stack knows, tells senders behind a bridge, and sends it anyhow (`skb_tunnel_check_pmtu`).
    Adapt,
    /// Sends it anyhow.
    Ignore,
}

impl Walk<'_, '_> {
    /// Sends `frame` in an outer packet by the stack that `link` was made in (`iptunnel_xmit`, `udp_tunnel_xmit_skb`).
    pub(super) fn carry(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        outer: Outer,
        carrier: Carrier,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        let stack = self.underlay(ns, link)?;
        if let Some(src) = outer.src {
            self.source_exists(&stack, link, src, &frame.transit)?;
        }
        let mark = match outer.mark {
            Some(mark) => mark,
            None if stack.path == ns.path => frame.transit.packet.mark,
            None => 0,
        };
        let unspecified = match Family::of(outer.dst) {
            Family::V4 => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        let mut packet = Packet {
            src: outer.src.unwrap_or(unspecified),
            dst: outer.dst,
            transport: outer.transport.clone(),
            length: frame.transit.packet.length.saturating_add(outer.overhead),
            dont_fragment: outer.dont_fragment,
            ttl: outer.ttl,
            tos: outer.tos,
            mark,
        };
        let way = self.outer_way(&stack, link, &outer, &packet, &frame.transit)?;
        packet.src = outer.src.or(way.prefsrc).unwrap_or(unspecified);
        self.log.step(
            StepStatus::Normal,
            || format!("{} packs it into a packet to {}", link.name, outer.dst),
            || vec![outer.source.clone()],
        );
        self.room(ns, link, &outer, &way, &frame)?;
        let route_mark = outer.route_mark(&frame.transit.packet);
        frame.transit.ct = Ct::None;
        frame.transit.zone = Zone::default();
        frame.transit.local = false;
        let reports = if matches!(outer.too_big, TooBig::Refuse) && has_remote(link) {
            Reports::NextSender
        } else {
            Reports::Nobody
        };
        let inner = Encapsulated {
            carrier,
            frame,
            sender: self.sender.clone(),
            reports,
            device: Place {
                ns: Arc::clone(ns),
                device: link.name.clone(),
            },
        };
        let packed = Packed {
            packet,
            bound: outer.bound,
            route_mark,
            overhead: outer.overhead,
            tunnel: format!("the tunnel {} of {}", link.name, ns.object),
            source: link.source.clone(),
        };
        self.send_packed(&stack, packed, inner)
    }

    /// Sends an outer packet by `stack`.
    pub(in crate::trace) fn send_packed(
        &mut self,
        stack: &Arc<Namespace>,
        packed: Packed,
        inner: Encapsulated,
    ) -> Stage<Arrival> {
        // Errors about the outer packet are for the tunnel.
        let tuple = conntrack::tuple_of(&packed.packet);
        let tunnel = tuple.map(|tuple| (stack.path.clone(), tuple));
        let kept = std::mem::replace(&mut self.sender, tunnel.clone());
        let about = inner.frame.transit.clone();
        let (ns, device) = (inner.device.ns.clone(), inner.device.device.clone());
        let origin = Origin {
            bound: packed.bound,
            route_mark: Some(packed.route_mark),
            inner: Some(Box::new(inner)),
            passing: false,
        };
        let result = self.emit(stack, packed.packet, Ct::None, origin);
        self.sender = kept;
        match result {
            // The tunnel learned a smaller MTU of its path, and tells the next sender.
            Err(Stop::TooBig(mtu)) if !self.is_quiet() && self.told == tunnel => {
                let fits = mtu.saturating_sub(packed.overhead);
                let blocker = Blocker::new(BlockerKind::Mtu, &ns)
                    .says(format!(
                        "a packet of {} bytes does not fit {}, whose path takes {fits}",
                        about.packet.length, packed.tunnel
                    ))
                    .on(&device)
                    .citing([packed.source]);
                self.end(blocker, Failure::TooBig { mtu: fits }, &about)
            }
            other => other,
        }
    }

    /// The stack that sends and takes a tunnel's outer packets.
    pub(super) fn underlay(&mut self, ns: &Arc<Namespace>, link: &Link) -> Stage<Arc<Namespace>> {
        self.world.underlay(ns, link)?.ok_or_else(|| {
            Stop::Undecided(Doubt {
                what: format!(
                    "which namespace sends the packets of the tunnel {} of {} was not captured",
                    link.name, ns.object
                ),
                settle: format!("{}/netns.json", ns.path),
                source: Some(link.source.clone()),
            })
        })
    }

    /// An IPv4 source that no device has is refused (`ip_route_output_key_hash_rcu`, `__ip_dev_find`).
    fn source_exists(
        &mut self,
        stack: &Arc<Namespace>,
        link: &Link,
        src: IpAddr,
        transit: &Transit,
    ) -> Stage<()> {
        stack.known("ip-addr.json")?;
        let local = src.is_ipv6()
            || stack.addresses.iter().any(|address| address.local == src)
            || stack.routes(Family::V4).iter().any(|route| {
                route.kind == crate::evidence::route::RouteKind::Local && route.dst.contains(&src)
            });
        if local {
            return Ok(());
        }
        let blocker = Blocker::new(BlockerKind::TunnelSource, stack)
            .says(format!(
                "{} sends from {src}, which is no address of {}",
                link.name, stack.object
            ))
            .on(&link.name)
            .citing([link.source.clone()]);
        self.block(blocker, Failure::Silent, transit)
    }

    fn outer_way(
        &mut self,
        stack: &Arc<Namespace>,
        link: &Link,
        outer: &Outer,
        packet: &Packet,
        transit: &Transit,
    ) -> Stage<Way> {
        let key = FibKey {
            dst: outer.dst,
            src: outer.src,
            iif: None,
            oif: outer.bound.as_deref(),
            mark: outer.route_mark(&transit.packet),
            tos: outer.tos,
            protocol: packet.protocol(),
            sport: packet.sport(),
            dport: packet.dport(),
        };
        let way = match self.look_up(stack, &key)? {
            Ok(way) => way,
            Err(no) => {
                let (blocker, _) = no_route(stack, outer.dst, &no)?;
                self.block(blocker, Failure::Silent, transit)?;
                self.detour(stack, outer.dst)?.ok_or(Stop::Lost)?
            }
        };
        if way.device == link.name {
            let blocker = Blocker::new(BlockerKind::Loop, stack)
                .says(format!(
                    "the route to the far end {} leads into the tunnel {} itself",
                    outer.dst, link.name
                ))
                .on(&link.name)
                .citing([way.source]);
            return self.end(blocker, Failure::Silent, transit);
        }
        Ok(way)
    }

    /// Whether the inner packet fits what the outer path takes.
    fn room(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        outer: &Outer,
        way: &Way,
        frame: &Frame,
    ) -> Stage<()> {
        let packet = &frame.transit.packet;
        let path = way.mtu.saturating_sub(outer.overhead);
        let six = packet.family() == Family::V6;
        let (mtu, tells) = match outer.too_big {
            TooBig::Ignore => return Ok(()),
            TooBig::Refuse => {
                let mtu = if outer.dont_fragment { path } else { link.mtu };
                (mtu, packet.dont_fragment || (six && mtu >= 1280))
            }
            TooBig::Adapt => {
                let bridged = is_bridge(ns, &link.name)
                    || link
                        .master
                        .as_deref()
                        .is_some_and(|master| is_bridge(ns, master));
                let fragments = outer.dst.is_ipv4() && !outer.dont_fragment;
                let tells = if bridged {
                    packet.dont_fragment || six
                } else {
                    frame.transit.local && !fragments
                };
                (path, tells)
            }
        };
        if packet.length <= mtu || !tells {
            return Ok(());
        }
        let blocker = Blocker::new(BlockerKind::Mtu, ns)
            .says(format!(
                "a packet of {} bytes does not fit the tunnel {} of {}, whose path takes {mtu}, and the sender does not learn of it",
                packet.length, link.name, ns.object
            ))
            .on(&link.name)
            .citing([link.source.clone(), way.source.clone()]);
        self.block(blocker, Failure::TooBig { mtu }, &frame.transit)
    }

    /// The outer packet is for this machine: the tunnel's device takes what is in it.
    pub(in crate::trace) fn decapsulate(
        &mut self,
        ns: &Arc<Namespace>,
        mut transit: Transit,
    ) -> Stage<Arrival> {
        let Some(inner) = transit.inner.take() else {
            return Err(Stop::Lost);
        };
        let outer = transit;
        let tunnel = std::mem::replace(&mut self.sender, inner.sender.clone());
        let found = match &inner.carrier {
            Carrier::Vxlan { vni } => self.vxlan_end(ns, &outer, *vni, &inner.frame)?,
            Carrier::Geneve { vni } => self.geneve_end(ns, &outer, *vni)?,
            Carrier::Ip | Carrier::Gre { .. } => self.tunnel_end(ns, &outer, &inner)?,
            Carrier::Wireguard => self.wireguard_end(ns, &outer, &inner)?,
            Carrier::Handshake => {
                return Ok(Arrival::Socket {
                    ns: Arc::clone(ns),
                    packet: outer.packet,
                });
            }
        };
        let end = match found {
            Ok(end) => end,
            Err((blocker, failure)) => {
                // Nobody takes it.
                self.sender = tunnel;
                let (frame, sender) = (inner.frame.clone(), inner.sender.clone());
                let about = Transit {
                    inner: Some(inner),
                    ..outer
                };
                self.block(*blocker, failure, &about)?;
                self.sender = sender;
                return self.arrive(ns, frame);
            }
        };
        if matches!(self.expected, Expected::TunnelEnd) {
            self.tunnel_ends.push(end);
            return Err(Stop::Lost);
        }
        let link = end.ns.link(&end.device);
        self.log.step(
            StepStatus::Normal,
            || format!("{} unpacks the tunnelled packet", end.device),
            || link.map(|link| link.source.clone()).into_iter().collect(),
        );
        let mut frame = inner.frame;
        // The mark that rules gave the outer packet stays (`skb_scrub_packet`).
        frame.transit.packet.mark = outer.packet.mark;
        self.enter(ns, &end.ns, &end.device, &mut frame);
        self.log.now(&frame.transit.packet, None);
        self.ingress(&end.ns.clone(), &end.device, frame)
    }

    /// Tunnel devices whose outer packets this stack takes: its own, and those that were moved elsewhere.
    pub(super) fn tunnels(
        &mut self,
        ns: &Arc<Namespace>,
        is: impl Fn(&LinkKind) -> bool,
    ) -> Stage<Vec<Place>> {
        ns.known("ip-link.json")?;
        let mut found = Vec::new();
        self.tunnels_in(ns, ns, &is, &mut found)?;
        // Only where there is none here may a device that was moved away be meant.
        let machine = crate::world::machine_of(&ns.path);
        for path in self.world.namespaces(machine)?.iter() {
            if found.is_empty() && *path != ns.path {
                let other = self.world.namespace(path)?;
                self.tunnels_in(ns, &other, &is, &mut found)?;
            }
        }
        Ok(found)
    }

    /// Adds the tunnel devices of `other` whose outer packets the stack of `ns` takes.
    fn tunnels_in(
        &mut self,
        ns: &Arc<Namespace>,
        other: &Arc<Namespace>,
        is: impl Fn(&LinkKind) -> bool,
        found: &mut Vec<Place>,
    ) -> Stage<()> {
        for link in other.links.iter().filter(|link| is(&link.kind)) {
            let here = link.link_netnsid.is_none() && other.path == ns.path;
            let moved = link.link_netnsid.is_some()
                && self
                    .world
                    .underlay(other, link)?
                    .is_some_and(|stack| stack.path == ns.path);
            if here || moved {
                found.push(Place {
                    ns: Arc::clone(other),
                    device: link.name.clone(),
                });
            }
        }
        Ok(())
    }

    /// UDP source ports that a tunnel chooses by the inner flow (`udp_flow_src_port`).
    pub(super) fn flow_port(&mut self, ns: &Namespace, range: (u16, u16)) -> Port {
        let (low, high) = if range == (0, 0) {
            super::super::exchange::local_port_range(ns)
        } else {
            range
        };
        self.fresh_port(low, high)
    }
}

fn has_remote(link: &Link) -> bool {
    match &link.kind {
        LinkKind::Ipip(tunnel)
        | LinkKind::Sit(tunnel)
        | LinkKind::Ip6Tunnel(tunnel)
        | LinkKind::Gre { tunnel, .. } => tunnel.remote.is_some(),
        _ => false,
    }
}

/// The device that takes an outer packet, or why none does and what its sender is told.
pub(super) type Taken = Result<Place, (Box<Blocker>, Failure)>;

/// No tunnel takes the outer packet.
pub(super) fn refused(
    kind: BlockerKind,
    ns: &Arc<Namespace>,
    near: Option<&Link>,
    failure: Failure,
    what: &str,
) -> Taken {
    let cited = near.or_else(|| ns.links.first());
    let blocker = Blocker::new(kind, ns)
        .says(format!("{what}: the tunnelled packet is dropped"))
        .citing(cited.map(|link| link.source.clone()));
    Err((Box::new(blocker), failure))
}

/// Nothing has the outer packet's port or protocol.
pub(super) fn no_socket(outer: &Transit) -> Failure {
    let (kind, code) = icmp::port_unreachable(outer.packet.family());
    Failure::Icmp { kind, code }
}

/// What a tunnel does is not known.
pub(super) fn unknown<T>(link: &Link) -> Stage<T> {
    Err(Stop::Undecided(not_modelled(link)))
}
