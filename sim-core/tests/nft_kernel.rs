//! Rules whose counters a real kernel has moved: each match must hold here as it held there.
//!
//! Each fixture is the listing of a namespace after exactly one packet had come in from 10.9.0.1 by `eth0`; every rule is
//! a match followed by a counter, so a counter of 1 says that it matched.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::indexing_slicing, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test reads its fixtures")]

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use pathglass_sim::evidence::mac::Mac;
use pathglass_sim::evidence::nft::{self, ChainHook};
use pathglass_sim::linux::choice::{Choice, Doubt, Tri};
use pathglass_sim::linux::netfilter::nft::run;
use pathglass_sim::linux::netfilter::{
    AddressType, CtDirection, CtState, CtView, FibQuestion, Hook, HookContext, Notes, ReversePath,
    RuleVerdict, Surroundings,
};
use pathglass_sim::linux::packet::{Family, Packet, Port, TcpFlags, Transport, Tuple};
use pathglass_sim::source::{Source, SourceFile};
use serde_json::{Value, json};

/// The receiving namespace: `eth0` with 10.9.0.2/24.
#[derive(Debug)]
struct Receiver;

impl Surroundings for Receiver {
    fn address_type(&self, address: IpAddr, _: Option<&str>) -> Result<AddressType, Tri> {
        Ok(if address.to_string() == "10.9.0.2" {
            AddressType::Local
        } else {
            AddressType::Unicast
        })
    }
    fn reverse_path(&self, _: &Packet, _: &str, _: ReversePath) -> Tri {
        Tri::Yes
    }
    fn route_device(&self, asked: FibQuestion<'_>) -> Result<Option<String>, Tri> {
        let is_own = asked.to.to_string() == "10.9.0.2";
        Ok((!is_own).then(|| "eth0".into()))
    }
    fn device_index(&self, _: &str) -> Option<u32> {
        Some(2)
    }
    fn device_kind(&self, _: &str) -> Option<String> {
        Some("veth".into())
    }
    fn socket(&self, _: &Packet) -> Tri {
        Tri::No
    }
}

/// Counts what could not be decided.
#[derive(Default)]
struct Decided {
    doubts: Vec<String>,
}

impl Choice for Decided {
    fn chance(&mut self, _: &[u64], _: &Source) -> usize {
        0
    }
    fn unknown(&mut self, doubt: Doubt) -> bool {
        self.doubts.push(doubt.what);
        false
    }
    fn assume(&mut self, _: String) {}
}

/// Each rule of the fixture, alone in its chain and with its counter turned into a drop, and whether it matched.
fn probes(text: &str) -> Vec<(Value, String, bool)> {
    let listing: Value = serde_json::from_str(text).unwrap();
    let items = listing["nftables"].as_array().unwrap();
    let others = items.iter().filter(|item| item.get("rule").is_none());
    let others: Vec<Value> = others.cloned().collect();
    let rules = items.iter().filter(|item| item.get("rule").is_some());
    rules
        .map(|item| {
            let mut item = item.clone();
            let mut packets = 0;
            for statement in item["rule"]["expr"].as_array_mut().unwrap() {
                if let Some(counter) = statement.get("counter") {
                    packets = counter["packets"].as_u64().unwrap();
                    *statement = json!({"drop": null});
                }
            }
            let chain = item["rule"]["chain"].as_str().unwrap().to_owned();
            let items: Vec<Value> = others.iter().cloned().chain([item]).collect();
            (json!({"nftables": items}), chain, packets == 1)
        })
        .collect()
}

fn check(name: &str, transport: &Transport, length: u32) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("tests/fixtures/nft/kernel-{name}.json"));
    let packet = Packet {
        src: "10.9.0.1".parse().unwrap(),
        dst: "10.9.0.2".parse().unwrap(),
        transport: transport.clone(),
        length,
        dont_fragment: true,
        ttl: 64,
        tos: 0,
        mark: 0,
    };
    let id = match transport {
        Transport::Icmp { id, .. } => Some(*id),
        _ => None,
    };
    let original = Tuple {
        protocol: packet.protocol(),
        src: packet.src,
        sport: packet.sport().or(id).unwrap(),
        dst: packet.dst,
        dport: packet.dport().or(id).unwrap(),
    };
    let ct = CtView {
        state: CtState::New,
        direction: CtDirection::Original,
        original: Some(original),
        reply: Some(original.inverted()),
        snat: false,
        dnat: false,
        seen_reply: false,
        mark: 0,
        zone: 0,
    };
    let mut undecided = Vec::new();
    let mut n_rules = 0;
    for (listing, chain, matched) in probes(&std::fs::read_to_string(path).unwrap()) {
        let file = Arc::new(SourceFile {
            name: "nft-ruleset.json".into(),
            text: listing.to_string(),
        });
        let parsed = nft::parse(&file);
        assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
        let table = &parsed.value.tables[0];
        let chain = table.chain(&chain).unwrap();
        let base = chain.base.as_ref().unwrap();
        let ctx = HookContext {
            hook: match base.hook {
                ChainHook::Input => Hook::Input,
                _ => Hook::Prerouting,
            },
            family: Family::V4,
            iif: Some("eth0"),
            oif: None,
            physin: None,
            physout: None,
            bridged: false,
            local_socket: false,
            source_mac: Some(Mac([2, 0, 0, 0, 0, 1])),
            mss: None,
            notes: Notes::NONE,
            ct: (base.priority > -200).then(|| ct.clone()),
            surroundings: &Receiver,
            length_seen: None,
        };
        let mut choice = Decided::default();
        let outcome = run(&parsed.value, chain, &packet, &ctx, &mut choice);
        n_rules += 1;
        let text = chain.rules[0].source.text();
        if choice.doubts.is_empty() {
            let dropped = outcome.verdict == RuleVerdict::Drop;
            assert_eq!(dropped, matched, "{name}: {text}: {:?}", outcome.verdict);
        } else {
            undecided.push((text.to_owned(), choice.doubts));
        }
    }
    assert!(n_rules > 150, "only {n_rules} rules");
    // Of an echo request, `th dport` is the checksum.
    let may_be_open = ["\"status\"", "\"tcp option\"", "\"th\",\"field\":\"dport\""];
    for (text, doubts) in undecided {
        assert!(
            may_be_open.iter().any(|key| text.contains(key)),
            "{text}: {doubts:?}"
        );
    }
}

#[test]
fn matches_hold_for_a_udp_packet_as_in_the_kernel() {
    let (sport, dport) = (Port::Known(40000), Port::Known(5000));
    check("udp", &Transport::Udp { sport, dport }, 38);
}

#[test]
fn matches_hold_for_a_syn_as_in_the_kernel() {
    let flags = TcpFlags(TcpFlags::SYN);
    let (sport, dport) = (Port::Known(40000), Port::Known(5000));
    check(
        "tcp",
        &Transport::Tcp {
            sport,
            dport,
            flags,
        },
        60,
    );
}

#[test]
fn matches_hold_for_an_echo_request_as_in_the_kernel() {
    let id = Port::Known(77);
    check(
        "icmp",
        &Transport::Icmp {
            kind: 8,
            code: 0,
            id,
        },
        38,
    );
}
