//! Pruning: what may leave the cluster, by allow-list. It happens inside `seal`, on every input.
//!
//! What cannot be pruned: comments in firewall rules and names of chains and sets, which are part of what is diagnosed.

mod allow;
mod cloud;
mod config_map;
mod kube;
mod secret;
mod text;

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::index::Files;
use super::{lists, path};
use allow::Allow;
pub(crate) use allow::PROXY_ANNOTATIONS;
use kube::Resource;

/// What becomes of a file when its capture is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pruned<'a> {
    /// It stays, possibly with less in it.
    Kept(Cow<'a, [u8]>),
    /// It does not stay, for this reason.
    Dropped(&'static str),
}

const NOT_LISTED: &str = "no allow-list names this resource";
const NOT_JSON: &str = "it is not JSON, so that its secrets cannot be told from the rest";
const NOT_A_LIST: &str = "it is not a JSON list of objects, so that it cannot be pruned";
const NOT_TEXT: &str = "it is not text, so that its secrets cannot be told from the rest";
const SECRET: &str = "it holds a private key or a Secret";

/// The files of a namespace that hold no secrets, whatever is in them; files of other names are kept too, unless they
/// look like a secret (unknown files are kept and ignored, so that older engines can seal newer captures).
const EVIDENCE: &[&str] = &[
    "bpf-net.json",
    "bridge-fdb.json",
    "bridge-link.json",
    "bridge-vlan.json",
    "conntrack-count.txt",
    "ip-addr.json",
    "ip-link.json",
    "ip-neigh-proxy.json",
    "ip-neigh.json",
    "ip-nexthop.json",
    "ip-route.json",
    "ip-rule.json",
    "ip6-route.json",
    "ip6-rule.json",
    "ip6tables-legacy-save.txt",
    "ip6tables-save.txt",
    "ipset-save.txt",
    "iptables-legacy-save.txt",
    "iptables-save.txt",
    "ipvsadm-save.txt",
    "netns.json",
    "nft-ruleset.json",
    "nft-ruleset.txt",
    "nstat.json",
    "resolv.conf",
    "softnet_stat.txt",
    "tc.json",
];

/// What may leave the cluster of the file `bytes` at `path` of a capture. Pruning twice is pruning once.
#[must_use]
pub fn prune<'a>(path: &str, bytes: &'a [u8]) -> Pruned<'a> {
    if let Some(resource) =
        path::list(path).or_else(|| path::list_part(path).map(|(resource, _)| resource))
    {
        return match items(resource, bytes) {
            Ok(items) => {
                Pruned::Kept(lists::write(items.iter().map(|item| item.as_deref())).into())
            }
            Err(reason) => Pruned::Dropped(reason),
        };
    }
    if path.starts_with("kube/") {
        return Pruned::Dropped(NOT_LISTED);
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let as_text = |prune: fn(&str) -> Cow<'_, str>| match std::str::from_utf8(bytes).map(prune) {
        Ok(Cow::Borrowed(text)) => Pruned::Kept(text.as_bytes().into()),
        Ok(Cow::Owned(text)) => Pruned::Kept(text.into_bytes().into()),
        Err(_) => Pruned::Dropped(NOT_TEXT),
    };
    match (path::machine_file(path), name) {
        (_, "capture.json") => as_json(bytes, capture_states),
        (Some(_), "wg.txt") => as_text(text::wireguard),
        (Some(_), "ss.txt") => as_text(text::sockets),
        (Some(_), "sysctl.txt") => as_text(text::sysctls),
        (None, _) if path.starts_with("cloud/") => {
            as_json(bytes, |value| cloud::answer(path, value))
        }
        (Some(_), name) if EVIDENCE.contains(&name) => Pruned::Kept(bytes.into()),
        (Some(_) | None, _) if holds_secret(bytes) => Pruned::Dropped(SECRET),
        (Some(_) | None, _) => Pruned::Kept(bytes.into()),
    }
}

/// Whether sealing would take nothing away from `capture`: `serve` publishes no folder of which it would.
#[must_use]
pub fn is_pruned(capture: &Files) -> bool {
    capture
        .iter()
        .all(|(path, bytes)| match prune(path, bytes) {
            Pruned::Dropped(_) => false,
            Pruned::Kept(kept) => *kept == **bytes || is_same_json(path, &kept, bytes),
        })
}

/// Whether two JSON texts say the same; a list's envelope is not looked at.
fn is_same_json(path: &str, one: &[u8], other: &[u8]) -> bool {
    let parse = |bytes| serde_json::from_slice::<Value>(bytes).ok();
    let is_list = path.starts_with("kube/");
    match (parse(one), parse(other)) {
        (Some(one), Some(other)) if is_list => one.get("items") == other.get("items"),
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// The pruned items of a kube list, each in its place; nothing stands where an item was dropped.
pub(crate) fn items(resource: &str, bytes: &[u8]) -> Result<Vec<Option<String>>, &'static str> {
    let resource = Resource::find(resource).ok_or(NOT_LISTED)?;
    let list: lists::List<'_> = serde_json::from_slice(bytes).map_err(|_| NOT_A_LIST)?;
    let allow = Allow::of(resource.patterns());
    let prune = |item: &&serde_json::value::RawValue| {
        let item = serde_json::from_str::<Map<String, Value>>(item.get()).ok()?;
        serde_json::to_string(&object(resource, &allow, item)?).ok()
    };
    Ok(list.items.iter().map(prune).collect())
}

fn object(resource: &Resource, allow: &Allow, mut item: Map<String, Value>) -> Option<Value> {
    let is_other = |kind: &Value| kind.as_str() != Some(resource.kind);
    if !resource.kind.is_empty() && item.get("kind").is_some_and(is_other) {
        return None;
    }
    let data = item.remove("data");
    let mut pruned = match allow.prune(Value::Object(item))? {
        Value::Object(pruned) => pruned,
        _ => return None,
    };
    if resource.name == "configmaps" {
        let name = pruned.get("metadata")?.get("name")?.as_str()?.to_owned();
        let Some(Value::Object(data)) = data else {
            return None;
        };
        pruned.insert(
            "data".to_owned(),
            Value::Object(config_map::data(&name, data)?),
        );
    }
    Some(Value::Object(pruned))
}

fn as_json(bytes: &[u8], prune: impl FnOnce(Value) -> Value) -> Pruned<'_> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => {
            let mut bytes = serde_json::to_vec(&prune(value)).unwrap_or_default();
            bytes.push(b'\n');
            Pruned::Kept(bytes.into())
        }
        Err(_) => Pruned::Dropped(NOT_JSON),
    }
}

/// What stays of `capture.json`: who captured what, when, with which command, and the states.
fn capture_states(capture: Value) -> Value {
    const FIELDS: &[&str] = &[
        "captured_at",
        "captured_by",
        "captured_by.*",
        "cluster",
        "commands.*",
        "constructed",
        "finished_at",
        "kernel",
        "kubernetes",
        "node",
        "schema",
        "started_at",
        "tool",
        "version",
    ];
    const STATE: &[&str] = &["captured_at", "command", "of", "reason", "state"];
    let Value::Object(mut capture) = capture else {
        return Value::Null;
    };
    let namespaces = capture.remove("namespaces");
    let allow = Allow::of(FIELDS.iter().copied());
    let mut pruned = allow.prune(Value::Object(capture)).unwrap_or_default();
    let allow = Allow::of(STATE.iter().copied());
    if let (Value::Object(pruned), Some(Value::Object(namespaces))) = (&mut pruned, namespaces) {
        let state = |(file, state): (String, Value)| match state {
            Value::String(word) => Some((file, Value::String(word))),
            state @ Value::Object(_) => Some((file, allow.prune(state)?)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        };
        let files = |(namespace, files)| match files {
            Value::Object(files) => Some((
                namespace,
                Value::Object(files.into_iter().filter_map(state).collect()),
            )),
            _ => None,
        };
        let namespaces = namespaces.into_iter().filter_map(files).collect();
        pruned.insert("namespaces".to_owned(), Value::Object(namespaces));
    }
    pruned
}

/// Whether a file that nobody has listed is one that must not leave: a private key in PEM, or a kube Secret.
fn holds_secret(bytes: &[u8]) -> bool {
    let contains = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    contains(b"PRIVATE KEY-----")
        || (contains(b"\"Secret\"") && contains(b"\"kind\""))
        || contains(b"kind: Secret")
}

#[cfg(test)]
mod tests;
