//! `sysctl.txt`: kernel settings, as `sysctl` prints them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::source::{Parsed, Source, SourceFile};

/// The kernel settings of a namespace.
#[derive(Debug, Clone, Default)]
pub struct Sysctl {
    entries: BTreeMap<String, (String, Source)>,
}

/// A setting whose value is no integer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is `{value}`, not an integer")]
pub struct NotAnInteger {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Sysctl {
    /// The value of `key`, e.g. `net.ipv4.ip_forward`, and where it stands.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<(&str, Source)> {
        self.entries
            .get(key)
            .map(|(value, source)| (value.as_str(), source.clone()))
    }

    /// The value of `key` as an integer.
    pub fn integer(&self, key: &str) -> Result<Option<(i64, Source)>, NotAnInteger> {
        let Some((value, source)) = self.get(key) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(integer) => Ok(Some((integer, source))),
            Err(_) => Err(NotAnInteger {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
        }
    }

    /// Whether any key begins with `prefix`: a complete `sysctl.txt` without `net.bridge.` means that
    /// br_netfilter is not loaded.
    #[must_use]
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.entries
            .range::<str, _>((
                std::ops::Bound::Included(prefix),
                std::ops::Bound::Unbounded,
            ))
            .next()
            .is_some_and(|(key, _)| key.starts_with(prefix))
    }

    /// All keys with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Source)> {
        self.entries
            .iter()
            .map(|(key, (value, source))| (key.as_str(), value.as_str(), source))
    }
}

/// Reads `sysctl.txt`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Sysctl> {
    let _ = file;
    Parsed::default()
}
