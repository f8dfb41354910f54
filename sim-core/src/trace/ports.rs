//! Bridge ports: which ones a flooded frame may leave by, and which questions a bridge answers itself (`br_forward.c`,
//! `br_arp_nd_proxy.c`).

use super::Walk;
use super::segment::{Probe, Segment};
use crate::evidence::neighbour::NeighbourState;
use crate::linux::packet::Family;
use crate::world::Namespace;

impl Walk<'_, '_> {
    /// `br_do_proxy_suppress_arp()`: the bridge answers for a neighbour that it knows behind a port that suppresses.
    pub(super) fn suppress(
        &mut self,
        ns: &Namespace,
        bridge: &str,
        from: Option<&str>,
        vid: u16,
        probe: &mut Probe,
        segment: &mut Segment,
    ) {
        let mut all = ports(ns, bridge);
        let proxies = |port: &str| {
            ns.link(port)
                .and_then(|link| link.port.as_ref())
                .is_some_and(|port| port.proxy_arp || port.proxy_arp_wifi)
        };
        let suppressing = all.any(|port| suppresses(ns, port));
        if !suppressing && !ports(ns, bridge).any(proxies) {
            return;
        }
        if from.is_some_and(|from| suppresses(ns, from)) {
            return;
        }
        let on = match probe.tags.last() {
            None => Some(bridge),
            Some(tag) => ns
                .links
                .iter()
                .find(|link| {
                    link.link.as_deref() == Some(bridge)
                        && super::device::is_tagged(ns, &link.name, tag)
                })
                .map(|link| &*link.name),
        };
        let neighbour = ns.neighbours.iter().find(|entry| {
            Some(&*entry.device) == on
                && entry.address == probe.towards
                && !entry.proxy
                && !matches!(
                    entry.state,
                    NeighbourState::Failed | NeighbourState::Incomplete | NeighbourState::None
                )
        });
        let Some(mac) = neighbour.and_then(|entry| entry.mac) else {
            return;
        };
        let Some(entry) = ns
            .fdb
            .iter()
            .find(|entry| entry.mac == mac && !entry.self_ && entry.vlan.unwrap_or(0) == vid)
        else {
            return;
        };
        probe.answered = suppressing;
        if suppresses(ns, &entry.device) || from.is_some_and(proxies) {
            probe.answered = true;
            segment.answers.push(mac);
        }
    }
}

/// The ports of a bridge.
pub(super) fn ports<'a>(ns: &'a Namespace, bridge: &'a str) -> impl Iterator<Item = &'a str> {
    let links = ns.links.iter();
    let ports = links.filter(move |link| link.master.as_deref() == Some(bridge));
    ports.map(|link| &*link.name)
}

pub(super) fn is_forwarding(ns: &Namespace, port: &str) -> bool {
    ns.link(port)
        .and_then(|link| link.port.as_ref())
        .is_none_or(|port| port.state == "forwarding")
}

pub(super) fn is_hairpin(ns: &Namespace, port: &str) -> bool {
    ns.link(port)
        .and_then(|link| link.port.as_ref())
        .is_some_and(|port| port.hairpin)
}

pub(super) fn suppresses(ns: &Namespace, port: &str) -> bool {
    ns.link(port)
        .and_then(|link| link.port.as_ref())
        .is_some_and(|port| port.neigh_suppress)
}

/// Whether a flooded question that came in by `from` may leave by `port` (`should_deliver`, `br_flood`): IPv4 asks by
/// broadcast, IPv6 by multicast. What the bridge itself sends is not held back by the port's settings.
///
/// With a querier on the segment, multicast reaches whoever joined, and whoever has the address did: nobody's membership
/// is captured, so a port that is not flooded is taken to have no querier behind it.
pub(super) fn may_leave(ns: &Namespace, port: &str, from: Option<&str>, family: Family) -> bool {
    let settings = |name: &str| ns.link(name).and_then(|link| link.port.as_ref());
    let isolated = |name: &str| settings(name).is_some_and(|port| port.isolated);
    ns.link(port).is_some_and(|link| link.up)
        && is_forwarding(ns, port)
        && (from.is_none()
            || settings(port).is_none_or(|port| match family {
                Family::V4 => port.bcast_flood,
                Family::V6 => port.mcast_flood,
            }))
        && !from.is_some_and(|from| isolated(from) && isolated(port))
}
