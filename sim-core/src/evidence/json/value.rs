//! Scalars as the tools print them: numbers as numbers or as text, flags in five spellings.

use serde_json::value::RawValue;

/// The text of a JSON string; `None` for other values.
pub(super) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// An integer written as a number or as text, decimal or `0x…`.
///
/// iproute2's versions differ in which they print.
pub(crate) fn integer(text: &str) -> Option<i128> {
    let digits = text.trim();
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits),
    };
    let magnitude = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) if is_plain(hex) => i128::from_str_radix(hex, 16).ok()?,
        None if is_plain(digits) => digits.parse().ok()?,
        _ => return None,
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Digits only: Rust's parsers would take a sign, too.
fn is_plain(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An integer value; `None` where it is neither a number nor text that is one.
pub(super) fn number(raw: &RawValue) -> Option<i128> {
    match text(raw) {
        Some(text) => integer(&text),
        None => integer(raw.get()),
    }
}

/// A flag: `true`, `null` (iproute2's mark for "present"), 1, `"on"` and `"true"` are set.
pub(super) fn flag(raw: &RawValue) -> Option<bool> {
    match raw.get() {
        "true" | "null" => Some(true),
        "false" => Some(false),
        _ => match text(raw).as_deref() {
            Some("on" | "true" | "yes") => Some(true),
            Some("off" | "false" | "no") => Some(false),
            _ => match number(raw)? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
        },
    }
}
