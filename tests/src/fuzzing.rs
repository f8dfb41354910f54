//! What the fuzz targets call, shared with the test that replays what they found.
//!
//! Each entry must come back, whatever the bytes: no panic, no hang, no memory that grows beyond its input.

// Named in full, for the fuzzers include this file from elsewhere.
#[path = "fuzzing/pieces.rs"]
mod pieces;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use pathglass_sim::evidence;
use pathglass_sim::flow::{FlowRequest, Protocol};
use pathglass_sim::session::Session;
use pathglass_sim::snapshot::{ByteRange, Reader, Step, Trust};
use serde_json::Value;

use crate::unhashed::open;
use pieces::{LINES, OBJECTS, TEXTS, WORDS};

/// A capture's files by their path in it.
pub type Files = BTreeMap<String, Arc<[u8]>>;

/// The captured files that have a parser each, as a capture names them.
pub const PARSED: &[&str] = &[
    "capture.json",
    "cloud/aliyun/region/ecs/DescribeInstances.json",
    "kube/configmaps.json",
    "kube/daemonsets.json",
    "kube/endpoints.json",
    "kube/endpointslices.json",
    "kube/ingresses.json",
    "kube/namespaces.json",
    "kube/networkpolicies.json",
    "kube/nodes.json",
    "kube/pods.json",
    "kube/services.json",
    "nodes/n/host/bpf-net.json",
    "nodes/n/host/bridge-fdb.json",
    "nodes/n/host/bridge-link.json",
    "nodes/n/host/bridge-vlan.json",
    "nodes/n/host/conntrack-count.txt",
    "nodes/n/host/ip-addr.json",
    "nodes/n/host/ip-link.json",
    "nodes/n/host/ip-neigh.json",
    "nodes/n/host/ip-nexthop.json",
    "nodes/n/host/ip-route.json",
    "nodes/n/host/ip-rule.json",
    "nodes/n/host/ip6-route.json",
    "nodes/n/host/ip6-rule.json",
    "nodes/n/host/ip6tables-save.txt",
    "nodes/n/host/ipset-save.txt",
    "nodes/n/host/iptables-save.txt",
    "nodes/n/host/ipvsadm-save.txt",
    "nodes/n/host/netns.json",
    "nodes/n/host/nft-ruleset.json",
    "nodes/n/host/nstat.json",
    "nodes/n/host/resolv.conf",
    "nodes/n/host/softnet_stat.txt",
    "nodes/n/host/ss.txt",
    "nodes/n/host/sysctl.txt",
    "nodes/n/host/tc.json",
    "nodes/n/host/wg.txt",
];

/// As [`parser`], of the file that the first byte names; with `only`, of nothing but that file's parser.
pub fn parser_of(bytes: &[u8], only: Option<&str>) {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let named = PARSED.get(usize::from(*first) % PARSED.len());
    let wanted = only.and_then(|only| PARSED.iter().find(|path| path.ends_with(only)));
    parser(wanted.or(named).copied().unwrap_or_default(), rest);
}

/// The files of a capture's folder.
///
/// # Errors
/// When one cannot be read.
pub fn read(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap_or(&path);
            let name = name.to_string_lossy().into_owned();
            files.insert(name, std::fs::read(&path)?.into());
        }
    }
    files.remove("expectations.json");
    Ok(files)
}

/// The parser of `path` on `bytes`, and the world's own reading of it.
pub fn parser(path: &str, bytes: &[u8]) {
    let file = evidence::source_file(path, bytes).value;
    let _ = evidence::check(&file);
    let files = Files::from([(path.to_owned(), Arc::from(bytes))]);
    let _ = open(&files).objects();
    if path.starts_with("nodes/") {
        let mut session = open(&with_a_client(files));
        ask(
            &mut session,
            "node:n",
            "192.0.2.9",
            Some(80),
            Protocol::Tcp,
            None,
        );
    }
}

/// What `node:n` means, for a capture of one file.
fn with_a_client(mut files: Files) -> Files {
    let nodes = r#"{"items": [{"metadata": {"name": "n"}, "status": {"addresses": [{"address": "192.0.2.1"}]}}]}"#;
    let states = PARSED
        .iter()
        .filter_map(|path| path.strip_prefix("nodes/n/host/"))
        .map(|name| format!("\"{name}\": \"absent\""));
    let states: Vec<String> = states.collect();
    let capture = format!(
        r#"{{"schema": "pathglass.capture/1", "namespaces": {{"nodes/n/host": {{{}}}}}}}"#,
        states.join(", ")
    );
    files.insert("kube/nodes.json".to_owned(), nodes.as_bytes().into());
    files.insert("capture.json".to_owned(), capture.into_bytes().into());
    files
}

/// Opening, listing and asking whatever calls itself a snapshot, whole and in parts.
pub fn snapshot(bytes: &[u8]) {
    let mut whole = Session::new(Reader::from_bytes(bytes, Trust::default()));
    let objects = whole.objects();
    ask(
        &mut whole,
        "node:n",
        "192.0.2.9",
        Some(80),
        Protocol::Tcp,
        None,
    );
    let mut session = Session::new(Reader::new(bytes.len() as u64, Trust::default()));
    // Each round supplies what is missing: there are not more rounds than bytes.
    for _ in 0..bytes.len().saturating_add(8) {
        match session.objects() {
            Ok(Step::Needs(ranges)) => {
                if !supply(session.store_mut(), &ranges, bytes) {
                    return;
                }
            }
            in_parts => {
                assert_eq!(
                    in_parts.is_ok(),
                    objects.is_ok(),
                    "whole and in parts differ"
                );
                return;
            }
        }
    }
    assert!(bytes.is_empty(), "a reader that is never satisfied");
}

fn supply(reader: &mut Reader, ranges: &[ByteRange], bytes: &[u8]) -> bool {
    ranges.iter().all(|range| {
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let part = bytes.get(at(range.start)..at(range.end));
        part.is_some_and(|part| reader.supply(*range, part).is_ok())
    })
}

/// Questions to a world that is `base` with mutations, all of it decided by `bytes`.
pub fn walk(base: &Files, bytes: &[u8]) {
    let mut script = Script { bytes, at: 0 };
    let mut files = base.clone();
    let n_flows = 1 + script.below(4);
    let flows: Vec<_> = (0..n_flows).map(|_| flow(&mut script)).collect();
    while !script.is_at_end() {
        mutate(&mut files, &mut script);
    }
    let mut session = open(&files);
    for (from, to, port, protocol, bytes) in flows {
        ask(&mut session, from, to, Some(port), protocol, bytes);
    }
}

fn ask<S: pathglass_sim::snapshot::Store>(
    session: &mut Session<S>,
    from: &str,
    to: &str,
    port: Option<u16>,
    protocol: Protocol,
    bytes: Option<u32>,
) {
    let answer = session.diagnose(&FlowRequest {
        from: from.to_owned(),
        to: to.to_owned(),
        port: port.filter(|_| protocol != Protocol::Icmp),
        protocol,
        bytes,
        strict: false,
    });
    if let Ok(Step::Done(verdict)) = answer {
        let uncited = verdict
            .findings
            .iter()
            .find(|finding| finding.evidence.is_empty());
        assert!(uncited.is_none(), "a finding cites nothing: {uncited:?}");
        assert!(
            serde_json::to_string(&verdict).is_ok_and(|json| json == verdict.to_json()),
            "a verdict has one JSON"
        );
    }
}

/// Decisions out of bytes; zeros where they end.
struct Script<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Script<'_> {
    fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn next(&mut self) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte)
    }

    fn below(&mut self, limit: usize) -> usize {
        let value = if limit > 256 {
            self.next() << 8 | self.next()
        } else {
            self.next()
        };
        value % limit.max(1)
    }

    fn pick<T: Copy, const N: usize>(&mut self, first: T, others: [T; N]) -> T {
        match self.below(N + 1) {
            0 => first,
            chosen => others.get(chosen - 1).copied().unwrap_or(first),
        }
    }

    fn one_of<'t, T: ?Sized>(&mut self, choices: &[&'t T], otherwise: &'t T) -> &'t T {
        let chosen = self.below(choices.len());
        choices.get(chosen).copied().unwrap_or(otherwise)
    }
}

/// Who the worlds' flows are between; some are in none.
const ENDS: &[&str] = &[
    "pod:shop/client",
    "pod:shop/web-1",
    "pod:shop/web-2",
    "node:node-1",
    "node:node-2",
    "service:shop/web",
    "10.99.0.1",
    "203.0.113.10",
    "198.51.100.7",
    "127.0.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "fd00::1",
    "::1",
];

fn flow(script: &mut Script<'_>) -> (&'static str, &'static str, u16, Protocol, Option<u32>) {
    let protocols = [Protocol::Udp, Protocol::Sctp, Protocol::Icmp];
    let sizes = [Some(0), Some(1400), Some(65_000), Some(u32::MAX)];
    let from = script.below(ENDS.len().min(5));
    (
        ENDS.get(from).copied().unwrap_or_default(),
        script.one_of(ENDS, "::"),
        script.pick(80, [8080, 53, 443, 1, 65535]),
        script.pick(Protocol::Tcp, protocols),
        script.pick(None, sizes),
    )
}

/// One change to one file.
fn mutate(files: &mut Files, script: &mut Script<'_>) {
    let paths: Vec<String> = files.keys().cloned().collect();
    let Some(path) = paths.get(script.below(paths.len())) else {
        return;
    };
    let bytes = files.get(path).cloned().unwrap_or_else(|| Arc::from([]));
    let is_json = path.ends_with(".json");
    let kind = script.below(10);
    let changed: Vec<u8> = match kind {
        0 => {
            files.remove(path);
            return;
        }
        1 => {
            let keep = bytes.len() * script.below(256) / 256;
            bytes.get(..keep).unwrap_or_default().to_vec()
        }
        2 => {
            let other = paths.get(script.below(paths.len()));
            let other = other.and_then(|other| files.get(other));
            other.map(|other| other.to_vec()).unwrap_or_default()
        }
        3 => {
            let mut raw = bytes.to_vec();
            let at = script.below(raw.len());
            if let Some(byte) = raw.get_mut(at) {
                *byte = u8::try_from(script.next()).unwrap_or(0);
            }
            raw
        }
        4 => {
            // A file that the capture may not have.
            let name = script.one_of(PARSED, "ss.txt").rsplit('/').next();
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let path = format!("{folder}/{}", name.unwrap_or_default());
            let line = script.one_of(TEXTS, "");
            files.insert(path, line.as_bytes().into());
            return;
        }
        _ if is_json => mutate_json(&bytes, script),
        _ => mutate_text(&bytes, script),
    };
    files.insert(path.clone(), changed.into());
}

fn mutate_json(bytes: &[u8], script: &mut Script<'_>) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else {
        return bytes.to_vec();
    };
    let n_nodes = count(&value);
    let mut target = script.below(n_nodes);
    change(&mut value, &mut target, script);
    value.to_string().into_bytes()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Changes the node that is `target` places further in the document; whether it was met.
fn change(value: &mut Value, target: &mut usize, script: &mut Script<'_>) -> bool {
    if *target == 0 {
        change_here(value, script);
        return true;
    }
    *target -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| change(item, target, script)),
        Value::Object(fields) => {
            let mut fields = fields.iter_mut();
            fields.any(|(_, field)| change(field, target, script))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn change_here(value: &mut Value, script: &mut Script<'_>) {
    match value {
        Value::Array(items) if !items.is_empty() && script.below(2) == 0 => {
            let (a, b) = (script.below(items.len()), script.below(items.len()));
            match script.below(3) {
                0 => {
                    items.remove(a);
                }
                1 => items.swap(a, b),
                _ => items.extend(items.get(a).cloned()),
            }
        }
        Value::Object(fields) if !fields.is_empty() && script.below(2) == 0 => {
            let at = script.below(fields.len());
            let key = fields.keys().nth(at).cloned();
            key.and_then(|key| fields.remove(&key));
        }
        Value::Number(_) => *value = number(script),
        Value::String(_) => {
            *value = Value::from(script.one_of(WORDS, ""));
        }
        Value::Bool(set) => *set = !*set,
        Value::Null | Value::Array(_) | Value::Object(_) => {
            *value = match script.below(5) {
                0 => Value::Null,
                1 => Value::from(""),
                2 => number(script),
                3 => Value::from(Vec::<Value>::new()),
                _ => serde_json::from_str(script.one_of(OBJECTS, "null")).unwrap_or_default(),
            };
        }
    }
}

fn number(script: &mut Script<'_>) -> Value {
    let small = i64::try_from(script.next()).unwrap_or(0);
    match script.below(6) {
        0 => Value::from(u64::MAX),
        1 => Value::from(u64::from(u32::MAX)),
        2 => Value::from(-small),
        3 => Value::from(65_535),
        _ => Value::from(small),
    }
}

fn mutate_text(bytes: &[u8], script: &mut Script<'_>) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<&str> = text.lines().collect();
    let (a, b) = (script.below(lines.len()), script.below(lines.len()));
    match script.below(5) {
        0 if !lines.is_empty() => {
            lines.remove(a);
        }
        1 if !lines.is_empty() => lines.swap(a, b),
        2 if !lines.is_empty() => {
            let line = lines.get(a).copied().unwrap_or_default();
            lines.insert(b, line);
        }
        _ => lines.insert(a, script.one_of(LINES, "")),
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_named_here_has_a_parser() {
        for path in PARSED {
            let file = evidence::source_file(path, b"").value;
            assert!(evidence::check(&file).is_some(), "{path}");
        }
    }
}
