//! nftables as administrators and firewalld write it: sets, maps, base chains at priorities, device and bridge chains.

use super::spot::Spot;
use super::topology::{PORT, Wiring};
use crate::oracle::draft::Draft;

/// Neighbour discovery passes first: who knows whom is otherwise a matter of the flows before.
const ND: &str = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept";

/// Adds one table.
pub fn one(draft: &mut Draft) {
    match draft.rng.u32(0..8) {
        0 => device(draft),
        1 => bridge(draft),
        2 => early(draft),
        _ => filter(draft),
    }
}

fn name(draft: &mut Draft) -> String {
    format!("t{}", draft.rng.u32(0..1_000_000))
}

/// A base chain with a rule that decides.
fn filter(draft: &mut Draft) {
    let spot = Spot::draw(draft);
    let (feature, declared, condition) = condition(draft, &spot);
    // A second question meets the state that the first left: an error then shows or not, by who waits how long.
    let verdict = match feature {
        "netfilter.nft-ct-state"
        | "netfilter.nft-ct-status"
        | "netfilter.nft-ct-direction"
        | "netfilter.nft-ct-mark" => "counter drop",
        _ => verdict(draft),
    };
    let hook = spot.chain.to_lowercase();
    let legacy = super::spot::is_legacy(draft, &spot.place);
    let priority = match draft.pick(&["-10", "0", "10", "-150", "50"]) {
        "0" if legacy => "5",
        other => other,
    };
    let table = name(draft);
    let family = draft.pick(&["inet", spot.nft_family()]);
    let nd = if family == "ip" { "" } else { ND };
    draft.nft(
        feature,
        &spot.place,
        format!(
            "table {family} {table} {{\n{declared}\n chain c {{ type filter hook {hook} priority {priority}; policy accept;\n  {nd}\n  {condition} {verdict}\n }}\n}}"
        ),
    );
}

fn verdict(draft: &mut Draft) -> &'static str {
    match draft.rng.u32(0..10) {
        0..=5 => "counter drop",
        6 => "reject",
        7 => "reject with icmpx admin-prohibited",
        8 => "reject with icmpx host-unreachable",
        _ => "meta l4proto tcp reject with tcp reset",
    }
}

/// The feature, what it declares in the table, and the condition.
fn condition(draft: &mut Draft, spot: &Spot) -> (&'static str, String, String) {
    let (ip, key, kind, family) = (
        spot.ip(),
        spot.nft_key(),
        spot.nft_type(),
        spot.nft_family(),
    );
    let block = spot.block(draft);
    let at = spot.nft_condition();
    let pods = draft.topology.pods.clone();
    let services = draft.topology.services.clone();
    let other = draft.pick(&pods).ip(spot.v6);
    let service = draft.pick(&services);
    let protocol = draft.pick(&["tcp", "udp"]);
    let none = String::new();
    match draft.rng.u32(0..22) {
        0 => (
            "netfilter.nft-set",
            format!(" set s {{ type {kind}; elements = {{ {ip} }} }}"),
            format!("{key} @s {protocol} dport {PORT}"),
        ),
        1 => (
            "netfilter.nft-interval",
            format!(" set s {{ type {kind}; flags interval; elements = {{ {block} }} }}"),
            format!("{key} @s {family} saddr != {other}"),
        ),
        2 => (
            "netfilter.nft-concat",
            format!(
                " set s {{ type {kind} . inet_proto . inet_service; elements = {{ {ip} . {protocol} . {PORT} }} }}"
            ),
            format!("{key} . meta l4proto . th dport @s"),
        ),
        3 => (
            "netfilter.nft-concat-interval",
            format!(
                " set s {{ type {kind} . inet_service; flags interval; elements = {{ {block} . 1000-{PORT} }} }}"
            ),
            format!("{key} . {protocol} dport @s"),
        ),
        4 => (
            "netfilter.nft-vmap",
            format!(" chain d {{ drop; }}\n chain e {{ {protocol} dport {PORT} drop; }}"),
            format!(
                "{key} vmap {{ {ip} : jump {} }}\n  {key} {other} {protocol} dport 1",
                draft.pick(&["d", "e"])
            ),
        ),
        5 => (
            "netfilter.nft-ct-state",
            none,
            format!("ct state vmap {{ established : accept, related : accept }}\n  {at}"),
        ),
        6 => (
            "netfilter.nft-ct-state",
            none,
            format!(
                "{at} ct state {}",
                draft.pick(&[
                    "new",
                    "established",
                    "invalid",
                    "untracked",
                    "{ new, untracked }"
                ])
            ),
        ),
        7 => (
            "netfilter.nft-ct-status",
            none,
            format!(
                "{at} ct status {}",
                draft.pick(&["dnat", "snat", "seen-reply"])
            ),
        ),
        8 => (
            "netfilter.nft-ct-tuple",
            none,
            format!("ct original {family} daddr {} {at}", service.ip(spot.v6)),
        ),
        9 => (
            "netfilter.nft-ct-tuple",
            none,
            format!("ct original proto-dst {} {at}", service.port),
        ),
        10 => (
            "netfilter.nft-ct-direction",
            none,
            format!("{at} ct direction {}", draft.pick(&["original", "reply"])),
        ),
        11 => (
            "netfilter.nft-fib",
            none,
            format!(
                "{at} fib {} type {}",
                draft.pick(&["saddr", "daddr"]),
                draft.pick(&["local", "unicast", "!= local"])
            ),
        ),
        12 => (
            "netfilter.nft-mark",
            none,
            format!("{at} meta mark set 0x77\n  meta mark 0x77 {protocol} dport {PORT}"),
        ),
        13 => (
            "netfilter.nft-ct-mark",
            none,
            format!(
                "{at} ct state new ct mark set 0x55\n  ct mark 0x55 ct direction {}",
                draft.pick(&["reply", "original"])
            ),
        ),
        14 => (
            "netfilter.nft-tcp-flags",
            none,
            format!(
                "{at} {}",
                draft.pick(&[
                    "tcp flags syn / fin,syn,rst,ack",
                    "tcp flags & (syn|ack) == (syn|ack)",
                    "tcp flags psh",
                    "tcp flags ! syn"
                ])
            ),
        ),
        15 => (
            "netfilter.nft-raw-payload",
            none,
            format!(
                "{at} meta l4proto {protocol} @th,16,16 {}",
                draft.pick(&[i64::from(PORT), 53])
            ),
        ),
        16 => (
            "netfilter.nft-length",
            none,
            format!(
                "{at} meta length {}",
                draft.pick(&["< 80", "> 1000", "60-200"])
            ),
        ),
        17 if spot.v6 => (
            "netfilter.nft-ttl",
            none,
            format!("{at} ip6 hoplimit {}", draft.pick(&["< 64", "63", "64"])),
        ),
        17 => (
            "netfilter.nft-ttl",
            none,
            format!("{at} ip ttl {}", draft.pick(&["< 64", "63", "64"])),
        ),
        18 => (
            "netfilter.nft-limit",
            none,
            format!(
                "{at} limit rate over {}/second burst {} packets",
                draft.pick(&[1_000_000, 2_000_000]),
                9000
            ),
        ),
        19 => (
            "netfilter.nft-maxseg",
            none,
            format!(
                "{at} tcp option maxseg size {}",
                draft.pick(&["1-1400", "1401-1460", "> 1000"])
            ),
        ),
        20 => (
            "netfilter.nft-device",
            none,
            format!(
                "{at} {} \"{}\"",
                draft.pick(&["iifname", "oifname", "iifname !="]),
                draft.pick(&["eth0", "cni0", "lo", "veth*"])
            ),
        ),
        _ => (
            "netfilter.nft-dynamic-set",
            format!(" set s {{ type {kind}; flags dynamic,timeout; timeout 1m; }}"),
            format!("{at} update @s {{ {family} saddr }} {protocol} dport {PORT}"),
        ),
    }
}

/// Chains on devices.
fn device(draft: &mut Draft) {
    let spot = Spot::draw(draft);
    let table = name(draft);
    let protocol = draft.pick(&["tcp", "udp"]);
    let at = spot.nft_condition();
    let what = draft.pick(&[
        format!("{protocol} dport {PORT}"),
        format!("{protocol} sport {PORT}"),
        String::new(),
    ]);
    let device = draft.pick(&["eth0".to_owned(), spot.pod.host_device.clone()]);
    let (feature, family, hook) = match draft.rng.u32(0..3) {
        0 => ("netfilter.nft-ingress", "netdev", "ingress"),
        1 => ("netfilter.nft-egress", "netdev", "egress"),
        _ => ("netfilter.nft-inet-ingress", "inet", "ingress"),
    };
    draft.nft(
        feature,
        &spot.place,
        format!("table {family} {table} {{\n chain c {{ type filter hook {hook} device \"{device}\" priority 0; policy accept;\n  {ND}\n  {at} {what} counter drop\n }}\n}}"),
    );
}

/// The bridge family.
fn bridge(draft: &mut Draft) {
    if draft.topology.wiring != Wiring::Bridge {
        filter(draft);
        return;
    }
    let mut spot = Spot::draw(draft);
    spot.place = draft.topology.node_of(&spot.pod).place.clone();
    let table = name(draft);
    let hook = draft.pick(&["forward", "input", "output", "prerouting", "postrouting"]);
    let at = spot.nft_condition();
    let protocol = draft.pick(&["tcp", "udp"]);
    let what = match draft.rng.u32(0..4) {
        0 => format!("iifname \"{}\"", spot.pod.host_device),
        1 => format!("oifname \"{}\"", spot.pod.host_device),
        2 => "meta ibrname \"cni0\"".to_owned(),
        _ => format!("{protocol} dport {PORT}"),
    };
    draft.nft(
        "netfilter.nft-bridge",
        &spot.place,
        format!("table bridge {table} {{\n chain c {{ type filter hook {hook} priority 0; policy accept;\n  {ND}\n  {at} {what} counter drop\n }}\n}}"),
    );
}

/// Before connections are tracked.
fn early(draft: &mut Draft) {
    let spot = Spot::draw(draft);
    let table = name(draft);
    let at = spot.nft_condition();
    let hook = spot.first_chain().to_lowercase();
    if hook == "prerouting" && draft.chance(30) {
        draft.nft(
            "netfilter.nft-rpf",
            &spot.place,
            format!("table inet {table} {{\n chain c {{ type filter hook prerouting priority -290; policy accept;\n  fib saddr . iif oif missing counter drop\n }}\n}}"),
        );
        return;
    }
    draft.nft(
        "netfilter.nft-notrack",
        &spot.place,
        format!("table inet {table} {{\n chain c {{ type filter hook {hook} priority -300; policy accept;\n  {at} notrack\n }}\n}}"),
    );
}
