//! Files of the real tool, and what goes wrong with files.

use super::*;

/// Every set type that this kernel has, as ipset 7.17 prints it.
const TYPES: &str = include_str!("fixtures/types.txt");

fn read(text: &str) -> Parsed<IpsetSave> {
    parse(&Arc::new(SourceFile {
        name: "ipset-save.txt".into(),
        text: text.into(),
    }))
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn assert_renders_the_same(name: &str, text: &str) {
    let parsed = read(text);
    assert_eq!(parsed.problems, [], "{name}");
    assert!(parsed.value.complete, "{name}");
    assert_eq!(sorted(&parsed.value.to_string()), sorted(text), "{name}");
}

fn members(kind: &str, member: &str) -> Vec<Element> {
    let parsed = read(&format!("create s {kind}\nadd s {member}\n"));
    assert_eq!(parsed.problems, []);
    parsed.value.sets["s"].members[0].elements.clone()
}

#[test]
fn every_type_renders_as_it_was_printed() {
    assert_renders_the_same("types", TYPES);
}

#[test]
fn options_and_comments_are_kept() {
    let text = "create s hash:ip family inet timeout 60 counters comment skbinfo\n\
                add s 192.0.2.1 timeout 5 packets 3 bytes 9 comment \"a b\" skbmark 0x5/0xff\n";
    assert_renders_the_same("options", text);
    let save = read(text).value;
    assert_eq!(save.sets["s"].option("timeout"), Some("60"));
    assert_eq!(&*save.sets["s"].members[0].options[3].values[0].text, "a b");
}

#[test]
fn a_port_without_protocol_is_tcp() {
    let ports = |protocol| Element::Ports {
        protocol,
        low: 80,
        high: 80,
    };
    assert_eq!(
        members("hash:ip,port family inet", "192.0.2.1,80")[1],
        ports(Some(6))
    );
    assert_eq!(members("bitmap:port range 0-65535", "80"), [ports(None)]);
}

#[test]
fn icmp_types_have_names() {
    let icmp = |kind, code| Element::Icmp {
        v6: false,
        kind,
        code,
    };
    assert_eq!(
        members("hash:ip,port family inet", "192.0.2.1,icmp:ping")[1],
        icmp(8, 0)
    );
    assert_eq!(
        members("hash:ip,port family inet", "192.0.2.1,icmp:3/4")[1],
        icmp(3, 4)
    );
}

#[test]
fn a_member_that_is_not_understood_makes_its_set_incomplete() {
    let parsed =
        read("create s hash:ip family inet\nadd s nobody\nadd s 192.0.2.1\ncreate t hash:ip\n");
    assert_eq!(parsed.problems.len(), 1);
    assert!(!parsed.value.sets["s"].complete);
    assert_eq!(parsed.value.sets["s"].members.len(), 1);
    assert!(parsed.value.sets["t"].complete);
}

#[test]
fn a_member_of_the_other_family_is_refused() {
    assert_eq!(
        read("create s hash:ip family inet6\nadd s 192.0.2.1\n")
            .problems
            .len(),
        1
    );
}

#[test]
fn an_unknown_type_is_kept_and_incomplete() {
    let parsed = read("create s hash:wand\nadd s 5\n");
    assert_eq!(parsed.problems, []);
    assert_eq!(
        parsed.value.sets["s"].kind,
        SetType::Unknown("hash:wand".into())
    );
    assert!(!parsed.value.sets["s"].complete);
}

#[test]
fn a_cut_line_makes_everything_incomplete() {
    let parsed = read("create s hash:ip family inet\nadd s 192.0.2.1");
    assert_eq!(parsed.problems.len(), 1);
    assert!(!parsed.value.sets["s"].complete && !parsed.value.complete);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_cut_passes_unnoticed(cut in 0usize..6000) {
            if let Some(text) = TYPES.get(..cut) {
                let whole_lines = text.is_empty() || text.ends_with('\n');
                prop_assert_eq!(read(text).problems.is_empty(), whole_lines);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "((create|add|\\PC{0,4}) [ab] (hash|bitmap|list):(ip|net|port|mac|set|,){1,3}|add [ab] [0-9a-f:.,/-]{0,20}( nomatch| \"|\\PC{0,4})*|\\PC*|\n)*") {
            read(&text);
        }
    }
}
