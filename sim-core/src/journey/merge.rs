//! Several flows' verdicts as parts of one.

use crate::source::Source;
use crate::verdict::{Entry, Finding, Leg, Outcome, Place, Scope, Severity, Verdict, evidences};

/// What is found beside what a walk met.
pub(super) struct Found<'a> {
    pub(super) entry: Entry,
    pub(super) severity: Severity,
    pub(super) object: String,
    /// The namespace where it shows.
    pub(super) at: &'a str,
    pub(super) message: String,
    pub(super) sources: &'a [Source],
    /// The code of what it follows from.
    pub(super) under: Option<String>,
}

impl From<Found<'_>> for Finding {
    fn from(found: Found<'_>) -> Self {
        let name = found.object.split_once(':').map(|(_, name)| name);
        let (namespace, name) = name
            .and_then(|name| name.split_once('/'))
            .unwrap_or(("", name.unwrap_or_default()));
        let mut known = Vec::new();
        if !namespace.is_empty() {
            known.push(("namespace", namespace.to_owned()));
        }
        if !name.is_empty() {
            known.push(("name", name.to_owned()));
        }
        Self {
            code: found.entry.code.to_owned(),
            severity: found.severity,
            object: found.object,
            place: Place {
                namespace: found.at.to_owned(),
                device: None,
                rule: None,
            },
            message: found.message,
            evidence: evidences(found.sources),
            nearest: Vec::new(),
            confirm: found.entry.commands_with(&known),
            fix: found.entry.fix.en.to_owned(),
            skb_drop_reason: None,
            under: found.under,
        }
    }
}

/// Whether a flow with this outcome certainly does not get through.
pub(super) fn fails(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Refused | Outcome::Unreachable | Outcome::Timeout
    )
}

/// The outcome of one thing after another: what fails first decides, and both must be sure. Behind something that may
/// fail otherwise, how the whole fails is not known.
pub(super) fn then(first: Outcome, second: Outcome) -> Outcome {
    match (first, second) {
        (Outcome::Connected, second) => second,
        (first, _) if fails(first) => first,
        (_, second) if fails(second) => Outcome::Unknown,
        (Outcome::Unknown, _) | (_, Outcome::Unknown) => Outcome::Unknown,
        _ => Outcome::Partial,
    }
}

/// Takes over what `part` rests on.
pub(super) fn absorb(whole: &mut Verdict, part: &Verdict) {
    add(&mut whole.assumptions, &part.assumptions);
    add(&mut whole.settle, &part.settle);
    add(&mut whole.gaps, &part.gaps);
    add(&mut whole.possible, &part.possible);
    if part.scope == Scope::ToBoundary {
        whole.scope = Scope::ToBoundary;
    }
}

/// Adds those of `more` that are not there yet.
pub(super) fn add<T: PartialEq + Clone>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

/// `part`, a flow of its own, as a leg of a whole.
pub(super) fn leg(name: &str, part: &Verdict) -> Leg {
    Leg {
        name: name.to_owned(),
        from: part.flow.from.clone(),
        to: part.flow.to.clone(),
        outcome: part.outcome,
        steps: Vec::new(),
        branches: part.branches.clone(),
    }
}

/// `findings` for a whole in which they matter at most as much as `most`.
pub(super) fn at_most(findings: &[Finding], most: Severity) -> Vec<Finding> {
    let lower = |finding: &Finding| Finding {
        severity: finding.severity.max(most),
        ..finding.clone()
    };
    findings.iter().map(lower).collect()
}
