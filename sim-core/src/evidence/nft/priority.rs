//! A base chain's priority: a number, or a name with an offset (nft(8), "Standard priority names").

use serde_json::Value;

use super::TableFamily;

/// Reads `-100`, `"dstnat"` or `"filter - 5"`.
pub(super) fn read(value: &Value, family: TableFamily) -> Option<i32> {
    match value {
        Value::Number(number) => i32::try_from(number.as_i64()?).ok(),
        Value::String(text) => parse(text, family),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Reads a priority as text.
pub(super) fn parse(text: &str, family: TableFamily) -> Option<i32> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let end = text.find(['+', '-', ' ']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let offset: String = rest
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let offset: i32 = if offset.is_empty() {
        0
    } else {
        offset.parse().ok()?
    };
    named(name, family)?.checked_add(offset)
}

fn named(name: &str, family: TableFamily) -> Option<i32> {
    if family == TableFamily::Bridge {
        return Some(match name {
            "dstnat" => -300,
            "filter" => -200,
            "out" => 100,
            "srcnat" => 300,
            _ => return None,
        });
    }
    Some(match name {
        "raw" => -300,
        "mangle" => -150,
        "dstnat" => -100,
        "filter" => 0,
        "security" => 50,
        "srcnat" => 100,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, family: TableFamily, expected: Option<i32>) {
        assert_eq!(parse(text, family), expected, "{text}");
    }

    #[test]
    fn names_take_an_offset() {
        check("filter - 5", TableFamily::Inet, Some(-5));
        check("srcnat + 10", TableFamily::Ip, Some(110));
        check("dstnat+1", TableFamily::Ip6, Some(-99));
        check("-450", TableFamily::Ip, Some(-450));
    }

    #[test]
    fn a_bridge_has_its_own_values() {
        check("filter", TableFamily::Bridge, Some(-200));
        check("out", TableFamily::Bridge, Some(100));
        check("raw", TableFamily::Bridge, None);
    }

    #[test]
    fn other_text_is_no_priority() {
        check("filter - x", TableFamily::Ip, None);
        check("first", TableFamily::Ip, None);
        check("filter + 2147483648", TableFamily::Ip, None);
    }
}
