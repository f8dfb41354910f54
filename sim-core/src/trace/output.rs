//! Packets made here: route, OUTPUT, route again, POSTROUTING (`__ip_queue_xmit`, `ip_local_out`, `ip_output`).

use std::net::IpAddr;
use std::sync::Arc;

use super::balancing::Balancing;
use super::blocker::{Blocker, BlockerKind, Failure};
use super::device::Origin;
use super::netfilter::HookSite;
use super::no_route::no_route;
use super::{Arrival, Stage, Stop, Transit, Walk};
use crate::evidence::route::RouteKind;
use crate::linux::bytes;
use crate::linux::conntrack::{self, Ct};
use crate::linux::fib::{self, FibKey, NoRoute};
use crate::linux::netfilter::Hook;
use crate::linux::packet::{Family, Packet, Transport, Words};
use crate::linux::source_address;
use crate::linux::sysctl;
use crate::source::Source;
use crate::verdict::{Outcome, StepStatus};
use crate::world::Namespace;

/// The way that a packet will leave by.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) device: Arc<str>,
    pub(super) gateway: Option<IpAddr>,
    pub(super) kind: RouteKind,
    pub(super) mtu: u32,
    pub(super) prefsrc: Option<IpAddr>,
    /// What the route has TCP say of segments.
    pub(super) advmss: Option<u32>,
    /// By a default route.
    pub(super) is_default: bool,
    pub(super) source: Source,
}

impl Way {
    /// The address whose neighbour entry is used.
    pub(super) fn next(&self, dst: IpAddr) -> IpAddr {
        self.gateway.unwrap_or(dst)
    }

    /// The largest packet that the other end may send (`dst_metric_advmss`).
    fn largest(&self) -> u32 {
        // IPv4 and TCP headers; IPv6's are longer by 20 bytes, which only a route's `advmss` makes a difference for.
        self.advmss
            .map_or(self.mtu, |advmss| self.mtu.min(advmss.saturating_add(40)))
    }

    pub(super) fn words(&self) -> String {
        match (self.kind, self.gateway) {
            (RouteKind::Local, _) => "local".to_owned(),
            (_, Some(gateway)) => format!("via {} dev {}", Words(gateway), self.device),
            (_, None) => format!("dev {}", self.device),
        }
    }
}

/// The device that POSTROUTING sees a packet come in by (`indev` of `ip_output()`, since Linux 5.5): what is routed on
/// still has its own, what a tunnel packed the tunnel's (`iptunnel_xmit()` leaves `skb->dev` alone, `send4()` of WireGuard
/// sets it), and what IPVS packed that of the packet in it. What a socket sends has none.
fn device_before(ns: &Namespace, way: &Way, transit: &Transit) -> Option<Arc<str>> {
    let Some(inner) = (transit.inner.as_ref()).filter(|_| transit.iif.is_none()) else {
        return transit.iif.clone();
    };
    let device = &inner.device;
    if device.ns.path == ns.path && device.device == way.device {
        inner.frame.transit.iif.clone()
    } else {
        Some(Arc::clone(&device.device))
    }
}

impl Walk<'_, '_> {
    /// Sends a packet that a socket (or the kernel) of `ns` made; an unspecified source is chosen on the way.
    pub(super) fn originate(
        &mut self,
        ns: &Arc<Namespace>,
        packet: Packet,
        ct: Ct,
        bound: Option<String>,
    ) -> Stage<Arrival> {
        let origin = Origin {
            bound,
            ..Origin::default()
        };
        let (depth, met_before) = (self.depth, self.met_before);
        self.met_before = self.blockers.len();
        let arrival = self.emit(ns, packet, ct, origin);
        (self.depth, self.met_before) = (depth, met_before);
        arrival
    }

    /// As `originate`, for a tunnel's outer packet as well.
    pub(super) fn emit(
        &mut self,
        ns: &Arc<Namespace>,
        mut packet: Packet,
        ct: Ct,
        origin: Origin,
    ) -> Stage<Arrival> {
        let Origin {
            bound,
            route_mark,
            inner,
            passing,
        } = origin;
        let bound = bound.as_deref();
        let fresh = inner.is_none() && !passing;
        if fresh {
            let passed = self.is_as_if_passed();
            self.log.enter(ns, None, &packet, passed);
        }
        let blank = Transit {
            ct,
            local: true,
            ..Transit::new(packet.clone())
        };
        self.tick(ns, &blank)?;
        let scope = self.link_scopes.get(&(ns.place(), packet.dst)).cloned();
        let bound = bound.or(scope.as_deref());
        let fixed = !packet.src.is_unspecified();
        let blank = Transit { inner, ..blank };
        let mut way = self.route_out(ns, &packet, bound, route_mark, &blank)?;
        if !fixed {
            packet.src = self.source_for(ns, &way, packet.dst, &blank)?;
            way = self.connect(ns, &packet, bound, way, &blank)?;
        }
        self.may_send(
            ns,
            &way,
            &packet,
            Failure::Local(Outcome::Unreachable),
            &blank,
        )?;
        if fresh && !self.is_quiet() {
            self.sent_mtu = way.largest();
            self.mss = matches!(packet.transport, Transport::Tcp { flags, .. } if flags.has_syn())
                .then(|| bytes::advertised_mss(packet.family(), way.mtu, way.advmss));
        }
        let error = matches!(packet.transport, Transport::IcmpError { .. });
        if !error
            && fresh
            && self.sender.is_none()
            && let Some(tuple) = conntrack::tuple_of(&packet)
        {
            self.sender = Some((ns.path.clone(), tuple));
        }
        if fresh
            && packet.protocol() != crate::linux::packet::protocol::TCP
            && packet.length > way.mtu
        {
            // Datagrams are fragmented here, and their fragments may be fragmented again (`ip_append_data`).
            packet.dont_fragment = false;
        }
        let mut transit = Transit { packet, ..blank };
        if fresh {
            self.log.made(&transit.packet);
        }
        self.log.step(
            StepStatus::Normal,
            || format!("route to {}: {}", Words(transit.packet.dst), way.words()),
            || vec![way.source.clone()],
        );
        let site = HookSite {
            oif: Some(&way.device),
            gateway: way.gateway,
            mtu: Some(way.mtu),
            ..HookSite::default()
        };
        let before = transit.packet.clone();
        self.run_hook(ns, Hook::Output, &site, &mut transit)?;
        if let Balancing::Taken(connection) = transit.balancing {
            return self.send_balanced(ns, connection, transit);
        }
        let after = &transit.packet;
        // What IPVS sends to a server here keeps its route.
        let rerouted = transit.rerouted
            || (after.dst != before.dst && transit.balancing == Balancing::Fresh)
            || after.src != before.src;
        let way = if rerouted {
            self.route_again(ns, &transit, bound)?
        } else {
            way
        };
        self.leave(ns, &way, transit)
    }

    /// POSTROUTING, then the device (`ip_output`).
    pub(super) fn leave(
        &mut self,
        ns: &Arc<Namespace>,
        way: &Way,
        mut transit: Transit,
    ) -> Stage<Arrival> {
        let iif = device_before(ns, way, &transit);
        let site = HookSite {
            iif: iif.as_deref(),
            oif: Some(&way.device),
            gateway: way.gateway,
            mtu: Some(way.mtu),
            ..HookSite::default()
        };
        self.run_hook(ns, Hook::Postrouting, &site, &mut transit)?;
        self.log.now(&transit.packet, Some(&way.device));
        self.untranslated(ns, &transit)?;
        self.last_way = Some((Arc::clone(ns), way.clone()));
        self.transmit(ns, way, transit)
    }

    fn source_for(
        &mut self,
        ns: &Arc<Namespace>,
        way: &Way,
        dst: IpAddr,
        transit: &Transit,
    ) -> Stage<IpAddr> {
        ns.known("ip-addr.json")?;
        if let Some(address) = way.prefsrc {
            return Ok(address);
        }
        let blocker = Blocker::new(BlockerKind::AddressMissing, ns)
            .says(format!(
                "no address of {} can be the source for {dst}",
                ns.object
            ))
            .on(&way.device)
            .citing([way.source.clone()]);
        match Family::of(dst) {
            // It leaves without, and whoever gets it drops it (`ip_route_input_slow`).
            Family::V4 => self.end(blocker, Failure::Silent, transit),
            // EADDRNOTAVAIL
            Family::V6 => self.end(blocker, Failure::Local(Outcome::Unreachable), transit),
        }
    }

    /// What a socket does with the route that gave it its source: IPv4 looks it up again, with the source
    /// (`ip_route_connect`), IPv6 keeps it (`ip6_dst_store`).
    fn connect(
        &mut self,
        ns: &Arc<Namespace>,
        packet: &Packet,
        bound: Option<&str>,
        way: Way,
        transit: &Transit,
    ) -> Stage<Way> {
        let by_socket = transit.inner.is_none()
            && matches!(
                packet.transport,
                Transport::Tcp { .. } | Transport::Udp { .. } | Transport::Sctp { .. }
            );
        match (packet.family(), conntrack::tuple_of(packet)) {
            (Family::V4, _) if by_socket => self.route_out(ns, packet, bound, None, transit),
            (Family::V6, Some(tuple)) if by_socket => {
                self.kept_ways.insert((ns.place(), tuple), way.clone());
                Ok(way)
            }
            _ => Ok(way),
        }
    }

    /// What may not be sent by this way (`__mkroute_output`, `tcp_v4_connect`, `udp_sendmsg`).
    fn may_send(
        &mut self,
        ns: &Arc<Namespace>,
        way: &Way,
        packet: &Packet,
        failure: Failure,
        transit: &Transit,
    ) -> Stage<()> {
        let leaves = way.kind != RouteKind::Local && *way.device != *"lo";
        let stays = packet.src.is_loopback() && packet.src.is_ipv4() && leaves;
        let says = if stays && !sysctl::either(ns, &way.device, "route_localnet") {
            format!(
                "a packet from {} may not leave by {}, where route_localnet is off",
                packet.src, way.device
            )
        } else if way.kind == RouteKind::Broadcast {
            format!(
                "{} is a broadcast address, to which no ordinary socket may send",
                packet.dst
            )
        } else {
            return Ok(());
        };
        let blocker = Blocker::new(BlockerKind::Martian, ns)
            .says(says)
            .on(&way.device)
            .citing([way.source.clone()]);
        self.end(blocker, failure, transit)
    }

    fn route_out(
        &mut self,
        ns: &Arc<Namespace>,
        packet: &Packet,
        bound: Option<&str>,
        route_mark: Option<u32>,
        transit: &Transit,
    ) -> Stage<Way> {
        let key = FibKey {
            dst: packet.dst,
            src: (!packet.src.is_unspecified()).then_some(packet.src),
            iif: None,
            oif: bound,
            mark: route_mark.unwrap_or(packet.mark),
            tos: packet.tos,
            protocol: packet.protocol(),
            sport: packet.sport(),
            dport: packet.dport(),
        };
        let kept =
            conntrack::tuple_of(packet).and_then(|tuple| self.kept_ways.get(&(ns.place(), tuple)));
        if let Some(way) = kept {
            return Ok(way.clone());
        }
        // A socket's device must be up (`ip_route_output_key_hash_rcu`).
        let bound_to = bound.and_then(|device| ns.link(device));
        if bound_to.is_some_and(|link| !link.up && packet.family() == Family::V4) {
            let (blocker, _) = no_route(ns, packet.dst, &NoRoute::Missing)?;
            return self.block_and_detour(
                ns,
                blocker,
                Failure::Local(Outcome::Unreachable),
                transit,
            );
        }
        if let Some(way) = super::ways::to_group(ns, &key)? {
            return Ok(way);
        }
        match self.look_up(ns, &key)? {
            Ok(way) => {
                let learned = self.path_mtus.get(&(ns.place(), packet.dst));
                let mtu = learned.map_or(way.mtu, |learned| way.mtu.min(*learned));
                Ok(Way { mtu, ..way })
            }
            Err(no) => {
                if let Some(way) = self.route_by_source(ns, &key)? {
                    return Ok(way);
                }
                let (blocker, _) = no_route(ns, packet.dst, &no)?;
                self.block_and_detour(ns, blocker, Failure::Local(Outcome::Unreachable), transit)
            }
        }
    }

    /// IPv6 tries again with the source that it would use (`ip6_dst_lookup_tail`).
    fn route_by_source(&mut self, ns: &Arc<Namespace>, key: &FibKey<'_>) -> Stage<Option<Way>> {
        if key.dst.is_ipv4() || key.src.is_some() {
            return Ok(None);
        }
        let Some(src) = source_address::select_v6(ns, Some("lo"), key.dst) else {
            return Ok(None);
        };
        let key = FibKey {
            src: Some(src),
            ..key.clone()
        };
        let way = self.look_up(ns, &key)?.ok();
        Ok(way.map(|way| Way {
            prefsrc: Some(src),
            ..way
        }))
    }

    /// `ip_route_me_harder()`: OUTPUT changed what the route depends on.
    pub(super) fn route_again(
        &mut self,
        ns: &Arc<Namespace>,
        transit: &Transit,
        bound: Option<&str>,
    ) -> Stage<Way> {
        let packet = &transit.packet;
        let key = FibKey {
            dst: packet.dst,
            src: Some(packet.src),
            iif: None,
            oif: bound,
            mark: packet.mark,
            tos: packet.tos,
            protocol: packet.protocol(),
            sport: packet.sport(),
            dport: packet.dport(),
        };
        match self.look_up(ns, &key)? {
            Ok(way) => {
                self.log.step(
                    StepStatus::Normal,
                    || format!("route again to {}: {}", Words(packet.dst), way.words()),
                    || vec![way.source.clone()],
                );
                let failure = super::blocker::local_drop(packet.protocol());
                self.may_send(ns, &way, packet, failure, transit)?;
                Ok(way)
            }
            Err(no) => {
                let (blocker, _) = no_route(ns, packet.dst, &no)?;
                let failure = super::blocker::local_drop(packet.protocol());
                self.block_and_detour(ns, blocker, failure, transit)
            }
        }
    }

    /// A route lookup in which the world's choice among several ways is made.
    pub(super) fn look_up(
        &mut self,
        ns: &Arc<Namespace>,
        key: &FibKey<'_>,
    ) -> Stage<Result<Way, NoRoute>> {
        let (routes, rules) = match Family::of(key.dst) {
            Family::V4 => ("ip-route.json", "ip-rule.json"),
            Family::V6 => ("ip6-route.json", "ip6-rule.json"),
        };
        let files = [routes, rules, "ip-link.json"];
        files.into_iter().try_for_each(|file| ns.known(file))?;
        let mut assumptions = Vec::new();
        let found = fib::lookup_assuming(ns, key, &mut assumptions);
        for assumption in assumptions {
            self.assume(assumption);
        }
        let found = match found {
            Ok(found) => found,
            Err(NoRoute::Undecided(doubt)) => return Err(Stop::Undecided(doubt)),
            Err(no) => return Ok(super::ways::on_link(ns, key).ok_or(no)),
        };
        if found.nexthops.iter().any(|nexthop| nexthop.linkdown) {
            ns.known("sysctl.txt")?; // `ignore_routes_with_linkdown`
        }
        let nexthop = self.pick(ns, key, &found);
        let device = match found.route.kind {
            // `ip6_rt_get_dev_rcu()`, `ip_route_output_key_hash_rcu()`.
            RouteKind::Local | RouteKind::Anycast if key.iif.is_none() => Some("lo".into()),
            _ => nexthop.as_ref().and_then(|nexthop| nexthop.device.clone()),
        };
        let Some(device) = device else {
            return Ok(Err(NoRoute::Missing));
        };
        let link_mtu = sysctl::mtu(ns, Family::of(key.dst), &device);
        Ok(Ok(Way {
            gateway: nexthop.as_ref().and_then(|nexthop| nexthop.gateway),
            kind: found.route.kind,
            mtu: found.route.mtu.unwrap_or(link_mtu),
            prefsrc: source_address::source_address(ns, &found, nexthop, key.dst),
            advmss: found.route.advmss,
            is_default: found.route.dst.prefix_len() == 0,
            source: found.route.source.clone(),
            device,
        }))
    }
}
