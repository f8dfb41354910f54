//! What load balancers do with clients, as tables of cases: each with the rule that it comes from.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::Arc;

use pathglass_sim::cloud::Cloud;
use pathglass_sim::cloud::balancer::{Client, Handed};
use pathglass_sim::flow::{FlowRequest, Protocol};
use pathglass_sim::source::SourceFile;
use pathglass_sim::verdict::Outcome;
use pathglass_tests::ask;
use pathglass_tests::corpus::{self, workspace};
use serde::Deserialize;
use serde_json::Value;

/// A file of cases: a region's responses, and what each case changes of them.
#[derive(Deserialize)]
struct Table {
    /// `cloud/aliyun/cn-hangzhou/`.
    folder: String,
    files: BTreeMap<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Section and number of the reference.
    rule: String,
    /// `file#pointer` and the value there; null at no pointer takes the file away.
    #[serde(default)]
    set: BTreeMap<String, Value>,
    ask: Ask,
    expect: Expect,
}

#[derive(Deserialize)]
struct Ask {
    from: String,
    to: String,
    port: u16,
    #[serde(default)]
    protocol: Protocol,
}

#[derive(Deserialize, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// `among`, `unknown`, `answers`, `not-here` or a finding's code.
    is: String,
    /// `address:port` and share.
    #[serde(default)]
    backends: BTreeMap<String, u64>,
    #[serde(default)]
    client: String,
    /// How the assumptions begin.
    #[serde(default)]
    assumes: Vec<String>,
    #[serde(default)]
    unsettled: usize,
    /// A part of the words.
    #[serde(default)]
    says: String,
}

fn changed(
    files: &BTreeMap<String, Value>,
    set: &BTreeMap<String, Value>,
) -> BTreeMap<String, Value> {
    let mut files = files.clone();
    for (place, value) in set {
        let (name, pointer) = place.split_once('#').unwrap_or((place, ""));
        if pointer.is_empty() && value.is_null() {
            files.remove(name).unwrap_or_else(|| panic!("no {name}"));
            continue;
        }
        if pointer.is_empty() {
            files.insert(name.to_owned(), value.clone());
            continue;
        }
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/").replace("~0", "~");
        let file = files.get_mut(name).unwrap_or_else(|| panic!("no {name}"));
        match file
            .pointer_mut(parent)
            .unwrap_or_else(|| panic!("no {place}"))
        {
            Value::Object(map) => {
                map.insert(key, value.clone());
            }
            Value::Array(items) => match &*key {
                "-" => items.push(value.clone()),
                key => *items.get_mut(key.parse::<usize>().unwrap()).unwrap() = value.clone(),
            },
            other => panic!("{place}: {other}"),
        }
    }
    files
}

fn decided(table: &Table, case: &Case) -> Expect {
    let files = changed(&table.files, &case.set)
        .into_iter()
        .map(|(name, body)| {
            Arc::new(SourceFile {
                name: format!("{}{name}", table.folder),
                text: serde_json::to_string_pretty(&body).unwrap(),
            })
        });
    let cloud = Cloud::read(files, &BTreeMap::new());
    let client = Client {
        address: case.ask.from.parse().unwrap(),
        asked: case.ask.to.parse().unwrap(),
        port: case.ask.port,
        protocol: case.ask.protocol,
    };
    let mut expect = Expect {
        is: "not-here".to_owned(),
        backends: BTreeMap::new(),
        client: String::new(),
        assumes: Vec::new(),
        unsettled: 0,
        says: String::new(),
    };
    let is = |expect: Expect, is: &str, says: String| Expect {
        is: is.to_owned(),
        says,
        ..expect
    };
    match cloud.regions.first().unwrap().balancers.decide(client) {
        Handed::NotHere => expect,
        Handed::Answers => is(expect, "answers", String::new()),
        Handed::Refused { code, message } => is(expect, code, message),
        Handed::Unknown(what) => is(expect, "unknown", what),
        Handed::Among {
            backends,
            client,
            assumptions,
            unsettled,
        } => {
            let ends = backends.into_iter().map(|(words, share)| {
                let end = words.split_once('(').map_or(words.as_str(), |(_, end)| end);
                (end.trim_end_matches(')').to_owned(), share)
            });
            expect.backends = ends.collect();
            expect.client = client;
            expect.assumes = assumptions;
            expect.unsettled = unsettled.len();
            is(expect, "among", String::new())
        }
    }
}

/// Whether what was decided is what the case expects; of texts, how they begin or what they hold.
fn agrees(case: &Case, decided: &Expect) -> bool {
    let expect = &case.expect;
    let assumes = expect.assumes.len() == decided.assumes.len()
        && (expect.assumes.iter().zip(&decided.assumes)).all(|(a, b)| b.contains(a.as_str()));
    expect.is == decided.is
        && expect.backends == decided.backends
        && expect.client == decided.client
        && expect.unsettled == decided.unsettled
        && assumes
        && decided.says.contains(&expect.says)
}

fn run(name: &str, at_least: usize) {
    let path = workspace().join("tests/data/cloud").join(name);
    let table: Table = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for case in &table.cases {
        assert!(!case.rule.is_empty(), "{} names no rule", case.name);
        let decided = decided(&table, case);
        if !agrees(case, &decided) {
            wrong.push(format!("{} ({}): {decided:#?}", case.name, case.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table.cases.len() >= at_least, "{} cases", table.cases.len());
}

#[test]
fn alibaba_clouds_load_balancers_decide_as_documented() {
    run("load-balancers-aliyun.json", 70);
}

#[test]
fn tencent_clouds_load_balancers_decide_as_documented() {
    run("load-balancers-tencent.json", 40);
}

/// A case of a service beside its load balancer: a capture of `tests/captures/cloud`, changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    name: String,
    rule: String,
    capture: String,
    /// `file#pointer` and the value there.
    #[serde(default)]
    set: BTreeMap<String, Value>,
    from: String,
    to: String,
    /// 80 unless told.
    port: Option<u16>,
    outcome: Outcome,
    /// The findings' codes, in their order, each once.
    findings: Vec<String>,
}

fn found(case: &Beside) -> (Outcome, Vec<String>) {
    let folder = workspace().join("tests/captures/cloud").join(&case.capture);
    let capture = corpus::Case {
        name: case.capture.clone(),
        folder,
    };
    let mut files = capture.files().unwrap();
    let names = case
        .set
        .keys()
        .map(|place| place.split_once('#').unwrap().0);
    let bodies = names.map(|name| {
        let body = serde_json::from_slice(files.get(name).unwrap()).unwrap();
        (name.to_owned(), body)
    });
    for (name, body) in changed(&bodies.collect(), &case.set) {
        files.insert(name, body.to_string().into_bytes().into());
    }
    let flow = FlowRequest {
        from: case.from.clone(),
        to: case.to.clone(),
        port: Some(case.port.unwrap_or(80)),
        ..FlowRequest::default()
    };
    let verdict = ask::diagnose(&mut ask::unsealed(&files), &flow).unwrap();
    let mut codes: Vec<String> = Vec::new();
    for finding in verdict.findings {
        if !codes.contains(&finding.code) {
            codes.push(finding.code);
        }
    }
    (verdict.outcome, codes)
}

#[test]
fn services_are_set_beside_their_load_balancers() {
    let path = workspace().join("tests/data/cloud/services.json");
    let cases: Vec<Beside> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let found = found(case);
        if found != (case.outcome, case.findings.clone()) {
            wrong.push(format!("{} ({}): {found:?}", case.name, case.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 35, "{} cases", cases.len());
}

#[test]
fn nothing_comes_in_by_the_dummy_that_has_services_addresses() {
    let folder = workspace().join("tests/captures/cloud/story-4-tencent");
    let name = "story-4-tencent".to_owned();
    let files = corpus::Case { name, folder }.files().unwrap();
    let flow = FlowRequest {
        from: "ip:203.0.113.9".to_owned(),
        to: "ip:172.21.0.80".to_owned(),
        port: Some(80),
        ..FlowRequest::default()
    };
    assert!(ask::diagnose(&mut ask::unsealed(&files), &flow).is_err());
}
