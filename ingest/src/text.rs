//! A verdict as a person reads it in a terminal, from the verdict alone.

mod branch;
mod finding;
mod hop;
mod name;
mod page;
mod wrap;

pub use name::outcome_word;
pub use wrap::clean;

use pathglass_sim::snapshot::Seal;
use pathglass_sim::verdict::{Outcome, Scope, Verdict};

use page::{BAD, BOLD, DIM, GOOD, Page, Span, UNSURE};

/// How many gaps are written out; the JSON has them all.
const MAX_GAPS: usize = 6;

/// The verdict as text for 80 columns, with ANSI styles (`anstream` takes them out where they do not belong).
#[must_use]
pub fn render(verdict: &Verdict) -> String {
    let mut page = Page::new();
    headline(&mut page, verdict);
    finding::write(&mut page, &verdict.findings);
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
    page.section("Missing");
    for gap in verdict.gaps.iter().take(MAX_GAPS) {
        page.line(
            2,
            &[
                Span::plain(&gap.file),
                Span(DIM, &format!(": {}", gap.reason)),
            ],
        );
    }
    let more = verdict.gaps.len().saturating_sub(MAX_GAPS);
    if more > 0 {
        page.line(
            2,
            &[Span(
                DIM,
                &format!("and {more} more (--format json lists them)"),
            )],
        );
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
