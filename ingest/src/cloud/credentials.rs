//! Keys: where each cloud's tools keep them, got and renewed, and never shown.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::sync::Mutex;

use super::endpoint::Transport;
use super::error::{Meaning, meaning};
use super::sign::encode;
use super::{Provider, aliyun, tencent};

/// A text that no log, error or debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, to sign or send with.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// A key, perhaps a temporary one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The key's name.
    pub id: String,
    /// What is signed with.
    pub secret: Secret,
    /// What a temporary key is sent with.
    pub token: Option<Secret>,
    /// When a temporary key ends.
    pub expires: Option<DateTime<Utc>>,
}

impl Credentials {
    /// A key that does not end, or whose end nothing tells.
    #[must_use]
    pub fn fixed(id: &str, secret: &str, token: Option<String>) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned().into(),
            token: token.map(Secret::from),
            expires: None,
        }
    }

    /// Reads an answer that has a key under these names: id, secret, token, end.
    pub(super) fn read(answer: &Value, names: [&str; 4]) -> Option<Self> {
        let text = |name: &str| answer.get(name)?.as_str().filter(|text| !text.is_empty());
        let [id, secret, token, expires] = names;
        let end = answer.get(expires).and_then(|end| match end {
            Value::String(end) => end.parse().ok(),
            Value::Number(end) => DateTime::from_timestamp(end.as_i64()?, 0),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        Some(Self {
            id: text(id)?.to_owned(),
            secret: text(secret)?.to_owned().into(),
            token: text(token).map(|token| token.to_owned().into()),
            expires: end,
        })
    }

    fn lasts(&self, now: DateTime<Utc>) -> bool {
        self.expires
            .is_none_or(|end| end - now > TimeDelta::seconds(RENEW_BEFORE))
    }

    /// `text` without any part of this key in it.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let token = self.token.as_ref().map(Secret::reveal);
        let parts = [Some(self.secret.reveal()), token, Some(&self.id)];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        parts.fold(text.to_owned(), |text, part| {
            // As it is, as a parameter has it, and as the text that is signed has that.
            let once = encode(part);
            let twice = encode(&once);
            let forms = [part, once.as_str(), twice.as_str()].into_iter();
            forms.fold(text, |text, form| text.replace(form, "…"))
        })
    }
}

/// Temporary keys with fewer seconds left are renewed.
const RENEW_BEFORE: i64 = 180;

/// Why there is no key; no text of a key is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Nothing is set up.
    #[error("no credentials found; looked for {0}")]
    Nothing(&'static str),
    /// What is set up cannot be used.
    #[error("the credentials of {from} cannot be used: {why}")]
    Unusable {
        /// Where they were found.
        from: String,
        /// What is wrong.
        why: String,
    },
    /// Who hands them out fails for now.
    #[error("the credentials of {from} cannot be had now: {why}")]
    Passing {
        /// Where they were asked for.
        from: String,
        /// What happened.
        why: String,
    },
}

impl CredentialError {
    pub(super) fn unusable(from: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unusable {
            from: from.into(),
            why: why.into(),
        }
    }

    pub(super) fn passing(from: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Passing {
            from: from.into(),
            why: why.into(),
        }
    }

    /// An answer of `status` and with this `code` that has no key in it.
    pub(super) fn answered(
        provider: Provider,
        from: impl Into<String>,
        status: u16,
        code: Option<&str>,
    ) -> Self {
        let why = format!(
            "status {status}: {}",
            code.unwrap_or("no key in the answer")
        );
        match meaning(provider, status, code.unwrap_or_default()) {
            Meaning::Later => Self::passing(from, why),
            // A whole answer always has one; half of one does not say so.
            _ if status == 200 && code.is_none() => Self::passing(from, why),
            _ => Self::unusable(from, why),
        }
    }
}

/// How a key is got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// It is there.
    Key(Credentials),
    /// A role is assumed with another key.
    Assume {
        /// The other key.
        with: Box<Way>,
        /// What the call takes, by its parameters' names.
        parameters: Vec<(String, String)>,
    },
    /// A role is assumed with a cluster's token (RRSA, TKE's pod identity).
    Identity {
        /// The file of the token; it is replaced from time to time.
        token_file: PathBuf,
        /// What the call takes, by its parameters' names.
        parameters: Vec<(String, String)>,
        /// The region to ask in, where one is set.
        region: Option<String>,
    },
    /// The server's own role, whose name may be known.
    Server {
        /// The role.
        role: Option<String>,
        /// Whether the service may be asked without its token.
        bare: bool,
    },
    /// A local service hands it out.
    Service(String),
}

/// What the process was given: variables and a home.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// The process's own.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// A variable that is set to something.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A file below the home.
    pub(super) fn at_home(&self, path: &str) -> Option<PathBuf> {
        let home = self.get("HOME").or_else(|| self.get("USERPROFILE"))?;
        Some(Path::new(&home).join(path))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        Self {
            variables: pairs.into_iter().collect(),
        }
    }
}

// Variables hold keys.
impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Environment(…)")
    }
}

/// Whether the metadata service may answer better in a moment.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 500..)
}

/// The metadata service fails for now.
pub(super) fn hiccup(status: u16) -> CredentialError {
    CredentialError::passing("the server's role", format!("status {status}"))
}

/// The sections of an INI file, each with its keys.
pub(super) fn ini(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut section = "default".to_owned();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            name.trim().clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once('=')
            && !line.starts_with(['#', ';'])
        {
            let keys = sections.entry(section.clone()).or_default();
            keys.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    sections
}

/// The key in use.
#[derive(Debug)]
pub struct Keyring {
    provider: Provider,
    way: Way,
    kept: Mutex<Option<Credentials>>,
}

impl Keyring {
    /// Finds out how `provider`'s key is got, by the conventions of its tools.
    ///
    /// # Errors
    /// When what is set up cannot be used.
    pub fn find(provider: Provider, environment: &Environment) -> Result<Self, CredentialError> {
        let way = match provider {
            Provider::Aliyun => aliyun::credentials::find(environment)?,
            Provider::Tencent => tencent::credentials::find(environment)?,
        };
        Ok(Self {
            provider,
            way,
            kept: Mutex::new(None),
        })
    }

    /// A key that is good for some minutes; not `refused`, where the cloud said that this one is over.
    ///
    /// # Errors
    /// When none can be had.
    pub async fn key(
        &self,
        transport: &Transport,
        refused: Option<&Credentials>,
    ) -> Result<Credentials, CredentialError> {
        let mut kept = self.kept.lock().await;
        if let Some(key) = &*kept
            && key.lasts(Utc::now())
            && refused != Some(key)
        {
            return Ok(key.clone());
        }
        let key = match self.provider {
            Provider::Aliyun => aliyun::credentials::obtain(&self.way, transport).await,
            Provider::Tencent => tencent::credentials::obtain(&self.way, transport).await,
        };
        let key = match (key, &*kept) {
            (Ok(key), _) => key,
            // A place that gave a key before is there.
            (Err(CredentialError::Nothing(_)), Some(_)) => {
                return Err(CredentialError::passing("the server's role", "no answer"));
            }
            (Err(error), _) => return Err(error),
        };
        *kept = Some(key.clone());
        Ok(key)
    }

    /// Whether asking again may give another key.
    #[must_use]
    pub fn renews(&self) -> bool {
        !matches!(self.way, Way::Key(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_debug_output_shows_a_key() {
        let key = Credentials::fixed("id", "hidden-secret", Some("hidden-token".to_owned()));
        let environment: Environment = [("KEY".to_owned(), "hidden-variable".to_owned())]
            .into_iter()
            .collect();
        let way = Way::Assume {
            with: Box::new(Way::Key(key.clone())),
            parameters: Vec::new(),
        };
        let text = format!("{key:?} {environment:?} {way:?}");
        assert!(!text.contains("hidden"), "{text}");
        assert_eq!(key.redact("a hidden-secret and hidden-token"), "a … and …");
        let token = "CAIS+/=".to_owned();
        let key = Credentials::fixed("key", "secret", Some(token));
        let signed = "t=CAIS+/= t=CAIS%2B%2F%3D t%3DCAIS%252B%252F%253D";
        assert_eq!(key.redact(signed), "t=… t=… t%3D…");
    }

    #[test]
    fn keys_are_renewed_before_they_end() {
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut key = Credentials::fixed("id", "secret", None);
        assert!(key.lasts(now));
        key.expires = Some(now + TimeDelta::seconds(RENEW_BEFORE + 1));
        assert!(key.lasts(now));
        key.expires = Some(now + TimeDelta::seconds(RENEW_BEFORE));
        assert!(!key.lasts(now));
    }

    #[test]
    fn ini_files_have_sections() {
        let sections = ini("# c\n[default]\nsecret_id = a=b\n ; d\n[two]\nk=v\n");
        assert_eq!(sections["default"]["secret_id"], "a=b");
        assert_eq!(sections["two"]["k"], "v");
        assert_eq!(sections["default"].len(), 1);
    }
}
