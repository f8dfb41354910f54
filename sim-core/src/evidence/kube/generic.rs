//! Kubernetes objects that are kept whole: ingresses, ingress classes, custom resources.

use std::sync::Arc;

use super::list;
use super::meta::Meta;
use crate::evidence::json::{Fault, message};
use crate::source::{Parsed, SourceFile};

/// An object of any kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// E.g. `Ingress`.
    pub kind: String,
    /// E.g. `networking.k8s.io/v1`.
    pub api_version: String,
    /// Name, namespace …
    pub meta: Meta,
    /// The whole object.
    pub body: serde_json::Value,
}

/// Reads a list of objects of any kind.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Vec<Object>> {
    list(file, "", |item| {
        Ok(Object {
            kind: item.text("kind")?.unwrap_or_default(),
            api_version: item.text("apiVersion")?.unwrap_or_default(),
            meta: Meta::of(item)?,
            body: serde_json::from_str(item.raw().get())
                .map_err(|error| Fault::new(item.pointer(), message(&error)))?,
        })
    })
}
