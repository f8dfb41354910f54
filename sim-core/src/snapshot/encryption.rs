//! Encrypted snapshots: a sealed file inside the `age` format, which the stock `age` tool opens too.

use std::io::Read as _;

use age::{DecryptError, Decryptor, Identity, scrypt};

use super::store::SnapshotError;

/// What opens an encrypted snapshot.
#[derive(Clone)]
pub enum Unlock {
    /// An X25519 identity, `AGE-SECRET-KEY-1…`.
    Identity(String),
    /// A passphrase.
    Passphrase(String),
}

impl std::fmt::Debug for Unlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Identity(_) => "Identity(…)",
            Self::Passphrase(_) => "Passphrase(…)",
        })
    }
}

/// Whether `bytes` begin like an age file.
#[must_use]
pub fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

const MAGIC: &[u8] = b"age-encryption.org/";

/// Passphrases are stretched by scrypt with N = 2^this: about a second, and 256 MiB.
#[cfg(feature = "encrypt")]
const WORK_FACTOR: u8 = 18;
/// A file that asks for more work than this is refused: it would stall who opens it.
const MAX_WORK_FACTOR: u8 = 20;

/// The sealed snapshot inside an encrypted one.
///
/// # Errors
/// When `unlock` does not open it, or the bytes were changed.
pub fn decrypt(bytes: &[u8], unlock: &Unlock) -> Result<Vec<u8>, SnapshotError> {
    let encrypted = |message: String| SnapshotError::Encrypted { message };
    let decryptor = Decryptor::new_buffered(bytes).map_err(|error| encrypted(error.to_string()))?;
    let identity: Box<dyn Identity> = match unlock {
        Unlock::Identity(text) => Box::new(identity(text).ok_or_else(|| {
            encrypted("the identity is not an age X25519 identity `AGE-SECRET-KEY-1…`".to_owned())
        })?),
        Unlock::Passphrase(passphrase) => {
            let mut identity = scrypt::Identity::new(passphrase.clone().into());
            // `new` sets what this machine does in some seconds; the same file must open everywhere.
            identity.set_max_work_factor(MAX_WORK_FACTOR);
            Box::new(identity)
        }
    };
    let opened = decryptor.decrypt(std::iter::once(&*identity));
    let mut opened = opened.map_err(|error| encrypted(explain(&error, unlock)))?;
    let mut sealed = Vec::new();
    let damaged = |error: std::io::Error| SnapshotError::Damaged {
        entry: "encrypted snapshot".to_owned(),
        message: error.to_string(),
    };
    opened.read_to_end(&mut sealed).map_err(damaged)?;
    Ok(sealed)
}

/// The identity in `text`: its first line that is neither empty nor a comment, as in a file of `age-keygen`.
fn identity(text: &str) -> Option<age::x25519::Identity> {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))?
        .parse()
        .ok()
}

fn explain(error: &DecryptError, unlock: &Unlock) -> String {
    match (error, unlock) {
        (DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed, Unlock::Identity(_)) => {
            "the identity does not open it".to_owned()
        }
        (DecryptError::NoMatchingKeys, Unlock::Passphrase(_)) => {
            "it is encrypted to recipients, not with a passphrase: give an identity".to_owned()
        }
        (
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed,
            Unlock::Passphrase(_),
        ) => "the passphrase is wrong".to_owned(),
        (DecryptError::ExcessiveWork { required, .. }, _) => {
            format!("its passphrase work factor `{required}` is above {MAX_WORK_FACTOR}")
        }
        (error, _) => error.to_string(),
    }
}

/// To whom a snapshot is encrypted.
#[cfg(feature = "encrypt")]
#[derive(Clone)]
pub enum Lock {
    /// X25519 recipients, `age1…`.
    Recipients(Vec<String>),
    /// Whoever knows the passphrase.
    Passphrase(String),
}

#[cfg(feature = "encrypt")]
impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recipients(recipients) => f.debug_tuple("Recipients").field(recipients).finish(),
            Self::Passphrase(_) => f.write_str("Passphrase(…)"),
        }
    }
}

/// Why a snapshot cannot be encrypted.
#[cfg(feature = "encrypt")]
#[derive(Debug, thiserror::Error)]
pub enum EncryptError {
    /// A recipient is not an age X25519 recipient.
    #[error("`{recipient}` is not an age recipient: write `age1…`")]
    Recipient {
        /// The text.
        recipient: String,
    },
    /// The age library refused, e.g. for want of recipients.
    #[error("the snapshot cannot be encrypted")]
    Age(#[source] age::EncryptError),
    /// Writing failed.
    #[error("the encrypted snapshot cannot be written")]
    Write(#[source] std::io::Error),
}

/// Encrypts a sealed snapshot. It draws on the system's randomness: age takes no other, hence the cargo feature.
///
/// # Errors
/// When a recipient is malformed or there is none.
#[cfg(feature = "encrypt")]
pub fn encrypt(sealed: &[u8], lock: &Lock) -> Result<Vec<u8>, EncryptError> {
    use std::io::Write as _;
    let recipients: Vec<Box<dyn age::Recipient>> = match lock {
        Lock::Recipients(texts) => texts
            .iter()
            .map(|text| recipient(text))
            .collect::<Result<_, _>>()?,
        Lock::Passphrase(passphrase) => {
            let mut recipient = scrypt::Recipient::new(passphrase.clone().into());
            recipient.set_work_factor(WORK_FACTOR);
            vec![Box::new(recipient)]
        }
    };
    let encryptor =
        age::Encryptor::with_recipients(recipients.iter().map(|recipient| &**recipient))
            .map_err(EncryptError::Age)?;
    let mut bytes = Vec::with_capacity(sealed.len() + sealed.len() / 1024 + 1024);
    let mut writer = encryptor
        .wrap_output(&mut bytes)
        .map_err(EncryptError::Write)?;
    writer.write_all(sealed).map_err(EncryptError::Write)?;
    writer.finish().map_err(EncryptError::Write)?;
    Ok(bytes)
}

#[cfg(feature = "encrypt")]
fn recipient(text: &str) -> Result<Box<dyn age::Recipient>, EncryptError> {
    match text.trim().parse::<age::x25519::Recipient>() {
        Ok(recipient) => Ok(Box::new(recipient)),
        Err(_) => Err(EncryptError::Recipient {
            recipient: text.to_owned(),
        }),
    }
}

#[cfg(all(test, feature = "encrypt"))]
mod tests {
    use super::*;

    const IDENTITY: &str =
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

    #[test]
    fn a_recipient_opens_what_was_encrypted_to_it() {
        let identity: age::x25519::Identity = IDENTITY.parse().unwrap();
        let lock = Lock::Recipients(vec![identity.to_public().to_string()]);
        let bytes = encrypt(b"sealed", &lock).unwrap();
        assert!(is_encrypted(&bytes));
        assert_eq!(
            decrypt(&bytes, &Unlock::Identity(IDENTITY.to_owned())).unwrap(),
            b"sealed"
        );
        let stranger = age::x25519::Identity::generate();
        let stranger = age::secrecy::ExposeSecret::expose_secret(&stranger.to_string()).to_owned();
        let error = decrypt(&bytes, &Unlock::Identity(stranger)).unwrap_err();
        assert!(matches!(error, SnapshotError::Encrypted { .. }), "{error}");
    }

    #[test]
    fn a_passphrase_opens_and_another_does_not() {
        let bytes = encrypt(b"sealed", &Lock::Passphrase("correct horse".to_owned())).unwrap();
        assert_eq!(
            decrypt(&bytes, &Unlock::Passphrase("correct horse".to_owned())).unwrap(),
            b"sealed"
        );
        let error = decrypt(&bytes, &Unlock::Passphrase("battery".to_owned())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the snapshot is encrypted: the passphrase is wrong"
        );
    }

    #[test]
    fn a_changed_byte_is_an_error() {
        let identity: age::x25519::Identity = IDENTITY.parse().unwrap();
        let bytes = encrypt(
            b"sealed",
            &Lock::Recipients(vec![identity.to_public().to_string()]),
        )
        .unwrap();
        for byte_idx in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[byte_idx] ^= 1;
            let result = decrypt(&bytes, &Unlock::Identity(IDENTITY.to_owned()));
            assert!(result.is_err(), "byte {byte_idx}");
        }
    }
}
