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
use crate::linux::conntrack::Ct;
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
            self.block(blocker, Failure::Silent, &transit)?;
            let detour = self.detour(ns, transit.packet.dst)?;
            let Some(detour) = detour.filter(|detour| ns.link(&detour.device).is_some()) else {
                return Err(Stop::Lost);
            };
            return self.transmit(ns, &detour, transit);
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
        self.unclassified(ns, &way.device)?;
        self.no_device_chains(ns, &way.device, &ChainHook::Egress)?;
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
                    self.block(blocker, Failure::Neighbour, &transit)?;
                    let mac = self.rightful_mac(ns, next)?;
                    if mac.is_none() {
                        let detour = self.detour(ns, transit.packet.dst)?;
                        let other = detour.filter(|detour| detour.next(transit.packet.dst) != next);
                        let Some(other) = other else {
                            return Err(Stop::Lost);
                        };
                        self.tick(ns, &transit)?;
                        return self.transmit(ns, &other, transit);
                    }
                    mac
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
        frame: Frame,
    ) -> Stage<Arrival> {
        self.tick(ns, &frame.transit)?;
        let Some(link) = ns.link(device) else {
            return Err(Stop::Lost);
        };
        match &link.kind {
            LinkKind::Bridge(_) => self.bridge_transmit(ns, device, frame),
            LinkKind::Veth => match self.other_end(ns, link, frame.transit.packet.dst)? {
                Peer::Captured {
                    namespace,
                    device: peer,
                    ..
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
            zone: 0,
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
        self.no_device_chains(ns, device, &ChainHook::Ingress)?;
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
        self.block(blocker, Failure::Silent, &frame.transit)?;
        let is_meant = ns
            .addresses
            .iter()
            .any(|address| address.local == frame.next);
        if is_meant {
            return self.receive(ns, frame.transit.clone(), Prerouting::ToRun);
        }
        self.arrive(ns, frame.clone())
    }

    /// Base chains on a device (netdev, and inet's ingress) are not modelled: those that hold rules may do anything.
    fn no_device_chains(&self, ns: &Arc<Namespace>, device: &str, hook: &ChainHook) -> Stage<()> {
        let chains = ns
            .ruleset
            .tables
            .iter()
            .flat_map(|table| table.chains.iter());
        for chain in chains.filter(|chain| !chain.rules.is_empty()) {
            let Some(base) = chain.base.as_ref().filter(|base| base.hook == *hook) else {
                continue;
            };
            let devices = base.devices.as_ref();
            if devices.is_some_and(|devices| !devices.iter().any(|name| name == device)) {
                continue;
            }
            let (what, settle) = match devices {
                Some(_) => (
                    format!("the nft chain {} on {device} is not modelled", chain.name),
                    String::new(),
                ),
                None => (
                    format!(
                        "which devices the nft chain {} is on is not printed",
                        chain.name
                    ),
                    format!("{}/nft-ruleset.txt", ns.path),
                ),
            };
            return Err(Stop::Undecided(Doubt {
                what,
                settle,
                source: Some(chain.source.clone()),
            }));
        }
        Ok(())
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
            self.block(blocker, Failure::Silent, &frame.transit)?;
            let rightful = self.rightful_vtep(vxlan, frame.dst)?;
            return match rightful {
                Some(remote) => self.pack(ns, vxlan, vni, remote, vxlan.port, frame),
                None => self.arrive(ns, frame),
            };
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
        // As if the table named the right peer, where the packet did not come back from the one that it names.
        let spare = (!self.is_quiet()).then(|| frame.clone());
        let result = self.pack(ns, vxlan, vni, remote, port, frame);
        match (result, spare) {
            (Err(Stop::Lost), Some(frame)) if self.is_as_if_passed() => {
                match self.rightful_vtep(vxlan, frame.dst)? {
                    Some(rightful) if rightful != remote => {
                        self.pack(ns, vxlan, vni, rightful, vxlan.port, frame)
                    }
                    Some(_) | None => Err(Stop::Lost),
                }
            }
            (result, _) => result,
        }
    }

    /// The outer packet, from this machine's own stack (`vxlan_xmit_one`).
    fn pack(
        &mut self,
        ns: &Arc<Namespace>,
        vxlan: &Vxlan,
        vni: u32,
        remote: std::net::IpAddr,
        port: u16,
        frame: Frame,
    ) -> Stage<Arrival> {
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
        frame.transit.zone = 0;
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
