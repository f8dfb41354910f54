//! Where a lost packet would have gone on, had what lost it been in order: so that what else blocks it is found too.
//!
//! Nothing here bears on an outcome: the first blocker has decided it before any of this is asked.

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, Failure};
use super::output::Way;
use super::{Arrival, Frame, Stage, Stop, Transit, Walk};
use crate::evidence::link::{Link, LinkKind, Vxlan};
use crate::evidence::mac::Mac;
use crate::evidence::route::RouteKind;
use crate::linux::conntrack::{Ct, Zone};
use crate::snapshot::IndexRecord;
use crate::world::{Halt, Namespace, Peer, machine_of};

impl Walk<'_, '_> {
    /// The captured devices that have `address`, those of `ns` apart.
    fn owners(&mut self, ns: &Namespace, address: IpAddr) -> Result<Vec<(String, String)>, Halt> {
        let records = self.world.by_address(address)?;
        Ok(records
            .iter()
            .filter_map(|record| match record {
                IndexRecord::Interface {
                    namespace, device, ..
                } if *namespace != ns.path => Some((namespace.clone(), device.clone())),
                IndexRecord::Interface { .. } | IndexRecord::Object { .. } => None,
            })
            .collect())
    }

    /// As `block`; the packet goes on by the way that `ns` should have.
    pub(super) fn block_and_detour(
        &mut self,
        ns: &Arc<Namespace>,
        blocker: Blocker,
        failure: Failure,
        transit: &Transit,
    ) -> Stage<Way> {
        self.block(blocker, failure, transit)?;
        self.detour(ns, transit.packet.dst)?.ok_or(Stop::Lost)
    }

    /// The way to `dst` that `ns` should have.
    pub(super) fn detour(&mut self, ns: &Arc<Namespace>, dst: IpAddr) -> Stage<Option<Way>> {
        if ns.path.contains("/pods/") {
            return self.way_up(ns, dst);
        }
        let Some((owner, _)) = self.owners(ns, dst)?.into_iter().next() else {
            return Ok(None);
        };
        let machine = machine_of(&owner).to_owned();
        if machine == machine_of(&ns.path) {
            return self.way_down(ns, dst, &owner);
        }
        let host = if machine.starts_with("nodes/") {
            format!("{machine}/host")
        } else {
            machine
        };
        let host = self.world.namespace(&host)?;
        Ok(way_over(ns, &host, dst))
    }

    /// From a pod to its node: by the only device that leaves, to the address of the node's end.
    fn way_up(&mut self, ns: &Arc<Namespace>, dst: IpAddr) -> Stage<Option<Way>> {
        for link in ns.links.iter().filter(|link| link.kind == LinkKind::Veth) {
            let Peer::Captured {
                namespace, device, ..
            } = self.world.peer(ns, link, dst)?
            else {
                continue;
            };
            let host = self.world.namespace(&namespace)?;
            let end = host.link(&device);
            let master = end
                .and_then(|end| end.master.clone())
                .map_or(device, Arc::from);
            return Ok(Some(way(ns, link, dst, address_on(&host, &master, dst))));
        }
        Ok(None)
    }

    /// From a node to a pod of its own: by the device at whose other end the pod is.
    fn way_down(&mut self, ns: &Arc<Namespace>, dst: IpAddr, owner: &str) -> Stage<Option<Way>> {
        for link in &ns.links {
            if link.kind != LinkKind::Veth {
                continue;
            }
            let peer = self.world.peer(ns, link, dst)?;
            if !matches!(&peer, Peer::Captured { namespace, .. } if namespace == owner) {
                continue;
            }
            let master = link.master.as_deref().and_then(|master| ns.link(master));
            return Ok(Some(way(ns, master.unwrap_or(link), dst, None)));
        }
        Ok(None)
    }

    /// The hardware address of the captured device that has `next`; the nearest where there are several.
    pub(super) fn rightful_mac(&mut self, ns: &Namespace, next: IpAddr) -> Stage<Option<Mac>> {
        for (owner, device) in self.nearest(ns, next)? {
            if let Some(mac) = self.world.namespace(&owner)?.mac_of(&device) {
                return Ok(Some(mac));
            }
        }
        Ok(None)
    }

    /// The hardware address of a wire's other end that is no bridge port: it could answer for anything (`proxy_arp`).
    pub(super) fn proxy_mac(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        next: IpAddr,
    ) -> Stage<Option<Mac>> {
        let Some(link) = ns.link(device).filter(|link| link.kind == LinkKind::Veth) else {
            return Ok(None);
        };
        let Peer::Captured {
            namespace, device, ..
        } = self.world.peer(ns, link, next)?
        else {
            return Ok(None);
        };
        let other = self.world.namespace(&namespace)?;
        let end = other.link(&device).filter(|end| end.master.is_none());
        Ok(end.and_then(|end| end.mac))
    }

    /// Whether a frame for `next` can only have been meant for `ns`: it has that address, or nothing captured has.
    pub(super) fn is_meant(&mut self, ns: &Namespace, next: IpAddr) -> Stage<bool> {
        let is_own = ns.addresses.iter().any(|address| address.local == next);
        Ok(is_own || self.owners(ns, next)?.is_empty())
    }

    /// Gives a frame the hardware address that its next hop has.
    pub(super) fn readdress(&mut self, ns: &Namespace, frame: &mut Frame) -> Stage<()> {
        let mut own = ns.addresses.iter();
        let mac = match own.find(|address| address.local == frame.next) {
            Some(own) => ns.mac_of(&own.device),
            None => self.rightful_mac(ns, frame.next)?,
        };
        frame.dst = mac.or(frame.dst);
        Ok(())
    }

    fn nearest(&mut self, ns: &Namespace, next: IpAddr) -> Stage<Vec<(String, String)>> {
        let machine = machine_of(&ns.path);
        let mut owners = self.owners(ns, next)?;
        owners.sort_by_key(|(owner, _)| machine_of(owner) != machine);
        Ok(owners)
    }

    /// Puts a frame that reached nobody where its next hop is.
    pub(super) fn arrive(&mut self, ns: &Arc<Namespace>, frame: Frame) -> Stage<Arrival> {
        let next = frame.next;
        let Some((owner, device)) = self.nearest(ns, next)?.into_iter().next() else {
            return Err(Stop::Lost);
        };
        let other = self.world.namespace(&owner)?;
        let transit = Transit {
            ct: Ct::None,
            zone: Zone::default(),
            balancing: super::balancing::Balancing::Fresh,
            local: false,
            physin: None,
            routed: false,
            iif: Some(device.as_str().into()),
            ..frame.transit
        };
        self.tick(&other, &transit)?;
        self.log.enter(&other, Some(&device), &transit.packet, true);
        self.receive(&other, transit, super::forwarding::Prerouting::ToRun)
    }

    /// The address of the machine whose VXLAN device of the same network has `mac`.
    pub(super) fn rightful_vtep(
        &mut self,
        vxlan: &Vxlan,
        mac: Option<Mac>,
    ) -> Stage<Option<IpAddr>> {
        let Some(mac) = mac else { return Ok(None) };
        for machine in self.world.machines()?.iter() {
            for path in self.world.namespaces(machine)?.iter() {
                if path.contains("/pods/") {
                    continue;
                }
                let host = self.world.namespace(path)?;
                for link in host.links.iter().filter(|link| link.mac == Some(mac)) {
                    let LinkKind::Vxlan(theirs) = &link.kind else {
                        continue;
                    };
                    if theirs.id != vxlan.id {
                        continue;
                    }
                    let lower = theirs.lower.as_deref();
                    let address = host
                        .addresses
                        .iter()
                        .find(|address| Some(address.device.as_str()) == lower)
                        .map(|address| address.local);
                    return Ok(theirs.local.or(address));
                }
            }
        }
        Ok(None)
    }
}

/// An address of `device` of the family of `like`.
fn address_on(ns: &Namespace, device: &str, like: IpAddr) -> Option<IpAddr> {
    let mut addresses = ns.addresses.iter();
    addresses
        .find(|address| address.device == device && address.local.is_ipv4() == like.is_ipv4())
        .map(|address| address.local)
}

fn way(ns: &Namespace, link: &Link, dst: IpAddr, gateway: Option<IpAddr>) -> Way {
    Way {
        device: link.name.clone(),
        gateway,
        kind: RouteKind::Unicast,
        mtu: link.mtu,
        prefsrc: address_on(ns, &link.name, dst).or_else(|| {
            let mut links = ns.links.iter().filter(|link| *link.name != *"lo");
            links.find_map(|link| address_on(ns, &link.name, dst))
        }),
        advmss: None,
        is_default: false,
        source: link.source.clone(),
    }
}

/// From one machine to another: through the tunnel that both are in where this one uses it, else over the segment
/// that both have an address on.
fn way_over(ns: &Namespace, host: &Namespace, dst: IpAddr) -> Option<Way> {
    let tunnel = |link: &Link| match &link.kind {
        LinkKind::Vxlan(vxlan) => vxlan.id,
        _ => None,
    };
    for link in ns.links.iter().filter(|link| tunnel(link).is_some()) {
        let other = host
            .links
            .iter()
            .find(|other| tunnel(other) == tunnel(link));
        if let Some(gateway) = other.and_then(|other| address_on(host, &other.name, dst)) {
            return Some(way(ns, link, dst, Some(gateway)));
        }
    }
    let shared = ns.addresses.iter().find_map(|own| {
        let net = ipnet::IpNet::new(own.local, own.prefix_len).ok()?;
        if own.local.is_loopback() || own.local.is_ipv4() != dst.is_ipv4() {
            return None;
        }
        let mut others = host.addresses.iter();
        let there = others.find(|there| there.local != own.local && net.contains(&there.local))?;
        Some((own.device.clone(), there.local))
    });
    let (device, gateway) = shared?;
    Some(way(ns, ns.link(&device)?, dst, Some(gateway)))
}
