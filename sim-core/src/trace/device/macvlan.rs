//! macvlan: several devices with hardware addresses of their own on one lower device (`drivers/net/macvlan.c`).

use std::sync::Arc;

use super::super::blocker::{Blocker, BlockerKind, Failure};
use super::super::transmit::not_modelled;
use super::super::{Arrival, Frame, Stage, Stop, Walk};
use crate::evidence::link::{Link, LinkKind};
use crate::world::{Namespace, Place};

impl Walk<'_, '_> {
    /// `macvlan_queue_xmit()`: in bridge mode straight to a sibling, else out by the lower device, whose own stack
    /// never sees it.
    pub(super) fn macvlan_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        mode: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        let lower = self.lower(ns, link)?;
        if mode == "source" {
            return Err(Stop::Undecided(not_modelled(link)));
        }
        if mode == "bridge" && frame.dst.is_some() {
            let uppers = self.siblings(&lower, &frame)?;
            let sibling = uppers.into_iter().find(|upper| {
                (upper.ns.path != ns.path || upper.device != link.name)
                    && upper.ns.link(&upper.device).is_some_and(|other| {
                        other.mac == frame.dst && mode_of(other) == Some("bridge")
                    })
            });
            if let Some(sibling) = sibling {
                // `dev_forward_skb()` to the lower device, which hands it to the sibling.
                let Some(below) = lower.ns.link(&lower.device) else {
                    return Err(super::missing(&lower.ns, &lower.device));
                };
                let length = frame.transit.packet.length;
                if !below.up
                    || length
                        > below
                            .mtu
                            .saturating_add(super::super::transmit::VLAN_HEADER)
                {
                    self.one_by_one();
                    let blocker = Blocker::new(BlockerKind::Mtu, &lower.ns)
                        .says(format!(
                            "a packet of {length} bytes does not pass {} of {} (MTU {}) to another macvlan on it",
                            below.name, lower.ns.object, below.mtu
                        ))
                        .on(&below.name)
                        .citing([below.source.clone()]);
                    self.block(blocker, Failure::Silent, &frame.transit)?;
                }
                self.enter(ns, &lower.ns, &lower.device, &mut frame);
                return self.macvlan_receive(&lower.ns.clone(), &sibling, frame);
            }
        }
        self.queue(&lower.ns, &lower.device, frame)
    }

    /// The macvlan that a frame that came in by `link` is for (`macvlan_handle_frame`).
    pub(super) fn macvlan_above(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        near: Vec<Place>,
        frame: &Frame,
    ) -> Stage<Option<Place>> {
        let takes = |upper: &Place| {
            upper.ns.link(&upper.device).is_some_and(|other| {
                match mode_of(other) {
                    // The only one on its lower device: it takes everything.
                    Some("passthru") => true,
                    Some("source") | None => false,
                    Some(_) => frame.dst.is_some() && other.mac == frame.dst,
                }
            })
        };
        if let Some(found) = near.into_iter().find(|upper| takes(upper)) {
            return Ok(Some(found));
        }
        // An address that is not the device's own may be that of a macvlan anywhere on the machine.
        if frame.dst.is_none() || frame.dst == link.mac {
            return Ok(None);
        }
        let all = self.world.uppers(ns, &link.name, &[])?;
        Ok(all.into_iter().find(|upper| takes(upper)))
    }

    fn siblings(&mut self, lower: &Place, frame: &Frame) -> Stage<Vec<Place>> {
        let near = self.world.uppers(&lower.ns, &lower.device, &[frame.next])?;
        let has_mac = |upper: &Place| upper.ns.mac_of(&upper.device) == frame.dst;
        if near.iter().any(has_mac) {
            return Ok(near);
        }
        Ok(self.world.uppers(&lower.ns, &lower.device, &[])?)
    }

    pub(super) fn macvlan_receive(
        &mut self,
        ns: &Arc<Namespace>,
        upper: &Place,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        self.enter(ns, &upper.ns, &upper.device, &mut frame);
        // It is marked as being for this host (PACKET_HOST).
        frame.dst = upper.ns.mac_of(&upper.device);
        self.ingress(&upper.ns.clone(), &upper.device, frame)
    }
}

pub(in crate::trace) fn mode_of(link: &Link) -> Option<&str> {
    match &link.kind {
        LinkKind::Macvlan { mode } => Some(mode),
        _ => None,
    }
}
