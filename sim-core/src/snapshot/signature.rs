//! The signature of a manifest: Ed25519 over `"pathglass/v1\0"` and the manifest's bytes.

use ed25519_dalek::{Signature, VerifyingKey};

use super::hex;

/// What is signed.
pub(crate) fn message(manifest: &[u8]) -> Vec<u8> {
    [b"pathglass/v1\0", manifest].concat()
}

/// `manifest.sig`: the algorithm, the public key and the signature, in hex.
pub(crate) fn encode(key: &VerifyingKey, signature: &Signature) -> Vec<u8> {
    format!(
        "ed25519 {} {}\n",
        hex::encode(key.as_bytes()),
        hex::encode(&signature.to_bytes())
    )
    .into_bytes()
}

/// The key that signed `manifest`; nothing where `bytes` are not its signature by that key in their only form.
pub(crate) fn check(manifest: &[u8], bytes: &[u8]) -> Option<VerifyingKey> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (key, signature) = text.strip_prefix("ed25519 ")?.trim_end().split_once(' ')?;
    let key = VerifyingKey::from_bytes(hex::decode(key)?.as_slice().try_into().ok()?).ok()?;
    let signature = Signature::from_bytes(hex::decode(signature)?.as_slice().try_into().ok()?);
    if encode(&key, &signature) != bytes {
        return None;
    }
    key.verify_strict(&message(manifest), &signature).ok()?;
    Some(key)
}
