//! The catalogue of findings and the page that shows it.

use std::collections::BTreeSet;

use pathglass_sim::verdict::catalogue;

/// `docs/findings.md` says what the code says.
#[test]
fn the_page_shows_the_catalogue() {
    let path = pathglass_tests::corpus::workspace().join("docs/findings.md");
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(
        page == catalogue::page(),
        "docs/findings.md is not what the catalogue says: run `cargo xtask findings`"
    );
}

/// Every code is written once, as `family.what-it-is`, and its texts are there in both languages.
#[test]
fn entries_are_whole() {
    let mut codes = BTreeSet::new();
    for entry in catalogue::all() {
        assert!(codes.insert(entry.code), "{} is there twice", entry.code);
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit())
        };
        assert!(
            entry
                .code
                .split_once('.')
                .is_some_and(|(family, rest)| plain(family) && plain(rest)),
            "{} is not `family.what-it-is`",
            entry.code
        );
        for text in [entry.meaning, entry.fix] {
            assert!(
                !text.en.is_empty() && text.en.is_ascii(),
                "{}: {}",
                entry.code,
                text.en
            );
            assert!(
                text.zh
                    .chars()
                    .any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)),
                "{} has no Chinese text: {}",
                entry.code,
                text.zh
            );
            for text in [text.en, text.zh] {
                assert!(
                    !text.ends_with(['.', '。']) && text.matches('`').count() % 2 == 0,
                    "{}: {text}",
                    entry.code
                );
            }
        }
        assert!(
            !entry.confirm.is_empty(),
            "{} cannot be confirmed",
            entry.code
        );
        assert!(
            entry
                .commands()
                .all(|command| !command.contains("{destination") && !command.is_empty()),
            "{}",
            entry.code
        );
    }
}

/// What is said to answer another tool's cause is there.
#[test]
fn answers_are_in_the_catalogue() {
    use catalogue::coverage::{ACK, GUIDES, KUBESKOOP};
    for answer in [ACK, KUBESKOOP, GUIDES].concat() {
        for code in answer.codes {
            assert!(
                catalogue::find(code).is_some(),
                "{}: `{code}`",
                answer.asked
            );
        }
    }
}
