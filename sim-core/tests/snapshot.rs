//! Snapshots from outside: sealed, opened in part, verified.
#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use pathglass_sim::snapshot::{
    ByteRange, FileState, Folder, IndexRecord, ObjectKind, Reader, Seal, SealError, SealOptions,
    Sealed, SnapshotError, Step, Store, Trust, seal, verify,
};
use proptest::prelude::*;

type Capture = BTreeMap<String, Arc<[u8]>>;

#[test]
fn what_was_sealed_verifies_and_comes_back_pruned() {
    let sealed = sealed(&small());
    let verified = verify(sealed.bytes, &Trust::default()).unwrap();
    assert_eq!(verified.manifest_sha256, sealed.manifest_sha256);
    assert_eq!(
        (verified.cluster.as_str(), verified.captured_at.as_str()),
        ("u-1", "2026-01-01T00:00:00Z")
    );
    let paths: Vec<&str> = verified.files.keys().map(String::as_str).collect();
    let kept: Vec<&str> = [
        "capture.json",
        "fabric/router/ip-addr.json",
        "kube/namespaces.json",
        "kube/pods.json",
        "nodes/n1/capture.json",
        "nodes/n1/host/ip-addr.json",
        "nodes/n1/host/ss.txt",
        "nodes/n1/pods/default_web/ip-addr.json",
        "nodes/n1/pods/default_web/iptables-save.txt",
        "nodes/n1/pods/default_web/sysctl.txt",
    ]
    .into();
    assert_eq!(paths, kept);
    let dropped: Vec<&str> = sealed
        .dropped
        .iter()
        .map(|dropped| dropped.path.as_str())
        .collect();
    assert_eq!(dropped, ["kube/secrets.json"]);
    assert!(
        verified
            .files
            .values()
            .all(|bytes| !String::from_utf8_lossy(bytes).contains("CANARY"))
    );
}

#[test]
fn sealing_what_was_extracted_gives_the_same_bytes() {
    for options in [SealOptions::default(), SealOptions { split_above: 10 }] {
        let sealed = seal(&small(), Some(&signer()), &options).unwrap();
        let extracted = verify(sealed.bytes.clone(), &Trust::default())
            .unwrap()
            .files;
        assert_eq!(
            seal(&extracted, Some(&signer()), &options).unwrap().bytes,
            sealed.bytes
        );
    }
}

#[test]
fn a_folder_has_the_manifest_that_sealing_it_writes() {
    let manifest_sha256 = Folder::new(small()).manifest_sha256().unwrap();
    assert_eq!(
        manifest_sha256,
        Step::Done(sealed(&small()).manifest_sha256)
    );
    let unsigned = seal(&small(), None, &SealOptions::default()).unwrap();
    assert_eq!(manifest_sha256, Step::Done(unsigned.manifest_sha256));
}

#[test]
fn who_signed_is_judged_by_the_opener() {
    let check = |bytes: &[u8], trust: &Trust, expected: Seal| {
        assert_eq!(verify(bytes, trust).unwrap().seal, expected);
    };
    let signed = sealed(&small()).bytes;
    let unsigned = seal(&small(), None, &SealOptions::default()).unwrap().bytes;
    let key = signer().verifying_key();
    let trust = Trust {
        keys: [("team".to_owned(), key)].into(),
    };
    let fingerprint = pathglass_sim::snapshot::trust::fingerprint(&key);
    check(
        &signed,
        &trust,
        Seal::Trusted {
            name: "team".to_owned(),
        },
    );
    check(&signed, &Trust::default(), Seal::UnknownKey { fingerprint });
    check(&unsigned, &trust, Seal::Unsigned);
}

#[test]
fn the_store_answers_alike_for_folder_and_snapshot() {
    for options in [SealOptions::default(), SealOptions { split_above: 10 }] {
        let bytes = seal(&small(), None, &options).unwrap().bytes;
        let files = verify(bytes.clone(), &Trust::default()).unwrap().files;
        let mut folder = Folder::new(files);
        let mut reader = Reader::from_bytes(bytes, Trust::default());
        assert_eq!(everything(&mut folder), everything(&mut reader));
    }
}

#[test]
fn the_index_finds_pods_and_devices() {
    let mut reader = Reader::from_bytes(sealed(&small()).bytes, Trust::default());
    let found = done(reader.by_address("10.0.0.7".parse().unwrap()));
    assert!(
        matches!(&found[..], [IndexRecord::Object { name, node, .. }] if name == "web" && node == "n1"),
        "{found:?}"
    );
    let found = done(reader.by_address("192.0.2.9".parse().unwrap()));
    assert_eq!(found.len(), 3);
    assert_eq!(
        done(reader.by_name(ObjectKind::Pod, "default", "web")).len(),
        1
    );
    assert_eq!(done(reader.by_name(ObjectKind::Pod, "other", "web")), []);
    assert_eq!(done(reader.by_address("127.0.0.1".parse().unwrap())), []);
}

#[test]
fn states_survive_and_files_without_one_are_captured() {
    let mut reader = Reader::from_bytes(sealed(&small()).bytes, Trust::default());
    let states = done(reader.states("nodes/n1/host"));
    assert_eq!(states.get("ip-rule.json"), Some(&FileState::Failed));
    assert_eq!(states.get("ss.txt"), Some(&FileState::Captured));
    assert_eq!(states.get("nft-ruleset.json"), None);
    let states = done(reader.states("nodes/n1/pods/default_web"));
    assert_eq!(states.get("iptables-save.txt"), Some(&FileState::Empty));
    assert_eq!(
        done(reader.states("kube")).get("pods.json"),
        Some(&FileState::Captured)
    );
}

#[test]
fn a_split_list_reads_as_parts_and_as_a_whole() {
    let bytes = seal(&small(), None, &SealOptions { split_above: 10 })
        .unwrap()
        .bytes;
    let mut reader = Reader::from_bytes(bytes, Trust::default());
    let parts = done(reader.parts("kube/pods.json"));
    assert_eq!(parts, ["kube/pods/_.json", "kube/pods/n1.json"]);
    let part = done(reader.read("kube/pods/n1.json")).unwrap();
    assert!(String::from_utf8_lossy(&part).contains("\"web\""));
    assert_eq!(reader.entries_read().len(), 1);
    let whole = done(reader.read("kube/pods.json")).unwrap();
    assert!(String::from_utf8_lossy(&whole).contains("\"pending\""));
    assert_eq!(done(reader.read("nodes/n1/kube/pods.json")), None);
    assert_eq!(done(reader.read("manifest.json")), None);
    assert_eq!(done(reader.read("nodes/n1.zip")), None);
}

#[test]
fn paths_that_could_harm_are_not_sealed() {
    for path in ["../x", "/x", "a\\b", "a//b"] {
        let error = seal(&capture(&[(path, "")]), None, &SealOptions::default()).unwrap_err();
        assert!(matches!(error, SealError::Path { .. }), "{path}: {error}");
    }
    for path in [
        "manifest.json",
        "manifest.sig",
        "index/x",
        "nodes/n1.zip",
        "nodes/n1/manifest.json",
    ] {
        let error = seal(&capture(&[(path, "")]), None, &SealOptions::default()).unwrap_err();
        assert!(
            matches!(error, SealError::Reserved { .. }),
            "{path}: {error}"
        );
    }
}

#[test]
fn other_zip_tools_read_it() {
    let bytes = sealed(&small()).bytes;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes.as_slice())).unwrap();
    let mut pack = Vec::new();
    archive
        .by_name("nodes/n1.zip")
        .unwrap()
        .read_to_end(&mut pack)
        .unwrap();
    let mut pack = zip::ZipArchive::new(std::io::Cursor::new(pack)).unwrap();
    let mut text = String::new();
    pack.by_name("host/ss.txt")
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "tcp LISTEN 0 1 *:22 *:* users:((\"sshd\"))\n");
    let mut manifest = String::new();
    archive
        .by_name("manifest.json")
        .unwrap()
        .read_to_string(&mut manifest)
        .unwrap();
    assert!(manifest.starts_with("{\"format\":1,"), "{manifest}");
}

#[test]
fn a_range_of_the_wrong_size_is_refused() {
    let mut reader = Reader::new(1000, Trust::default());
    assert!(
        reader
            .supply(ByteRange { start: 0, end: 10 }, &[0; 9])
            .is_err()
    );
    assert!(
        reader
            .supply(
                ByteRange {
                    start: 995,
                    end: 1005
                },
                &[0; 10]
            )
            .is_err()
    );
}

#[test]
fn what_is_no_snapshot_is_refused_in_a_sentence() {
    for bytes in [
        &b""[..],
        b"PK",
        b"not a zip at all, but a text",
        &[0; 70_000],
    ] {
        let error = Reader::from_bytes(bytes, Trust::default())
            .open()
            .unwrap_err();
        assert!(matches!(error, SnapshotError::Damaged { .. }), "{error}");
    }
    let error = Reader::from_bytes(
        &b"age-encryption.org/v1\n-> X25519 abc"[..],
        Trust::default(),
    )
    .open()
    .unwrap_err();
    assert!(matches!(error, SnapshotError::Encrypted { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_supply_changes_nothing(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        order in any::<u64>(),
        split_above in prop::sample::select(vec![10_usize, 1 << 20]),
    ) {
        let bytes = seal(&small(), None, &SealOptions { split_above }).unwrap().bytes;
        let len = bytes.len() as u64;
        let mut reader = Reader::new(len, Trust::default());
        // Unasked pieces in any order, overlapping what is asked for later.
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces: Vec<(usize, usize)> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
        if !pieces.is_empty() {
            let middle = (order as usize) % pieces.len();
            pieces.rotate_left(middle);
        }
        for (start, end) in pieces {
            let range = ByteRange { start: start as u64, end: end as u64 };
            reader.supply(range, &bytes[start..end]).unwrap();
        }
        let mut partial = Served { reader, bytes: bytes.clone(), order };
        let expected = everything(&mut Reader::from_bytes(bytes, Trust::default()));
        prop_assert_eq!(partial.everything(), expected);
    }
}

/// A reader that gets what it needs, piece by piece and in an order of its own.
struct Served {
    reader: Reader,
    bytes: Vec<u8>,
    order: u64,
}

impl Served {
    fn everything(&mut self) -> Vec<String> {
        for _ in 0..10_000 {
            match try_everything(&mut self.reader) {
                Ok(answers) => return answers,
                Err(ranges) => self.supply(ranges),
            }
        }
        panic!("the reader never has enough");
    }

    fn supply(&mut self, mut ranges: Vec<ByteRange>) {
        if self.order % 2 == 1 {
            ranges.reverse();
        }
        if self.order % 3 == 1 {
            // Only one of those that are needed: the reader asks again for the others.
            ranges.truncate(1);
        }
        for ByteRange { start, end } in ranges {
            let middle = start + (end - start) / 2;
            for (start, end) in [(middle, end), (start, middle)] {
                let range = ByteRange { start, end };
                self.reader
                    .supply(range, &self.bytes[start as usize..end as usize])
                    .unwrap();
            }
        }
    }
}

/// Everything that a store can be asked, as text.
fn everything(store: &mut dyn Store) -> Vec<String> {
    try_everything(store).unwrap()
}

fn try_everything(store: &mut dyn Store) -> Result<Vec<String>, Vec<ByteRange>> {
    fn answer<T>(step: Result<Step<T>, SnapshotError>) -> Result<T, Vec<ByteRange>> {
        match step.unwrap() {
            Step::Done(value) => Ok(value),
            Step::Needs(ranges) => Err(ranges),
        }
    }
    let text =
        |bytes: Option<Arc<[u8]>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut answers = Vec::new();
    for machine in answer(store.machines())? {
        answers.push(machine.clone());
        for namespace in answer(store.namespaces(&machine))? {
            let states = answer(store.states(&namespace))?;
            for name in states.keys() {
                let path = format!("{namespace}/{name}");
                let bytes = answer(store.read(&path))?;
                answers.push(format!("{path} {:?}", text(bytes)));
            }
            answers.push(format!("{namespace} {states:?}"));
        }
    }
    for list in [
        "kube/pods.json",
        "kube/namespaces.json",
        "kube/services.json",
    ] {
        answers.push(format!("{list} {:?}", answer(store.parts(list))?));
        answers.push(format!("{list} {:?}", text(answer(store.read(list))?)));
    }
    for object in answer(store.objects())? {
        answers.push(format!("{object:?}"));
    }
    for address in ["10.0.0.7", "192.0.2.9", "198.51.100.1"] {
        answers.push(format!(
            "{address} {:?}",
            answer(store.by_address(address.parse().unwrap()))?
        ));
    }
    answers.extend(
        store
            .entries_read()
            .into_iter()
            .map(|(path, hash)| format!("{path} {hash}")),
    );
    Ok(answers)
}

fn done<T>(step: Result<Step<T>, SnapshotError>) -> T {
    match step.unwrap() {
        Step::Done(value) => value,
        Step::Needs(ranges) => panic!("all bytes are there, and it needs {ranges:?}"),
    }
}

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn sealed(capture: &Capture) -> Sealed {
    seal(capture, Some(&signer()), &SealOptions::default()).unwrap()
}

fn capture(files: &[(&str, &str)]) -> Capture {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), Arc::from(text.as_bytes())))
        .collect()
}

const ADDR: &str = r#"[{"ifname":"lo","addr_info":[{"local":"127.0.0.1","prefixlen":8}]},
    {"ifname":"eth0","addr_info":[{"family":"inet","local":"192.0.2.9","prefixlen":24}]}]"#;

fn small() -> Capture {
    capture(&[
        (
            "capture.json",
            r#"{"schema":"pathglass.capture/1","captured_at":"2026-01-01T00:00:00Z","env":"CANARY","namespaces":{
                "nodes/n1/host":{"ip-rule.json":"failed","ip-addr.json":"captured"},"kube":{"pods.json":"captured"}}}"#,
        ),
        ("fabric/router/ip-addr.json", ADDR),
        (
            "kube/namespaces.json",
            r#"{"items":[{"kind":"Namespace","metadata":{"name":"kube-system","uid":"u-1"}}]}"#,
        ),
        (
            "kube/pods.json",
            r#"{"items":[{"kind":"Pod","metadata":{"name":"web","namespace":"default"},"status":{"podIP":"10.0.0.7"},
                "spec":{"nodeName":"n1","containers":[{"name":"c","env":[{"name":"A","value":"CANARY"}]}]}},
                {"kind":"Pod","metadata":{"name":"pending","namespace":"default"}}]}"#,
        ),
        (
            "kube/secrets.json",
            r#"{"items":[{"kind":"Secret","data":{"x":"CANARY"}}]}"#,
        ),
        ("nodes/n1/host/ip-addr.json", ADDR),
        (
            "nodes/n1/host/ss.txt",
            "tcp LISTEN 0 1 *:22 *:* users:((\"sshd\",pid=1,fd=2))\n",
        ),
        ("nodes/n1/pods/default_web/ip-addr.json", ADDR),
        ("nodes/n1/pods/default_web/iptables-save.txt", ""),
        (
            "nodes/n1/pods/default_web/sysctl.txt",
            "net.ipv4.tcp_fastopen_key = CANARY\n",
        ),
    ])
}
