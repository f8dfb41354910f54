//! Routes of the cloud that lead to another machine than the one behind which the destination is.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Inside;
use crate::cloud::{Interface, Way};
use crate::snapshot::IndexRecord;
use crate::source::Source;
use crate::trace::blocker::{Blocker, BlockerKind};
use crate::trace::{Stage, Walk};
use crate::world::machine_of;

/// A route entry that leads elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Astray {
    /// In words.
    says: String,
    /// The route table.
    object: String,
    sources: Vec<Source>,
}

impl Walk<'_, '_> {
    /// The interface in `vpc` of the captured machine behind which `dst` is.
    pub(super) fn rightful<'r>(
        &mut self,
        inside: Inside<'r>,
        vpc: &str,
        dst: IpAddr,
    ) -> Stage<Option<&'r Interface>> {
        if let Some(own) = inside.region.interface_at(vpc, dst) {
            return Ok(Some(own));
        }
        for machine in self.machines_with(dst)? {
            let host = self.world.namespace(&format!("{machine}/host"))?;
            for link in &host.links {
                let mut all = inside.region.interfaces.iter();
                let own = all.find(|own| {
                    own.vpc == vpc && own.primary && own.mac.is_some() && own.mac == link.mac
                });
                if own.is_some() {
                    return Ok(own);
                }
            }
        }
        Ok(None)
    }

    /// The captured nodes with a device that has `address`: not a dummy, by which every node takes a service's.
    fn machines_with(&mut self, address: IpAddr) -> Stage<BTreeSet<String>> {
        let records = self.world.by_address(address)?;
        let mut machines = BTreeSet::new();
        for record in records.iter() {
            let IndexRecord::Interface {
                namespace, device, ..
            } = record
            else {
                continue;
            };
            let machine = machine_of(namespace);
            if machine.starts_with("nodes/") && !self.world.is_dummy(namespace, device)? {
                machines.insert(machine.to_owned());
            }
        }
        Ok(machines)
    }

    /// Notes that an entry leads to another machine than the one behind which `dst` is.
    pub(super) fn note_astray(
        &mut self,
        inside: Inside<'_>,
        to: &Interface,
        way: &Way<'_>,
        dst: IpAddr,
    ) -> Stage<()> {
        if to.has(dst) {
            return Ok(());
        }
        let Some(rightful) = self.rightful(inside, &to.vpc, dst)? else {
            return Ok(());
        };
        if rightful.instance == to.instance || self.clouded.astray.is_some() {
            return Ok(());
        }
        let name = |interface: &Interface| match &interface.instance {
            Some(instance) => format!("instance {instance}"),
            None => format!("interface {}", interface.id),
        };
        let entry = way.entry;
        self.clouded.astray = Some(Astray {
            says: format!(
                "the cloud's route {} leads to {}, not to {}, behind which {dst} is",
                entry
                    .map(|entry| entry.destination.words())
                    .unwrap_or_default(),
                name(to),
                name(rightful)
            ),
            object: (inside.region.routes_object(way.table, entry))
                .unwrap_or_else(|| inside.ns.object.clone()),
            sources: entry
                .map(|entry| entry.source.clone())
                .into_iter()
                .collect(),
        });
        Ok(())
    }

    /// What loses a packet that went astray is that it did.
    pub(in crate::trace) fn blame_route(&mut self, blocker: Blocker) -> Blocker {
        let Some(astray) = self.clouded.astray.take() else {
            return blocker;
        };
        let mut sources = astray.sources;
        sources.extend(blocker.sources.iter().cloned());
        Blocker {
            kind: BlockerKind::CloudRouteElsewhere,
            message: format!("{}: {}", astray.says, blocker.message),
            object: Some(astray.object),
            sources,
            near: Vec::new(),
            ..blocker
        }
    }
}
