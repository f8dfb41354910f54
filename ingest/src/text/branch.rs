//! Several ways of one flow: how many connect, and which one the path shows.

use std::collections::BTreeSet;

use pathglass_sim::verdict::{Branch, Outcome};

use super::name::outcome_word;
use super::page::{BAD, DIM, GOOD, Page, Span, UNSURE};

/// How many branches are written out; the rest is counted.
const MAX_BRANCHES: usize = 8;

/// The branch whose path is shown: the likeliest that fails, else the likeliest.
pub(crate) fn shown(branches: &[Branch]) -> Option<&Branch> {
    let failing = branches
        .iter()
        .filter(|branch| branch.outcome != Outcome::Connected);
    // `max_by` gives the last of equals: reversed, the first.
    failing
        .rev()
        .max_by(|one, other| by_probability(one, other))
        .or(branches.first())
}

fn by_probability(one: &Branch, other: &Branch) -> std::cmp::Ordering {
    let cross = |left: &Branch, right: &Branch| {
        u128::from(left.probability.numerator) * u128::from(right.probability.denominator)
    };
    cross(one, other).cmp(&cross(other, one))
}

pub(crate) fn write_table(page: &mut Page, branches: &[Branch], shown: Option<&Branch>) {
    if branches.len() < 2 {
        if let Some(also) = shown.and_then(|branch| branch.also) {
            page.section("Or");
            page.line(
                0,
                &[
                    Span(BAD, outcome_word(also)),
                    Span(
                        DIM,
                        ": a neighbour does not resolve, which of both shows depends on timing",
                    ),
                ],
            );
        }
        return;
    }
    page.section("Ways");
    page.line(0, &[Span::plain(&summary(branches))]);
    for branch in branches.iter().take(MAX_BRANCHES) {
        write_branch(
            page,
            branch,
            shown.is_some_and(|shown| std::ptr::eq(shown, branch)),
        );
    }
    let rest = branches.get(MAX_BRANCHES..).unwrap_or_default();
    if !rest.is_empty() {
        page.line(
            2,
            &[Span(
                DIM,
                &format!("and {} more: {}", rest.len(), counts(rest)),
            )],
        );
    }
}

/// `2 of 3 backends connect`, or `ways` where the backends do not tell the branches apart.
fn summary(branches: &[Branch]) -> String {
    let connecting = branches
        .iter()
        .filter(|branch| branch.outcome == Outcome::Connected)
        .count();
    let backends: BTreeSet<_> = branches
        .iter()
        .map(|branch| branch.backend.as_deref())
        .collect();
    let distinct = backends.len() == branches.len() && !backends.contains(&None);
    let what = if distinct { "backends" } else { "ways" };
    let verb = if connecting == 1 {
        "connects"
    } else {
        "connect"
    };
    format!("{connecting} of {} {what} {verb}", branches.len())
}

fn counts(branches: &[Branch]) -> String {
    let outcomes: BTreeSet<_> = branches.iter().map(|branch| branch.outcome).collect();
    let parts: Vec<String> = outcomes
        .into_iter()
        .map(|outcome| {
            let count = branches
                .iter()
                .filter(|branch| branch.outcome == outcome)
                .count();
            format!("{count} {}", outcome_word(outcome))
        })
        .collect();
    parts.join(", ")
}

fn write_branch(page: &mut Page, branch: &Branch, shown: bool) {
    let style = match branch.outcome {
        Outcome::Connected => GOOD,
        Outcome::Partial | Outcome::Unknown => UNSURE,
        Outcome::Refused | Outcome::Unreachable | Outcome::Timeout => BAD,
    };
    let mut outcome = outcome_word(branch.outcome).to_owned();
    if let Some(also) = branch.also {
        outcome = format!("{outcome} or {}", outcome_word(also));
    }
    let mut rest = String::new();
    if let Some(backend) = &branch.backend {
        rest = format!(" {backend}");
    }
    if let Some(client) = &branch.client {
        rest = format!("{rest} (client {client})");
    }
    if branch.retries {
        rest = format!("{rest}, a lost first packet may choose again");
    }
    let marker = if shown { " ← the path below" } else { "" };
    let lead = format!("{:<6} ", branch.probability.to_string());
    page.row(
        &lead,
        2,
        &[Span(style, &outcome), Span::plain(&rest), Span(DIM, marker)],
    );
}
