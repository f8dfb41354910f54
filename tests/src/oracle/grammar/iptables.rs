//! iptables: the matches and targets that policies, kube-proxy and administrators use, in both back ends.

use super::spot::{Spot, put};
use super::topology::PORT;
use crate::oracle::draft::Draft;

/// Adds a few.
pub fn ops(draft: &mut Draft) {
    for _ in 0..draft.rng.usize(2..=4) {
        if draft.chance(35) {
            super::nft::one(draft);
        } else {
            one(draft);
        }
    }
}

fn one(draft: &mut Draft) {
    match draft.rng.u32(0..10) {
        0 => policy(draft),
        1 => marks(draft),
        2 => rewrite(draft),
        3 => early(draft),
        4 | 5 => chain(draft),
        _ => rule(draft),
    }
}

/// A match: the feature's name, its text, and whether it makes the rule one for TCP.
struct Matching {
    feature: &'static str,
    text: String,
    tcp: bool,
}

/// A rule with one match that decides, and a verdict.
fn rule(draft: &mut Draft) {
    let spot = Spot::draw(draft);
    let Matching { feature, text, tcp } = matching(draft, &spot);
    let target = refusal(draft, feature, spot.v6, tcp);
    let rule = format!("-A {} {} {text} {target}", spot.chain, spot.condition());
    put(draft, feature, &spot, "filter", &rule);
}

/// The same in a chain of its own, which returns.
fn chain(draft: &mut Draft) {
    let spot = Spot::draw(draft);
    let Matching { feature, text, tcp } = matching(draft, &spot);
    let name = format!("ZOO-{}", draft.rng.u32(0..1000));
    let jump = draft.pick(&["-j", "-g"]);
    let target = refusal(draft, feature, spot.v6, tcp);
    let only = if tcp { "-p tcp" } else { "" };
    let rules = format!(
        ":{name} - [0:0]\n-A {} {} {jump} {name}\n-A {name} {text} -j RETURN\n-A {name} {only} {target}",
        spot.chain,
        spot.condition()
    );
    put(draft, feature, &spot, "filter", &rules);
}

/// A base chain that drops what was not begun by friends.
fn policy(draft: &mut Draft) {
    let mut spot = Spot::draw(draft);
    spot.place = draft.topology.node_of(&spot.pod).place.clone();
    let chain = draft.pick(&["FORWARD", "INPUT"]);
    let friend = draft.pick(&["-d", "-s"]);
    let related = if spot.v6 {
        "-A INPUT -p ipv6-icmp -j ACCEPT\n"
    } else {
        ""
    };
    let rules = format!(
        ":{chain} DROP [0:0]\n{related}-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A {chain} {friend} {} -j ACCEPT",
        spot.ip()
    );
    put(draft, "netfilter.policy", &spot, "filter", &rules);
}

/// Marks set in one table and met in another, saved and restored.
fn marks(draft: &mut Draft) {
    let spot = Spot::draw(draft);
    let Matching {
        feature: _, text, ..
    } = matching(draft, &spot);
    let (first, last) = (spot.first_chain(), spot.chain);
    let condition = spot.condition();
    if draft.chance(50) {
        let rules = format!("-A {first} {condition} {text} -j MARK --set-xmark 0x100/0x700");
        put(draft, "netfilter.mark", &spot, "mangle", &rules);
        let rules = format!("-A {last} -m mark --mark 0x100/0x700 -j DROP");
        put(draft, "netfilter.mark", &spot, "filter", &rules);
        return;
    }
    let rules = format!(
        "-A {first} -j CONNMARK --restore-mark --nfmask 0xff00 --ctmask 0xff00\n-A {first} {condition} -m conntrack --ctstate NEW -j MARK --set-xmark 0x3300/0xff00\n-A {first} -m conntrack --ctstate NEW -j CONNMARK --save-mark --nfmask 0xff00 --ctmask 0xff00"
    );
    put(draft, "netfilter.connmark", &spot, "mangle", &rules);
    let what = draft.pick(&[
        "-m connmark --mark 0x3300/0xff00",
        "-m mark --mark 0x3300/0xff00",
        "-m connmark ! --mark 0x0/0xff00",
    ]);
    let when = draft.pick(&[
        "",
        "-m conntrack --ctstate ESTABLISHED",
        "-m conntrack --ctdir REPLY",
    ]);
    let chain = draft.pick(&["FORWARD", "INPUT", "OUTPUT"]);
    put(
        draft,
        "netfilter.connmark",
        &spot,
        "filter",
        &format!("-A {chain} {what} {when} -j DROP"),
    );
}

/// What changes the packet.
fn rewrite(draft: &mut Draft) {
    let spot = Spot::draw(draft);
    let condition = spot.condition();
    let chain = draft.pick(&["PREROUTING", "FORWARD", "POSTROUTING", "OUTPUT"]);
    let (feature, target) = match draft.rng.u32(0..6) {
        0 if spot.v6 => (
            "netfilter.ttl",
            format!("-j HL --hl-set {}", draft.pick(&[1, 2, 64])),
        ),
        0 => (
            "netfilter.ttl",
            format!("-j TTL --ttl-set {}", draft.pick(&[1, 2, 64])),
        ),
        1 => ("netfilter.dscp", "-j DSCP --set-dscp 0x2e".to_owned()),
        2 => (
            "netfilter.tcpmss",
            "-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu".to_owned(),
        ),
        3 => (
            "netfilter.tcpmss",
            format!(
                "-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {}",
                draft.pick(&[536, 1200, 1400])
            ),
        ),
        4 => ("netfilter.log", "-j NFLOG --nflog-group 5".to_owned()),
        _ => ("netfilter.dscp", "-j TOS --set-tos 0x10/0xff".to_owned()),
    };
    put(
        draft,
        feature,
        &spot,
        "mangle",
        &format!("-A {chain} {condition} {target}"),
    );
    if feature == "netfilter.dscp" {
        let last = draft.pick(&["FORWARD", "INPUT", "POSTROUTING"]);
        let what = draft.pick(&[
            "-m dscp --dscp 0x2e",
            "-m tos --tos 0x10/0xff",
            "-m dscp ! --dscp 0x00",
        ]);
        put(
            draft,
            feature,
            &spot,
            "mangle",
            &format!("-A {last} {what} -j DROP"),
        );
    }
}

/// The raw table: drops, and what is not tracked.
fn early(draft: &mut Draft) {
    let spot = Spot::draw(draft);
    let (first, condition) = (spot.first_chain(), spot.condition());
    match draft.rng.u32(0..5) {
        0 => put(
            draft,
            "netfilter.raw",
            &spot,
            "raw",
            &format!("-A {first} {condition} -p tcp -j DROP"),
        ),
        1 => put(
            draft,
            "netfilter.rpfilter",
            &spot,
            "raw",
            "-A PREROUTING -m rpfilter --invert -j DROP",
        ),
        _ => {
            put(
                draft,
                "netfilter.notrack",
                &spot,
                "raw",
                &format!("-A {first} {condition} -j CT --notrack"),
            );
            if draft.chance(50) {
                let state = draft.pick(&["UNTRACKED", "INVALID", "NEW"]);
                put(
                    draft,
                    "netfilter.notrack",
                    &spot,
                    "filter",
                    &format!("-A {} -m conntrack --ctstate {state} -j DROP", spot.chain),
                );
            }
        }
    }
}

/// A target that ends the packet.
fn refusal(draft: &mut Draft, feature: &str, v6: bool, tcp: bool) -> String {
    // A second question meets the state that the first left: an error then shows or not, by who waits how long.
    let by_state = [
        "netfilter.ctstate",
        "netfilter.ct-direction",
        "netfilter.ct-status",
    ];
    if by_state.contains(&feature) {
        return "-j DROP".to_owned();
    }
    if tcp && draft.chance(25) {
        return "-j REJECT --reject-with tcp-reset".to_owned();
    }
    if draft.chance(60) {
        return "-j DROP".to_owned();
    }
    let kinds: &[&str] = if v6 {
        &[
            "icmp6-port-unreachable",
            "icmp6-adm-prohibited",
            "icmp6-no-route",
            "icmp6-addr-unreachable",
        ]
    } else {
        &[
            "icmp-port-unreachable",
            "icmp-host-prohibited",
            "icmp-admin-prohibited",
            "icmp-net-unreachable",
            "icmp-proto-unreachable",
        ]
    };
    format!("-j REJECT --reject-with {}", draft.pick(kinds))
}

fn matching(draft: &mut Draft, spot: &Spot) -> Matching {
    let plain = |feature, text: String| Matching {
        feature,
        text,
        tcp: false,
    };
    let tcp = |feature, text: String| Matching {
        feature,
        text: format!("-p tcp {text}"),
        tcp: true,
    };
    let not = if draft.chance(25) { "! " } else { "" };
    let services = draft.topology.services.clone();
    let pods = draft.topology.pods.clone();
    match draft.rng.u32(0..30) {
        0 => tcp("netfilter.ports", format!("-m tcp {not}--dport {PORT}")),
        1 => plain(
            "netfilter.ports",
            format!("-p udp -m udp {not}--dport {PORT}:{}", PORT + 3),
        ),
        2 => tcp(
            "netfilter.multiport",
            format!("-m multiport {not}--dports 22,{}:{PORT}", PORT - 8),
        ),
        3 => tcp(
            "netfilter.multiport",
            format!("-m multiport {not}--ports {PORT}"),
        ),
        4 => tcp(
            "netfilter.tcp-flags",
            format!(
                "-m tcp {}",
                draft.pick(&[
                    "--tcp-flags FIN,SYN,RST,ACK SYN",
                    "--tcp-flags SYN,ACK SYN,ACK",
                    "--tcp-flags PSH PSH",
                    "! --tcp-flags FIN,SYN,RST,ACK SYN"
                ])
            ),
        ),
        5 | 6 => {
            let state = draft.pick(&[
                "NEW",
                "ESTABLISHED",
                "INVALID",
                "RELATED,ESTABLISHED",
                "DNAT",
                "SNAT",
                "UNTRACKED",
            ]);
            plain(
                "netfilter.ctstate",
                format!("-m conntrack {not}--ctstate {state}"),
            )
        }
        7 => plain(
            "netfilter.ct-direction",
            format!(
                "-m conntrack --ctdir {}",
                draft.pick(&["ORIGINAL", "REPLY"])
            ),
        ),
        8 => {
            let service = draft.pick(&services);
            plain(
                "netfilter.ct-tuple",
                format!("-m conntrack {not}--ctorigdst {}", service.ip(spot.v6)),
            )
        }
        9 => {
            let service = draft.pick(&services);
            tcp(
                "netfilter.ct-tuple",
                format!("-m conntrack {not}--ctorigdstport {}", service.port),
            )
        }
        10 => plain(
            "netfilter.ct-tuple",
            format!(
                "-m conntrack {not}--ctreplsrc {}",
                draft.pick(&pods).ip(spot.v6)
            ),
        ),
        // Not for UDP, whose client may ask a second time before it notices that the answer to the first is lost.
        11 => tcp(
            "netfilter.ct-status",
            format!("-m conntrack {not}--ctstatus SEEN_REPLY"),
        ),
        12 => {
            let kind = draft.pick(&[
                "--dst-type LOCAL",
                "--src-type LOCAL",
                "! --src-type LOCAL",
                "! --dst-type LOCAL",
                "--dst-type UNICAST",
            ]);
            plain("netfilter.addrtype", format!("-m addrtype {kind}"))
        }
        13 => plain(
            "netfilter.length",
            format!(
                "-m length {not}--length {}",
                draft.pick(&["0:79", "80:200", "1000:65535"])
            ),
        ),
        14 if spot.v6 => plain(
            "netfilter.ttl",
            format!(
                "-m hl {}",
                draft.pick(&["--hl-lt 64", "--hl-eq 63", "--hl-gt 62"])
            ),
        ),
        14 => plain(
            "netfilter.ttl",
            format!(
                "-m ttl {}",
                draft.pick(&["--ttl-lt 64", "--ttl-eq 63", "--ttl-gt 62"])
            ),
        ),
        15 => {
            let pod = draft.pick(&pods).ip(spot.v6);
            plain(
                "netfilter.iprange",
                format!(
                    "-m iprange {not}--{}-range {pod}-{pod}",
                    draft.pick(&["src", "dst"])
                ),
            )
        }
        16 | 17 => {
            let text = match draft.rng.u32(0..5) {
                0 => format!("{not}--physdev-in {}", spot.pod.host_device),
                1 => format!("{not}--physdev-is-in"),
                2 => format!("{not}--physdev-is-bridged"),
                _ => format!("{not}--physdev-in {}", draft.pick(&pods).host_device),
            };
            plain("netfilter.physdev", format!("-m physdev {text}"))
        }
        18 if spot.chain != "OUTPUT" => {
            let mac = draft.pick(&pods).mac();
            plain("netfilter.mac", format!("-m mac {not}--mac-source {mac}"))
        }
        18 | 19 => plain(
            "netfilter.owner",
            if spot.chain == "OUTPUT" {
                "-m owner --uid-owner 1337".to_owned()
            } else {
                "-m comment --comment \"any packet\"".to_owned()
            },
        ),
        20 => plain(
            "netfilter.limit",
            format!(
                "-m limit --limit 9000/sec --limit-burst {}",
                draft.pick(&[5000, 9000])
            ),
        ),
        21 => plain(
            "netfilter.hashlimit",
            format!(
                "-m hashlimit --hashlimit-{} 90000/sec --hashlimit-burst 9000 --hashlimit-mode srcip --hashlimit-name h{}",
                draft.pick(&["above", "upto"]),
                draft.rng.u32(0..100_000)
            ),
        ),
        22 => plain(
            "netfilter.connlimit",
            format!(
                "-m connlimit --connlimit-{} 30000 --connlimit-mask 0 --connlimit-saddr",
                draft.pick(&["above", "upto"])
            ),
        ),
        23 if !spot.v6 => plain(
            "netfilter.u32",
            format!(
                "-m u32 {not}--u32 \"{}\"",
                draft.pick(&[
                    "6&0xFF=17",
                    "6&0xFF=6",
                    "0>>22&0x3C@0&0xFFFF=8080",
                    "0&0xFFFF=100:65535",
                    "4&0x4000=0x4000"
                ])
            ),
        ),
        23 | 24 => plain(
            "netfilter.string",
            format!(
                "-m string --string \"no such text here\" --algo {}",
                draft.pick(&["bm", "kmp"])
            ),
        ),
        25 => tcp(
            "netfilter.tcpmss-match",
            format!(
                "-m tcp --tcp-flags SYN SYN -m tcpmss {not}--mss {}",
                draft.pick(&["1:1400", "1401:1460", "1:65000"])
            ),
        ),
        26 => plain(
            "netfilter.time",
            format!(
                "-m time {}",
                draft.pick(&[
                    "--datestop 2001-01-01T00:00:00",
                    "--timestart 00:00:00 --timestop 23:59:59"
                ])
            ),
        ),
        27 if spot.v6 => plain(
            "netfilter.ipv6-extension",
            draft
                .pick(&[
                    "-m ipv6header --header prot --soft",
                    "-m frag --fragid 0:4294967295",
                    "-m rt --rt-type 0",
                    "-m ipv6header --header frag --soft",
                ])
                .to_owned(),
        ),
        27 => plain("netfilter.helper", "-m helper --helper ftp".to_owned()),
        28 => plain(
            "netfilter.pkttype",
            format!(
                "-m pkttype {not}--pkt-type {}",
                draft.pick(&["unicast", "broadcast", "multicast"])
            ),
        ),
        _ => plain(
            "netfilter.quota",
            format!("-m quota {not}--quota 900000000"),
        ),
    }
}
