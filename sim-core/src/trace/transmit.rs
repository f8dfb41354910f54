//! From the IP layer to the other end of the wire (`ip_finish_output2`, `dev_queue_xmit`, `netif_receive_skb`).

use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::forwarding::Prerouting;
use super::neighbour::{Resolution, is_bridge};
use super::output::Way;
use super::{Arrival, Encapsulated, Frame, Stage, Stop, Transit, Walk};
use crate::evidence::link::{Link, LinkKind, Vxlan};
use crate::evidence::mac::Mac;
use crate::evidence::nft::ChainHook;
use crate::evidence::route::RouteKind;
use crate::linux::choice::Doubt;
use crate::linux::conntrack::{Ct, Zone};
use crate::linux::packet::{Family, Packet, Port, Transport};
use crate::verdict::StepStatus;
use crate::world::{Namespace, Peer};

/// What VXLAN adds to a packet: outer IPv4, UDP and VXLAN headers and the inner Ethernet header.
const VXLAN_OVERHEAD_V4: u32 = 50;
/// The same over IPv6.
const VXLAN_OVERHEAD_V6: u32 = 70;
/// What `is_skb_forwardable()` grants on top of the MTU (VLAN_HLEN).
pub(super) const VLAN_HEADER: u32 = 4;

impl Walk<'_, '_> {
    /// Hands a packet to its device.
    pub(super) fn transmit(
        &mut self,
        ns: &Arc<Namespace>,
        way: &Way,
        mut transit: Transit,
    ) -> Stage<Arrival> {
        if way.kind == RouteKind::Local || way.device == "lo" {
            if let Some(lo) = ns.link("lo").filter(|lo| !lo.up) {
                let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                    .says(format!("lo of {} is down", ns.object))
                    .on("lo")
                    .citing([lo.source.clone()]);
                self.block(blocker, Failure::Silent, &transit)?;
            }
            transit.iif = Some("lo".to_owned());
            return self.receive(ns, transit, Prerouting::ToRun);
        }
        let Some(link) = ns.link(&way.device) else {
            let blocker = Blocker::new(BlockerKind::DeviceMissing, ns)
                .says(format!(
                    "the route leaves by {}, which does not exist on {}",
                    way.device, ns.object
                ))
                .on(&way.device)
                .citing([way.source.clone()]);
            return self.end(blocker, Failure::Silent, &transit);
        };
        let needs_address = !(link.noarp || link.pointopoint || link.mac.is_none());
        if !link.up || !link.lower_up {
            let state = if link.up { "has no carrier" } else { "is down" };
            let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                .says(format!("{} of {} {state}", way.device, ns.object))
                .on(&way.device)
                .citing([link.source.clone()]);
            let blocker = self.blame_other_end(blocker, ns, link, transit.packet.dst)?;
            // Without a carrier the learned neighbours are forgotten (`neigh_carrier_down`) and none can be asked for.
            let failure = if needs_address
                && !self.has_permanent(ns, &way.device, way.next(transit.packet.dst))
            {
                Failure::Neighbour
            } else {
                Failure::Silent
            };
            self.block(blocker, failure, &transit)?;
        }
        // What may be fragmented is (`ip_fragment`): from here on the largest fragment stands for the packet.
        transit.packet.length = transit.packet.length.min(way.mtu);
        let next = way.next(transit.packet.dst);
        let dst = if !needs_address {
            None
        } else {
            match self.resolve(ns, &way.device, next, transit.packet.src)? {
                Resolution::Mac(mac, source) => {
                    self.resolved(next, ns, source.as_ref());
                    self.log.step(
                        StepStatus::Normal,
                        format!("{next} is at {mac}"),
                        source.into_iter().collect(),
                    );
                    Some(mac)
                }
                Resolution::Uncaptured => None,
                Resolution::Nobody(source) => {
                    let blocker = Blocker::new(BlockerKind::NeighbourUnresolved, ns)
                        .says(format!(
                            "nobody answers for {next} on {} of {}",
                            way.device, ns.object
                        ))
                        .on(&way.device)
                        .citing(source)
                        .citing([way.source.clone()]);
                    let blocker = self.blame_silent(blocker, ns, &way.device, next)?;
                    return self.end(blocker, Failure::Neighbour, &transit);
                }
            }
        };
        let frame = Frame {
            dst,
            src: link.mac,
            next,
            transit,
        };
        self.put_on_wire(ns, &way.device, frame)
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
            return Err(Stop::Lost);
        };
        // `__dev_queue_xmit()`: nft's egress chains, then tc's.
        self.run_device_hook(ns, &ChainHook::Egress, device, &mut frame.transit)?;
        self.unclassified(ns, device)?;
        match &link.kind {
            LinkKind::Bridge(_) => self.bridge_transmit(ns, device, frame),
            LinkKind::Veth => match self.world.peer(ns, link, frame.transit.packet.dst)? {
                Peer::Captured {
                    namespace,
                    device: peer,
                } => self.cross(ns, link, &namespace, &peer, frame),
                Peer::Unknown => self.wire(ns, link, frame),
            },
            LinkKind::Vxlan(vxlan) => self.encapsulate(ns, link, vxlan, frame),
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
                transit.iif = Some("lo".to_owned());
                self.receive(ns, transit, Prerouting::ToRun)
            }
            LinkKind::Ipip(_)
            | LinkKind::Gre { .. }
            | LinkKind::Sit(_)
            | LinkKind::Ip6Tunnel(_)
            | LinkKind::Geneve(_)
            | LinkKind::Wireguard
            | LinkKind::Ipvlan { .. }
            | LinkKind::Macvlan { .. }
            | LinkKind::Vlan { .. }
            | LinkKind::Bond { .. }
            | LinkKind::Tun { .. }
            | LinkKind::Ifb
            | LinkKind::Vrf { .. }
            | LinkKind::Netkit { .. }
            | LinkKind::Other(_) => Err(Stop::Undecided(not_modelled(link))),
        }
    }

    /// Through a veth pair (`veth_xmit`, `__dev_forward_skb`).
    fn cross(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        namespace: &str,
        peer: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        let other = self.world.namespace(namespace)?;
        let leaves = other.path != ns.path;
        let Some(end) = other.link(peer) else {
            return Err(Stop::Lost);
        };
        let length = frame.transit.packet.length;
        frame.transit = Transit {
            ct: Ct::None,
            zone: Zone::default(),
            local: false,
            physin: None,
            iif: Some(peer.to_owned()),
            ..frame.transit
        };
        if leaves {
            frame.transit.packet.mark = 0;
            let passed = self.is_as_if_passed();
            self.log
                .enter(&other, Some(peer), &frame.transit.packet, passed);
        }
        if length > end.mtu.saturating_add(VLAN_HEADER) {
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
            return Err(Stop::Lost);
        };
        if !link.up {
            let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                .says(format!("{device} of {} is down", ns.object))
                .on(device)
                .citing([link.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        self.unclassified(ns, device)?;
        frame.transit.iif = Some(device.to_owned());
        frame.transit.source_mac = frame.src;
        frame.transit.physin = None;
        self.run_device_hook(ns, &ChainHook::Ingress, device, &mut frame.transit)?;
        match &link.master {
            Some(master) if is_bridge(ns, master) => {
                return self.bridge_receive(ns, &master.clone(), device, frame);
            }
            Some(_) => return Err(Stop::Undecided(not_modelled(link))),
            None => {}
        }
        if let (Some(own), Some(dst)) = (link.mac, frame.dst)
            && own != dst
            && !dst.is_multicast()
        {
            return self.not_for_us(ns, link, own, dst, &frame);
        }
        self.receive(ns, frame.transit, Prerouting::ToRun)
    }

    fn not_for_us(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        own: Mac,
        dst: Mac,
        frame: &Frame,
    ) -> Stage<Arrival> {
        // A device stacked on this one may take it.
        if let Some(upper) = ns
            .links
            .iter()
            .find(|upper| upper.mac == Some(dst) && upper.link.as_deref() == Some(&link.name))
        {
            return Err(Stop::Undecided(not_modelled(upper)));
        }
        let blocker = Blocker::new(BlockerKind::NeighbourWrong, ns)
            .says(format!("{} of {} ({own}) gets a frame for {dst} and ignores it: the sender knows a wrong address for {}", link.name, ns.object, frame.next))
            .on(&link.name)
            .citing([link.source.clone()]);
        let blocker = self.blame_resolver(blocker, frame.next);
        self.end(blocker, Failure::Silent, &frame.transit)
    }

    /// A device with a program that may do anything makes the step undecidable.
    fn unclassified(&mut self, ns: &Arc<Namespace>, device: &str) -> Stage<()> {
        let xdp = ns
            .link(device)
            .filter(|link| link.xdp)
            .map(|link| link.source.clone());
        if let Some(source) = ns.classified.get(device).cloned().or(xdp) {
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "a classifier or BPF program on {device} of {} is not modelled",
                    ns.object
                ),
                settle: String::new(),
                source: Some(source),
            }));
        }
        for file in ["tc.json", "bpf-net.json"] {
            match ns.gaps.get(file) {
                None => {}
                Some(gap) if gap.reason == "not-tried" => self.assume(format!(
                    "no tc classifier or BPF program of {} touches the packet ({file} was not captured)",
                    ns.object
                )),
                Some(_) => ns.known(file)?,
            }
        }
        Ok(())
    }

    /// `vxlan_xmit()`: into a UDP packet to the peer that the forwarding table names.
    fn encapsulate(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        vxlan: &Vxlan,
        frame: Frame,
    ) -> Stage<Arrival> {
        ns.known("bridge-fdb.json")?;
        let (Some(vni), false) = (vxlan.id, vxlan.external) else {
            return Err(Stop::Undecided(not_modelled(link)));
        };
        let entries = |mac: Mac| {
            ns.fdb.iter().filter(move |entry| {
                entry.device == link.name && entry.mac == mac && entry.dst.is_some()
            })
        };
        let entry = frame
            .dst
            .and_then(|mac| entries(mac).next())
            .or_else(|| entries(Mac::ZERO).next());
        let (remote, port, source) = match (entry, vxlan.remote) {
            (Some(entry), _) => (
                entry.dst,
                entry.port.unwrap_or(vxlan.port),
                entry.source.clone(),
            ),
            (None, remote) => (remote, vxlan.port, link.source.clone()),
        };
        let Some(remote) = remote else {
            let mac = frame
                .dst
                .map_or_else(|| "the frame".to_owned(), |mac| mac.to_string());
            let blocker = Blocker::new(BlockerKind::VxlanFdbMissing, ns)
                .says(format!(
                    "{} of {} knows no peer for {mac}",
                    link.name, ns.object
                ))
                .on(&link.name)
                .citing([link.source.clone()]);
            return self.end(blocker, Failure::Silent, &frame.transit);
        };
        if remote.is_multicast() {
            return Err(Stop::Undecided(Doubt {
                what: format!("{} floods to the multicast group {remote}", link.name),
                settle: String::new(),
                source: Some(source),
            }));
        }
        self.log.step(
            StepStatus::Normal,
            format!("{} packs it into VXLAN {vni} to {remote}", link.name),
            vec![source],
        );
        let overhead = if remote.is_ipv4() {
            VXLAN_OVERHEAD_V4
        } else {
            VXLAN_OVERHEAD_V6
        };
        let unspecified = match Family::of(remote) {
            Family::V4 => std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            Family::V6 => std::net::IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        let (low, high) = if vxlan.source_ports == (0, 0) {
            (32768, 60999)
        } else {
            vxlan.source_ports
        };
        let sport = self.fresh_port(low, high);
        let outer = Packet {
            src: vxlan.local.unwrap_or(unspecified),
            dst: remote,
            transport: Transport::Udp {
                sport,
                dport: Port::Known(port),
            },
            length: frame.transit.packet.length.saturating_add(overhead),
            dont_fragment: vxlan.df == "set"
                || (vxlan.df == "inherit" && frame.transit.packet.dont_fragment),
            ttl: 64,
            tos: 0,
            mark: frame.transit.packet.mark,
        };
        let mut frame = frame;
        frame.transit.packet.mark = 0;
        frame.transit.ct = Ct::None;
        frame.transit.zone = Zone::default();
        frame.transit.local = false;
        let inner = Some(Box::new(Encapsulated { vni, frame }));
        self.emit(ns, outer, Ct::None, vxlan.lower.as_deref(), inner)
    }
}

/// The doubt about a device of a kind that is not modelled.
pub(super) fn not_modelled(link: &Link) -> Doubt {
    Doubt {
        what: format!(
            "{} is a device of kind `{}`, which is not modelled",
            link.name,
            link.kind.name()
        ),
        settle: String::new(),
        source: Some(link.source.clone()),
    }
}
