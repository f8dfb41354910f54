//! Names in a cluster: what a program's resolver asks, and what the cluster's name servers answer.

pub(crate) mod records;
pub(crate) mod resolver;
pub(crate) mod server;

use std::net::IpAddr;

use crate::linux::choice::Doubt;
use crate::source::Source;

/// What a name server says to a question for addresses (A and AAAA).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// These addresses.
    Found(Found),
    /// There is no such name (NXDOMAIN).
    NoName(Why),
    /// The name has no address (NOERROR without one).
    NoData(Why),
    /// The server cannot answer (SERVFAIL, REFUSED).
    Failure(Why),
    /// Servers beyond what was captured know the answer.
    Outside(Why),
    /// The evidence does not tell.
    Unknown(Doubt),
}

/// Addresses that a name has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) addresses: Vec<IpAddr>,
    /// Whose they are: `service:ns/name` or `pod:ns/name`.
    pub(crate) object: Option<String>,
    pub(crate) sources: Vec<Source>,
    /// In words, e.g. `default/web is headless: its ready endpoints`.
    pub(crate) text: String,
}

/// Why there is no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Why {
    pub(crate) kind: WhyKind,
    pub(crate) text: String,
    /// What a person would have to change.
    pub(crate) object: Option<String>,
    pub(crate) sources: Vec<Source>,
}

/// Kinds of reasons that a finding tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WhyKind {
    /// No object has that name.
    NoObject,
    /// A headless service without a ready endpoint.
    NoEndpoints,
    /// The object's records are of another kind (another address family, an alias to nowhere).
    OtherRecords,
    /// How the server is set up.
    Setup,
    /// The servers that it asks in turn cannot be reached.
    Upstream,
    /// Servers ask one another in a circle.
    Circle,
    /// It is known outside.
    Outside,
}

impl Why {
    pub(crate) fn new(kind: WhyKind, text: impl Into<String>, sources: Vec<Source>) -> Self {
        Self {
            kind,
            text: text.into(),
            object: None,
            sources,
        }
    }

    pub(crate) fn of(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }
}

/// Whether `name` lies in `zone` (both as [`crate::evidence::corefile::normal`] gives them).
pub(crate) fn lies_in(name: &str, zone: &str) -> bool {
    below(name, zone).is_some()
}

/// The part of `name` before `zone`, without the dot between them; empty at the zone itself.
pub(crate) fn below<'n>(name: &'n str, zone: &str) -> Option<&'n str> {
    if zone.is_empty() {
        return Some(name);
    }
    let front = name.strip_suffix(zone)?;
    if front.is_empty() {
        return Some(front);
    }
    front.strip_suffix('.')
}
