//! What a bridge does with what is too long for a port of its.

use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::transmit::VLAN_HEADER;
use super::{Frame, Stage, Transit, Walk};
use crate::evidence::link::Link;
use crate::linux::packet::Family;
use crate::world::Namespace;

impl Walk<'_, '_> {
    /// What passed IP rules on its way through a bridge is fragmented again where it was put together for them, and where it
    /// is too long for the port (`br_nf_dev_queue_xmit`, `br_nf_ip_fragment`, `ip6_fragment`).
    ///
    /// What decides is the bridge's own MTU, not the port's: it is that of the packet's route, which leads to the bridge.
    pub(super) fn refragment(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        out: &str,
        transit: &mut Transit,
    ) -> Stage<()> {
        let (Some(own), Some(port)) = (ns.link(bridge), ns.link(out)) else {
            return Ok(());
        };
        let length = transit.packet.length;
        // Conntrack looks at whole datagrams (`nf_ct_ipv4_gather_frags`, `nf_ct_frag6_gather`).
        let gathered = transit.fragmented && ns.tracks;
        if !gathered && length <= port.mtu {
            return Ok(());
        }
        let is_six = transit.packet.family() == Family::V6;
        if !gathered && !is_six && transit.packet.dont_fragment {
            return self.does_not_fit(ns, port, transit);
        }
        if length <= own.mtu {
            return Ok(());
        }
        if !gathered && !is_six {
            transit.fragmented = true;
            transit.packet.length = own.mtu;
            return Ok(());
        }
        self.one_by_one();
        let says = if gathered {
            format!(
                "bridge {bridge} of {}, whose MTU is {}, drops fragments of {length} bytes after its IP rules",
                ns.object, own.mtu
            )
        } else {
            format!(
                "bridge {bridge} of {}, whose MTU is {}, drops a packet of {length} bytes after its IP rules",
                ns.object, own.mtu
            )
        };
        let blocker = Blocker::new(BlockerKind::Mtu, ns)
            .says(says)
            .on(bridge)
            .citing([own.source.clone()]);
        let failure = if is_six {
            Failure::TooBig { mtu: own.mtu }
        } else {
            Failure::Silent
        };
        self.block(blocker, failure, transit)
    }

    /// `br_dev_queue_push_xmit()`: a bridge does not fragment.
    pub(super) fn fits(&mut self, ns: &Arc<Namespace>, out: &str, frame: &Frame) -> Stage<()> {
        let length = frame.transit.packet.length;
        let too_long = |link: &Link| length > link.mtu.saturating_add(VLAN_HEADER);
        match ns.link(out).filter(|link| too_long(link)) {
            Some(link) => self.does_not_fit(ns, link, &frame.transit),
            None => Ok(()),
        }
    }

    fn does_not_fit(&mut self, ns: &Arc<Namespace>, out: &Link, transit: &Transit) -> Stage<()> {
        self.one_by_one();
        let blocker = Blocker::new(BlockerKind::Mtu, ns)
            .says(format!(
                "a packet of {} bytes is dropped by bridge port {} of {}, whose MTU is {}",
                transit.packet.length, out.name, ns.object, out.mtu
            ))
            .on(&out.name)
            .citing([out.source.clone()]);
        self.block(blocker, Failure::Silent, transit)
    }
}
