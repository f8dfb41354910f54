//! What route tables decided, in the trace's words: the way that was taken, or why there is none.

use std::net::IpAddr;

use super::Inside;
use crate::cloud::{Interface, Onward, Provider, Way};
use crate::linux::choice::Choice as _;
use crate::linux::packet::Words;
use crate::source::Source;
use crate::trace::blocker::{Blocker, BlockerKind};
use crate::trace::{Stage, Walk};
use crate::verdict::StepStatus;

impl Walk<'_, '_> {
    /// Of several next hops, the one that this flow takes: the same for all of its packets.
    pub(super) fn one_of<'r>(
        &mut self,
        hops: &[(&'r Interface, u64)],
        way: &Way<'_>,
        (src, dst): (IpAddr, IpAddr),
    ) -> Option<&'r Interface> {
        let several = way.entry.filter(|_| hops.len() > 1);
        let Some(entry) = several else {
            return hops.first().map(|(interface, _)| *interface);
        };
        let flow = (entry.source.clone(), src, dst);
        let chosen = match self.clouded.hops.get(&flow) {
            Some(chosen) => *chosen,
            None => {
                let weights: Vec<u64> = hops.iter().map(|(_, weight)| *weight).collect();
                let chosen = self.script.chance(&weights, &entry.source);
                self.clouded.hops.insert(flow, chosen);
                chosen
            }
        };
        hops.get(chosen).map(|(interface, _)| *interface)
    }

    pub(super) fn log_way(&mut self, from: &Interface, way: &Way<'_>) {
        let sources = || -> Vec<Source> {
            let entry = way.entry.map(|entry| entry.source.clone());
            let table = way.table.map(|table| table.source.clone());
            entry.or(table).into_iter().collect()
        };
        self.log.step(
            StepStatus::Normal,
            || match (way.table, way.entry) {
                (Some(table), Some(entry)) => format!(
                    "cloud: subnet {}, route table {}: {} -> {}",
                    from.subnet,
                    table.id,
                    entry.destination.words(),
                    hop_words(entry)
                ),
                (None, Some(entry)) => format!(
                    "cloud: subnet {}, route of the container network {}: {} -> {}",
                    from.subnet,
                    entry.id,
                    entry.destination.words(),
                    hop_words(entry)
                ),
                (Some(table), None) => format!(
                    "cloud: subnet {}, route table {}: no entry of its own",
                    from.subnet, table.id
                ),
                (None, None) => format!("cloud: subnet {}", from.subnet),
            },
            sources,
        );
    }

    pub(super) fn no_way(
        &mut self,
        inside: Inside<'_>,
        from: &Interface,
        way: &Way<'_>,
        dst: IpAddr,
    ) -> Stage<Blocker> {
        let to = Words(dst);
        let object = match (way.table, &way.onward) {
            (_, Onward::NoPublic) => from.object(),
            (table, _) => (inside.region.routes_object(table, way.entry))
                .unwrap_or_else(|| inside.ns.object.clone()),
        };
        let table = way.table.map(|table| table.id.as_str());
        let (kind, says) = match &way.onward {
            Onward::Absent(gone) => {
                self.assume(format!(
                    "the captured answers of {} hold every machine and gateway of the private network",
                    inside.region.folder
                ));
                let says =
                    format!("the cloud's route for {to} leads to {gone}, which does not exist");
                (BlockerKind::CloudNextHop, says)
            }
            Onward::Broken(why) => {
                let says = format!("the cloud's route for {to} leads nowhere: {why}");
                (BlockerKind::CloudNextHop, says)
            }
            Onward::NoPublic => (
                BlockerKind::CloudNoPublicAddress,
                format!(
                    "interface {} has no public address to reach {to} by",
                    from.id
                ),
            ),
            _ => (
                BlockerKind::CloudRouteMissing,
                match (table, inside.region.provider) {
                    (Some(table), _) => format!(
                        "route table {table} of subnet {} has no entry for {to}",
                        from.subnet
                    ),
                    (None, Provider::Aliyun | Provider::Tencent) => {
                        format!("the container network has no route for {to}")
                    }
                },
            ),
        };
        let says = match way.idle {
            Some(idle) => format!(
                "{says} (entry {} is {}, not in force)",
                idle.destination.words(),
                idle.status
            ),
            None => says,
        };
        let mut blocker = Blocker::new(kind, inside.ns).says(says).blames(object);
        if let Some(to) = self.rightful(inside, &from.vpc, dst)?
            && let Some(instance) = &to.instance
            && !matches!(way.onward, Onward::NoPublic)
        {
            blocker.message = format!(
                "{}: the next hop should be instance {instance}, behind which {} is",
                blocker.message,
                Words(dst)
            );
            blocker.sources.push(to.source.clone());
        }
        let sources = [
            way.entry.map(|entry| &entry.source),
            way.idle.map(|idle| &idle.source),
            way.table.map(|table| &table.source),
        ];
        let mut cited: Vec<Source> = sources.into_iter().flatten().cloned().collect();
        if let Onward::NoPublic = way.onward {
            cited.insert(0, from.source.clone());
        }
        cited.append(&mut blocker.sources);
        Ok(blocker.citing(cited))
    }
}

fn hop_words(entry: &crate::cloud::RouteEntry) -> String {
    let hops = entry.hops.iter().map(|hop| hop.kind.words());
    hops.collect::<Vec<_>>().join(", ")
}
