//! Puts a verdict together from the runs of a walk.

use std::collections::BTreeSet;

use super::attribution::Circumstances;
use super::branches::{group, overall};
use super::catalogue;
use super::findings::{Findings, Target};
use super::render::{Tuples, hops};
use super::warnings;
use super::{Branch, Flow, Gap, Intended, Outcome, Receipt, SCHEMA, Scope, Severity, Verdict};
use crate::flow::{FlowRequest, Resolved};
use crate::intent::Intent;
use crate::linux::choice::Doubt;
use crate::snapshot::Seal;
use crate::source::Source;
use crate::trace::{Blocker, BlockerKind, Completeness, Decision, Exchanged, Run};

/// Of more ways than can be walked, so many are shown.
const MOST_SHOWN: usize = 16;

/// The service that a flow is for.
pub(crate) struct AskedService {
    /// `service:ns/name`.
    pub(crate) object: String,
    /// Where its object stands.
    pub(crate) source: Option<Source>,
    /// It has the port and protocol that is asked for.
    pub(crate) has_port: bool,
}

/// What a verdict is made of.
pub(crate) struct Walked {
    pub(crate) resolved: Resolved,
    pub(crate) runs: Vec<Run<Exchanged>>,
    pub(crate) completeness: Completeness,
    /// The service that the destination address belongs to, and where its object stands.
    pub(crate) service: Option<AskedService>,
    pub(crate) intent: Intent,
    pub(crate) receipt: Receipt,
    pub(crate) seal: Seal,
}

/// The verdict on `request`.
pub(crate) fn assemble(request: &FlowRequest, walked: Walked) -> Verdict {
    let Walked {
        resolved,
        mut runs,
        completeness,
        service,
        intent,
        receipt,
        seal,
    } = walked;
    let groups = group(&runs);
    let mut assumptions = resolved.assumptions.clone();
    for run in &runs {
        for assumption in &run.assumptions {
            if !assumptions.contains(assumption) {
                assumptions.push(assumption.clone());
            }
        }
    }
    let mut possible: BTreeSet<Outcome> = groups
        .iter()
        .flat_map(|group| group.possible.iter().copied())
        .collect();
    let target = service.map(
        |AskedService {
             object,
             source,
             has_port,
         }| Target {
            object,
            source,
            has_port,
        },
    );
    let findings = find(&groups, target.as_ref(), &intent, &resolved.to.object);
    let mut intended: Vec<Intended> = Vec::new();
    for side in runs.iter().flat_map(|run| intent.sides(&run.result)) {
        let stated = super::policies::stated(side);
        if !intended.contains(&stated) {
            intended.push(stated);
        }
    }
    let to_boundary = runs.iter().any(|run| run.result.boundary);
    let branches = groups.into_iter().map(|group| (group.shown, group.branch));
    let mut branches: Vec<(usize, Branch)> = branches.collect();
    let mut doubts = doubts(&runs);
    let gaps = gaps(&runs);
    if completeness == Completeness::Limited {
        doubts.push(Doubt {
            what: "there are more ways than can be walked one by one".to_owned(),
            settle: String::new(),
            source: None,
        });
        branches.truncate(MOST_SHOWN);
        for (_, branch) in &mut branches {
            branch.outcome = Outcome::Unknown;
        }
    }
    let mut branches = with_hops(branches, &mut runs);
    if request.strict && to_boundary {
        for branch in branches
            .iter_mut()
            .filter(|branch| branch.outcome == Outcome::Connected)
        {
            branch.outcome = Outcome::Unknown;
            possible.insert(Outcome::Connected);
        }
    }
    let outcome = overall(&branches);
    if outcome == Outcome::Unknown && possible.is_empty() {
        possible.extend([
            Outcome::Connected,
            Outcome::Refused,
            Outcome::Unreachable,
            Outcome::Timeout,
        ]);
    }
    possible.remove(&Outcome::Unknown);
    let unknown = branches
        .iter()
        .any(|branch| branch.outcome == Outcome::Unknown);
    Verdict {
        schema: SCHEMA.to_owned(),
        receipt,
        seal,
        flow: Flow {
            request: request.clone(),
            from: resolved.from,
            to: resolved.to,
        },
        outcome,
        scope: if to_boundary {
            Scope::ToBoundary
        } else {
            Scope::EndToEnd
        },
        assumptions,
        possible: if unknown {
            possible.into_iter().collect()
        } else {
            Vec::new()
        },
        settle: if unknown {
            settle(&doubts, request.strict && to_boundary)
        } else {
            Vec::new()
        },
        gaps,
        legs: Vec::new(),
        branches,
        findings,
        intended,
    }
}

/// The branches with the hops of the runs that they show, which these give away.
fn with_hops(branches: Vec<(usize, Branch)>, runs: &mut [Run<Exchanged>]) -> Vec<Branch> {
    let mut tuples = Tuples::default();
    let mut rendered = Vec::with_capacity(branches.len());
    for (shown, mut branch) in branches {
        if let Some(run) = runs.get_mut(shown) {
            branch.hops = hops(std::mem::take(&mut run.result.request), &mut tuples);
            branch.reply.hops = hops(std::mem::take(&mut run.result.response), &mut tuples);
        }
        rendered.push(branch);
    }
    rendered
}

/// Everything that was not known on the way, each once.
fn doubts(runs: &[Run<Exchanged>]) -> Vec<Doubt> {
    let mut all: Vec<Doubt> = Vec::new();
    let asked = runs.iter().flat_map(|run| {
        let on_the_way = run.decisions.iter().flat_map(|decision| match decision {
            Decision::Doubt { doubts, .. } => doubts.as_slice(),
            Decision::Chance { .. } => &[],
        });
        on_the_way.chain(run.result.doubt.as_ref())
    });
    for doubt in asked {
        if !all.contains(doubt) {
            all.push(doubt.clone());
        }
    }
    all
}

fn settle(doubts: &[Doubt], strict: bool) -> Vec<String> {
    let mut lines: Vec<String> = doubts
        .iter()
        .map(|doubt| {
            let at = doubt
                .source
                .as_ref()
                .map(|source| format!(" ({source})"))
                .unwrap_or_default();
            if doubt.settle.is_empty() {
                format!("{}{at}", doubt.what)
            } else {
                format!(
                    "{}{at}; it would be settled by {}",
                    doubt.what, doubt.settle
                )
            }
        })
        .collect();
    if strict {
        lines.push("the packet leaves the captured world: it would be settled by the files of the machines beyond".to_owned());
    }
    lines
}

/// Files that the namespaces on the way lack.
fn gaps(runs: &[Run<Exchanged>]) -> Vec<Gap> {
    let mut gaps: BTreeSet<Gap> = BTreeSet::new();
    for run in runs {
        for hop in run.result.request.iter().chain(&run.result.response) {
            gaps.extend(hop.ns.gaps.values().cloned());
        }
    }
    gaps.into_iter().collect()
}

fn find(
    groups: &[super::branches::Grouped<'_>],
    target: Option<&Target>,
    intent: &Intent,
    to: &str,
) -> Vec<super::Finding> {
    let mut findings = Findings::new();
    for group in groups {
        let Some(shown) = group.runs.first() else {
            continue;
        };
        let failed = !matches!(group.branch.outcome, Outcome::Connected | Outcome::Unknown);
        let mut blockers: Vec<&Blocker> = shown.result.blockers.iter().collect();
        own_end_first(&mut blockers);
        let circumstances = Circumstances {
            result: &shown.result,
            intent,
            target,
            to,
        };
        let untranslated = target
            .filter(|_| failed)
            .and_then(|target| left_untranslated(&shown.result).map(|hop| (target, hop)));
        let mut rest = blockers.as_slice();
        if let Some((target, hop)) = untranslated {
            let sources: Vec<Source> = hop
                .ns
                .xtables
                .iter()
                .map(|(_, table)| table.table())
                .find(|table| table.name == "nat")
                .map(|table| table.source.clone())
                .into_iter()
                .chain(
                    hop.steps
                        .iter()
                        .flat_map(|step| step.sources.iter().cloned())
                        .take(2),
                )
                .collect();
            let node = hop.ns.object.strip_prefix("node:");
            let agents = node.and_then(|node| intent.agents.get(node));
            findings.add_not_programmed(target, hop, &sources, blockers.first().copied(), agents);
            rest = blockers.get(1..).unwrap_or_default();
        }
        // Without an endpoint nothing gives the packet a destination: what it meets behind the rule follows from that.
        let mut under = None;
        for (index, blocker) in rest.iter().enumerate() {
            let first = index == 0 && untranslated.is_none();
            let severity = if first && failed {
                Severity::Cause
            } else {
                Severity::Contributing
            };
            let code = findings.add(blocker, severity, &circumstances, under);
            let aimless = [
                catalogue::SERVICE_NO_ENDPOINTS.code,
                catalogue::SERVICE_NO_LOCAL_ENDPOINTS.code,
            ];
            under = under.or(Some(code).filter(|code| aimless.contains(code)));
        }
        for blocker in &shown.result.full_size {
            findings.add(blocker, Severity::Warning, &circumstances, None);
        }
        let sides = intent.sides(&shown.result);
        let outcome = group.branch.outcome;
        for finding in super::policies::meet(sides, outcome, &shown.result, findings.found()) {
            findings.push(finding);
        }
    }
    let failed = groups
        .iter()
        .any(|group| !matches!(group.branch.outcome, Outcome::Connected | Outcome::Unknown));
    findings.add_reported(intent, target, failed);
    let results = groups.iter().flat_map(|group| &group.runs);
    findings.add_warnings(warnings::of(results.map(|run| &run.result)));
    findings.sorted()
}

/// Both ends of a link with too small an MTU block: the one that a person of the cluster can change comes first.
fn own_end_first(blockers: &mut [&Blocker]) {
    let foreign = |blocker: &Blocker| blocker.ns.object.starts_with("fabric:");
    let of_size = |blocker: &&Blocker| blocker.kind == BlockerKind::Mtu;
    if blockers
        .first()
        .is_some_and(|first| of_size(first) && foreign(first))
        && let Some(own) = blockers
            .iter()
            .position(|blocker| of_size(blocker) && !foreign(blocker))
    {
        blockers.swap(0, own);
    }
}

/// The node that let the packet go with the service's own address as destination.
fn left_untranslated(result: &Exchanged) -> Option<&crate::trace::LoggedHop> {
    let asked = result.request.first()?.before.dst;
    let blocker = result.blockers.first()?;
    if blocker.phase != crate::trace::Phase::Request || no_rule_left(blocker) {
        return None;
    }
    let node = result
        .request
        .iter()
        .find(|hop| hop.ns.path.ends_with("/host"))?;
    let untouched = result.request.iter().all(|hop| hop.after.dst == asked);
    (untouched && (node.device_out.is_some() || blocker.ns.path == node.ns.path)).then_some(node)
}

fn no_rule_left(blocker: &Blocker) -> bool {
    matches!(
        blocker.kind,
        BlockerKind::RuleDrop
            | BlockerKind::RuleReject
            | BlockerKind::DeviceDown
            | BlockerKind::NeighbourWrong
            | BlockerKind::NoListener
            | BlockerKind::NoServer
            // The service's load balancer is asked by its own address.
            | BlockerKind::BalancerInactive
            | BlockerKind::ListenerMissing
            | BlockerKind::ListenerStopped
            | BlockerKind::BalancerAcl
            | BlockerKind::NoBackends
            | BlockerKind::Loopback
    )
}
