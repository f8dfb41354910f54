//! Wires whose other end the capture does not name: the segment that two NICs share, or the edge of the world.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Arrival, Frame, Stage, Stop, Tag, Transit, Walk};
use crate::evidence::link::{Link, LinkKind};
use crate::linux::choice::Doubt;
use crate::snapshot::IndexRecord;
use crate::world::{Namespace, Peer, Place};

impl Walk<'_, '_> {
    /// The other end of a wire; where only the devices' indices name it, that is an assumption.
    pub(super) fn other_end(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        towards: IpAddr,
    ) -> Stage<Peer> {
        let peer = self.world.peer(ns, link, towards)?;
        if let Peer::Captured {
            namespace,
            is_proven: false,
            ..
        } = &peer
        {
            let other = crate::world::object_of(namespace);
            let mut ends = [&ns.object, &other];
            ends.sort();
            let [a, b] = ends;
            self.assume(format!(
                "devices of {a} and {b} that name each other by index are the ends of one wire (a netns.json that would prove it was not captured)"
            ));
        }
        Ok(peer)
    }

    /// A frame leaves by a wire whose other end is not captured.
    ///
    /// The NIC that has the next hop's address is taken to be on the same segment if each has the other's address in a
    /// connected prefix. Where a fabric was captured, its lack of an answer is one: nothing is inferred then.
    pub(super) fn wire(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        frame: Frame,
    ) -> Stage<Arrival> {
        if let Some(cloud) = self.world.cloud()? {
            return self.leave_by_cloud(&cloud, ns, link, frame);
        }
        if self
            .world
            .machines()?
            .iter()
            .any(|machine| machine.starts_with("fabric/"))
        {
            return Err(unknown_end(ns, link));
        }
        // The device whose stack asks: a VLAN, a macvlan or a bridge may lie between it and the NIC.
        let (asks, on) = match &frame.origin {
            Some(origin) => (Arc::clone(&origin.ns), origin.device.clone()),
            None => (Arc::clone(ns), link.name.clone()),
        };
        let mut found: BTreeMap<String, (String, ipnet::IpNet)> = BTreeMap::new();
        for record in self.world.by_address(frame.next)?.iter() {
            if let IndexRecord::Interface {
                namespace,
                device,
                address,
            } = record
                && *namespace != ns.path
                && *namespace != asks.path
                && shares(&asks, &on, frame.next, *address)
            {
                found.insert(namespace.clone(), (device.clone(), *address));
            }
        }
        if found.len() > 1 {
            return Err(Stop::Undecided(Doubt {
                what: format!("several machines have {}", frame.next),
                settle: format!("{}/ip-neigh.json", ns.path),
                source: Some(link.source.clone()),
            }));
        }
        match found.pop_first() {
            Some((namespace, (device, _))) => {
                self.share(ns, link, (&asks, &on), &namespace, &device, frame)
            }
            None => self.boundary(ns, link, frame),
        }
    }

    /// The two devices are taken to be on one segment.
    fn share(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        (asks, on): (&Arc<Namespace>, &str),
        namespace: &str,
        device: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        let other = self.world.namespace(namespace)?;
        let mac = other.mac_of(device);
        let Some((nic, tags)) = self.nic_below(&other, device)? else {
            return Err(unknown_end(ns, link));
        };
        if tags != frame.tags {
            return Err(unknown_end(ns, link));
        }
        let entry = asks
            .neighbours
            .iter()
            .find(|entry| entry.device == on && entry.address == frame.next && entry.mac.is_some());
        if let (Some(entry), Some(mac)) = (entry, mac)
            && entry.mac != Some(mac)
        {
            return Err(Stop::Undecided(Doubt {
                what: format!("{} answers for {} in place of {}", entry.mac.map(|mac| mac.to_string()).unwrap_or_default(), frame.next, other.object),
                settle: "the network between the nodes: the cloud's route tables, or the router's own files".to_owned(),
                source: Some(entry.source.clone()),
            }));
        }
        self.assume(format!(
            "{} {} and {} {device} are on one network segment (each has the other's address in a connected prefix)",
            ns.object, link.name, other.object
        ));
        frame.dst = mac;
        self.enter(ns, &nic.ns, &nic.device, &mut frame);
        self.ingress(&nic.ns.clone(), &nic.device, frame)
    }

    /// The NIC that a device's frames come in by, and the tags that they have there.
    fn nic_below(&mut self, ns: &Arc<Namespace>, device: &str) -> Stage<Option<(Place, Vec<Tag>)>> {
        let mut place = Place {
            ns: Arc::clone(ns),
            device: device.into(),
        };
        let mut tags = Vec::new();
        // Devices are not stacked deeper than this (`MAX_NEST_DEV`).
        for _ in 0..8 {
            let Some(link) = place.ns.link(&place.device) else {
                return Ok(None);
            };
            match &link.kind {
                LinkKind::Vlan { .. } | LinkKind::Macvlan { .. } | LinkKind::Ipvlan { .. } => {
                    if let LinkKind::Vlan { id, protocol } = &link.kind {
                        tags.push(Tag {
                            protocol: protocol.clone(),
                            id: *id,
                        });
                    }
                    let Some(lower) = self.world.lower(&place.ns, link)? else {
                        return Ok(None);
                    };
                    place = lower;
                }
                LinkKind::Bridge(_) | LinkKind::Bond { .. } => {
                    let ns = Arc::clone(&place.ns);
                    let mut nics = ns.links.iter().filter(|port| {
                        port.master.as_deref() == Some(&*link.name)
                            && matches!(port.kind, LinkKind::Physical)
                            && port.bond_slave.as_ref().is_none_or(|slave| slave.active)
                    });
                    let (Some(nic), None) = (nics.next(), nics.next()) else {
                        return Ok(None);
                    };
                    place.device = nic.name.clone();
                }
                _ => return Ok(Some((place, tags))),
            }
        }
        Ok(None)
    }

    /// The packet leaves the captured world.
    fn boundary(&mut self, ns: &Arc<Namespace>, link: &Link, frame: Frame) -> Stage<Arrival> {
        let dst = frame.transit.packet.dst;
        if frame.transit.inner.is_some()
            || !is_public(dst)
            || !self.world.by_address(dst)?.is_empty()
        {
            return Err(unknown_end(ns, link));
        }
        self.assume(format!("the network behind {} {} carries packets to {dst} and back, and the remote host answers", ns.object, link.name));
        Ok(Arrival::Boundary {
            ns: Arc::clone(ns),
            device: link.name.to_string(),
            packet: frame.transit.packet,
        })
    }

    /// A packet comes in from beyond what was captured.
    pub(super) fn enter_from_outside(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        packet: crate::linux::packet::Packet,
    ) -> Stage<Arrival> {
        let passed = self.is_as_if_passed();
        self.log.enter(ns, Some(device), &packet, passed);
        if self.sender.is_none()
            && let Some(tuple) = crate::linux::conntrack::tuple_of(&packet)
        {
            self.sender = Some((String::new(), tuple));
        }
        let next = packet.dst;
        let transit = Transit {
            iif: Some(device.into()),
            ..Transit::new(packet)
        };
        let frame = Frame {
            dst: None,
            src: None,
            next,
            tags: Vec::new(),
            origin: None,
            answer: false,
            transit,
        };
        if super::cloud::is_region(&ns.path) {
            return self.enter_by_cloud(ns, device, frame);
        }
        self.ingress(ns, device, frame)
    }
}

fn unknown_end(ns: &Arc<Namespace>, link: &Link) -> Stop {
    Stop::Undecided(Doubt {
        what: format!(
            "what is at the other end of {} of {} was not captured",
            link.name, ns.object
        ),
        settle: "the files of the machine there, or the cloud's route tables".to_owned(),
        source: Some(link.source.clone()),
    })
}

/// Whether a device here has `next` in a connected prefix, and the owner of `next` has an address of that device in its own.
fn shares(ns: &Namespace, device: &str, next: IpAddr, theirs: ipnet::IpNet) -> bool {
    ns.addresses
        .iter()
        .filter(|address| address.device == device)
        .any(|address| {
            ipnet::IpNet::new(address.local, address.prefix_len)
                .is_ok_and(|net| net.contains(&next))
                && theirs.contains(&address.local)
        })
}

/// Whether an address is of the public Internet: not private (RFC 1918, 4193), shared (RFC 6598) or link-local.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_unspecified())
                && !(a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || v6.is_unique_local())
        }
    }
}
