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
        device: String,
        /// Both are one namespace's, or the identities of the two namespaces prove it.
        is_proven: bool,
    },
    /// Not captured, or not to be told.
    Unknown,
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
        let captured = |namespace: &str, device: &str, is_proven| Peer::Captured {
            namespace: namespace.to_owned(),
            device: device.to_owned(),
            is_proven,
        };
        if let Some(name) = &link.link {
            return Ok(captured(&ns.path, name, true));
        }
        let Some(index) = link.link_index else {
            return Ok(Peer::Unknown);
        };
        if link.link_netnsid.is_none() {
            return Ok(match ns.link_by_index(index) {
                Some(peer) if is_pair(link, peer) => captured(&ns.path, &peer.name, true),
                Some(_) | None => Peer::Unknown,
            });
        }
        let mut found = Vec::new();
        let near = self.surroundings(ns)?;
        let owners = self.by_address(towards)?;
        let owners = owners.iter().filter_map(|record| match record {
            IndexRecord::Interface { namespace, .. } => Some(namespace.as_str()),
            IndexRecord::Object { .. } => None,
        });
        let owners = owners.filter(|path| is_near(ns, path));
        // What has the address is looked at first, and nothing twice.
        let mut asked: Vec<&str> = Vec::new();
        for path in owners.chain(near.iter().map(String::as_str)) {
            if asked.contains(&path) {
                continue;
            }
            asked.push(path);
            let other = self.namespace(path)?;
            let Some(peer) = other
                .link_by_index(index)
                .filter(|peer| is_pair(link, peer))
            else {
                continue;
            };
            match is_named(ns, link.link_netnsid, &other) {
                Some(true) => return Ok(captured(path, &peer.name, true)),
                Some(false) => {}
                None => found.push(captured(path, &peer.name, false)),
            }
        }
        Ok(match found.as_slice() {
            [only] => only.clone(),
            _ => Peer::Unknown,
        })
    }

    /// Namespaces that may hold the other end of a wire of `ns`: the rest of the machine, then, between a host and the
    /// fabric, the other side.
    pub(super) fn surroundings(&mut self, ns: &Arc<Namespace>) -> Result<Arc<[String]>, Halt> {
        if let Some(known) = self.parses.surroundings.get(&ns.path) {
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
        self.parses.surroundings.insert(ns.path.clone(), known);
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
