//! Public addresses that stand for an interface's own (reference B.6 (3), C.4 "Routing").

use std::net::IpAddr;

use super::Inside;
use crate::cloud::{Onward, OwnPublic, Way};
use crate::linux::choice::Doubt;
use crate::linux::conntrack;
use crate::linux::packet::Transport;
use crate::source::Source;
use crate::trace::blocker::{Blocker, BlockerKind, Failure};
use crate::trace::{Arrival, Frame, Stage, Stop, Walk};
use crate::verdict::StepStatus;

impl Walk<'_, '_> {
    /// A packet leaves by its sender's own public address.
    pub(super) fn leave_by_own(
        &mut self,
        inside: Inside<'_>,
        own: OwnPublic<'_>,
        mut frame: Frame,
    ) -> Stage<Arrival> {
        let tuple = conntrack::tuple_of(&frame.transit.packet);
        let mut known = self.clouded.translated.iter();
        if let Some(known) =
            known.find(|known| known.inbound && tuple == Some(known.inside.inverted()))
        {
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "whether the answer to what {} let in leaves by it or by the own public address {}",
                    known.nat, own.public
                ),
                settle: String::new(),
                source: Some(own.source.clone()),
            }));
        }
        self.is_carried(inside, own, &frame)?;
        let public = own.public;
        self.log.step(
            StepStatus::Normal,
            || format!("cloud: leaves with the public address {public}"),
            || vec![own.source.clone()],
        );
        frame.transit.packet.src = public;
        self.across_internet(inside, frame, None)
    }

    /// The answer of a connection that came in by its server's own public address goes back by it.
    pub(super) fn answers_straight(&self, way: &Way<'_>, frame: &Frame) -> Stage<()> {
        let tuple = conntrack::tuple_of(&frame.transit.packet);
        let mut known = self.clouded.by_own.iter();
        let known = known.find(|(came, _)| tuple == Some(came.inverted()));
        let Some((_, public)) = known else {
            return Ok(());
        };
        match &way.onward {
            Onward::Public(own) if own.public == *public => Ok(()),
            _ => Err(Stop::Undecided(Doubt {
                what: format!(
                    "whether the answer to what came in by {public} leaves by it or by its route"
                ),
                settle: String::new(),
                source: way.entry.map(|entry| entry.source.clone()),
            })),
        }
    }

    /// A public address that is locked or blocked carries nothing.
    pub(super) fn is_carried(
        &mut self,
        inside: Inside<'_>,
        own: OwnPublic<'_>,
        frame: &Frame,
    ) -> Stage<()> {
        untranslated_error(frame, own.public, own.source)?;
        let Some(elastic) = own.elastic else {
            return Ok(());
        };
        if elastic.cut_through {
            return Err(Stop::Undecided(Doubt {
                what: format!(
                    "what its machine does with the public address {}, which is on the interface itself (cut-through mode)",
                    elastic.address
                ),
                settle: String::new(),
                source: Some(elastic.source.clone()),
            }));
        }
        let what = format!("the public address {}", elastic.address);
        let Some(state) = elastic.works.stopped(&what, &elastic.source)? else {
            return Ok(());
        };
        let blocker = Blocker::new(BlockerKind::CloudNoPublicAddress, inside.ns)
            .says(format!("the public address {} is {state}", elastic.address))
            .blames(format!("cloud:{}", elastic.id))
            .citing([elastic.source.clone()]);
        self.block(blocker, Failure::Silent, &frame.transit)
    }
}

/// How the packet that an ICMP error is about is translated is not modelled.
pub(super) fn untranslated_error(frame: &Frame, public: IpAddr, source: &Source) -> Stage<()> {
    match frame.transit.packet.transport {
        Transport::IcmpError { .. } => Err(Stop::Undecided(Doubt {
            what: format!("how an ICMP error passes the translation to {public}"),
            settle: String::new(),
            source: Some(source.clone()),
        })),
        _ => Ok(()),
    }
}
