//! Where a policy's word and the data plane meet: the outcome is the data plane's, the cause is the object to change.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::session::Session;
use pathglass_sim::snapshot::Folder;
use pathglass_sim::verdict::{Intention, Outcome, Severity};
use pathglass_tests::corpus::workspace;
use pathglass_tests::{ask, fuzzing};
use serde_json::{Value, json};

/// The bundled example with these policies on its namespace `shop`; `None` takes the list away.
fn example(spec: Option<&Value>) -> Session<Folder> {
    let mut files = fuzzing::read(&workspace().join("examples/missing-route")).unwrap();
    let policies = "kube/networkpolicies.json".to_owned();
    match spec {
        Some(spec) => {
            let list = json!({"items": [{
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": "p", "namespace": "shop"}, "spec": spec,
            }]});
            files.insert(policies, list.to_string().into_bytes().into());
        }
        None => drop(files.remove(&policies)),
    }
    ask::unsealed(&files)
}

#[test]
fn intent_meets_the_data_plane() {
    let web = json!({"matchLabels": {"app": "web"}});
    let deny = json!({"podSelector": web, "policyTypes": ["Ingress"]});
    let almost = json!({"podSelector": web, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}], "ports": [{"port": 80}]}]});
    let allow = json!({"podSelector": web, "ingress": [{"ports": [{"port": 8080}]}]});
    // Who is reached, under which policy; what is intended there, and the policy's finding with its severity.
    let here = ("10.244.1.3", Outcome::Connected);
    let there = ("10.244.2.3", Outcome::Timeout);
    let cases = [
        (
            here,
            Some(&deny),
            Intention::Forbids,
            Some(("policy.not-enforced", Severity::Warning, "node:node-1")),
        ),
        (
            there,
            Some(&deny),
            Intention::Forbids,
            Some((
                "policy.ingress-denied",
                Severity::Contributing,
                "policy:shop/p",
            )),
        ),
        (
            there,
            Some(&almost),
            Intention::Forbids,
            Some((
                "policy.ingress-denied",
                Severity::Contributing,
                "policy:shop/p",
            )),
        ),
        (here, Some(&allow), Intention::Allows, None),
        (there, Some(&allow), Intention::Allows, None),
        (here, None, Intention::Unknown, None),
        (there, None, Intention::Unknown, None),
    ];
    for ((to, outcome), policy, intended, finding) in cases {
        let flow = FlowRequest {
            from: "pod:shop/client".to_owned(),
            to: to.to_owned(),
            port: Some(8080),
            ..FlowRequest::default()
        };
        let verdict = ask::diagnose(&mut example(policy), &flow).unwrap();
        assert_eq!(verdict.outcome, outcome, "the outcome is the data plane's");
        let ingress = verdict
            .intended
            .iter()
            .find(|one| one.direction == "ingress")
            .unwrap();
        assert_eq!(
            ingress.intention, intended,
            "{to} with {policy:?}: {}",
            ingress.message
        );
        let of_policies = verdict
            .findings
            .iter()
            .filter(|one| one.code.starts_with("policy."));
        let found: Vec<_> = of_policies.collect();
        let named: Vec<_> = found
            .iter()
            .map(|one| (one.code.as_str(), one.severity, one.object.as_str()))
            .collect();
        assert_eq!(named, Vec::from_iter(finding), "{to} with {policy:?}");
        for one in found {
            assert!(
                one.evidence
                    .iter()
                    .any(|cited| cited.file == "kube/networkpolicies.json"
                        && cited.pointer.is_some())
            );
        }
        if policy == Some(&almost) {
            assert!(
                ingress.message.contains("port 80, not 8080"),
                "{}",
                ingress.message
            );
        }
        if outcome == Outcome::Timeout {
            assert_eq!(
                verdict.findings[0].object, "node:node-2",
                "the rule or route first"
            );
        }
    }
}
