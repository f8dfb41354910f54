//! Constants of the JSON: literals, prefixes, ranges and lists of flags.

use serde_json::Value;

use super::{DataType, Interval, datatype};

/// The interval that `value` stands for, with its type; `None` if it is no constant that is understood.
pub(super) fn read(value: &Value, kind: DataType) -> Option<(DataType, Interval)> {
    match value {
        Value::Null => None,
        Value::Bool(set) => Some((kind, boolean(*set, kind))),
        Value::Number(number) => Some((kind, Interval::single(number.as_u64()?.into()))),
        Value::String(text) => symbol(text, kind),
        Value::Array(flags) => fold(flags, kind, |a, b| a | b),
        Value::Object(object) => {
            let mut entries = object.iter();
            let (Some((name, body)), None) = (entries.next(), entries.next()) else {
                return None;
            };
            match name.as_str() {
                "prefix" => prefix(body, kind),
                "range" => range(body, kind),
                "|" => fold(body.as_array()?, kind, |a, b| a | b),
                "&" => fold(body.as_array()?, kind, |a, b| a & b),
                "^" => fold(body.as_array()?, kind, |a, b| a ^ b),
                _ => None,
            }
        }
    }
}

/// `exists` and `missing`: a device is there or not.
fn boolean(set: bool, kind: DataType) -> Interval {
    if set && matches!(kind, DataType::IfIndex | DataType::IfName) {
        Interval {
            low: 1,
            high: u128::MAX,
        }
    } else {
        Interval::single(set.into())
    }
}

fn symbol(text: &str, kind: DataType) -> Option<(DataType, Interval)> {
    if kind != DataType::IfName {
        let (kind, value) = kind.value(text)?;
        return Some((kind, Interval::single(value)));
    }
    let interval = match (text.strip_suffix(r"\*"), text.strip_suffix('*')) {
        (Some(name), _) => Interval::single(datatype::device(&format!("{name}*"))?),
        (None, Some(start)) => {
            let low = datatype::device(start)?;
            let rest = 128_u32.checked_sub(u32::try_from(start.len()).ok()?.checked_mul(8)?)?;
            let high = low | u128::MAX.checked_shr(128 - rest).unwrap_or(0);
            Interval { low, high }
        }
        (None, None) => Interval::single(datatype::device(text)?),
    };
    Some((kind, interval))
}

fn prefix(body: &Value, kind: DataType) -> Option<(DataType, Interval)> {
    let (kind, addr) = read(body.get("addr")?, kind)?;
    let len = u32::try_from(body.get("len")?.as_u64()?).ok()?;
    let free = kind.bits().checked_sub(len)?;
    let host = u128::MAX.checked_shr(128 - free).unwrap_or(0);
    let low = addr.value()? & !host;
    Some((
        kind,
        Interval {
            low,
            high: low | host,
        },
    ))
}

fn range(body: &Value, kind: DataType) -> Option<(DataType, Interval)> {
    let [low, high] = body.as_array()?.as_slice() else {
        return None;
    };
    let (kind, low) = read(low, kind)?;
    let (_, high) = read(high, kind)?;
    let interval = Interval {
        low: low.value()?,
        high: high.value()?,
    };
    (interval.low <= interval.high).then_some((kind, interval))
}

fn fold(
    parts: &[Value],
    kind: DataType,
    join: impl Fn(u128, u128) -> u128,
) -> Option<(DataType, Interval)> {
    let mut values = parts
        .iter()
        .map(|part| read(part, kind).and_then(|(_, interval)| interval.value()));
    let first = values.next()??;
    let folded = values.try_fold(first, |sum, value| Some(join(sum, value?)))?;
    Some((kind, Interval::single(folded)))
}
