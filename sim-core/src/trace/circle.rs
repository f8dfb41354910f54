//! Packets that go in circles: which machines send them on to one another, and where their TTL runs out.

use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind, Failure};
use super::output::Way;
use super::{Stage, Stop, Transit, Walk};
use crate::linux::conntrack::Ct;
use crate::linux::icmp;
use crate::linux::packet::Packet;
use crate::snapshot::IndexRecord;
use crate::source::Source;
use crate::world::{Namespace, machine_of};

/// A machine that sent the packet on.
#[derive(Debug, Clone)]
pub(super) struct Passage {
    ns: Arc<Namespace>,
    iif: String,
    transit: Transit,
    /// Its connection's mark.
    mark: Option<u32>,
    route: Source,
}

impl Passage {
    /// Whether the kernel cannot tell the two apart, the TTL aside, nor ports that conntrack chose anew for each round.
    fn is_as(&self, other: &Self) -> bool {
        let essence = |packet: &Packet| {
            let mut packet = packet.clone();
            packet.ttl = 0;
            packet.same_choice_of_source();
            packet
        };
        // Each round's port begins a connection of its own.
        let same_kind = match (self.transit.ct, other.transit.ct) {
            (
                Ct::Attached {
                    direction, state, ..
                },
                Ct::Attached {
                    direction: others_direction,
                    state: others_state,
                    ..
                },
            ) => direction == others_direction && state == others_state,
            (own, others) => own == others,
        };
        same_kind
            && self.ns.path == other.ns.path
            && self.iif == other.iif
            && self.mark == other.mark
            && essence(&self.transit.packet) == essence(&other.transit.packet)
    }
}

impl Walk<'_, '_> {
    /// Blocks a packet that `ns` sends on for the third time just as before: it circles until its TTL runs out.
    /// Gives where it should have left the circle.
    ///
    /// The second time may still differ from the first, since conntrack knows the packet by then.
    pub(super) fn circles(
        &mut self,
        ns: &Arc<Namespace>,
        iif: &str,
        way: &Way,
        transit: &Transit,
    ) -> Stage<Option<(Arc<Namespace>, Way)>> {
        let here = Passage {
            ns: Arc::clone(ns),
            iif: iif.to_owned(),
            transit: transit.clone(),
            mark: match transit.ct {
                Ct::Attached { conn, .. } => self.conns.get(conn).map(|conn| conn.mark),
                Ct::None | Ct::Untracked | Ct::Invalid => None,
            },
            route: way.source.clone(),
        };
        let seen: Vec<usize> = (0..self.passages.len())
            .filter(|at| {
                self.passages
                    .get(*at)
                    .is_some_and(|passage| passage.is_as(&here))
            })
            .collect();
        let (1.., Some(last)) = (seen.len().saturating_sub(1), seen.last()) else {
            self.passages.push(here);
            return Ok(None);
        };
        let circle: Vec<Passage> = self.passages.iter().skip(*last).cloned().collect();
        let left = usize::from(transit.packet.ttl.saturating_sub(1));
        let Some(dies) = circle.get(left % circle.len().max(1)) else {
            return Ok(None);
        };
        let mut names: Vec<&str> = Vec::new();
        for passage in &circle {
            if !names.contains(&passage.ns.object.as_str()) {
                names.push(&passage.ns.object);
            }
        }
        let between = match names.as_slice() {
            [only] => format!("within {only}"),
            several => format!("between {}", several.join(" and ")),
        };
        let (kind, code) = icmp::time_exceeded(transit.packet.family());
        // Whoever has the destination should not send it away; else the first that sent it into the circle.
        let dst = transit.packet.dst;
        let home = self.world.by_address(dst)?.iter().find_map(|record| {
            let IndexRecord::Interface { namespace, .. } = record else {
                return None;
            };
            let mut members = circle.iter().map(|member| &member.ns);
            members.find(|member| machine_of(&member.path) == machine_of(namespace))
        });
        let first = self.passages.iter().map(|passage| &passage.ns).find(|ns| {
            let mut circle = circle.iter();
            circle.any(|member| member.ns.path == ns.path)
        });
        let erring = Arc::clone(home.or(first).unwrap_or(ns));
        let blocker = Blocker::new(BlockerKind::Loop, &erring)
            .says(format!(
                "the packet to {dst} goes in circles {between} until its TTL runs out"
            ))
            .citing(circle.iter().map(|passage| passage.route.clone()));
        let blocker = Blocker {
            ends_at: Arc::clone(&dies.ns),
            ..blocker
        };
        let failure = Failure::Icmp { kind, code };
        let about = dies.transit.clone();
        self.block(blocker, failure, &about)?;
        self.passages.clear();
        match self.detour(&erring, dst)? {
            Some(way) => Ok(Some((erring, way))),
            None => Err(Stop::Lost),
        }
    }
}
