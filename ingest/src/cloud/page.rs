//! Lists that come in pages: asked for to the end, and made into one answer.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::client::Client;
use super::error::{CallError, Failure};
use super::table::{Action, Paging};

/// How often a list that changes meanwhile is begun anew.
const LISTINGS: usize = 3;
/// Fields that tell of pages and requests, not of what was asked.
const OF_PAGES: &[&str] = &[
    "RequestId",
    "NextToken",
    "PageNumber",
    "PageSize",
    "MaxResults",
    "Page",
];

/// Asks `action` for all pages of `parameters`' list.
///
/// # Errors
/// When a call fails, or the pages make no whole list.
pub async fn all(
    client: &Client,
    action: &Action,
    parameters: &Map<String, Value>,
) -> Result<Value, CallError> {
    let mut problem = String::new();
    for _ in 0..LISTINGS {
        match listing(client, action, parameters).await? {
            Listing::Whole(body) => return Ok(body),
            Listing::Broken(why) => problem = why,
        }
    }
    Err(CallError {
        action: action.permission(),
        failure: Failure::Pages(problem),
        request_id: None,
    })
}

enum Listing {
    Whole(Value),
    Broken(String),
}

async fn listing(
    client: &Client,
    action: &Action,
    parameters: &Map<String, Value>,
) -> Result<Listing, CallError> {
    let mut parameters = parameters.clone();
    let mut merged: Option<Value> = None;
    let (mut seen, mut tokens) = (BTreeSet::new(), BTreeSet::new());
    let (mut count, mut total): (usize, Option<usize>) = (0, None);
    for page in 1_usize.. {
        ask_for(action.paging, page, count, &mut parameters);
        let body = client.call(action, &parameters).await?;
        let items = list(&body, action.list).map_or(&[][..], Vec::as_slice);
        let fresh = items
            .iter()
            .filter(|item| seen.insert(item.to_string()))
            .count();
        count += items.len();
        // The length of the list, and what comes next.
        let length = number(&body, action.paging);
        let token = match action.paging {
            Paging::Token(..) => text(&body, "NextToken"),
            Paging::Single | Paging::Number(..) | Paging::Offset(_) | Paging::OffsetText(_) => None,
        };
        let is_listed = action.list.is_empty() || list(&body, action.list).is_some();
        if !is_listed && length.is_some_and(|length| length > count) {
            return Ok(Listing::Broken(format!("page {page} has no list")));
        }
        let is_empty = items.is_empty();
        let is_repeated = fresh == 0 && !is_empty && page > 1;
        match &mut merged {
            None => merged = Some(body),
            Some(merged) => extend(merged, &body, action.list),
        }
        if is_repeated {
            return Ok(Listing::Broken(format!(
                "page {page} repeats an earlier page"
            )));
        }
        if total.is_some_and(|total| length.is_some_and(|length| length != total)) {
            return Ok(Listing::Broken(
                "the list changed while it was read".to_owned(),
            ));
        }
        total = length.or(total);
        match (action.paging, token) {
            (Paging::Single, _) | (Paging::Token(..), None) => break,
            (Paging::Token(..), Some(token)) => {
                if !tokens.insert(token.clone()) {
                    return Ok(Listing::Broken(format!(
                        "page {page} leads back to an earlier page"
                    )));
                }
                parameters.insert("NextToken".to_owned(), token.into());
            }
            (Paging::Number(..) | Paging::Offset(_) | Paging::OffsetText(_), _) => match total {
                // An item that moved to another page while they were read is there twice, and another one nowhere.
                Some(total) if count >= total && seen.len() != total && !action.id.is_empty() => {
                    let why = format!("{} different items of {total} came", seen.len());
                    return Ok(Listing::Broken(why));
                }
                Some(total) if count >= total => break,
                Some(total) if is_empty => {
                    let why = format!("the list ended after {count} of {total} items");
                    return Ok(Listing::Broken(why));
                }
                None if is_empty => break,
                Some(_) | None => {}
            },
        }
    }
    Ok(Listing::Whole(merged.unwrap_or_default()))
}

/// Puts the page's place among the parameters.
fn ask_for(paging: Paging, page: usize, count: usize, parameters: &mut Map<String, Value>) {
    let mut put = |name: &str, value: Value| {
        parameters.insert(name.to_owned(), value);
    };
    match paging {
        Paging::Single => {}
        Paging::Token(name, size) => put(name, size.into()),
        Paging::Number(name, size, _) => {
            put(name, page.into());
            put("PageSize", size.into());
        }
        Paging::Offset(size) => {
            put("Offset", count.into());
            put("Limit", size.into());
        }
        Paging::OffsetText(size) => {
            put("Offset", count.to_string().into());
            put("Limit", size.to_string().into());
        }
    }
}

/// The length of the whole list, as the answer tells it: a number, or a text.
fn number(body: &Value, paging: Paging) -> Option<usize> {
    let name = match paging {
        Paging::Number(_, _, name) => name,
        Paging::Offset(_) | Paging::OffsetText(_) => "TotalCount",
        Paging::Single | Paging::Token(..) => return None,
    };
    match body.get("Response").unwrap_or(body).get(name)? {
        Value::Number(number) => usize::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn text(body: &Value, name: &str) -> Option<String> {
    let text = body.get("Response").unwrap_or(body).get(name)?.as_str()?;
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// The list at `path`.
#[must_use]
pub fn list<'a>(body: &'a Value, path: &str) -> Option<&'a Vec<Value>> {
    if path.is_empty() {
        return None;
    }
    path.split('.')
        .try_fold(body, |value, step| value.get(step))?
        .as_array()
}

fn list_mut<'a>(body: &'a mut Value, path: &str) -> Option<&'a mut Vec<Value>> {
    if path.is_empty() {
        return None;
    }
    path.split('.')
        .try_fold(body, |value, step| value.get_mut(step))?
        .as_array_mut()
}

/// Adds the items of `more` to `body`.
pub fn extend(body: &mut Value, more: &Value, path: &str) {
    let Some(more_items) = list(more, path) else {
        return;
    };
    match list_mut(body, path) {
        Some(items) => items.extend(more_items.iter().cloned()),
        // The first answer was empty, down to its list.
        None => body.clone_from(more),
    }
}

/// The whole answer as it is kept: without pages and requests, sorted, each item once, of which `keep` holds.
pub fn settle(body: &mut Value, action: &Action, keep: impl Fn(&Value) -> bool) {
    let mut count = None;
    if let Some(items) = list_mut(body, action.list) {
        items.retain(|item| keep(item));
        if !action.id.is_empty() {
            // By id, then by what else they are: some ids are no more than a port or an address.
            items.sort_by_cached_key(|item| (natural(item.get(action.id)), item.to_string()));
        }
        if !action.id.is_empty() || action.asks.len() > 1 {
            items.dedup();
        }
        count = Some(items.len());
    }
    let fields = match body.get_mut("Response") {
        Some(response) => response.as_object_mut(),
        None => body.as_object_mut(),
    };
    let Some(fields) = fields else {
        return;
    };
    fields.retain(|name, _| !OF_PAGES.contains(&name.as_str()));
    if let (Some(count), Some(total)) = (count, fields.get_mut("TotalCount")) {
        *total = match total {
            Value::String(_) => count.to_string().into(),
            _ => count.into(),
        };
    }
}

/// What an id is sorted by: numbers by their size.
fn natural(id: Option<&Value>) -> (u64, String) {
    match id {
        Some(Value::String(text)) => (0, text.clone()),
        Some(Value::Number(number)) => (number.as_u64().unwrap_or_default(), String::new()),
        Some(_) | None => (0, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{aliyun, tencent};
    use serde_json::json;

    #[test]
    fn answers_are_kept_sorted_and_without_pages() {
        let instances = &aliyun::ACTIONS[0];
        let mut body = json!({"RequestId": "r", "NextToken": "t", "TotalCount": 0,
            "Instances": {"Instance": [{"InstanceId": "b"}, {"InstanceId": "a"}, {"InstanceId": "b"}]}});
        extend(
            &mut body,
            &json!({"Instances": {"Instance": [{"InstanceId": "c"}]}}),
            instances.list,
        );
        settle(&mut body, instances, |item| item["InstanceId"] != "c");
        let expected = json!({"TotalCount": 2, "Instances": {"Instance": [{"InstanceId": "a"}, {"InstanceId": "b"}]}});
        assert_eq!(body, expected);
        let mut body =
            json!({"Response": {"RequestId": "r", "TotalCount": "7", "InstanceSet": []}});
        settle(&mut body, &tencent::ACTIONS[0], |_| true);
        assert_eq!(
            body,
            json!({"Response": {"TotalCount": "0", "InstanceSet": []}})
        );
    }
}
