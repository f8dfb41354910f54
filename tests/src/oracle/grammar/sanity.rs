//! Sysctls that make the kernel drop or answer otherwise.

use crate::oracle::draft::Draft;

/// Adds a few.
pub fn ops(draft: &mut Draft) {
    for _ in 0..draft.rng.usize(1..=3) {
        one(draft);
    }
}

fn one(draft: &mut Draft) {
    let nodes = draft.topology.nodes.clone();
    let node = draft.pick(&nodes);
    let at = node.place.as_str();
    match draft.rng.u32(0..5) {
        0 => draft.sysctl("sanity.forwarding", at, "net.ipv4.ip_forward=0"),
        1 => draft.sysctl("sanity.forwarding", at, "net.ipv6.conf.all.forwarding=0"),
        2 => {
            let value = draft.pick(&[1, 2]);
            let device = draft.pick(&["all", "eth0"]);
            draft.sysctl(
                "sanity.rp_filter",
                at,
                format!("net.ipv4.conf.{device}.rp_filter={value}"),
            );
        }
        3 => draft.sysctl("sanity.forwarding", at, "net.ipv4.conf.eth0.forwarding=0"),
        _ => draft.sysctl(
            "sanity.bridge-nf-call",
            at,
            "net.bridge.bridge-nf-call-iptables=0",
        ),
    }
}
