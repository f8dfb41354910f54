//! Which device is at the other end of a wire.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Halt, Namespace, World, machine_of};
use crate::evidence::link::{Link, LinkKind};
use crate::snapshot::IndexRecord;

/// The other end of a device's wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A captured device.
    Captured {
        /// Its namespace.
        namespace: String,
        /// Its name there.
        device: Arc<str>,
        /// Both are one namespace's, or the identities of the two namespaces prove it.
        is_proven: bool,
    },
    /// Not captured, or not to be told.
    Unknown,
}

/// What the surroundings of a namespace say about the other end of one of its wires.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// The end whose identity is proven.
    proven: Option<Peer>,
    /// Devices that may be the end as well.
    others: Vec<Peer>,
    /// Places of the namespaces that were looked at.
    looked_at: Vec<usize>,
}

/// The device of `other` that may be the other end of `link`, and whether that is proven.
fn end_in(ns: &Namespace, link: &Link, index: u32, other: &Namespace) -> Option<(Peer, bool)> {
    let peer = other.link_by_index(index);
    let peer = peer.filter(|peer| is_pair(link, peer))?;
    let is_proven = match is_named(ns, link.link_netnsid, other) {
        Some(true) => true,
        Some(false) => return None,
        None => false,
    };
    Some((
        captured(&other.path, Arc::clone(&peer.name), is_proven),
        is_proven,
    ))
}

fn captured(namespace: &str, device: impl Into<Arc<str>>, is_proven: bool) -> Peer {
    Peer::Captured {
        namespace: namespace.to_owned(),
        device: device.into(),
        is_proven,
    }
}

impl World<'_> {
    /// The other end of `link`, a device of `ns`.
    ///
    /// The kernel names it by index and namespace id (`link_index`, `link_netnsid`); `netns.json` says which
    /// namespace the id stands for. Without it, the pair whose indices name each other is taken if there is one only.
    /// `towards` is an address that may be behind the wire: its owner is looked at first.
    ///
    /// # Errors
    /// When the evidence cannot be read now.
    pub fn peer(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        towards: IpAddr,
    ) -> Result<Peer, Halt> {
        if let Some(name) = &link.link {
            return Ok(captured(&ns.path, name.as_str(), true));
        }
        let Some(index) = link.link_index else {
            return Ok(Peer::Unknown);
        };
        if link.link_netnsid.is_none() {
            return Ok(match ns.link_by_index(index) {
                Some(peer) if is_pair(link, peer) => {
                    captured(&ns.path, Arc::clone(&peer.name), true)
                }
                Some(_) | None => Peer::Unknown,
            });
        }
        // What has the address is looked at first.
        let owners = self.by_address(towards)?;
        let mut found: Vec<Peer> = Vec::new();
        for record in owners.iter() {
            let IndexRecord::Interface { namespace, .. } = record else {
                continue;
            };
            if !is_near(ns, namespace) {
                continue;
            }
            let other = self.namespace(namespace)?;
            match end_in(ns, link, index, &other) {
                Some((peer, true)) => return Ok(peer),
                Some((peer, false)) if !found.contains(&peer) => found.push(peer),
                Some(_) | None => {}
            }
        }
        let wire = self.wire(ns, link, index)?;
        for place in &wire.looked_at {
            self.come_to(*place);
        }
        if let Some(proven) = &wire.proven {
            return Ok(proven.clone());
        }
        found.extend(
            wire.others
                .iter()
                .filter(|peer| !found.contains(peer))
                .cloned()
                .collect::<Vec<_>>(),
        );
        Ok(match found.as_slice() {
            [only] => only.clone(),
            _ => Peer::Unknown,
        })
    }

    /// What the surroundings of `ns` say about the other end of `link`.
    fn wire(&mut self, ns: &Arc<Namespace>, link: &Link, index: u32) -> Result<Arc<Wire>, Halt> {
        let key = (ns.place, link.index);
        if let Some(known) = self.parses.wires.get(&key) {
            return Ok(Arc::clone(known));
        }
        let mut wire = Wire::default();
        for path in self.surroundings(ns)?.iter() {
            let other = self.namespace(path)?;
            wire.looked_at.push(other.place);
            match end_in(ns, link, index, &other) {
                Some((peer, true)) => {
                    wire.proven = Some(peer);
                    break;
                }
                Some((peer, false)) => wire.others.push(peer),
                None => {}
            }
        }
        let wire = Arc::new(wire);
        self.parses.wires.insert(key, Arc::clone(&wire));
        Ok(wire)
    }

    /// Namespaces that may hold the other end of a wire of `ns`: the rest of the machine, then, between a host and the
    /// fabric, the other side.
    pub(super) fn surroundings(&mut self, ns: &Arc<Namespace>) -> Result<Arc<[String]>, Halt> {
        if let Some(known) = self.parses.surroundings.get(&ns.place) {
            return Ok(Arc::clone(known));
        }
        let machine = machine_of(&ns.path);
        let machines = self.machines()?;
        let mut ordered: Vec<String> = Vec::new();
        if !is_host(&ns.path) {
            ordered.push(format!("{machine}/host"));
        }
        ordered.extend(self.namespaces(machine)?.iter().cloned());
        if is_fabric(&ns.path) {
            for other in machines.iter() {
                ordered.push(if is_fabric(other) {
                    other.clone()
                } else {
                    format!("{other}/host")
                });
            }
        } else if is_host(&ns.path) {
            ordered.extend(machines.iter().filter(|other| is_fabric(other)).cloned());
        }
        let mut seen = BTreeSet::new();
        ordered.retain(|path| is_near(ns, path) && seen.insert(path.clone()));
        // Namespaces that were named but not captured have no devices and drop out by themselves.
        let ordered: Arc<[String]> = ordered.into();
        let known = Arc::clone(&ordered);
        self.parses.surroundings.insert(ns.place, known);
        Ok(ordered)
    }
}

/// Whether `ns` means `other` by the id `nsid`: two identities that are both known must agree; equal ones are proof.
pub(super) fn is_named(ns: &Namespace, nsid: Option<i32>, other: &Namespace) -> Option<bool> {
    let ids = &ns.netns.as_ref()?.ids;
    let id = ids.iter().find(|id| Some(id.nsid) == nsid)?;
    let netns = other.netns.as_ref()?;
    match (
        id.name.as_ref().zip(netns.name.as_ref()),
        id.inode.zip(netns.inode),
    ) {
        (Some((a, b)), _) => Some(a == b),
        (None, Some((a, b))) => Some(a == b),
        (None, None) => None,
    }
}

fn is_fabric(path: &str) -> bool {
    path.starts_with("fabric/")
}

fn is_host(path: &str) -> bool {
    is_fabric(path) || path.ends_with("/host")
}

/// Whether a wire can lead from `ns` to the namespace `path`.
fn is_near(ns: &Namespace, path: &str) -> bool {
    let near = machine_of(path) == machine_of(&ns.path)
        || (is_host(&ns.path) && is_host(path) && (is_fabric(&ns.path) || is_fabric(path)));
    near && *path != ns.path
}

/// Whether the two name each other by index.
fn is_pair(link: &Link, peer: &Link) -> bool {
    matches!(
        (&link.kind, &peer.kind),
        (LinkKind::Veth, LinkKind::Veth) | (LinkKind::Netkit { .. }, LinkKind::Netkit { .. })
    ) && peer.link_index == Some(link.index)
        && link.link_index == Some(peer.index)
}
