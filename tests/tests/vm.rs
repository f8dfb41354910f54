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

/// Recordings with wrong certain answers that are known, and what the simulator lacks there.
const KNOWN: &[(&str, &str)] = &[
    ("ipip-pair-wrong-local", UNREACHABLE_END),
    ("ipip-pair-wrong-remote", UNREACHABLE_END),
    ("wireguard-wrong-allowed-sender", NO_PEER),
];
/// `ipip_err()` remembers an ICMP error about the outer packet, and `ip_tunnel_xmit()` tells the next one's sender.
const UNREACHABLE_END: &str = "the far end's ICMP error reaches the sender with its next packet";

/// `wg_xmit()` answers a packet without a peer by an ICMP error, which a program on the node itself gets too.
const NO_PEER: &str = "the device's ICMP error reaches a UDP socket of its own node";

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
    let (mut unknown, mut known, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
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
                Some(why) => match KNOWN.iter().find(|(known, _)| *known == case.name) {
                    Some((_, lacks)) => known.push(format!("{name}: {why}: {lacks}")),
                    None => wrong.push(format!("{name}: {why}")),
                },
            }
        }
    }
    // Straight to the stream: what a passing test prints with macros is not shown.
    let _ = writeln!(
        std::io::stderr(),
        "recordings: {n_held} of {n_flows} flows in {} recordings agree, {} unknown, {} known to be wrong\n{}",
        cases.len(),
        unknown.len(),
        known.len(),
        [unknown, known].concat().join("\n")
    );
    assert!(n_held > 0, "no recording was judged");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
