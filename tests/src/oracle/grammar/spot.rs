//! Places on the way of packets, where rules are put.

use std::net::IpAddr;

use super::topology::Pod;
use crate::oracle::draft::Draft;
use crate::oracle::spec::Tool;

/// A place on the way of packets to or from a pod, and the chain that they meet there.
#[derive(Debug, Clone)]
pub struct Spot {
    /// The place.
    pub place: String,
    /// The chain, in upper case as iptables has it.
    pub chain: &'static str,
    /// The pod.
    pub pod: Pod,
    /// Packets from the pod; else packets to it.
    pub from: bool,
    /// IPv6.
    pub v6: bool,
}

impl Spot {
    /// Draws one.
    pub fn draw(draft: &mut Draft) -> Self {
        let pods = draft.topology.pods.clone();
        let pod = draft.pick(&pods);
        let node = draft.topology.node_of(&pod).place.clone();
        let (place, chain, from) = match draft.rng.u32(0..8) {
            0 => (pod.place.clone(), "INPUT", false),
            1 => (pod.place.clone(), "OUTPUT", true),
            2 | 3 => (node, "FORWARD", false),
            4 => (node, "FORWARD", true),
            5 => (node, "OUTPUT", false),
            6 => (node, "INPUT", true),
            _ => {
                let clients = draft.topology.clients();
                (draft.pick(&clients), "OUTPUT", false)
            }
        };
        Self {
            place,
            chain,
            pod,
            from,
            v6: draft.chance(45),
        }
    }

    /// The pod's address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.pod.ip(self.v6)
    }

    /// Its address as an iptables condition.
    #[must_use]
    pub fn condition(&self) -> String {
        format!("{} {}", if self.from { "-s" } else { "-d" }, self.ip())
    }

    /// Its address as an nft condition.
    #[must_use]
    pub fn nft_condition(&self) -> String {
        format!("{} {}", self.nft_key(), self.ip())
    }

    /// The field that holds its address, for nft.
    #[must_use]
    pub fn nft_key(&self) -> String {
        let family = self.nft_family();
        format!("{family} {}", if self.from { "saddr" } else { "daddr" })
    }

    /// nft's name of the family.
    #[must_use]
    pub fn nft_family(&self) -> &'static str {
        if self.v6 { "ip6" } else { "ip" }
    }

    /// nft's name of the addresses' type.
    #[must_use]
    pub fn nft_type(&self) -> &'static str {
        if self.v6 { "ipv6_addr" } else { "ipv4_addr" }
    }

    /// The chain that packets meet before this one, where they come in or are made.
    #[must_use]
    pub fn first_chain(&self) -> &'static str {
        if self.chain == "OUTPUT" {
            "OUTPUT"
        } else {
            "PREROUTING"
        }
    }

    /// A whole prefix around its address.
    #[must_use]
    pub fn block(&self, draft: &Draft) -> String {
        draft.topology.node_of(&self.pod).block(self.v6)
    }
}

/// Whether the filter tables of a place are those of the old back end: of two at one priority, no capture shows which runs
/// first.
pub fn is_legacy(draft: &Draft, place: &str) -> bool {
    let sum = place.bytes().fold(draft.spec.seed, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    sum.is_multiple_of(6)
}

/// Adds rules where `spot` is, with the back end of the place.
pub fn put(draft: &mut Draft, feature: &str, spot: &Spot, table: &str, rules: &str) {
    put_at(draft, feature, &spot.place, spot.v6, table, rules);
}

/// Adds rules with the back end of the place.
pub fn put_at(draft: &mut Draft, feature: &str, at: &str, v6: bool, table: &str, rules: &str) {
    let rules = match table {
        "filter" | "mangle" if v6 => sparing(rules),
        _ => rules.to_owned(),
    };
    if table != "filter" || !is_legacy(draft, at) {
        draft.iptables(feature, at, v6, table, &rules);
        return;
    }
    let tool = if v6 {
        Tool::Ip6tablesLegacy
    } else {
        Tool::IptablesLegacy
    };
    let text = format!("*{table}\n{}\nCOMMIT\n", rules.trim_end());
    draft.run(feature, at, tool, text);
}

/// Lets neighbour discovery pass first, as administrators do: who knows whom is otherwise a matter of the flows before.
fn sparing(rules: &str) -> String {
    let (declared, rules): (Vec<&str>, Vec<&str>) =
        rules.lines().partition(|line| line.starts_with(':'));
    let mut text: String = declared.iter().map(|line| format!("{line}\n")).collect();
    for chain in ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] {
        let start = format!("-A {chain} ");
        if rules.iter().any(|rule| rule.starts_with(&start)) {
            for kind in ["neighbour-solicitation", "neighbour-advertisement"] {
                text +=
                    &format!("-A {chain} -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j ACCEPT\n");
            }
        }
    }
    text + &rules.join("\n")
}
