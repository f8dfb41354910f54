//! From the runs of a walk to branches: chance parts them, ignorance is merged inside them.

use std::collections::BTreeSet;

use super::{Branch, Outcome, Reply};
use crate::source::Source;
use crate::trace::{Decision, Exchanged, Run, probability};

/// A branch with the runs that it stands for; the first is the one shown.
pub(super) struct Grouped<'a> {
    /// Without its hops.
    pub(super) branch: Branch,
    /// Which run is shown.
    pub(super) shown: usize,
    pub(super) runs: Vec<&'a Run<Exchanged>>,
    /// What remains possible where the runs do not agree.
    pub(super) possible: BTreeSet<Outcome>,
}

/// The world's choices of a run, in order.
fn chances(run: &Run<Exchanged>) -> Vec<(&Source, usize)> {
    run.decisions
        .iter()
        .filter_map(|decision| match decision {
            Decision::Chance { source, chosen, .. } => Some((source, *chosen)),
            Decision::Doubt { .. } => None,
        })
        .collect()
}

/// Groups runs into branches, likeliest first.
///
/// A run that ended before a later choice of the world counts as an alternative of every branch that this choice
/// leads to.
pub(super) fn group(runs: &[Run<Exchanged>]) -> Vec<Grouped<'_>> {
    let keys: Vec<Vec<(&Source, usize)>> = runs.iter().map(chances).collect();
    let mut leaves: Vec<usize> = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let known = leaves.iter().any(|leaf| keys.get(*leaf) == Some(key));
        let inner = keys
            .iter()
            .any(|other| other.len() > key.len() && other.starts_with(key));
        if !known && !inner {
            leaves.push(index);
        }
    }
    let mut groups: Vec<Grouped<'_>> = leaves
        .into_iter()
        .filter_map(|leaf| {
            let key = keys.get(leaf)?;
            let shown = runs.get(leaf)?;
            let mut members = vec![shown];
            for (index, run) in runs.iter().enumerate() {
                if index != leaf && keys.get(index).is_some_and(|other| key.starts_with(other)) {
                    members.push(run);
                }
            }
            Some(merge(leaf, shown, members))
        })
        .collect();
    groups.sort_by(|a, b| {
        let (a, b) = (a.branch.probability, b.branch.probability);
        (u128::from(b.numerator) * u128::from(a.denominator))
            .cmp(&(u128::from(a.numerator) * u128::from(b.denominator)))
    });
    groups
}

fn merge<'a>(
    place: usize,
    shown: &'a Run<Exchanged>,
    runs: Vec<&'a Run<Exchanged>>,
) -> Grouped<'a> {
    let result = &shown.result;
    let outcomes: BTreeSet<Outcome> = runs.iter().map(|run| run.result.outcome).collect();
    let same_end = runs
        .iter()
        .all(|run| run.result.backend == result.backend && run.result.client == result.client);
    let agreed = outcomes.len() == 1 && (result.outcome != Outcome::Connected || same_end);
    let outcome = if agreed {
        result.outcome
    } else {
        Outcome::Unknown
    };
    let branch = Branch {
        probability: probability(&shown.decisions),
        outcome,
        also: result.also.filter(|_| agreed),
        retries: agreed && result.retries,
        backend: result.backend.clone().filter(|_| agreed),
        client: result.client.clone().filter(|_| agreed),
        hops: Vec::new(),
        reply: Reply::default(),
    };
    let possible = if agreed { BTreeSet::new() } else { outcomes };
    Grouped {
        branch,
        shown: place,
        runs,
        possible,
    }
}

/// The outcome over all branches.
pub(super) fn overall(branches: &[Branch]) -> Outcome {
    let outcomes: BTreeSet<Outcome> = branches.iter().map(|branch| branch.outcome).collect();
    let mut iter = outcomes.iter();
    match (iter.next(), iter.next()) {
        (Some(only), None) => *only,
        (None, _) => Outcome::Unknown,
        (Some(_), Some(_)) => {
            let connects = outcomes.contains(&Outcome::Connected);
            let unknown = outcomes.contains(&Outcome::Unknown);
            let fails = outcomes
                .iter()
                .any(|outcome| !matches!(outcome, Outcome::Connected | Outcome::Unknown));
            if connects && fails {
                Outcome::Partial
            } else if unknown {
                Outcome::Unknown
            } else {
                likeliest(branches)
            }
        }
    }
}

fn likeliest(branches: &[Branch]) -> Outcome {
    let mut sums: Vec<(Outcome, super::Probability)> = Vec::new();
    for branch in branches {
        match sums
            .iter_mut()
            .find(|(outcome, _)| *outcome == branch.outcome)
        {
            Some((_, sum)) => *sum = crate::trace::plus(*sum, branch.probability),
            None => sums.push((branch.outcome, branch.probability)),
        }
    }
    sums.sort_by(|(a, x), (b, y)| {
        let by_share = (u128::from(y.numerator) * u128::from(x.denominator))
            .cmp(&(u128::from(x.numerator) * u128::from(y.denominator)));
        by_share.then_with(|| a.cmp(b))
    });
    sums.first()
        .map_or(Outcome::Unknown, |(outcome, _)| *outcome)
}
