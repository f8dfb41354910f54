//! What every Kubernetes object has.

use std::collections::BTreeMap;

use crate::evidence::json::{Fault, Object};
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

impl Meta {
    pub(crate) fn of(item: &Object<'_>) -> Result<Self, Fault> {
        let meta = item.required("metadata", item.object("metadata")?)?;
        let mut owners = Vec::new();
        for owner in meta.objects("ownerReferences")? {
            owners.push((
                owner.text("kind")?.unwrap_or_default(),
                owner.text("name")?.unwrap_or_default(),
            ));
        }
        Ok(Self {
            name: meta.required("name", meta.text("name")?)?,
            namespace: meta.text("namespace")?.unwrap_or_default(),
            uid: meta.text("uid")?.unwrap_or_default(),
            resource_version: meta.text("resourceVersion")?.unwrap_or_default(),
            labels: meta.string_map("labels")?,
            annotations: meta.string_map("annotations")?,
            deleting: meta.text("deletionTimestamp")?.is_some(),
            owners,
            source: item.source(),
        })
    }
}

impl PortRef {
    /// A number or a name; a missing one and 0 are none.
    pub(super) fn of(item: &Object<'_>, key: &str) -> Result<Option<Self>, Fault> {
        match item.get(key) {
            None => Ok(None),
            Some(raw) if raw.get().starts_with('"') => {
                let name = item.text(key)?.filter(|name| !name.is_empty());
                Ok(name.map(Self::Name))
            }
            Some(_) => {
                let number: Option<u16> = item.number(key)?;
                Ok(number.filter(|port| *port != 0).map(Self::Number))
            }
        }
    }
}
