//! The verdict's schema says exactly what verdicts are: no field more, none less, in the same words.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::type_complexity,
    reason = "a test may panic"
)]

#[path = "schema/full.rs"]
mod full;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use pathglass_sim::verdict::Verdict;
use pathglass_tests::corpus::workspace;
use pathglass_tests::schema;
use serde_json::Value;

/// The Rust files whose types the schema describes.
const SOURCES: &[&str] = &[
    "sim-core/src/verdict.rs",
    "sim-core/src/flow.rs",
    "sim-core/src/snapshot/store.rs",
];

fn problems(value: &Value) -> Vec<String> {
    static VALIDATOR: LazyLock<jsonschema::Validator> =
        LazyLock::new(|| schema::validator().unwrap());
    schema::problems(&VALIDATOR, &value.to_string())
}

/// The schema of `value`'s type, with `$ref` followed; of several (`oneOf`), the one of its `kind`.
fn resolve<'a>(document: &'a Value, schema: &'a Value, value: &Value) -> &'a Value {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let target = document.pointer(name.trim_start_matches('#')).unwrap();
        return resolve(document, target, value);
    }
    let alternatives = schema.get("oneOf").and_then(Value::as_array);
    let of_kind = |alternative: &&Value| {
        let kind = alternative.pointer("/properties/kind/const");
        kind.is_some() && kind == value.get("kind")
    };
    alternatives
        .and_then(|list| list.iter().find(of_kind))
        .unwrap_or(schema)
}

/// Calls `visit` with the pointer and the schema of every object in `value`.
fn each_object(
    document: &Value,
    schema: &Value,
    value: &Value,
    pointer: &str,
    visit: &mut dyn FnMut(&str, &Value, &serde_json::Map<String, Value>),
) {
    let schema = resolve(document, schema, value);
    match value {
        Value::Object(fields) => {
            visit(pointer, schema, fields);
            for (name, field) in fields {
                let of_field = schema.pointer(&format!("/properties/{name}"));
                let of_field =
                    of_field.unwrap_or_else(|| panic!("{pointer}/{name}: not in the schema"));
                each_object(
                    document,
                    of_field,
                    field,
                    &format!("{pointer}/{name}"),
                    visit,
                );
            }
        }
        Value::Array(items) => {
            let of_items = schema.get("items").unwrap();
            for (item_idx, item) in items.iter().enumerate() {
                each_object(
                    document,
                    of_items,
                    item,
                    &format!("{pointer}/{item_idx}"),
                    visit,
                );
            }
        }
        _ => {}
    }
}

fn keys(value: Option<&Value>) -> BTreeSet<String> {
    let object = value.and_then(Value::as_object);
    object
        .into_iter()
        .flat_map(|object| object.keys().cloned())
        .collect()
}

fn words(value: Option<&Value>) -> BTreeSet<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}

#[test]
fn a_verdict_with_every_field_matches() {
    for verdict in full::verdicts() {
        assert_eq!(
            problems(&serde_json::to_value(&verdict).unwrap()),
            Vec::<String>::new()
        );
    }
}

#[test]
fn a_verdict_survives_its_own_json() {
    for verdict in full::verdicts() {
        let text = verdict.to_json();
        assert_eq!(text, serde_json::to_string(&verdict).unwrap());
        assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
    }
}

#[test]
fn schema_and_types_have_the_same_fields() {
    let document = schema::document().unwrap();
    let mut seen = BTreeSet::new();
    for verdict in full::verdicts() {
        let value = serde_json::to_value(&verdict).unwrap();
        each_object(
            &document,
            &document,
            &value,
            "",
            &mut |pointer, schema, fields| {
                let written: BTreeSet<String> = fields.keys().cloned().collect();
                assert_eq!(written, keys(schema.get("properties")), "{pointer}");
                assert_eq!(
                    schema.get("additionalProperties"),
                    Some(&Value::Bool(false)),
                    "{pointer}"
                );
                seen.insert(schema.get("description").unwrap().to_string());
            },
        );
    }
    let types = document.get("$defs").unwrap().as_object().unwrap();
    for (name, definition) in types {
        let is_seen = seen.contains(&definition.get("description").unwrap().to_string());
        let is_object = definition.get("type") == Some(&Value::from("object"));
        assert!(
            is_seen || !is_object,
            "{name}: no verdict of this test has one"
        );
    }
}

#[test]
fn each_required_field_is_required_and_no_other() {
    let document = schema::document().unwrap();
    let mut n_removed = 0;
    for verdict in full::verdicts() {
        let value = serde_json::to_value(&verdict).unwrap();
        let mut fields_of = BTreeMap::new();
        each_object(
            &document,
            &document,
            &value,
            "",
            &mut |pointer, schema, _| {
                let required = words(schema.get("required"));
                fields_of.insert(
                    pointer.to_owned(),
                    (required, keys(schema.get("properties"))),
                );
            },
        );
        for (pointer, (required, all)) in fields_of {
            for name in all {
                let mut less = value.clone();
                less.pointer_mut(&pointer)
                    .unwrap()
                    .as_object_mut()
                    .unwrap()
                    .remove(&name);
                let is_refused = !problems(&less).is_empty();
                assert_eq!(
                    is_refused,
                    required.contains(&name),
                    "without {pointer}/{name}"
                );
                n_removed += 1;
            }
        }
    }
    assert!(n_removed > 60, "{n_removed}");
}

#[test]
fn an_unknown_field_is_refused_everywhere() {
    let document = schema::document().unwrap();
    let verdict = full::verdicts().remove(0);
    let value = serde_json::to_value(&verdict).unwrap();
    let mut pointers = Vec::new();
    each_object(&document, &document, &value, "", &mut |pointer, _, _| {
        pointers.push(pointer.to_owned());
    });
    for pointer in pointers {
        let mut more = value.clone();
        let object = more.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
        object.insert("surprise".to_owned(), Value::Null);
        assert!(!problems(&more).is_empty(), "{pointer} takes any field");
    }
}

#[test]
fn enumerations_hold_exactly_the_words_that_are_written() {
    let document = schema::document().unwrap();
    let of = |name: &str| -> BTreeSet<String> {
        let alternatives = document.pointer(&format!("/$defs/{name}/oneOf")).unwrap();
        let consts = alternatives.as_array().unwrap().iter();
        consts
            .map(|word| word.get("const").unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    for (name, words) in full::words() {
        assert_eq!(of(name), words.into_iter().collect(), "{name}");
    }
}

#[test]
fn the_schema_speaks_the_words_of_the_types_documentation() {
    let document = schema::document().unwrap();
    let mut n_compared = 0;
    for (name, documented) in documented_types() {
        let definition = if name == "Verdict" {
            &document
        } else if let Some(definition) = document.pointer(&format!("/$defs/{name}")) {
            definition
        } else {
            continue;
        };
        assert_eq!(
            definition.get("description").unwrap(),
            &documented.text,
            "{name}"
        );
        for (field, text) in documented.fields {
            let Some(property) = definition.pointer(&format!("/properties/{field}")) else {
                continue;
            };
            assert_eq!(
                property.get("description").unwrap(),
                &text,
                "{name}.{field}"
            );
            n_compared += 1;
        }
    }
    assert!(
        n_compared > 60,
        "{n_compared} fields compared: does the reader of sources still work?"
    );
}

/// A type's documentation and its fields', as they stand in the source.
#[derive(Debug, Default)]
struct Documented {
    text: String,
    fields: BTreeMap<String, String>,
}

/// Reads the `///` lines: as much Rust as these plain type definitions need.
fn documented_types() -> BTreeMap<String, Documented> {
    let mut types: BTreeMap<String, Documented> = BTreeMap::new();
    for source in SOURCES {
        let text = std::fs::read_to_string(workspace().join(Path::new(source))).unwrap();
        let (mut current, mut doc, mut renamed) = (String::new(), Vec::new(), None);
        for line in text.lines().map(str::trim) {
            if let Some(words) = line.strip_prefix("///") {
                doc.push(words.trim().to_owned());
            } else if let Some((_, rest)) = line.split_once("rename = \"") {
                renamed = rest.split('"').next().map(str::to_owned);
            } else if line.starts_with("#[") || line.starts_with(')') || line.starts_with("Debug") {
                // Attributes stand between the documentation and what it is about.
            } else if let Some(rest) = line
                .strip_prefix("pub struct ")
                .or_else(|| line.strip_prefix("pub enum "))
            {
                current = rest.split([' ', '<']).next().unwrap_or_default().to_owned();
                types.entry(current.clone()).or_default().text = doc.join(" ");
                doc.clear();
            } else if let Some((name, _)) = line
                .strip_prefix("pub ")
                .and_then(|rest| rest.split_once(':'))
            {
                let name = renamed.take().unwrap_or_else(|| name.to_owned());
                types
                    .entry(current.clone())
                    .or_default()
                    .fields
                    .insert(name, doc.join(" "));
                doc.clear();
            } else {
                doc.clear();
                renamed = None;
            }
        }
    }
    types
}
