//! What each kind of device does: one match for what is sent by it, one for what comes in by it.

mod bond;
mod carrier;
mod errors;
mod ipvlan;
mod macvlan;
mod tunnel;
mod vlan;
mod vxlan;
mod wireguard;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::balancing::Balancing;
use super::blocker::{Blocker, BlockerKind, Failure};
use super::forwarding::Prerouting;
use super::neighbour::is_bridge;
use super::transmit::{VLAN_HEADER, not_modelled};
use super::{Arrival, Encapsulated, Expected, Frame, Phase, Stage, Stop, Walk};
use crate::evidence::link::{Link, LinkKind};
use crate::evidence::mac::Mac;
use crate::evidence::nft::ChainHook;
use crate::linux::choice::Doubt;
use crate::linux::conntrack::{Ct, Zone};
use crate::world::{Namespace, Peer, Place};

pub(super) use bond::slaves;
pub(super) use carrier::Packed;
pub(super) use macvlan::mode_of;
pub(super) use vlan::is_tagged;

/// What a packet made here is sent with besides its headers.
#[derive(Debug, Default)]
pub(super) struct Origin {
    /// The device that it must leave by.
    pub(super) bound: Option<String>,
    /// The mark that its route is looked up with, where that is not the packet's.
    pub(super) route_mark: Option<u32>,
    /// What a tunnel carries in it.
    pub(super) inner: Option<Box<Encapsulated>>,
    /// No socket made it: it only passes through this stack's output.
    pub(super) passing: bool,
}

/// What the frames of this walk taught the devices that they passed.
#[derive(Debug, Default, Clone)]
pub(crate) struct Learned {
    /// Bridges: namespace, bridge, VLAN and hardware address, to the port.
    pub(super) ports: BTreeMap<(String, String, u16, Mac), String>,
    /// VXLAN devices: namespace, device and hardware address, to the far end.
    pub(super) far_ends: BTreeMap<(String, Arc<str>, Mac), IpAddr>,
    /// WireGuard: namespace, device and peer, to where it was heard from.
    pub(super) endpoints: BTreeMap<(String, Arc<str>, usize), (IpAddr, crate::linux::packet::Port)>,
    /// WireGuard: sessions that have a key: namespace and device of both sides.
    pub(super) sessions: std::collections::BTreeSet<(String, Arc<str>, String, Arc<str>)>,
}

impl Walk<'_, '_> {
    /// Hands a frame to a device that lies below another one (`__dev_queue_xmit`).
    pub(super) fn queue(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        frame: Frame,
    ) -> Stage<Arrival> {
        let Some(link) = ns.link(device) else {
            return Err(missing(ns, device));
        };
        if !link.up || !link.lower_up {
            let state = if link.up { "has no carrier" } else { "is down" };
            let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                .says(format!("{device} of {} {state}", ns.object))
                .on(device)
                .citing([link.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        self.put_on_wire(ns, device, frame)
    }

    /// `ndo_start_xmit()` of whatever the device is.
    pub(super) fn put_on_wire(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        self.tick(ns, &frame.transit)?;
        let Some(link) = ns.link(device) else {
            return Err(missing(ns, device));
        };
        // `__dev_queue_xmit()`: nft's egress chains, then tc's.
        if frame.meets_rules() {
            self.run_device_hook(ns, &ChainHook::Egress, device, &mut frame.transit)?;
        }
        self.unclassified(ns, device)?;
        match &link.kind {
            LinkKind::Bridge(_) => self.bridge_transmit(ns, device, frame),
            LinkKind::Veth => self.veth_transmit(ns, link, frame),
            LinkKind::Netkit { policy, .. } => self.netkit_transmit(ns, link, policy, frame),
            LinkKind::Vxlan(vxlan) => self.vxlan_transmit(ns, link, vxlan, frame),
            LinkKind::Geneve(geneve) => self.geneve_transmit(ns, link, geneve, frame),
            LinkKind::Ipip(tunnel)
            | LinkKind::Sit(tunnel)
            | LinkKind::Ip6Tunnel(tunnel)
            | LinkKind::Gre { tunnel, .. } => self.tunnel_transmit(ns, link, tunnel, frame),
            LinkKind::Wireguard => self.wireguard_transmit(ns, link, frame),
            LinkKind::Vlan { id, protocol } => self.vlan_transmit(ns, link, *id, protocol, frame),
            LinkKind::Macvlan { mode } => self.macvlan_transmit(ns, link, mode, frame),
            LinkKind::Ipvlan { mode, flags } => self.ipvlan_transmit(ns, link, mode, flags, frame),
            LinkKind::Bond { .. } => self.bond_transmit(ns, link, frame),
            LinkKind::Physical => self.wire(ns, link, frame),
            LinkKind::Dummy => {
                let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                    .says(format!(
                        "{device} is a dummy device: what is sent by it is gone"
                    ))
                    .on(device)
                    .citing([link.source.clone()]);
                self.end(blocker, Failure::Silent, &frame.transit)
            }
            LinkKind::Loopback => {
                let mut transit = frame.transit;
                transit.iif = Some("lo".into());
                self.receive(ns, transit, Prerouting::ToRun)
            }
            LinkKind::Tun { .. } => Err(Stop::Undecided(Doubt {
                what: format!(
                    "{device} of {} hands packets to a program, and what that does with them is not known",
                    ns.object
                ),
                settle: String::new(),
                source: Some(link.source.clone()),
            })),
            LinkKind::Ifb | LinkKind::Vrf { .. } | LinkKind::Other(_) => {
                Err(Stop::Undecided(not_modelled(link)))
            }
        }
    }

    /// Through a veth pair (`veth_xmit`).
    fn veth_transmit(&mut self, ns: &Arc<Namespace>, link: &Link, frame: Frame) -> Stage<Arrival> {
        match self.other_end(ns, link, frame.transit.packet.dst)? {
            Peer::Captured {
                namespace, device, ..
            } => self.forward_to(ns, link, &namespace, &device, frame),
            Peer::Unknown => self.wire(ns, link, frame),
        }
    }

    /// Through a netkit pair (`netkit_xmit`): without a program, this end's policy decides.
    fn netkit_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        policy: &str,
        frame: Frame,
    ) -> Stage<Arrival> {
        if policy != "forward" {
            let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                .says(format!(
                    "{} of {} has no program and the policy `{policy}`: what is sent by it is gone",
                    link.name, ns.object
                ))
                .on(&link.name)
                .citing([link.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        self.veth_transmit(ns, link, frame)
    }

    /// To a device of another stack as if by a wire (`__dev_forward_skb`, `is_skb_forwardable`).
    pub(super) fn forward_to(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        namespace: &str,
        peer: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        let other = self.world.namespace(namespace)?;
        let Some(end) = other.link(peer) else {
            return Err(missing(&other, peer));
        };
        self.enter(ns, &other, peer, &mut frame);
        let length = frame.transit.packet.length;
        if length > end.mtu.saturating_add(VLAN_HEADER) {
            self.one_by_one();
            let blocker = Blocker::new(BlockerKind::Mtu, &other)
                .says(format!(
                    "a packet of {length} bytes is dropped by {peer} of {}, whose MTU is {}",
                    other.object, end.mtu
                ))
                .on(peer)
                .citing([end.source.clone(), link.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        self.ingress(&other, peer, frame)
    }

    /// Segments that stay together would pass a smaller MTU (`is_skb_forwardable`): whether they do, no file says.
    pub(super) fn one_by_one(&mut self) {
        if matches!(self.phase, Phase::Data | Phase::DataResponse) {
            self.assume(
                "TCP segments pass virtual devices one by one, as they do on a network card (segmentation offload, \
                 which is not captured, would carry larger ones through)"
                    .to_owned(),
            );
        }
    }

    /// A frame passes from a device of `ns` to `device` of `other`: what the first stack knew of it is forgotten
    /// (`skb_scrub_packet`).
    pub(super) fn enter(
        &mut self,
        ns: &Arc<Namespace>,
        other: &Arc<Namespace>,
        device: &str,
        frame: &mut Frame,
    ) {
        let transit = &mut frame.transit;
        transit.ct = Ct::None;
        transit.zone = Zone::default();
        transit.local = false;
        transit.physin = None;
        transit.routed = false;
        transit.iif = Some(device.into());
        if other.path != ns.path {
            transit.packet.mark = 0;
            transit.balancing = Balancing::Fresh;
            let passed = self.is_as_if_passed();
            self.log
                .enter(other, Some(device), &frame.transit.packet, passed);
        }
    }

    /// A device receives a frame (`__netif_receive_skb_core`).
    pub(super) fn ingress(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        self.tick(ns, &frame.transit)?;
        ns.known("ip-link.json")?;
        let Some(link) = ns.link(device) else {
            return Err(missing(ns, device));
        };
        if !link.up {
            let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                .says(format!("{device} of {} is down", ns.object))
                .on(device)
                .citing([link.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        self.unclassified(ns, device)?;
        frame.transit.iif = Some(Arc::clone(&link.name));
        frame.transit.source_mac = frame.src;
        frame.transit.physin = None;
        if frame.meets_rules() {
            self.run_device_hook(ns, &ChainHook::Ingress, device, &mut frame.transit)?;
        }
        if let Some(vlan) = self.vlan_above(ns, link, &frame)? {
            return self.vlan_receive(ns, &vlan, frame, Prerouting::ToRun);
        }
        match &link.master {
            Some(master) if is_bridge(ns, master) => {
                self.bridge_receive(ns, &master.clone(), device, frame)
            }
            Some(master) => match ns.link(master).map(|master| &master.kind) {
                Some(LinkKind::Bond { .. }) => self.bond_receive(ns, link, &master.clone(), frame),
                Some(_) | None => Err(Stop::Undecided(Doubt {
                    what: format!(
                        "{device} of {} belongs to {master}, a device of a kind that is not modelled",
                        ns.object
                    ),
                    settle: String::new(),
                    source: Some(link.source.clone()),
                })),
            },
            None => self.take(ns, link, frame, Prerouting::ToRun),
        }
    }

    /// A bridge passes a frame up (`br_netif_receive_skb`).
    pub(super) fn pass_on(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &Link,
        mut frame: Frame,
        ran: Prerouting,
    ) -> Stage<Arrival> {
        self.unclassified(ns, &bridge.name)?;
        if frame.meets_rules() {
            self.run_device_hook(ns, &ChainHook::Ingress, &bridge.name, &mut frame.transit)?;
        }
        if let Some(vlan) = self.vlan_above(ns, bridge, &frame)? {
            return self.vlan_receive(ns, &vlan, frame, ran);
        }
        if bridge.master.is_some() {
            return Err(Stop::Undecided(not_modelled(bridge)));
        }
        self.take(ns, bridge, frame, ran)
    }

    /// What lies on a device takes a frame, or the device's own stack does.
    pub(super) fn take(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        frame: Frame,
        ran: Prerouting,
    ) -> Stage<Arrival> {
        let uppers = self
            .world
            .uppers(ns, &link.name, &[frame.next, frame.transit.packet.dst])?;
        if let Some(upper) = self.ipvlan_above(&uppers, &frame) {
            return self.ipvlan_receive(ns, &upper, frame);
        }
        if let Some(upper) = self.macvlan_above(ns, link, uppers, &frame)? {
            return self.macvlan_receive(ns, &upper, frame);
        }
        if let Some(tag) = frame.tags.last().filter(|tag| tag.id != 0) {
            let blocker = Blocker::new(BlockerKind::VlanMissing, ns)
                .says(format!(
                    "a frame of VLAN {} comes in by {} of {}, which has no device for that VLAN that is up",
                    tag.id, link.name, ns.object
                ))
                .on(&link.name)
                .citing([link.source.clone()]);
            return self.end(blocker, Failure::Silent, &frame.transit);
        }
        if ran == Prerouting::ToRun
            && !is_bridge(ns, &link.name)
            && let (Some(own), Some(dst)) = (link.mac, frame.dst)
            && own != dst
            && !dst.is_multicast()
        {
            let blocker = Blocker::new(BlockerKind::NeighbourWrong, ns)
                .says(format!("{} of {} ({own}) gets a frame for {dst} and ignores it: the sender knows a wrong address for {}", link.name, ns.object, frame.next))
                .on(&link.name)
                .citing([link.source.clone()]);
            let blocker = self.blame_resolver(blocker, frame.next);
            self.block(blocker, Failure::Silent, &frame.transit)?;
            if !self.is_meant(ns, frame.next)? {
                return self.arrive(ns, frame);
            }
        }
        if frame.answer {
            return self.answered(ns, &link.name, frame);
        }
        self.receive(ns, frame.transit, ran)
    }

    /// An answer to a question for a hardware address reaches a device (`arp_process`).
    fn answered(&self, ns: &Arc<Namespace>, device: &str, frame: Frame) -> Stage<Arrival> {
        match &self.expected {
            Expected::Asker {
                namespace,
                device: asked,
            } if *namespace == ns.path && asked == device => Ok(Arrival::Socket {
                ns: Arc::clone(ns),
                packet: frame.transit.packet,
            }),
            _ => Err(Stop::Lost),
        }
    }
}

/// A device that other evidence names is not in `ip-link.json`: nothing can be said of it.
pub(super) fn missing(ns: &Namespace, device: &str) -> Stop {
    Stop::Undecided(Doubt {
        what: format!(
            "{device} is not among the captured devices of {}",
            ns.object
        ),
        settle: format!("{}/ip-link.json", ns.path),
        source: None,
    })
}

/// The device that lies below is not captured.
pub(super) fn lower_unknown(ns: &Namespace, link: &Link) -> Stop {
    Stop::Undecided(Doubt {
        what: format!(
            "which device {} of {} lies on was not captured",
            link.name, ns.object
        ),
        settle: format!("{}/netns.json", ns.path),
        source: Some(link.source.clone()),
    })
}

impl Walk<'_, '_> {
    /// The device below `link`.
    pub(super) fn lower(&mut self, ns: &Arc<Namespace>, link: &Link) -> Stage<Place> {
        self.world
            .lower(ns, link)?
            .ok_or_else(|| lower_unknown(ns, link))
    }
}
