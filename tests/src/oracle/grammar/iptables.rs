//! Filter rules as policies and administrators write them.

use super::topology::PORT;
use crate::oracle::draft::Draft;

/// Adds a few.
pub fn ops(draft: &mut Draft) {
    for _ in 0..draft.rng.usize(1..=3) {
        one(draft);
    }
}

fn one(draft: &mut Draft) {
    let clients = draft.topology.clients();
    let pods = draft.topology.pods.clone();
    let (at, pod, source) = (draft.pick(&clients), draft.pick(&pods), draft.pick(&pods));
    let v6 = draft.chance(45);
    let (to, from) = (pod.ip(v6), source.ip(v6));
    let protocol = draft.pick(&["tcp", "udp"]);
    match draft.rng.u32(0..5) {
        0 => {
            let chain = draft.pick(&["INPUT", "OUTPUT", "FORWARD"]);
            draft.iptables("netfilter.drop", &at, v6, "filter", &format!("-A {chain} -d {to} -p {protocol} -m {protocol} --dport {PORT} -j DROP"));
        }
        1 => {
            let chain = draft.pick(&["INPUT", "OUTPUT", "FORWARD"]);
            draft.iptables("netfilter.reject", &at, v6, "filter", &format!("-A {chain} -d {to} -j REJECT"));
        }
        2 => draft.iptables("netfilter.policy", &at, v6, "filter", &format!(":FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -s {from} -j ACCEPT")),
        3 => draft.iptables("netfilter.raw", &at, v6, "raw", &format!("-A PREROUTING -s {from} -p {protocol} -j DROP")),
        _ => draft.iptables("netfilter.reject-reset", &at, v6, "filter", &format!("-A INPUT -p tcp -m tcp --dport {PORT} -s {from} -j REJECT --reject-with tcp-reset")),
    }
}
