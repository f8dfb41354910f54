//! Every captured file of the corpus loads without a problem, and no mutilation of one makes a parser panic.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::evidence::source_file;

/// The corpus's cases; empty, and loudly so, where there is none.
fn cases() -> Vec<PathBuf> {
    let folder = match std::env::var_os("PATHGLASS_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"),
    };
    let Ok(entries) = std::fs::read_dir(folder.join("cases")) else {
        let required = std::env::var("PATHGLASS_REQUIRE_CORPUS").is_ok_and(|value| value == "1");
        assert!(!required, "no corpus at `{}`", folder.display());
        eprintln!(
            "SKIPPED: no corpus at `{}`; set PATHGLASS_CORPUS",
            folder.display()
        );
        return Vec::new();
    };
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// All files below `folder` that have a parser here, with their paths in the capture.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            if parser_of(name).is_some() {
                found.push((name.to_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_file_of_the_corpus_loads_without_a_problem() {
    let mut read = 0;
    for case in cases() {
        for (name, bytes) in files(&case) {
            let file = source_file(&name, &bytes);
            assert!(file.problems.is_empty(), "{:?}", file.problems);
            let problems = check(&file.value).unwrap();
            assert!(problems.is_empty(), "{}: {problems:#?}", case.display());
            read += 1;
        }
    }
    eprintln!("{read} files read");
}

/// The values below `pointer` in a file that is JSON.
fn values(bytes: &[u8], pointer: &str) -> usize {
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    value.pointer(pointer).unwrap().as_array().unwrap().len()
}

#[test]
fn no_item_of_the_corpus_is_dropped_silently() {
    let mut total = 0;
    for case in cases() {
        for (name, bytes) in files(&case) {
            let file = source_file(&name, &bytes).value;
            let base = name.rsplit('/').next().unwrap();
            if file.text.is_empty() {
                continue;
            }
            let (found, expected) = match base {
                "ip-link.json" => (link::parse(&file).value.len(), values(&bytes, "")),
                "ip-route.json" | "ip6-route.json" => {
                    (route::parse(&file).value.len(), values(&bytes, ""))
                }
                "ip-rule.json" => (rule::parse(&file).value.len(), values(&bytes, "")),
                "ip-neigh.json" => (neighbour::parse(&file).value.len(), values(&bytes, "")),
                "bridge-fdb.json" => (bridge::parse_fdb(&file).value.len(), values(&bytes, "")),
                "bridge-link.json" => (bridge::parse_links(&file).value.len(), values(&bytes, "")),
                "ss.txt" => (socket::parse(&file).value.len(), file.text.lines().count()),
                "sysctl.txt" => (
                    sysctl::parse(&file).value.iter().count(),
                    file.text.lines().count(),
                ),
                "pods.json" => (
                    kube::pod::parse(&file).value.len(),
                    values(&bytes, "/items"),
                ),
                "services.json" => (
                    kube::service::parse(&file).value.len(),
                    values(&bytes, "/items"),
                ),
                "endpointslices.json" => (
                    kube::endpoints::parse_slices(&file).value.len(),
                    values(&bytes, "/items"),
                ),
                _ => continue,
            };
            assert_eq!(found, expected, "{}: {name}", case.display());
            total += found;
        }
    }
    eprintln!("{total} items compared");
}

#[test]
fn kube_proxys_configuration_of_every_case_is_understood() {
    for case in cases() {
        let name = "kube/configmaps.json";
        let file = source_file(name, &std::fs::read(case.join(name)).unwrap()).value;
        let maps = kube::config::parse(&file).value;
        let config = maps.iter().find_map(|map| map.kube_proxy().unwrap());
        let config = config.expect("kube-proxy's ConfigMap");
        assert!(config.mode.is_some() && !config.cluster_cidrs.is_empty());
        assert_eq!(config.masquerade_bit, Some(14));
    }
}

/// One file of each format: the largest of the first cases.
fn samples() -> Vec<(String, Vec<u8>)> {
    let mut samples: Vec<(String, Vec<u8>)> = Vec::new();
    for case in cases().iter().take(3) {
        for (name, bytes) in files(case) {
            let base = |name: &str| name.rsplit('/').next().unwrap().to_owned();
            match samples
                .iter_mut()
                .find(|(known, _)| base(known) == base(&name))
            {
                Some(known) if known.1.len() < bytes.len() => *known = (name, bytes),
                Some(_) => {}
                None => samples.push((name, bytes)),
            }
        }
    }
    samples
}

#[test]
fn a_truncated_file_gives_what_stood_before_the_cut_and_says_that_it_was_cut() {
    for (name, bytes) in samples() {
        // A rule set's JSON has its own reader and its own test.
        if name.ends_with("nft-ruleset.json") {
            continue;
        }
        let step = (bytes.len() / 97).max(1);
        for cut in (1..bytes.len()).step_by(step) {
            let file = source_file(&name, &bytes[..cut]);
            let problems = check(&file.value).unwrap();
            let text = file.value.text.trim();
            // Text formats cannot tell, and trailing white space is none of the JSON.
            let whole = text.is_empty() || text.len() == bytes.trim_ascii().len();
            if name.ends_with(".json") && !whole {
                assert!(
                    !problems.is_empty(),
                    "{name} cut at {cut} is taken for whole"
                );
            }
        }
    }
}

/// A name of each format, for bytes that come from nowhere.
fn any_name() -> impl Strategy<Value = String> {
    let mut names: Vec<String> = vec!["capture.json".to_owned(), "cloud/a/b/c/D.json".to_owned()];
    names.extend(
        NAMESPACE
            .iter()
            .map(|(name, _)| format!("nodes/n/host/{name}")),
    );
    names.extend(KUBE.iter().map(|(name, _)| format!("kube/{name}.json")));
    names.push("kube/ingresses.json".to_owned());
    proptest::sample::select(names)
}

/// Text that is near to what the parsers expect.
fn near_json() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "null",
        "true",
        "-1",
        "4294967296",
        "\"\"",
        "\"items\"",
        "\"ifname\"",
        "\"flags\"",
        "\"dst\"",
        "\"default\"",
        "\"metadata\"",
        "\"spec\"",
        "\"name\"",
        "\"é\\u0000\"",
        "\"10.0.0.0/8\"",
        "\n",
        "1e999",
        "\"linkinfo\"",
        "\"addr_info\"",
    ]);
    proptest::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(name in any_name(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let file = source_file(&name, &bytes);
        let _ = check(&file.value);
    }

    #[test]
    fn arbitrary_lines_never_panic(name in any_name(), text in "[-a-zA-Z0-9 =:./%*\\[\\]\t\n]{0,120}") {
        let file = source_file(&name, text.as_bytes());
        let _ = check(&file.value);
    }

    #[test]
    fn near_json_never_panics(name in any_name(), text in near_json()) {
        let file = source_file(&name, text.as_bytes());
        let _ = check(&file.value);
    }
}

#[test]
fn changed_bytes_of_real_files_never_panic() {
    // A fixed sequence (Knuth's generator): the same bytes change in each run.
    let mut state = 1_u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    for (name, bytes) in samples() {
        if bytes.is_empty() {
            continue;
        }
        for _ in 0..200 {
            let mut changed = bytes.clone();
            for _ in 0..3 {
                let at = next() % changed.len();
                changed[at] = u8::try_from(next() % 256).unwrap();
            }
            let file = source_file(&name, &changed);
            let _ = check(&file.value);
        }
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = format!("{}1{}", r#"[{"a":"#.repeat(200_000), "}]".repeat(200_000));
    let names = [
        "nodes/n/host/ip-link.json",
        "kube/pods.json",
        "kube/x.json",
        "nodes/n/host/netns.json",
    ];
    for name in names {
        let file = source_file(name, deep.as_bytes());
        assert!(file.problems.is_empty());
        assert!(!check(&file.value).unwrap().is_empty(), "{name}");
    }
}

#[test]
fn a_path_finds_its_parser_and_others_have_none() {
    let file = |name: &str| source_file(name, b"").value;
    assert!(check(&file("nodes/n/pods/ns_pod/ss.txt")).is_some());
    assert!(check(&file("fabric/router/ip-link.json")).is_some());
    assert!(check(&file("kube/pods/node-1.json")).is_some());
    assert!(check(&file("ss.txt")).is_none());
    assert!(check(&file("nodes/n/host/notes.txt")).is_none());
    assert!(check(&file("cloud/aliyun/notes.json")).is_none());
}
