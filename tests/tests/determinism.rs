//! The same question gives the same bytes: asked again, after others, and however the bytes were supplied.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use pathglass_sim::flow::{FlowRequest, Protocol};
use pathglass_sim::session::Session;
use pathglass_sim::snapshot::{ByteRange, Reader, Step, Trust};
use pathglass_sim::verdict::{Finding, Severity};
use pathglass_tests::ask;
use pathglass_tests::corpus::{self, Case, workspace};

/// The bundled example, and a few cases of the corpus where it is: each kind of network once.
fn cases() -> Vec<Case> {
    let folder = workspace().join("examples/missing-route");
    let mut cases = vec![Case {
        name: "missing-route".to_owned(),
        folder,
    }];
    let Some(corpus) = corpus::folder() else {
        assert!(
            !corpus::is_required(),
            "PATHGLASS_REQUIRE_CORPUS is set and there is no corpus"
        );
        // Straight to the stream: what a passing test prints with macros is not shown.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: the corpus is not on this machine, only the example is asked"
        );
        return cases;
    };
    let wanted = [
        "calico-route-missing",
        "hostgw-healthy-nft",
        "terway-flows",
        "vxlan-neigh-wrong-mac",
    ];
    cases.extend(corpus::cases(&corpus, &wanted.map(str::to_owned)).unwrap());
    cases
}

fn requests(case: &Case) -> Vec<FlowRequest> {
    let flows = case.expectations().unwrap().flows;
    flows.iter().map(|flow| flow.request()).collect()
}

fn answer(result: Result<pathglass_sim::verdict::Verdict, String>) -> String {
    result.map_or_else(
        |message| format!("error: {message}"),
        |verdict| ask::bytes(&verdict),
    )
}

#[test]
fn where_full_size_payload_passes_small_payload_alone_goes_the_same_way() {
    let mut n_same = 0;
    for case in cases() {
        let mut session = ask::unsealed(&case.files().unwrap());
        let plain = |flow: &FlowRequest| flow.protocol == Protocol::Tcp && flow.bytes.is_none();
        for flow in requests(&case).into_iter().filter(plain) {
            let both = ask::diagnose(&mut session, &flow).unwrap();
            let bytes = Some(100);
            let mut small = ask::diagnose(&mut session, &FlowRequest { bytes, ..flow }).unwrap();
            small.flow.request.bytes = None;
            let is_mtu = |finding: &Finding| finding.severity == Severity::Warning;
            if !both.findings.iter().any(is_mtu) {
                assert_eq!(ask::bytes(&both), ask::bytes(&small), "{}", case.name);
                n_same += 1;
            }
        }
    }
    assert!(n_same > 0);
}

#[test]
fn other_questions_before_it_change_no_byte() {
    for case in cases() {
        let files = case.files().unwrap();
        let requests = requests(&case);
        let mut session = ask::unsealed(&files);
        let forward: Vec<String> = requests
            .iter()
            .map(|flow| answer(ask::diagnose(&mut session, flow)))
            .collect();
        let mut session = ask::unsealed(&files);
        let mut backward: Vec<String> = requests
            .iter()
            .rev()
            .map(|flow| answer(ask::diagnose(&mut session, flow)))
            .collect();
        backward.reverse();
        assert!(
            forward == backward,
            "{}: the order of questions shows",
            case.name
        );
        let alone = answer(ask::diagnose(
            &mut ask::unsealed(&files),
            &requests[requests.len() / 2],
        ));
        assert!(
            alone == forward[requests.len() / 2],
            "{}: alone it differs",
            case.name
        );
    }
}

#[test]
fn asking_twice_gives_the_same_bytes() {
    for case in cases() {
        let mut session = ask::unsealed(&case.files().unwrap());
        for flow in requests(&case) {
            let first = answer(ask::diagnose(&mut session, &flow));
            assert!(
                first == answer(ask::diagnose(&mut session, &flow)),
                "{}: {flow:?}",
                case.name
            );
        }
    }
}

/// How a host may supply what is needed.
#[derive(Debug, Clone, Copy)]
enum Supply {
    InOrder,
    Backwards,
    OneByOne,
    InHalves,
}

/// Asks `flow` of a reader that starts with nothing; gives the answer and the number of rounds.
fn ask_in_parts(bytes: &Arc<[u8]>, flow: &FlowRequest, supply: Supply) -> (String, usize) {
    let mut session = Session::new(Reader::new(bytes.len() as u64, Trust::default()));
    for round in 1..10_000 {
        let mut ranges = match session.diagnose(flow) {
            Ok(Step::Done(verdict)) => return (ask::bytes(&verdict), round),
            Ok(Step::Needs(ranges)) => ranges,
            Err(error) => return (format!("error: {error}"), round),
        };
        assert!(
            !ranges.is_empty(),
            "nothing is needed, and nothing is answered"
        );
        match supply {
            Supply::InOrder => {}
            Supply::Backwards => ranges.reverse(),
            Supply::OneByOne => ranges.truncate(1),
            Supply::InHalves => ranges = ranges.into_iter().flat_map(halves).rev().collect(),
        }
        for range in ranges {
            let (start, end) = (
                usize::try_from(range.start).unwrap(),
                usize::try_from(range.end).unwrap(),
            );
            session
                .store_mut()
                .supply(range, &bytes[start..end])
                .unwrap();
        }
    }
    panic!("10,000 rounds and no answer");
}

fn halves(range: ByteRange) -> Vec<ByteRange> {
    let middle = range.start + (range.end - range.start) / 2;
    [(range.start, middle), (middle, range.end)]
        .into_iter()
        .filter(|(start, end)| start < end)
        .map(|(start, end)| ByteRange { start, end })
        .collect()
}

#[test]
fn the_order_of_supply_changes_no_byte() {
    for case in cases() {
        let bytes = ask::sealed_bytes(&case.files().unwrap()).unwrap();
        let requests = requests(&case);
        let few = requests.iter().step_by(requests.len().div_ceil(4).max(1));
        for flow in few {
            let whole = answer(ask::diagnose(&mut ask::sealed(Arc::clone(&bytes)), flow));
            for supply in [
                Supply::InOrder,
                Supply::Backwards,
                Supply::OneByOne,
                Supply::InHalves,
            ] {
                let (in_parts, rounds) = ask_in_parts(&bytes, flow, supply);
                assert!(whole == in_parts, "{}: {supply:?}: {flow:?}", case.name);
                assert!(rounds > 1, "{}: a reader with nothing answered", case.name);
            }
        }
    }
}

#[test]
fn sealing_twice_gives_the_same_file() {
    for case in cases() {
        let files = case.files().unwrap();
        let again: BTreeMap<String, Arc<[u8]>> = files
            .iter()
            .rev()
            .map(|(path, bytes)| (path.clone(), bytes.to_vec().into()))
            .collect();
        assert!(
            ask::sealed_bytes(&files).unwrap() == ask::sealed_bytes(&again).unwrap(),
            "{}",
            case.name
        );
    }
}
