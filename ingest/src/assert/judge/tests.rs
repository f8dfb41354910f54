//! The rule of agreement, clause by clause.

use super::*;

/// A verdict about a flow to `to`, of branches written `1/3 connected 10.0.0.1:80 <client>` or
/// `1/3 timeout/unreachable`.
fn verdict(to: &str, outcome: &str, branches: &[&str]) -> Verdict {
    let branches: Vec<serde_json::Value> = branches
        .iter()
        .map(|line| {
            let mut words = line.split(' ');
            let probability = words.next().unwrap();
            let (outcome, also) = match words.next().unwrap().split_once('/') {
                Some((outcome, also)) => (outcome.to_owned(), Some(also)),
                None => (line.split(' ').nth(1).unwrap().to_owned(), None),
            };
            let backend = words.next();
            let tuple =
                |dst: &str| serde_json::json!({"protocol": "tcp", "src": "10.9.9.9", "dst": dst});
            let after = backend.map_or("10.96.0.1", |backend| backend.split(':').next().unwrap());
            let mut branch = serde_json::json!({
                "probability": probability, "outcome": outcome, "reply": {"hops": []},
                "hops": [{"namespace": "n", "object": "node:n", "steps": [],
                          "before": tuple("10.96.0.1"), "after": tuple(after)}],
            });
            if let Some(also) = also {
                branch["also"] = also.into();
            }
            if let Some(backend) = backend {
                branch["backend"] = backend.into();
            }
            if let Some(client) = words.next() {
                branch["client"] = client.into();
            }
            branch
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "schema": "pathglass.verdict/v1",
        "receipt": {"manifest_sha256": "", "engine": "", "entries": []},
        "seal": {"kind": "unsigned"},
        "flow": {"request": {"from": "pod:a/b", "to": to},
                 "from": {"object": "pod:a/b", "address": "10.9.9.9"},
                 "to": {"object": to, "address": "10.96.0.1"}},
        "outcome": outcome, "scope": "end-to-end",
        "assumptions": [], "possible": [], "settle": [], "gaps": [],
        "branches": branches, "findings": [],
    }))
    .unwrap()
}

fn expectation(what: &str) -> FlowExpectation {
    let text = format!(r#"{{"id": "f", "from": "pod:a/b", "to": "10.96.0.1", {what}}}"#);
    serde_json::from_str(&text).unwrap()
}

fn observed(attempts: u32, outcomes: &str, rest: &str) -> FlowExpectation {
    expectation(&format!(
        r#""observed": {{"attempts": {attempts}, "outcomes": {outcomes}{rest}}}"#
    ))
}

fn holds(expectation: &FlowExpectation, verdict: &Verdict) {
    assert_eq!(judge(expectation, verdict), Ok(()));
}

fn fails(expectation: &FlowExpectation, verdict: &Verdict, why: &str) {
    assert_eq!(judge(expectation, verdict), Err(why.to_owned()));
}

const THREE: &[&str] = &[
    "1/3 connected 10.0.0.1:80 10.9.9.9",
    "1/3 connected 10.0.0.2:80 10.9.9.9",
    "1/3 timeout",
];

#[test]
fn a_demand_is_met_by_its_outcome_only() {
    let verdict = verdict(
        "service:a/s",
        "connected",
        &["1 connected 10.0.0.1:80 10.9.9.9"],
    );
    holds(&expectation(r#""expect": "connected""#), &verdict);
    fails(
        &expectation(r#""expect": "timeout""#),
        &verdict,
        "expected timeout, got connected",
    );
}

#[test]
fn a_list_demands_any_of_its_outcomes() {
    let verdict = verdict("pod:a/s", "refused", &["1 refused"]);
    holds(
        &expectation(r#""expect": ["timeout", "refused"]"#),
        &verdict,
    );
    fails(
        &expectation(r#""expect": ["timeout", "connected"]"#),
        &verdict,
        "expected timeout or connected, got refused",
    );
}

#[test]
fn a_partial_verdict_does_not_meet_connected() {
    let verdict = verdict("service:a/s", "partial", THREE);
    fails(
        &expectation(r#""expect": "connected""#),
        &verdict,
        "expected connected, got partial",
    );
    fails(
        &expectation(r#""expect": ["connected", "timeout"]"#),
        &verdict,
        "expected connected or timeout, got partial",
    );
}

#[test]
fn an_unresolved_neighbour_meets_a_demand_for_either_outcome() {
    let verdict = verdict("pod:a/s", "timeout", &["1 timeout/unreachable"]);
    holds(&expectation(r#""expect": "unreachable""#), &verdict);
    holds(&expectation(r#""expect": "timeout""#), &verdict);
    fails(
        &expectation(r#""expect": "refused""#),
        &verdict,
        "expected refused, got timeout",
    );
}

#[test]
fn every_observed_outcome_needs_a_branch() {
    let verdict = verdict(
        "service:a/s",
        "connected",
        &["1 connected 10.0.0.1:80 10.9.9.9"],
    );
    fails(
        &observed(10, r#"{"connected": 9, "timeout": 1}"#, ""),
        &verdict,
        "observed timeout, predicted only connected",
    );
}

#[test]
fn a_predicted_outcome_may_be_missing_by_chance_only() {
    let verdict = verdict("service:a/s", "partial", THREE);
    // (2/3)^17 = 0.00101, (2/3)^18 = 0.00068
    holds(&observed(17, r#"{"connected": 17}"#, ""), &verdict);
    fails(
        &observed(18, r#"{"connected": 18}"#, ""),
        &verdict,
        "predicted timeout with probability 0.333, not seen in 18 attempts",
    );
}

#[test]
fn probabilities_of_one_outcome_add_up() {
    let verdict = verdict(
        "service:a/s",
        "partial",
        &[
            "1/3 timeout",
            "1/3 timeout",
            "1/3 connected 10.0.0.1:80 10.9.9.9",
        ],
    );
    // (1/3)^6 = 0.0014, (1/3)^7 = 0.00046
    holds(&observed(6, r#"{"connected": 6}"#, ""), &verdict);
    assert!(judge(&observed(7, r#"{"connected": 7}"#, ""), &verdict).is_err());
}

#[test]
fn a_count_of_zero_is_not_an_observation() {
    let verdict = verdict(
        "service:a/s",
        "connected",
        &["1 connected 10.0.0.1:80 10.9.9.9"],
    );
    holds(
        &observed(3, r#"{"connected": 3, "timeout": 0}"#, ""),
        &verdict,
    );
}

#[test]
fn attempts_that_depend_on_each_other_count_as_one() {
    let verdict = verdict("service:a/s", "partial", THREE);
    let backends = r#", "sequential": true, "backends": ["10.0.0.1:80"]"#;
    holds(&observed(50, r#"{"connected": 50}"#, backends), &verdict);
}

#[test]
fn a_sure_outcome_must_show_even_in_dependent_attempts() {
    let verdict = verdict("service:a/s", "timeout", &["1 timeout"]);
    fails(
        &observed(5, r#"{"connected": 5}"#, r#", "sequential": true"#),
        &verdict,
        "observed connected, predicted only timeout",
    );
}

#[test]
fn a_lost_syn_hides_a_failing_branch() {
    let verdict = verdict("service:a/s", "partial", THREE);
    let without = observed(30, r#"{"connected": 30}"#, "");
    let with = observed(30, r#"{"connected": 30}"#, r#", "retransmitted": 9"#);
    assert!(judge(&without, &verdict).is_err());
    holds(&with, &verdict);
}

#[test]
fn a_lost_syn_does_not_excuse_a_missing_success() {
    let verdict = verdict("service:a/s", "partial", THREE);
    assert!(
        judge(
            &observed(30, r#"{"timeout": 30}"#, r#", "retransmitted": 9"#),
            &verdict
        )
        .is_err()
    );
}

#[test]
fn either_outcome_of_an_unresolved_neighbour_was_right() {
    let verdict = verdict("pod:a/s", "unreachable", &["1 unreachable/timeout"]);
    holds(&observed(9, r#"{"timeout": 9}"#, ""), &verdict);
    holds(&observed(9, r#"{"unreachable": 9}"#, ""), &verdict);
    holds(
        &observed(9, r#"{"unreachable": 5, "timeout": 4}"#, ""),
        &verdict,
    );
    assert!(judge(&observed(9, r#"{"refused": 9}"#, ""), &verdict).is_err());
}

#[test]
fn observed_backends_must_be_predicted() {
    let verdict = verdict("service:a/s", "partial", THREE);
    fails(
        &observed(2, r#"{"connected": 2}"#, r#", "backends": ["10.0.0.3:80"]"#),
        &verdict,
        "observed backend 10.0.0.3:80, predicted 10.0.0.1:80, 10.0.0.2:80",
    );
}

#[test]
fn the_backend_of_a_failing_branch_is_no_prediction() {
    let verdict = verdict(
        "service:a/s",
        "partial",
        &[
            "1/2 connected 10.0.0.1:80 10.9.9.9",
            "1/2 timeout 10.0.0.2:80 10.9.9.9",
        ],
    );
    let why = judge(
        &observed(2, r#"{"connected": 2}"#, r#", "backends": ["10.0.0.2:80"]"#),
        &verdict,
    );
    assert_eq!(
        why,
        Err("observed backend 10.0.0.2:80, predicted 10.0.0.1:80".to_owned())
    );
}

#[test]
fn observed_clients_must_be_predicted() {
    let verdict = verdict(
        "pod:a/s",
        "connected",
        &["1 connected 10.0.0.1:80 10.9.9.9"],
    );
    holds(
        &observed(1, r#"{"connected": 1}"#, r#", "clients": ["10.9.9.9"]"#),
        &verdict,
    );
    fails(
        &observed(1, r#"{"connected": 1}"#, r#", "clients": ["10.8.8.8"]"#),
        &verdict,
        "observed client address 10.8.8.8, predicted 10.9.9.9",
    );
}

#[test]
fn addresses_are_compared_by_value() {
    let verdict = verdict(
        "pod:a/s",
        "connected",
        &["1 connected [2001:db8::1]:80 2001:db8::9"],
    );
    let rest = r#", "backends": ["[2001:DB8:0::1]:80"], "clients": ["2001:db8:0:0::9"]"#;
    holds(&observed(1, r#"{"connected": 1}"#, rest), &verdict);
}

#[test]
fn unknown_agrees_with_nothing() {
    for verdict in [
        verdict("pod:a/s", "unknown", &["1 unknown"]),
        verdict(
            "service:a/s",
            "connected",
            &["99999/100000 connected", "1/100000 unknown"],
        ),
        verdict("pod:a/s", "unknown", &["1 timeout"]),
    ] {
        fails(
            &observed(1, r#"{"timeout": 1}"#, ""),
            &verdict,
            "`unknown` agrees with no observation",
        );
    }
}

#[test]
fn a_verdict_without_branches_agrees_with_nothing() {
    let verdict = verdict("pod:a/s", "timeout", &[]);
    fails(
        &observed(1, r#"{"timeout": 1}"#, ""),
        &verdict,
        "observed timeout, predicted only none",
    );
}

#[test]
fn a_flow_to_a_pod_has_one_outcome() {
    let forked = &["1/2 connected 10.0.0.1:80 10.9.9.9", "1/2 timeout"];
    let seen = observed(4, r#"{"connected": 4}"#, "");
    fails(
        &seen,
        &verdict("pod:a/s", "partial", forked),
        "predicts connected and timeout for pod:a/s, where the world has no choice",
    );
    holds(&seen, &verdict("service:a/s", "partial", forked));
}

#[test]
fn an_address_forks_only_where_the_destination_is_translated() {
    let seen = observed(4, r#"{"connected": 4}"#, "");
    holds(
        &seen,
        &verdict(
            "node:n1",
            "partial",
            &["1/2 connected 10.0.0.1:80 10.9.9.9", "1/2 timeout"],
        ),
    );
    assert!(
        judge(
            &seen,
            &verdict("node:n1", "partial", &["1/2 connected", "1/2 timeout"])
        )
        .is_err()
    );
    assert!(
        judge(
            &seen,
            &verdict("ip:192.0.2.7", "partial", &["1/2 connected", "1/2 refused"])
        )
        .is_err()
    );
}

#[test]
fn branches_that_share_a_defensible_outcome_are_no_fork() {
    let verdict = verdict(
        "pod:a/s",
        "timeout",
        &["1/2 timeout/unreachable", "1/2 timeout"],
    );
    holds(&observed(4, r#"{"timeout": 4}"#, ""), &verdict);
}

#[test]
fn a_backend_that_should_have_answered_is_missed() {
    let verdict = verdict(
        "service:a/s",
        "connected",
        &[
            "1/2 connected 10.0.0.1:80 10.9.9.9",
            "1/2 connected 10.0.0.2:80 10.9.9.9",
        ],
    );
    let one = r#", "backends": ["10.0.0.1:80"]"#;
    holds(&observed(9, r#"{"connected": 9}"#, one), &verdict);
    fails(
        &observed(10, r#"{"connected": 10}"#, one),
        &verdict,
        "predicted backend 10.0.0.2:80 with probability 0.500, not seen in 10 attempts",
    );
}

#[test]
fn backends_are_not_missed_where_nobody_asked_who_answered() {
    let verdict = verdict(
        "service:a/s",
        "connected",
        &[
            "1/2 connected 10.0.0.1:80 10.9.9.9",
            "1/2 connected 10.0.0.2:80 10.9.9.9",
        ],
    );
    holds(&observed(40, r#"{"connected": 40}"#, ""), &verdict);
}

#[test]
fn a_demand_and_an_observation_must_both_hold() {
    let verdict = verdict("pod:a/s", "timeout", &["1 timeout"]);
    let both = r#""observed": {"attempts": 1, "outcomes": {"timeout": 1}}"#;
    holds(
        &expectation(&format!(r#""expect": "timeout", {both}"#)),
        &verdict,
    );
    fails(
        &expectation(&format!(r#""expect": "connected", {both}"#)),
        &verdict,
        "expected connected, got timeout",
    );
}

#[test]
fn the_cause_is_judged_by_the_first_finding() {
    let mut verdict = verdict("pod:a/s", "timeout", &["1 timeout"]);
    let expectation =
        expectation(r#""expect": "timeout", "cause": {"objects": ["node:n1", "pod:a/s"]}"#);
    assert_eq!(names_the_cause(&expectation, &verdict), Some(false));
    for (object, named) in [("node:n2", false), ("node:n1", true), ("pod:a/s", true)] {
        verdict.findings = vec![
            serde_json::from_value(serde_json::json!({
                "code": "route.missing", "severity": "cause", "object": object,
                "where": {"namespace": "nodes/n1/host"}, "message": "m", "evidence": [], "fix": "f"
            }))
            .unwrap(),
        ];
        assert_eq!(
            names_the_cause(&expectation, &verdict),
            Some(named),
            "{object}"
        );
    }
    let without = self::expectation(r#""expect": "timeout""#);
    assert_eq!(names_the_cause(&without, &verdict), None);
}

#[test]
fn a_node_port_may_fork_though_a_host_network_pod_has_the_address() {
    let mut verdict = verdict(
        "10.99.0.21",
        "partial",
        &["1/2 connected 10.0.0.1:80 10.9.9.9", "1/2 timeout"],
    );
    verdict.flow.to.object = "pod:kube-system/kube-proxy-x".into();
    holds(&observed(4, r#"{"connected": 4}"#, ""), &verdict);
}
