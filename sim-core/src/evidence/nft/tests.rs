//! Tests of the parser.

use proptest::prelude::*;

use super::*;

fn file(text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile {
        name: "nft-ruleset.json".into(),
        text: text.into(),
    })
}

fn read(items: &str) -> Parsed<Ruleset> {
    parse(&file(&format!(r#"{{"nftables": [{items}]}}"#)))
}

/// A table, its items, and no problem with them.
fn table(family: &str, name: &str, items: &str) -> Table {
    let items = if items.is_empty() {
        String::new()
    } else {
        format!(", {items}")
    };
    let parsed = read(&format!(
        r#"{{"table": {{"family": "{family}", "name": "{name}", "handle": 1}}}}{items}"#
    ));
    assert_eq!(parsed.problems, []);
    parsed.value.tables.into_iter().next().unwrap()
}

fn base(name: &str, kind: &str, hook: &str, prio: &str) -> String {
    format!(
        r#"{{"chain": {{"family": "ip", "table": "filter", "name": "{name}", "handle": 1, "type": "{kind}", "hook": "{hook}", "prio": {prio}, "policy": "drop"}}}}"#
    )
}

fn rule(chain: &str, expr: &str) -> String {
    format!(
        r#"{{"rule": {{"family": "ip", "table": "filter", "chain": "{chain}", "handle": 9, "expr": [{expr}]}}}}"#
    )
}

fn statement(expr: &str) -> Statement {
    let items = format!("{}, {}", base("c", "filter", "input", "0"), rule("c", expr));
    let table = table("ip", "filter", &items);
    table.chains[0].rules[0].statements[0].clone()
}

#[test]
fn an_item_keeps_its_pointer_and_its_text() {
    let table = table(
        "ip",
        "filter",
        &base("c", "filter", "input", "\"filter + 3\""),
    );
    let source = &table.chains[0].source;
    assert_eq!(source.to_string(), "nft-ruleset.json /nftables/1");
    assert!(source.text().starts_with(r#"{"chain": {"family""#));
    let base = table.chains[0].base.as_ref().unwrap();
    assert_eq!((base.priority, base.policy), (3, Policy::Drop));
}

#[test]
fn an_element_keeps_its_own_place() {
    let set = r#"{"map": {"family": "ip", "name": "m", "table": "filter", "type": "ipv4_addr", "handle": 2, "map": "verdict",
        "elem": [["192.0.2.1", {"accept": null}], [{"elem": {"val": "192.0.2.2", "comment": "web"}}, {"goto": {"target": "x"}}]]}}"#;
    let table = table("ip", "filter", set);
    let second = &table.sets["m"].elements.list()[1];
    assert_eq!(second.comment.as_deref(), Some("web"));
    assert_eq!(
        second.source.to_string(),
        "nft-ruleset.json /nftables/1/map/elem/1"
    );
    assert!(second.source.text().contains("192.0.2.2"));
}

#[test]
fn a_wildcard_is_an_interval_of_names() {
    let Statement::Match {
        right: Expression::Value(_, all),
        ..
    } = statement(
        r#"{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "eth*"}}"#,
    )
    else {
        panic!()
    };
    assert!(all.contains(device("eth0").unwrap()));
    assert!(all.contains(device("eth").unwrap()));
    assert!(!all.contains(device("et").unwrap()));
    assert!(!all.contains(device("wlan0").unwrap()));
}

#[test]
fn a_prefix_covers_its_addresses() {
    let Statement::Match {
        right: Expression::Value(kind, all),
        ..
    } = statement(
        r#"{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"prefix": {"addr": "192.0.2.0", "len": 25}}}}"#,
    )
    else {
        panic!()
    };
    assert_eq!(kind, DataType::Ipv4);
    assert_eq!((all.low, all.high), (0xc000_0200, 0xc000_027f));
}

#[test]
fn flags_are_joined() {
    for list in [r#"["syn", "ack"]"#, r#"{"|": ["syn", "ack"]}"#] {
        let Statement::Match {
            right: Expression::Value(_, flags),
            ..
        } = statement(&format!(
            r#"{{"match": {{"op": "in", "left": {{"payload": {{"protocol": "tcp", "field": "flags"}}}}, "right": {list}}}}}"#
        ))
        else {
            panic!()
        };
        assert_eq!(flags.value(), Some(0x12));
    }
}

#[test]
fn the_first_versions_wrote_keys_as_strings() {
    let Statement::Match { left, .. } =
        statement(r#"{"match": {"op": "==", "left": {"meta": "l4proto"}, "right": "tcp"}}"#)
    else {
        panic!()
    };
    assert!(matches!(left, Expression::Meta(MetaKey::L4Proto)));
    let Statement::Match { left, .. } = statement(
        r#"{"match": {"op": "==", "left": {"payload": {"name": "tcp", "field": "dport"}}, "right": 22}}"#,
    ) else {
        panic!()
    };
    assert!(matches!(
        left,
        Expression::Payload(Field::DestinationPort(_))
    ));
}

#[test]
fn newer_versions_write_types_as_expressions() {
    let set = r#"{"set": {"family": "ip", "name": "s", "table": "filter", "handle": 2, "flags": "dynamic",
        "type": {"typeof": {"concat": [{"payload": {"protocol": "ip", "field": "saddr"}}, {"payload": {"protocol": "tcp", "field": "dport"}}]}},
        "elem": [{"concat": ["192.0.2.1", 80]}]}}"#;
    let table = table("ip", "filter", set);
    let set = &table.sets["s"];
    assert_eq!(set.key, [DataType::Ipv4, DataType::Service]);
    assert!(set.volatile);
    assert!(set.elements.lookup(&[0xc000_0201, 80]).is_some());
}

#[test]
fn what_is_not_known_is_kept_verbatim() {
    let Statement::Unknown(text) = statement(r#"{"frobnicate": {"by": 3}}"#) else {
        panic!()
    };
    assert_eq!(text, r#"{"frobnicate":{"by":3}}"#);
}

#[test]
fn a_set_that_rules_write_to_is_volatile() {
    let items = format!(
        "{}, {}, {}",
        r#"{"set": {"family": "ip", "name": "s", "table": "filter", "type": "ipv4_addr", "handle": 2, "size": 65535}}"#,
        base("c", "filter", "input", "0"),
        rule(
            "c",
            r#"{"set": {"op": "add", "elem": {"payload": {"protocol": "ip", "field": "saddr"}}, "set": "@s"}}"#
        ),
    );
    assert!(table("ip", "filter", &items).sets["s"].volatile);
}

#[test]
fn iptables_own_tables_are_told_apart() {
    let xt = r#"{"xt": {"type": "match", "name": "comment"}}, {"counter": {"packets": 0, "bytes": 0}}, {"drop": null}"#;
    let own = format!(
        "{}, {}",
        base("INPUT", "filter", "input", "0"),
        rule("INPUT", xt)
    );
    assert!(table("ip", "filter", &own).is_iptables_nft());
    let lowercase = base("input", "filter", "input", "0");
    assert!(!table("ip", "filter", &lowercase).is_iptables_nft());
    let moved = base("INPUT", "filter", "input", "10");
    assert!(!table("ip", "filter", &moved).is_iptables_nft());
    let state = r#"{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}, {"accept": null}"#;
    let native = format!(
        "{}, {}",
        base("INPUT", "filter", "input", "0"),
        rule("INPUT", state)
    );
    assert!(!table("ip", "filter", &native).is_iptables_nft());
    assert!(!table("inet", "filter", "").is_iptables_nft());
}

#[test]
fn wrong_flags_of_a_table_leave_it_open() {
    let flags = |flags: &str| {
        let parsed = read(&format!(
            r#"{{"table": {{"family": "ip", "name": "t", "handle": 1, "flags": {flags}}}}}"#
        ));
        parsed.value.tables[0].dormant
    };
    assert_eq!(flags(r#"["dormant"]"#), Some(true));
    assert_eq!(flags(r#"["owner", "persist"]"#), Some(false));
    assert_eq!(flags(r#""ip""#), None);
}

#[test]
fn the_plain_listing_adds_devices_and_dormancy() {
    let json = include_str!("../../../tests/fixtures/nft/every-statement-1.0.6.json");
    let text = include_str!("../../../tests/fixtures/nft/every-statement-1.0.6.txt");
    let parsed = parse(&file(json));
    assert_eq!(parsed.problems, []);
    let mut ruleset = parsed.value;
    let chain = |ruleset: &Ruleset| {
        let table = ruleset.table(TableFamily::Netdev, "nd").unwrap();
        table.chain("in").unwrap().base.clone().unwrap().devices
    };
    assert_eq!(chain(&ruleset), None);
    assert_eq!(ruleset.table(TableFamily::Ip, "dor").unwrap().dormant, None);
    complete(&mut ruleset, &file(text));
    assert_eq!(chain(&ruleset), Some(vec!["lo".to_owned()]));
    assert_eq!(
        ruleset.table(TableFamily::Ip, "dor").unwrap().dormant,
        Some(true)
    );
}

#[test]
fn several_devices_are_read() {
    let items = r#"{"table": {"family": "netdev", "name": "t", "handle": 1}},
        {"chain": {"family": "netdev", "table": "t", "name": "c", "handle": 1, "type": "filter", "hook": "ingress", "prio": 0}}"#;
    let mut ruleset = read(items).value;
    let text = "table netdev t {\n\tchain c {\n\t\ttype filter hook ingress devices = { \"eth0\", eth1 } priority filter; policy accept;\n\t}\n}\n";
    complete(&mut ruleset, &file(text));
    let devices = ruleset.tables[0].chains[0].base.clone().unwrap().devices;
    assert_eq!(devices, Some(vec!["eth0".to_owned(), "eth1".to_owned()]));
}

#[test]
fn what_stands_before_a_cut_is_kept() {
    let whole = format!(
        r#"{{"nftables": [{{"table": {{"family": "ip", "name": "filter", "handle": 1}}}}, {}, {{"ru"#,
        base("c", "filter", "input", "0")
    );
    let parsed = parse(&file(&whole));
    assert_eq!(parsed.value.tables[0].chains.len(), 1);
    assert_eq!(parsed.problems.len(), 1);
    assert!(
        parsed.problems[0]
            .message
            .starts_with("not the JSON of nft")
    );
}

#[test]
fn other_files_are_told_apart() {
    for text in ["", "[]", "{}", "table ip filter {}", r#"{"nftables": 3}"#] {
        assert_eq!(parse(&file(text)).problems.len(), 1, "{text}");
    }
}

#[test]
fn items_without_their_table_or_chain_are_problems() {
    let parsed = read(&rule("c", r#"{"accept": null}"#));
    assert_eq!(
        parsed.problems[0].message,
        "table `ip filter` is not listed before it"
    );
}

#[test]
fn deep_nesting_is_a_problem_not_a_crash() {
    let deep = "[".repeat(100_000);
    let parsed = parse(&file(&format!(r#"{{"nftables": [{{"rule": {deep}"#)));
    assert_eq!(parsed.problems.len(), 1);
}

proptest! {
    #[test]
    fn a_cut_or_changed_listing_never_panics(cut in 0usize..45_000, at in 0usize..45_000, byte in 0x20u8..0x7f) {
        let whole = include_str!("../../../tests/fixtures/nft/every-statement-1.0.6.json");
        let _ = parse(&file(whole.get(..cut).unwrap_or(whole)));
        let mut bytes = whole.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = parse(&file(&String::from_utf8(bytes).unwrap()));
    }
}
