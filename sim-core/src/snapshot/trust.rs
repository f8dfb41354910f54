//! Who signed: the keys that the opener trusts, and how keys are written.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use sha2::{Digest as _, Sha256};

use super::hex;
use super::store::Seal;

/// The keys that the opener trusts, by the name that the opener gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Public keys by name.
    pub keys: BTreeMap<String, VerifyingKey>,
}

/// Why a text is no Ed25519 public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an Ed25519 public key: write 64 hex digits, base64, or a line `ssh-ed25519 AAAA… name`"
)]
pub struct InvalidKey {
    /// The text, shortened.
    pub text: String,
}

impl Trust {
    /// Reads a trust file: a key a line, `[name] <key> [name]`; empty lines and lines starting with `#` are skipped.
    ///
    /// # Errors
    /// When a line holds no key.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys = lines.map(parse_key).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// What a valid signature by `key` means to this opener.
    #[must_use]
    pub fn seal_of(&self, key: &VerifyingKey) -> Seal {
        match self.keys.iter().find(|(_, trusted)| *trusted == key) {
            Some((name, _)) => Seal::Trusted { name: name.clone() },
            None => Seal::UnknownKey {
                fingerprint: fingerprint(key),
            },
        }
    }
}

/// SHA-256 of the public key, in hex.
#[must_use]
pub fn fingerprint(key: &VerifyingKey) -> String {
    hex::encode(&Sha256::digest(key.as_bytes()))
}

/// Reads one public key: 64 hex digits, base64 of 32 bytes, or an OpenSSH line `ssh-ed25519 AAAA… name`.
/// The name is the word beside the key, else the key's fingerprint.
///
/// # Errors
/// When no word of the line is a key.
pub fn parse_key(line: &str) -> Result<(String, VerifyingKey), InvalidKey> {
    let words: Vec<&str> = line
        .split_whitespace()
        .filter(|word| *word != "ssh-ed25519")
        .collect();
    let found = words
        .iter()
        .enumerate()
        .find_map(|(word_idx, word)| Some((word_idx, key_word(word)?)));
    let Some((key_idx, key)) = found else {
        return Err(InvalidKey {
            text: line.chars().take(80).collect(),
        });
    };
    let names: Vec<&str> = words
        .iter()
        .enumerate()
        .filter(|(word_idx, _)| *word_idx != key_idx)
        .map(|(_, word)| *word)
        .collect();
    let name = if names.is_empty() {
        fingerprint(&key)
    } else {
        names.join(" ")
    };
    Ok((name, key))
}

/// Writes a public key as an OpenSSH line.
#[must_use]
pub fn openssh(key: &VerifyingKey, name: &str) -> String {
    let mut blob = Vec::from(SSH_PREFIX);
    blob.extend_from_slice(key.as_bytes());
    format!("ssh-ed25519 {} {name}", hex::encode_base64(&blob))
        .trim_end()
        .to_owned()
}

/// `string "ssh-ed25519"`, then the length of `string key` (RFC 8709, section 4).
const SSH_PREFIX: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";

fn key_word(word: &str) -> Option<VerifyingKey> {
    let bytes = hex::decode(word).or_else(|| hex::decode_base64(word))?;
    let bytes = bytes.strip_prefix(SSH_PREFIX).unwrap_or(&bytes);
    VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    #[test]
    fn a_key_reads_back_in_every_notation() {
        let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
        let ssh = openssh(&key, "team");
        assert!(
            ssh.starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"),
            "{ssh}"
        );
        let lines = [
            ssh,
            format!("team {}", hex::encode(key.as_bytes())),
            format!("{} team", hex::encode_base64(key.as_bytes())),
        ];
        for line in lines {
            assert_eq!(parse_key(&line), Ok(("team".to_owned(), key)), "{line}");
        }
    }

    #[test]
    fn a_nameless_key_is_named_by_its_fingerprint() {
        let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
        assert_eq!(
            parse_key(&hex::encode(key.as_bytes())),
            Ok((fingerprint(&key), key))
        );
    }

    #[test]
    fn a_trust_file_skips_comments_and_names_the_bad_line() {
        assert_eq!(Trust::parse("# nobody\n\n"), Ok(Trust::default()));
        let error = Trust::parse("# x\nteam abc\n").unwrap_err();
        assert!(error.to_string().contains("`team abc`"), "{error}");
    }
}
