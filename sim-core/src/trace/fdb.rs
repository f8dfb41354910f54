//! Where a bridge sends a frame: its forwarding table, else flooding (`br_fdb_find_rcu`, `br_flood`), and what it learns.

use std::sync::Arc;

use super::netfilter::HookSite;
use super::ports::{is_forwarding, ports};
use super::{Frame, Stage, Stop, Walk, bridge_vlan};
use crate::evidence::bridge::{FdbEntry, FdbState};
use crate::evidence::mac::Mac;
use crate::linux::choice::Doubt;
use crate::linux::netfilter::Hook;
use crate::world::Namespace;

/// Where a bridge sends a frame.
pub(super) enum Towards {
    /// To the bridge's own IP stack.
    Up,
    /// To this port.
    Port(String),
    /// Nobody on any port has the address.
    Nobody,
}

impl Walk<'_, '_> {
    /// A frame for an unknown address is flooded: it passes FORWARD on its way to every other port (`br_flood`).
    pub(super) fn flood_in_vain(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        (from, filtered): (&str, bool),
        frame: &mut Frame,
    ) -> Stage<()> {
        let other = ns
            .links
            .iter()
            .find(|link| link.master.as_deref() == Some(bridge) && *link.name != *from && link.up);
        let Some(out) = other.map(|link| &*link.name).filter(|_| filtered) else {
            return Ok(());
        };
        let site = HookSite {
            iif: Some(bridge),
            oif: Some(bridge),
            physout: Some(out),
            bridged: true,
            ..HookSite::default()
        };
        self.run_hook(ns, Hook::Forward, &site, &mut frame.transit)
    }

    /// The forwarding table of the frame's VLAN, else flooding.
    pub(super) fn lookup(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        from: Option<&str>,
        frame: &Frame,
        vid: u16,
    ) -> Stage<Towards> {
        ns.known("bridge-fdb.json")?;
        let Some(mac) = frame.dst else {
            // Nobody knows the hardware address: it is where the segment leaves the captured world.
            return self.uncaptured_port(ns, bridge, from, frame, vid);
        };
        if is_own(ns, bridge, mac, vid) {
            return Ok(Towards::Up);
        }
        // A multicast question is flooded, whatever is known.
        let floods = frame.answer && frame.transit.packet.dst.is_multicast();
        let key = (ns.path.clone(), bridge.to_owned(), vid, mac);
        if let Some(port) = self.learned.ports.get(&key).filter(|_| !floods) {
            return Ok(Towards::Port(port.clone()));
        }
        let learned = entries(ns, bridge, mac, vid)
            .find(|entry| !floods && entry.state != FdbState::Permanent);
        if let Some(entry) = learned {
            return Ok(Towards::Port(entry.device.clone()));
        }
        for port in ports(ns, bridge) {
            if !takes_flood(ns, bridge, port, vid)? {
                continue;
            }
            if self.leads_to(ns, bridge, port, mac, frame, vid)? {
                return Ok(Towards::Port(port.to_owned()));
            }
        }
        // A macvlan on the bridge makes it listen to everything.
        let uppers = self.world.uppers(ns, bridge, &[frame.next])?;
        if uppers
            .iter()
            .any(|upper| upper.ns.mac_of(&upper.device) == Some(mac))
        {
            return Ok(Towards::Up);
        }
        self.uncaptured_port(ns, bridge, from, frame, vid)
    }

    /// The bridge learns that a frame's sender is behind `port`, whatever a static entry says (`br_fdb_update`).
    pub(super) fn learn(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        port: &str,
        src: Mac,
        vid: u16,
    ) {
        let learns = ns
            .link(port)
            .and_then(|link| link.port.as_ref())
            .is_none_or(|port| port.learning);
        let sticky = entries(ns, bridge, src, vid)
            .any(|entry| entry.flags.iter().any(|flag| flag == "sticky"));
        if learns && !sticky && !is_own(ns, bridge, src, vid) {
            let key = (ns.path.clone(), bridge.to_owned(), vid, src);
            self.learned.ports.insert(key, port.to_owned());
        }
    }

    fn leads_to(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        port: &str,
        mac: Mac,
        frame: &Frame,
        vid: u16,
    ) -> Stage<bool> {
        let mut tags = frame.tags.clone();
        bridge_vlan::leave(ns, bridge, port, vid, &mut tags);
        let segment = self.segment(ns, port, frame.next, &tags, None)?;
        Ok(segment
            .ends
            .iter()
            .any(|(other, device)| other.mac_of(device) == Some(mac)))
    }

    fn uncaptured_port(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        from: Option<&str>,
        frame: &Frame,
        vid: u16,
    ) -> Stage<Towards> {
        let mut leaving = Vec::new();
        for port in ports(ns, bridge) {
            if Some(port) == from || !takes_flood(ns, bridge, port, vid)? {
                continue;
            }
            let mut tags = frame.tags.clone();
            bridge_vlan::leave(ns, bridge, port, vid, &mut tags);
            if self.segment(ns, port, frame.next, &tags, None)?.leaves {
                leaving.push(port);
            }
        }
        match leaving.as_slice() {
            [] => Ok(Towards::Nobody),
            [only] => Ok(Towards::Port((*only).to_owned())),
            _ => Err(Stop::Undecided(Doubt {
                what: format!(
                    "several ports of {bridge} on {} lead to what was not captured",
                    ns.object
                ),
                settle: "the files of the pods and machines behind these ports".to_owned(),
                source: ns.link(bridge).map(|link| link.source.clone()),
            })),
        }
    }
}

/// Whether frames for unknown addresses go out by the port (BR_FLOOD, `should_deliver`).
fn takes_flood(ns: &Namespace, bridge: &str, port: &str, vid: u16) -> Stage<bool> {
    let Some(link) = ns.link(port) else {
        return Ok(false);
    };
    Ok(link.up
        && is_forwarding(ns, port)
        && link.port.as_ref().is_none_or(|port| port.flood)
        && bridge_vlan::carries(ns, bridge, port, vid)?)
}

/// The bridge's entries for an address in a VLAN; 0 where it filters none.
fn entries<'a>(
    ns: &'a Namespace,
    bridge: &'a str,
    mac: Mac,
    vid: u16,
) -> impl Iterator<Item = &'a FdbEntry> {
    ns.fdb.iter().filter(move |entry| {
        entry.mac == mac
            && !entry.self_
            && entry.vlan.unwrap_or(0) == vid
            && ns
                .link(&entry.device)
                .is_some_and(|link| link.master.as_deref() == Some(bridge))
    })
}

/// Whether the address is the bridge's own or that of one of its ports (BR_FDB_LOCAL).
pub(super) fn is_own(ns: &Namespace, bridge: &str, mac: Mac, vid: u16) -> bool {
    if entries(ns, bridge, mac, vid).any(|entry| entry.state == FdbState::Permanent) {
        return true;
    }
    let is_port = |name: &str| {
        ns.link(name)
            .is_some_and(|link| link.master.as_deref() == Some(bridge))
    };
    if vid != 0 {
        // Known in the VLANs that its owner is in (`br_fdb_add_local`).
        return ns.fdb.iter().any(|entry| {
            entry.mac == mac
                && entry.device == bridge
                && entry.vlan == Some(vid)
                && entry.state == FdbState::Permanent
        });
    }
    ns.mac_of(bridge) == Some(mac)
        || ns
            .links
            .iter()
            .any(|link| link.mac == Some(mac) && is_port(&link.name))
}
