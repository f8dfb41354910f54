//! Packets that come in: PREROUTING, the route, then FORWARD or INPUT (`ip_rcv`, `ip_route_input_slow`, `ip_forward`).

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::netfilter::HookSite;
use super::output::{Way, no_route};
use super::{Arrival, Stage, Stop, Transit, Walk};
use crate::evidence::route::RouteKind;
use crate::linux::fib::{FibKey, NoRoute};
use crate::linux::icmp;
use crate::linux::netfilter::Hook;
use crate::linux::packet::Family;
use crate::linux::source_address::{self, SourceCheck};
use crate::linux::sysctl;
use crate::verdict::StepStatus;
use crate::world::Namespace;

/// Whether the bridge ran PREROUTING on this packet already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prerouting {
    /// It has to run.
    ToRun,
    /// It ran while the packet was bridged (`ip_sabotage_in`).
    Ran,
}

impl Walk<'_, '_> {
    /// The IP layer gets a packet by `transit.iif` (`ip_rcv`).
    pub(super) fn receive(
        &mut self,
        ns: &Arc<Namespace>,
        mut transit: Transit,
        prerouting: Prerouting,
    ) -> Stage<Arrival> {
        self.tick(ns, &transit)?;
        let iif = transit.iif.clone().unwrap_or_default();
        let looped = iif == "lo";
        if prerouting == Prerouting::ToRun {
            let site = HookSite {
                iif: transit.iif.clone(),
                ..HookSite::default()
            };
            self.run_hook(ns, Hook::Prerouting, &site, &mut transit)?;
        }
        if looped {
            // What came over `lo` has its route already (`skb_valid_dst`).
            return self.input(ns, transit);
        }
        self.route_in(ns, &iif, transit)
    }

    /// `ip_route_input_slow()`.
    fn route_in(&mut self, ns: &Arc<Namespace>, iif: &str, transit: Transit) -> Stage<Arrival> {
        let packet = &transit.packet;
        let family = packet.family();
        ns.known("sysctl.txt")?;
        ns.known("ip-addr.json")?;
        if let Some(blocker) = martian(ns, iif, packet.src, packet.dst) {
            return self.end(blocker, Failure::Silent, &transit);
        }
        let key = FibKey {
            dst: packet.dst,
            src: Some(packet.src),
            iif: Some(iif),
            oif: None,
            mark: packet.mark,
            tos: packet.tos,
            protocol: packet.protocol(),
            sport: packet.sport(),
            dport: packet.dport(),
        };
        let forwarding = sysctl::forwarding(ns, family, iif);
        let way = match self.look_up(ns, &key)? {
            Ok(way) => way,
            Err(no) => {
                let (blocker, failure) = no_route(ns, packet.dst, &no)?;
                let blocker = self.sent_astray(packet.dst, &no, blocker)?;
                // `ip_error()` is silent where the device does not forward.
                let failure = if forwarding.value == 0 {
                    Failure::Silent
                } else {
                    failure
                };
                if forwarding.value == 0 && matches!(no, NoRoute::Missing) {
                    self.block(
                        forwarding_off(ns, iif, forwarding.source),
                        Failure::Silent,
                        &transit,
                    )?;
                }
                return self.end(blocker, failure, &transit);
            }
        };
        match way.kind {
            RouteKind::Local | RouteKind::Anycast => {
                self.check_source(ns, &key, iif, None, &transit)?;
                self.input(ns, transit)
            }
            RouteKind::Unicast => {
                if forwarding.value == 0 {
                    self.block(
                        forwarding_off(ns, iif, forwarding.source),
                        Failure::Silent,
                        &transit,
                    )?;
                }
                self.check_source(ns, &key, iif, Some(&way.device), &transit)?;
                self.forward(ns, iif, &way, transit)
            }
            RouteKind::Broadcast
            | RouteKind::Multicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw
            | RouteKind::Nat
            | RouteKind::Xresolve => {
                let blocker = Blocker::new(BlockerKind::Martian, ns)
                    .says(format!(
                        "{} is a broadcast or multicast address on {}",
                        packet.dst, ns.object
                    ))
                    .citing([way.source]);
                self.end(blocker, Failure::Silent, &transit)
            }
        }
    }

    fn check_source(
        &mut self,
        ns: &Arc<Namespace>,
        key: &FibKey<'_>,
        iif: &str,
        oif: Option<&str>,
        transit: &Transit,
    ) -> Stage<()> {
        let src = transit.packet.src;
        match source_address::validate_source(ns, key, iif, oif) {
            SourceCheck::Pass => Ok(()),
            SourceCheck::Undecided(doubt) => Err(Stop::Undecided(doubt)),
            SourceCheck::Martian => {
                let own = ns.addresses.iter().find(|address| address.local == src);
                self.block(
                    Blocker::new(BlockerKind::Martian, ns)
                        .says(format!("{} drops a packet from outside whose source {src} is its own address", ns.object))
                        .on(iif)
                        .citing(own.map(|address| address.source.clone())),
                    Failure::Silent,
                    transit,
                )
            }
            SourceCheck::ReversePath(setting) => self.block(
                Blocker::new(BlockerKind::ReversePath, ns)
                    .says(format!(
                        "rp_filter={} on {iif} drops the packet: the way back to {src} does not lead through {iif}",
                        setting.value
                    ))
                    .on(iif)
                    .citing(setting.source),
                Failure::Silent,
                transit,
            ),
        }
    }

    /// A node that sends a captured address to its default router, which has no route either, lacks the route itself.
    fn sent_astray(&mut self, dst: IpAddr, no: &NoRoute, blocker: Blocker) -> Stage<Blocker> {
        let Some((node, way)) = self.last_way.clone() else {
            return Ok(blocker);
        };
        let is_node = node.path.ends_with("/host") && node.path != blocker.ns.path;
        if !matches!(no, NoRoute::Missing)
            || !is_node
            || !way.is_default
            || self.world.by_address(dst)?.is_empty()
        {
            return Ok(blocker);
        }
        let message = format!(
            "{} has no route of its own to {dst} and sends it to its default router, and {} has none either",
            node.object, blocker.ns.object
        );
        let router = blocker.sources.clone();
        let ends_at = Arc::clone(&blocker.ends_at);
        let blocker = Blocker::new(BlockerKind::RouteMissing, &node)
            .says(message)
            .on(&way.device)
            .citing([way.source])
            .citing(router);
        Ok(Blocker { ends_at, ..blocker })
    }

    /// `ip_forward()`.
    fn forward(
        &mut self,
        ns: &Arc<Namespace>,
        iif: &str,
        way: &Way,
        mut transit: Transit,
    ) -> Stage<Arrival> {
        self.log.step(
            StepStatus::Normal,
            format!("forward to {}: {}", transit.packet.dst, way.words()),
            vec![way.source.clone()],
        );
        self.count_down(ns, way, &mut transit)?;
        self.check_mtu(ns, way, &transit)?;
        let site = HookSite {
            iif: Some(iif.to_owned()),
            oif: Some(way.device.clone()),
            gateway: way.gateway,
            mtu: Some(way.mtu),
            ..HookSite::default()
        };
        let asked = transit.packet.src;
        self.run_hook(ns, Hook::Forward, &site, &mut transit)?;
        transit.local = false;
        if transit.packet.src != asked {
            // `ip_vs_route_me_harder()`: IPVS translated an answer back.
            let way = self.route_again(ns, &transit, None)?;
            return self.leave(ns, &way, transit);
        }
        self.leave(ns, way, transit)
    }

    /// `ip_decrease_ttl()`
    pub(super) fn count_down(
        &mut self,
        ns: &Arc<Namespace>,
        way: &Way,
        transit: &mut Transit,
    ) -> Stage<()> {
        if transit.packet.ttl > 1 {
            transit.packet.ttl -= 1;
            return Ok(());
        }
        let (kind, code) = icmp::time_exceeded(transit.packet.family());
        let blocker = Blocker::new(BlockerKind::Ttl, ns)
            .says("the packet's TTL runs out")
            .citing([way.source.clone()]);
        self.block(blocker, Failure::Icmp { kind, code }, transit)
    }

    /// `ip_exceeds_mtu()`: what may not be fragmented is sent back with an error.
    pub(super) fn check_mtu(
        &mut self,
        ns: &Arc<Namespace>,
        way: &Way,
        transit: &Transit,
    ) -> Stage<()> {
        let packet = &transit.packet;
        if packet.length <= way.mtu || (!packet.dont_fragment && packet.family() == Family::V4) {
            return Ok(());
        }
        let link = ns.link(&way.device).map(|link| link.source.clone());
        self.block(
            Blocker::new(BlockerKind::Mtu, ns)
                .says(format!(
                    "a packet of {} bytes does not fit MTU {} of {} on {}, and the sender does not learn of it",
                    packet.length, way.mtu, way.device, ns.object
                ))
                .on(&way.device)
                .citing(link)
                .citing([way.source.clone()]),
            Failure::TooBig { mtu: way.mtu },
            transit,
        )
    }
}

fn forwarding_off(
    ns: &Arc<Namespace>,
    iif: &str,
    source: Option<crate::source::Source>,
) -> Blocker {
    Blocker::new(BlockerKind::ForwardingOff, ns)
        .says(format!(
            "forwarding is off on {iif} of {}: packets for others are dropped",
            ns.object
        ))
        .on(iif)
        .citing(source)
}

/// Addresses that no packet from outside may have.
fn martian(ns: &Arc<Namespace>, iif: &str, src: IpAddr, dst: IpAddr) -> Option<Blocker> {
    let (IpAddr::V4(src), IpAddr::V4(dst)) = (src, dst) else {
        return None;
    };
    let blocker = |says: String| {
        Some(
            Blocker::new(BlockerKind::Martian, ns)
                .says(says)
                .on(iif)
                .citing(ns.link(iif).map(|link| link.source.clone())),
        )
    };
    if src.is_multicast() || src.is_broadcast() {
        return blocker(format!(
            "the source {src} is a multicast or broadcast address"
        ));
    }
    if (src.is_loopback() || dst.is_loopback()) && !sysctl::either(ns, iif, "route_localnet") {
        return blocker(format!(
            "a loopback address ({src} to {dst}) on {iif}, where route_localnet is off"
        ));
    }
    None
}
