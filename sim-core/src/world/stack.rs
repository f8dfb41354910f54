//! Devices that lie on one another, across namespaces: what is below a VLAN or a macvlan, and what is above a NIC.

use std::net::IpAddr;
use std::sync::Arc;

use super::wiring::is_named;
use super::{Halt, Namespace, World, machine_of};
use crate::evidence::link::{Link, LinkKind};
use crate::snapshot::IndexRecord;

/// A device, by its namespace and name.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its namespace.
    pub ns: Arc<Namespace>,
    /// Its name there.
    pub device: Arc<str>,
}

impl World<'_> {
    /// The device that `link`, a VLAN, macvlan or ipvlan of `ns`, lies on; `None` where that is not captured.
    ///
    /// # Errors
    /// When the evidence cannot be read now.
    pub fn lower(&mut self, ns: &Arc<Namespace>, link: &Link) -> Result<Option<Place>, Halt> {
        let here = |device: &str| {
            Some(Place {
                ns: Arc::clone(ns),
                device: device.into(),
            })
        };
        if let Some(name) = &link.link {
            return Ok(here(name));
        }
        let Some(index) = link.link_index else {
            return Ok(None);
        };
        if link.link_netnsid.is_none() {
            return Ok(ns.link_by_index(index).and_then(|lower| here(&lower.name)));
        }
        let other = self.named(ns, link.link_netnsid)?;
        Ok(other.and_then(|ns| {
            let device = ns.link_by_index(index)?.name.clone();
            Some(Place { ns, device })
        }))
    }

    /// The namespace whose stack sends and takes the outer packets of the tunnel device `link`; `None` where that is
    /// not captured.
    ///
    /// # Errors
    /// When the evidence cannot be read now.
    pub fn underlay(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
    ) -> Result<Option<Arc<Namespace>>, Halt> {
        match link.link_netnsid {
            None => Ok(Some(Arc::clone(ns))),
            Some(_) => self.named(ns, link.link_netnsid),
        }
    }

    /// The namespace that `ns` knows by this id.
    fn named(
        &mut self,
        ns: &Arc<Namespace>,
        nsid: Option<i32>,
    ) -> Result<Option<Arc<Namespace>>, Halt> {
        for path in self.surroundings(ns)?.iter() {
            let other = self.namespace(path)?;
            if is_named(ns, nsid, &other) == Some(true) {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    /// Devices that lie on `device` of `ns`: those of this namespace, then those that have one of the addresses
    /// `towards`; of every namespace of the machine if `towards` is empty.
    ///
    /// # Errors
    /// When the evidence cannot be read now.
    pub fn uppers(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        towards: &[IpAddr],
    ) -> Result<Vec<Place>, Halt> {
        let machine = machine_of(&ns.path);
        let mut found = Vec::new();
        self.lying_on(ns, device, ns, &mut found)?;
        let mut seen = Vec::new();
        let mut look_at = |world: &mut Self, path: &str| {
            if *path == *ns.path {
                return Ok(());
            }
            let other = world.namespace(path)?;
            if other.place == ns.place || seen.contains(&other.place) {
                return Ok(());
            }
            seen.push(other.place);
            world.lying_on(ns, device, &other, &mut found)
        };
        if towards.is_empty() {
            for path in self.namespaces(machine)?.iter() {
                look_at(self, path)?;
            }
        }
        for address in towards {
            for record in self.by_address(*address)?.iter() {
                if let IndexRecord::Interface { namespace, .. } = record
                    && machine_of(namespace) == machine
                {
                    look_at(self, namespace)?;
                }
            }
        }
        Ok(found)
    }

    /// Adds the devices of `other` that lie on `device` of `ns`.
    fn lying_on(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        other: &Arc<Namespace>,
        found: &mut Vec<Place>,
    ) -> Result<(), Halt> {
        for link in other.stacked() {
            let lower = self.lower(other, link)?;
            if lower.is_some_and(|lower| lower.ns.path == ns.path && *lower.device == *device) {
                found.push(Place {
                    ns: Arc::clone(other),
                    device: link.name.clone(),
                });
            }
        }
        Ok(())
    }
}

pub(super) fn lies_on_another(link: &Link) -> bool {
    matches!(
        link.kind,
        LinkKind::Vlan { .. } | LinkKind::Macvlan { .. } | LinkKind::Ipvlan { .. }
    )
}
