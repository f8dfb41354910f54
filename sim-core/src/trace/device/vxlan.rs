//! VXLAN and Geneve: Ethernet frames in UDP (`drivers/net/vxlan/vxlan_core.c`, `drivers/net/geneve.c`).

use std::net::IpAddr;
use std::sync::Arc;

use super::super::blocker::{Blocker, BlockerKind, Failure};
use super::super::{Arrival, Carrier, Frame, Stage, Stop, Transit, Walk};
use super::carrier::{Outer, Taken, TooBig, no_socket, refused, unknown};
use crate::evidence::bridge::{FdbEntry, FdbState};
use crate::evidence::link::{Geneve, Link, LinkKind, Vxlan};
use crate::evidence::mac::Mac;
use crate::linux::choice::Doubt;
use crate::linux::packet::{Port, Transport};
use crate::source::Source;
use crate::world::{Namespace, Place};

/// What VXLAN and Geneve add to a packet: outer IP, UDP and own headers and the inner Ethernet header.
const OVERHEAD_V4: u32 = 50;
/// The same over IPv6.
const OVERHEAD_V6: u32 = 70;

/// A far end of a VXLAN device (`struct vxlan_rdst`).
#[derive(Debug, Clone)]
pub(in crate::trace) struct Remote {
    pub(in crate::trace) address: IpAddr,
    port: u16,
    vni: u32,
    via: Option<String>,
    source: Source,
}

impl Walk<'_, '_> {
    /// `vxlan_xmit()`: to the far end that the forwarding table names, else to all that the flood list does.
    pub(super) fn vxlan_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        vxlan: &Vxlan,
        frame: Frame,
    ) -> Stage<Arrival> {
        let remotes = self.vxlan_remotes(ns, link, vxlan, &frame)?;
        let remote = match remotes.as_slice() {
            [] => {
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
                return match self.rightful_remote(link, vxlan, &frame)? {
                    Some(remote) => self.vxlan_send(ns, link, vxlan, &remote, frame),
                    None => self.arrive(ns, frame),
                };
            }
            [only] => only.clone(),
            several => self.flooded_to(ns, link, vxlan, &frame, several)?,
        };
        let spare = (!self.is_quiet()).then(|| frame.clone());
        let result = self.vxlan_send(ns, link, vxlan, &remote, frame);
        // As if the table named the right far end, where the one that it names lost the packet.
        if let (Err(Stop::Lost), Some(frame)) = (&result, spare)
            && let Some(rightful) = self.rightful_remote(link, vxlan, &frame)?
            && rightful.address != remote.address
        {
            return self.vxlan_send(ns, link, vxlan, &rightful, frame);
        }
        result
    }

    /// The far end that the table should name.
    fn rightful_remote(
        &mut self,
        link: &Link,
        vxlan: &Vxlan,
        frame: &Frame,
    ) -> Stage<Option<Remote>> {
        let address = self.rightful_vtep(vxlan, frame.dst)?;
        Ok(address.zip(vxlan.id).map(|(address, vni)| Remote {
            address,
            port: vxlan.port,
            vni,
            via: None,
            source: link.source.clone(),
        }))
    }

    /// The far ends for a frame (`vxlan_find_mac`, then the default entry).
    pub(in crate::trace) fn vxlan_remotes(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        vxlan: &Vxlan,
        frame: &Frame,
    ) -> Stage<Vec<Remote>> {
        ns.known("bridge-fdb.json")?;
        let (Some(vni), false) = (vxlan.id, vxlan.external || vxlan.vnifilter) else {
            return unknown(link);
        };
        let remote = |entry: &FdbEntry| {
            Some(Remote {
                address: entry.dst?,
                port: entry.port.unwrap_or(vxlan.port),
                vni: entry.vni.unwrap_or(vni),
                via: entry.via.clone(),
                source: entry.source.clone(),
            })
        };
        if let Some(mac) = frame.dst {
            let key = (ns.path.clone(), link.name.clone(), mac);
            if let Some(address) = self.learned.far_ends.get(&key) {
                return Ok(vec![Remote {
                    address: *address,
                    port: vxlan.port,
                    vni,
                    via: None,
                    source: link.source.clone(),
                }]);
            }
        }
        for mac in [frame.dst.unwrap_or(Mac::ZERO), Mac::ZERO] {
            let entries = || entries(ns, link, mac);
            if let Some(grouped) = entries().find(|entry| entry.nexthop_id.is_some()) {
                return Err(Stop::Undecided(Doubt {
                    what: format!(
                        "{} of {} sends to a nexthop group, which is not modelled",
                        link.name, ns.object
                    ),
                    settle: String::new(),
                    source: Some(grouped.source.clone()),
                }));
            }
            if entries().next().is_some() {
                return Ok(entries().filter_map(remote).collect());
            }
        }
        Ok(Vec::new())
    }

    /// Of several far ends that all get a copy, the one behind which the frame's destination is.
    fn flooded_to(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        vxlan: &Vxlan,
        frame: &Frame,
        remotes: &[Remote],
    ) -> Stage<Remote> {
        for remote in remotes {
            let ends = self.overhear(
                |walk, probe| {
                    let probe = Frame {
                        tags: frame.tags.clone(),
                        ..probe
                    };
                    walk.vxlan_send(ns, link, vxlan, remote, probe)
                },
                frame.next,
            )?;
            for end in ends {
                if self.is_behind(&end, frame)? {
                    return Ok(remote.clone());
                }
            }
        }
        remotes.first().cloned().ok_or(Stop::Lost)
    }

    /// `vxlan_xmit_one()`.
    pub(in crate::trace) fn vxlan_send(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        vxlan: &Vxlan,
        remote: &Remote,
        frame: Frame,
    ) -> Stage<Arrival> {
        if remote.address.is_multicast() {
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "{} sends to the multicast group {}, which is not modelled",
                    link.name, remote.address
                ),
                settle: String::new(),
                source: Some(remote.source.clone()),
            }));
        }
        let inner = &frame.transit.packet;
        let outer = Outer {
            src: vxlan.local,
            dst: remote.address,
            transport: Transport::Udp {
                sport: self.flow_port(ns, vxlan.source_ports),
                dport: Port::Known(remote.port),
            },
            overhead: overhead(remote.address),
            dont_fragment: remote.address.is_ipv6()
                || vxlan.df == "set"
                || (vxlan.df == "inherit" && inner.dont_fragment),
            ttl: match vxlan.ttl {
                None => inner.ttl,
                Some(0) => 64,
                Some(ttl) => ttl,
            },
            tos: vxlan.tos.unwrap_or(inner.tos),
            // Entries without a device leave it to the routes (`vxlan_xmit_one`).
            bound: remote.via.clone(),
            mark: None,
            routed_by_inner_mark: true,
            too_big: TooBig::Adapt,
            source: remote.source.clone(),
        };
        self.carry(ns, link, outer, Carrier::Vxlan { vni: remote.vni }, frame)
    }

    /// `vxlan_rcv()`: the device of this port and VNI takes the frame, unless its source forbids it.
    pub(super) fn vxlan_end(
        &mut self,
        ns: &Arc<Namespace>,
        outer: &Transit,
        vni: u32,
        frame: &Frame,
    ) -> Stage<Taken> {
        let all = self.tunnels(ns, |kind| matches!(kind, LinkKind::Vxlan(_)))?;
        let six = outer.packet.dst.is_ipv6();
        let mut bound = false;
        let mut taker = None;
        for place in &all {
            let Some((link, vxlan)) = vxlan_of(place) else {
                continue;
            };
            let is_six = [vxlan.local, vxlan.remote]
                .into_iter()
                .flatten()
                .any(|address| address.is_ipv6());
            let listens = link.up
                && Some(Port::Known(vxlan.port)) == outer.packet.dport()
                && (is_six == six || vxlan.external);
            if !listens {
                continue;
            }
            bound = true;
            if vxlan.external {
                return unknown(link);
            }
            if vxlan.id == Some(vni) {
                taker = Some(place);
            }
        }
        let Some(place) = taker else {
            let near = all.first().and_then(|place| place.ns.link(&place.device));
            // A port without a socket is refused; a socket without the VNI is silent.
            let (failure, what) = if bound {
                (
                    Failure::Silent,
                    "has no VXLAN device for this VNI that is up",
                )
            } else {
                (
                    no_socket(outer),
                    "has no VXLAN device on that port that is up",
                )
            };
            let what = format!("{} {what} (VNI {vni})", ns.object);
            return Ok(refused(BlockerKind::VxlanPeer, ns, near, failure, &what));
        };
        let Some((link, vxlan)) = vxlan_of(place) else {
            return Err(Stop::Lost);
        };
        let Some(src) = frame.src else {
            return Ok(Ok(place.clone()));
        };
        let drops = |what: &str| {
            let what = format!("{} of {} {what}", place.device, place.ns.object);
            refused(
                BlockerKind::VxlanPeer,
                &place.ns,
                Some(link),
                Failure::Silent,
                &what,
            )
        };
        // `vxlan_set_mac()`.
        if Some(src) == link.mac {
            return Ok(drops(&format!(
                "gets a frame with its own address {src} as source"
            )));
        }
        if vxlan.learning {
            // `vxlan_snoop()`: a fixed entry for the sender that names another far end drops the frame.
            let mut fixed = entries(&place.ns, link, src).filter(|entry| {
                entry.state != FdbState::Learned && entry.dst != Some(outer.packet.src)
            });
            if fixed.next().is_some() {
                return Ok(drops(&format!(
                    "learns, and a fixed entry says that {src} is not behind {}",
                    outer.packet.src
                )));
            }
            let known = entries(&place.ns, link, src).any(|entry| entry.state != FdbState::Learned);
            if !known {
                let key = (place.ns.path.clone(), place.device.clone(), src);
                self.learned.far_ends.insert(key, outer.packet.src);
            }
        }
        Ok(Ok(place.clone()))
    }

    /// `geneve_xmit()`: to the one far end.
    pub(super) fn geneve_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        geneve: &Geneve,
        frame: Frame,
    ) -> Stage<Arrival> {
        let (Some(vni), Some(remote), false) = (geneve.id, geneve.remote, geneve.external) else {
            return unknown(link);
        };
        if remote.is_multicast() || geneve.inner_proto_inherit {
            return unknown(link);
        }
        let inner = &frame.transit.packet;
        let outer = Outer {
            src: None,
            dst: remote,
            transport: Transport::Udp {
                sport: self.flow_port(ns, (0, 0)),
                dport: Port::Known(geneve.port),
            },
            overhead: overhead(remote),
            dont_fragment: remote.is_ipv6()
                || geneve.df == "set"
                || (geneve.df == "inherit" && inner.dont_fragment),
            ttl: match geneve.ttl {
                None => inner.ttl,
                Some(0) => 64,
                Some(ttl) => ttl,
            },
            tos: 0,
            bound: None,
            mark: None,
            routed_by_inner_mark: true,
            too_big: TooBig::Adapt,
            source: link.source.clone(),
        };
        self.carry(ns, link, outer, Carrier::Geneve { vni }, frame)
    }

    /// `geneve_lookup()`: by VNI and the sender's address.
    pub(super) fn geneve_end(
        &mut self,
        ns: &Arc<Namespace>,
        outer: &Transit,
        vni: u32,
    ) -> Stage<Taken> {
        let all = self.tunnels(ns, |kind| matches!(kind, LinkKind::Geneve(_)))?;
        let mut bound = false;
        for place in &all {
            let Some(link) = place.ns.link(&place.device).filter(|link| link.up) else {
                continue;
            };
            let LinkKind::Geneve(geneve) = &link.kind else {
                continue;
            };
            if Some(Port::Known(geneve.port)) != outer.packet.dport() {
                continue;
            }
            if geneve.external {
                return unknown(link);
            }
            bound = true;
            if geneve.id == Some(vni) && geneve.remote == Some(outer.packet.src) {
                return Ok(Ok(place.clone()));
            }
        }
        let near = all.first().and_then(|place| place.ns.link(&place.device));
        let failure = if bound {
            Failure::Silent
        } else {
            no_socket(outer)
        };
        let what = format!(
            "{} has no Geneve device for VNI {vni} from {} that is up",
            ns.object, outer.packet.src
        );
        Ok(refused(BlockerKind::TunnelPeer, ns, near, failure, &what))
    }
}

fn overhead(remote: IpAddr) -> u32 {
    if remote.is_ipv4() {
        OVERHEAD_V4
    } else {
        OVERHEAD_V6
    }
}

/// A VXLAN device's own entries for an address.
fn entries<'a>(ns: &'a Namespace, link: &'a Link, mac: Mac) -> impl Iterator<Item = &'a FdbEntry> {
    ns.fdb.iter().filter(move |entry| {
        *entry.device == *link.name
            && entry.mac == mac
            && (entry.dst.is_some() || entry.nexthop_id.is_some())
    })
}

fn vxlan_of(place: &Place) -> Option<(&Link, &Vxlan)> {
    let link = place.ns.link(&place.device)?;
    match &link.kind {
        LinkKind::Vxlan(vxlan) => Some((link, vxlan)),
        _ => None,
    }
}
