//! Intent meets data plane: what network policies say, beside what became of the packet.

use super::attribution::Attribution;
use super::catalogue::{self, Entry};
use super::findings::{of_object, of_policy};
use super::render::evidences;
use super::{Finding, Intended as Stated, Intention, Outcome, Place, Severity};
use crate::intent::policy::{Direction, Ruling, Statement};
use crate::intent::{Intended, Side};
use crate::source::Source;
use crate::trace::Exchanged;

/// What the data plane did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plane {
    Connected,
    Not,
    Unknown,
}

impl From<Outcome> for Plane {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Connected => Self::Connected,
            Outcome::Refused | Outcome::Unreachable | Outcome::Timeout | Outcome::Partial => {
                Self::Not
            }
            Outcome::Unknown => Self::Unknown,
        }
    }
}

/// The findings of the place where intent and data plane meet; the outcome is always the data plane's.
///
/// A rule that derives from a policy was attributed to it already (`Circumstances::attribute`), and stands in `known`.
pub(super) fn meet(
    sides: &[Side],
    outcome: Outcome,
    result: &Exchanged,
    known: &[Finding],
) -> Vec<Finding> {
    let forbidding = sides
        .iter()
        .filter(|side| matches!(side.ruling, Ruling::Denied(_)));
    match (Intended::of(sides), Plane::from(outcome)) {
        // The policy, where the rule that drops derives from it; else both, the rule first.
        (Intended::Forbids, Plane::Not) => forbidding
            .filter_map(|side| also_forbidden(side, result, known))
            .collect(),
        // What the packet met on the pod's node must have been seen.
        (Intended::Forbids, Plane::Connected) => forbidding
            .filter(|side| side.enforced_here && side.assumed.is_empty())
            .map(not_enforced)
            .collect(),
        // The blocker is the cause: it stands there already.
        (Intended::Allows, Plane::Not | Plane::Connected) => Vec::new(),
        // Shown as intended, never as the outcome.
        (Intended::Allows | Intended::Forbids, Plane::Unknown) | (Intended::Unknown, _) => {
            Vec::new()
        }
    }
}

fn also_forbidden(side: &Side, result: &Exchanged, known: &[Finding]) -> Option<Finding> {
    let Attribution {
        entry,
        object,
        why,
        sources,
    } = denied(side)?;
    let is_known = |other: &Finding| other.code == entry.code && other.object == object;
    // Where nothing blocks, there is nothing beside which this would stand.
    if known.iter().any(is_known) || result.blockers.is_empty() {
        return None;
    }
    Some(finding(
        (entry, Severity::Contributing),
        side,
        object,
        why,
        &sources,
    ))
}

fn not_enforced(side: &Side) -> Finding {
    let node = node(side);
    let (way, own) = (side.direction.word(), side.own.object());
    let mut why = format!(
        "{} forbids this connection ({way} of {own}), but no rule on {node} drops it",
        names(side.ruling.denying())
    );
    if !side.admin_known {
        why.push_str("; admin policies, which might allow it, were not captured");
    }
    let sources = cited(side.ruling.denying());
    let entry = catalogue::POLICY_NOT_ENFORCED;
    finding((entry, entry.severity), side, node, why, &sources)
}

fn finding(
    (entry, severity): (Entry, Severity),
    side: &Side,
    object: String,
    message: String,
    sources: &[Source],
) -> Finding {
    let evidence = evidences(sources);
    let mut known = of_object(&object);
    known.extend(of_policy(&object, &evidence));
    Finding {
        code: entry.code.to_owned(),
        severity,
        nearest: Vec::new(),
        confirm: entry.commands_with(&known),
        object,
        place: Place {
            namespace: format!("nodes/{}/host", node(side).trim_start_matches("node:")),
            device: None,
            rule: None,
        },
        message,
        evidence,
        fix: entry.fix.en.to_owned(),
        skb_drop_reason: entry.skb_drop_reason.map(str::to_owned),
        under: None,
    }
}

/// The node that has to enforce the policies.
fn node(side: &Side) -> String {
    let pod = side.own.pod.as_ref();
    let node = pod.and_then(|pod| pod.node.as_deref()).unwrap_or_default();
    format!("node:{node}")
}

/// Policies that forbid the connection in the direction of `side`.
pub(super) fn denied(side: &Side) -> Option<Attribution> {
    let denying = side.ruling.denying();
    let entry = match side.direction {
        Direction::Ingress => catalogue::POLICY_INGRESS_DENIED,
        Direction::Egress => catalogue::POLICY_EGRESS_DENIED,
    };
    let explicit = denying.iter().find(|statement| statement.rule.is_some());
    let mut sources = cited(denying);
    sources.extend(side.nearest.iter().map(|miss| miss.rule.clone()));
    Some(Attribution {
        entry,
        object: explicit.or(denying.first())?.policy.object.clone(),
        why: forbids(side),
        sources,
    })
}

/// Why the policies forbid it, and what almost allows it.
fn forbids(side: &Side) -> String {
    let denying = side.ruling.denying();
    let own = side.own.object();
    let way = match side.direction {
        Direction::Ingress => "into",
        Direction::Egress => "out of",
    };
    let explicit = denying.iter().find(|statement| statement.rule.is_some());
    let why = match explicit {
        Some(statement) => format!(
            "a rule of {} denies this connection {way} {own}",
            statement.policy.object
        ),
        None => format!(
            "{} isolates {own} and nothing allows this connection {way} it",
            names(denying)
        ),
    };
    match &side.nearest {
        Some(miss) => format!(
            "{why} (a rule of {} comes nearest; it asks for {})",
            miss.object,
            miss.lacks.join("; ")
        ),
        None => why,
    }
}

/// Rules that enforce policies drop what the policies allow.
pub(super) fn stale(side: &Side, node: &str) -> Option<Attribution> {
    let Ruling::Allowed(statement) = &side.ruling else {
        return None;
    };
    let Statement { policy, rule } = statement;
    Some(Attribution {
        entry: catalogue::POLICY_STALE,
        object: node.to_owned(),
        why: format!(
            "{} allows this connection, but the rules on {node} that enforce the policies of {} do not",
            policy.object,
            side.own.object()
        ),
        sources: rule
            .iter()
            .chain([&policy.source])
            .take(1)
            .cloned()
            .collect(),
    })
}

/// What is intended, for the verdict: never the outcome.
pub(crate) fn stated(side: &Side) -> Stated {
    let own = side.own.object();
    let skipped = match side.answers_free {
        true => "; its policies of the other direction do not bear on answers",
        false => "",
    };
    let (intention, mut message, sources) = match &side.ruling {
        Ruling::NotIsolated(why) => (Intention::Allows, why.clone(), Vec::new()),
        Ruling::Allowed(statement) => (
            Intention::Allows,
            format!("{} allows it", statement.policy.object),
            statement
                .rule
                .iter()
                .chain([&statement.policy.source])
                .take(1)
                .cloned()
                .collect(),
        ),
        Ruling::Denied(denying) => (Intention::Forbids, forbids(side), cited(denying)),
        Ruling::Unknown(why, denying) => (Intention::Unknown, why.clone(), cited(denying)),
    };
    message.push_str(skipped);
    for assumed in &side.assumed {
        message.push_str("; ");
        message.push_str(assumed);
    }
    Stated {
        direction: side.direction.word().to_owned(),
        object: own,
        intention,
        message,
        evidence: evidences(&sources),
    }
}

/// The rules that deny, and their policies.
fn cited(statements: &[Statement]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for statement in statements {
        let policy = &statement.policy.source;
        for source in statement.rule.iter().chain([policy]) {
            if !sources.contains(source) {
                sources.push(source.clone());
            }
        }
    }
    sources
}

fn names(statements: &[Statement]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for statement in statements {
        if !names.contains(&statement.policy.object.as_str()) {
            names.push(&statement.policy.object);
        }
    }
    names.join(", ")
}
