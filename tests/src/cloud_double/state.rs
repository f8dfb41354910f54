//! What the double answers: a file of its state, narrowed to what was asked for, one page of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

/// No page is longer, whatever is asked for: so that small states have many.
const LONGEST: usize = 2;

/// Parameters that are no question about items.
const NOT_ASKED: &[&str] = &[
    "AccessKeyId",
    "Action",
    "Format",
    "Limit",
    "MaxResult",
    "MaxResults",
    "NextToken",
    "Offset",
    "Page",
    "PageNumber",
    "PageSize",
    "RegionId",
    "SecurityToken",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureVersion",
    "Timestamp",
    "Version",
];

/// The answer to `action` with these parameters.
#[must_use]
pub fn answer(
    state: &Path,
    product: &str,
    action: &str,
    parameters: &BTreeMap<String, String>,
    repeats: bool,
) -> Value {
    let asked = asked(parameters);
    let ids = asked.iter().flat_map(|(_, values)| values);
    let of_id = ids
        .map(|id| format!("{action}.{id}.json"))
        .map(|name| state.join(product).join(name));
    let pair = [
        &parameters.get("LoadBalancerId"),
        &parameters.get("ListenerPort"),
    ]
    .map(|value| value.map_or("", String::as_str))
    .join(".");
    let of_pair = std::iter::once(state.join(product).join(format!("{action}.{pair}.json")));
    let file = of_pair.chain(of_id).find(|file| file.is_file());
    let is_own = file.is_some();
    let file = file.unwrap_or_else(|| state.join(product).join(format!("{action}.json")));
    let Ok(bytes) = std::fs::read(&file) else {
        // An id that nobody knows gives an empty list.
        let is_tencent = !parameters.contains_key("RegionId");
        return if is_tencent {
            json!({"Response": {"TotalCount": 0}})
        } else {
            json!({"TotalCount": 0})
        };
    };
    let mut body: Value = serde_json::from_slice(&bytes).expect("the state is JSON");
    let root = match body.get("Response") {
        Some(_) => "/Response",
        None => "",
    };
    let Some(place) = list(body.pointer(root).expect("it is there")) else {
        return body;
    };
    let items = body
        .pointer_mut(&format!("{root}{place}"))
        .and_then(Value::as_array_mut);
    let Some(items) = items else {
        return body;
    };
    if !is_own {
        items.retain(|item| asked.iter().all(|(name, values)| fits(item, name, values)));
    }
    let total = items.len();
    let next = page(items, parameters, repeats);
    let fields = body
        .pointer_mut(root)
        .and_then(Value::as_object_mut)
        .expect("an object");
    if let Some(count) = fields.get_mut("TotalCount") {
        *count = if count.is_string() {
            total.to_string().into()
        } else {
            total.into()
        };
    }
    if let Some(count) = fields.get_mut("TotalAclEntry") {
        *count = total.into();
    }
    fields.insert("NextToken".to_owned(), next.unwrap_or_default().into());
    body
}

/// The questions among the parameters: a field's name, and the values that it may have.
fn asked(parameters: &BTreeMap<String, String>) -> Vec<(String, BTreeSet<String>)> {
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in parameters {
        let base = name.split('.').next().unwrap_or(name);
        if NOT_ASKED.contains(&base) {
            continue;
        }
        let (name, values) = match base {
            // `Filter.1.Key=VpcId`, `Filters.1.Name=vpc-id` with their values beside them.
            "Filter" | "Filters" => {
                let number = name.split('.').nth(1).unwrap_or_default();
                let key = [
                    format!("{base}.{number}.Key"),
                    format!("{base}.{number}.Name"),
                ];
                let key = key
                    .iter()
                    .find_map(|key| parameters.get(key))
                    .expect("a filter has a name");
                if !name.contains(".Value") {
                    continue;
                }
                (pascal(key), vec![value.clone()])
            }
            _ => {
                let values = serde_json::from_str::<Vec<String>>(value)
                    .unwrap_or_else(|_| value.split(',').map(str::to_owned).collect());
                (base.to_owned(), values)
            }
        };
        asked.entry(name).or_default().extend(values);
    }
    for values in asked.values() {
        assert!(
            values.len() <= 100,
            "no action takes more than a hundred ids"
        );
    }
    asked.into_iter().collect()
}

fn pascal(name: &str) -> String {
    let words = name.split('-').map(|word| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_uppercase() + rest,
        None => String::new(),
    });
    words.collect()
}

/// Whether `item` is asked for; questions about fields that it does not have are none.
fn fits(item: &Value, name: &str, values: &BTreeSet<String>) -> bool {
    let found = item.get(name).or_else(|| item.get(name.strip_suffix('s')?));
    match found {
        Some(Value::String(text)) => values.contains(text),
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_str)
            .any(|text| values.contains(text)),
        _ => true,
    }
}

/// The first list below `value`, at most two levels down.
fn list(value: &Value) -> Option<String> {
    for (name, below) in value.as_object()? {
        if below
            .as_array()
            .is_some_and(|items| items.iter().all(Value::is_object))
        {
            return Some(format!("/{name}"));
        }
        for (inner, list) in below.as_object().into_iter().flatten() {
            if list
                .as_array()
                .is_some_and(|items| items.iter().all(Value::is_object))
            {
                return Some(format!("/{name}/{inner}"));
            }
        }
    }
    None
}

/// Leaves the page that is asked for in `items`; gives what asks for the next one, where pages have tokens.
fn page(
    items: &mut Vec<Value>,
    parameters: &BTreeMap<String, String>,
    repeats: bool,
) -> Option<String> {
    let number = |name: &str| parameters.get(name)?.parse::<usize>().ok();
    let first = |name: &[&str]| name.iter().find_map(|name| number(name));
    let cut = |items: &mut Vec<Value>, from: usize, size: usize| {
        let from = if repeats { 0 } else { from.min(items.len()) };
        let to = (from + size).min(items.len());
        *items = items[from..to].to_vec();
    };
    if let Some(size) = first(&["MaxResults", "MaxResult"]) {
        let from = parameters
            .get("NextToken")
            .and_then(|token| token.strip_prefix("token-"));
        let from = from.map_or(0, |from| from.parse().expect("a token of ours"));
        let (size, total) = (size.min(LONGEST), items.len());
        cut(items, from, size);
        return (from + size < total)
            .then(|| format!("token-{}", if repeats { size } else { from + size }));
    }
    if let (Some(page), Some(size)) = (first(&["PageNumber", "Page"]), number("PageSize")) {
        let size = size.min(LONGEST);
        cut(items, (page.max(1) - 1) * size, size);
    } else if let (Some(from), Some(size)) = (number("Offset"), number("Limit")) {
        cut(items, from, size.min(LONGEST));
    }
    None
}
