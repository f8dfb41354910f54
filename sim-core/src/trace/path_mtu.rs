//! What a datagram's sender learns of its path's MTU (`ip6_update_pmtu`, `ipv4_update_pmtu`).

use std::sync::Arc;

use super::{Arrival, Stage, Stop, Walk};
use crate::linux::conntrack::{Conn, Ct};
use crate::linux::packet::Packet;
use crate::world::Namespace;

impl Walk<'_, '_> {
    /// Sends a datagram, again in smaller fragments where a router tells of a smaller MTU.
    ///
    /// The route that learns is that of the address which the sender asked: a destination that is translated on its way
    /// out has another, and what does not fit there is lost each time.
    pub(super) fn send_datagram(
        &mut self,
        ns: &Arc<Namespace>,
        mut packet: Packet,
    ) -> Stage<Arrival> {
        let asked = (ns.place(), packet.dst);
        loop {
            match self.originate(ns, packet.clone(), Ct::None, None) {
                Err(Stop::TooBig(mtu)) if mtu < packet.length => {
                    self.log.take();
                    packet.dont_fragment = false;
                    let known = self.path_mtus.insert(asked, mtu);
                    self.has_learned = known.is_some_and(|known| known <= mtu);
                    // What was dropped on its way out confirmed no entry (`nf_conntrack_confirm`).
                    let lost = self.conns.iter_mut().filter(|conn| !conn.confirmed);
                    lost.for_each(Conn::forget);
                }
                other => {
                    self.has_learned = false;
                    return other;
                }
            }
        }
    }
}
