//! Several ways of one flow: how many connect, and which one the path shows.

use std::collections::BTreeSet;

use pathglass_sim::verdict::{Branch, Lang, Outcome};

use super::page::{BAD, DIM, GOOD, Page, Span, UNSURE};
use super::words::{self, say};

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
                    Span(BAD, words::outcome(page.lang, also)),
                    Span(
                        DIM,
                        say(
                            page.lang,
                            ": a neighbour does not resolve, which of both shows depends on timing",
                            "：邻居地址无法解析，出现哪一种取决于时机",
                        ),
                    ),
                ],
            );
        }
        return;
    }
    page.section("Ways");
    page.line(0, &[Span::plain(&summary(branches, page.lang))]);
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
                &say(
                    page.lang,
                    format!("and {} more: {}", rest.len(), counts(rest, page.lang)),
                    format!("另有 {} 个：{}", rest.len(), counts(rest, page.lang)),
                ),
            )],
        );
    }
}

/// `2 of 3 backends connect`, or `ways` where the backends do not tell the branches apart.
fn summary(branches: &[Branch], lang: Lang) -> String {
    let connecting = branches
        .iter()
        .filter(|branch| branch.outcome == Outcome::Connected)
        .count();
    let backends: BTreeSet<_> = branches
        .iter()
        .map(|branch| branch.backend.as_deref())
        .collect();
    let distinct = backends.len() == branches.len() && !backends.contains(&None);
    if lang == Lang::Zh {
        let what = if distinct { "个后端" } else { "条路径" };
        return format!(
            "{} {what}中有 {connecting} {}连通",
            branches.len(),
            what.chars().next().unwrap_or('个')
        );
    }
    let what = if distinct { "backends" } else { "ways" };
    let verb = if connecting == 1 {
        "connects"
    } else {
        "connect"
    };
    format!("{connecting} of {} {what} {verb}", branches.len())
}

fn counts(branches: &[Branch], lang: Lang) -> String {
    let outcomes: BTreeSet<_> = branches.iter().map(|branch| branch.outcome).collect();
    let parts: Vec<String> = outcomes
        .into_iter()
        .map(|outcome| {
            let count = branches
                .iter()
                .filter(|branch| branch.outcome == outcome)
                .count();
            format!("{count} {}", words::outcome(lang, outcome))
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
    let lang = page.lang;
    let mut outcome = words::outcome(lang, branch.outcome).to_owned();
    if let Some(also) = branch.also {
        outcome = format!(
            "{outcome} {} {}",
            say(lang, "or", "或"),
            words::outcome(lang, also)
        );
    }
    let mut rest = String::new();
    if let Some(backend) = &branch.backend {
        rest = format!(" {backend}");
    }
    if let Some(client) = &branch.client {
        rest = format!("{rest} ({} {client})", say(lang, "client", "客户端"));
    }
    if branch.retries {
        rest = say(
            lang,
            format!("{rest}, a lost first packet may choose again"),
            format!("{rest}，首包丢失后可能重新选择"),
        );
    }
    let marker = if shown {
        say(lang, " ← the path below", " ← 即下面的路径")
    } else {
        ""
    };
    let lead = format!("{:<6} ", branch.probability.to_string());
    page.row(
        &lead,
        2,
        &[Span(style, &outcome), Span::plain(&rest), Span(DIM, marker)],
    );
}
