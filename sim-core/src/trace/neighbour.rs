//! From a next hop's address to its hardware address (`ip_finish_output2`, `neigh_resolve_output`).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::blocker::{Blocker, BlockerKind};
use super::{Arrival, Expected, Frame, Stage, Stop, Transit, Walk};
use crate::evidence::link::LinkKind;
use crate::evidence::mac::Mac;
use crate::evidence::neighbour::NeighbourState;
use crate::linux::choice::Doubt;
use crate::linux::conntrack::Ct;
use crate::linux::packet::Packet;
use crate::source::Source;
use crate::world::{Namespace, Place};

/// What asking for a hardware address comes to.
#[derive(Debug, Clone)]
pub(super) enum Resolution {
    /// This one, from an entry or from who answers.
    Mac(Mac, Option<Source>),
    /// Nobody answers, or the answer is lost by this.
    Nobody(Option<Source>, Option<Box<Blocker>>),
    /// The segment leaves what was captured.
    Uncaptured,
}

impl Walk<'_, '_> {
    /// The hardware address for `next` on `device`, asked by a packet from `src`.
    pub(super) fn resolve(
        &mut self,
        ns: &Arc<Namespace>,
        device: &str,
        next: IpAddr,
        src: IpAddr,
    ) -> Stage<Resolution> {
        ns.known("ip-neigh.json")?;
        let known = (ns.path.clone(), device.to_owned(), next);
        let entry = ns
            .neighbours
            .iter()
            .find(|entry| entry.address == next && entry.device == device && !entry.proxy);
        let failed = match entry {
            Some(entry) => match (entry.state, entry.mac) {
                (NeighbourState::Permanent | NeighbourState::Noarp, Some(mac)) => {
                    return Ok(Resolution::Mac(mac, Some(entry.source.clone())));
                }
                // A question from there brings the entry up to date (`neigh_event_ns`, `ndisc_recv_ns`).
                _ if self.known_askers.contains_key(&known) => None,
                (
                    NeighbourState::Reachable
                    | NeighbourState::Stale
                    | NeighbourState::Delay
                    | NeighbourState::Probe,
                    Some(mac),
                ) => return Ok(Resolution::Mac(mac, Some(entry.source.clone()))),
                _ => Some(entry.source.clone()),
            },
            None => None,
        };
        ns.known("sysctl.txt")?;
        ns.known("ip-addr.json")?;
        if let Some(mac) = self.known_askers.get(&known) {
            return Ok(Resolution::Mac(*mac, None));
        }
        if let Some(mac) = self.answered_by.get(&known) {
            return Ok(Resolution::Mac(*mac, failed));
        }
        let Some(asker) = self.asker(ns, device, next, src)? else {
            return Ok(Resolution::Nobody(failed, None));
        };
        self.why_lost = None;
        let segment = self.segment(ns, device, next, &[], ns.mac_of(device))?;
        let mut macs: BTreeSet<Mac> = segment.answers.iter().copied().collect();
        for (other, on) in &segment.ends {
            if let Some(mac) = other.mac_of(on)
                && !macs.contains(&mac)
                && self.question_arrives((ns, device), (other, on), (next, asker))?
                && self.answers((ns, device), (other, on), next, asker)?
                && self.answer_returns((other, on), (ns, device), (next, asker))?
            {
                macs.insert(mac);
                // Who answers has learned who asked (`neigh_event_ns`, `ndisc_recv_ns`).
                if let Some(own) = ns.mac_of(device).filter(|_| !asker.is_unspecified()) {
                    let learner = (other.path.clone(), on.clone(), asker);
                    self.known_askers.insert(learner, own);
                }
            }
        }
        let macs: Vec<Mac> = macs.into_iter().collect();
        match (macs.as_slice(), macs.get(1)) {
            ([mac], _) => {
                self.answered_by.insert(known, *mac);
                Ok(Resolution::Mac(*mac, failed))
            }
            (several, Some(_)) => {
                let chosen = self.first_heard(ns, device, next, several, failed.clone())?;
                Ok(Resolution::Mac(chosen, failed))
            }
            (_, None) if segment.leaves => Ok(Resolution::Uncaptured),
            (_, None) => Ok(Resolution::Nobody(
                failed,
                self.why_lost.take().map(Box::new),
            )),
        }
    }

    /// Whether the question gets past the rules of the bridges between (IPv6's is an IP packet like any other); where
    /// else it goes, [`Walk::segment`] has found out.
    fn question_arrives(
        &mut self,
        (asker, device): (&Arc<Namespace>, &str),
        (to, on): (&Arc<Namespace>, &str),
        (next, src): (IpAddr, IpAddr),
    ) -> Stage<bool> {
        let IpAddr::V6(target) = next else {
            return Ok(true);
        };
        let packet = super::ndisc::question(src, target);
        let said = self.why_lost.take();
        let passed = self.carries((asker, device), (to, on), next, packet)?;
        let by_rule = |blocker: &Blocker| {
            matches!(
                blocker.kind,
                BlockerKind::RuleDrop | BlockerKind::RuleReject
            )
        };
        if !passed && self.why_lost.as_ref().is_some_and(by_rule) {
            return Ok(false);
        }
        self.why_lost = said;
        Ok(true)
    }

    /// Whether the answer to a question for a hardware address gets back to who asked (`arp_send_dst`).
    fn answer_returns(
        &mut self,
        from: (&Arc<Namespace>, &str),
        asker: (&Arc<Namespace>, &str),
        (next, to): (IpAddr, IpAddr),
    ) -> Stage<bool> {
        let packet = super::ndisc::answer(next, to);
        self.carries(from, asker, to, packet)
    }

    /// Whether a question or an answer gets from one device to another.
    fn carries(
        &mut self,
        (from, by): (&Arc<Namespace>, &str),
        (to, on): (&Arc<Namespace>, &str),
        next: IpAddr,
        packet: Packet,
    ) -> Stage<bool> {
        let frame = Frame {
            dst: to.mac_of(on),
            src: from.mac_of(by),
            next,
            tags: Vec::new(),
            origin: Some(Place {
                ns: Arc::clone(from),
                device: by.into(),
            }),
            answer: true,
            transit: Transit {
                ct: Ct::Untracked,
                ..Transit::new(packet)
            },
        };
        let expected = Expected::Asker {
            namespace: to.path.clone(),
            device: on.to_owned(),
        };
        let arrived = self.quietly(expected, |walk| walk.queue(from, by, frame));
        if let Some(doubt) = self.arp_doubt.take() {
            return Err(Stop::Undecided(doubt));
        }
        match arrived {
            Ok(Arrival::Socket { packet, .. }) => Ok(packet.ttl == super::ndisc::HOPS),
            Ok(Arrival::Boundary { .. }) => Ok(true),
            Err(Stop::Lost | Stop::TooBig(_)) => Ok(false),
            // Where it leaves the captured world, the packet's own answer will tell.
            Err(Stop::Undecided(_)) => Ok(true),
            Err(stop) => Err(stop),
        }
    }

    /// Whether someone set the hardware address for `next` by hand.
    pub(super) fn has_permanent(&self, ns: &Namespace, device: &str, next: IpAddr) -> bool {
        ns.neighbours.iter().any(|entry| {
            entry.device == device
                && entry.address == next
                && entry.state == NeighbourState::Permanent
        })
    }

    /// Several machines answer: any may be heard first, and for IPv6 each later one replaces it (`ndisc_update`).
    fn first_heard(
        &mut self,
        ns: &Namespace,
        device: &str,
        next: IpAddr,
        macs: &[Mac],
        source: Option<Source>,
    ) -> Stage<Mac> {
        let doubt = Doubt {
            what: format!("several machines answer for {next}: which one is heard is not known"),
            settle: format!("{}/ip-neigh.json", ns.path),
            source,
        };
        let asked = (ns.path.clone(), device.to_owned(), next);
        let chosen = match self.heard.get(&asked) {
            Some(chosen) => *chosen,
            None if next.is_ipv4() => {
                let chosen = self.script.alternative(macs.len(), vec![doubt.clone()]);
                self.heard.insert(asked, chosen);
                chosen
            }
            None => return Err(Stop::Undecided(doubt)),
        };
        macs.get(chosen).copied().ok_or(Stop::Undecided(doubt))
    }
}

/// Whether the stack has an entry for `next`, in whatever state.
pub(super) fn has_entry(ns: &Namespace, device: &str, next: IpAddr) -> bool {
    (ns.neighbours.iter())
        .any(|entry| entry.device == device && entry.address == next && !entry.proxy)
}

/// Whether a device is a bridge.
pub(super) fn is_bridge(ns: &Namespace, device: &str) -> bool {
    ns.link(device)
        .is_some_and(|link| matches!(link.kind, LinkKind::Bridge(_)))
}
