//! What fuzzing found stays found: its cases are replayed, and worlds broken at random are asked.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::PathBuf;
use std::time::Duration;

use pathglass_tests::corpus::workspace;
use pathglass_tests::fuzzing::{self, Files, PARSED};
use pathglass_tests::watch::Watch;

fn example() -> Files {
    fuzzing::read(&workspace().join("examples/missing-route")).unwrap()
}

/// The kept cases of a target: `tests/fuzz-cases/<target>/<what it was>`.
fn kept(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder: PathBuf = workspace().join("tests/fuzz-cases").join(target);
    let mut cases: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    cases.sort();
    cases
}

/// A question that takes this long on a small world hangs.
fn watch() -> Watch {
    Watch::start(Duration::from_secs(60), |name| {
        let message = format!("hangs: {name}\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes());
        std::process::exit(3);
    })
}

#[test]
fn kept_cases_come_back() {
    let watch = watch();
    let base = example();
    for (name, bytes) in kept("parser") {
        let _watched = watch.begin(&name);
        fuzzing::parser_of(&bytes, None);
    }
    for (name, bytes) in kept("snapshot") {
        let _watched = watch.begin(&name);
        fuzzing::snapshot(&bytes);
    }
    for (name, bytes) in kept("walk") {
        let _watched = watch.begin(&name);
        fuzzing::walk(&base, &bytes);
    }
}

/// `xorshift64*` (Marsaglia, Vigna): the same worlds in every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// How much is tried; `PATHGLASS_FUZZ_ROUNDS` asks for more.
fn rounds(otherwise: u64) -> u64 {
    let asked = std::env::var("PATHGLASS_FUZZ_ROUNDS").ok();
    asked
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

#[test]
fn worlds_broken_at_random_have_an_answer() {
    let watch = watch();
    let base = example();
    for seed in 0..rounds(400) {
        let length = usize::try_from(8 + seed % 120).unwrap();
        let _watched = watch.begin(&format!("the world of seed {seed}"));
        fuzzing::walk(&base, &noise(seed, length));
    }
}

#[test]
fn noise_and_cut_files_are_parsed() {
    let watch = watch();
    let base = example();
    for (path_idx, path) in PARSED.iter().enumerate() {
        let _watched = watch.begin(path);
        let name = path.rsplit('/').next().unwrap();
        let real = base.iter().find(|(real, _)| real.ends_with(name));
        let real = real.map(|(_, bytes)| bytes.to_vec()).unwrap_or_default();
        for seed in 0..rounds(12) {
            fuzzing::parser(path, &noise(seed + 1000 * path_idx as u64, 64));
            let cut = usize::try_from(seed + 1).unwrap() * real.len() / 13;
            fuzzing::parser(path, real.get(..cut).unwrap_or(&real));
        }
    }
}
