//! Packets made here: route, OUTPUT, route again, POSTROUTING (`__ip_queue_xmit`, `ip_local_out`, `ip_output`).

use std::net::IpAddr;
use std::sync::Arc;

use super::balancing::Balancing;
use super::blocker::{Blocker, BlockerKind, Failure};
use super::netfilter::HookSite;
use super::{Arrival, Encapsulated, Stage, Stop, Transit, Walk};
use crate::evidence::route::{NextHop, RouteKind};
use crate::linux::bytes;
use crate::linux::conntrack::{self, Ct, Zone};
use crate::linux::fib::{self, FibKey, Found, NoRoute};
use crate::linux::netfilter::Hook;
use crate::linux::packet::{Family, Packet, Transport};
use crate::linux::source_address;
use crate::source::Source;
use crate::verdict::{Outcome, StepStatus};
use crate::world::Namespace;

/// The way that a packet will leave by.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) device: String,
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

    pub(super) fn words(&self) -> String {
        match (self.kind, self.gateway) {
            (RouteKind::Local, _) => "local".to_owned(),
            (_, Some(gateway)) => format!("via {gateway} dev {}", self.device),
            (_, None) => format!("dev {}", self.device),
        }
    }
}

impl Walk<'_, '_> {
    /// Sends a packet that a socket (or the kernel) of `ns` made; an unspecified source is chosen on the way.
    pub(super) fn originate(
        &mut self,
        ns: &Arc<Namespace>,
        packet: Packet,
        ct: Ct,
    ) -> Stage<Arrival> {
        self.emit(ns, packet, ct, None, None)
    }

    /// As `originate`, for a tunnel's outer packet as well.
    pub(super) fn emit(
        &mut self,
        ns: &Arc<Namespace>,
        mut packet: Packet,
        ct: Ct,
        bound: Option<&str>,
        inner: Option<Box<Encapsulated>>,
    ) -> Stage<Arrival> {
        if inner.is_none() {
            let passed = self.is_as_if_passed();
            self.log.enter(ns, None, &packet, passed);
        }
        let blank = Transit {
            packet: packet.clone(),
            iif: None,
            physin: None,
            ct,
            zone: Zone::default(),
            local: true,
            source_mac: None,
            balancing: Balancing::Fresh,
            inner: None,
        };
        self.tick(ns, &blank)?;
        let fixed = !packet.src.is_unspecified();
        let way = self.route_out(ns, &packet, bound, &blank)?;
        if !fixed {
            let chosen = self.source_for(ns, &way, packet.dst)?;
            packet.src = chosen;
        }
        if inner.is_none() && !self.is_quiet() {
            self.sent_mtu = way.mtu;
            self.mss = matches!(packet.transport, Transport::Tcp { flags, .. } if flags.has_syn())
                .then(|| bytes::advertised_mss(packet.family(), way.mtu, way.advmss));
        }
        let error = matches!(packet.transport, Transport::IcmpError { .. });
        if !error
            && inner.is_none()
            && self.sender.is_none()
            && let Some(tuple) = conntrack::tuple_of(&packet)
        {
            self.sender = Some((ns.path.clone(), tuple));
        }
        if packet.protocol() != crate::linux::packet::protocol::TCP && packet.length > way.mtu {
            // Datagrams are fragmented here, and their fragments may be fragmented again (`ip_append_data`).
            packet.dont_fragment = false;
        }
        let mut transit = Transit {
            packet,
            inner,
            ..blank
        };
        if transit.inner.is_none() {
            self.log.made(&transit.packet);
        }
        self.log.step(
            StepStatus::Normal,
            format!("route to {}: {}", transit.packet.dst, way.words()),
            vec![way.source.clone()],
        );
        let site = HookSite {
            oif: Some(way.device.clone()),
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
        let rerouted = (after.dst != before.dst && transit.balancing == Balancing::Fresh)
            || after.mark != before.mark
            || after.src != before.src
            || after.tos != before.tos;
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
        let site = HookSite {
            oif: Some(way.device.clone()),
            gateway: way.gateway,
            mtu: Some(way.mtu),
            ..HookSite::default()
        };
        self.run_hook(ns, Hook::Postrouting, &site, &mut transit)?;
        self.log.now(&transit.packet, Some(&way.device));
        self.last_way = Some((Arc::clone(ns), way.clone()));
        self.transmit(ns, way, transit)
    }

    fn source_for(&mut self, ns: &Arc<Namespace>, way: &Way, dst: IpAddr) -> Stage<IpAddr> {
        ns.known("ip-addr.json")?;
        way.prefsrc.ok_or_else(|| {
            Stop::Undecided(crate::linux::choice::Doubt {
                what: format!("no address of {} can be the source for {dst}", ns.object),
                settle: format!("{}/ip-addr.json", ns.path),
                source: Some(way.source.clone()),
            })
        })
    }

    fn route_out(
        &mut self,
        ns: &Arc<Namespace>,
        packet: &Packet,
        bound: Option<&str>,
        transit: &Transit,
    ) -> Stage<Way> {
        let key = FibKey {
            dst: packet.dst,
            src: (!packet.src.is_unspecified()).then_some(packet.src),
            iif: None,
            oif: bound,
            mark: packet.mark,
            tos: packet.tos,
            protocol: packet.protocol(),
            sport: packet.sport(),
            dport: packet.dport(),
        };
        match self.look_up(ns, &key)? {
            Ok(way) => Ok(way),
            Err(no) => {
                let (blocker, _) = no_route(ns, packet.dst, &no)?;
                self.end(blocker, Failure::Local(Outcome::Unreachable), transit)
            }
        }
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
                    format!("route again to {}: {}", packet.dst, way.words()),
                    vec![way.source.clone()],
                );
                Ok(way)
            }
            Err(no) => {
                let (blocker, _) = no_route(ns, packet.dst, &no)?;
                let failure = super::blocker::local_drop(packet.protocol());
                self.end(blocker, failure, transit)
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
        ns.known(routes)?;
        ns.known(rules)?;
        ns.known("ip-link.json")?;
        let found = match fib::lookup(ns, key) {
            Ok(found) => found,
            Err(NoRoute::Undecided(doubt)) => return Err(Stop::Undecided(doubt)),
            Err(no) => return Ok(Err(no)),
        };
        let nexthop = self.pick(ns, key, &found);
        let device = match found.route.kind {
            RouteKind::Local if key.iif.is_none() => Some("lo".to_owned()),
            _ => nexthop.as_ref().and_then(|nexthop| nexthop.device.clone()),
        };
        let Some(device) = device else {
            return Ok(Err(NoRoute::Missing));
        };
        let link_mtu = ns.link(&device).map_or(1500, |link| link.mtu);
        Ok(Ok(Way {
            gateway: nexthop.as_ref().and_then(|nexthop| nexthop.gateway),
            kind: found.route.kind,
            mtu: found.route.mtu.unwrap_or(link_mtu),
            prefsrc: source_address::source_address(ns, &found, nexthop.as_ref(), key.dst),
            advmss: found.route.advmss,
            is_default: found.route.dst.prefix_len() == 0,
            source: found.route.source.clone(),
            device,
        }))
    }

    /// `fib_select_path()`: one of the ways, by weight; a flow keeps its way.
    fn pick(
        &mut self,
        ns: &Arc<Namespace>,
        key: &FibKey<'_>,
        found: &Found<'_>,
    ) -> Option<NextHop> {
        if found.nexthops.len() <= 1 {
            return found.nexthops.first().cloned();
        }
        let unspecified = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let flow = (
            ns.path.clone(),
            found.route.source.clone(),
            key.src.unwrap_or(unspecified),
            key.dst,
        );
        let index = match self.ways.get(&flow) {
            Some(index) => *index,
            None => {
                let weights: Vec<u64> = found
                    .nexthops
                    .iter()
                    .map(|nexthop| u64::from(nexthop.weight.max(1)))
                    .collect();
                let index = crate::linux::choice::Choice::chance(
                    self.script,
                    &weights,
                    &found.route.source,
                );
                self.ways.insert(flow, index);
                index
            }
        };
        found.nexthops.get(index).cloned()
    }
}

/// What a failed lookup is, and the ICMP error that a router sends for it.
pub(super) fn no_route(
    ns: &Arc<Namespace>,
    dst: IpAddr,
    no: &NoRoute,
) -> Stage<(Blocker, Failure)> {
    let family = Family::of(dst);
    match no {
        NoRoute::Missing => {
            let (kind, code) = crate::linux::icmp::net_unreachable(family);
            let blocker = Blocker::new(BlockerKind::RouteMissing, ns)
                .says(format!("{} has no route to {dst}", ns.object))
                .citing(ns.routes(family).first().map(|route| route.source.clone()));
            Ok((blocker, Failure::Icmp { kind, code }))
        }
        NoRoute::Refused { kind, source } => {
            let (word, failure) = match kind {
                RouteKind::Unreachable => {
                    let (kind, code) = crate::linux::icmp::host_unreachable(family);
                    ("unreachable", Failure::Icmp { kind, code })
                }
                RouteKind::Prohibit => {
                    let (kind, code) = crate::linux::icmp::prohibited(family);
                    ("prohibit", Failure::Icmp { kind, code })
                }
                RouteKind::Blackhole
                | RouteKind::Unicast
                | RouteKind::Local
                | RouteKind::Broadcast
                | RouteKind::Anycast
                | RouteKind::Multicast
                | RouteKind::Throw
                | RouteKind::Nat
                | RouteKind::Xresolve => ("blackhole", Failure::Silent),
            };
            let blocker = Blocker::new(BlockerKind::RouteRefused, ns)
                .says(format!(
                    "a route of type {word} on {} refuses packets to {dst}",
                    ns.object
                ))
                .citing([source.clone()]);
            Ok((blocker, failure))
        }
        NoRoute::Undecided(doubt) => Err(Stop::Undecided(doubt.clone())),
    }
}
