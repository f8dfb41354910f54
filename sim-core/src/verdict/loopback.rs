//! A load balancer that sends a client's packet back to the client's own node.

use super::attribution::{Attribution, Circumstances};
use super::catalogue;
use crate::trace::{Blocker, BlockerKind, LoggedHop};
use crate::world::machine_of;

impl Circumstances<'_> {
    /// What the kernel of the client's node makes of such a packet, explained by what brought it back.
    pub(super) fn loopback(&self, blocker: &Blocker) -> Option<Attribution> {
        let by_source = matches!(
            blocker.kind,
            BlockerKind::Martian
                | BlockerKind::ReversePath
                | BlockerKind::ReplyMismatch
                | BlockerKind::Stranger
        );
        let request = &self.result.request;
        let first = request.first()?;
        let home = machine_of(&first.ns.path);
        if !by_source || machine_of(&blocker.ns.path) != home {
            return None;
        }
        let place = request.iter().position(hands_on)?;
        let (hop, back) = (request.get(place)?, request.get(place + 1)?);
        if machine_of(&back.ns.path) != home {
            return None;
        }
        let step = hop.steps.iter().find(|step| step.text.contains(BALANCED))?;
        let (balancer, _) = step.text.split_once(BALANCED)?;
        let id = balancer.split(' ').next_back()?;
        let target = self.target.map(|target| target.object.clone());
        Some(Attribution {
            entry: catalogue::LB_LOOPBACK,
            object: target.unwrap_or_else(|| format!("cloud:{id}")),
            why: format!(
                "the load balancer at {} hands the packet of {} back to {}, the client's own node, with its source {} kept",
                hop.before.dst, first.ns.object, back.ns.object, hop.before.src
            ),
            sources: step.sources.clone(),
        })
    }
}

/// How the walk writes down which backend was chosen (`trace/cloud/balancer.rs`).
const BALANCED: &str = ", listener ";

/// Whether a load balancer gave the packet another destination here, and kept its source.
fn hands_on(hop: &LoggedHop) -> bool {
    hop.ns.path.starts_with("cloud/")
        && hop.before.dst != hop.after.dst
        && hop.before.src == hop.after.src
        && hop.steps.iter().any(|step| step.text.contains(BALANCED))
}
