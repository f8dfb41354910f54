//! A verdict as a person reads it in a terminal, from the verdict alone.

mod branch;
mod finding;
mod hop;
mod leg;
mod name;
mod page;
mod wrap;

pub use name::outcome_word;
pub use wrap::clean;

use std::collections::BTreeMap;

use pathglass_sim::snapshot::Seal;
use pathglass_sim::verdict::{Gap, Intended, Intention, Outcome, Scope, Verdict};

use page::{BAD, BOLD, DIM, GOOD, Page, Span, UNSURE};

/// How many kinds of gaps are written out; the JSON has them all.
const MAX_GAPS: usize = 6;

/// The verdict as text for 80 columns, with ANSI styles (`anstream` takes them out where they do not belong).
#[must_use]
pub fn render(verdict: &Verdict) -> String {
    let mut page = Page::new();
    headline(&mut page, verdict);
    finding::write(&mut page, &verdict.findings);
    leg::write(&mut page, &verdict.legs);
    intended(&mut page, verdict);
    let shown = branch::shown(&verdict.branches);
    branch::write_table(&mut page, &verdict.branches, shown);
    if let Some(branch) = shown {
        hop::write_path(&mut page, branch);
    }
    unknowns(&mut page, verdict);
    assumptions_and_gaps(&mut page, verdict);
    provenance(&mut page, verdict);
    page.finish()
}

fn headline(page: &mut Page, verdict: &Verdict) {
    let style = match verdict.outcome {
        Outcome::Connected => GOOD,
        Outcome::Partial | Outcome::Unknown => UNSURE,
        Outcome::Refused | Outcome::Unreachable | Outcome::Timeout => BAD,
    };
    let word = outcome_word(verdict.outcome).to_uppercase();
    let boundary = match verdict.scope {
        Scope::EndToEnd => "",
        Scope::ToBoundary => " (up to the edge of what was captured)",
    };
    page.headline(
        Span(style, &word),
        &[Span(BOLD, &name::question(verdict)), Span(DIM, boundary)],
    );
    page.blank();
}

/// What policies say, where one bears on the flow or may: never the outcome.
fn intended(page: &mut Page, verdict: &Verdict) {
    page.section("Intended");
    let bears = |one: &&Intended| !one.evidence.is_empty() || one.intention == Intention::Unknown;
    for one in verdict.intended.iter().filter(bears) {
        let (style, word) = match one.intention {
            Intention::Allows => (GOOD, "allowed"),
            Intention::Forbids => (BAD, "forbidden"),
            Intention::Unknown => (UNSURE, "not decided"),
        };
        let whose = format!("{} of {}: ", one.direction, one.object);
        let why = format!(", {}", one.message);
        page.line(
            2,
            &[Span::plain(&whose), Span(style, word), Span(DIM, &why)],
        );
    }
}

fn unknowns(page: &mut Page, verdict: &Verdict) {
    if !verdict.possible.is_empty() {
        let possible: Vec<_> = verdict
            .possible
            .iter()
            .map(|outcome| outcome_word(*outcome))
            .collect();
        page.section("Possible");
        page.line(0, &[Span(UNSURE, &possible.join(", "))]);
    }
    page.section("Settle");
    for what in &verdict.settle {
        page.line(2, &[Span::plain(what)]);
    }
}

fn assumptions_and_gaps(page: &mut Page, verdict: &Verdict) {
    page.section("Assumed");
    for assumption in &verdict.assumptions {
        page.line(2, &[Span::plain(assumption)]);
    }
    write_gaps(page, &verdict.gaps);
}

/// One line per kind of file, however many namespaces lack it.
fn write_gaps(page: &mut Page, gaps: &[Gap]) {
    let mut kinds: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for gap in gaps {
        let name = gap.file.rsplit('/').next().unwrap_or(&gap.file);
        kinds
            .entry((name, &gap.reason))
            .or_default()
            .push(&gap.file);
    }
    page.section("Missing");
    for ((name, reason), files) in kinds.iter().take(MAX_GAPS) {
        let reason = format!(": {reason}");
        match files.as_slice() {
            [file] => page.line(2, &[Span::plain(file), Span(DIM, &reason)]),
            files => {
                let count = format!(" in {} namespaces", files.len());
                page.line(
                    2,
                    &[Span::plain(name), Span(DIM, &reason), Span(DIM, &count)],
                );
            }
        }
    }
    let more = kinds.len().saturating_sub(MAX_GAPS);
    if more > 0 {
        let more = format!("and {more} kinds more (--format json lists all)");
        page.line(2, &[Span(DIM, &more)]);
    }
}

fn provenance(page: &mut Page, verdict: &Verdict) {
    page.section("Sealed");
    match &verdict.seal {
        Seal::Trusted { name } => {
            page.line(
                2,
                &[
                    Span(GOOD, &format!("signed by {name}")),
                    Span(DIM, ", a key you trust"),
                ],
            );
        }
        Seal::UnknownKey { fingerprint } => page.line(
            2,
            &[
                Span(
                    UNSURE,
                    &format!("signed by an unknown key, {}", short(fingerprint)),
                ),
                Span(DIM, ": --trust <key> names it"),
            ],
        ),
        Seal::Unsigned => page.line(
            2,
            &[Span(DIM, "unsigned: nobody vouches for this evidence")],
        ),
    }
    let n_files = verdict.receipt.entries.len();
    page.section("Receipt");
    page.line(
        2,
        &[Span(
            DIM,
            &format!(
                "manifest {}, {}, files read: {n_files}",
                short(&verdict.receipt.manifest_sha256),
                verdict.receipt.engine
            ),
        )],
    );
}

/// The first 16 digits of a hash: enough to compare by eye.
fn short(hash: &str) -> String {
    hash.chars().take(16).collect()
}

#[cfg(test)]
mod tests;
