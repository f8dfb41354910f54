//! `cloud/<provider>/<region>/<product>/<Action>[.<key>].json`: a cloud API's responses, kept as JSON.

use std::sync::Arc;

use crate::source::{Parsed, Source, SourceFile};

/// One response of a cloud's API.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudResponse {
    /// E.g. `aliyun`.
    pub provider: String,
    /// E.g. `cn-hangzhou`.
    pub region: String,
    /// E.g. `vpc`.
    pub product: String,
    /// E.g. `DescribeRouteEntryList`.
    pub action: String,
    /// What the call was about, e.g. a route table's id.
    pub key: Option<String>,
    /// The body.
    pub body: serde_json::Value,
    /// Where it was read.
    pub source: Source,
}

/// Reads a cloud API's response.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Option<CloudResponse>> {
    let _ = file;
    Parsed::default()
}
