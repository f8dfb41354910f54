//! What `pathglass assert` found: `pathglass.assert/v1`, and the same for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use pathglass_sim::verdict::{Finding, Outcome, Probability, Severity, Verdict};
use serde::Serialize;

use super::expectation::{Expectations, FlowExpectation};
use super::judge::{judge, names_the_cause};
use crate::error::CommandError;
use crate::text::clean;

/// The name of the report's JSON format.
pub const SCHEMA: &str = "pathglass.assert/v1";

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// All flows of an expectations file, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Always `pathglass.assert/v1`.
    pub schema: &'static str,
    /// How many flows there are.
    pub total: usize,
    /// How many hold.
    pub held: usize,
    /// Each of them.
    pub flows: Vec<FlowReport>,
}

/// One flow, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlowReport {
    /// Its name in the file.
    pub id: String,
    /// Whether the verdict meets the expectation.
    pub held: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What the verdict says.
    pub got: Got,
    /// Whether the first finding names the expected cause; counted apart.
    #[serde(skip)]
    pub names_the_cause: Option<bool>,
    /// The first finding's sentence.
    #[serde(skip)]
    pub message: Option<String>,
}

/// A verdict in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Got {
    /// Its outcome.
    pub outcome: Outcome,
    /// Its branches.
    pub branches: Vec<GotBranch>,
    /// Its findings.
    pub findings: Vec<GotFinding>,
}

/// A branch in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GotBranch {
    /// How likely it is.
    pub probability: Probability,
    /// Its outcome.
    pub outcome: Outcome,
    /// The other defensible outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<Outcome>,
    /// `ip:port` as the server sees itself.
    pub backend: Option<String>,
    /// The client's address as the server sees it.
    pub client: Option<String>,
}

/// A finding in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GotFinding {
    /// Its code.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// What a person must change.
    pub object: String,
}

impl FlowReport {
    /// The report of `verdict`, judged by `expectation`.
    #[must_use]
    pub fn of(expectation: &FlowExpectation, verdict: &Verdict) -> Self {
        let why = judge(expectation, verdict).err();
        let branches = verdict.branches.iter().map(|branch| GotBranch {
            probability: branch.probability,
            outcome: branch.outcome,
            also: branch.also,
            backend: branch.backend.clone(),
            client: branch.client.clone(),
        });
        let findings = verdict.findings.iter().map(|finding| GotFinding {
            code: finding.code.clone(),
            severity: finding.severity,
            object: finding.object.clone(),
        });
        Self {
            id: expectation.id.clone(),
            held: why.is_none(),
            why,
            got: Got {
                outcome: verdict.outcome,
                branches: branches.collect(),
                findings: findings.collect(),
            },
            names_the_cause: names_the_cause(expectation, verdict),
            message: verdict
                .findings
                .first()
                .map(|Finding { message, .. }| message.clone()),
        }
    }

    /// The report of a flow that the capture cannot be asked.
    #[must_use]
    pub fn unanswered(expectation: &FlowExpectation, why: String) -> Self {
        Self {
            id: expectation.id.clone(),
            held: false,
            why: Some(why),
            got: Got {
                outcome: Outcome::Unknown,
                branches: Vec::new(),
                findings: Vec::new(),
            },
            names_the_cause: expectation.cause.as_ref().map(|_| false),
            message: None,
        }
    }

    /// How many different outcomes the verdict predicts; one where either of two is defensible.
    #[must_use]
    pub fn n_outcomes(&self) -> usize {
        self.got
            .branches
            .iter()
            .map(|branch| branch.outcome)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// How many different backends the verdict predicts.
    #[must_use]
    pub fn n_backends(&self) -> usize {
        let backends = self
            .got
            .branches
            .iter()
            .filter_map(|branch| branch.backend.as_deref());
        backends.collect::<BTreeSet<_>>().len()
    }
}

impl Report {
    /// The report of `flows`.
    #[must_use]
    pub fn of(flows: Vec<FlowReport>) -> Self {
        Self {
            schema: SCHEMA,
            total: flows.len(),
            held: flows.iter().filter(|flow| flow.held).count(),
            flows,
        }
    }

    /// How many expected causes were named, and how many there are.
    #[must_use]
    pub fn causes(&self) -> (usize, usize) {
        let judged = self.flows.iter().filter_map(|flow| flow.names_the_cause);
        judged.fold((0, 0), |(named, all), hit| {
            (named + usize::from(hit), all + 1)
        })
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn json(&self) -> Result<String, CommandError> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| CommandError::Usage(format!("the report has no JSON: {error}")))?;
        text.push('\n');
        Ok(text)
    }

    /// The report for people: what does not hold, then the counts.
    #[must_use]
    pub fn text(&self, expectations: &Expectations) -> String {
        let mut text = String::new();
        for (flow, expectation) in self.flows.iter().zip(&expectations.flows) {
            let (style, word) = if flow.held {
                (GOOD, "ok  ")
            } else {
                (BAD, "FAIL")
            };
            let question = question(expectation);
            let _ = writeln!(
                text,
                "{style}{word}{style:#}  {}  {DIM}{}{DIM:#}",
                clean(&flow.id),
                clean(&question)
            );
            if let Some(why) = &flow.why {
                let _ = writeln!(text, "      {}", clean(why));
                if let (Some(message), Some(first)) = (&flow.message, flow.got.findings.first()) {
                    let _ = writeln!(
                        text,
                        "      {DIM}{} [{}]{DIM:#}",
                        clean(message),
                        clean(&first.code)
                    );
                }
            }
        }
        let (named, causes) = self.causes();
        let _ = writeln!(text, "{} of {} flows hold", self.held, self.total);
        if causes > 0 {
            let _ = writeln!(
                text,
                "{named} of {causes} expected causes are the first finding (not part of the above)"
            );
        }
        let _ = writeln!(
            text,
            "predicted per flow: {} outcomes, {} backends",
            mean(self.flows.iter().map(FlowReport::n_outcomes)),
            mean(self.flows.iter().map(FlowReport::n_backends)),
        );
        text
    }
}

/// The flow in a line: `pod:a/b → 10.0.0.1 80/tcp`.
pub(super) fn question(expectation: &FlowExpectation) -> String {
    let protocol = serde_json::to_value(expectation.protocol).unwrap_or_default();
    let protocol = protocol.as_str().unwrap_or_default();
    match expectation.port {
        Some(port) => format!(
            "{} → {} {port}/{protocol}",
            expectation.from, expectation.to
        ),
        None => format!("{} → {} {protocol}", expectation.from, expectation.to),
    }
}

/// The mean with two decimals, in whole numbers: no rounding differs between machines.
fn mean(counts: impl ExactSizeIterator<Item = usize>) -> String {
    let n_flows = counts.len().max(1);
    let hundredths = (counts.sum::<usize>() * 100 + n_flows / 2) / n_flows;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectations() -> Expectations {
        Expectations::parse(
            br#"{"schema": "pathglass.expectations/v1", "flows": [
              {"id": "a", "from": "pod:x/y", "to": "10.0.0.1", "port": 80, "expect": "timeout", "cause": {"objects": ["node:n"]}},
              {"id": "b", "from": "pod:x/z", "to": "10.0.0.2", "protocol": "icmp", "expect": "timeout"}]}"#,
        )
        .unwrap()
    }

    fn report() -> (Expectations, Report) {
        let expectations = expectations();
        let mut held = FlowReport::unanswered(&expectations.flows[1], String::new());
        held.held = true;
        held.why = None;
        held.got.branches = vec![
            GotBranch {
                probability: Probability {
                    numerator: 1,
                    denominator: 3,
                },
                outcome: Outcome::Connected,
                also: None,
                backend: Some("10.0.0.9:80".into()),
                client: None,
            },
            GotBranch {
                probability: Probability {
                    numerator: 2,
                    denominator: 3,
                },
                outcome: Outcome::Timeout,
                also: Some(Outcome::Unreachable),
                backend: None,
                client: None,
            },
        ];
        let lost = FlowReport::unanswered(&expectations.flows[0], "from: no pod `x/y`".into());
        (expectations, Report::of(vec![lost, held]))
    }

    #[test]
    fn the_json_has_the_documented_shape() {
        let (_, report) = report();
        let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "schema": "pathglass.assert/v1", "total": 2, "held": 1,
                "flows": [
                    {"id": "a", "held": false, "why": "from: no pod `x/y`",
                     "got": {"outcome": "unknown", "branches": [], "findings": []}},
                    {"id": "b", "held": true, "got": {"outcome": "unknown", "findings": [], "branches": [
                        {"probability": "1/3", "outcome": "connected", "backend": "10.0.0.9:80", "client": null},
                        {"probability": "2/3", "outcome": "timeout", "also": "unreachable", "backend": null, "client": null}]}},
                ],
            })
        );
    }

    #[test]
    fn the_text_says_what_does_not_hold_and_counts() {
        let (expectations, report) = report();
        let text = anstream::adapter::strip_str(&report.text(&expectations)).to_string();
        assert_eq!(
            text,
            "FAIL  a  pod:x/y → 10.0.0.1 80/tcp\n      from: no pod `x/y`\n\
             ok    b  pod:x/z → 10.0.0.2 icmp\n\
             1 of 2 flows hold\n\
             0 of 1 expected causes are the first finding (not part of the above)\n\
             predicted per flow: 1.00 outcomes, 0.50 backends\n"
        );
    }
}
