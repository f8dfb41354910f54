//! ipvlan: several devices told apart by their IP addresses on one lower device (`drivers/net/ipvlan/ipvlan_core.c`).

use std::sync::Arc;

use super::super::blocker::{Blocker, BlockerKind, Failure};
use super::super::forwarding::Prerouting;
use super::super::transmit::not_modelled;
use super::super::{Arrival, Frame, Stage, Stop, Walk};
use super::Origin;
use crate::evidence::link::{Link, LinkKind};
use crate::linux::conntrack::Ct;
use crate::world::{Namespace, Place};

impl Walk<'_, '_> {
    /// `ipvlan_queue_xmit()`.
    pub(super) fn ipvlan_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        mode: &str,
        flags: &[String],
        mut frame: Frame,
    ) -> Stage<Arrival> {
        let lower = self.lower(ns, link)?;
        let has = |flag: &str| flags.iter().any(|name| name == flag);
        let routed = match mode {
            "l2" => false,
            "l3" | "l3s" => true,
            _ => return Err(Stop::Undecided(not_modelled(link))),
        };
        let mac = lower.ns.mac_of(&lower.device);
        let to_itself = routed || (frame.dst.is_some() && frame.dst == mac);
        if to_itself && !has("vepa") {
            let towards = frame.transit.packet.dst;
            let uppers = self.world.uppers(&lower.ns, &lower.device, &[towards])?;
            if let Some(sibling) = uppers.into_iter().find(|upper| owns(upper, &frame)) {
                if has("private") {
                    let blocker = Blocker::new(BlockerKind::BridgeIsolated, ns)
                        .says(format!(
                            "{} of {} is a private ipvlan: nothing passes between it and others on {}",
                            link.name, ns.object, lower.device
                        ))
                        .on(&link.name)
                        .citing([link.source.clone()]);
                    self.block(blocker, Failure::Silent, &frame.transit)?;
                }
                return self.ipvlan_receive(ns, &sibling, frame);
            }
            if !routed {
                // The lower device's own stack.
                self.enter(ns, &lower.ns, &lower.device, &mut frame);
                return self.receive(&lower.ns.clone(), frame.transit, Prerouting::ToRun);
            }
        }
        if !routed {
            return self.queue(&lower.ns, &lower.device, frame);
        }
        // `ipvlan_process_v4_outbound()`: routed once more by the lower device's stack, out by that device.
        let crosses = lower.ns.path != ns.path;
        let mut packet = frame.transit.packet;
        if crosses {
            packet.mark = 0;
            let passed = self.is_as_if_passed();
            self.log.enter(&lower.ns, None, &packet, passed);
        }
        let origin = Origin {
            bound: Some(lower.device.to_string()),
            passing: true,
            ..Origin::default()
        };
        self.emit(&lower.ns.clone(), packet, Ct::None, origin)
    }

    /// The ipvlan that a packet that came in by the lower device is for (`ipvlan_addr_lookup`).
    pub(super) fn ipvlan_above(&self, uppers: &[Place], frame: &Frame) -> Option<Place> {
        uppers.iter().find(|upper| owns(upper, frame)).cloned()
    }

    /// `ipvlan_rcv_frame()`.
    pub(super) fn ipvlan_receive(
        &mut self,
        ns: &Arc<Namespace>,
        upper: &Place,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        self.enter(ns, &upper.ns, &upper.device, &mut frame);
        frame.dst = upper.ns.mac_of(&upper.device);
        self.ingress(&upper.ns.clone(), &upper.device, frame)
    }
}

/// Whether a device is an ipvlan with the packet's destination.
fn owns(upper: &Place, frame: &Frame) -> bool {
    let is_ipvlan = upper
        .ns
        .link(&upper.device)
        .is_some_and(|link| matches!(link.kind, LinkKind::Ipvlan { .. }) && link.up);
    is_ipvlan
        && upper.ns.addresses.iter().any(|address| {
            *address.device == *upper.device && address.local == frame.transit.packet.dst
        })
}
