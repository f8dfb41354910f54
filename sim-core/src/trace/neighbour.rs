//! From a next hop's address to its hardware address (`ip_finish_output2`, `neigh_resolve_output`).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Stage, Stop, Walk};
use crate::evidence::link::LinkKind;
use crate::evidence::mac::Mac;
use crate::evidence::neighbour::NeighbourState;
use crate::linux::arp;
use crate::linux::choice::Doubt;
use crate::source::Source;
use crate::world::Namespace;

/// What asking for a hardware address comes to.
#[derive(Debug, Clone)]
pub(super) enum Resolution {
    /// This one, from an entry or from who answers.
    Mac(Mac, Option<Source>),
    /// Nobody answers.
    Nobody(Option<Source>),
    /// The segment leaves what was captured.
    Uncaptured,
}

impl Walk<'_, '_> {
    /// The hardware address for `next` on `device`, asked by a packet from `src`.
    pub(super) fn resolve(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        next: IpAddr,
        src: IpAddr,
    ) -> Stage<Resolution> {
        ns.known("ip-neigh.json")?;
        let entry = ns
            .neighbours
            .iter()
            .find(|entry| entry.device == device && entry.address == next && !entry.proxy);
        let failed = match entry {
            Some(entry) => match (entry.state, entry.mac) {
                (
                    NeighbourState::Permanent
                    | NeighbourState::Noarp
                    | NeighbourState::Reachable
                    | NeighbourState::Stale
                    | NeighbourState::Delay
                    | NeighbourState::Probe,
                    Some(mac),
                ) => return Ok(Resolution::Mac(mac, Some(entry.source.clone()))),
                _ => Some(entry.source.clone()),
            },
            None => None,
        };
        ns.known("sysctl.txt")?;
        ns.known("ip-addr.json")?;
        let sender = self.arp_sender(ns, device, next, src);
        let segment = self.segment(ns, device, next, &[])?;
        let mut macs: BTreeSet<Mac> = segment.answers.iter().copied().collect();
        for (other, on) in &segment.ends {
            if arp::answers(other, on, next, sender)?
                && let Some(mac) = other.mac_of(on)
            {
                macs.insert(mac);
            }
        }
        let mut macs = macs.into_iter();
        match (macs.next(), macs.next()) {
            (Some(mac), None) => Ok(Resolution::Mac(mac, failed)),
            (Some(_), Some(_)) => Err(Stop::Undecided(Doubt {
                what: format!(
                    "several machines answer for {next}: which one is heard first is not known"
                ),
                settle: format!("{}/ip-neigh.json", ns.path),
                source: failed,
            })),
            (None, _) if segment.leaves => Ok(Resolution::Uncaptured),
            (None, _) => Ok(Resolution::Nobody(failed)),
        }
    }

    /// Whether someone set the hardware address for `next` by hand.
    pub(super) fn has_permanent(&self, ns: &Namespace, device: &str, next: IpAddr) -> bool {
        ns.neighbours.iter().any(|entry| {
            entry.device == device
                && entry.address == next
                && entry.state == NeighbourState::Permanent
        })
    }

    /// `arp_solicit()`: the address that the question is asked from.
    fn arp_sender(
        &self,
        ns: &Namespace,
        device: &str,
        next: IpAddr,
        src: IpAddr,
    ) -> Option<IpAddr> {
        let own = ns.addresses.iter().any(|address| address.local == src);
        let announce = crate::linux::sysctl::larger(ns, device, "arp_announce", 0).value;
        if own && announce == 0 {
            return Some(src);
        }
        crate::linux::source_address::select_v4(
            ns,
            device,
            next,
            crate::evidence::route::Scope::LINK,
        )
        .or(Some(src).filter(|_| own))
    }
}

/// Whether a device is a bridge.
pub(super) fn is_bridge(ns: &Namespace, device: &str) -> bool {
    ns.link(device)
        .is_some_and(|link| matches!(link.kind, LinkKind::Bridge(_)))
}
