//! Every released format version stays readable: one committed snapshot each.

use pathglass_sim::snapshot::{
    IndexRecord, Reader, Seal, SealOptions, Step, Store, Trust, seal, trust, verify,
};

/// Sealed by the first engine that wrote format 1, signed with the key whose secret is 32 times `1`.
const FORMAT_1: &[u8] = include_bytes!("fixtures/format-1.pathglass");

#[test]
fn format_1_stays_readable() {
    let (_, key) =
        trust::parse_key("8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c")
            .unwrap();
    let trust = Trust {
        keys: [("fixture".to_owned(), key)].into(),
    };
    let verified = verify(FORMAT_1, &trust).unwrap();
    assert_eq!(
        verified.seal,
        Seal::Trusted {
            name: "fixture".to_owned()
        }
    );
    assert_eq!(verified.cluster, "5f1f2d3c-0000-4000-8000-000000000001");
    assert_eq!(verified.captured_at, "2026-01-01T00:00:00Z");
    assert_eq!(verified.files.len(), 9, "{:?}", verified.files.keys());
    let mut reader = Reader::from_bytes(FORMAT_1, trust);
    let found = reader.by_address("10.244.1.7".parse().unwrap()).unwrap();
    let Step::Done(found) = found else {
        panic!("all bytes are there")
    };
    let is_pod = |record: &IndexRecord| matches!(record, IndexRecord::Object { name, .. } if name == "web-1");
    assert!(found.iter().any(is_pod), "{found:?}");
}

/// Not a promise, but a signal: when this fails, sealing writes other bytes than it did, which deserves a look.
#[test]
fn sealing_the_fixture_again_gives_the_same_bytes() {
    let files = verify(FORMAT_1, &Trust::default()).unwrap().files;
    let signer = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    assert!(
        seal(&files, Some(&signer), &SealOptions::default())
            .unwrap()
            .bytes
            == FORMAT_1
    );
}
