//! Tampering of every kind is noticed.

use ed25519_dalek::SigningKey;

use super::*;
use crate::snapshot::manifest::{FORMAT, Manifest, NAME, SIGNATURE};
use crate::snapshot::seal::{SealOptions, seal};
use crate::snapshot::zip::{End, Header, Method};

#[test]
fn every_flipped_byte_is_noticed() {
    let bytes = sealed();
    check(bytes.clone()).unwrap();
    for byte_idx in 0..bytes.len() {
        for mask in [1, 0x20, 0xff] {
            let mut bytes = bytes.clone();
            bytes[byte_idx] ^= mask;
            assert!(check(bytes).is_err(), "byte {byte_idx} ^ {mask}");
        }
    }
}

#[test]
fn a_reader_notices_flipped_bytes_of_what_it_reads() {
    let bytes = sealed();
    let read = |bytes: Vec<u8>| -> Result<(), SnapshotError> {
        let mut reader = Reader::from_bytes(bytes, Trust::default());
        reader.read("nodes/n1/host/ip-addr.json")?;
        reader.by_address("192.0.2.9".parse().unwrap())?;
        Ok(())
    };
    read(bytes.clone()).unwrap();
    let (headers, _) = parts(&bytes);
    let used = [
        "index/addresses/0000.json",
        "manifest.json",
        "manifest.sig",
        "nodes/n1.zip",
    ];
    let mut directory = headers
        .last()
        .map(|last| last.offset + last.span())
        .unwrap();
    let mut ranges = Vec::new();
    for header in &headers {
        let central = header.central().len() as u64;
        if used.contains(&header.name.as_str()) {
            // Of a pack only what is read of it counts: its local header here.
            let len = if header.name == "nodes/n1.zip" {
                header.local_len()
            } else {
                header.span()
            };
            ranges.push(header.offset..header.offset + len);
            ranges.push(directory..directory + central);
        } else {
            // The CRC of an entry is compared when the entry is read.
            ranges.push(directory..directory + 16);
            ranges.push(directory + 20..directory + central);
        }
        directory += central;
    }
    ranges.push(directory..bytes.len() as u64);
    for byte_idx in ranges.into_iter().flatten() {
        let mut bytes = bytes.clone();
        bytes[usize::try_from(byte_idx).unwrap()] ^= 1;
        assert!(read(bytes).is_err(), "byte {byte_idx}");
    }
}

#[test]
fn every_truncation_and_every_trailing_byte_is_noticed() {
    let bytes = sealed();
    for len in 0..bytes.len() {
        assert!(check(bytes[..len].to_vec()).is_err(), "{len} bytes");
    }
    assert!(check([&bytes[..], b"\0"].concat()).is_err());
    assert!(check([b"\0", &bytes[..]].concat()).is_err());
}

#[test]
fn entries_removed_added_doubled_reordered_or_renamed_are_noticed() {
    let tampered = |tamper: &dyn Fn(&mut Entries)| {
        let mut entries = entries(&sealed());
        tamper(&mut entries);
        check(archive(&entries)).unwrap_err()
    };
    for entry_idx in 0..entries(&sealed()).len() {
        // Without its signature a snapshot is an unsigned one: that is for the opener to see.
        if entries(&sealed())[entry_idx].0 != SIGNATURE {
            tampered(&|entries| drop(entries.remove(entry_idx)));
        }
        tampered(&|entries| entries.insert(entry_idx, entries[entry_idx].clone()));
        tampered(&|entries| entries[entry_idx].0.insert_str(0, "../"));
        tampered(&|entries| entries[entry_idx].0.insert(0, '/'));
        tampered(&|entries| entries[entry_idx].0.push('x'));
        if entry_idx > 0 {
            tampered(&|entries| entries.swap(entry_idx - 1, entry_idx));
        }
    }
    let error = tampered(&|entries| entries.push(("zzz".to_owned(), b"stray".to_vec())));
    assert_eq!(error.to_string(), "zzz: no manifest names it");
    let error = tampered(&|entries| entries.insert(0, ("..\\x".to_owned(), Vec::new())));
    assert!(error.to_string().contains("backslash"), "{error}");
}

#[test]
fn a_rewritten_manifest_does_not_pass_the_signature() {
    let mut entries = entries(&sealed());
    let manifest = entries.iter_mut().find(|(name, _)| name == NAME).unwrap();
    let text = String::from_utf8(manifest.1.clone()).unwrap();
    manifest.1 = text.replace("2026-01-01", "2026-01-02").into_bytes();
    let error = check(archive(&entries)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "manifest.sig: it is not the signature of this manifest"
    );
}

#[test]
fn an_index_that_lies_is_noticed_even_when_hashed() {
    let mut entries = entries(
        &seal(&capture(), None, &SealOptions::default())
            .unwrap()
            .bytes,
    );
    let index = entries
        .iter_mut()
        .find(|(name, _)| name == "index/addresses/0000.json")
        .unwrap();
    index.1 = String::from_utf8(index.1.clone())
        .unwrap()
        .replace("192.0.2.9", "192.0.2.8")
        .into_bytes();
    let (size, sha256) = (index.1.len() as u64, hash(&index.1));
    rewrite(&mut entries, |manifest| {
        let line = manifest
            .entries
            .iter_mut()
            .find(|line| line.path == "index/addresses/0000.json")
            .unwrap();
        (line.size, line.sha256) = (Some(size), Some(sha256.clone()));
        (line.stored_size, line.stored_sha256) = (None, None);
    });
    // All other lines may stay deflated in the manifest, so the archive has to say so too.
    let error = check(archive(&entries)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("index/addresses/0000.json: the index is not"),
        "{error}"
    );
}

#[test]
fn a_newer_format_names_the_version_that_is_needed() {
    let mut entries = entries(
        &seal(&capture(), None, &SealOptions::default())
            .unwrap()
            .bytes,
    );
    let manifest = entries.iter_mut().find(|(name, _)| name == NAME).unwrap();
    let text = String::from_utf8(manifest.1.clone()).unwrap();
    manifest.1 = text
        .replacen(
            "{\"format\":1,",
            "{\"format\":2,\"hitherto\":\"unknown\",",
            1,
        )
        .into_bytes();
    let error = check(archive(&entries)).unwrap_err();
    assert_eq!(
        error,
        SnapshotError::Newer {
            version: 2,
            supported: FORMAT
        }
    );
    assert!(error.to_string().contains("format version 2"), "{error}");
}

#[test]
fn a_bomb_is_refused_before_it_is_inflated() {
    // 200 kB of deflated zeroes, said to be the gigabyte that an entry may have at most, or more.
    let stored = crate::snapshot::codec::Deflater::new()
        .deflate(&vec![0; 64 << 20])
        .unwrap();
    for size in [1 << 30, (1 << 30) + 1, u32::MAX - 1] {
        let line = format!(
            r#"{{"path":"bomb","origin":"capture","size":{size},"sha256":"{}","stored_size":{},"stored_sha256":"{}"}}"#,
            hash(b""),
            stored.len(),
            hash(&stored),
        );
        let manifest = format!("{{\"format\":1,\"entries\":[\n{line}\n]}}\n").into_bytes();
        let bomb = header("bomb", Method::Deflated, 0, stored.len(), size);
        let manifest_header = header(
            NAME,
            Method::Stored,
            crc32fast::hash(&manifest),
            manifest.len(),
            u32::try_from(manifest.len()).unwrap(),
        );
        let bytes = write(vec![(bomb, stored.clone()), (manifest_header, manifest)]);
        let error = check(bytes).unwrap_err();
        assert!(matches!(error, SnapshotError::Damaged { .. }), "{error}");
    }
}

#[test]
fn absurd_counts_and_sizes_are_refused() {
    let absurd = [
        (u64::MAX, 46, 0),
        (1, u64::MAX - 200, 0),
        (1, 46, u64::MAX - 200),
        (1 << 40, 46, 46),
        (0, 0, 0),
    ];
    for (n_entries, directory_size, directory_offset) in absurd {
        let end = End {
            n_entries,
            directory_size,
            directory_offset,
        }
        .encode();
        assert!(check(end.clone()).is_err());
        assert!(check([&[0; 4096], &end[..]].concat()).is_err());
    }
}

type Entries = Vec<(String, Vec<u8>)>;

fn check(bytes: Vec<u8>) -> Result<Verified, SnapshotError> {
    verify(bytes, &Trust::default())
}

fn sealed() -> Vec<u8> {
    let signer = SigningKey::from_bytes(&[1; 32]);
    seal(&capture(), Some(&signer), &SealOptions::default())
        .unwrap()
        .bytes
}

fn capture() -> Files {
    let addr =
        r#"[{"ifname":"eth0","addr_info":[{"family":"inet","local":"192.0.2.9","prefixlen":24}]}]"#;
    let files = [
        (
            "capture.json",
            r#"{"captured_at":"2026-01-01T00:00:00Z"}"#.to_owned(),
        ),
        (
            "kube/pods.json",
            r#"{"items":[{"metadata":{"name":"web","namespace":"default"}}]}"#.to_owned(),
        ),
        ("nodes/n1/host/ip-addr.json", addr.to_owned()),
        ("nodes/n1/host/ip-route.json", "[]".to_owned()),
        ("nodes/n1/host/ip6-route.json", "[]".to_owned()),
        (
            "nodes/n1/host/sysctl.txt",
            "net.ipv4.ip_forward = 1\n".repeat(20),
        ),
    ];
    files
        .map(|(path, text)| (path.to_owned(), Arc::from(text.into_bytes())))
        .into()
}

fn hash(bytes: &[u8]) -> String {
    crate::snapshot::hex::encode(&Sha256::digest(bytes))
}

/// The headers of an archive and the bytes that they head, as stored.
fn parts(bytes: &[u8]) -> (Vec<Header>, Vec<Vec<u8>>) {
    let end = End::parse(bytes, bytes.len() as u64).unwrap();
    let at = |offset: u64| usize::try_from(offset).unwrap();
    let headers = end
        .directory(&bytes[at(end.directory_offset)..at(end.directory_offset + end.directory_size)])
        .unwrap();
    let data = |header: &Header| {
        bytes[at(header.offset + header.local_len())..at(header.offset + header.span())].to_vec()
    };
    let data = headers.iter().map(data).collect();
    (headers, data)
}

/// The entries with their plain bytes.
fn entries(bytes: &[u8]) -> Entries {
    let (headers, data) = parts(bytes);
    let plain = |(header, data): (Header, Vec<u8>)| {
        let plain = match header.method {
            Method::Stored => data,
            Method::Deflated => crate::snapshot::codec::inflate(&data, header.size.into()).unwrap(),
        };
        (header.name, plain)
    };
    headers.into_iter().zip(data).map(plain).collect()
}

/// An archive of `entries`, deflated where the manifest among them says so, canonical but for what they are.
fn archive(entries: &Entries) -> Vec<u8> {
    let manifest = entries.iter().find(|(name, _)| name == NAME);
    let manifest = manifest.and_then(|(_, bytes)| serde_json::from_slice::<Manifest>(bytes).ok());
    let is_deflated = |name: &str| {
        let line = manifest
            .as_ref()?
            .entries
            .iter()
            .find(|line| name.ends_with(&line.path))?;
        line.stored_size
    };
    let entry = |(name, plain): &(String, Vec<u8>)| {
        let deflated =
            is_deflated(name).and_then(|_| crate::snapshot::codec::Deflater::new().deflate(plain));
        let method = if deflated.is_some() {
            Method::Deflated
        } else {
            Method::Stored
        };
        let stored = deflated.unwrap_or_else(|| plain.clone());
        (
            header(
                name,
                method,
                crc32fast::hash(plain),
                stored.len(),
                u32::try_from(plain.len()).unwrap(),
            ),
            stored,
        )
    };
    write(entries.iter().map(entry).collect())
}

fn header(name: &str, method: Method, crc: u32, stored_size: usize, size: u32) -> Header {
    Header {
        name: name.to_owned(),
        method,
        crc,
        stored_size: u32::try_from(stored_size).unwrap(),
        size,
        offset: 0,
    }
}

fn write(entries: Vec<(Header, Vec<u8>)>) -> Vec<u8> {
    let n_entries = entries.len() as u64;
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (mut header, stored) in entries {
        header.offset = bytes.len() as u64;
        bytes.extend(header.local());
        bytes.extend(stored);
        directory.extend(header.central());
    }
    let (directory_size, directory_offset) = (directory.len() as u64, bytes.len() as u64);
    bytes.extend(directory);
    bytes.extend(
        End {
            n_entries,
            directory_size,
            directory_offset,
        }
        .encode(),
    );
    bytes
}

fn rewrite(entries: &mut Entries, change: impl Fn(&mut Manifest)) {
    let (_, bytes) = entries.iter_mut().find(|(name, _)| name == NAME).unwrap();
    let mut manifest: Manifest = serde_json::from_slice(bytes).unwrap();
    change(&mut manifest);
    *bytes = manifest.encode();
}
