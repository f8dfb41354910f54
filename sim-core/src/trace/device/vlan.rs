//! VLAN devices: a tag on the way out, taken off on the way in (`net/8021q/vlan_dev.c`, `vlan_do_receive`).

use std::sync::Arc;

use super::super::blocker::{Blocker, BlockerKind, Failure};
use super::super::forwarding::Prerouting;
use super::super::{Arrival, Frame, Stage, Tag, Walk};
use crate::evidence::link::{Link, LinkKind};
use crate::world::{Namespace, Place};

impl Walk<'_, '_> {
    /// `vlan_dev_hard_start_xmit()`: the tag, then the device below.
    pub(super) fn vlan_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        id: u16,
        protocol: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        let lower = self.lower(ns, link)?;
        frame.tags.push(Tag {
            protocol: protocol.to_owned(),
            id,
        });
        self.queue(&lower.ns, &lower.device, frame)
    }

    /// The VLAN device for a tagged frame that came in by `link`, if there is one (`vlan_find_dev`).
    pub(super) fn vlan_above(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        frame: &Frame,
    ) -> Stage<Option<Place>> {
        let Some(tag) = frame.tags.last().filter(|tag| tag.id != 0).cloned() else {
            return Ok(None);
        };
        self.vlan_of(ns, link, &tag)
    }

    pub(in crate::trace) fn vlan_of(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        tag: &Tag,
    ) -> Stage<Option<Place>> {
        let uppers = self.world.uppers(ns, &link.name, &[])?;
        Ok(uppers
            .into_iter()
            .find(|upper| is_tagged(&upper.ns, &upper.device, tag)))
    }

    /// `vlan_do_receive()`: the frame goes on as the VLAN device's.
    pub(super) fn vlan_receive(
        &mut self,
        ns: &Arc<Namespace>,
        vlan: &Place,
        mut frame: Frame,
        ran: Prerouting,
    ) -> Stage<Arrival> {
        frame.tags.pop();
        let up = vlan.ns.link(&vlan.device).is_some_and(|link| link.up);
        if !up {
            let blocker = Blocker::new(BlockerKind::DeviceDown, &vlan.ns)
                .says(format!("{} of {} is down", vlan.device, vlan.ns.object))
                .on(&vlan.device)
                .citing(vlan.ns.link(&vlan.device).map(|link| link.source.clone()));
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        if ran == Prerouting::Ran
            && vlan.ns.path == ns.path
            && let Some(link) = ns.link(&vlan.device)
        {
            frame.transit.iif = Some(vlan.device.clone());
            return self.take(ns, link, frame, ran);
        }
        self.enter(ns, &vlan.ns, &vlan.device, &mut frame);
        self.ingress(&vlan.ns.clone(), &vlan.device, frame)
    }
}

/// Whether a device is the VLAN device of this tag.
pub(in crate::trace) fn is_tagged(ns: &Namespace, device: &str, tag: &Tag) -> bool {
    ns.link(device).is_some_and(|link| {
        matches!(&link.kind, LinkKind::Vlan { id, protocol } if *id == tag.id && *protocol == tag.protocol)
    })
}
