//! How a snapshot is opened: whom to trust, and what unlocks it.

use serde::{Deserialize, Serialize};
use tsify::{Ts, Tsify};

use crate::error::ErrorInfo;
use crate::input;

/// A key that the opener trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Tsify)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// The name to show for it.
    pub name: String,
    /// The public key as `pathglass keygen` prints it.
    pub key: String,
}

/// How a snapshot is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OpenOptions {
    /// Keys whose seal is shown as trusted. Trust never comes from the file.
    #[tsify(optional)]
    pub trusted_keys: Vec<TrustedKey>,
    /// Unlocks a snapshot that was encrypted to a passphrase.
    #[tsify(optional)]
    pub passphrase: Option<String>,
    /// Unlocks a snapshot that was encrypted to an X25519 recipient: `AGE-SECRET-KEY-1…`.
    #[tsify(optional)]
    pub identity: Option<String>,
}

/// Reads `options`; absent is empty.
pub(crate) fn read(options: Option<&Ts<OpenOptions>>) -> Result<OpenOptions, ErrorInfo> {
    let Some(options) = options else {
        return Ok(OpenOptions::default());
    };
    input::read(options, "options")
}
