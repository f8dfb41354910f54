//! What another kernel did, recorded in a virtual machine (`cargo xtask oracle --vm`), judged as the corpus is.
//!
//! A verdict may be *unknown* where something is not modelled yet; a wrong certain answer is an error.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;
use std::path::Path;

use pathglass_sim::verdict::Outcome;
use pathglass_tests::agreement::Judge;
use pathglass_tests::corpus::{Case, workspace};
use pathglass_tests::schema;
use pathglass_tests::watch::Watch;

fn recordings(folder: &Path) -> Vec<Case> {
    let mut cases: Vec<Case> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| Case {
            name: entry.file_name().to_string_lossy().into_owned(),
            folder: entry.path(),
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

#[test]
fn no_recording_contradicts_a_certain_verdict() {
    let cases = recordings(&workspace().join("tests/captures/vm"));
    let validator = schema::validator().unwrap();
    let judge = Judge {
        validator: &validator,
        watch: &Watch::default(),
    };
    let (mut n_flows, mut n_held) = (0, 0);
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for case in &cases {
        let result = judge.case(case);
        if let Some(broken) = result.broken {
            wrong.push(format!("{}: {broken}", result.name));
        }
        for flow in result.flows {
            n_flows += 1;
            let name = format!("{} {}", case.name, flow.expectation.id);
            for fault in flow.faults {
                wrong.push(format!("{name}: {fault:?}"));
            }
            match flow.disagreement {
                None => n_held += 1,
                Some(_) if flow.outcome == Some(Outcome::Unknown) => {
                    unknown.push(format!("{name}: {:?}", flow.doubts));
                }
                Some(why) => wrong.push(format!("{name}: {why}")),
            }
        }
    }
    // Straight to the stream: what a passing test prints with macros is not shown.
    let _ = writeln!(
        std::io::stderr(),
        "recordings: {n_held} of {n_flows} flows in {} recordings agree, {} unknown\n{}",
        cases.len(),
        unknown.len(),
        unknown.join("\n")
    );
    assert!(n_held > 0, "no recording was judged");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
