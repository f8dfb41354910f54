//! Routes and rules that are missing, wrong or of another kind.

use super::topology::PORT;
use crate::oracle::draft::Draft;

/// Adds a few.
pub fn ops(draft: &mut Draft) {
    for _ in 0..draft.rng.usize(1..=3) {
        one(draft);
    }
}

fn one(draft: &mut Draft) {
    let nodes = draft.topology.nodes.clone();
    let pods = draft.topology.pods.clone();
    let (node, pod) = (draft.pick(&nodes), draft.pick(&pods));
    let v6 = draft.chance(45);
    let host = if v6 { 128 } else { 32 };
    let to = format!("{}/{host}", pod.ip(v6));
    let at = node.place.as_str();
    match draft.rng.u32(0..7) {
        0 => {
            let kind = draft.pick(&["blackhole", "unreachable", "prohibit"]);
            draft.ip(&format!("fib.{kind}"), at, format!("route add {kind} {to}"));
        }
        1 => {
            let kind = draft.pick(&["blackhole", "unreachable", "prohibit"]);
            let line = format!("rule add to {to} priority 100 {kind}");
            if v6 {
                draft.ip6("fib.rule-type", at, line);
            } else {
                draft.ip("fib.rule-type", at, line);
            }
        }
        2 => {
            let line = format!(
                "rule add to {to} ipproto tcp dport {PORT} priority 101 table 77\nroute add blackhole default table 77"
            );
            if v6 {
                draft.ip6("fib.rule-ports", at, line);
            } else {
                draft.ip("fib.rule-ports", at, line);
            }
        }
        3 => {
            let line = "rule add iif eth0 priority 102 table 78\nroute add throw default table 78";
            if v6 {
                draft.ip6("fib.throw", at, line);
            } else {
                draft.ip("fib.throw", at, line);
            }
        }
        4 if v6 => draft.ip6("fib.default", &pod.place, "route del default"),
        4 => draft.ip("fib.default", &pod.place, "route del default"),
        5 => {
            let from = format!("{}/{host}", node.ip(v6));
            let line = format!("rule add from {from} to {to} priority 103 prohibit");
            if v6 {
                draft.ip6("fib.rule-from", at, line);
            } else {
                draft.ip("fib.rule-from", at, line);
            }
        }
        _ => {
            // A longer prefix with a wrong next hop.
            let other = draft.pick(&nodes);
            draft.ip(
                "fib.route",
                at,
                format!("route add {to} via {}", other.ip(v6)),
            );
        }
    }
}
