//! The repository's rules, as tests: what a reviewer should not have to look for.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use pathglass_tests::corpus::workspace;

/// Longest a source file may be, its tests apart (`tests.rs`) twice that.
const LIMIT: usize = 500;

/// Files over the limit, each with the reason.
const LONG: &[(&str, &str)] = &[];

/// What the simulator may depend on, with what for. A new one needs a reason here.
const CORE_DEPENDENCIES: &[(&str, &str)] = &[
    ("age", "encrypted snapshots"),
    ("crc32fast", "snapshots: the ZIP's checksums"),
    ("ed25519-dalek", "signed snapshots"),
    ("ipnet", "prefixes"),
    ("miniz_oxide", "snapshots: the ZIP's compression"),
    ("serde", "the verdict's JSON"),
    ("serde_json", "kube objects and the tools' JSON"),
    ("sha2", "manifests"),
    ("strsim", "did you mean"),
    ("thiserror", "errors"),
    (
        "tsify",
        "TypeScript types, only with the feature `typescript`",
    ),
    (
        "wasm-bindgen",
        "TypeScript types, only with the feature `typescript`",
    ),
];

/// The files that git tracks or would track.
fn tracked() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(workspace())
        .output();
    let text = listed
        .map(|output| String::from_utf8(output.stdout).unwrap())
        .unwrap_or_default();
    let files: BTreeSet<PathBuf> = text.lines().map(PathBuf::from).collect();
    assert!(
        files.len() > 50,
        "git names {} files: run this in a clone",
        files.len()
    );
    files
        .into_iter()
        .filter(|file| workspace().join(file).is_file())
        .collect()
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = tracked();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files
}

fn read(file: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(workspace().join(file)).unwrap()).into_owned()
}

fn manifests() -> Vec<PathBuf> {
    let mut files = tracked();
    files.retain(|file| file.file_name().is_some_and(|name| name == "Cargo.toml"));
    // The fuzz targets are a workspace of their own, which only nightly builds.
    files.retain(|file| file.components().count() == 2 && !file.starts_with("fuzz"));
    assert!(files.len() >= 5, "{files:?}");
    files
}

/// The lines of the section `[name]` of a manifest.
fn section(manifest: &str, name: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != format!("[{name}]"))
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a list is made to be handed over"
)]
fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n  {}\n", problems.join("\n  "));
}

#[test]
fn every_module_says_in_its_first_line_what_it_is() {
    let silent = |file: &PathBuf| !read(file).starts_with("//! ");
    let name = |file: PathBuf| format!("{}: begins without `//! `", file.display());
    none(rust_files().into_iter().filter(silent).map(name).collect());
}

#[test]
fn modules_are_named_for_themselves() {
    let is_mod = |file: &PathBuf| file.file_name().is_some_and(|name| name == "mod.rs");
    let name = |file: PathBuf| format!("{}: name it for its folder", file.display());
    none(rust_files().into_iter().filter(is_mod).map(name).collect());
}

#[test]
fn files_are_short_enough_to_read() {
    let mut problems = Vec::new();
    for file in rust_files() {
        let name = file.display().to_string();
        let n_lines = read(&file).lines().count();
        let is_test = name.ends_with("tests.rs") || name.contains("/tests/");
        let limit = if is_test { 2 * LIMIT } else { LIMIT };
        let is_excused = LONG.iter().any(|(long, _)| *long == name);
        if n_lines > limit && !is_excused {
            problems.push(format!(
                "{name}: {n_lines} lines, {limit} is the limit: one idea a file"
            ));
        }
        if n_lines <= limit && is_excused {
            problems.push(format!("{name}: short enough again, take it off the list"));
        }
    }
    none(problems);
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    let lacks = |file: &PathBuf| section(&read(file), "lints") != ["workspace = true"];
    let name = |file: PathBuf| format!("{}: add `[lints] workspace = true`", file.display());
    none(manifests().into_iter().filter(lacks).map(name).collect());
}

#[test]
fn versions_stand_in_the_root_only() {
    let mut problems = Vec::new();
    for file in manifests() {
        let manifest = read(&file);
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for line in section(&manifest, kind) {
                if !line.contains("workspace = true") && line.contains('=') {
                    problems.push(format!(
                        "{}: `{line}`: write `x.workspace = true`",
                        file.display()
                    ));
                }
            }
        }
    }
    none(problems);
}

#[test]
fn the_simulator_depends_on_what_is_written_here() {
    let manifest = read(Path::new("sim-core/Cargo.toml"));
    let found: BTreeSet<String> = section(&manifest, "dependencies")
        .iter()
        .filter_map(|line| line.split(['.', ' ', '=']).next().map(str::to_owned))
        .collect();
    let written: BTreeSet<String> = CORE_DEPENDENCIES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(found, written);
}

#[test]
fn typescript_stays_where_the_pages_types_are() {
    let mut problems = Vec::new();
    for file in rust_files()
        .iter()
        .filter(|file| file.starts_with("sim-core"))
    {
        let name = file.display().to_string();
        let may = ["flow.rs", "verdict.rs", "snapshot/store.rs"];
        if !may.iter().any(|end| name.ends_with(end))
            && read(file).contains("feature = \"typescript\"")
        {
            problems.push(format!(
                "{name}: only the question and the answer cross into the page"
            ));
        }
    }
    none(problems);
}

#[test]
fn the_architecture_names_every_folder_of_the_simulator() {
    let map = read(Path::new("ARCHITECTURE.md"));
    let folders: BTreeSet<String> = rust_files()
        .iter()
        .filter_map(|file| file.strip_prefix("sim-core/src").ok()?.parent())
        .map(|folder| folder.display().to_string())
        .filter(|folder| !folder.is_empty())
        .collect();
    let unnamed = |folder: &String| {
        let own = folder.rsplit('/').next().unwrap_or(folder);
        !map.contains(&format!("{own}/")) && !map.contains(&format!("{own}`"))
    };
    let name = |folder: String| format!("sim-core/src/{folder}: ARCHITECTURE.md does not name it");
    none(folders.into_iter().filter(unnamed).map(name).collect());
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    // Put together here, so that this file does not hold what it looks for.
    let paths = [
        "/wo|rk/",
        "/tmp/|pg",
        "/ro|ot/.",
        "/home/|user",
        "file|:///",
        "reg|istry.npmjs.org",
        "static.cr|ates.io",
    ];
    let paths = paths.map(|path| path.replace('|', ""));
    let mut problems = Vec::new();
    for file in tracked() {
        let text = read(&file);
        // npm writes where each package came from; without that, `npm ci` takes the configured registry.
        for (line_idx, line) in text.lines().enumerate() {
            for path in paths.iter().filter(|path| line.contains(path.as_str())) {
                problems.push(format!(
                    "{}:{}: holds `{path}`",
                    file.display(),
                    line_idx + 1
                ));
            }
        }
    }
    none(problems);
}

#[test]
fn snapshots_of_tests_have_a_test() {
    let mut problems = Vec::new();
    for file in tracked() {
        if file.extension().is_none_or(|extension| extension != "snap") {
            continue;
        }
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // insta: `<crate>__<module>__<test>.snap`, the test's name last (with `-2` for a second one).
        let test = name.rsplit("__").next().unwrap_or_default();
        let test = test.rsplit_once('-').map_or(test, |(test, _)| test);
        let is_used = rust_files()
            .iter()
            .any(|source| read(source).contains(test));
        if !is_used {
            problems.push(format!("{}: no test has this name", file.display()));
        }
    }
    none(problems);
}

#[test]
fn the_bundled_example_is_small() {
    let sizes = tracked()
        .into_iter()
        .filter(|file| file.starts_with("examples/missing-route"))
        .map(|file| std::fs::metadata(workspace().join(file)).unwrap().len());
    let total: u64 = sizes.sum();
    assert!((1..300_000).contains(&total), "{total} bytes");
}
