//! nftables rulesets of real namespaces: they parse whole, and kube-proxy's service chains give the Service's endpoints.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::indexing_slicing, reason = "a test may panic")]
#![expect(clippy::panic, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test reads the corpus")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pathglass_sim::evidence::nft::{self, ChainHook, Data, Element, Ruleset, Table, TableFamily};
use pathglass_sim::linux::choice::{Choice, Doubt, Tri};
use pathglass_sim::linux::netfilter::nft::{base_chains, run};
use pathglass_sim::linux::netfilter::{
    AddressType, CtDirection, CtState, CtView, FibQuestion, Hook, HookContext, NatAction, Notes,
    ReversePath, RuleVerdict, Surroundings,
};
use pathglass_sim::linux::packet::{Family, Packet, Port, TcpFlags, Transport, Tuple};
use pathglass_sim::source::SourceFile;
use serde_json::Value;

fn corpus() -> Option<PathBuf> {
    let root = std::env::var("PATHGLASS_CORPUS").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"),
        PathBuf::from,
    );
    let cases = root.join("cases");
    if cases.is_dir() {
        return Some(cases);
    }
    let required = std::env::var("PATHGLASS_REQUIRE_CORPUS").is_ok_and(|value| value == "1");
    assert!(!required, "no corpus: set PATHGLASS_CORPUS to its folder");
    eprintln!(
        "SKIPPED: no corpus at {}: set PATHGLASS_CORPUS",
        root.display()
    );
    None
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, found);
        } else if path.ends_with("nft-ruleset.json") {
            found.push(path);
        }
    }
}

fn open(path: &Path) -> Ruleset {
    let file = Arc::new(SourceFile {
        name: path.display().to_string(),
        text: std::fs::read_to_string(path).unwrap(),
    });
    let parsed = nft::parse(&file);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    parsed.value
}

/// What of a table is not understood, verbatim.
fn unknown(table: &Table) -> Vec<String> {
    let rules = table.chains.iter().flat_map(|chain| &chain.rules);
    let in_rules = rules
        .filter(|rule| format!("{:?}", rule.statements).contains("Unknown("))
        .map(|rule| rule.source.text().to_owned());
    let is_unknown = |element: &&Element| matches!(element.data, Some(Data::Unknown(_)));
    let in_sets = table.sets.values().flat_map(|set| {
        let data = set.elements.list().iter().filter(is_unknown);
        let data = data.map(|element| element.source.text().to_owned());
        data.chain(set.elements.unknown().iter().cloned())
    });
    in_rules.chain(in_sets).collect()
}

#[test]
fn every_captured_ruleset_parses_whole() {
    let Some(cases) = corpus() else { return };
    let mut files = Vec::new();
    find(&cases, &mut files);
    assert!(files.len() > 1000, "only {} rulesets", files.len());
    let mut n_native = 0;
    for path in files {
        let ruleset = open(&path);
        for table in &ruleset.tables {
            let own = !matches!(table.name.as_str(), "filter" | "nat" | "mangle" | "raw");
            assert_eq!(
                !table.is_iptables_nft(),
                own,
                "{} {}",
                path.display(),
                table.name
            );
            if own {
                n_native += 1;
                assert_eq!(unknown(table), Vec::<String>::new(), "{}", path.display());
            }
        }
    }
    assert!(n_native > 20, "only {n_native} native tables");
}

#[derive(Debug)]
struct Quiet;

impl Surroundings for Quiet {
    fn address_type(&self, _: IpAddr, _: Option<&str>) -> Result<AddressType, Tri> {
        Ok(AddressType::Unicast)
    }
    fn reverse_path(&self, _: &Packet, _: &str, _: ReversePath) -> Tri {
        Tri::Yes
    }
    fn route_device(&self, _: FibQuestion<'_>) -> Result<Option<String>, Tri> {
        Ok(None)
    }
    fn device_index(&self, _: &str) -> Option<u32> {
        None
    }
    fn device_kind(&self, _: &str) -> Option<String> {
        None
    }
    fn socket(&self, _: &Packet) -> Tri {
        Tri::No
    }
}

/// Walks all choices, one after the other; nothing may be unknown.
#[derive(Default)]
struct All {
    script: Vec<usize>,
    next: usize,
    sizes: Vec<usize>,
    weight: u64,
    total: u64,
}

impl Choice for All {
    fn chance(&mut self, weights: &[u64], _: &pathglass_sim::source::Source) -> usize {
        let chosen = self.script.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        self.sizes.push(weights.len());
        self.weight *= weights[chosen];
        self.total *= weights.iter().sum::<u64>();
        chosen
    }
    fn unknown(&mut self, doubt: Doubt) -> bool {
        panic!("{doubt:?}")
    }
    fn assume(&mut self, assumption: String) {
        panic!("{assumption}")
    }
}

/// The DNAT targets of a new connection to `dst:port`, each with its chance as numerator and denominator.
fn targets(ruleset: &Ruleset, dst: IpAddr, port: u16, tcp: bool) -> BTreeMap<String, (u64, u64)> {
    let chains = base_chains(
        ruleset.native_base_chains(),
        TableFamily::Ip,
        ChainHook::Prerouting,
    );
    let src: IpAddr = "192.0.2.9".parse().unwrap();
    let (sport, dport) = (
        Port::Chosen {
            id: 0,
            low: 32768,
            high: 60999,
        },
        Port::Known(port),
    );
    let packet = Packet {
        src,
        dst,
        transport: if tcp {
            Transport::Tcp {
                sport,
                dport,
                flags: TcpFlags(TcpFlags::SYN),
            }
        } else {
            Transport::Udp { sport, dport }
        },
        length: 60,
        dont_fragment: true,
        ttl: 64,
        tos: 0,
        mark: 0,
    };
    let original = Tuple {
        protocol: packet.protocol(),
        src,
        sport,
        dst,
        dport,
    };
    let ctx = HookContext {
        hook: Hook::Prerouting,
        family: Family::V4,
        iif: Some("eth0"),
        oif: None,
        physin: None,
        physout: None,
        bridged: false,
        local_socket: false,
        source_mac: None,
        mss: None,
        notes: Notes::NONE,
        ct: Some(CtView {
            state: CtState::New,
            direction: CtDirection::Original,
            original: Some(original),
            reply: Some(original.inverted()),
            snat: false,
            dnat: false,
            seen_reply: false,
            mark: 0,
            zone: 0,
        }),
        surroundings: &Quiet,
        length_seen: None,
    };
    let mut found = BTreeMap::new();
    let mut script = Vec::new();
    loop {
        let mut choice = All {
            script: script.clone(),
            weight: 1,
            total: 1,
            ..All::default()
        };
        for chain in &chains {
            let outcome = run(ruleset, chain, &packet, &ctx, &mut choice);
            match outcome.verdict {
                RuleVerdict::Accept => {}
                RuleVerdict::Nat(NatAction::Dnat(range)) => {
                    let target =
                        format!("{}:{}", range.addresses.unwrap().0, range.ports.unwrap().0);
                    found.insert(target, (choice.weight, choice.total));
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        // The next combination of answers.
        script.resize(choice.sizes.len(), 0);
        while let Some(last) = script.pop() {
            if last + 1 < choice.sizes[script.len()] {
                script.push(last + 1);
                break;
            }
        }
        if script.is_empty() {
            return found;
        }
    }
}

fn items(path: &Path) -> Vec<Value> {
    let list: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    list["items"].as_array().unwrap().clone()
}

/// The ready endpoints of a Service's port, from its EndpointSlices.
fn endpoints(slices: &[Value], service: &Value, port: &Value) -> Vec<String> {
    let name = &service["metadata"]["name"];
    let mut all = Vec::new();
    for slice in slices.iter().filter(|slice| {
        slice["metadata"]["labels"]["kubernetes.io/service-name"] == *name
            && slice["metadata"]["namespace"] == service["metadata"]["namespace"]
    }) {
        let wanted = port["name"].as_str().unwrap_or_default();
        let ports = slice["ports"].as_array();
        let number = (ports.into_iter().flatten())
            .find(|own| own["name"].as_str().unwrap_or_default() == wanted)
            .map(|own| own["port"].as_u64().unwrap());
        let (Some(number), Some(endpoints)) = (number, slice["endpoints"].as_array()) else {
            continue;
        };
        for endpoint in endpoints
            .iter()
            .filter(|one| one["conditions"]["ready"] != false)
        {
            let address = endpoint["addresses"][0].as_str().unwrap();
            all.push(format!("{address}:{number}"));
        }
    }
    all.sort();
    all.dedup();
    all
}

#[test]
fn a_cluster_ip_leads_to_its_endpoints_with_equal_chances() {
    let Some(cases) = corpus() else { return };
    let mut n_checked = 0;
    for case in ["hostgw", "vxlan", "calico", "terway"] {
        let case = cases.join(format!("{case}-kpnft-healthy"));
        let ruleset = open(&case.join("nodes/node-2/host/nft-ruleset.json"));
        let slices = items(&case.join("kube/endpointslices.json"));
        for service in items(&case.join("kube/services.json")) {
            let Some(ip) = service["spec"]["clusterIP"]
                .as_str()
                .filter(|ip| *ip != "None")
            else {
                continue;
            };
            for port in service["spec"]["ports"].as_array().unwrap() {
                let number = u16::try_from(port["port"].as_u64().unwrap()).unwrap();
                let tcp = port["protocol"] == "TCP";
                let wanted = endpoints(&slices, &service, port);
                let found = targets(&ruleset, ip.parse().unwrap(), number, tcp);
                assert_eq!(
                    found.keys().cloned().collect::<Vec<_>>(),
                    wanted,
                    "{ip}:{number}"
                );
                let n = u64::try_from(wanted.len()).unwrap();
                for (weight, total) in found.values() {
                    assert_eq!(weight * n, *total, "{ip}:{number}");
                }
                n_checked += 1;
            }
        }
    }
    assert!(n_checked > 20, "only {n_checked} Service ports");
}

#[test]
fn every_statement_of_nft_is_understood() {
    for name in ["every-statement-1.0.6", "more-1.0.6"] {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/nft/{name}.json"));
        let ruleset = open(&path);
        for text in ruleset.tables.iter().flat_map(unknown) {
            // What these are compared to does not matter: they are not captured.
            let uncaptured = [
                "helper", "iifgroup", "priority", "time", "hour", "day", "dup",
            ];
            let is_one = |key: &str| text.contains(&format!("\"{key}\""));
            assert!(uncaptured.into_iter().any(is_one), "{text}");
        }
    }
}
