//! Bonds: which slave sends, and which ones may receive (`drivers/net/bonding/bond_main.c`).

use std::sync::Arc;

use super::super::blocker::{Blocker, BlockerKind, Failure};
use super::super::{Arrival, Frame, Stage, Walk};
use crate::evidence::link::{Link, LinkKind};
use crate::linux::choice::Choice;
use crate::world::Namespace;

impl Walk<'_, '_> {
    /// `bond_start_xmit()`: by the active slave, or by one of those that are up.
    pub(super) fn bond_transmit(
        &mut self,
        ns: &Arc<Namespace>,
        link: &Link,
        frame: Frame,
    ) -> Stage<Arrival> {
        let slaves = slaves(ns, link);
        let slave = match slaves.as_slice() {
            [] => {
                let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                    .says(format!(
                        "no slave of the bond {} of {} is up",
                        link.name, ns.object
                    ))
                    .on(&link.name)
                    .citing([link.source.clone()]);
                return self.end(blocker, Failure::Silent, &frame.transit);
            }
            [only] => only.clone(),
            several => {
                // A hash, or turns: which slave this packet takes is the kernel's choice.
                let weights = vec![1; several.len()];
                let chosen = self.script.chance(&weights, &link.source);
                several.get(chosen).cloned().unwrap_or_default()
            }
        };
        self.queue(ns, &slave, frame)
    }

    /// `bond_handle_frame()`: what comes in by a slave is the bond's, unless the slave stands by.
    pub(super) fn bond_receive(
        &mut self,
        ns: &Arc<Namespace>,
        slave: &Link,
        bond: &str,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        let stands_by = slave.bond_slave.as_ref().is_some_and(|slave| !slave.active);
        if stands_by {
            let blocker = Blocker::new(BlockerKind::DeviceDown, ns)
                .says(format!(
                    "{} of {} is a backup slave of {bond}: what comes in by it is dropped",
                    slave.name, ns.object
                ))
                .on(&slave.name)
                .citing([slave.source.clone()]);
            self.block(blocker, Failure::Silent, &frame.transit)?;
        }
        frame.transit.iif = Some(bond.into());
        self.ingress(ns, bond, frame)
    }
}

/// The slaves that a bond can send by.
pub(in crate::trace) fn slaves(ns: &Namespace, bond: &Link) -> Vec<String> {
    let LinkKind::Bond { mode, active_slave } = &bond.kind else {
        return Vec::new();
    };
    let usable = ns
        .links
        .iter()
        .filter(|link| link.master.as_deref() == Some(&*bond.name))
        .filter(|link| link.up && link.lower_up)
        .filter(|link| link.bond_slave.as_ref().is_none_or(|slave| slave.up));
    if matches!(
        mode.as_str(),
        "active-backup" | "balance-alb" | "balance-tlb"
    ) {
        return active_slave.iter().cloned().collect();
    }
    usable
        .filter(|link| link.bond_slave.as_ref().is_none_or(|slave| slave.active))
        .map(|link| link.name.to_string())
        .collect()
}
