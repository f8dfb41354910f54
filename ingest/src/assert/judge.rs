//! The rule of agreement between a verdict and what was demanded or observed; pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use pathglass_sim::verdict::{Branch, Outcome, Verdict};

use super::expectation::{Demand, FlowExpectation, Observation};
use crate::text::outcome_word as word;

/// What should have shown with this probability or more, and did not, counts as missing.
const CHANCE_LIMIT: f64 = 0.001;

/// Whether `verdict` meets `expectation`.
///
/// # Errors
/// Says in a sentence why it does not.
pub fn judge(expectation: &FlowExpectation, verdict: &Verdict) -> Result<(), String> {
    if let Some(demand) = &expectation.expect {
        meets(demand, verdict)?;
    }
    if let Some(observed) = &expectation.observed {
        agrees(observed, verdict)?;
    }
    Ok(())
}

/// Whether the first finding points at one of the objects that the expectation names as cause;
/// `None` where it names none. Counted apart from [`judge`].
#[must_use]
pub fn names_the_cause(expectation: &FlowExpectation, verdict: &Verdict) -> Option<bool> {
    let cause = expectation.cause.as_ref()?;
    let first = verdict.findings.first();
    Some(first.is_some_and(|finding| cause.objects.contains(&finding.object)))
}

fn meets(demand: &Demand, verdict: &Verdict) -> Result<(), String> {
    let accepted = demand.outcomes();
    if accepted.contains(&verdict.outcome) {
        return Ok(());
    }
    // An unresolved neighbour ends in either of two outcomes: the other one is as right.
    let either = !verdict.branches.is_empty()
        && verdict.branches.iter().all(|branch| {
            branch.outcome == verdict.outcome
                && branch.also.is_some_and(|also| accepted.contains(&also))
        });
    if either {
        return Ok(());
    }
    Err(format!(
        "expected {}, got {}",
        list(accepted.iter().map(|outcome| word(*outcome)), " or "),
        word(verdict.outcome)
    ))
}

fn agrees(observed: &Observation, verdict: &Verdict) -> Result<(), String> {
    let branches = &verdict.branches;
    if verdict.outcome == Outcome::Unknown
        || branches
            .iter()
            .any(|branch| branch.outcome == Outcome::Unknown)
    {
        return Err("`unknown` agrees with no observation".to_owned());
    }
    let seen: BTreeSet<Outcome> = observed
        .outcomes
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(outcome, _)| *outcome)
        .collect();
    seen_outcomes_are_predicted(&seen, branches)?;
    predicted_outcomes_are_seen(&seen, observed, branches)?;
    seen_ends_are_predicted(observed, branches)?;
    // What was seen to end in several ways had a choice.
    if seen.len() < 2 {
        forks_only_by_choice(verdict)?;
    }
    predicted_backends_are_seen(observed, branches)
}

/// Rule 1: each observed outcome has a branch.
fn seen_outcomes_are_predicted(
    seen: &BTreeSet<Outcome>,
    branches: &[Branch],
) -> Result<(), String> {
    for outcome in seen {
        let predicted = branches
            .iter()
            .any(|branch| branch.outcome == *outcome || branch.also == Some(*outcome));
        if !predicted {
            let predicted: BTreeSet<_> = branches.iter().map(|branch| branch.outcome).collect();
            return Err(format!(
                "observed {}, predicted only {}",
                word(*outcome),
                list(predicted.into_iter().map(word), " or ")
            ));
        }
    }
    Ok(())
}

/// Rule 2: no predicted outcome is missing that should have shown.
fn predicted_outcomes_are_seen(
    seen: &BTreeSet<Outcome>,
    observed: &Observation,
    branches: &[Branch],
) -> Result<(), String> {
    let mut missing: BTreeMap<Outcome, f64> = BTreeMap::new();
    for branch in branches {
        let shown = seen.contains(&branch.outcome)
            || branch.also.is_some_and(|also| seen.contains(&also))
            // The lost SYN chose again: a failing way hides behind a slow success.
            || (observed.retransmitted > 0 && branch.outcome != Outcome::Connected);
        if !shown {
            *missing.entry(branch.outcome).or_default() += probability(branch);
        }
    }
    for (outcome, total) in missing {
        if should_have_shown(total, observed) {
            return Err(format!(
                "predicted {} with probability {total:.3}, not seen in {}",
                word(outcome),
                attempts(observed)
            ));
        }
    }
    Ok(())
}

/// Rule 3: each observed backend and client is one that a connecting branch predicts.
fn seen_ends_are_predicted(observed: &Observation, branches: &[Branch]) -> Result<(), String> {
    let connecting = || {
        branches
            .iter()
            .filter(|branch| branch.outcome == Outcome::Connected)
    };
    let backends: BTreeSet<String> = connecting()
        .filter_map(|branch| branch.backend.as_deref())
        .map(canonical)
        .collect();
    let clients: BTreeSet<String> = connecting()
        .filter_map(|branch| branch.client.as_deref())
        .map(canonical)
        .collect();
    for (what, seen, predicted) in [
        ("backend", &observed.backends, backends),
        ("client address", &observed.clients, clients),
    ] {
        if let Some(other) = seen
            .iter()
            .find(|seen| !predicted.contains(&canonical(seen)))
        {
            return Err(format!(
                "observed {what} {other}, predicted {}",
                list(predicted.iter().map(String::as_str), ", ")
            ));
        }
    }
    Ok(())
}

/// Rule 5, first half: without a choice of the world there is one outcome.
///
/// What was asked for by the name of a pod has no choice. An address may be a service's or a node port: there,
/// a translated destination shows that a choice was met. A domain name or a URL may lead to several addresses.
fn forks_only_by_choice(verdict: &Verdict) -> Result<(), String> {
    let (asked, to) = (&verdict.flow.request.to, &verdict.flow.to.object);
    let translated = || {
        let mut hops = verdict.branches.iter().flat_map(|branch| &branch.hops);
        hops.any(|hop| hop.before.dst != hop.after.dst || hop.before.dport != hop.after.dport)
    };
    if to.starts_with("service:")
        || asked.starts_with("dns:")
        || asked.contains("://")
        || (!asked.starts_with("pod:") && translated())
    {
        return Ok(());
    }
    let outcomes: BTreeSet<Outcome> = verdict
        .branches
        .iter()
        .map(|branch| branch.outcome)
        .collect();
    let Some(first) = verdict.branches.first() else {
        return Ok(());
    };
    let common = [Some(first.outcome), first.also]
        .into_iter()
        .flatten()
        .any(|outcome| {
            verdict
                .branches
                .iter()
                .all(|branch| branch.outcome == outcome || branch.also == Some(outcome))
        });
    if common {
        return Ok(());
    }
    Err(format!(
        "predicts {} for {to}, where the world has no choice",
        list(outcomes.into_iter().map(word), " and ")
    ))
}

/// Rule 5, second half: a backend that should have answered did.
fn predicted_backends_are_seen(observed: &Observation, branches: &[Branch]) -> Result<(), String> {
    // Some measurements do not learn who answered.
    if observed.backends.is_empty() {
        return Ok(());
    }
    let seen: BTreeSet<String> = observed
        .backends
        .iter()
        .map(|seen| canonical(seen))
        .collect();
    let mut predicted: BTreeMap<String, f64> = BTreeMap::new();
    for branch in branches
        .iter()
        .filter(|branch| branch.outcome == Outcome::Connected)
    {
        if let Some(backend) = &branch.backend {
            *predicted.entry(canonical(backend)).or_default() += probability(branch);
        }
    }
    for (backend, total) in predicted {
        if !seen.contains(&backend) && should_have_shown(total, observed) {
            return Err(format!(
                "predicted backend {backend} with probability {total:.3}, not seen in {}",
                attempts(observed)
            ));
        }
    }
    Ok(())
}

fn should_have_shown(total: f64, observed: &Observation) -> bool {
    let n_attempts = if observed.sequential {
        1
    } else {
        observed.attempts
    };
    (1.0 - total.min(1.0)).powf(f64::from(n_attempts)) < CHANCE_LIMIT
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the chance limit needs no more than 52 bits"
)]
fn probability(branch: &Branch) -> f64 {
    branch.probability.numerator as f64 / branch.probability.denominator.max(1) as f64
}

/// One spelling per address, so that `[2001:DB8::1]:80` equals `[2001:db8:0::1]:80`.
fn canonical(text: &str) -> String {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return address.to_string();
    }
    text.parse::<IpAddr>()
        .map_or_else(|_| text.to_owned(), |address| address.to_string())
}

fn attempts(observed: &Observation) -> String {
    match (observed.sequential, observed.attempts) {
        (true, n_attempts) => format!("{n_attempts} dependent attempts"),
        (false, 1) => "1 attempt".to_owned(),
        (false, n_attempts) => format!("{n_attempts} attempts"),
    }
}

fn list<'a>(words: impl Iterator<Item = &'a str>, glue: &str) -> String {
    let words: Vec<&str> = words.collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(glue)
    }
}

#[cfg(test)]
mod tests;
