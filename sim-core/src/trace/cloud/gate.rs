//! Security groups on a packet's way.

use super::Inside;
use crate::cloud::{Direction, Interface, Ruling};
use crate::linux::choice::Tri;
use crate::linux::conntrack;
use crate::linux::packet::{Transport, Tuple};
use crate::trace::blocker::{Blocker, BlockerKind, Failure};
use crate::trace::{Stage, Stop, Transit, Walk};
use crate::verdict::StepStatus;

impl Walk<'_, '_> {
    /// The security groups of an interface; they know the connections that they let pass (reference B.1 (3), C.4).
    pub(super) fn group_gate(
        &mut self,
        inside: Inside<'_>,
        interface: &Interface,
        direction: Direction,
        transit: &Transit,
    ) -> Stage<()> {
        let packet = &transit.packet;
        let admitted = &self.clouded.admitted;
        let knows = |direction: Direction, tuple: Tuple| {
            admitted.contains(&(interface.id.clone(), direction, tuple))
        };
        let other = match direction {
            Direction::Ingress => Direction::Egress,
            Direction::Egress => Direction::Ingress,
        };
        let knows = |tuple: Tuple| knows(direction, tuple) || knows(other, tuple.inverted());
        if let Transport::IcmpError { about, .. } = &packet.transport {
            if knows(*about) || knows(about.inverted()) {
                self.assume(
                    "ICMP errors about a connection that a security group let pass do so too"
                        .to_owned(),
                );
                return Ok(());
            }
        } else if let Some(tuple) = conntrack::tuple_of(packet) {
            if knows(tuple) {
                return Ok(());
            }
            // What is blocked here goes on as if it were not: its answer is then one of a known connection.
            let admitted = (interface.id.clone(), direction, tuple);
            self.clouded.admitted.insert(admitted);
        }
        let ruling = inside.region.groups_admit(interface, direction, packet);
        let kind = if self.shares_none(inside, interface, direction, transit, &ruling)? {
            BlockerKind::CloudNoCommonGroup
        } else {
            BlockerKind::CloudGroupDenied
        };
        self.obey(inside, ruling, kind, transit)
    }

    /// Goes on, blocks, or does not know, as a rule set says.
    pub(super) fn obey(
        &mut self,
        inside: Inside<'_>,
        ruling: Ruling,
        kind: BlockerKind,
        transit: &Transit,
    ) -> Stage<()> {
        for rule in &ruling.rests_on {
            self.assume(rule.text().to_owned());
        }
        match ruling.admits {
            Tri::Yes | Tri::Assumed(true, _) => {
                self.log.step(
                    StepStatus::Normal,
                    || format!("cloud: {}", ruling.why),
                    || ruling.sources.clone(),
                );
                Ok(())
            }
            Tri::Unknown(doubt) => Err(Stop::Undecided(doubt)),
            Tri::No | Tri::Assumed(false, _) => {
                let mut blocker = Blocker::new(kind, inside.ns)
                    .says(ruling.why)
                    .blames(ruling.object)
                    .citing(ruling.sources);
                blocker.rule = ruling.rule;
                self.block(blocker, Failure::Silent, transit)
            }
        }
    }

    /// Whether a packet from one machine to another is denied by default, and their interfaces have no group in common:
    /// the usual cause is that one of them was put into the wrong one.
    fn shares_none(
        &mut self,
        inside: Inside<'_>,
        interface: &Interface,
        direction: Direction,
        transit: &Transit,
        ruling: &Ruling,
    ) -> Stage<bool> {
        // By a load balancer, it is not from machine to machine.
        // A balancer's own groups say who asks it: no machine shares them.
        let is_machine = inside.region.interface(&interface.id).is_some();
        if ruling.admits != Tri::No
            || ruling.rule.is_some()
            || !is_machine
            || self.is_balanced(&transit.packet)
        {
            return Ok(false);
        }
        let peer = match direction {
            Direction::Ingress => transit.packet.src,
            Direction::Egress => transit.packet.dst,
        };
        let other = self.rightful(inside, &interface.vpc, peer)?;
        Ok(other.is_some_and(|other| {
            other.vpc == interface.vpc
                && !other.groups.iter().any(|id| interface.groups.contains(id))
        }))
    }
}
