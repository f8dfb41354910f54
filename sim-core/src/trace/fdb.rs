//! Where a bridge sends a frame: its forwarding table, else flooding (`br_fdb_find_rcu`, `br_flood`).

use std::sync::Arc;

use super::{Frame, Stage, Stop, Walk};
use crate::evidence::bridge::FdbState;
use crate::evidence::mac::Mac;
use crate::linux::choice::Doubt;
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
    /// The forwarding table, else flooding (`br_fdb_find_rcu`, `br_flood`).
    pub(super) fn lookup(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        from: Option<&str>,
        frame: &Frame,
    ) -> Stage<Towards> {
        ns.known("bridge-fdb.json")?;
        let Some(mac) = frame.dst else {
            // Nobody knows the hardware address: it is where the segment leaves the captured world.
            return self.uncaptured_port(ns, bridge, from, frame);
        };
        let is_port = |name: &str| {
            ns.link(name)
                .is_some_and(|link| link.master.as_deref() == Some(bridge))
        };
        let own = ns.mac_of(bridge) == Some(mac)
            || ns.fdb.iter().any(|entry| {
                entry.mac == mac
                    && entry.state == FdbState::Permanent
                    && !entry.self_
                    && is_port(&entry.device)
            })
            || ns
                .links
                .iter()
                .any(|link| link.mac == Some(mac) && is_port(&link.name));
        if own {
            return Ok(Towards::Up);
        }
        let learned = ns.fdb.iter().find(|entry| {
            entry.mac == mac
                && !entry.self_
                && is_port(&entry.device)
                && entry.state != FdbState::Permanent
        });
        if let Some(entry) = learned {
            return Ok(Towards::Port(entry.device.clone()));
        }
        let ports: Vec<String> = ns
            .links
            .iter()
            .filter(|link| link.master.as_deref() == Some(bridge))
            .map(|link| link.name.clone())
            .collect();
        for port in ports {
            if ns
                .link(&port)
                .and_then(|link| link.port.as_ref())
                .is_some_and(|port| !port.flood)
            {
                continue;
            }
            if self.leads_to(ns, &port, mac, frame)? {
                return Ok(Towards::Port(port));
            }
        }
        self.uncaptured_port(ns, bridge, from, frame)
    }

    fn leads_to(
        &mut self,
        ns: &Arc<Namespace>,
        port: &str,
        mac: Mac,
        frame: &Frame,
    ) -> Stage<bool> {
        let segment = self.segment(ns, port, frame.next)?;
        Ok(segment
            .ends
            .iter()
            .any(|(other, device)| other.path != ns.path && other.mac_of(device) == Some(mac)))
    }

    fn uncaptured_port(
        &mut self,
        ns: &Arc<Namespace>,
        bridge: &str,
        from: Option<&str>,
        frame: &Frame,
    ) -> Stage<Towards> {
        let ports: Vec<String> = ns
            .links
            .iter()
            .filter(|link| {
                link.master.as_deref() == Some(bridge)
                    && Some(link.name.as_str()) != from
                    && link.up
            })
            .map(|link| link.name.clone())
            .collect();
        let mut leaving = Vec::new();
        for port in ports {
            if self.segment(ns, &port, frame.next)?.leaves {
                leaving.push(port);
            }
        }
        match leaving.as_slice() {
            [] => Ok(Towards::Nobody),
            [only] => Ok(Towards::Port(only.clone())),
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
