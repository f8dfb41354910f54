//! Worlds on which simulator and kernel once disagreed, shrunk by the kernel oracle: replayed without a kernel.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use pathglass::assert::judge;
use pathglass_tests::corpus::{Case, workspace};
use pathglass_tests::{ask, corpus};

/// The folders that the oracle saved, each with a capture, `expectations.json` and the `world.json` that made it.
fn cases() -> Vec<Case> {
    let folder = workspace().join("tests/captures/oracle");
    let mut cases: Vec<Case> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("expectations.json").is_file())
        .map(|folder| Case {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            folder,
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn files(case: &Case) -> corpus::Files {
    let mut files = case.files().unwrap();
    files.retain(|path, _| path.contains('/') || path == "capture.json");
    files
}

#[test]
fn every_shrunk_world_agrees_with_what_the_kernel_did() {
    let cases = cases();
    let mut wrong = Vec::new();
    let mut n_flows = 0;
    for case in &cases {
        let mut session = ask::unsealed(&files(case));
        for expectation in case.expectations().unwrap().flows {
            n_flows += 1;
            let result = ask::diagnose(&mut session, &expectation.request())
                .and_then(|verdict| judge(&expectation, &verdict));
            if let Err(why) = result {
                wrong.push(format!("{} {}: {why}", case.name, expectation.id));
            }
        }
    }
    println!("replayed {} worlds, {n_flows} flows", cases.len());
    assert!(wrong.is_empty(), "\n  {}\n", wrong.join("\n  "));
}

/// A world that never failed on a packet is no regression test: each must be one, and tell what it is about.
#[test]
fn every_shrunk_world_tells_what_it_is_about() {
    let names: BTreeSet<String> = cases().into_iter().map(|case| case.name).collect();
    assert!(!names.is_empty());
    let seeds: Vec<&String> = names
        .iter()
        .filter(|name| name.starts_with("world-"))
        .collect();
    assert!(
        seeds.is_empty(),
        "name these for what went wrong: {seeds:?}"
    );
}
