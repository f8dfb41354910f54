//! Encryption in the `age` format, so that the stock `age` tool opens it too.

use std::io::Write as _;

use age::secrecy::SecretString;

use crate::error::CommandError;

/// Who can open the file.
pub(super) enum Lock {
    Recipients(Vec<age::x25519::Recipient>),
    Passphrase(SecretString),
}

impl Lock {
    /// The lock that the command line asks for, if any.
    pub(super) fn of(
        recipients: &[String],
        passphrase: Option<String>,
    ) -> Result<Option<Self>, CommandError> {
        if let Some(passphrase) = passphrase {
            return Ok(Some(Self::Passphrase(SecretString::from(passphrase))));
        }
        if recipients.is_empty() {
            return Ok(None);
        }
        let parsed = recipients.iter().map(|text| {
            text.parse().map_err(|error| {
                CommandError::Usage(format!(
                    "--recipient: `{text}` is no age recipient (age1…): {error}"
                ))
            })
        });
        Ok(Some(Self::Recipients(parsed.collect::<Result<_, _>>()?)))
    }

    /// `plain`, encrypted.
    pub(super) fn encrypt(self, plain: &[u8]) -> Result<Vec<u8>, CommandError> {
        let encryptor = match &self {
            Self::Passphrase(passphrase) => {
                age::Encryptor::with_user_passphrase(passphrase.clone())
            }
            Self::Recipients(recipients) => age::Encryptor::with_recipients(
                recipients
                    .iter()
                    .map(|recipient| recipient as &dyn age::Recipient),
            )
            .map_err(|error| CommandError::Usage(format!("--recipient: {error}")))?,
        };
        let mut encrypted = Vec::new();
        let mut writer = encryptor
            .wrap_output(&mut encrypted)
            .map_err(CommandError::Output)?;
        writer.write_all(plain).map_err(CommandError::Output)?;
        writer.finish().map_err(CommandError::Output)?;
        Ok(encrypted)
    }
}
