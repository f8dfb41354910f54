//! Less evidence makes a verdict say less, never something else.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;

use pathglass_tests::corpus::{self, Case, each, workspace};
use pathglass_tests::honesty::{self, Tested};

/// The bundled example, and each kind of network of the corpus once.
fn cases() -> Vec<Case> {
    let mut cases = vec![Case {
        name: "missing-route".to_owned(),
        folder: workspace().join("examples/missing-route"),
    }];
    let Some(corpus) = corpus::folder() else {
        assert!(!corpus::is_required(), "there is no corpus");
        return cases;
    };
    let wanted = [
        "calico-netpol-allow-set",
        "calico-pod-arp-ignore",
        "hostgw-conntrack-full",
        "hostgw-kpnft-healthy",
        "hostgw-mtu-icmp-dropped",
        "terway-flows",
        "vxlan-kuberouter-egress",
        "vxlan-nft-bridge-drop",
    ];
    cases.extend(corpus::cases(&corpus, &wanted.map(str::to_owned)).unwrap());
    cases
}

/// Every eleventh file of a capture, others in each case; all of the example's. `cargo xtask honesty` takes every one.
fn is_sampled(case_idx: usize, file: &str) -> bool {
    let sum: usize = file.bytes().map(usize::from).sum();
    case_idx == 0 || sum % 11 == case_idx
}

#[test]
fn without_a_file_the_answer_is_the_same_or_unknown() {
    let cases = cases();
    let mut all = Tested::default();
    for tested in each(&cases, 2, |case| {
        let case_idx = cases.iter().position(|other| other == case).unwrap();
        honesty::test(case, |file| is_sampled(case_idx, file)).unwrap()
    }) {
        all.add(tested);
    }
    let _ = writeln!(std::io::stderr(), "honesty: {all}");
    assert!(all.n_same > 0 && all.n_unsure > 0, "{all}");
    let contradictions = all.contradictions.join("\n  ");
    assert!(all.contradictions.is_empty(), "\n  {contradictions}\n");
}

#[test]
fn without_fabric_and_identities_the_answer_is_the_same_or_not_certain() {
    let mut all = Tested::default();
    for tested in each(&cases(), 2, |case| honesty::bare(case).unwrap()) {
        all.add(tested);
    }
    let _ = writeln!(std::io::stderr(), "without fabric: {all}");
    let contradictions = all.contradictions.join("\n  ");
    assert!(all.contradictions.is_empty(), "\n  {contradictions}\n");
}
