//! What every Kubernetes object has.

use std::collections::BTreeMap;

use crate::source::Source;

/// An object's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Its name.
    pub name: String,
    /// Its namespace; empty for cluster-wide objects.
    pub namespace: String,
    /// Its uid.
    pub uid: String,
    /// Changes whenever the object does.
    pub resource_version: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations (those that pruning keeps).
    pub annotations: BTreeMap<String, String>,
    /// It is being deleted.
    pub deleting: bool,
    /// Objects that own it: kind and name.
    pub owners: Vec<(String, String)>,
    /// Where the object was read.
    pub source: Source,
}

/// A port by number or by name (`IntOrString`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortRef {
    /// A number.
    Number(u16),
    /// The name of a container's port.
    Name(String),
}
