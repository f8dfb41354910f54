//! Real captures: sealed, verified, and read back as they were pruned.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and print"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the tests read the corpus, the core does not"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pathglass_sim::snapshot::{
    Pruned, Reader, SealOptions, Step, Store, Trust, prune, seal, verify,
};

/// One case of each variant and kube-proxy mode is enough here: the others differ in what is in the files.
const CASES: usize = 6;

#[test]
fn every_evidence_file_of_a_capture_reads_back_as_it_was_pruned() {
    let Some(corpus) = corpus() else { return };
    let mut cases: Vec<PathBuf> = std::fs::read_dir(corpus.join("cases"))
        .unwrap()
        .map(|case| case.unwrap().path())
        .collect();
    cases.sort();
    for case in cases.iter().step_by(cases.len().div_ceil(CASES)) {
        let mut capture = BTreeMap::new();
        read_folder(case, case, &mut capture);
        let sealed = seal(&capture, None, &SealOptions::default()).unwrap();
        assert_eq!(sealed.dropped, [], "{case:?}");
        let verified = verify(sealed.bytes.clone(), &Trust::default()).unwrap();
        let mut reader = Reader::from_bytes(sealed.bytes, Trust::default());
        for (path, bytes) in &capture {
            let Pruned::Kept(expected) = prune(path, bytes) else {
                panic!("{path} is dropped")
            };
            let Step::Done(got) = reader.read(path).unwrap() else {
                panic!("all bytes are there")
            };
            // The states are handed out by machine.
            if path != "capture.json" {
                assert_eq!(got.as_deref(), Some(&*expected), "{path}");
                assert_eq!(verified.files.get(path), got.as_ref(), "{path}");
            }
        }
        let n_objects = match reader.objects().unwrap() {
            Step::Done(objects) => objects.len(),
            Step::Needs(_) => 0,
        };
        assert!(n_objects > 5, "{case:?}: {n_objects} objects");
    }
}

fn read_folder(root: &Path, folder: &Path, files: &mut BTreeMap<String, Arc<[u8]>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_folder(root, &path, files);
        } else {
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            files.insert(name, std::fs::read(&path).unwrap().into());
        }
    }
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let corpus = std::env::var("PATHGLASS_CORPUS").map_or(beside, PathBuf::from);
    if corpus.join("cases").is_dir() {
        return Some(corpus);
    }
    assert!(
        std::env::var("PATHGLASS_REQUIRE_CORPUS").as_deref() != Ok("1"),
        "the corpus is missing: {corpus:?}"
    );
    println!("SKIPPED: no corpus at {corpus:?}; set PATHGLASS_CORPUS");
    None
}
