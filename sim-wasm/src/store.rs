//! Opens the reader that a handle asks through.

use pathglass_sim::snapshot::trust::parse_key;
use pathglass_sim::snapshot::{Reader, Trust, Unlock, decrypt, is_encrypted};

use crate::error::ErrorInfo;
use crate::options::OpenOptions;

/// A reader of a snapshot that is held as a whole; an encrypted one is unlocked first.
pub(crate) fn whole(bytes: Vec<u8>, options: &OpenOptions) -> Result<Reader, ErrorInfo> {
    let trust = trust(options)?;
    if !is_encrypted(&bytes) {
        return Ok(Reader::from_bytes(bytes, trust));
    }
    let unlocks = [
        options.identity.clone().map(Unlock::Identity),
        options.passphrase.clone().map(Unlock::Passphrase),
    ];
    let mut refused = ErrorInfo::locked(
        "the snapshot is encrypted: give a passphrase or an identity that opens it",
    );
    for unlock in unlocks.iter().flatten() {
        match decrypt(&bytes, unlock) {
            Ok(sealed) => return Ok(Reader::from_bytes(sealed, trust)),
            Err(error) => refused = ErrorInfo::from(error),
        }
    }
    Err(refused)
}

/// A reader of a snapshot of `length` bytes that are supplied as it needs them.
pub(crate) fn ranged(length: u64, options: &OpenOptions) -> Result<Reader, ErrorInfo> {
    Ok(Reader::new(length, trust(options)?))
}

fn trust(options: &OpenOptions) -> Result<Trust, ErrorInfo> {
    let mut trust = Trust::default();
    for trusted in &options.trusted_keys {
        let (_, key) = parse_key(&trusted.key)
            .map_err(|error| ErrorInfo::flow("options", error.to_string()))?;
        trust.keys.insert(trusted.name.clone(), key);
    }
    Ok(trust)
}
