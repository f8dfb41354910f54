//! Every text of a verdict is there in Chinese: all that the simulator can write, and all that it does write.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;

use pathglass_sim::verdict::{Lang, Verdict, lang};
use pathglass_tests::ask;
use pathglass_tests::corpus::{self, Case, each, workspace};
use pathglass_tests::literals::{Literal, literals, numbered};

/// Where texts of verdicts are written.
const SOURCES: [&str; 17] = [
    "cloud",
    "cloud.rs",
    "evidence",
    "evidence.rs",
    "flow",
    "flow.rs",
    "intent",
    "intent.rs",
    "journey",
    "journey.rs",
    "linux",
    "linux.rs",
    "session.rs",
    "trace",
    "trace.rs",
    "verdict",
    "world",
];

/// Literals that look like a text and are none, with why.
const EXEMPT: &[(&str, &str)] = &[
    (", listener ", "the middle of a text, looked for"),
    (" and ", "joins names: in `lang.rs`"),
    (" or ", "joins names: in `lang.rs`"),
    (" at line ", "what serde_json writes"),
    ("  flags", "nft's syntax"),
    (" device", "nft's syntax"),
    (" nomatch", "ipset's syntax"),
    (" wildcard", "ipset's syntax"),
    ("# Table `", "iptables-save's remark"),
    ("# Warning:", "iptables-save's remark"),
    ("Egress Untagged", "a flag of `bridge vlan`"),
    ("add {0} {1}", "ipset's syntax"),
    ("conntrack: destination", "the start of a text, looked for"),
    ("create {0} {1}", "ipset's syntax"),
    ("ct count", "nft's syntax"),
    ("ct expectation", "nft's syntax"),
    ("ct helper", "nft's syntax"),
    ("ct timeout", "nft's syntax"),
    ("dccp option", "nft's syntax"),
    ("goto ", "the start of `goto {0}`"),
    ("ip daddr", "nft's syntax"),
    ("ip option", "nft's syntax"),
    ("ip saddr", "nft's syntax"),
    ("ip6 daddr", "nft's syntax"),
    ("ip6 saddr", "nft's syntax"),
    ("jump ", "the start of `jump {0}`"),
    (
        "nft-ruleset.txt (`nft list ruleset`)",
        "a file and a command",
    ),
    ("over ", "nft's syntax"),
    ("pathglass-sim ", "the engine's name"),
    ("reset tcp option", "nft's syntax"),
    ("sctp chunk", "nft's syntax"),
    ("sysctl: ", "what sysctl prints before an error"),
    ("tables present", "iptables-save's remark"),
    ("tcp option", "nft's syntax"),
    ("tcp reset", "nft's syntax"),
    ("xt watcher", "nft's syntax"),
];

/// Code after which a literal is no text of a verdict: reasons of lints and of what cannot happen.
const NO_TEXT_AFTER: [&str; 3] = ["reason=", ".expect(", "unreachable!("];

fn is_text(literal: &Literal) -> bool {
    let letters = |pair: &[u8]| pair.iter().all(u8::is_ascii_lowercase);
    let text = numbered(&literal.text);
    let is_option = text.trim_start().starts_with('-');
    !is_option
        && text.contains(' ')
        && text.as_bytes().windows(2).any(letters)
        && !NO_TEXT_AFTER
            .iter()
            .any(|code| literal.before.ends_with(code))
}

/// The Rust files below `path`, tests, the catalogue and the table itself apart.
fn sources(path: &Path, found: &mut Vec<std::path::PathBuf>) {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if ["lang", "lang.rs", "catalogue", "catalogue.rs"].contains(&&*name) || name.contains("test") {
        return;
    }
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), found);
        }
    } else if name.ends_with(".rs") {
        found.push(path.to_owned());
    }
}

#[test]
fn every_text_of_the_source_is_in_the_table_and_no_other() {
    let root = workspace().join("sim-core/src");
    let mut files = Vec::new();
    for source in SOURCES {
        sources(&root.join(source), &mut files);
    }
    files.sort();
    let mut table = BTreeMap::new();
    let mut problems = Vec::new();
    for (en, zh) in lang::sentences() {
        if table.insert(*en, *zh).is_some_and(|other| other != *zh) {
            problems.push(format!("{en:?} is translated in two ways"));
        }
    }
    let exempt: BTreeSet<&str> = EXEMPT.iter().map(|(text, _)| *text).collect();
    let mut written: BTreeSet<String> = BTreeSet::new();
    for file in &files {
        for literal in literals(&std::fs::read_to_string(file).unwrap()) {
            let text = numbered(&literal.text);
            let known = table.contains_key(&*text) || exempt.contains(&*text);
            if is_text(&literal) && !known && !written.contains(&text) {
                let file = file.strip_prefix(&root).unwrap().display();
                problems.push(format!("{file}:{}: {text:?} has no Chinese", literal.line));
            }
            written.insert(text);
        }
    }
    let stale = table
        .keys()
        .chain(&exempt)
        .filter(|text| !written.contains(**text));
    problems
        .extend(stale.map(|text| format!("{text:?} is in the table and nowhere in the source")));
    assert!(files.len() > 100, "{}", files.len());
    assert!(problems.is_empty(), "\n  {}\n", problems.join("\n  "));
}

/// `{0}`, `{1}`, … of a sentence, sorted.
fn holes(sentence: &str) -> Vec<&str> {
    let mut holes: Vec<&str> = sentence
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .collect();
    holes.sort_unstable();
    holes.dedup();
    holes
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[test]
fn sentences_are_whole() {
    for (en, zh) in lang::sentences() {
        assert_eq!(holes(en), holes(zh), "{en}: {zh}");
        let is_word = |word: &str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase());
        let has_words = en.split(' ').any(is_word);
        assert!(is_chinese(zh) || !has_words, "{en}: {zh}");
        let ticks = |text: &str| text.matches('`').count();
        assert_eq!(ticks(en), ticks(zh), "{en}: {zh}");
    }
}

/// The example, the recordings, and the corpus where it is: every `nth` flow of it.
fn cases() -> Vec<Case> {
    let folders = [
        "examples",
        "tests/captures/cloud",
        "tests/captures/oracle",
        "tests/captures/vm",
    ];
    let mut cases: Vec<Case> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(workspace().join(folder)).unwrap())
        .map(|entry| entry.unwrap())
        .map(|entry| Case {
            name: entry.file_name().to_string_lossy().into_owned(),
            folder: entry.path(),
        })
        .filter(|case| case.folder.join("expectations.json").is_file())
        .collect();
    match corpus::folder() {
        Some(corpus) => cases.extend(corpus::cases(&corpus, &[]).unwrap()),
        None => assert!(!corpus::is_required(), "there is no corpus"),
    }
    cases
}

/// Every text for people that the verdict holds.
fn texts(verdict: &Verdict) -> Vec<String> {
    let legs = verdict.legs.iter();
    let ways = legs
        .clone()
        .flat_map(|leg| &leg.branches)
        .chain(&verdict.branches);
    let hops = ways.flat_map(|way| way.hops.iter().chain(&way.reply.hops));
    let steps = (hops.flat_map(|hop| &hop.steps)).chain(legs.clone().flat_map(|leg| &leg.steps));
    let steps = steps
        .map(|step| step.text.clone())
        .chain(legs.map(|leg| leg.name.clone()));
    let findings = verdict.findings.iter();
    let findings = findings.flat_map(|finding| [finding.message.clone(), finding.fix.clone()]);
    let near = verdict.findings.iter().flat_map(|finding| &finding.nearest);
    let near = near.map(|near| near.text.clone());
    let gaps = verdict.gaps.iter().map(|gap| gap.reason.clone());
    let intended = verdict.intended.iter().map(|one| one.message.clone());
    let said = verdict.assumptions.iter().chain(&verdict.settle).cloned();
    steps
        .chain(findings)
        .chain(near)
        .chain(gaps)
        .chain(intended)
        .chain(said)
        .collect()
}

/// Words that stay English before another: nft's families before a table's name.
const KEPT: [&str; 5] = ["ip", "ip6", "inet", "bridge", "arp"];

/// Whether English is left over: two words of lower-case letters side by side, quoted ones and the cluster's own
/// (`cited`) apart.
fn has_english(chinese: &str, cited: &str) -> bool {
    let is_word = |word: &str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase());
    chinese.split('`').step_by(2).any(|text| {
        let words: Vec<&str> = text.split(' ').collect();
        words.windows(2).any(|pair| {
            pair.iter().all(|word| is_word(word))
                && !pair.iter().any(|word| KEPT.contains(word))
                && !cited.contains(&pair.join(" "))
        })
    })
}

#[test]
fn every_text_of_real_verdicts_is_translated() {
    // Each text, and whether it is translated.
    let seen: Mutex<BTreeMap<String, (String, bool)>> = Mutex::default();
    let all = cases();
    let n_flows: usize = each(&all, 2, |case| {
        let mut session = ask::unsealed(&case.files().unwrap());
        let flows = case.expectations().unwrap().flows;
        for flow in &flows {
            let Ok(verdict) = ask::diagnose(&mut session, &flow.request()) else {
                continue;
            };
            let evidence = verdict
                .findings
                .iter()
                .flat_map(|finding| &finding.evidence);
            let cited: String = evidence.map(|item| item.text.as_str()).collect();
            let english = texts(&verdict);
            let chinese = texts(&verdict.in_language(Lang::Zh));
            assert_eq!(english.len(), chinese.len());
            let mut seen = seen.lock().unwrap();
            for (english, chinese) in english.into_iter().zip(chinese) {
                let is_whole = is_chinese(&chinese) && !has_english(&chinese, &cited);
                seen.entry(english).or_insert((chinese, is_whole));
            }
        }
        flows.len()
    })
    .into_iter()
    .sum();
    let seen = seen.into_inner().unwrap();
    let untranslated: Vec<String> = (seen.iter())
        .filter(|(_, (_, is_whole))| !is_whole)
        .map(|(en, (zh, _))| format!("{en}\n    {zh}"))
        .collect();
    // Straight to the stream: what a passing test prints with macros is not shown.
    let _ = writeln!(
        std::io::stderr(),
        "{} texts of {n_flows} flows, {} of them not translated",
        seen.len(),
        untranslated.len()
    );
    assert!(seen.len() > 100, "{}", seen.len());
    assert!(
        untranslated.is_empty(),
        "\n  {}\n",
        untranslated.join("\n  ")
    );
}
