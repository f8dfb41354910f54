//! Verdicts as a person reads them.

use pathglass_sim::verdict::{Lang, Verdict};
use serde_json::{Value, json};

use super::render;

/// A verdict of hand-made parts; what a case does not name is empty.
fn verdict(parts: &Value) -> Verdict {
    let mut whole = json!({
        "schema": "pathglass.verdict/v1",
        "receipt": {"manifest_sha256": "0123456789abcdef0123", "engine": "pathglass-sim 0.1.0",
                    "entries": [{"path": "kube/pods.json", "sha256": "00"}]},
        "seal": {"kind": "unsigned"},
        "flow": {"request": {"from": "pod:default/client-1", "to": "service:default/web", "port": 80},
                 "from": {"object": "pod:default/client-1", "address": "10.244.2.9"},
                 "to": {"object": "service:default/web", "address": "10.96.12.7"}},
        "outcome": "connected", "scope": "end-to-end",
        "assumptions": [], "possible": [], "settle": [], "gaps": [], "branches": [], "findings": [],
    });
    for (key, value) in parts.as_object().unwrap() {
        whole[key] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

fn text(parts: &Value) -> String {
    let text = anstream::adapter::strip_str(&render(&verdict(parts), Lang::En)).to_string();
    for line in text.lines() {
        assert!(
            super::wrap::width(line) <= 80,
            "wider than 80 columns: {line}"
        );
    }
    text
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn tuple(src: &str, dst: &str, dport: &str) -> Value {
    json!({"protocol": "tcp", "src": src, "sport": "32768-60999", "dst": dst, "dport": dport})
}

fn hop(object: &str, devices: (Option<&str>, Option<&str>), steps: &[(&str, &str)]) -> Value {
    let packet = tuple("10.244.2.9", "10.96.12.7", "80");
    let steps: Vec<Value> = steps
        .iter()
        .map(|(status, text)| json!({"status": status, "text": text, "evidence": []}))
        .collect();
    json!({"namespace": "n", "object": object, "device_in": devices.0, "device_out": devices.1,
           "before": packet, "after": packet, "steps": steps})
}

fn not_programmed() -> Value {
    json!({
        "outcome": "timeout",
        "branches": [{
            "probability": "1", "outcome": "timeout", "reply": {"hops": []},
            "hops": [
                hop("pod:default/client-1", (None, Some("eth0")), &[("normal", "default via 10.244.2.1")]),
                hop("node:node-3", (Some("cni0"), Some("eth0")), &[
                    ("normal", "nat PREROUTING: KUBE-SERVICES, no rule matches"),
                    ("normal", "default via 10.99.0.1")]),
                hop("fabric:router", (Some("eth0"), None), &[
                    ("blocked", "no route to 10.96.12.7, the packet is dropped")]),
            ],
        }],
        "findings": [{
            "code": "service.not-programmed", "severity": "cause", "object": "pod:kube-system/kube-proxy-x7k2p",
            "where": {"namespace": "nodes/node-3/host"},
            "message": "node-3 has no rules for service default/web: kube-proxy is not running there",
            "evidence": [
                {"file": "nodes/node-1/host/iptables-save.txt", "line": 211,
                 "text": "-A KUBE-SERVICES -d 10.96.12.7/32 -p tcp -m comment --comment \"default/web cluster IP\" -m tcp --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G"},
                {"file": "kube/pods.json", "pointer": "/items/17/status", "text": "{\"phase\":\"Pending\"}"}],
            "fix": "give kube-proxy priorityClassName system-node-critical; the rules appear when it runs",
        }],
        "gaps": [{"file": "nodes/node-3/host/ipvsadm-save.txt", "reason": "not-tried"}],
    })
}

#[test]
fn a_failing_flow_shows_cause_evidence_fix_and_path() {
    snapshot(
        "a_failing_flow_shows_cause_evidence_fix_and_path",
        &text(&not_programmed()),
    );
}

#[test]
fn a_flow_of_several_ways_shows_the_likeliest_that_fails() {
    let way = |probability: &str, outcome: &str, backend: &str| {
        let mut client = hop(
            "pod:default/a-client-with-a-rather-long-name-5d4f-x2k",
            (None, Some("eth0")),
            &[],
        );
        client["after"] = tuple("10.244.2.9", backend.split(':').next().unwrap(), "8080");
        let status = if outcome == "connected" {
            "normal"
        } else {
            "blocked"
        };
        json!({"probability": probability, "outcome": outcome, "backend": backend, "client": "10.244.2.9",
               "retries": outcome != "connected",
               "hops": [client, hop("node:node-1", (Some("cni0"), Some("eth0")), &[(status, format!("to {backend}").as_str())])],
               "reply": {"hops": [hop("node:node-1", (Some("eth0"), Some("cni0")), &[])]}})
    };
    snapshot(
        "a_flow_of_several_ways_shows_the_likeliest_that_fails",
        &text(&json!({
            "outcome": "partial",
            "branches": [way("1/2", "connected", "10.244.1.5:8080"),
                         way("1/6", "timeout", "10.244.3.6:8080"),
                         way("1/3", "timeout", "10.244.3.7:8080")],
            "seal": {"kind": "trusted", "name": "ops"},
        })),
    );
}

#[test]
fn a_connected_flow_is_short() {
    snapshot(
        "a_connected_flow_is_short",
        &text(&json!({
            "branches": [{"probability": "1", "outcome": "connected", "backend": "10.244.1.5:8080", "client": "10.244.2.9",
                "hops": [hop("pod:default/client-1", (None, Some("eth0")), &[]),
                         hop("pod:default/web-1", (Some("eth0"), None), &[("normal", "delivered to web")])],
                "reply": {"hops": [hop("pod:default/web-1", (None, Some("eth0")), &[]),
                                   hop("pod:default/client-1", (Some("eth0"), None), &[])]}}],
            "scope": "to-boundary", "assumptions": ["the remote host answers"],
            "seal": {"kind": "unknown-key", "fingerprint": "ab54d286a07f8b7e0123"},
        })),
    );
}

#[test]
fn an_unknown_says_what_is_possible_and_what_would_settle_it() {
    snapshot(
        "an_unknown_says_what_is_possible_and_what_would_settle_it",
        &text(&json!({
            "outcome": "unknown", "possible": ["connected", "timeout"],
            "settle": ["capture nodes/node-2/host/ipset-save.txt: `ipset save` on node-2"],
            "gaps": (0..9).map(|index| json!({"file": format!("nodes/node-{index}/host/ipset-save.txt"), "reason": "failed"})).collect::<Vec<_>>(),
            "branches": [{"probability": "1", "outcome": "unknown", "reply": {"hops": []},
                "hops": [hop("node:node-2", (Some("eth0"), None), &[("unknown", "-m set --match-set KUBE-SRC: the set was not captured")])]}],
            "findings": [{"code": "evidence.missing", "severity": "warning", "object": "node:node-2", "where": {"namespace": "n"},
                          "message": "a rule needs a set that was not captured", "evidence": [], "fix": ""}],
        })),
    );
}

#[test]
fn a_hop_behind_the_blocker_is_told_apart() {
    let mut parts = not_programmed();
    let mut behind = hop(
        "pod:default/web-1",
        (Some("eth0"), None),
        &[("normal", "delivered")],
    );
    behind["as_if_passed"] = true.into();
    parts["branches"][0]["hops"]
        .as_array_mut()
        .unwrap()
        .push(behind);
    parts["branches"][0]["also"] = "unreachable".into();
    let text = text(&parts);
    assert!(
        text.contains("behind it, as if the packet had passed:\n"),
        "{text}"
    );
    assert!(
        text.contains("Or       unreachable: a neighbour does not resolve"),
        "{text}"
    );
}

#[test]
fn hostile_evidence_cannot_write_escape_sequences() {
    let mut parts = not_programmed();
    parts["findings"][0]["evidence"][0]["text"] = "\u{1b}]0;owned\u{7}".into();
    let styled = render(&verdict(&parts), Lang::En);
    assert!(!styled.contains("\u{1b}]0"), "{styled}");
    assert!(!styled.contains('\u{7}'));
}

#[test]
fn the_source_that_the_kernel_chooses_is_shown_at_once() {
    let mut parts = not_programmed();
    parts["branches"][0]["hops"][0]["before"]["src"] = "0.0.0.0".into();
    let text = text(&parts);
    assert!(text.contains("10.244.2.9 → 10.96.12.7:80"), "{text}");
    assert!(!text.contains("0.0.0.0") && !text.contains("now"), "{text}");
}
