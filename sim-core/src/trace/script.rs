//! Explores every way a straight-line walk can go, by running it again with other answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::judge::Judged;
use crate::linux::choice::{Choice, Doubt};
use crate::source::Source;
use crate::verdict::Probability;

/// One answer that a run was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Decision {
    /// The world chose the option `chosen` of `weights`.
    Chance {
        weights: Vec<u64>,
        chosen: usize,
        source: Source,
    },
    /// Of `options` alternatives that the evidence cannot tell apart, this run took `chosen`.
    Doubt {
        options: usize,
        chosen: usize,
        doubts: Vec<Doubt>,
    },
}

impl Decision {
    fn n_options(&self) -> usize {
        match self {
            Self::Chance { weights, .. } => weights.len(),
            Self::Doubt { options, .. } => *options,
        }
    }

    fn chosen(&self) -> usize {
        match self {
            Self::Chance { chosen, .. } | Self::Doubt { chosen, .. } => *chosen,
        }
    }

    /// Whether the world can choose this at all.
    fn is_possible(&self) -> bool {
        match self {
            Self::Chance {
                weights, chosen, ..
            } => weights.get(*chosen).is_some_and(|weight| *weight > 0),
            Self::Doubt { .. } => true,
        }
    }

    fn with_chosen(&self, option: usize) -> Self {
        let mut next = self.clone();
        match &mut next {
            Self::Chance { chosen, .. } | Self::Doubt { chosen, .. } => *chosen = option,
        }
        next
    }
}

/// The answers for one run: first those that are given, then the first option of whatever else is asked.
#[derive(Debug, Default)]
pub(crate) struct Script {
    given: Vec<Decision>,
    taken: Vec<Decision>,
    assumptions: Vec<String>,
    /// How often a rule set was judged.
    n_judged: usize,
    /// Judgements that went several ways, by their number: with how many decisions were taken before.
    judged: BTreeMap<usize, (usize, Arc<Judged>)>,
    /// What is judged now is nothing that other runs do alike.
    pub(super) is_trial: bool,
}

impl Script {
    /// What this rule set, the next to be judged, came to in an earlier run that was the same up to here; else nothing.
    pub(super) fn judged(&mut self) -> Option<Arc<Judged>> {
        self.n_judged += 1;
        if self.is_trial {
            return None;
        }
        let (_, judged) = self.judged.get(&self.n_judged)?;
        Some(Arc::clone(judged))
    }

    /// Keeps what the rule set that was asked about last came to, for the runs after this.
    pub(super) fn keep(&mut self, judged: &Arc<Judged>) {
        if !self.is_trial {
            let entry = (self.taken.len(), Arc::clone(judged));
            self.judged.insert(self.n_judged, entry);
        }
    }

    fn next(&mut self, fresh: impl FnOnce() -> Decision) -> usize {
        let mut decision = match self.given.get(self.taken.len()) {
            Some(given) => given.clone(),
            None => fresh(),
        };
        if self.given.len() <= self.taken.len() {
            // The first option that the world can choose.
            for option in 0..decision.n_options() {
                decision = decision.with_chosen(option);
                if decision.is_possible() {
                    break;
                }
            }
        }
        let chosen = decision.chosen();
        self.taken.push(decision);
        chosen
    }

    /// What was taken for granted.
    pub(super) fn into_assumptions(self) -> Vec<String> {
        self.assumptions
    }

    /// How many decisions were taken so far.
    pub(crate) fn n_taken(&self) -> usize {
        self.taken.len()
    }

    /// Forgets all decisions but the first `n_taken`; gives whether there were no others.
    pub(super) fn untake(&mut self, n_taken: usize) -> bool {
        let is_same = self.taken.len() == n_taken;
        self.taken.truncate(n_taken);
        is_same
    }

    /// Back to the start, to make the same run once more.
    pub(crate) fn rewind(&mut self) {
        self.taken.clear();
        self.assumptions.clear();
        self.n_judged = 0;
        self.judged.clear();
        self.is_trial = false;
    }

    /// One of `options` alternatives, none of which the evidence rules out.
    pub(crate) fn alternative(&mut self, options: usize, doubts: Vec<Doubt>) -> usize {
        self.next(|| Decision::Doubt {
            options,
            chosen: 0,
            doubts,
        })
    }
}

impl Choice for Script {
    fn chance(&mut self, weights: &[u64], source: &Source) -> usize {
        if weights.len() <= 1 {
            return 0;
        }
        self.next(|| Decision::Chance {
            weights: weights.to_vec(),
            chosen: 0,
            source: source.clone(),
        })
    }

    fn unknown(&mut self, doubt: Doubt) -> bool {
        self.alternative(2, vec![doubt]) == 1
    }

    fn assume(&mut self, assumption: String) {
        if !self.assumptions.contains(&assumption) {
            self.assumptions.push(assumption);
        }
    }
}

/// One complete run: what was decided, and what came out.
#[derive(Debug)]
pub(crate) struct Run<R> {
    pub(crate) decisions: Vec<Decision>,
    pub(crate) assumptions: Vec<String>,
    pub(crate) result: R,
}

/// How many runs may be made before the rest counts as not to be told apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Runs in all.
    pub(crate) runs: usize,
    /// Runs that took a doubt one way or the other: each doubt doubles them.
    pub(crate) doubtful: usize,
}

/// Every run of `walk`, in a fixed order, up to `limit`.
///
/// # Errors
/// Whatever `walk` fails with ends the exploration.
pub(crate) fn explore<R, E>(
    limit: Limit,
    mut walk: impl FnMut(&mut Script) -> Result<R, E>,
) -> Result<(Vec<Run<R>>, Completeness), E> {
    let mut runs = Vec::new();
    let mut given = Vec::new();
    let mut judged = BTreeMap::new();
    let mut doubtful = 0;
    loop {
        let mut script = Script {
            given,
            judged,
            ..Script::default()
        };
        let result = walk(&mut script)?;
        let Script {
            taken, assumptions, ..
        } = script;
        given = following(&taken);
        // The next run is the same up to its last given decision.
        judged = script.judged;
        judged.retain(|_, (n_taken, _)| *n_taken < given.len());
        let is_doubtful = |decision: &Decision| matches!(decision, Decision::Doubt { .. });
        doubtful += usize::from(taken.iter().any(is_doubtful));
        runs.push(Run {
            decisions: taken,
            assumptions,
            result,
        });
        if given.is_empty() {
            return Ok((runs, Completeness::All));
        }
        if runs.len() >= limit.runs || doubtful >= limit.doubtful {
            return Ok((runs, Completeness::Limited));
        }
    }
}

/// Whether every way was explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// Yes.
    All,
    /// There are more than the limit.
    Limited,
}

/// The decisions of the next run in depth-first order; empty after the last.
fn following(taken: &[Decision]) -> Vec<Decision> {
    for index in (0..taken.len()).rev() {
        let Some(last) = taken.get(index) else {
            continue;
        };
        for option in last.chosen() + 1..last.n_options() {
            let next = last.with_chosen(option);
            if next.is_possible() {
                let mut given: Vec<_> = taken.iter().take(index).cloned().collect();
                given.push(next);
                return given;
            }
        }
    }
    Vec::new()
}

/// The product of the chances that the world took.
pub(crate) fn probability<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> Probability {
    let mut product = Probability {
        numerator: 1,
        denominator: 1,
    };
    for decision in decisions {
        if let Decision::Chance {
            weights, chosen, ..
        } = decision
        {
            let total: u64 = weights
                .iter()
                .fold(0, |sum, weight| sum.saturating_add(*weight));
            let weight = weights.get(*chosen).copied().unwrap_or(0);
            product = times(product, weight, total.max(1));
        }
    }
    product
}

/// `fraction × numerator / denominator`, reduced; rounded only where 64 bits do not hold it.
fn times(fraction: Probability, numerator: u64, denominator: u64) -> Probability {
    let mut top = u128::from(fraction.numerator) * u128::from(numerator);
    let mut bottom = u128::from(fraction.denominator) * u128::from(denominator);
    let divisor = gcd(top, bottom).max(1);
    top /= divisor;
    bottom /= divisor;
    while bottom > u128::from(u64::MAX) {
        top /= 2;
        bottom /= 2;
    }
    Probability {
        numerator: u64::try_from(top).unwrap_or(u64::MAX),
        denominator: u64::try_from(bottom).unwrap_or(u64::MAX).max(1),
    }
}

/// The sum of two probabilities, reduced.
pub(crate) fn plus(a: Probability, b: Probability) -> Probability {
    let top = u128::from(a.numerator) * u128::from(b.denominator)
        + u128::from(b.numerator) * u128::from(a.denominator);
    let bottom = u128::from(a.denominator) * u128::from(b.denominator);
    let divisor = gcd(top, bottom).max(1);
    let (mut top, mut bottom) = (top / divisor, bottom / divisor);
    while bottom > u128::from(u64::MAX) {
        top /= 2;
        bottom /= 2;
    }
    Probability {
        numerator: u64::try_from(top).unwrap_or(u64::MAX),
        denominator: u64::try_from(bottom).unwrap_or(u64::MAX).max(1),
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
