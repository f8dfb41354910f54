//! The verdict's JSON Schema, `sim-core/schema/verdict.v1.json`.

use std::io;

use jsonschema::Validator;
use serde_json::Value;

use crate::corpus::workspace;

/// The schema's document.
///
/// # Errors
/// When the file is missing or not JSON.
pub fn document() -> io::Result<Value> {
    let path = workspace().join("sim-core/schema/verdict.v1.json");
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

/// What checks verdicts against the schema.
///
/// # Errors
/// When the schema is not one.
pub fn validator() -> io::Result<Validator> {
    let document = document()?;
    jsonschema::draft202012::meta::validate(&document)
        .map_err(|error| io::Error::other(format!("{}: {error}", error.instance_path())))?;
    jsonschema::draft202012::new(&document).map_err(|error| io::Error::other(error.to_string()))
}

/// Every place where `verdict` (JSON text) breaks the schema.
#[must_use]
pub fn problems(validator: &Validator, verdict: &str) -> Vec<String> {
    match serde_json::from_str::<Value>(verdict) {
        Ok(value) => validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect(),
        Err(error) => vec![error.to_string()],
    }
}
