//! Packets that come in: PREROUTING, the route, then FORWARD or INPUT (`ip_rcv`, `ip_route_input_slow`, `ip_forward`).

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::netfilter::HookSite;
use super::no_route::no_route;
use super::output::Way;
use super::{Arrival, Stage, Stop, Transit, Walk};
use crate::evidence::route::RouteKind;
use crate::linux::choice::Doubt;
use crate::linux::fib::{FibKey, NoRoute};
use crate::linux::icmp;
use crate::linux::netfilter::Hook;
use crate::linux::packet::{Family, Transport, Words};
use crate::linux::socket;
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
        let by = transit.iif.clone();
        let iif = by.as_deref().unwrap_or_default();
        let looped = iif == "lo";
        self.check_headers(ns, iif, &transit)?;
        if prerouting == Prerouting::ToRun {
            let site = HookSite {
                iif: by.as_deref(),
                ..HookSite::default()
            };
            self.run_hook(ns, Hook::Prerouting, &site, &mut transit)?;
        }
        if looped {
            // What came over `lo` has its route already (`skb_valid_dst`).
            return self.input(ns, transit);
        }
        self.route_in(ns, iif, transit)
    }

    /// `ip_route_input_slow()`.
    fn route_in(&mut self, ns: &Arc<Namespace>, iif: &str, transit: Transit) -> Stage<Arrival> {
        let packet = &transit.packet;
        let family = packet.family();
        if matches!(packet.src, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
            // Answers go back by the same device (`icmp6_iif`, `ireq->ir_iif`).
            self.link_scopes
                .insert((ns.place(), packet.src), iif.to_owned());
        }
        ns.known("sysctl.txt")?;
        ns.known("ip-addr.json")?;
        if let Some(wrong) = source_address::martian(ns, iif, packet.src, packet.dst) {
            let blocker = Blocker::new(BlockerKind::Martian, ns)
                .says(wrong)
                .on(iif)
                .citing(ns.link(iif).map(|link| link.source.clone()));
            self.block(blocker, Failure::Silent, &transit)?;
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
                let (blocker, astray) = self.sent_astray(packet.dst, &no, blocker)?;
                // `ip_error()` is silent where the device does not forward; `ip6_pkt_drop()` does not ask.
                let hushed = family == Family::V4 && forwarding.value == 0;
                let failure = if hushed { Failure::Silent } else { failure };
                let noted = hushed && matches!(no, NoRoute::Missing);
                if noted {
                    self.block(
                        forwarding_off(ns, iif, forwarding.source.clone()),
                        Failure::Silent,
                        &transit,
                    )?;
                }
                self.block(blocker, failure, &transit)?;
                if forwarding.value == 0 && !noted {
                    let off = forwarding_off(ns, iif, forwarding.source);
                    self.block(off, Failure::Silent, &transit)?;
                }
                let from = astray.unwrap_or_else(|| Arc::clone(ns));
                let Some(way) = self.detour(&from, transit.packet.dst)? else {
                    return Err(Stop::Lost);
                };
                if from.path != ns.path {
                    return self.transmit(&from, &way, transit);
                }
                self.check_source(ns, &key, iif, Some(&way.device), &transit)?;
                return self.forward(ns, iif, &way, transit);
            }
        };
        match way.kind {
            RouteKind::Local | RouteKind::Anycast => {
                self.check_source(ns, &key, iif, None, &transit)?;
                self.input(ns, transit)
            }
            RouteKind::Unicast => {
                // A packet that has its way when it comes to IPv6 counts as come in by where it leaves (`ip6_rcv_core`).
                let forwarding = if transit.routed && family == Family::V6 {
                    sysctl::forwarding(ns, family, &way.device)
                } else {
                    forwarding
                };
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
            RouteKind::Broadcast => self.broadcast(ns, way, &transit),
            RouteKind::Multicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw
            | RouteKind::Nat
            | RouteKind::Xresolve => {
                let blocker = Blocker::new(BlockerKind::Martian, ns)
                    .says(format!(
                        "{} is no unicast address on {}",
                        packet.dst, ns.object
                    ))
                    .citing([way.source]);
                self.end(blocker, Failure::Silent, &transit)
            }
        }
    }

    /// A packet to a broadcast address ends here (`brd_input`): only datagram sockets take it, and nobody answers for them.
    fn broadcast(&mut self, ns: &Arc<Namespace>, way: Way, transit: &Transit) -> Stage<Arrival> {
        let packet = &transit.packet;
        let iif = transit.iif.as_deref();
        let forwarded = iif.is_some_and(|iif| sysctl::either(ns, iif, "bc_forwarding"));
        let heard = !matches!(packet.transport, Transport::Tcp { .. })
            && socket::find(ns, packet, iif)?.is_some();
        if forwarded || heard {
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "{} is a broadcast address on {}, to which several may answer",
                    packet.dst, ns.object
                ),
                settle: String::new(),
                source: Some(way.source),
            }));
        }
        let blocker = Blocker::new(BlockerKind::Martian, ns)
            .says(format!(
                "{} is a broadcast address on {}, and no socket takes it",
                packet.dst, ns.object
            ))
            .citing([way.source]);
        self.end(blocker, Failure::Silent, transit)
    }

    /// `ip6_rcv_core()`: what IPv6 drops before any rule sees it.
    fn check_headers(&mut self, ns: &Arc<Namespace>, iif: &str, transit: &Transit) -> Stage<()> {
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (transit.packet.src, transit.packet.dst) else {
            return Ok(());
        };
        ns.known("sysctl.txt")?;
        let disabled = sysctl::device(ns, Family::V6, iif, "disable_ipv6", 0);
        let wrong = if disabled.value != 0 {
            format!("IPv6 is disabled on {iif} of {}", ns.object)
        } else if iif != "lo" && (src.is_loopback() || dst.is_loopback()) {
            format!("the loopback address ({src} to {dst}) on {iif}")
        } else if src.is_multicast() || src.to_ipv4_mapped().is_some() {
            format!("the source {src} is no address of one machine")
        } else {
            return Ok(());
        };
        let blocker = Blocker::new(BlockerKind::Martian, ns)
            .says(wrong)
            .on(iif)
            .citing(disabled.source.filter(|_| disabled.value != 0))
            .citing(ns.link(iif).map(|link| link.source.clone()));
        self.end(blocker, Failure::Silent, transit)
    }

    /// `ip6_forward()`: a source that means something on its own link only goes no further.
    fn check_source_scope(
        &mut self,
        ns: &Arc<Namespace>,
        iif: &str,
        way: &Way,
        transit: &Transit,
    ) -> Stage<()> {
        let IpAddr::V6(src) = transit.packet.src else {
            return Ok(());
        };
        if *iif == *way.device {
            return Ok(());
        }
        let failure = if src.is_unspecified() || src.is_loopback() {
            Failure::Silent
        } else if src.is_unicast_link_local() {
            let (kind, code) = icmp::beyond_scope();
            Failure::Icmp { kind, code }
        } else {
            return Ok(());
        };
        let blocker = Blocker::new(BlockerKind::Martian, ns)
            .says(format!(
                "the source {src} is known on its own link only: {} does not forward it",
                ns.object
            ))
            .on(iif)
            .citing([way.source.clone()]);
        self.block(blocker, failure, transit)
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
    fn sent_astray(
        &mut self,
        dst: IpAddr,
        no: &NoRoute,
        blocker: Blocker,
    ) -> Stage<(Blocker, Option<Arc<Namespace>>)> {
        let Some((node, way)) = self.last_way.clone() else {
            return Ok((blocker, None));
        };
        let is_node = node.path.ends_with("/host") && node.path != blocker.ns.path;
        if !matches!(no, NoRoute::Missing)
            || !is_node
            || !way.is_default
            || self.world.by_address(dst)?.is_empty()
        {
            return Ok((blocker, None));
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
        Ok((Blocker { ends_at, ..blocker }, Some(node)))
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
            || format!("forward to {}: {}", Words(transit.packet.dst), way.words()),
            || vec![way.source.clone()],
        );
        if let Some((erring, out)) = self.circles(ns, iif, way, &transit)? {
            return self.transmit(&erring, &out, transit);
        }
        self.count_down(ns, way, &mut transit)?;
        self.check_source_scope(ns, iif, way, &transit)?;
        self.check_mtu(ns, way, &transit)?;
        let site = HookSite {
            iif: Some(iif),
            oif: Some(&way.device),
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
        self.block(blocker, Failure::Icmp { kind, code }, transit)?;
        transit.packet.ttl = 64;
        Ok(())
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
