//! TypeScript declarations of the types that serialise as something else than their fields.

use wasm_bindgen::prelude::wasm_bindgen;

/// What tsify cannot see: types written by hand-made `Serialize` impls, and what functions throw.
#[wasm_bindgen(typescript_custom_section)]
const DECLARATIONS: &str = r#"
/**
 * An exact probability, e.g. `"1/3"`; `"1"` is certain.
 */
export type Probability = `${number}/${number}` | `${number}`;

/**
 * What every function of this module throws.
 */
export interface PathglassError extends Error, ErrorInfo {
    name: "PathglassError";
}
"#;
