//! From the IP layer to the other end of the wire (`ip_finish_output2`, `dev_queue_xmit`, `netif_receive_skb`).

use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::forwarding::Prerouting;
use super::neighbour::{Resolution, has_entry};
use super::output::Way;
use super::service::bpf_device;
use super::{Arrival, Frame, Stage, Stop, Transit, Walk};
use crate::evidence::link::{Link, LinkKind};
use crate::evidence::mac::Mac;
use crate::evidence::route::RouteKind;
use crate::linux::choice::Doubt;
use crate::linux::packet::Words;
use crate::verdict::StepStatus;
use crate::world::{Namespace, Place};

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
        if way.kind == RouteKind::Local || *way.device == *"lo" {
            if let Some(lo) = ns.link("lo").filter(|lo| !lo.up) {
                let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                    .says(format!("lo of {} is down", ns.object))
                    .on("lo")
                    .citing([lo.source.clone()]);
                self.block(blocker, Failure::Silent, &transit)?;
            }
            transit.iif = Some("lo".into());
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
        // What is known already stays so when ARP is switched off (`arp_constructor` makes new entries only).
        let is_unasked = link.noarp && link.mac.is_some() && {
            ns.known("ip-neigh.json")?;
            !has_entry(ns, &way.device, way.next(transit.packet.dst))
        };
        let needs_address = !(is_unasked || link.pointopoint || link.mac.is_none());
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
        let packet = &transit.packet;
        if transit.local && packet.dont_fragment && packet.length > way.mtu {
            // A tunnel's packet that may not be fragmented (`ip_fragment`, `ip6_fragment`).
            let blocker = Blocker::new(BlockerKind::Mtu, ns)
                .says(format!(
                    "a packet of {} bytes from {} does not fit MTU {} of {}",
                    packet.length, ns.object, way.mtu, way.device
                ))
                .on(&way.device)
                .citing([link.source.clone(), way.source.clone()]);
            self.block(blocker, Failure::TooBig { mtu: way.mtu }, &transit)?;
        }
        // What may be fragmented is (`ip_fragment`): from here on the largest fragment stands for the packet.
        transit.fragmented |= transit.packet.length > way.mtu;
        transit.packet.length = transit.packet.length.min(way.mtu);
        let next = way.next(transit.packet.dst);
        let dst = if !needs_address {
            unasked(link)
        } else {
            match self.resolve(ns, &way.device, next, transit.packet.src)? {
                Resolution::Mac(mac, source) => {
                    self.resolved(next, ns, source.as_ref());
                    self.log.step(
                        StepStatus::Normal,
                        || format!("{} is at {mac}", Words(next)),
                        || source.into_iter().collect(),
                    );
                    Some(mac)
                }
                Resolution::Uncaptured => None,
                Resolution::Nobody(source, why) => {
                    let blocker = Blocker::new(BlockerKind::NeighbourUnresolved, ns)
                        .says(format!(
                            "nobody answers for {next} on {} of {}",
                            way.device, ns.object
                        ))
                        .on(&way.device)
                        .citing(source)
                        .citing([way.source.clone()]);
                    if let Some(why) = why {
                        let message = format!("{}: {}", blocker.message, why.message);
                        let object = why.object.unwrap_or_else(|| why.ns.object.clone());
                        let blocker = blocker.says(message).blames(object).citing(why.sources);
                        return self.end(blocker, Failure::Neighbour, &transit);
                    }
                    let blocker = self.blame_silent(blocker, ns, &way.device, next)?;
                    self.block(blocker, Failure::Neighbour, &transit)?;
                    let mac = match self.rightful_mac(ns, next)? {
                        None => self.proxy_mac(ns, &way.device, next)?,
                        known => known,
                    };
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
            tags: Vec::new(),
            origin: Some(Place {
                ns: Arc::clone(ns),
                device: way.device.clone(),
            }),
            answer: false,
            transit,
        };
        self.put_on_wire(ns, &way.device, frame)
    }

    /// A device with a program that may do anything makes the step undecidable.
    pub(super) fn unclassified(&mut self, ns: &Arc<Namespace>, device: &str) -> Stage<()> {
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
                Some(gap) if gap.reason == "not-tried" && bpf_device(ns).is_none() => self.assume(format!(
                    "no tc classifier or BPF program of {} touches the packet ({file} was not captured)",
                    ns.object
                )),
                Some(_) => ns.known(file)?,
            }
        }
        Ok(())
    }
}

/// The hardware address on a device whose neighbours are not asked: with `arp off`, Ethernet sends to itself
/// (`arp_constructor`, `ndisc_constructor`).
fn unasked(link: &Link) -> Option<Mac> {
    let ethernet = matches!(
        link.kind,
        LinkKind::Veth | LinkKind::Physical | LinkKind::Bridge(_)
    );
    link.mac.filter(|_| ethernet && !link.pointopoint)
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
