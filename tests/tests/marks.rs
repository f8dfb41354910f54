//! What hooks see and set of what a node sends: which marks count for its route, and the device of tunnelled packets.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::verdict::Outcome;
use pathglass_tests::ask;
use pathglass_tests::cluster::{Cluster, edit};

/// The pod on the other node that is asked.
const POD: &str = "10.244.1.10";

/// What becomes of a connection to [`POD`] from a node whose `table` marks what goes there, where marked packets have no
/// way to `closed`.
fn marked_by(table: &str, closed: &str) -> Outcome {
    let mut files = Cluster::new(1).files();
    edit(&mut files, "nodes/node-1/host/ip-rule.json", |text| {
        *text = format!(
            r#"[{{"priority":0,"src":"all","table":"local"}},
            {{"priority":100,"src":"all","dst":"{closed}","fwmark":"0x1","fwmask":"0x1","action":"prohibit"}},
            {{"priority":32766,"src":"all","table":"main"}},{{"priority":32767,"src":"all","table":"default"}}]"#
        );
    });
    edit(&mut files, "nodes/node-1/host/iptables-save.txt", |text| {
        let (before, rest) = text.split_once(&format!("*{table}\n")).unwrap();
        let (own, after) = rest.split_once("COMMIT").unwrap();
        *text = format!(
            "{before}*{table}\n{own}[0:0] -A OUTPUT -d {POD}/32 -j MARK --set-xmark 0x1/0x1\nCOMMIT{after}"
        );
    });
    let request = FlowRequest {
        from: "node:node-1".to_owned(),
        to: POD.to_owned(),
        port: Some(8080),
        ..FlowRequest::default()
    };
    let verdict = ask::diagnose(&mut ask::unsealed(&files), &request).unwrap();
    verdict.outcome
}

/// `ipt_mangle_out()`, `nf_route_table_hook4()`: no other table's changes are looked at.
#[test]
fn only_the_mangle_table_makes_output_routed_again() {
    assert_eq!(marked_by("nat", POD), Outcome::Connected);
    assert_eq!(marked_by("filter", POD), Outcome::Connected);
    assert_ne!(marked_by("mangle", POD), Outcome::Connected);
}

/// `udp_tunnel_dst_lookup()`: `flowi4_mark` is the inner packet's mark.
#[test]
fn a_vxlan_packet_is_routed_by_the_mark_of_what_is_in_it() {
    assert_ne!(marked_by("mangle", "192.168.0.12"), Outcome::Connected);
    assert_eq!(marked_by("mangle", "192.168.0.13"), Outcome::Connected);
}

/// `ip_output()`: `indev` is `skb->dev`, which `iptunnel_xmit()` leaves as the tunnel's device set it.
#[test]
fn postrouting_sees_a_tunnelled_packet_come_in_by_the_tunnel() {
    let dropped_from = |device: &str| {
        let mut files = Cluster::new(1).files();
        edit(&mut files, "nodes/node-1/host/iptables-save.txt", |text| {
            let (before, rest) = text.split_once("*mangle\n").unwrap();
            let (own, after) = rest.split_once("COMMIT").unwrap();
            *text = format!(
                "{before}*mangle\n{own}:FROM - [0:0]\n[0:0] -A POSTROUTING -o eth0 -p udp -j FROM\n[0:0] -A FROM -i {device} -j DROP\nCOMMIT{after}"
            );
        });
        let request = FlowRequest {
            from: "node:node-1".to_owned(),
            to: POD.to_owned(),
            port: Some(8080),
            ..FlowRequest::default()
        };
        let verdict = ask::diagnose(&mut ask::unsealed(&files), &request).unwrap();
        verdict.outcome
    };
    assert_ne!(dropped_from("flannel.1"), Outcome::Connected);
    assert_eq!(dropped_from("eth0"), Outcome::Connected);
}
