//! Who has to change something, where that is not the machine on which the packet ends.

use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::Blocker;
use super::{Stage, Walk};
use crate::evidence::link::Link;
use crate::linux::packet::Family;
use crate::linux::sysctl;
use crate::snapshot::{IndexRecord, ObjectKind};
use crate::source::Source;
use crate::world::{Namespace, Peer};

/// An object at fault, why, and on what evidence.
struct Fault {
    object: String,
    why: String,
    sources: Vec<Source>,
}

impl Fault {
    fn of(ns: &Namespace, link: &Link, why: String) -> Self {
        Self {
            object: ns.object.clone(),
            why,
            sources: vec![link.source.clone()],
        }
    }
}

impl Walk<'_, '_> {
    /// The hardware address of `next` was resolved (or set by hand) in `ns`: who errs if it is wrong.
    pub(super) fn resolved(&mut self, next: IpAddr, ns: &Arc<Namespace>, entry: Option<&Source>) {
        self.resolvers.retain(|(address, _, _)| *address != next);
        self.resolvers.push((next, Arc::clone(ns), entry.cloned()));
    }

    /// Blames whoever holds the entry that sent the frame for `next` astray.
    pub(super) fn blame_resolver(&self, blocker: Blocker, next: IpAddr) -> Blocker {
        match self
            .resolvers
            .iter()
            .find(|(address, _, _)| *address == next)
        {
            Some((_, ns, entry)) => blocker.blames(ns.object.clone()).citing(entry.clone()),
            None => blocker,
        }
    }

    /// Blames the other end of a wire without carrier, where that is down.
    pub(super) fn blame_other_end(
        &mut self,
        blocker: Blocker,
        ns: &Arc<Namespace>,
        link: &Link,
        towards: IpAddr,
    ) -> Stage<Blocker> {
        if !link.up {
            return Ok(blocker);
        }
        let Peer::Captured {
            namespace, device, ..
        } = self.world.peer(ns, link, towards)?
        else {
            return Ok(blocker);
        };
        let other = self.world.namespace(&namespace)?;
        Ok(match other.link(&device).filter(|end| !end.up) {
            Some(end) => {
                let message = format!(
                    "{}: its other end, {device} of {}, is down",
                    blocker.message, other.object
                );
                blocker
                    .says(message)
                    .blames(other.object.clone())
                    .citing([end.source.clone()])
            }
            None => blocker,
        })
    }

    /// Blames whoever should have answered for `next` on `device` of `ns`, if the capture shows why it does not.
    pub(super) fn blame_silent(
        &mut self,
        blocker: Blocker,
        ns: &Arc<Namespace>,
        device: &str,
        next: IpAddr,
    ) -> Stage<Blocker> {
        let fault = match self.owner_at_fault(ns, device, next)? {
            Some(fault) => Some(fault),
            None => self.proxy_at_fault(ns, device, next)?,
        };
        Ok(match fault {
            Some(Fault {
                object,
                why,
                sources,
            }) => {
                let message = format!("{}: {why}", blocker.message);
                blocker.says(message).blames(object).citing(sources)
            }
            None => blocker,
        })
    }

    /// The machine that has (or should have) the address, where a device on the way to it is at fault.
    fn owner_at_fault(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        next: IpAddr,
    ) -> Stage<Option<Fault>> {
        if let Some(fault) = self.misaddressed(ns)? {
            return Ok(Some(fault));
        }
        let mut pod = None;
        for record in self.world.by_address(next)?.iter() {
            match record {
                IndexRecord::Interface {
                    namespace,
                    device: on,
                    ..
                } if *namespace != ns.path => {
                    let owner = self.world.namespace(namespace)?;
                    if let Some(fault) = self.device_at_fault(ns, device, &owner, on, next)? {
                        return Ok(Some(fault));
                    }
                }
                IndexRecord::Object {
                    object: ObjectKind::Pod,
                    namespace,
                    name,
                    node,
                    host_network: false,
                    ..
                } => pod = Some(format!("nodes/{node}/pods/{namespace}_{name}")),
                IndexRecord::Interface { .. } | IndexRecord::Object { .. } => {}
            }
        }
        let Some(path) = pod else {
            return Ok(None);
        };
        let machine = crate::world::machine_of(&path).to_owned();
        if !self.world.namespaces(&machine)?.contains(&path) {
            return Ok(None);
        }
        let owner = self.world.namespace(&path)?;
        self.misaddressed(&owner)
    }

    /// A pod whose namespace has not the address that Kubernetes says it has.
    fn misaddressed(&mut self, owner: &Arc<Namespace>) -> Stage<Option<Fault>> {
        let name = owner.object.strip_prefix("pod:");
        let Some((namespace, name)) = name.and_then(|name| name.split_once('/')) else {
            return Ok(None);
        };
        let records = self.world.by_name(ObjectKind::Pod, namespace, name)?;
        let Some(IndexRecord::Object { addresses, .. }) = records.first() else {
            return Ok(None);
        };
        let has = |wanted: &IpAddr| owner.addresses.iter().any(|held| held.local == *wanted);
        if addresses.is_empty()
            || addresses.iter().any(has)
            || owner.gaps.contains_key("ip-addr.json")
        {
            return Ok(None);
        }
        Ok(Some(Fault {
            object: owner.object.clone(),
            why: format!(
                "{} does not have the address that Kubernetes says it has",
                owner.object
            ),
            sources: owner
                .addresses
                .iter()
                .filter(|address| !address.local.is_loopback())
                .map(|address| address.source.clone())
                .collect(),
        }))
    }

    fn device_at_fault(
        &mut self,
        asking: &Arc<Namespace>,
        from: &str,
        owner: &Arc<Namespace>,
        device: &str,
        next: IpAddr,
    ) -> Stage<Option<Fault>> {
        let Some(link) = owner.link(device) else {
            return Ok(None);
        };
        if !link.up {
            let why = format!("{device} of {} is down", owner.object);
            return Ok(Some(Fault::of(owner, link, why)));
        }
        let Peer::Captured {
            namespace,
            device: port,
            ..
        } = self.world.peer(owner, link, next)?
        else {
            return Ok(None);
        };
        let host = self.world.namespace(&namespace)?;
        let Some(port) = host.link(&port) else {
            return Ok(None);
        };
        if !port.up {
            let why = format!("{} of {}, its other end, is down", port.name, host.object);
            return Ok(Some(Fault::of(&host, port, why)));
        }
        let routed = host
            .routes(Family::of(next))
            .iter()
            .flat_map(|route| &route.nexthops)
            .any(|hop| hop.device.as_deref() == Some(&*port.name));
        if port.master.is_none() && !routed {
            let why = format!(
                "{} of {}, its other end, is in no bridge",
                port.name, host.object
            );
            return Ok(Some(Fault::of(&host, port, why)));
        }
        let isolated = |link: &Link| link.port.as_ref().is_some_and(|port| port.isolated);
        let Some(asking_link) = asking.link(from) else {
            return Ok(None);
        };
        let asking_port = match self.world.peer(asking, asking_link, next)? {
            Peer::Captured {
                namespace, device, ..
            } if namespace == host.path => host.link(&device),
            Peer::Captured { .. } | Peer::Unknown => None,
        };
        if isolated(port) && asking_port.is_some_and(isolated) {
            let why = format!(
                "{} of {} is isolated from the other ports",
                port.name, host.object
            );
            return Ok(Some(Fault::of(&host, port, why)));
        }
        Ok(None)
    }

    /// The other end of the wire, where it is set to answer for others and does not.
    fn proxy_at_fault(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        next: IpAddr,
    ) -> Stage<Option<Fault>> {
        let Some(link) = ns.link(device) else {
            return Ok(None);
        };
        let Peer::Captured {
            namespace,
            device: peer,
            ..
        } = self.world.peer(ns, link, next)?
        else {
            return Ok(None);
        };
        let host = self.world.namespace(&namespace)?;
        let Some(end) = host.link(&peer) else {
            return Ok(None);
        };
        if sysctl::larger(&host, &peer, "proxy_arp", 0).value == 0 {
            return Ok(None);
        }
        let why = format!(
            "{} answers for others on {peer} (proxy_arp), but neither forwards from there nor knows a way",
            host.object
        );
        Ok(Some(Fault::of(&host, end, why)))
    }
}
