//! Whom a broadcast reaches (`br_flood`, `macvlan_broadcast`, `ipvlan_process_multicast`, `vxlan_xmit`).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::device::{mode_of, slaves};
use super::neighbour::is_bridge;
use super::ports::{is_forwarding, is_hairpin, may_leave, ports, suppresses};
use super::{Arrival, Expected, Frame, Stage, Stop, Tag, Transit, Walk, bridge_vlan};
use crate::evidence::link::{Link, LinkKind};
use crate::evidence::mac::Mac;
use crate::linux::packet::{Family, Packet, Transport};
use crate::world::{Namespace, Peer, Place};

/// What a broadcast reaches.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// Devices with an IP stack behind them.
    pub(super) ends: Vec<(Arc<Namespace>, String)>,
    /// Hardware addresses that bridges answer with in place of their owners.
    pub(super) answers: Vec<Mac>,
    /// It also goes where nothing was captured.
    pub(super) leaves: bool,
    sent: BTreeSet<(String, String, Vec<Tag>)>,
}

impl Segment {
    fn end(&mut self, ns: &Arc<Namespace>, device: &str) {
        if !self
            .ends
            .iter()
            .any(|(other, on)| other.path == ns.path && on == device)
        {
            self.ends.push((Arc::clone(ns), device.to_owned()));
        }
    }
}

/// The frame whose reach is looked for.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    /// The address that is asked for.
    pub(super) towards: IpAddr,
    pub(super) tags: Vec<Tag>,
    /// The device that asks.
    origin: Place,
    /// An address behind a bridge of ours was answered for: ports that suppress such questions do not get it.
    pub(super) answered: bool,
    /// The hardware address of who asks, which bridges on the way learn.
    asker: Option<Mac>,
}

impl Walk<'_, '_> {
    /// Everything that a broadcast from `device`, of `asker` if it is sent, reaches.
    pub(super) fn segment(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        towards: IpAddr,
        tags: &[Tag],
        asker: Option<Mac>,
    ) -> Stage<Segment> {
        let mut segment = Segment::default();
        let probe = Probe {
            towards,
            tags: tags.to_vec(),
            origin: Place {
                ns: Arc::clone(ns),
                device: device.into(),
            },
            answered: false,
            asker,
        };
        self.flood(ns, device, &probe, &mut segment)?;
        Ok(segment)
    }

    /// Whether the frame's destination hears what comes out at `end`.
    pub(super) fn is_behind(&mut self, end: &Place, frame: &Frame) -> Stage<bool> {
        let mut segment = Segment::default();
        let probe = Probe {
            towards: frame.next,
            tags: frame.tags.clone(),
            origin: end.clone(),
            answered: false,
            asker: None,
        };
        self.hear(&end.ns, &end.device, &probe, &mut segment)?;
        Ok(segment
            .ends
            .iter()
            .any(|(ns, device)| frame.dst.is_some() && ns.mac_of(device) == frame.dst))
    }

    /// Sends a broadcast through a tunnel by `send`, without recording anything, and gives its far ends.
    pub(super) fn overhear(
        &mut self,
        send: impl FnOnce(&mut Self, Frame) -> Stage<Arrival>,
        towards: IpAddr,
    ) -> Stage<Vec<Place>> {
        let packet = Packet {
            src: towards,
            dst: towards,
            transport: Transport::Other { protocol: 0 },
            length: 46,
            dont_fragment: false,
            ttl: 64,
            tos: 0,
            mark: 0,
        };
        let probe = Frame {
            dst: Some(Mac::BROADCAST),
            src: None,
            next: towards,
            tags: Vec::new(),
            origin: None,
            answer: false,
            transit: Transit::new(packet),
        };
        let heard = std::mem::take(&mut self.tunnel_ends);
        let result = self.quietly(Expected::TunnelEnd, |walk| send(walk, probe));
        let ends = std::mem::replace(&mut self.tunnel_ends, heard);
        match result {
            Ok(_) | Err(Stop::Lost | Stop::TooBig(_)) => Ok(ends),
            Err(stop) => Err(stop),
        }
    }

    /// Sends a broadcast out of `device`.
    fn flood(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        probe: &Probe,
        segment: &mut Segment,
    ) -> Stage<()> {
        let visit = (ns.path.clone(), device.to_owned(), probe.tags.clone());
        if !segment.sent.insert(visit) {
            return Ok(());
        }
        let Some(link) = ns.link(device).filter(|link| link.up) else {
            return Ok(());
        };
        match &link.kind {
            LinkKind::Bridge(_) => self.flood_bridge(ns, device, None, probe, segment)?,
            LinkKind::Veth | LinkKind::Netkit { .. } => {
                match self.other_end(ns, link, probe.towards)? {
                    Peer::Captured {
                        namespace, device, ..
                    } => {
                        let other = self.world.namespace(&namespace)?;
                        self.hear(&other, &device, probe, segment)?;
                    }
                    Peer::Unknown => segment.leaves = true,
                }
            }
            LinkKind::Vxlan(vxlan) if !vxlan.external && !vxlan.vnifilter => {
                self.flood_vxlan(ns, link, vxlan, probe, segment)?;
            }
            LinkKind::Geneve(_) | LinkKind::Gre { tap: true, .. } => {
                let ends = self.overhear(
                    |walk, frame| walk.put_on_wire(ns, device, frame),
                    probe.towards,
                );
                self.hear_at(ends, probe, segment)?;
            }
            LinkKind::Vlan { id, protocol } => {
                let mut tagged = probe.clone();
                tagged.tags.push(Tag {
                    protocol: protocol.clone(),
                    id: *id,
                });
                self.flood_below(ns, link, &tagged, segment)?;
            }
            LinkKind::Macvlan { mode } => {
                if mode == "bridge"
                    && let Some(lower) = self.world.lower(ns, link)?
                {
                    let all = self.uppers(&lower.ns, &lower.device, probe.towards)?;
                    for other in all.iter().filter(|other| {
                        is_up(other, |link| mode_of(link) == Some("bridge"))
                            && (other.ns.path != ns.path || *other.device != *device)
                    }) {
                        self.hear(&other.ns, &other.device, probe, segment)?;
                    }
                }
                self.flood_below(ns, link, probe, segment)?;
            }
            LinkKind::Ipvlan { mode, .. } => {
                if mode == "l2" {
                    if let Some(lower) = self.world.lower(ns, link)? {
                        let all = self.uppers(&lower.ns, &lower.device, probe.towards)?;
                        for other in all.iter().filter(|other| {
                            is_up(other, |link| matches!(link.kind, LinkKind::Ipvlan { .. }))
                                && (other.ns.path != ns.path || *other.device != *device)
                        }) {
                            self.hear(&other.ns, &other.device, probe, segment)?;
                        }
                    }
                    self.flood_below(ns, link, probe, segment)?;
                }
            }
            LinkKind::Bond { .. } => {
                for slave in slaves(ns, link) {
                    self.flood(ns, &slave, probe, segment)?;
                }
            }
            LinkKind::Loopback | LinkKind::Dummy => {}
            LinkKind::Physical
            | LinkKind::Vxlan(_)
            | LinkKind::Ipip(_)
            | LinkKind::Gre { .. }
            | LinkKind::Sit(_)
            | LinkKind::Ip6Tunnel(_)
            | LinkKind::Wireguard
            | LinkKind::Tun { .. }
            | LinkKind::Ifb
            | LinkKind::Vrf { .. }
            | LinkKind::Other(_) => segment.leaves = true,
        }
        Ok(())
    }

    fn flood_below(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        probe: &Probe,
        segment: &mut Segment,
    ) -> Stage<()> {
        match self.world.lower(ns, link)? {
            Some(lower) => self.flood(&lower.ns, &lower.device, probe, segment),
            None => {
                segment.leaves = true;
                Ok(())
            }
        }
    }

    fn flood_vxlan(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        vxlan: &crate::evidence::link::Vxlan,
        probe: &Probe,
        segment: &mut Segment,
    ) -> Stage<()> {
        let mut remotes = Vec::new();
        let found = self.overhear(
            |walk, frame| {
                remotes = walk.vxlan_remotes(ns, link, vxlan, &frame)?;
                Err(Stop::Lost)
            },
            probe.towards,
        );
        self.hear_at(found, probe, segment)?;
        for remote in remotes {
            if remote.address.is_multicast() {
                segment.leaves = true;
                continue;
            }
            let ends = self.overhear(
                |walk, frame| walk.vxlan_send(ns, link, vxlan, &remote, frame),
                probe.towards,
            );
            self.hear_at(ends, probe, segment)?;
        }
        Ok(())
    }

    fn hear_at(
        &mut self,
        ends: Stage<Vec<Place>>,
        probe: &Probe,
        segment: &mut Segment,
    ) -> Stage<()> {
        match ends {
            Ok(ends) => {
                for end in ends {
                    self.hear(&end.ns, &end.device, probe, segment)?;
                }
                Ok(())
            }
            Err(Stop::Undecided(_)) => {
                segment.leaves = true;
                Ok(())
            }
            Err(stop) => Err(stop),
        }
    }

    /// Devices on `device` that may have the address, and those of the same namespace.
    fn uppers(&mut self, ns: &Arc<Namespace>, device: &str, towards: IpAddr) -> Stage<Vec<Place>> {
        Ok(self.world.uppers(ns, device, &[towards])?)
    }

    /// A bridge gets a broadcast by a port, or sends one itself.
    fn flood_bridge(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        from: Option<&str>,
        probe: &Probe,
        segment: &mut Segment,
    ) -> Stage<()> {
        let mut probe = probe.clone();
        let member = from.unwrap_or(bridge);
        let Some(vid) = bridge_vlan::ingress(ns, bridge, member, &mut probe.tags)? else {
            return Ok(());
        };
        if let (Some(port), Some(asker)) = (from, probe.asker) {
            self.learn(ns, bridge, port, asker, vid);
        }
        self.suppress(ns, bridge, from, vid, &mut probe, segment);
        let up = ns.link(bridge).is_some_and(|link| link.up);
        if from.is_some() && up && bridge_vlan::carries(ns, bridge, bridge, vid)? {
            let mut own = probe.clone();
            bridge_vlan::leave(ns, bridge, bridge, vid, &mut own.tags);
            self.hear_on(ns, bridge, &own, segment)?;
        }
        for port in ports(ns, bridge) {
            if Some(port) == from && !is_hairpin(ns, port) {
                continue;
            }
            let suppressed = probe.answered && suppresses(ns, port);
            if suppressed
                || !may_leave(ns, port, from, Family::of(probe.towards))
                || !bridge_vlan::carries(ns, bridge, port, vid)?
            {
                continue;
            }
            let mut out = probe.clone();
            bridge_vlan::leave(ns, bridge, port, vid, &mut out.tags);
            self.flood(ns, port, &out, segment)?;
        }
        Ok(())
    }

    /// A broadcast arrives at `device`.
    fn hear(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        probe: &Probe,
        segment: &mut Segment,
    ) -> Stage<()> {
        let Some(link) = ns.link(device).filter(|link| link.up) else {
            return Ok(());
        };
        if let Some(tag) = probe.tags.last().filter(|tag| tag.id != 0).cloned()
            && let Some(vlan) = self.vlan_of(ns, link, &tag)?
        {
            let mut inner = probe.clone();
            inner.tags.pop();
            return self.hear(&vlan.ns, &vlan.device, &inner, segment);
        }
        match link.master.clone() {
            Some(bridge) if is_bridge(ns, &bridge) => {
                if !is_forwarding(ns, device) {
                    return Ok(());
                }
                self.flood_bridge(ns, &bridge, Some(device), probe, segment)
            }
            Some(master) => {
                let is_bond = ns
                    .link(&master)
                    .is_some_and(|link| matches!(link.kind, LinkKind::Bond { .. }));
                let active = link.bond_slave.as_ref().is_none_or(|slave| slave.active);
                if is_bond && active {
                    return self.hear(ns, &master, probe, segment);
                }
                if !is_bond {
                    segment.end(ns, device);
                }
                Ok(())
            }
            None => self.hear_on(ns, device, probe, segment),
        }
    }

    /// A broadcast reaches what lies on a device, and its stack.
    fn hear_on(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        probe: &Probe,
        segment: &mut Segment,
    ) -> Stage<()> {
        if let Some(tag) = probe.tags.last().filter(|tag| tag.id != 0).cloned() {
            let Some(link) = ns.link(device) else {
                return Ok(());
            };
            if let Some(vlan) = self.vlan_of(ns, link, &tag)? {
                let mut inner = probe.clone();
                inner.tags.pop();
                self.hear(&vlan.ns, &vlan.device, &inner, segment)?;
            }
            return Ok(());
        }
        // One that comes back to the macvlan that sent it is not for all (`macvlan_multicast_rx`).
        let asker = self.asking_macvlan(ns, device, probe)?;
        if matches!(asker.as_deref(), Some("private" | "passthru")) {
            return Ok(());
        }
        for upper in self.uppers(ns, device, probe.towards)? {
            let listens = is_up(&upper, |link| match &link.kind {
                LinkKind::Macvlan { mode } => match asker.as_deref() {
                    Some("bridge") => mode == "vepa",
                    Some("vepa") => matches!(mode.as_str(), "vepa" | "bridge"),
                    _ => mode != "source",
                },
                LinkKind::Ipvlan { mode, .. } => mode == "l2",
                _ => false,
            });
            if listens {
                segment.end(&upper.ns, &upper.device);
            }
        }
        segment.end(ns, device);
        Ok(())
    }
}

impl Walk<'_, '_> {
    /// The mode of the macvlan that asks, where it lies on this device.
    fn asking_macvlan(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        probe: &Probe,
    ) -> Stage<Option<String>> {
        let origin = &probe.origin;
        let Some(link) = origin.ns.link(&origin.device) else {
            return Ok(None);
        };
        let LinkKind::Macvlan { mode } = &link.kind else {
            return Ok(None);
        };
        let lower = self.world.lower(&origin.ns, link)?;
        let is_here =
            lower.is_some_and(|lower| lower.ns.path == ns.path && *lower.device == *device);
        Ok(is_here.then(|| mode.clone()))
    }
}

fn is_up(place: &Place, is: impl Fn(&Link) -> bool) -> bool {
    place
        .ns
        .link(&place.device)
        .is_some_and(|link| link.up && is(link))
}
