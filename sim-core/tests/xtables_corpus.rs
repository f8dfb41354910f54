//! iptables and ipset files of real namespaces: they are read whole and render to what the tools printed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test reads the corpus")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pathglass_sim::evidence::xtables::{Chain, Match, Policy, Target, XtablesSave};
use pathglass_sim::evidence::{ipset, xtables};
use pathglass_sim::source::SourceFile;

fn corpus(is_wanted: fn(&str) -> bool) -> Vec<Arc<SourceFile>> {
    let root = std::env::var("PATHGLASS_CORPUS").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"),
        PathBuf::from,
    );
    let mut files = Vec::new();
    let mut folders = vec![root.join("cases")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .file_name()
                .is_some_and(|name| is_wanted(&name.to_string_lossy()))
            {
                files.push(Arc::new(SourceFile {
                    name: path.strip_prefix(&root).unwrap().display().to_string(),
                    text: std::fs::read_to_string(&path).unwrap(),
                }));
            }
        }
    }
    if files.is_empty() {
        let required = std::env::var("PATHGLASS_REQUIRE_CORPUS").is_ok_and(|value| value == "1");
        assert!(!required, "no corpus: set PATHGLASS_CORPUS to its folder");
        eprintln!(
            "SKIPPED: no corpus at {}: set PATHGLASS_CORPUS",
            root.display()
        );
    }
    files
}

fn render(save: &XtablesSave) -> String {
    let mut lines = Vec::new();
    for table in &save.tables {
        assert!(table.complete);
        lines.push(format!("*{}", table.name));
        lines.extend(table.chains.iter().map(declaration));
        for chain in &table.chains {
            for rule in &chain.rules {
                let (packets, bytes) = rule.counters.unwrap();
                let line = format!("[{packets}:{bytes}] -A {} {rule}", chain.name);
                lines.push(line.trim_end().to_owned());
            }
        }
        lines.push("COMMIT".to_owned());
    }
    lines.join("\n")
}

fn declaration(chain: &Chain) -> String {
    let policy = match chain.policy {
        Some(Policy::Accept) => "ACCEPT",
        Some(Policy::Drop) => "DROP",
        None => "-",
    };
    let (packets, bytes) = chain.counters.unwrap();
    format!(":{} {policy} [{packets}:{bytes}]", chain.name)
}

/// The lines without remarks, sorted: the tools print rules of base chains first.
fn meaning(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = (text.lines().map(str::trim_end))
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn every_captured_iptables_file_renders_as_it_was_printed() {
    for file in corpus(|name| name.contains("tables-") && name.ends_with("save.txt")) {
        let parsed = xtables::parse(&file);
        assert_eq!(parsed.problems, [], "{}", file.name);
        assert_eq!(
            meaning(&render(&parsed.value)),
            meaning(&file.text),
            "{}",
            file.name
        );
    }
}

#[test]
fn nothing_in_the_captured_iptables_files_is_unknown() {
    for file in corpus(|name| name.contains("tables-") && name.ends_with("save.txt")) {
        let save = xtables::parse(&file).value;
        let chains = save.tables.iter().flat_map(|table| &table.chains);
        for rule in chains.flat_map(|chain| &chain.rules) {
            let unknown = |item: &Match| matches!(item, Match::Unknown(_));
            assert!(!rule.matches.iter().any(unknown), "{}: {rule}", rule.source);
            assert!(
                !matches!(rule.target, Target::Unknown(_)),
                "{}: {rule}",
                rule.source
            );
        }
    }
}

#[test]
fn every_captured_ipset_file_renders_as_it_was_printed() {
    for file in corpus(|name| name == "ipset-save.txt") {
        let parsed = ipset::parse(&file);
        assert_eq!(parsed.problems, [], "{}", file.name);
        assert!(parsed.value.complete, "{}", file.name);
        let rendered = parsed.value.to_string();
        assert_eq!(meaning(&rendered), meaning(&file.text), "{}", file.name);
    }
}
