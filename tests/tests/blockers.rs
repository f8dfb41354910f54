//! Several faults along one path: the verdict names every one of them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::io::Write as _;

use pathglass_sim::flow::FlowRequest;
use pathglass_sim::verdict::{Finding, Outcome, Severity, Verdict};
use pathglass_tests::ask;
use pathglass_tests::corpus::{self, Case, Files, workspace};
use pathglass_tests::faults::{self, Fault, along, inject};
use pathglass_tests::unhashed::open;

/// Captures in which most things work, each kind of network once.
fn cases() -> Vec<Case> {
    let mut cases = vec![Case {
        name: "missing-route".to_owned(),
        folder: workspace().join("examples/missing-route"),
    }];
    if let Some(corpus) = corpus::folder() {
        let wanted = [
            "hostgw-healthy-nft",
            "vxlan-healthy-legacy",
            "calico-modern-healthy",
            "terway-healthy-nft",
        ];
        cases.extend(corpus::cases(&corpus, &wanted.map(str::to_owned)).unwrap());
    }
    cases
}

/// A flow that connects, with the faults that break it when they are alone.
struct Healthy {
    request: FlowRequest,
    faults: Vec<(Fault, Finding)>,
}

fn diagnose(files: &Files, request: &FlowRequest) -> Verdict {
    ask::diagnose(&mut open(files), request).unwrap()
}

/// What a fault alone is called: each is tried by itself first, and must then be the cause, or a warning of its own.
fn alone(files: &Files, request: &FlowRequest, fault: &Fault) -> Option<Finding> {
    let verdict = diagnose(&inject(files, &[fault]), request);
    let finding = faults::named(fault, &verdict)?;
    let breaks = verdict.outcome != Outcome::Connected || finding.severity == Severity::Warning;
    breaks.then(|| finding.clone())
}

fn healthy(files: &Files, request: &FlowRequest) -> Option<Healthy> {
    let verdict = diagnose(files, request);
    let [branch] = verdict.branches.as_slice() else {
        return None;
    };
    // Far enough to have something to break on.
    if branch.outcome != Outcome::Connected || !verdict.findings.is_empty() || branch.hops.len() < 3
    {
        return None;
    }
    let faults = along(&verdict, files).into_iter().filter_map(|fault| {
        let finding = alone(files, request, &fault)?;
        Some((fault, finding))
    });
    Some(Healthy {
        request: request.clone(),
        faults: faults.collect(),
    })
}

/// `xorshift64*` (Marsaglia, Vigna): the same faults in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(value).unwrap() % limit.max(1)
    }
}

fn is_named(finding: &Finding, verdict: &Verdict) -> bool {
    verdict.findings.iter().any(|other| {
        other.code == finding.code && other.object == finding.object && other.place == finding.place
    })
}

#[test]
fn every_one_of_up_to_four_faults_is_named() {
    let rounds: usize = std::env::var("PATHGLASS_BLOCKERS_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(12);
    let mut problems = Vec::new();
    let (mut n_tried, mut kinds) = (0, BTreeSet::new());
    for case in cases() {
        let files = case.files().unwrap();
        let flows = case.expectations().unwrap().flows;
        let requests = flows.iter().map(|flow| flow.request());
        let some: Vec<_> = requests
            .filter_map(|request| healthy(&files, &request))
            .take(if rounds > 12 { 8 } else { 3 })
            .collect();
        assert!(!some.is_empty(), "{}: no flow connects", case.name);
        for (flow_idx, healthy) in some.iter().enumerate() {
            let mut dice = Dice(0x9E37_79B9 + u64::try_from(flow_idx).unwrap());
            assert!(
                healthy.faults.len() > 8,
                "{}: {:?}",
                case.name,
                healthy.request
            );
            kinds.extend(
                healthy
                    .faults
                    .iter()
                    .map(|(_, finding)| finding.code.clone()),
            );
            for round in 0..rounds {
                let mut chosen: Vec<usize> = Vec::new();
                while chosen.len() < 1 + round % 4 {
                    let fault = dice.below(healthy.faults.len());
                    // Two small MTUs at one wire cancel each other: the sender fits its packets to the first.
                    let is_mtu = |at: &usize| {
                        let finding = healthy.faults.get(*at).map(|(_, finding)| finding);
                        finding.is_some_and(|finding| finding.code.starts_with("mtu."))
                    };
                    let cancels = is_mtu(&fault) && chosen.iter().any(is_mtu);
                    if !chosen.contains(&fault) && !cancels {
                        chosen.push(fault);
                    }
                }
                let faults: Vec<&(Fault, Finding)> = chosen
                    .iter()
                    .filter_map(|at| healthy.faults.get(*at))
                    .collect();
                let injected: Vec<&Fault> = faults.iter().map(|(fault, _)| fault).collect();
                let verdict = diagnose(&inject(&files, &injected), &healthy.request);
                n_tried += 1;
                for (fault, finding) in &faults {
                    if !is_named(finding, &verdict) {
                        let names: Vec<&str> =
                            injected.iter().map(|fault| fault.name.as_str()).collect();
                        let found: Vec<String> = verdict
                            .findings
                            .iter()
                            .map(|found| format!("{} {}", found.code, found.object))
                            .collect();
                        problems.push(format!(
                            "{} {} -> {}:\n    {} ({}) is not named among\n    {names:?};\n    found {found:?} ({:?})",
                            case.name,
                            healthy.request.from,
                            healthy.request.to,
                            fault.name,
                            finding.code,
                            verdict.outcome,
                        ));
                    }
                }
            }
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "{n_tried} worlds with up to four faults of {} kinds ({kinds:?}), {} faults not named",
        kinds.len(),
        problems.len()
    );
    assert!(kinds.len() > 6, "few kinds of fault: {kinds:?}");
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn a_routing_loop_is_named_with_the_routes_that_make_it() {
    let mut files = cases().remove(0).files().unwrap();
    // Node 2 has no route to node 1's pods and sends them to its router, which now sends them back.
    let path = "fabric/router/ip-route.json";
    let mut routes: Vec<serde_json::Value> = serde_json::from_slice(&files[path]).unwrap();
    routes.push(serde_json::json!({
        "type": "unicast", "dst": "10.244.1.0/24", "gateway": "192.0.2.12", "dev": "eth0",
        "table": "main", "protocol": "static", "scope": "global", "flags": []
    }));
    let routes = serde_json::Value::from(routes).to_string();
    files.insert(path.to_owned(), routes.into_bytes().into());
    let verdict = diagnose(
        &files,
        &FlowRequest {
            from: "pod:shop/web-2".to_owned(),
            to: "10.244.1.3".to_owned(),
            port: Some(8080),
            ..FlowRequest::default()
        },
    );
    // Of the two, the router sees the odd TTLs: it is there that the last one ends, and it knows no way back to the pod.
    assert_eq!(verdict.outcome, Outcome::Timeout, "{:?}", verdict.settle);
    let first = verdict.findings.first().unwrap();
    assert_eq!(first.code, "route.loop");
    let cited: BTreeSet<&str> = first
        .evidence
        .iter()
        .map(|cited| cited.file.as_str())
        .collect();
    let expected = BTreeSet::from([path, "nodes/node-2/host/ip-route.json"]);
    assert_eq!(cited, expected);
}

/// `ip_output()` hands POSTROUTING the device that a routed packet came in by.
#[test]
fn postrouting_sees_the_device_that_a_routed_packet_came_in_by() {
    let request = FlowRequest {
        from: "node:node-1".to_owned(),
        to: "10.244.2.3".to_owned(),
        port: Some(8080),
        ..FlowRequest::default()
    };
    let path = "nodes/node-2/host/iptables-save.txt";
    let outcome = |rule: &str| {
        let mut files = cases().remove(0).files().unwrap();
        let mut text = String::from_utf8(files[path].to_vec()).unwrap();
        text.push_str("*mangle\n:POSTROUTING ACCEPT [0:0]\n:FROM - [0:0]\n");
        text.push_str("-A POSTROUTING -j FROM\n");
        text.push_str(rule);
        text.push_str("\nCOMMIT\n");
        files.insert(path.to_owned(), text.into_bytes().into());
        diagnose(&files, &request).outcome
    };
    assert_eq!(outcome("-A FROM -i eth0 -o cni0 -j DROP"), Outcome::Timeout);
    assert_eq!(outcome("-A FROM -i eth9 -j DROP"), Outcome::Connected);
    assert_eq!(
        outcome("-A FROM ! -i eth+ ! -o eth0 -j DROP"),
        Outcome::Connected
    );
}
