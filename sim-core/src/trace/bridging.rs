//! The bridge and br_netfilter (`br_handle_frame_finish`, `br_forward`, `br_netfilter_hooks.c`).

use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::fdb::Towards;
use super::forwarding::Prerouting;
use super::neighbour::{Resolution, is_forwarding};
use super::netfilter::HookSite;
use super::transmit::{VLAN_HEADER, not_modelled};
use super::{Arrival, Frame, Stage, Stop, Walk};
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
        self.filters_vlans(ns, bridge)?;
        if !is_forwarding(ns, port) {
            let state = ns
                .link(port)
                .and_then(|link| link.port.as_ref())
                .map(|port| port.state.clone())
                .unwrap_or_default();
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
            iif: Some(port.to_owned()),
            bridged: true,
            ..HookSite::default()
        };
        self.run_bridge_hook(ns, ChainHook::Prerouting, &site, &mut frame.transit)?;
        let filtered = calls_iptables(ns, bridge, frame.transit.packet.family())?;
        frame.transit.physin = Some(port.to_owned());
        let mut ran = Prerouting::ToRun;
        if filtered {
            ran = Prerouting::Ran;
            let before = frame.transit.packet.dst;
            frame.transit.iif = Some(bridge.to_owned());
            let site = HookSite {
                iif: Some(bridge.to_owned()),
                bridged: true,
                ..HookSite::default()
            };
            self.run_hook(ns, Hook::Prerouting, &site, &mut frame.transit)?;
            if frame.transit.packet.dst != before {
                self.redirect(ns, bridge, &mut frame)?;
            }
        }
        let mut towards = self.lookup(ns, bridge, Some(port), &frame)?;
        if matches!(towards, Towards::Nobody) {
            if filtered {
                self.flood_in_vain(ns, bridge, port, &mut frame)?;
            }
            self.nobody(ns, bridge, &mut frame)?;
            towards = self.lookup(ns, bridge, Some(port), &frame)?;
        }
        match towards {
            Towards::Up => self.pass_up(ns, bridge, port, frame, ran),
            Towards::Port(out) => {
                self.bridge_forward(ns, bridge, Some(port), &out, frame, filtered)
            }
            Towards::Nobody => self.arrive(ns, frame),
        }
    }

    /// A frame for an unknown address is flooded: it passes FORWARD on its way to every other port (`br_flood`).
    fn flood_in_vain(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        from: &str,
        frame: &mut Frame,
    ) -> Stage<()> {
        let other = ns
            .links
            .iter()
            .find(|link| link.master.as_deref() == Some(bridge) && link.name != from && link.up);
        let Some(out) = other.map(|link| link.name.clone()) else {
            return Ok(());
        };
        let site = HookSite {
            iif: Some(bridge.to_owned()),
            oif: Some(bridge.to_owned()),
            physout: Some(out),
            bridged: true,
            ..HookSite::default()
        };
        self.run_hook(ns, Hook::Forward, &site, &mut frame.transit)
    }

    /// The bridge itself sends (`br_dev_xmit`).
    pub(super) fn bridge_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        self.filters_vlans(ns, bridge)?;
        let site = HookSite {
            oif: Some(bridge.to_owned()),
            bridged: true,
            ..HookSite::default()
        };
        self.run_bridge_hook(ns, ChainHook::Output, &site, &mut frame.transit)?;
        if let Towards::Port(out) = self.lookup(ns, bridge, None, &frame)? {
            return self.bridge_forward(ns, bridge, None, &out, frame, false);
        }
        self.nobody(ns, bridge, &mut frame)?;
        match self.lookup(ns, bridge, None, &frame)? {
            Towards::Port(out) => self.bridge_forward(ns, bridge, None, &out, frame, false),
            Towards::Up | Towards::Nobody => self.arrive(ns, frame),
        }
    }

    fn filters_vlans(&self, ns: &Arc<Namespace>, bridge: &str) -> Stage<()> {
        match ns.link(bridge) {
            Some(link) if matches!(&link.kind, LinkKind::Bridge(bridge) if bridge.vlan_filtering) => {
                Err(Stop::Undecided(not_modelled(link)))
            }
            Some(_) | None => Ok(()),
        }
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
        let forwards = sysctl::forwarding(ns, packet.family(), bridge).value != 0;
        let way = self
            .look_up(ns, &key)?
            .ok()
            .filter(|way| forwards && way.kind == RouteKind::Unicast && way.device == bridge);
        let Some(way) = way else {
            frame.dst = own;
            return Ok(());
        };
        let next = way.next(packet.dst);
        frame.next = next;
        match self.resolve(ns, bridge, next, packet.src)? {
            Resolution::Mac(mac, source) => {
                self.resolved(next, ns, source.as_ref());
                self.log.step(
                    StepStatus::Normal,
                    format!("stays on the bridge: {next} is at {mac}"),
                    source.into_iter().collect(),
                );
                frame.dst = Some(mac);
                frame.src = own;
                Ok(())
            }
            Resolution::Nobody(_) | Resolution::Uncaptured => {
                let blocker = Blocker::new(BlockerKind::NeighbourUnresolved, ns)
                    .says(format!(
                        "nobody answers for {next} on {bridge} of {}",
                        ns.object
                    ))
                    .on(bridge)
                    .citing([way.source]);
                let blocker = self.blame_silent(blocker, ns, bridge, next)?;
                self.block(blocker, Failure::Neighbour, &frame.transit)?;
                frame.dst = self.rightful_mac(ns, next)?;
                frame.src = own;
                if frame.dst.is_none() {
                    return Err(Stop::Lost);
                }
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
    ) -> Stage<Arrival> {
        if let Some(link) = ns.link(bridge).filter(|link| !link.up) {
            let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                .says(format!("bridge {bridge} of {} is down", ns.object))
                .on(bridge)
                .citing([link.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        let site = HookSite {
            iif: Some(port.to_owned()),
            bridged: true,
            ..HookSite::default()
        };
        self.run_bridge_hook(ns, ChainHook::Input, &site, &mut frame.transit)?;
        frame.transit.iif = Some(bridge.to_owned());
        if ran == Prerouting::ToRun {
            frame.transit.physin = None;
        }
        self.receive(ns, frame.transit, ran)
    }

    /// Out by a port (`br_forward`, `should_deliver`).
    fn bridge_forward(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        from: Option<&str>,
        out: &str,
        mut frame: Frame,
        filtered: bool,
    ) -> Stage<Arrival> {
        self.may_deliver(ns, from, out, &frame)?;
        let site = HookSite {
            iif: from.map(str::to_owned),
            oif: Some(out.to_owned()),
            bridged: true,
            ..HookSite::default()
        };
        if from.is_some() {
            self.run_bridge_hook(ns, ChainHook::Forward, &site, &mut frame.transit)?;
        }
        if filtered {
            let site = HookSite {
                iif: Some(bridge.to_owned()),
                oif: Some(bridge.to_owned()),
                physout: Some(out.to_owned()),
                bridged: true,
                ..HookSite::default()
            };
            self.run_hook(ns, Hook::Forward, &site, &mut frame.transit)?;
            self.run_bridge_hook(
                ns,
                ChainHook::Postrouting,
                &HookSite {
                    iif: None,
                    ..site.clone()
                },
                &mut frame.transit,
            )?;
            self.run_hook(
                ns,
                Hook::Postrouting,
                &HookSite { iif: None, ..site },
                &mut frame.transit,
            )?;
        } else {
            self.run_bridge_hook(ns, ChainHook::Postrouting, &site, &mut frame.transit)?;
        }
        self.log.step(
            StepStatus::Normal,
            match from {
                Some(from) => format!("{bridge} passes it from {from} to {out}"),
                None => format!("{bridge} sends it by {out}"),
            },
            ns.link(out)
                .map(|link| link.source.clone())
                .into_iter()
                .collect(),
        );
        self.log.now(&frame.transit.packet, Some(out));
        if let Some(link) = ns.link(out).filter(|link| !link.up) {
            let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                .says(format!("{out} of {} is down", ns.object))
                .on(out)
                .citing([link.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        self.fits(ns, out, &frame)?;
        self.put_on_wire(ns, out, frame)
    }

    /// `br_dev_queue_push_xmit()`: a bridge does not fragment.
    fn fits(&mut self, ns: &Arc<Namespace>, out: &str, frame: &Frame) -> Stage<()> {
        let length = frame.transit.packet.length;
        let Some(link) = ns
            .link(out)
            .filter(|link| length > link.mtu.saturating_add(VLAN_HEADER))
        else {
            return Ok(());
        };
        let blocker = Blocker::new(BlockerKind::Mtu, ns)
            .says(format!(
                "a packet of {length} bytes is dropped by bridge port {out} of {}, whose MTU is {}",
                ns.object, link.mtu
            ))
            .on(out)
            .citing([link.source.clone()]);
        self.block(blocker, Failure::Silent, &frame.transit)
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
        if let Some(from) = from
            && from != out
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
        let own = ns
            .addresses
            .iter()
            .find(|address| address.local == frame.next);
        frame.dst = match own {
            Some(own) => ns.mac_of(&own.device),
            None => self.rightful_mac(ns, frame.next)?,
        }
        .or(frame.dst);
        Ok(())
    }
}

/// Whether bridged packets pass iptables (`br_nf_pre_routing`): br_netfilter's switch, or the bridge's own.
fn calls_iptables(ns: &Arc<Namespace>, bridge: &str, family: Family) -> Stage<bool> {
    ns.known("sysctl.txt")?;
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
