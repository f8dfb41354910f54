//! What all signatures are made of: hashes, keyed hashes and percent-encoding.

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// All but `A-Z a-z 0-9 - _ . ~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// `text` with every reserved byte as `%XX`.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `name=value` pairs, encoded, sorted by name, joined by `&`.
#[must_use]
pub fn form(parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
    sorted.sort();
    let pairs = sorted
        .into_iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// HMAC-SHA256.
#[must_use]
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> Vec<u8> {
    // A key of any length is one: HMAC hashes what is too long.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

/// HMAC-SHA1.
#[must_use]
pub fn hmac_sha1(key: &[u8], data: &[u8]) -> Vec<u8> {
    Hmac::<Sha1>::new_from_slice(key)
        .map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

/// A request, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// What follows the path.
    pub query: String,
    /// With `Authorization`.
    pub headers: Vec<(&'static str, String)>,
    /// What is posted.
    pub body: String,
}

// The headers or the body hold keys' names, tokens and signatures.
impl std::fmt::Debug for Signed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Signed(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, Engine as _};

    #[test]
    fn published_hashes_come_out() {
        let check = |data: &str, expected| {
            assert_eq!(
                BASE64_STANDARD.encode(hmac_sha1(b"secret", data.as_bytes())),
                expected
            );
        };
        check("source", "Jv4yi8SobFhg5t1C7nWLbhBSFZQ=");
        check("中文", "CqCYIa39h9SSWuXnTz8F5hh9UPA=");
        assert_eq!(
            sha256(b"test"),
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        );
        assert_eq!(encode("/path/ test*~+"), "%2Fpath%2F%20test%2A~%2B");
    }
}
