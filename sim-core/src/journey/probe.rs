//! Why a load balancer's backends are unhealthy: its probe, walked into the node.

use crate::cloud::balancer::service::{Difference, Kind, Probe};
use crate::flow::Protocol;
use crate::intent::Intent;
use crate::trace::{Asked, Blocker, BlockerKind, Limit, Phase, Question, explore, walk};
use crate::world::{Halt, World};

/// A probe meets few choices.
const MOST_RUNS: Limit = Limit {
    runs: 16,
    doubtful: 8,
};
/// Backends that are probed: others mostly fail for the same reason.
const MOST: usize = 3;

/// Puts before the unhealthy backends of `intent` what becomes of the probes.
pub(super) fn explain(world: &mut World<'_>, intent: &mut Intent) -> Result<(), Halt> {
    let mut found: Vec<Difference> = Vec::new();
    let probed = intent.differences.iter();
    let probed = probed.filter_map(|one| Some((one, one.probe.as_ref()?)));
    for (difference, probe) in probed.take(MOST) {
        if let Some(dropped) = dropped(world, difference, probe)? {
            found.push(dropped);
        }
    }
    found.append(&mut intent.differences);
    intent.differences = found;
    Ok(())
}

fn dropped(
    world: &mut World<'_>,
    difference: &Difference,
    probe: &Probe,
) -> Result<Option<Difference>, Halt> {
    let question = Question {
        from: Asked::Outside {
            path: probe.folder.clone(),
            device: probe.balancer.clone(),
            address: probe.source,
        },
        to: probe.address,
        port: probe.port,
        protocol: Protocol::Tcp,
        bytes: Some(1),
    };
    let (runs, _) = explore(MOST_RUNS, |script| walk(world, script, &question))?;
    let lost = runs.iter().all(|run| !run.result.blockers.is_empty());
    let first = runs.first().and_then(|run| run.result.blockers.first());
    let Some(blocker) = first.filter(|blocker| lost && (probe.apart || is_for_its_source(blocker)))
    else {
        return Ok(None);
    };
    let object = blocker.object.clone();
    Ok(Some(Difference {
        kind: Kind::ProbeDropped,
        port: difference.port,
        object: object.unwrap_or_else(|| blocker.ns.object.clone()),
        message: format!(
            "the probe of {} from {} to {} is lost: {}",
            probe.words, probe.source, probe.address, blocker.message
        ),
        sources: [&blocker.sources, &difference.sources]
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        probe: None,
    }))
}

/// Whether a filter loses the probe, or something that its source has to do with: an answer that does not find back is
/// of that kind. What every client of the node meets is no matter of probes.
fn is_for_its_source(blocker: &Blocker) -> bool {
    blocker.phase != Phase::Request
        || matches!(
            blocker.kind,
            BlockerKind::RuleDrop
                | BlockerKind::RuleReject
                | BlockerKind::ReversePath
                | BlockerKind::Martian
                | BlockerKind::CloudGroupDenied
                | BlockerKind::CloudNoCommonGroup
                | BlockerKind::CloudAclDenied
                | BlockerKind::CloudSourceCheck
        )
}
