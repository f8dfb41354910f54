//! Files of the real tools, and what goes wrong with files.

use std::sync::Arc;

use super::*;

/// Every extension that the tools of Debian 12 print, as printed by them.
const FIXTURES: &[&str] = &[
    include_str!("fixtures/extensions-nft.txt"),
    include_str!("fixtures/extensions-legacy.txt"),
    include_str!("fixtures/extensions6-nft.txt"),
];

fn read(text: &str) -> Parsed<XtablesSave> {
    parse(&Arc::new(SourceFile {
        name: "iptables-save.txt".into(),
        text: text.into(),
    }))
}

/// The one rule of a table that has the chains FORWARD and USER.
fn rule(words: &str) -> Rule {
    let text =
        format!("*filter\n:FORWARD ACCEPT [0:0]\n:USER - [0:0]\n-A FORWARD {words}\nCOMMIT\n");
    let mut parsed = read(&text);
    assert_eq!(parsed.problems, []);
    parsed.value.tables[0].chains[0].rules.remove(0)
}

fn render(save: &XtablesSave) -> String {
    let mut text = String::new();
    for table in &save.tables {
        text += &format!("*{}\n", table.name);
        let policy = |chain: &Chain| match chain.policy {
            Some(Policy::Accept) => "ACCEPT",
            Some(Policy::Drop) => "DROP",
            None => "-",
        };
        for chain in &table.chains {
            let (packets, bytes) = chain.counters.unwrap();
            let (name, policy) = (&chain.name, policy(chain));
            text += &format!(":{name} {policy} [{packets}:{bytes}]\n");
        }
        for chain in &table.chains {
            for rule in &chain.rules {
                if let Some((packets, bytes)) = rule.counters {
                    text += &format!("[{packets}:{bytes}] ");
                }
                text += format!("-A {} {rule}", chain.name).trim_end();
                text += "\n";
            }
        }
        text += "COMMIT\n";
    }
    text
}

/// The lines that mean something, sorted: the tools group rules by base chains first.
fn meaning(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = (text.lines().map(str::trim_end))
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    lines.sort_unstable();
    lines
}

fn assert_renders_the_same(name: &str, text: &str) {
    let parsed = read(text);
    assert_eq!(parsed.problems, [], "{name}");
    let rendered = render(&parsed.value);
    for (got, wanted) in meaning(&rendered).into_iter().zip(meaning(text)) {
        assert_eq!(got, wanted, "{name}");
    }
    assert_eq!(meaning(&rendered).len(), meaning(text).len(), "{name}");
}

fn unknown_names(save: &XtablesSave) -> Vec<&str> {
    let rules = (save.tables.iter())
        .flat_map(|table| &table.chains)
        .flat_map(|chain| &chain.rules);
    let mut names: Vec<&str> = Vec::new();
    for rule in rules {
        names.extend(rule.matches.iter().filter_map(|item| match item {
            Match::Unknown(extension) => Some(&*extension.name),
            _ => None,
        }));
        if let Target::Unknown(extension) = &rule.target {
            names.push(&extension.name);
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn every_extension_of_the_real_tools_renders_as_it_was_printed() {
    for fixture in FIXTURES {
        assert_renders_the_same("fixture", fixture);
    }
}

#[test]
fn only_targets_that_are_not_modelled_are_unknown() {
    for fixture in FIXTURES {
        let save = read(fixture).value;
        let mut names = unknown_names(&save);
        names.retain(|name| !["DNPT", "HMARK", "SYNPROXY", "SET"].contains(name));
        assert_eq!(names, [""; 0]);
    }
}

#[test]
fn a_rule_keeps_its_line_and_its_counters() {
    let parsed = read("*filter\n:X ACCEPT [5:6]\n[7:8] -A X -j DROP\nCOMMIT\n");
    let chain = parsed.value.table("filter").unwrap().chain("X").unwrap();
    assert_eq!(
        (chain.counters, chain.policy),
        (Some((5, 6)), Some(Policy::Accept))
    );
    let rule = &chain.rules[0];
    assert_eq!(rule.counters, Some((7, 8)));
    assert_eq!(rule.source.to_string(), "iptables-save.txt:3");
    assert_eq!(rule.source.text(), "[7:8] -A X -j DROP");
}

#[test]
fn an_unknown_match_is_kept_with_its_words() {
    let rule = rule("-m magic ! --wand \"a b\" 7 --dry -j ACCEPT");
    let [Match::Unknown(extension)] = rule.matches.as_slice() else {
        panic!("{:?}", rule.matches);
    };
    assert_eq!(extension.to_string(), "magic ! --wand \"a b\" 7 --dry");
    assert_eq!(rule.target, Target::Accept);
}

#[test]
fn a_known_match_with_an_unknown_option_is_unknown() {
    assert!(matches!(
        rule("-m mark --shade 5 -j DROP").matches[0],
        Match::Unknown(_)
    ));
    assert!(matches!(
        rule("-m mark --mark five").matches[0],
        Match::Unknown(_)
    ));
    assert!(matches!(
        rule("-m set --match-set a up").matches[0],
        Match::Unknown(_)
    ));
}

#[test]
fn a_word_that_belongs_nowhere_makes_the_rule_undecidable() {
    assert!(matches!(
        rule("[unsupported revision] -j DROP").matches[0],
        Match::Unknown(_)
    ));
    assert!(matches!(
        rule("-s nowhere -j DROP").matches[0],
        Match::Unknown(_)
    ));
    assert!(matches!(rule("-X -j DROP").matches[0], Match::Unknown(_)));
}

#[test]
fn a_jump_to_a_chain_that_is_not_there_is_unknown() {
    assert!(matches!(rule("-j NOWHERE").target, Target::Unknown(_)));
    assert!(matches!(rule("-j FORWARD").target, Target::Unknown(_)));
    assert!(matches!(rule("-g ACCEPT").target, Target::Unknown(_)));
    assert_eq!(rule("-g USER").target, Target::Goto("USER".into()));
}

#[test]
fn a_comment_may_look_like_an_option() {
    let rule = rule("-m comment --comment -j -j DROP");
    assert_eq!((rule.comment(), &rule.target), (Some("-j"), &Target::Drop));
}

#[test]
fn the_old_place_of_the_bang_is_understood() {
    assert_eq!(
        rule("-s ! 10.0.0.0/8").header,
        rule("! -s 10.0.0.0/8").header
    );
    assert_eq!(
        rule("-p tcp -m tcp --dport ! 80").matches,
        rule("-p tcp -m tcp ! --dport 80").matches
    );
}

#[test]
fn a_protocols_options_need_no_match() {
    assert_eq!(
        rule("-p tcp --dport 80").matches,
        rule("-p tcp -m tcp --dport 80").matches
    );
}

#[test]
fn protocol_all_is_no_condition() {
    assert_eq!(rule("-p all").header, Header::default());
    assert_eq!(rule("-p 0").header, Header::default());
}

#[test]
fn set_mark_clears_what_it_sets() {
    let change = |value, mask| Target::Mark(MarkChange { value, mask });
    assert_eq!(rule("-j MARK --set-mark 0x5/0x6").target, change(5, 7));
    assert_eq!(
        rule("-j MARK --or-mark 0x4000").target,
        change(0x4000, 0x4000)
    );
    assert_eq!(
        rule("-j MARK --and-mark 0xff").target,
        change(0, 0xffff_ff00)
    );
}

#[test]
fn a_table_without_commit_is_incomplete() {
    let parsed = read("*nat\n:X ACCEPT [0:0]\n-A X -j DROP\n");
    assert!(!parsed.value.tables[0].complete);
    assert_eq!(
        parsed.problems[0].to_string(),
        "iptables-save.txt:1: table `nat` has no COMMIT: the file is cut off, capture it again"
    );
}

#[test]
fn a_line_that_is_no_rule_makes_its_table_incomplete_and_the_rest_is_read() {
    let parsed = read(
        "*nat\n:X ACCEPT\n-A Y -j DROP\nrubbish\n-A X \"\n-A X -j DROP\nCOMMIT\n*raw\nCOMMIT\n",
    );
    assert_eq!(parsed.problems.len(), 3);
    assert_eq!(parsed.value.tables[0].chains[0].rules.len(), 1);
    assert!(!parsed.value.tables[0].complete);
    assert!(parsed.value.tables[1].complete);
}

#[test]
fn a_table_that_the_tool_could_not_print_is_there_and_incomplete() {
    let parsed = read("# Table `filter' is incompatible, use 'nft' tool.\n");
    assert_eq!(parsed.problems.len(), 1);
    assert!(!parsed.value.table("filter").unwrap().complete);
}

#[test]
fn the_warning_about_legacy_tables_is_kept() {
    let text = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n";
    let parsed = read(text);
    assert_eq!(parsed.problems, []);
    assert_eq!(parsed.value.other_backend.unwrap().text(), text.trim_end());
}

#[test]
fn windows_line_ends_do_no_harm() {
    assert_eq!(
        read("*nat\r\n:X ACCEPT [0:0]\r\n-A X -j DROP\r\nCOMMIT\r\n").problems,
        []
    );
}

#[test]
fn many_rules_are_read_in_linear_time() {
    let mut text = String::from("*nat\n:KUBE-SERVICES - [0:0]\n");
    for n in 0..40_000 {
        text += &format!(":KUBE-SVC-{n:016} - [0:0]\n");
    }
    for n in 0..160_000 {
        let (high, low, chain) = (n / 256, n % 256, n % 40_000);
        text += &format!(
            "[0:0] -A KUBE-SERVICES -d 10.96.{}.{low}/32 -p tcp -m comment --comment \"ns/svc-{n} cluster IP\" -m tcp --dport 80 -j KUBE-SVC-{chain:016}\n",
            high % 256
        );
    }
    text += "COMMIT\n";
    let parsed = read(&text);
    assert_eq!(parsed.value.tables[0].chains[0].rules.len(), 160_000);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\*[a-z]{1,3}|:[A-Z]{1,2} (ACCEPT|-)|-A [A-Z]{1,2}( (-[msdjgipof]|--?[a-z-]{1,12}|!|\"|\\PC{0,8}))*|COMMIT|\\PC*|\n)*") {
            read(&text);
        }

        #[test]
        fn no_cut_makes_it_panic(cut in 0usize..30_000, which in 0usize..3) {
            let text = FIXTURES[which];
            let end = (0..=cut.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
            let text = text.get(..end.unwrap_or(0)).unwrap();
            let parsed = read(text);
            // The last line may lack its end.
            let lines = format!("{text}\n");
            let open = lines.matches("\n*").count() > lines.matches("\nCOMMIT\n").count();
            prop_assert_eq!(open && parsed.problems.is_empty(), false);
        }

        #[test]
        fn what_a_rule_renders_to_parses_to_the_same_rule(words in prop::collection::vec(0usize..400, 1..3), flip in any::<u64>()) {
            let rules: Vec<_> = FIXTURES.iter().flat_map(|text| text.lines()).filter_map(|line| line.split_once("-A FORWARD ")).map(|(_, words)| words).collect();
            let mut text = rules[words[0] % rules.len()].to_owned();
            if let Some((at, _)) = text.char_indices().nth((flip % 80) as usize) {
                text.truncate(at);
            }
            let unescaped = text.replace("\\\"", "");
            if unescaped.matches('"').count() % 2 == 0 && !text.ends_with('\\') && !text.trim().is_empty() {
                let once = rule(&text);
                let twice = rule(&once.to_string());
                prop_assert_eq!((once.header, once.matches, once.target), (twice.header, twice.matches, twice.target));
            }
        }
    }
}
