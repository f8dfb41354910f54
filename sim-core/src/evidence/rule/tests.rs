//! Rules, as real tools print them.

use super::*;
use crate::evidence::testing::{clean, file, problems};

fn rules(text: &str) -> Vec<Rule> {
    clean(parse(&file("ip-rule.json", text)))
}

#[test]
fn every_selector_of_iproute2_6_1() {
    let all = rules(
        r#"[{"priority":0,"src":"all","table":"local"},
            {"priority":100,"not":null,"src":"10.0.0.0","srclen":8,"dst":"10.1.2.3","tos":"0x10","fwmark":"0x10","fwmask":"0xf0","iif":"va","oif":"nonexist","oif_detached":null,"table":"1234","suppress_prefixlen":0},
            {"priority":101,"src":"all","uid_start":5,"uid_end":10,"ipproto":"tcp","sport_start":1,"sport_end":100,"dport":80,"action":"blackhole"},
            {"priority":108,"src":"all","fwmark":"0x5","table":"main","suppress_ifgroup":"3","flow_from":"5","flow_to":"6"}]"#,
    );
    assert_eq!(
        (all[0].priority, all[0].src, all[0].action),
        (0, None, RuleAction::Lookup(TableId::LOCAL))
    );
    let full = &all[1];
    assert!(full.not && full.oif_detached && !full.iif_detached);
    assert_eq!(full.src, Some("10.0.0.0/8".parse().unwrap()));
    assert_eq!(full.dst, Some("10.1.2.3/32".parse().unwrap()));
    assert_eq!((full.fwmark, full.tos), (Some((0x10, 0xf0)), 0x10));
    assert_eq!(
        (full.iif.as_deref(), full.oif.as_deref()),
        (Some("va"), Some("nonexist"))
    );
    assert_eq!(full.suppress_prefixlength, Some(0));
    assert_eq!(
        (all[2].ipproto, all[2].sport, all[2].dport),
        (Some(6), Some((1, 100)), Some((80, 80)))
    );
    assert_eq!(
        (all[2].uidrange, all[2].action),
        (Some((5, 10)), RuleAction::Blackhole)
    );
    assert_eq!(all[3].fwmark, Some((5, u32::MAX)));
    assert_eq!(all[3].suppress_ifgroup.as_deref(), Some("3"));
    assert!(all.iter().all(|rule| rule.unmodelled.is_empty()));
}

#[test]
fn every_action() {
    let all = rules(
        r#"[{"priority":102,"src":"all","l3mdev":null},{"priority":103,"src":"all","goto":200,"unresolved":null},
            {"priority":104,"src":"all","nop":null},{"priority":105,"src":"all","action":"unreachable"},
            {"priority":106,"src":"all","action":"prohibit"},{"priority":107,"src":"all","goto":32766}]"#,
    );
    let actions: Vec<RuleAction> = all.iter().map(|rule| rule.action).collect();
    assert_eq!(
        actions,
        [
            RuleAction::Lookup(TableId(0)),
            RuleAction::GotoUnresolved(200),
            RuleAction::Nop,
            RuleAction::Unreachable,
            RuleAction::Prohibit,
            RuleAction::Goto(32766),
        ]
    );
    assert!(all[0].l3mdev);
}

#[test]
fn what_later_versions_add_makes_a_rule_undecidable_and_not_wider() {
    let all = rules(
        r#"[{"priority":110,"src":"all","tun_id":77,"table":"5"},
            {"priority":111,"src":"all","sport":80,"sport_mask":"0xff00","table":"5"},
            {"priority":112,"src":"all","dport":80,"dport_mask":"0xffff","table":"5"},
            {"priority":113,"src":"all","dscp":"CS1","table":"5"},
            {"priority":114,"src":"all","dscp":"0x08","dscp_mask":"0x38","table":"5"}]"#,
    );
    assert_eq!(all[0].unmodelled, ["tun_id 77"]);
    assert_eq!(all[1].unmodelled, [r#"sport_mask "0xff00""#]);
    assert!(all[2].unmodelled.is_empty());
    assert_eq!(
        (all[3].dscp, all[4].dscp),
        (Some((8, 0x3f)), Some((8, 0x38)))
    );
}

#[test]
fn ipv6_rules_and_bad_values() {
    let parsed = parse(&file(
        "ip6-rule.json",
        r#"[{"priority":1,"src":"fd00::","srclen":64,"table":"7"},{"priority":2,"src":"10.0.0.1","table":"7"},
            {"priority":3,"src":"fd00::","srclen":129,"table":"7"},{"priority":4,"src":"all"},
            {"priority":5,"src":"all","ipproto":"warp","table":"7"},{"priority":6,"src":"all","action":"nat"}]"#,
    ));
    assert_eq!(parsed.value.len(), 1);
    assert_eq!(parsed.value[0].family, Family::V6);
    assert_eq!(
        problems(&parsed),
        [
            "ip6-rule.json /1/src: `10.0.0.1` is no prefix of the file's family",
            "ip6-rule.json /2/srclen: `129` is out of range",
            "ip6-rule.json /3/table: neither a table nor an action is given",
            "ip6-rule.json /4/ipproto: `warp` is no protocol that is known here",
            "ip6-rule.json /5/action: `nat` is no rule action",
        ]
    );
}
