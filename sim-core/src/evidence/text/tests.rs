//! Bytes that are no text, and lines.

use super::*;
use crate::evidence::testing::problems;

#[test]
fn of_lines_the_complete_ones_before_bad_bytes_are_kept() {
    let parsed = source_file(
        "nodes/n/host/sysctl.txt",
        b"a = 1\nb = 2\nc\xff = 3\nd = 4\n",
    );
    assert_eq!(parsed.value.text, "a = 1\nb = 2\n");
    assert_eq!(
        problems(&parsed),
        [
            "nodes/n/host/sysctl.txt:3: not UTF-8 at byte 13; what stands before is read, the rest is not"
        ]
    );
}

#[test]
fn of_json_all_before_bad_bytes_is_kept() {
    let parsed = source_file("nodes/n/host/ip-link.json", b"[{},\xff]");
    assert_eq!(parsed.value.text, "[{},");
    assert_eq!(parsed.problems.len(), 1);
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let parsed = source_file("a", b"\xef\xbb\xbfnet");
    assert_eq!(parsed.value.text, "net");
    assert!(parsed.problems.is_empty());
}

#[test]
fn a_file_over_the_limit_is_refused_with_its_size() {
    let bytes = vec![b' '; MAX_FILE_BYTES + 1];
    let parsed = source_file("big.txt", &bytes);
    assert!(parsed.value.text.is_empty());
    assert_eq!(
        problems(&parsed),
        ["big.txt: the file has 268435457 bytes, more than the limit of 268435456; it is not read"]
    );
}

#[test]
fn blank_lines_count_but_are_not_given() {
    let file = source_file("a", b"one\n\n  \nfour\r\n").value;
    let numbers: Vec<(u32, &str)> = lines(&file).map(|line| (line.number, line.text)).collect();
    assert_eq!(numbers, [(1, "one"), (4, "four")]);
}
