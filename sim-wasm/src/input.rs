//! Reads what JavaScript hands over, strictly: an unknown field is an error, as it is natively.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tsify::{Ts, Tsify};

use crate::error::ErrorInfo;

/// The value that `given` holds; `what` names it where it is wrong.
pub(crate) fn read<T>(given: &Ts<T>, what: &str) -> Result<T, ErrorInfo>
where
    T: Tsify + DeserializeOwned,
{
    // Straight into `T`, serde-wasm-bindgen would look up the fields that it knows and never see others.
    let mut value: Value = serde_wasm_bindgen::from_value(given.js_value())
        .map_err(|error| ErrorInfo::flow(what, error.to_string()))?;
    if let Value::Object(fields) = &mut value {
        // `undefined` in JavaScript is a field that is not there.
        fields.retain(|_, value| !value.is_null());
    }
    serde_json::from_value(value).map_err(|error| ErrorInfo::flow(what, format!("{what}: {error}")))
}
