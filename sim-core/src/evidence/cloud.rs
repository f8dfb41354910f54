//! `cloud/<provider>/<region>/<product>/<Action>[.<key>].json`: a cloud API's responses, kept as JSON.

use std::sync::Arc;

use super::json::{self, Shape};
use crate::source::{Parsed, Position, Problem, Source, SourceFile};

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

/// Where a response belongs, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudPath<'a> {
    /// E.g. `aliyun`.
    pub provider: &'a str,
    /// E.g. `cn-hangzhou`.
    pub region: &'a str,
    /// E.g. `vpc`.
    pub product: &'a str,
    /// E.g. `DescribeRouteEntryList`.
    pub action: &'a str,
    /// What the call was about.
    pub key: Option<&'a str>,
}

impl<'a> CloudPath<'a> {
    /// Takes a path apart; `None` where it is no cloud response's.
    #[must_use]
    pub fn of(path: &'a str) -> Option<Self> {
        let mut steps = path.strip_prefix("cloud/")?.split('/');
        let (provider, region, product) = (steps.next()?, steps.next()?, steps.next()?);
        let name = steps.next()?.strip_suffix(".json")?;
        if steps.next().is_some() {
            return None;
        }
        let (action, key) = match name.split_once('.') {
            Some((action, key)) => (action, Some(key)),
            None => (name, None),
        };
        Some(Self {
            provider,
            region,
            product,
            action,
            key,
        })
    }
}

/// Reads a cloud API's response.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Option<CloudResponse>> {
    let problem = |position, message: String| Problem {
        file: file.name.clone(),
        position,
        message,
    };
    let mut parsed = Parsed::<Option<CloudResponse>>::default();
    let Some(path) = CloudPath::of(&file.name) else {
        parsed.problems.push(problem(
            None,
            "expected a path `cloud/<provider>/<region>/<product>/<Action>[.<key>].json`"
                .to_owned(),
        ));
        return parsed;
    };
    let elements = json::scan(file, Shape::Single, &mut parsed.problems);
    for element in elements {
        match serde_json::from_str(element.raw.get()) {
            Ok(body) => {
                parsed.value = Some(CloudResponse {
                    provider: path.provider.to_owned(),
                    region: path.region.to_owned(),
                    product: path.product.to_owned(),
                    action: path.action.to_owned(),
                    key: path.key.map(str::to_owned),
                    body,
                    source: json::source(file, &element.pointer, element.raw),
                });
            }
            Err(error) => parsed.problems.push(problem(
                Some(Position::Pointer(element.pointer.into())),
                json::message(&error),
            )),
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::testing::{clean, file, problems};

    #[test]
    fn a_response_is_known_by_its_path() {
        let file = file(
            "cloud/aliyun/cn-hangzhou/vpc/DescribeRouteEntryList.vtb-1.json",
            r#"{"RouteEntrys":{"RouteEntry":[]}}"#,
        );
        let response = clean(parse(&file)).unwrap();
        assert_eq!(response.provider, "aliyun");
        assert_eq!(response.action, "DescribeRouteEntryList");
        assert_eq!(response.key.as_deref(), Some("vtb-1"));
        assert!(response.body["RouteEntrys"]["RouteEntry"].is_array());
    }

    #[test]
    fn deep_nesting_and_truncation_are_problems() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let parsed = parse(&file("cloud/a/b/c/D.json", &deep));
        assert_eq!(parsed.value, None);
        assert_eq!(
            problems(&parsed),
            ["cloud/a/b/c/D.json : recursion limit exceeded"]
        );
        let parsed = parse(&file("cloud/a/b/c/D.json", "{\"a\":\n[1,"));
        assert_eq!(
            problems(&parsed),
            ["cloud/a/b/c/D.json:2: the file ends in the middle of a value; capture it again"]
        );
    }
}
