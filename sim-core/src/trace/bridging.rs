//! The bridge and br_netfilter (`br_handle_frame_finish`, `br_forward`, `br_netfilter_hooks.c`).

use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::fdb::Towards;
use super::forwarding::Prerouting;
use super::neighbour::Resolution;
use super::netfilter::HookSite;
use super::{Arrival, Frame, Stage, Stop, Walk, bridge_vlan};
use crate::evidence::link::LinkKind;
use crate::evidence::nft::ChainHook;
use crate::evidence::route::RouteKind;
use crate::linux::fib::FibKey;
use crate::linux::netfilter::Hook;
use crate::linux::packet::Family;
use crate::linux::sysctl;
use crate::verdict::StepStatus;
use crate::world::Namespace;

impl Walk<'_, '_> {
    /// A frame comes in by a port (`br_handle_frame`).
    pub(super) fn bridge_receive(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        port: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        self.note_arp_rules(ns, &frame);
        let settings = ns.link(port).and_then(|link| link.port.as_ref());
        let state = settings.map_or("forwarding", |port| port.state.as_str());
        if state != "forwarding" {
            self.block(
                Blocker::new(BlockerKind::BridgePort, ns)
                    .says(format!(
                        "bridge port {port} of {} is {state}, not forwarding",
                        ns.object
                    ))
                    .on(port)
                    .citing(ns.link(port).map(|link| link.source.clone())),
                Failure::Silent,
                &frame.transit,
            )?;
        }
        let site = HookSite {
            iif: Some(port),
            bridged: true,
            ..HookSite::default()
        };
        if frame.meets_rules() {
            self.run_bridge_hook(ns, ChainHook::Prerouting, &site, &mut frame.transit)?;
        }
        let filtered = calls_iptables(ns, bridge, &frame)?;
        frame.transit.physin = Some(port.into());
        let mut ran = Prerouting::ToRun;
        if filtered {
            ran = Prerouting::Ran;
            let before = frame.transit.packet.dst;
            frame.transit.iif = Some(bridge.into());
            let site = HookSite {
                iif: Some(bridge),
                bridged: true,
                ..HookSite::default()
            };
            self.run_hook(ns, Hook::Prerouting, &site, &mut frame.transit)?;
            if frame.transit.packet.dst != before {
                self.redirect(ns, bridge, &mut frame)?;
            }
        }
        let vid = self.admit(ns, bridge, port, &mut frame)?;
        self.unlocked(ns, bridge, port, &frame, vid)?;
        if let Some(src) = frame.src {
            self.learn(ns, bridge, port, src, vid);
        }
        let mut towards = self.lookup(ns, bridge, Some(port), &frame, vid)?;
        if matches!(towards, Towards::Nobody) {
            self.flood_in_vain(ns, bridge, (port, filtered), &mut frame)?;
            self.nobody(ns, bridge, &mut frame)?;
            towards = self.lookup(ns, bridge, Some(port), &frame, vid)?;
        }
        match towards {
            Towards::Up => self.pass_up(ns, bridge, port, frame, ran, vid),
            Towards::Port(out) => {
                let from = Some((port, filtered));
                self.bridge_forward(ns, bridge, from, &out, frame, vid)
            }
            Towards::Nobody => self.arrive(ns, frame),
        }
    }

    /// The bridge itself sends (`br_dev_xmit`).
    pub(super) fn bridge_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        self.note_arp_rules(ns, &frame);
        let vid = self.admit(ns, bridge, bridge, &mut frame)?;
        if let Towards::Port(out) = self.lookup(ns, bridge, None, &frame, vid)? {
            return self.bridge_forward(ns, bridge, None, &out, frame, vid);
        }
        self.nobody(ns, bridge, &mut frame)?;
        match self.lookup(ns, bridge, None, &frame, vid)? {
            Towards::Port(out) => self.bridge_forward(ns, bridge, None, &out, frame, vid),
            Towards::Up | Towards::Nobody => self.arrive(ns, frame),
        }
    }

    /// The frame's VLAN on a bridge that filters them; frames of others are dropped (`br_allowed_ingress`).
    fn admit(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        member: &str,
        frame: &mut Frame,
    ) -> Stage<u16> {
        if let Some(vid) = bridge_vlan::ingress(ns, bridge, member, &mut frame.tags)? {
            return Ok(vid);
        }
        let what = match frame.tags.last() {
            Some(tag) => format!("frames of VLAN {}", tag.id),
            None => "untagged frames".to_owned(),
        };
        let blocker = Blocker::new(BlockerKind::VlanMissing, ns)
            .says(format!("{member} of {} takes no {what}", ns.object))
            .on(member)
            .citing(ns.link(member).map(|link| link.source.clone()));
        self.end(blocker, Failure::Silent, &frame.transit)
    }

    /// A locked port takes only senders that are known behind it (BR_PORT_LOCKED).
    fn unlocked(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        port: &str,
        frame: &Frame,
        vid: u16,
    ) -> Stage<()> {
        let Some(link) = ns.link(port) else {
            return Ok(());
        };
        let locked = link.port.as_ref().is_some_and(|port| port.locked);
        let (true, Some(src)) = (locked, frame.src) else {
            return Ok(());
        };
        ns.known("bridge-fdb.json")?;
        let known = ns.fdb.iter().any(|entry| {
            entry.mac == src
                && entry.device == port
                && entry.vlan.unwrap_or(0) == vid
                && !entry.self_
        });
        if known && !super::fdb::is_own(ns, bridge, src, vid) {
            return Ok(());
        }
        let blocker = Blocker::new(BlockerKind::BridgePort, ns)
            .says(format!(
                "bridge port {port} of {} is locked, and {src} is not known behind it",
                ns.object
            ))
            .on(port)
            .citing([link.source.clone()]);
        self.block(blocker, Failure::Silent, &frame.transit)
    }

    /// A bridged packet was given another destination (`br_nf_pre_routing_finish`).
    ///
    /// Where the new destination is behind the same bridge it stays bridged, with the new hardware address; else the
    /// bridge's own stack routes it.
    fn redirect(&mut self, ns: &Arc<Namespace>, bridge: &str, frame: &mut Frame) -> Stage<()> {
        let packet = &frame.transit.packet;
        let own = ns.mac_of(bridge);
        let key = FibKey {
            dst: packet.dst,
            src: Some(packet.src),
            iif: Some(bridge),
            oif: None,
            mark: packet.mark,
            tos: packet.tos,
            protocol: packet.protocol(),
            sport: packet.sport(),
            dport: packet.dport(),
        };
        // With forwarding off, IPv4's lookup gives no way; IPv6 looks at that only later (`ip6_forward`).
        let is_v6 = packet.family() == Family::V6;
        let forwards = is_v6 || sysctl::forwarding(ns, Family::V4, bridge).value != 0;
        let way = match self.look_up(ns, &key)? {
            Ok(way) => Some(way),
            // `br_nf_pre_routing_finish_ipv6()` frees it without a word.
            Err(no) if is_v6 => {
                let (blocker, _) = super::no_route::no_route(ns, packet.dst, &no)?;
                return self.end(blocker, Failure::Silent, &frame.transit);
            }
            Err(_) => None,
        };
        let Some(way) =
            way.filter(|way| forwards && way.kind == RouteKind::Unicast && *way.device == *bridge)
        else {
            frame.dst = own;
            frame.transit.routed = true;
            return Ok(());
        };
        let next = way.next(packet.dst);
        frame.next = next;
        match self.resolve(ns, bridge, next, packet.src)? {
            Resolution::Mac(mac, source) => {
                self.resolved(next, ns, source.as_ref());
                self.log.step(
                    StepStatus::Normal,
                    || format!("stays on the bridge: {next} is at {mac}"),
                    || source.into_iter().collect(),
                );
                // The sender's own address stays (`br_nf_pre_routing_finish_bridge_slow()`).
                frame.dst = Some(mac);
                Ok(())
            }
            Resolution::Nobody(..) | Resolution::Uncaptured => {
                let blocker = Blocker::new(BlockerKind::NeighbourUnresolved, ns)
                    .says(format!(
                        "nobody answers for {next} on {bridge} of {}",
                        ns.object
                    ))
                    .on(bridge)
                    .citing([way.source]);
                let blocker = self.blame_silent(blocker, ns, bridge, next)?;
                self.block(blocker, Failure::Neighbour, &frame.transit)?;
                frame.dst = Some(self.rightful_mac(ns, next)?.ok_or(Stop::Lost)?);
                Ok(())
            }
        }
    }

    /// Up to the bridge's own stack (`br_pass_frame_up`).
    fn pass_up(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        port: &str,
        mut frame: Frame,
        ran: Prerouting,
        vid: u16,
    ) -> Stage<Arrival> {
        if !bridge_vlan::carries(ns, bridge, bridge, vid)? {
            self.not_in_vlan(ns, bridge, vid, &frame)?;
        }
        bridge_vlan::leave(ns, bridge, bridge, vid, &mut frame.tags);
        let Some(link) = ns.link(bridge) else {
            return Err(super::device::missing(ns, bridge));
        };
        if !link.up {
            let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                .says(format!("bridge {bridge} of {} is down", ns.object))
                .on(bridge)
                .citing([link.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        let site = HookSite {
            iif: Some(port),
            bridged: true,
            ..HookSite::default()
        };
        if frame.meets_rules() {
            self.run_bridge_hook(ns, ChainHook::Input, &site, &mut frame.transit)?;
        }
        frame.transit.iif = Some(Arc::clone(&link.name));
        if ran == Prerouting::ToRun {
            frame.transit.physin = None;
        }
        self.pass_on(ns, link, frame, ran)
    }

    fn not_in_vlan(
        &mut self,
        ns: &Arc<Namespace>,
        member: &str,
        vid: u16,
        frame: &Frame,
    ) -> Stage<()> {
        let blocker = Blocker::new(BlockerKind::VlanMissing, ns)
            .says(format!("{member} of {} is not in VLAN {vid}", ns.object))
            .on(member)
            .citing(ns.link(member).map(|link| link.source.clone()));
        self.block(blocker, Failure::Silent, &frame.transit)
    }

    /// Out by a port (`br_forward`, `should_deliver`).
    fn bridge_forward(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        from: Option<(&str, bool)>,
        out: &str,
        mut frame: Frame,
        vid: u16,
    ) -> Stage<Arrival> {
        let (from, seen) = (
            from.map(|(port, _)| port),
            from.is_some_and(|(_, seen)| seen),
        );
        self.may_deliver(ns, from, out, &frame)?;
        if !bridge_vlan::carries(ns, bridge, out, vid)? {
            self.not_in_vlan(ns, out, vid, &frame)?;
        }
        bridge_vlan::leave(ns, bridge, out, vid, &mut frame.tags);
        // What netfilter saw come in it sees go out, unless it is tagged by now.
        let filtered = seen && calls_iptables(ns, bridge, &frame)?;
        let site = HookSite {
            iif: from,
            oif: Some(out),
            bridged: true,
            ..HookSite::default()
        };
        // `br_forward_finish()`: the bridge's own rules see the port, and nothing that it came in by.
        let leaving = HookSite { iif: None, ..site };
        if frame.meets_rules() {
            // `__br_forward()`: what the bridge itself sends meets OUTPUT on its way to each port.
            let hook = match from {
                Some(_) => ChainHook::Forward,
                None => ChainHook::Output,
            };
            self.run_bridge_hook(ns, hook, &site, &mut frame.transit)?;
        }
        if filtered {
            let mut site = HookSite {
                iif: Some(bridge),
                oif: Some(bridge),
                physout: Some(out),
                bridged: true,
                // Its route is the bridge's fake one (`br_netfilter_rtable_init`).
                mtu: ns.link(bridge).map(|link| link.mtu),
                ..HookSite::default()
            };
            self.run_hook(ns, Hook::Forward, &site, &mut frame.transit)?;
            site.iif = None;
            self.run_bridge_hook(ns, ChainHook::Postrouting, &leaving, &mut frame.transit)?;
            self.run_hook(ns, Hook::Postrouting, &site, &mut frame.transit)?;
            self.refragment(ns, bridge, out, &mut frame.transit)?;
        } else if frame.meets_rules() {
            self.run_bridge_hook(ns, ChainHook::Postrouting, &leaving, &mut frame.transit)?;
        }
        self.log.step(
            StepStatus::Normal,
            || match from {
                Some(from) => format!("{bridge} passes it from {from} to {out}"),
                None => format!("{bridge} sends it by {out}"),
            },
            || {
                ns.link(out)
                    .map(|link| link.source.clone())
                    .into_iter()
                    .collect()
            },
        );
        self.log.now(&frame.transit.packet, Some(out));
        self.fits(ns, out, &frame)?;
        self.queue(ns, out, frame)
    }

    fn may_deliver(
        &mut self,
        ns: &Arc<Namespace>,
        from: Option<&str>,
        out: &str,
        frame: &Frame,
    ) -> Stage<()> {
        let Some(link) = ns.link(out) else {
            return Ok(());
        };
        let Some(settings) = &link.port else {
            return Ok(());
        };
        if from == Some(out) && !settings.hairpin {
            self.block(
                Blocker::new(BlockerKind::HairpinOff, ns)
                    .says(format!("hairpin mode is off on {out} of {}: the packet may not go back out by the port that it came in by", ns.object))
                    .on(out)
                    .citing([link.source.clone()]),
                Failure::Silent,
                &frame.transit,
            )?;
        }
        let isolated = |name: &str| {
            ns.link(name)
                .and_then(|link| link.port.as_ref())
                .is_some_and(|port| port.isolated)
        };
        // `br_skb_isolated()`: a port in hairpin mode is isolated from itself too.
        if let Some(from) = from
            && isolated(from)
            && settings.isolated
        {
            self.block(
                Blocker::new(BlockerKind::BridgeIsolated, ns)
                    .says(format!("{from} and {out} of {} are isolated bridge ports: nothing passes between them", ns.object))
                    .on(out)
                    .citing([link.source.clone()])
                    .citing(ns.link(from).map(|link| link.source.clone())),
                Failure::Silent,
                &frame.transit,
            )?;
        }
        if settings.state != "forwarding" {
            self.block(
                Blocker::new(BlockerKind::BridgePort, ns)
                    .says(format!(
                        "bridge port {out} of {} is {}, not forwarding",
                        ns.object, settings.state
                    ))
                    .on(out)
                    .citing([link.source.clone()]),
                Failure::Silent,
                &frame.transit,
            )?;
        }
        Ok(())
    }

    /// Nobody on the bridge has the frame's address; it goes on with the one that its next hop has.
    fn nobody(&mut self, ns: &Arc<Namespace>, bridge: &str, frame: &mut Frame) -> Stage<()> {
        let mac = frame
            .dst
            .map_or_else(|| "the frame's address".to_owned(), |mac| mac.to_string());
        let entry = ns
            .neighbours
            .iter()
            .find(|entry| entry.mac == frame.dst && entry.address == frame.next);
        let blocker = Blocker::new(BlockerKind::NeighbourWrong, ns)
            .says(format!(
                "nobody behind {bridge} of {} has {mac}, which is taken to be {}",
                ns.object, frame.next
            ))
            .on(bridge)
            .citing(entry.map(|entry| entry.source.clone()))
            .citing(ns.link(bridge).map(|link| link.source.clone()));
        let blocker = self.blame_resolver(blocker, frame.next);
        self.block(blocker, Failure::Silent, &frame.transit)?;
        self.readdress(ns, frame)
    }
}

/// Whether bridged packets pass iptables (`br_nf_pre_routing`): br_netfilter's switch, or the bridge's own.
fn calls_iptables(ns: &Arc<Namespace>, bridge: &str, frame: &Frame) -> Stage<bool> {
    if !frame.meets_rules() {
        return Ok(false);
    }
    ns.known("sysctl.txt")?;
    let tagged = "net.bridge.bridge-nf-filter-vlan-tagged";
    if !frame.tags.is_empty() && sysctl::integer(ns, tagged, 0).value == 0 {
        return Ok(false);
    }
    let family = frame.transit.packet.family();
    let key = match family {
        Family::V4 => "net.bridge.bridge-nf-call-iptables",
        Family::V6 => "net.bridge.bridge-nf-call-ip6tables",
    };
    let own = ns.link(bridge).is_some_and(|link| match &link.kind {
        LinkKind::Bridge(settings) => match family {
            Family::V4 => settings.nf_call_iptables,
            Family::V6 => settings.nf_call_ip6tables,
        },
        _ => false,
    });
    // Without br_netfilter the keys do not exist, and the bridge's own switch does nothing.
    let loaded = ns.sysctl.has_prefix("net.bridge.");
    Ok(loaded && (own || sysctl::integer(ns, key, 0).value != 0))
}
