//! Verdicts with every optional field set, built field by field: a new field does not compile until it is here.

use pathglass_sim::flow::{FlowRequest, Protocol};
use pathglass_sim::snapshot::Seal;
use pathglass_sim::verdict::{
    Branch, Evidence, Finding, FiveTuple, Flow, FlowEnd, Gap, Hop, HopStep, Intended, Intention,
    Leg, NearMiss, Outcome, Place, Probability, Receipt, ReceiptEntry, Reply, SCHEMA, Scope,
    Severity, Shared, StepStatus, Verdict,
};

/// One full verdict for each kind of seal.
pub(crate) fn verdicts() -> Vec<Verdict> {
    let name = "ops".to_owned();
    let fingerprint = "ab".repeat(32);
    [
        Seal::Trusted { name },
        Seal::UnknownKey { fingerprint },
        Seal::Unsigned,
    ]
    .map(verdict)
    .into()
}

/// The words of each enumeration, by its name in the schema.
pub(crate) fn words() -> Vec<(&'static str, Vec<String>)> {
    use Outcome::{Connected, Partial, Refused, Timeout, Unknown, Unreachable};
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    macro_rules! words {
        ($($value:expr),+) => { vec![$(word(serde_json::json!($value))),+] };
    }
    vec![
        (
            "Outcome",
            words![Connected, Refused, Unreachable, Timeout, Partial, Unknown],
        ),
        ("Scope", words![Scope::EndToEnd, Scope::ToBoundary]),
        (
            "StepStatus",
            words![StepStatus::Normal, StepStatus::Blocked, StepStatus::Unknown],
        ),
        (
            "Severity",
            words![
                Severity::Cause,
                Severity::Contributing,
                Severity::Warning,
                Severity::Info
            ],
        ),
        (
            "Intention",
            words![Intention::Allows, Intention::Forbids, Intention::Unknown],
        ),
        (
            "Protocol",
            words![Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::Icmp],
        ),
    ]
}

fn verdict(seal: Seal) -> Verdict {
    Verdict {
        schema: SCHEMA.to_owned(),
        receipt: Receipt {
            manifest_sha256: "0f".repeat(32),
            engine: "pathglass-sim 0.0.0".to_owned(),
            entries: vec![
                ReceiptEntry {
                    path: "kube/pods.json".to_owned(),
                    sha256: "1e".repeat(32),
                }
                .into(),
            ],
        },
        seal,
        flow: flow(),
        outcome: Outcome::Partial,
        scope: Scope::EndToEnd,
        assumptions: vec!["the remote host answers".to_owned()],
        possible: vec![Outcome::Timeout],
        settle: vec!["nodes/n1/host/ipset-save.txt".to_owned()],
        gaps: vec![Gap {
            file: "nodes/n1/host/ipset-save.txt".to_owned(),
            reason: "not-tried".to_owned(),
        }],
        legs: vec![Leg {
            name: "DNS query over UDP".to_owned(),
            from: end("pod:default/a", "192.0.2.1"),
            to: end("service:kube-system/kube-dns", "192.0.2.10"),
            outcome: Outcome::Connected,
            steps: hop().steps,
            branches: vec![branch()],
        }],
        branches: vec![branch()],
        findings: vec![finding()],
        intended: vec![Intended {
            direction: "ingress".to_owned(),
            object: "pod:default/b".to_owned(),
            intention: Intention::Forbids,
            message: "policy:default/deny isolates it".to_owned(),
            evidence: vec![evidence().into()],
        }],
    }
}

fn flow() -> Flow {
    Flow {
        request: FlowRequest {
            from: "pod:default/a".to_owned(),
            to: "service:default/b".to_owned(),
            port: Some(80),
            protocol: Protocol::Udp,
            bytes: Some(1400),
            strict: true,
        },
        from: end("pod:default/a", "192.0.2.1"),
        to: end("service:default/b", "192.0.2.2"),
    }
}

fn end(object: &str, address: &str) -> FlowEnd {
    FlowEnd {
        object: object.to_owned(),
        address: address.to_owned(),
        namespace: Some("nodes/n1/pods/default_a".to_owned()),
    }
}

fn branch() -> Branch {
    Branch {
        probability: Probability {
            numerator: 1,
            denominator: 3,
        },
        outcome: Outcome::Timeout,
        also: Some(Outcome::Unreachable),
        retries: true,
        backend: Some("192.0.2.3:80".to_owned()),
        client: Some("192.0.2.1".to_owned()),
        hops: vec![hop()],
        reply: Reply { hops: vec![hop()] },
    }
}

fn hop() -> Hop {
    let tuple = Shared::from(FiveTuple {
        protocol: "udp".to_owned(),
        src: "192.0.2.1".to_owned(),
        sport: Some("32768-60999".to_owned()),
        dst: "192.0.2.2".to_owned(),
        dport: Some("80".to_owned()),
    });
    Hop {
        namespace: "nodes/n1/host".to_owned(),
        object: "node:n1".to_owned(),
        device_in: Some("cni0".to_owned()),
        device_out: Some("eth0".to_owned()),
        before: tuple.clone(),
        after: tuple,
        steps: vec![HopStep {
            text: "no \"route\"\n\u{7f}é".to_owned(),
            status: StepStatus::Blocked,
            evidence: vec![evidence().into()],
        }],
        as_if_passed: true,
    }
}

fn finding() -> Finding {
    Finding {
        code: "route.missing".to_owned(),
        severity: Severity::Cause,
        object: "node:n1".to_owned(),
        place: Place {
            namespace: "nodes/n1/host".to_owned(),
            device: Some("eth0".to_owned()),
            rule: Some("filter FORWARD 3".to_owned()),
        },
        message: "there is no route".to_owned(),
        evidence: vec![evidence().into()],
        nearest: vec![NearMiss {
            text: "rule 3 of chain FORWARD would let it pass".to_owned(),
            evidence: evidence().into(),
        }],
        confirm: vec!["ip route get 10.0.0.1".to_owned()],
        fix: "add it".to_owned(),
        skb_drop_reason: Some("SKB_DROP_REASON_IP_OUTNOROUTES".to_owned()),
        under: Some("device.down".to_owned()),
    }
}

fn evidence() -> Evidence {
    Evidence {
        file: "nodes/n1/host/ip-route.json".to_owned(),
        line: Some(1),
        pointer: Some("/0".to_owned()),
        text: "{}".to_owned(),
    }
}
