//! Going through an action table: what is known decides what is asked, and what is answered tells more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use super::client::Client;
use super::error::{CallError, Failure};
use super::seed::Seeds;
use super::table::{Action, Ask, Find, Ids, Kind, When, Wire};
use super::{Provider, page};

/// All that was pulled.
#[derive(Debug, Default)]
pub struct Pulled {
    /// By product and file name.
    pub files: BTreeMap<(&'static str, String), File>,
    /// What a reader must know besides: servers that are not among the answers.
    pub notes: Vec<String>,
}

/// What became of a file.
#[derive(Debug)]
pub enum File {
    /// It was answered.
    Captured(Value),
    /// There was nothing to ask for.
    Absent(String),
    /// It could not be had: unknown.
    Failed(String),
    /// What to ask for could not be found out: unknown.
    NotTried(String),
}

/// Asks for everything that the cluster with these `seeds` touches.
///
/// # Errors
/// When the cloud does not take the key, or knows none of the servers: nothing can be had then.
pub async fn run(
    client: Arc<Client>,
    provider: Provider,
    seeds: Seeds,
) -> Result<Pulled, CallError> {
    let mut plan = Plan {
        client,
        provider,
        ids: seeds.ids,
        incomplete: seeds.incomplete,
        pulled: Pulled {
            notes: seeds.left_out,
            ..Pulled::default()
        },
    };
    for action in provider.actions() {
        plan.go(action).await?;
        if let [Ask::Batch(Kind::Instance, ..)] = action.asks {
            plan.servers(action)?;
        }
    }
    Ok(plan.pulled)
}

struct Plan {
    client: Arc<Client>,
    provider: Provider,
    ids: Ids,
    /// Kinds of which ids may be missing, and why.
    incomplete: BTreeMap<Kind, String>,
    pulled: Pulled,
}

type Call = (Option<String>, Map<String, Value>);

impl Plan {
    async fn go(&mut self, action: &'static Action) -> Result<(), CallError> {
        // Of what is only partly known, only a part is asked for and kept.
        let unsure = self.unsure(action);
        if let Some(reason) = &unsure {
            self.doubt(action, reason);
        }
        if let Some(reason) = self.unsure_finds(action) {
            self.doubt(action, &reason);
        }
        let calls = self.calls(action);
        if calls.is_empty() || (action.keyed && unsure.is_some()) {
            let file = match &unsure {
                Some(reason) => File::NotTried(reason.clone()),
                None => File::Absent("nothing that the cluster touches leads to one".to_owned()),
            };
            self.put(action, None, file);
        }
        let mut answers = Vec::with_capacity(calls.len());
        for (key, answer) in self.ask(action, calls).await {
            match answer {
                // A key that fails later leaves gaps: what was had until then stays.
                Err(error) if matches!(error.failure, Failure::Key(_)) && !self.has_any() => {
                    return Err(error);
                }
                Ok(body) => {
                    self.learn(action, &body);
                    answers.push((key, Ok(body)));
                }
                Err(error) => {
                    let reason = reason(&error, self.provider);
                    self.doubt(action, &reason);
                    answers.push((key, Err(reason)));
                }
            }
        }
        if !action.keyed && !answers.is_empty() {
            let whole = join(action, answers);
            answers = vec![(None, unsure.map_or(whole, Err))];
        }
        for (key, answer) in answers {
            let file = match answer {
                Ok(mut body) => {
                    page::settle(&mut body, action, |item| self.keeps(action, item));
                    File::Captured(body)
                }
                Err(reason) => File::Failed(reason),
            };
            self.put(action, key.as_deref(), file);
        }
        Ok(())
    }

    /// Why more may have to be asked for, or kept, than is known of.
    fn unsure(&self, action: &Action) -> Option<String> {
        let asked = action.asks.iter().filter_map(|ask| match ask {
            Ask::Once => None,
            Ask::Each(kind, _) | Ask::Batch(kind, ..) => Some(kind),
        });
        let kept = action.keep.iter().map(|(_, kind)| kind);
        let mut kinds = asked.chain(kept);
        kinds.find_map(|kind| self.incomplete.get(kind)).cloned()
    }

    /// Why more ids may count than are found.
    fn unsure_finds(&self, action: &Action) -> Option<String> {
        let mut kinds = action.finds.iter().filter_map(|find| match find.when {
            When::Known(_, kind) => Some(kind),
            _ => None,
        });
        kinds.find_map(|kind| self.incomplete.get(&kind)).cloned()
    }

    fn has_any(&self) -> bool {
        let mut files = self.pulled.files.values();
        files.any(|file| matches!(file, File::Captured(_)))
    }

    /// Notes which servers `action`'s answer lacks.
    fn servers(&mut self, action: &Action) -> Result<(), CallError> {
        let name = (action.product.name, action.file(None));
        let Some(File::Captured(body)) = self.pulled.files.get(&name) else {
            return Ok(());
        };
        let items = page::list(body, action.list).map_or(&[][..], Vec::as_slice);
        let found: BTreeSet<&str> = items
            .iter()
            .filter_map(|item| item.get(action.id)?.as_str())
            .collect();
        let servers = self.known(Kind::Instance);
        let missing = servers.iter().filter(|id| !found.contains(id.as_str()));
        let missing: Vec<&str> = missing.map(String::as_str).collect();
        let why = "not known to the cloud with this key in this region";
        if found.is_empty() {
            return Err(CallError {
                action: action.permission(),
                failure: Failure::Refused(format!("every server is {why}: {}", missing.join(", "))),
                request_id: None,
            });
        }
        let notes = missing.iter().map(|id| format!("server {id} is {why}"));
        self.pulled.notes.extend(notes);
        Ok(())
    }

    fn put(&mut self, action: &'static Action, key: Option<&str>, file: File) {
        let name = (action.product.name, action.file(key));
        self.pulled.files.insert(name, file);
    }

    fn doubt(&mut self, action: &Action, reason: &str) {
        for find in action.finds {
            let doubt = self.incomplete.entry(find.kind);
            doubt.or_insert_with(|| reason.to_owned());
        }
    }

    fn known(&self, kind: Kind) -> Vec<String> {
        self.ids.get(&kind).into_iter().flatten().cloned().collect()
    }

    fn calls(&self, action: &Action) -> Vec<Call> {
        let mut calls = Vec::new();
        for ask in action.asks {
            match ask {
                Ask::Once => calls.push((None, Map::new())),
                Ask::Each(kind, wire) => {
                    for id in self.known(*kind) {
                        let parameters = self.parameters(*wire, std::slice::from_ref(&id));
                        calls.push((Some(id), parameters));
                    }
                }
                Ask::Batch(kind, size, wire) => {
                    for ids in self.known(*kind).chunks(*size) {
                        calls.push((None, self.parameters(*wire, ids)));
                    }
                }
            }
        }
        calls
    }

    fn parameters(&self, wire: Wire, ids: &[String]) -> Map<String, Value> {
        let (name, value) = match (wire, self.provider) {
            (Wire::Pair(first, second), _) => {
                let pairs = ids.iter().filter_map(|id| id.rsplit_once('.'));
                let fields = pairs.flat_map(|(one, other)| [(first, one), (second, other)]);
                return fields
                    .map(|(name, value)| (name.to_owned(), value.into()))
                    .collect();
            }
            (Wire::Field(name) | Wire::Comma(name), _) => (name, ids.join(",").into()),
            (Wire::List(name), _) => (name, ids.into()),
            (Wire::JsonText(name), _) => (name, json!(ids).to_string().into()),
            (Wire::Filter(name), Provider::Aliyun) => {
                ("Filter", json!([{"Key": name, "Value": ids}]))
            }
            (Wire::Filter(name), Provider::Tencent) => {
                ("Filters", json!([{"Name": name, "Values": ids}]))
            }
        };
        [(name.to_owned(), value)].into_iter().collect()
    }

    /// The answers, in the order of the calls.
    async fn ask(
        &self,
        action: &'static Action,
        calls: Vec<Call>,
    ) -> Vec<(Option<String>, Result<Value, CallError>)> {
        let mut under_way = JoinSet::new();
        for (place, (key, parameters)) in calls.into_iter().enumerate() {
            let client = Arc::clone(&self.client);
            let mut parameters = parameters;
            for (name, value) in action.with {
                parameters.insert((*name).to_owned(), (*value).into());
            }
            under_way.spawn(async move {
                let answer = page::all(&client, action, &parameters).await;
                (place, key, answer)
            });
        }
        let mut answers = under_way.join_all().await;
        answers.sort_by_key(|(place, ..)| *place);
        answers
            .into_iter()
            .map(|(_, key, answer)| (key, answer))
            .collect()
    }

    fn learn(&mut self, action: &Action, body: &Value) {
        let whole = std::slice::from_ref(body);
        let items = match action.list {
            "" => whole,
            path => page::list(body, path).map_or(&[][..], Vec::as_slice),
        };
        let kept: Vec<&Value> = items
            .iter()
            .filter(|item| self.keeps(action, item))
            .collect();
        for find in action.finds {
            let mut found = Vec::new();
            for item in &kept {
                match find.when {
                    When::Known(field, kind) if !self.has(item, field, kind) => {}
                    _ => collect(item, find.at, find, &mut found),
                }
            }
            let found = found.into_iter().filter(|id| is_plain(id));
            self.ids.entry(find.kind).or_default().extend(found);
        }
    }

    fn keeps(&self, action: &Action, item: &Value) -> bool {
        action.keep.is_empty()
            || action
                .keep
                .iter()
                .any(|(field, kind)| self.has(item, field, *kind) || is_number(item, field))
    }

    /// Whether `field` of `item` holds a known id.
    fn has(&self, item: &Value, field: &str, kind: Kind) -> bool {
        let known = self.ids.get(&kind);
        word(item, field).is_some_and(|id| known.is_some_and(|ids| ids.contains(id)))
    }
}

/// The text at `field` of `item`.
fn word<'v>(item: &'v Value, field: &str) -> Option<&'v str> {
    let mut steps = field.split('.');
    let found = steps.try_fold(item, |value, step| value.get(step));
    found.and_then(Value::as_str)
}

/// Whether `field` holds a number where ids are words: whose it is, is open. The model of TKE's route tables has such a
/// `VpcId` as its example (`16548987`), their published answer an id.
fn is_number(item: &Value, field: &str) -> bool {
    let is_digits = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    word(item, field).is_some_and(is_digits)
}

/// Why a file is not there, and what would help.
fn reason(error: &CallError, provider: Provider) -> String {
    match &error.failure {
        Failure::Denied(_) => format!(
            "{error}; grant {} to the {} identity that pulls",
            error.action,
            provider.policies()
        ),
        _ => error.to_string(),
    }
}

/// The answers to all calls as one; one that failed leaves the whole unknown.
fn join(
    action: &Action,
    answers: Vec<(Option<String>, Result<Value, String>)>,
) -> Result<Value, String> {
    let mut whole: Option<Value> = None;
    for (_, answer) in answers {
        let answer = answer?;
        match &mut whole {
            None => whole = Some(answer),
            Some(whole) => page::extend(whole, &answer, action.list),
        }
    }
    Ok(whole.unwrap_or_default())
}

/// Collects the texts at `path` below `value`, through lists, where `find` counts them.
fn collect(value: &Value, path: &str, find: &Find, found: &mut Vec<String>) {
    if let Value::Array(items) = value {
        for item in items {
            collect(item, path, find, found);
        }
        return;
    }
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    if step.is_empty() {
        if let Value::String(id) = value
            && !id.is_empty()
            && !matches!(find.when, When::Begins(start) if !id.starts_with(start))
        {
            found.push(id.clone());
        }
        return;
    }
    let beside = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let counts = match find.when {
        When::Is(field, expected) if rest.is_empty() => {
            beside(field).eq_ignore_ascii_case(expected)
        }
        When::IsNot(field, other) if rest.is_empty() => !beside(field).eq_ignore_ascii_case(other),
        _ => true,
    };
    if let (Some(below), true) = (value.get(step), counts) {
        let n_before = found.len();
        collect(below, rest, find, found);
        if rest.is_empty() && !find.and.is_empty() {
            let other = value.get(find.and).unwrap_or(&Value::Null);
            for id in found.iter_mut().skip(n_before) {
                *id = format!(
                    "{id}.{}",
                    other.as_str().map_or(other.to_string(), str::to_owned)
                );
            }
        }
    }
}

/// Whether `id` can be part of a file's name.
#[must_use]
pub fn is_plain(id: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.@:".contains(letter);
    !id.is_empty() && id.len() < 128 && !id.starts_with('.') && id.chars().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::table::{find, find_when};

    #[test]
    fn ids_are_found_through_lists_where_they_count() {
        let item = json!({"NextHops": {"NextHop": [
            {"NextHopType": "Attachment", "NextHopId": "tr-1"}, {"NextHopType": "Instance", "NextHopId": "i-1"},
            {"NextHopType": "Attachment", "NextHopId": ""}]}, "Groups": ["sg-1", "sg-2"], "Cidr": "10.0.0.0/8"});
        let check = |find: Find, expected: &[&str]| {
            let mut found = Vec::new();
            collect(&item, find.at, &find, &mut found);
            assert_eq!(found, expected);
        };
        let hop = "NextHops.NextHop.NextHopId";
        let is = When::Is("NextHopType", "attachment");
        check(find_when(Kind::TransitAttachment, hop, is), &["tr-1"]);
        check(find(Kind::SecurityGroup, "Groups"), &["sg-1", "sg-2"]);
        check(
            find_when(Kind::VpcPrefixList, "Cidr", When::Begins("pl-")),
            &[],
        );
        check(
            find_when(Kind::VpcPrefixList, "Cidr", When::Begins("10.")),
            &["10.0.0.0/8"],
        );
        let table = |vpc: &str| json!({"VpcId": vpc, "RouteTableName": "cls-1"});
        assert!(is_number(&table("16548987"), "VpcId"));
        assert!(!is_number(&table("vpc-1"), "VpcId") && !is_number(&table(""), "VpcId"));
        assert!(!is_plain("../x") && !is_plain("a/b") && is_plain("lsn-1@80"));
    }
}
