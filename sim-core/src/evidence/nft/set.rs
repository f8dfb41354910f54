//! Reads sets and maps: named ones with a source for each element, anonymous ones inside a rule.

use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

use super::expression::read::{Reader, Shape};
use super::{
    Data, DataKind, DataType, Element, Elements, Interval, TableFamily, constant, statement,
};
use crate::source::{Source, SourceFile};

/// A named set or map as the JSON has it.
#[derive(Debug, serde::Deserialize)]
pub(super) struct RawSet<'a> {
    pub(super) family: String,
    pub(super) table: String,
    pub(super) name: String,
    #[serde(rename = "type", default)]
    kind: Value,
    #[serde(default)]
    map: Value,
    #[serde(default)]
    flags: Value,
    #[serde(default)]
    timeout: Value,
    #[serde(borrow, default)]
    elem: Option<&'a RawValue>,
}

/// What a named set declares and holds.
pub(super) struct Content {
    pub(super) key: Vec<DataType>,
    pub(super) data: Option<DataKind>,
    pub(super) volatile: bool,
    pub(super) elements: Elements,
}

impl RawSet<'_> {
    /// Reads the declaration and the elements; `pointer` is the set's own.
    pub(super) fn content(
        &self,
        family: TableFamily,
        file: &Arc<SourceFile>,
        pointer: &str,
        source: &Source,
    ) -> Content {
        let reader = Reader { source, family };
        let key = kinds(&self.kind, reader);
        let data = match self.map.as_str() {
            None if self.map.is_null() => None,
            Some("verdict") => Some(DataKind::Verdict),
            Some(
                kind @ ("counter" | "quota" | "limit" | "ct helper" | "ct timeout"
                | "ct expectation" | "synproxy" | "secmark"),
            ) => Some(DataKind::Object(kind.to_owned())),
            Some(_) | None => Some(DataKind::Values(kinds(&self.map, reader))),
        };
        let shape = match &data {
            None => Shape::Set,
            Some(DataKind::Values(values)) => Shape::Map(values),
            Some(DataKind::Verdict | DataKind::Object(_)) => Shape::Map(&[]),
        };
        let flags = self.flags.to_string();
        let volatile =
            flags.contains("timeout") || flags.contains("dynamic") || !self.timeout.is_null();
        let mut list = Vec::new();
        let mut unknown = Vec::new();
        for (idx, raw) in self.raw_elements().into_iter().enumerate() {
            let source = Source::pointer(file, format!("{pointer}/elem/{idx}"), raw.get());
            let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
            match element(&value, &key, shape, &source) {
                Some(element) => list.push(element),
                None => unknown.push(raw.get().to_owned()),
            }
        }
        Content {
            key,
            data,
            volatile,
            elements: Elements::new(list, unknown),
        }
    }

    fn raw_elements(&self) -> Vec<&RawValue> {
        let Some(raw) = self.elem else {
            return Vec::new();
        };
        serde_json::from_str(raw.get()).unwrap_or_else(|_| vec![raw])
    }
}

/// A type, several types, or (`typeof`) expressions of these types.
fn kinds(value: &Value, reader: Reader<'_>) -> Vec<DataType> {
    match value {
        Value::String(names) => names.split(" . ").map(DataType::named).collect(),
        Value::Array(list) => list.iter().flat_map(|item| kinds(item, reader)).collect(),
        Value::Object(object) => match object.get("typeof") {
            Some(expression) => reader.expression(expression).kinds(),
            None => vec![DataType::Other],
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => vec![DataType::Other],
    }
}

/// Reads an anonymous set or map whose keys are of `kinds`.
pub(super) fn anonymous(
    body: &Value,
    kinds: &[DataType],
    shape: Shape<'_>,
    reader: Reader<'_>,
) -> Elements {
    let single = std::slice::from_ref(body);
    let items = body.as_array().map_or(single, Vec::as_slice);
    let mut list = Vec::new();
    let mut unknown = Vec::new();
    for item in items {
        match element(item, kinds, shape, reader.source) {
            Some(element) => list.push(element),
            None => unknown.push(item.to_string()),
        }
    }
    Elements::new(list, unknown)
}

fn element(
    value: &Value,
    kinds: &[DataType],
    shape: Shape<'_>,
    source: &Source,
) -> Option<Element> {
    let (key, data) = match shape {
        Shape::Set => (value, None),
        Shape::Map(values) => match value.as_array()?.as_slice() {
            [key, value] => (key, Some(data(value, values))),
            _ => return None,
        },
    };
    let properties = key.get("elem");
    let own_key = properties.map_or(Some(key), |properties| properties.get("val"))?;
    let property = |name| properties.and_then(|properties| properties.get(name));
    let condition = ["limit", "quota", "ct count"]
        .into_iter()
        .find_map(|name| property(name).map(|body| format!("{name} {body}")));
    Some(Element {
        key: parts(own_key, kinds)?,
        data,
        comment: property("comment")
            .and_then(Value::as_str)
            .map(str::to_owned),
        expires: property("expires").and_then(Value::as_u64),
        condition,
        source: source.clone(),
    })
}

/// A key's parts; none for `*`.
fn parts(key: &Value, kinds: &[DataType]) -> Option<Vec<Interval>> {
    if key.as_str() == Some("*") {
        return Some(Vec::new());
    }
    let kind = |idx: usize| kinds.get(idx).copied().unwrap_or(DataType::Other);
    let Some(list) = key.get("concat") else {
        return Some(vec![constant::read(key, kind(0))?.1]);
    };
    (list.as_array()?.iter().enumerate())
        .map(|(idx, part)| Some(constant::read(part, kind(idx))?.1))
        .collect()
}

fn data(value: &Value, kinds: &[DataType]) -> Data {
    if let Some(verdict) = statement::read::verdict(value) {
        return Data::Verdict(verdict);
    }
    let kind = |idx: usize| kinds.get(idx).copied().unwrap_or(DataType::Other);
    let values = match value.get("concat").and_then(Value::as_array) {
        Some(list) => (list.iter().enumerate())
            .map(|(idx, part)| constant::read(part, kind(idx)))
            .collect(),
        None => constant::read(value, kind(0)).map(|value| vec![value]),
    };
    match (values, value.as_str()) {
        (Some(values), _) => Data::Value(values),
        (None, Some(name)) if kinds.is_empty() => Data::Object(name.to_owned()),
        (None, _) => Data::Unknown(value.to_string()),
    }
}
