//! Every result that ACK's diagnosis gives comes out of a whole capture with its cause first, on both clouds.
//!
//! `data/cloud/ack-*.json`: a story's capture made healthy, and for each result the one thing that is wrong in it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::verdict::{Outcome, Severity, Verdict};
use pathglass_tests::clouds::{self, Fault, Results};
use pathglass_tests::corpus::{Files, workspace};
use pathglass_tests::{ask, readme};

/// The results, as the diagnosis that users know prints them.
const RESULTS: [&str; 13] = [
    "pod container ... is not ready",
    "network policy ... deny the packet from ...",
    "no process listening on ...",
    "no route to host / invalid route ... for packet ...",
    "... do not have same security group",
    "security group ... not allow packet ...",
    "no route entry for destination ip / no next hop for destination ip",
    "error route next hop for destination ip / expect next hop ...",
    "no snat entry on nat gateway ...",
    "backend ... health status for port ..., not \"normal\"",
    "cannot find listener port ... for slb ...",
    "status of loadbalancer for ... port ... not \"running\"",
    "service ... has no valid endpoint",
];
const PROVIDERS: [&str; 2] = ["aliyun", "tencent"];
/// The markers of the table in `docs/stories.md`.
const TABLE: &str = "ack-results";

fn diagnose(files: &Files, row: &Fault) -> Verdict {
    let flow = FlowRequest {
        from: row.from.clone(),
        to: row.to.clone(),
        port: Some(row.port),
        ..FlowRequest::default()
    };
    ask::diagnose(&mut ask::unsealed(files), &flow).unwrap()
}

fn told(verdict: &Verdict) -> String {
    let mut text = format!("{:?}", verdict.outcome);
    for one in &verdict.findings {
        let _ = write!(
            text,
            "\n    {:?} {} {}: {}",
            one.severity, one.code, one.object, one.message
        );
    }
    let _ = write!(text, "\n    {:?} {:?}", verdict.gaps, verdict.settle);
    text
}

fn check(provider: &str) {
    let captures = Results::read(provider).unwrap();
    let files = captures.healthy().unwrap();
    let mut wrong = Vec::new();
    let mut asked = BTreeSet::new();
    for row in &captures.results {
        if asked.insert((&row.from, &row.to, row.port)) {
            let verdict = diagnose(&files, row);
            let blames = |severity| matches!(severity, Severity::Cause | Severity::Contributing);
            if verdict.outcome != Outcome::Connected
                || verdict.findings.iter().any(|one| blames(one.severity))
            {
                wrong.push(format!("healthy, to {}: {}", row.to, told(&verdict)));
            }
        }
        let mut files = files.clone();
        clouds::edit(&mut files, &row.changes).unwrap();
        let verdict = diagnose(&files, row);
        let first = verdict.findings.first();
        let first = first.map(|one| (one.code.as_str(), one.object.as_str()));
        if (verdict.outcome, first) != (row.outcome, Some((&row.code, &row.object))) {
            wrong.push(format!("{} ({}): {}", row.result, row.what, told(&verdict)));
        }
    }
    assert!(wrong.is_empty(), "{provider}:\n{}", wrong.join("\n"));
    let mut results: Vec<&str> = captures.results.iter().map(|row| &*row.result).collect();
    results.dedup();
    assert_eq!(results, RESULTS);
}

#[test]
fn every_result_comes_out_with_its_cause_first_on_alibaba_cloud() {
    check("aliyun");
}

#[test]
fn every_result_comes_out_with_its_cause_first_on_tencent_cloud() {
    check("tencent");
}

#[test]
fn the_stories_list_the_results() {
    let mut causes: BTreeMap<(usize, String), [String; PROVIDERS.len()]> = BTreeMap::new();
    for (provider_idx, provider) in PROVIDERS.into_iter().enumerate() {
        for row in Results::read(provider).unwrap().results {
            let place = RESULTS.iter().position(|result| *result == row.result);
            let found = format!("`{}` {}", row.code, row.object);
            causes.entry((place.unwrap(), row.what)).or_default()[provider_idx] = found;
        }
    }
    let mut table =
        "\n| its result | what is wrong | Alibaba Cloud | Tencent Cloud |\n|---|---|---|---|\n"
            .to_owned();
    for ((result_idx, what), found) in causes {
        let found = found.join(" | ");
        let _ = writeln!(table, "| {} | {what} | {found} |", RESULTS[result_idx]);
    }
    let page = workspace().join("docs/stories.md");
    if std::env::var_os("UPDATE").is_some() {
        readme::write(&page, TABLE, &table).unwrap();
    }
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(
        readme::between(&text, TABLE) == Some(&table),
        "{} is stale: UPDATE=1 cargo test -p pathglass-tests --test ack_results",
        page.display()
    );
}
