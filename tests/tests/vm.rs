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

/// The stories of users (`docs/stories.md`): the first finding names what a person must change.
#[test]
fn stories_are_explained() {
    let told = [
        (
            "vm/story-1-second-address",
            "f06",
            "address.wrong-source node:node-3",
        ),
        ("vm/story-2-tunl0-mtu", "f02", "mtu.blackhole node:node-1"),
        (
            "vm/story-3-kube-proxy-pending",
            "f01",
            "service.not-programmed pod:kube-system/kube-proxy-9c2tn",
        ),
        (
            "vm/story-3-kube-proxy-pending",
            "f02",
            "service.not-programmed pod:kube-system/kube-proxy-9c2tn",
        ),
        (
            "cloud/story-4-tencent",
            "f01",
            "lb.loopback service:default/web",
        ),
        ("cloud/story-4-aliyun", "f01", "lb.loopback cloud:lb-web"),
        (
            "cloud/story-5-tencent",
            "f01",
            "lb.probe-dropped node:node-1",
        ),
        (
            "cloud/story-5-aliyun",
            "f01",
            "lb.probe-dropped node:node-1",
        ),
        (
            "cloud/story-6-aliyun",
            "f01",
            "cloud.security-group-denied cloud:sg-nodes",
        ),
        (
            "cloud/story-6-tencent",
            "f01",
            "cloud.security-group-denied cloud:sg-nodes",
        ),
        (
            "cloud/story-6-tencent-clb-group",
            "f01",
            "cloud.security-group-denied cloud:sg-clb",
        ),
        (
            "cloud/story-6-tencent-classic-account",
            "f01",
            "cloud.no-public-bandwidth cloud:ins-node1",
        ),
    ];
    let validator = schema::validator().unwrap();
    let judge = Judge {
        validator: &validator,
        watch: &Watch::default(),
    };
    for (story, id, first) in told {
        let case = Case {
            name: story.to_owned(),
            folder: workspace().join("tests/captures").join(story),
        };
        let flows = judge.case(&case).flows;
        let flow = (flows.iter()).find(|flow| flow.expectation.id == id);
        let flow = flow.unwrap_or_else(|| panic!("{story} has no flow {id}"));
        assert_eq!(flow.disagreement, None, "{story} {id}");
        assert_eq!(flow.first_finding.as_deref(), Some(first), "{story} {id}");
    }
}
