//! From a next hop's address to its hardware address (`ip_finish_output2`, `neigh_resolve_output`).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Stage, Stop, Walk};
use crate::evidence::link::LinkKind;
use crate::evidence::mac::Mac;
use crate::evidence::neighbour::NeighbourState;
use crate::linux::choice::Doubt;
use crate::source::Source;
use crate::world::{Namespace, Peer};

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
        let Some(asker) = self.asker(ns, device, next, src)? else {
            return Ok(Resolution::Nobody(failed));
        };
        let segment = self.segment(ns, device, next)?;
        let mut macs: BTreeSet<Mac> = BTreeSet::new();
        for (other, on) in &segment.ends {
            if let Some(mac) = other.mac_of(on)
                && !macs.contains(&mac)
                && self.answers((ns, device), (other, on), next, asker)?
            {
                macs.insert(mac);
            }
        }
        let macs: Vec<Mac> = macs.into_iter().collect();
        match (macs.as_slice(), macs.get(1)) {
            ([mac], _) => Ok(Resolution::Mac(*mac, failed)),
            (several, Some(_)) => {
                let chosen = self.first_heard(ns, device, next, several, failed.clone())?;
                Ok(Resolution::Mac(chosen, failed))
            }
            (_, None) if segment.tunnels => Err(Stop::Undecided(Doubt {
                what: format!(
                    "{next} is asked for through a VXLAN flood list, which is not modelled"
                ),
                settle: String::new(),
                source: ns.link(device).map(|link| link.source.clone()),
            })),
            (_, None) if segment.leaves => Ok(Resolution::Uncaptured),
            (_, None) => Ok(Resolution::Nobody(failed)),
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

    /// Several machines answer: any may be heard first, and for IPv6 each later one replaces it (`ndisc_update`).
    fn first_heard(
        &mut self,
        ns: &Namespace,
        device: &str,
        next: IpAddr,
        macs: &[Mac],
        source: Option<Source>,
    ) -> Stage<Mac> {
        let doubt = Doubt {
            what: format!("several machines answer for {next}: which one is heard is not known"),
            settle: format!("{}/ip-neigh.json", ns.path),
            source,
        };
        let asked = (ns.path.clone(), device.to_owned(), next);
        let chosen = match self.heard.get(&asked) {
            Some(chosen) => *chosen,
            None if next.is_ipv4() => {
                let chosen = self.script.alternative(macs.len(), vec![doubt.clone()]);
                self.heard.insert(asked, chosen);
                chosen
            }
            None => return Err(Stop::Undecided(doubt)),
        };
        macs.get(chosen).copied().ok_or(Stop::Undecided(doubt))
    }

    /// Everything that a broadcast from `device` reaches.
    pub(super) fn segment(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        towards: IpAddr,
    ) -> Stage<Segment> {
        let mut segment = Segment::default();
        self.flood(ns, device, towards, &mut segment)?;
        Ok(segment)
    }

    /// Sends a broadcast out of `device`.
    fn flood(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        towards: IpAddr,
        segment: &mut Segment,
    ) -> Stage<()> {
        if !segment.sent.insert((ns.path.clone(), device.to_owned())) {
            return Ok(());
        }
        let Some(link) = ns.link(device).filter(|link| link.up) else {
            return Ok(());
        };
        match &link.kind {
            LinkKind::Bridge(_) => {
                let ports: Vec<String> = ns
                    .links
                    .iter()
                    .filter(|port| port.master.as_deref() == Some(device))
                    .map(|port| port.name.clone())
                    .collect();
                for port in ports {
                    if may_leave(ns, &port, None) {
                        self.flood(ns, &port, towards, segment)?;
                    }
                }
            }
            LinkKind::Veth | LinkKind::Netkit { .. } => match self.world.peer(ns, link, towards)? {
                Peer::Captured { namespace, device } => {
                    let other = self.world.namespace(&namespace)?;
                    self.hear(&other, &device, towards, segment)?;
                }
                Peer::Unknown => segment.leaves = true,
            },
            // A VXLAN device without a default entry sends no broadcasts anywhere.
            LinkKind::Vxlan(vxlan) => {
                let floods = ns
                    .fdb
                    .iter()
                    .any(|entry| entry.device == device && entry.mac == Mac::ZERO);
                segment.tunnels |= floods || vxlan.remote.is_some() || vxlan.external;
            }
            LinkKind::Loopback | LinkKind::Dummy => {}
            LinkKind::Physical
            | LinkKind::Ipip(_)
            | LinkKind::Gre { .. }
            | LinkKind::Sit(_)
            | LinkKind::Ip6Tunnel(_)
            | LinkKind::Geneve(_)
            | LinkKind::Wireguard
            | LinkKind::Ipvlan { .. }
            | LinkKind::Macvlan { .. }
            | LinkKind::Vlan { .. }
            | LinkKind::Bond { .. }
            | LinkKind::Tun { .. }
            | LinkKind::Ifb
            | LinkKind::Vrf { .. }
            | LinkKind::Other(_) => segment.leaves = true,
        }
        Ok(())
    }

    /// A broadcast arrives at `device`.
    fn hear(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        towards: IpAddr,
        segment: &mut Segment,
    ) -> Stage<()> {
        let Some(link) = ns.link(device).filter(|link| link.up) else {
            return Ok(());
        };
        let Some(bridge) = link.master.clone().filter(|master| is_bridge(ns, master)) else {
            segment.end(ns, device);
            return Ok(());
        };
        if !is_forwarding(ns, device) {
            return Ok(());
        }
        if ns.link(&bridge).is_some_and(|link| link.up) {
            segment.end(ns, &bridge);
        }
        let ports: Vec<String> = ns
            .links
            .iter()
            .filter(|port| port.master.as_deref() == Some(bridge.as_str()) && port.name != device)
            .map(|port| port.name.clone())
            .collect();
        for port in ports {
            if may_leave(ns, &port, Some(device)) {
                self.flood(ns, &port, towards, segment)?;
            }
        }
        Ok(())
    }
}

/// What a broadcast reaches.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// Devices with an IP stack behind them.
    pub(super) ends: Vec<(Arc<Namespace>, String)>,
    /// It also goes where nothing was captured.
    pub(super) leaves: bool,
    /// It is flooded through a tunnel.
    pub(super) tunnels: bool,
    sent: BTreeSet<(String, String)>,
}

impl Segment {
    fn end(&mut self, ns: &Arc<Namespace>, device: &str) {
        if !self
            .ends
            .iter()
            .any(|(other, on)| other.path == ns.path && on == device)
        {
            self.ends.push((Arc::clone(ns), device.to_owned()));
        }
    }
}

pub(super) fn is_bridge(ns: &Namespace, device: &str) -> bool {
    ns.link(device)
        .is_some_and(|link| matches!(link.kind, LinkKind::Bridge(_)))
}

pub(super) fn is_forwarding(ns: &Namespace, port: &str) -> bool {
    ns.link(port)
        .and_then(|link| link.port.as_ref())
        .is_none_or(|port| port.state == "forwarding")
}

/// Whether a flooded frame that came in by `from` may leave by `port` (`should_deliver`).
fn may_leave(ns: &Namespace, port: &str, from: Option<&str>) -> bool {
    let settings = |name: &str| ns.link(name).and_then(|link| link.port.as_ref());
    let isolated = |name: &str| settings(name).is_some_and(|port| port.isolated);
    ns.link(port).is_some_and(|link| link.up)
        && is_forwarding(ns, port)
        && settings(port).is_none_or(|port| port.bcast_flood)
        && !from.is_some_and(|from| isolated(from) && isolated(port))
}
