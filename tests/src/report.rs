//! The agreement in numbers and words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::agreement::{CaseResult, Fault, FlowResult};
use crate::doubts;

/// The totals of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Flows that agree.
    pub n_agreeing: usize,
    /// Flows.
    pub n_flows: usize,
}

impl Totals {
    /// Counts the flows of `cases`.
    #[must_use]
    pub fn of(cases: &[CaseResult]) -> Self {
        let flows = || cases.iter().flat_map(|case| &case.flows);
        Self {
            n_agreeing: flows().filter(|flow| flow.disagreement.is_none()).count(),
            n_flows: flows().count(),
        }
    }

    /// Agreement in percent, cut (not rounded) to a tenth, so that 99.96 never reads as 100.
    #[must_use]
    pub fn percent(self) -> String {
        let tenths = (self.n_agreeing * 1000)
            .checked_div(self.n_flows)
            .unwrap_or(0);
        format!("{}.{} %", tenths / 10, tenths % 10)
    }

    /// Whether this is at least as good as `other`, whatever the number of flows.
    #[must_use]
    pub fn at_least(self, other: Self) -> bool {
        self.n_agreeing * other.n_flows >= other.n_agreeing * self.n_flows
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of {} flows ({})",
            self.n_agreeing,
            self.n_flows,
            self.percent()
        )
    }
}

/// Of how many flows with a labelled cause the first finding names it, and how many there are.
#[must_use]
pub fn causes(cases: &[CaseResult]) -> (usize, usize) {
    let flows = cases.iter().flat_map(|case| &case.flows);
    let labelled: Vec<bool> = flows.filter_map(|flow| flow.names_cause).collect();
    let right = labelled.iter().filter(|named| **named).count();
    (right, labelled.len())
}

/// The whole run for a person: per case, in total, the causes, the unknowns.
#[must_use]
pub fn text(cases: &[CaseResult]) -> String {
    let mut out = String::new();
    let width = cases.iter().map(|case| case.name.len()).max().unwrap_or(0);
    for case in cases {
        let totals = Totals::of(std::slice::from_ref(case));
        let mark = if totals.n_agreeing == totals.n_flows {
            ""
        } else {
            "  <"
        };
        let _ = writeln!(
            out,
            "{:width$}  {:>4} / {:<4}{mark}",
            case.name, totals.n_agreeing, totals.n_flows
        );
        if let Some(broken) = &case.broken {
            let _ = writeln!(out, "    cannot be asked: {broken}");
        }
    }
    out.push('\n');
    histogram(&mut out, "unknown because", count_doubts(cases));
    histogram(&mut out, "disagreeing because", count_disagreements(cases));
    averages(&mut out, cases);
    let _ = writeln!(out, "agreement: {}", Totals::of(cases));
    out
}

fn averages(out: &mut String, cases: &[CaseResult]) {
    let flows: Vec<&FlowResult> = cases.iter().flat_map(|case| &case.flows).collect();
    let answered = flows.iter().filter(|flow| flow.outcome.is_some()).count();
    let sum = |of: fn(&FlowResult) -> usize| flows.iter().map(|flow| of(flow)).sum::<usize>();
    let _ = writeln!(
        out,
        "predicted per flow: {} outcomes, {} backends (mean over {answered} verdicts)",
        mean(sum(|flow| flow.n_outcomes), answered),
        mean(sum(|flow| flow.n_backends), answered),
    );
    let n_unknown = flows.iter().filter(|flow| !flow.doubts.is_empty()).count();
    let _ = writeln!(out, "unknown, in whole or in part: {n_unknown} flows");
    let (right, n_labelled) = causes(cases);
    let by_source = flows
        .iter()
        .filter(|flow| flow.source_is_cause == Some(true));
    let _ = writeln!(
        out,
        "the first finding names the cause: {right} of {n_labelled} flows with a labelled cause \
         (always blaming the source's node: {})",
        by_source.count()
    );
    let slowest = cases
        .iter()
        .flat_map(|case| case.flows.iter().map(move |flow| (flow.took, case, flow)))
        .max_by_key(|(took, ..)| *took);
    if let Some((took, case, flow)) = slowest {
        let _ = writeln!(
            out,
            "slowest: {} ms, {} {}",
            took.as_millis(),
            case.name,
            flow.expectation.id
        );
    }
}

/// `sum / n` with two places.
fn mean(sum: usize, n: usize) -> String {
    let hundredths = (sum * 100 + n / 2).checked_div(n).unwrap_or(0);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn count_doubts(cases: &[CaseResult]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for flow in cases.iter().flat_map(|case| &case.flows) {
        for doubt in &flow.doubts {
            *counts.entry(doubt.clone()).or_insert(0) += 1;
        }
    }
    counts
}

fn count_disagreements(cases: &[CaseResult]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for flow in cases.iter().flat_map(|case| &case.flows) {
        if let Some(why) = &flow.disagreement {
            // What stands in backticks is of this flow alone.
            let kind: String = why.split('`').step_by(2).collect::<Vec<_>>().join("…");
            *counts.entry(doubts::without_names(&kind)).or_insert(0) += 1;
        }
    }
    counts
}

fn histogram(out: &mut String, title: &str, counts: BTreeMap<String, usize>) {
    if counts.is_empty() {
        return;
    }
    let mut sorted: Vec<(String, usize)> = counts.into_iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let _ = writeln!(out, "{title}:");
    for (what, n) in sorted.iter().take(30) {
        let what: String = what.chars().take(150).collect();
        let _ = writeln!(out, "  {n:>5}  {what}");
    }
    if sorted.len() > 30 {
        let _ = writeln!(out, "         … and {} more", sorted.len() - 30);
    }
    out.push('\n');
}

/// Every flow that disagrees or has a fault, one a line with what was expected and what came.
#[must_use]
pub fn disagreements(cases: &[CaseResult]) -> String {
    let mut out = String::new();
    for case in cases {
        for flow in &case.flows {
            if flow.disagreement.is_none() && flow.faults.is_empty() {
                continue;
            }
            describe(&mut out, &case.name, flow);
        }
    }
    out
}

fn describe(out: &mut String, case: &str, flow: &FlowResult) {
    let asked = &flow.expectation;
    let port = asked
        .port
        .map(|port| format!(" port {port}"))
        .unwrap_or_default();
    let bytes = asked
        .bytes
        .map(|bytes| format!(" {bytes} bytes"))
        .unwrap_or_default();
    let protocol = format!("{:?}", asked.protocol).to_lowercase();
    let _ = writeln!(
        out,
        "{case} {}: {} -> {}{port} {protocol}{bytes}",
        asked.id, asked.from, asked.to
    );
    if let Some(why) = &flow.disagreement {
        let _ = writeln!(out, "    why:      {why}");
    }
    for fault in &flow.faults {
        let (kind, what) = match fault {
            Fault::Panic(what) => ("panic:   ", what),
            Fault::Schema(what) => ("schema:  ", what),
            Fault::Sealed(what) => ("sealed:  ", what),
            Fault::Alarm(what) => ("alarm:   ", what),
        };
        let _ = writeln!(out, "    {kind} {what}");
    }
    if let Some(observed) = &asked.observed {
        let seen: Vec<String> = (observed.outcomes.iter())
            .map(|(outcome, n)| format!("{n} {}", format!("{outcome:?}").to_lowercase()))
            .collect();
        let _ = writeln!(out, "    observed: {}", seen.join(", "));
    }
    let outcome = flow
        .outcome
        .map(|outcome| format!("{outcome:?}").to_lowercase());
    let _ = writeln!(
        out,
        "    verdict:  {}; first finding: {}",
        outcome.as_deref().unwrap_or("none"),
        flow.first_finding.as_deref().unwrap_or("none")
    );
    for doubt in &flow.doubts {
        let _ = writeln!(out, "    doubt:    {doubt}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_cut_not_rounded() {
        let totals = Totals {
            n_agreeing: 3329,
            n_flows: 3330,
        };
        assert_eq!(totals.to_string(), "3329 of 3330 flows (99.9 %)");
    }

    #[test]
    fn corpora_of_different_size_are_compared_by_share() {
        let half = Totals {
            n_agreeing: 5,
            n_flows: 10,
        };
        assert!(
            Totals {
                n_agreeing: 50,
                n_flows: 100
            }
            .at_least(half)
        );
        assert!(
            !Totals {
                n_agreeing: 49,
                n_flows: 100
            }
            .at_least(half)
        );
    }

    #[test]
    fn means_have_two_places() {
        assert_eq!(mean(5, 3), "1.67");
        assert_eq!(mean(0, 0), "0.00");
    }
}
