//! Traversal, matches and targets, one packet at a time.

mod properties;

use super::*;
use crate::evidence::{ipset, xtables};
use crate::linux::netfilter::test_support::{Script, context, file, packet};
use crate::linux::netfilter::{CtState, Hook, NatAction, NatRange, RejectWith};
use crate::linux::packet::Port;

fn table(name: &str, chains: &str, rules: &str) -> Table {
    let chains: String = (chains.split_whitespace())
        .map(|chain| match chain {
            "FORWARD" | "OUTPUT" => format!(":{chain} ACCEPT [0:0]\n"),
            "INPUT" => format!(":{chain} DROP [0:0]\n"),
            chain => format!(":{chain} - [0:0]\n"),
        })
        .collect();
    let rules: String = (rules.lines())
        .map(|rule| format!("-A {}\n", rule.trim()))
        .collect();
    let text = format!("*{name}\n{chains}{rules}COMMIT\n");
    let mut parsed = xtables::parse(&file("iptables-save.txt", &text));
    assert_eq!(parsed.problems, []);
    parsed.value.tables.remove(0)
}

/// Runs TCP 10.0.0.1:40000 → 10.0.0.2:80 through FORWARD of these rules.
fn run_with(rules: &str, ctx: &HookContext<'_>, script: &mut Script) -> RuleOutcome {
    let table = table("filter", "FORWARD INPUT OUTPUT A B C EMPTY", rules);
    let packet = packet("10.0.0.1:40000", "10.0.0.2:80");
    let sets = ipset::parse(&file(
        "ipset-save.txt",
        "create s hash:ip family inet\nadd s 10.0.0.1\n",
    ));
    let sets = IpSets::new(Some(sets.value));
    let chain = match ctx.hook {
        Hook::Input => "INPUT",
        Hook::Output => "OUTPUT",
        _ => "FORWARD",
    };
    CompiledTable::new(table).run(chain, &packet, ctx, &sets, script)
}

fn run(rules: &str) -> RuleOutcome {
    let mut script = Script::default();
    let outcome = run_with(rules, &context(), &mut script);
    assert_eq!(script.asked, [""; 0]);
    outcome
}

/// Whether FORWARD's packet matches, with nothing to ask.
fn matches(words: &str) -> bool {
    run(&format!("FORWARD {words} -j DROP")).verdict == RuleVerdict::Drop
}

fn asked(rules: &str, answers: &[usize]) -> (RuleVerdict, Vec<String>) {
    let mut script = Script {
        answers: answers.to_vec(),
        ..Script::default()
    };
    let outcome = run_with(rules, &context(), &mut script);
    (outcome.verdict, script.asked)
}

fn decided_by(rules: &str) -> String {
    let step = run(rules).decided_by.unwrap();
    format!("{} {} {}", step.chain, step.number, step.action)
}

#[test]
fn the_policy_decides_where_no_rule_does() {
    assert_eq!(
        decided_by("FORWARD -p udp -j DROP"),
        "FORWARD 0 policy accept"
    );
    let ctx = HookContext {
        hook: Hook::Input,
        ..context()
    };
    let outcome = run_with("INPUT -p udp -j ACCEPT", &ctx, &mut Script::default());
    assert_eq!(outcome.verdict, RuleVerdict::Drop);
}

#[test]
fn a_jump_comes_back_and_a_goto_does_not() {
    assert_eq!(
        decided_by("FORWARD -j A\nFORWARD -j DROP\nA -p udp -j DROP"),
        "FORWARD 2 drop"
    );
    assert_eq!(
        decided_by("FORWARD -g A\nFORWARD -j DROP\nA -p udp -j DROP"),
        "FORWARD 0 policy accept"
    );
}

#[test]
fn a_goto_from_a_called_chain_comes_back_to_the_caller() {
    let rules = "FORWARD -j A\nFORWARD -j DROP\nA -g B\nA -j ACCEPT\nB -p udp -j DROP";
    assert_eq!(decided_by(rules), "FORWARD 2 drop");
    let rules = "FORWARD -j A\nFORWARD -j DROP\nA -g B\nA -j ACCEPT\nB -j RETURN\nB -j ACCEPT";
    assert_eq!(decided_by(rules), "FORWARD 2 drop");
}

#[test]
fn return_in_a_base_chain_is_its_policy() {
    assert_eq!(
        decided_by("FORWARD -j RETURN\nFORWARD -j DROP"),
        "FORWARD 0 policy accept"
    );
}

#[test]
fn steps_tell_what_happened() {
    let outcome = run(
        "FORWARD -j EMPTY\nFORWARD -j A\nA -j MARK --set-xmark 0x4000/0x4000\nA -j LOG\nFORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT",
    );
    let steps: Vec<_> = (outcome.steps.iter())
        .map(|step| format!("{} {} {}", step.chain, step.number, step.action))
        .collect();
    assert_eq!(
        steps,
        ["FORWARD 2 jump A", "A 1 mark 0x4000", "FORWARD 3 accept"]
    );
    assert_eq!(outcome.packet.mark, 0x4000);
    assert_eq!(outcome.steps[1].source.to_string(), "iptables-save.txt:11");
}

#[test]
fn marks_are_changed_under_their_masks() {
    let mark = |rules: &str| run(rules).packet.mark;
    assert_eq!(
        mark("FORWARD -j MARK --set-xmark 0xff/0xff\nFORWARD -j MARK --set-xmark 0x0/0xf"),
        0xf0
    );
    // kube-proxy's KUBE-POSTROUTING flips its bit off with mask 0.
    assert_eq!(
        mark("FORWARD -j MARK --set-xmark 0x4000/0x4000\nFORWARD -j MARK --set-xmark 0x4000/0x0"),
        0
    );
}

#[test]
fn the_connections_mark_is_saved_and_restored() {
    let outcome = run(
        "FORWARD -j MARK --set-xmark 0x5/0xffffffff\nFORWARD -j CONNMARK --save-mark --nfmask 0xf --ctmask 0xf\nFORWARD -j MARK --set-xmark 0x0/0xffffffff\nFORWARD -m connmark --mark 0x5 -j CONNMARK --restore-mark",
    );
    assert_eq!((outcome.effects.ct_mark, outcome.packet.mark), (Some(5), 5));
}

#[test]
fn header_fields_and_their_opposites() {
    assert!(matches(
        "-s 10.0.0.0/24 ! -d 10.0.1.0/24 -i eth+ -o veth1 -p tcp"
    ));
    assert!(!matches("! -s 10.0.0.1"));
    assert!(!matches("-i eth1"));
    assert!(!matches("! -i eth+"));
    assert!(!matches("-f") && matches("! -f"));
    assert!(matches("-s 10.9.0.1/255.0.255.0") && !matches("-s 10.9.1.1/255.0.255.0"));
}

#[test]
fn no_device_has_the_empty_name() {
    let ctx = HookContext {
        iif: None,
        ..context()
    };
    let drops =
        |rule: &str| run_with(rule, &ctx, &mut Script::default()).verdict == RuleVerdict::Drop;
    assert!(!drops("FORWARD -i eth0 -j DROP"));
    assert!(drops("FORWARD ! -i eth0 -j DROP"));
}

#[test]
fn ports_and_flags() {
    assert!(matches("-p tcp -m tcp --dport 80 --sport 1024:65535 --syn"));
    assert!(!matches("-p tcp -m tcp ! --dport 80"));
    assert!(!matches("-p tcp -m tcp --tcp-flags SYN,ACK ACK"));
    assert!(matches("-p tcp -m multiport --dports 22,80:90"));
    assert!(!matches("-p tcp -m multiport ! --ports 80"));
    assert!(!matches("-p udp -m udp --dport 80"));
}

#[test]
fn state_and_addresses_of_the_packet() {
    assert!(
        matches("-m conntrack --ctstate NEW,RELATED") && !matches("-m conntrack ! --ctstate NEW")
    );
    assert!(!matches("-m state --state ESTABLISHED"));
    assert!(matches("-m addrtype ! --dst-type LOCAL") && !matches("-m addrtype --src-type LOCAL"));
    assert!(matches("-m set --match-set s src") && !matches("-m set --match-set s dst"));
    assert!(matches("-m iprange --src-range 10.0.0.0-10.0.0.9"));
    assert!(matches("-m length --length 0:60") && matches("-m ttl --ttl-gt 63"));
    assert!(matches("-m mac --mac-source 00:11:22:33:44:55"));
    assert!(
        matches("-m pkttype --pkt-type unicast") && !matches("-m pkttype --pkt-type broadcast")
    );
    assert!(!matches("-m helper --helper ftp") && !matches("-m rpfilter --invert"));
    assert!(!matches("-p tcp -m ecn --ecn-tcp-cwr") && matches("-m dscp --dscp 0x00"));
}

#[test]
fn a_packet_without_a_connection_is_invalid_and_has_no_connmark() {
    let verdict = |state: Option<CtState>, rule: &str| {
        let mut ctx = context();
        ctx.ct = match (ctx.ct, state) {
            (Some(ct), Some(state)) => Some(crate::linux::netfilter::CtView { state, ..ct }),
            _ => None,
        };
        run_with(rule, &ctx, &mut Script::default()).verdict == RuleVerdict::Drop
    };
    assert!(verdict(
        None,
        "FORWARD -m conntrack --ctstate INVALID -j DROP"
    ));
    assert!(verdict(
        Some(CtState::Untracked),
        "FORWARD -m conntrack --ctstate UNTRACKED -j DROP"
    ));
    assert!(!verdict(None, "FORWARD -m connmark ! --mark 0x5 -j DROP"));
    assert!(!verdict(
        None,
        "FORWARD -m conntrack --ctdir ORIGINAL -j DROP"
    ));
}

#[test]
fn a_rule_without_a_target_notes_the_address_all_the_same() {
    let check = "FORWARD -m recent --rcheck --name seen --rsource -j DROP";
    let set = "-m recent --set --name seen --rsource";
    let drops = |rules: &str| run(&format!("{rules}\n{check}")).verdict == RuleVerdict::Drop;
    assert!(drops(&format!("FORWARD {set}")));
    assert!(drops(&format!("FORWARD -j A\nA {set} -j LOG")));
}

#[test]
fn only_negated_owners_match_what_no_socket_sent() {
    assert!(!matches("-m owner --uid-owner 0") && matches("-m owner ! --uid-owner 0"));
    let ctx = HookContext {
        hook: Hook::Output,
        local_socket: true,
        ..context()
    };
    let mut script = Script::default();
    run_with("OUTPUT -m owner ! --uid-owner 0 -j DROP", &ctx, &mut script);
    assert_eq!(script.asked.len(), 1);
}

#[test]
fn physdev_terms_without_a_bridge_hold_only_negated() {
    assert!(
        !matches("-m physdev --physdev-is-bridged") && !matches("-m physdev --physdev-in eth0")
    );
    assert!(matches("-m physdev ! --physdev-is-bridged"));
    let ctx = HookContext {
        physin: Some("veth0"),
        physout: Some("veth1"),
        bridged: true,
        ..context()
    };
    let drops = |words: &str| {
        let rule = format!("FORWARD -m physdev {words} -j DROP");
        run_with(&rule, &ctx, &mut Script::default()).verdict == RuleVerdict::Drop
    };
    assert!(drops(
        "--physdev-is-bridged --physdev-in veth+ --physdev-out veth1"
    ));
    assert!(!drops("! --physdev-is-in") && !drops("! --physdev-out veth1"));
}

#[test]
fn a_translation_ends_the_traversal() {
    let outcome = run("FORWARD -p tcp -j DNAT --to-destination 10.1.0.1:8080\nFORWARD -j DROP");
    let RuleVerdict::Nat(NatAction::Dnat(range)) = outcome.verdict else {
        panic!("{:?}", outcome.verdict);
    };
    assert_eq!(range.ports, Some((8080, 8080)));
    assert_eq!(
        outcome.decided_by.unwrap().action.to_string(),
        "DNAT to 10.1.0.1:8080"
    );
}

#[test]
fn shifted_ports_keep_their_distance() {
    let outcome = run("FORWARD -p tcp -j DNAT --to-destination 10.1.0.1:1000-1100/70");
    let RuleVerdict::Nat(NatAction::Dnat(NatRange { ports, .. })) = outcome.verdict else {
        panic!("{:?}", outcome.verdict);
    };
    assert_eq!(ports, Some((1010, 1010)));
}

#[test]
fn netmap_keeps_the_host_part() {
    let outcome = run("FORWARD -j NETMAP --to 192.0.2.0/24");
    let RuleVerdict::Nat(NatAction::Snat(NatRange { addresses, .. })) = outcome.verdict else {
        panic!("{:?}", outcome.verdict);
    };
    assert_eq!(addresses.unwrap().0.to_string(), "192.0.2.1");
}

#[test]
fn reject_says_how() {
    let verdict =
        |with: &str| run(&format!("FORWARD -p tcp -j REJECT --reject-with {with}")).verdict;
    assert_eq!(
        verdict("tcp-reset"),
        RuleVerdict::Reject(RejectWith::TcpReset)
    );
    assert_eq!(
        verdict("icmp-port-unreachable"),
        RuleVerdict::Reject(RejectWith::Icmp { kind: 3, code: 3 })
    );
}

#[test]
fn notrack_is_seen_by_later_rules() {
    let table = table(
        "raw",
        "OUTPUT",
        "OUTPUT -j CT --notrack\nOUTPUT -m conntrack --ctstate UNTRACKED -j DROP",
    );
    let ctx = HookContext {
        ct: None,
        ..context()
    };
    let packet = packet("10.0.0.1:1", "10.0.0.2:2");
    let outcome = CompiledTable::new(table).run(
        "OUTPUT",
        &packet,
        &ctx,
        &IpSets::default(),
        &mut Script::default(),
    );
    assert!(outcome.effects.notrack);
    assert_eq!(outcome.verdict, RuleVerdict::Drop);
}

#[test]
fn a_doubt_asks_only_where_it_matters() {
    let limit = "-m limit --limit 10/min";
    assert_eq!(
        asked(
            &format!("FORWARD {limit} -j LOG\nFORWARD {limit}\nFORWARD {limit} -j EMPTY"),
            &[]
        )
        .1,
        [""; 0]
    );
    assert_eq!(
        asked(&format!("FORWARD -p udp {limit} -j DROP"), &[]).1,
        [""; 0]
    );
    let (verdict, questions) = asked(&format!("FORWARD {limit} -j DROP"), &[]);
    assert_eq!(verdict, RuleVerdict::Drop, "a fresh bucket holds the burst");
    assert_eq!(questions.len(), 1);
    assert!(questions[0].starts_with("assume the rate limits"));
    let bpf = "FORWARD -m bpf --bytecode \"1,6 0 0 0\" -j DROP";
    let (verdict, questions) = asked(bpf, &[1]);
    assert_eq!(verdict, RuleVerdict::Drop);
    assert!(questions[0].starts_with("unknown match `bpf"));
    assert_eq!(asked(bpf, &[0]).0, RuleVerdict::Accept);
}

#[test]
fn a_chosen_port_may_match_or_not() {
    let mut chosen = packet("10.0.0.1:1", "10.0.0.2:80");
    if let crate::linux::packet::Transport::Tcp { dport, .. } = &mut chosen.transport {
        *dport = Port::Chosen {
            id: 1,
            low: 30000,
            high: 40000,
        };
    }
    let table = table(
        "filter",
        "FORWARD",
        "FORWARD -p tcp -m tcp --dport 80 -j DROP\nFORWARD -p tcp -m tcp --dport 32000 -j DROP",
    );
    let mut script = Script::default();
    CompiledTable::new(table).run(
        "FORWARD",
        &chosen,
        &context(),
        &IpSets::default(),
        &mut script,
    );
    assert_eq!(script.asked.len(), 1);
}

#[test]
fn unknown_targets_may_do_anything() {
    let (verdict, questions) = asked("FORWARD -j WAND --wave 3\nFORWARD -j DROP", &[1]);
    assert_eq!(
        verdict,
        RuleVerdict::Stolen("target `WAND --wave 3`".into())
    );
    assert_eq!(questions.len(), 1);
    assert_eq!(
        asked("FORWARD -j WAND\nFORWARD -j DROP", &[0]).0,
        RuleVerdict::Drop
    );
}

#[test]
fn services_choose_their_backends_evenly() {
    let rules = "FORWARD -m statistic --mode random --probability 0.33333333349 -j DROP\nFORWARD -m statistic --mode random --probability 0.50000000000 -j DROP\nFORWARD -j DROP";
    assert_eq!(asked(rules, &[1, 1]).1, ["chance [1, 2]", "chance [1, 1]"]);
    assert_eq!(asked(rules, &[0]).1, ["chance [1, 2]"]);
    assert_eq!(
        asked(
            "FORWARD -m statistic --mode nth --every 4 --packet 0 -j DROP",
            &[0]
        )
        .0,
        RuleVerdict::Drop
    );
    assert_eq!(
        asked(
            "FORWARD -m statistic --mode random ! --probability 0.5 -j DROP",
            &[0]
        )
        .0,
        RuleVerdict::Accept
    );
    assert!(matches(
        "-m statistic --mode random --probability 1.00000000000"
    ));
}

#[test]
fn no_session_affinity_is_assumed_and_said() {
    let rule = "FORWARD -m recent --rcheck --seconds 10800 --reap --name X --mask 255.255.255.255 --rsource -j DROP";
    let (verdict, questions) = asked(rule, &[]);
    assert_eq!(verdict, RuleVerdict::Accept);
    assert!(questions[0].starts_with("assume no recent-list entry"));
    assert!(matches("-m recent --set --name X"));
}

#[test]
fn a_set_that_a_rule_changed_is_in_doubt() {
    let rules = "FORWARD -j SET --del-set s src\nFORWARD -m set --match-set s src -j DROP";
    assert_eq!(asked(rules, &[]).1.len(), 1);
}

#[test]
fn an_incomplete_table_is_in_doubt_from_the_start() {
    let mut table = table("filter", "FORWARD", "FORWARD -j ACCEPT");
    table.complete = false;
    let compiled = CompiledTable::new(table);
    let mut script = Script::default();
    let packet = packet("10.0.0.1:1", "10.0.0.2:2");
    let outcome = compiled.run(
        "FORWARD",
        &packet,
        &context(),
        &IpSets::default(),
        &mut script,
    );
    assert!(matches!(outcome.verdict, RuleVerdict::Stolen(_)));
    assert_eq!(script.asked.len(), 1);
}

#[test]
fn chains_that_loop_end() {
    assert!(matches!(
        run("FORWARD -j A\nA -j B\nB -j A\nA -j DROP").verdict,
        RuleVerdict::Stolen(_)
    ));
    assert!(matches!(
        run("FORWARD -g A\nA -g B\nB -g A\nA -j DROP").verdict,
        RuleVerdict::Stolen(_)
    ));
}
