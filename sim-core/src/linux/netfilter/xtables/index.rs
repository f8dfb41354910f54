//! Finds the rules of a long chain that a packet could match, in their order.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use crate::evidence::xtables::{
    AddressMask, Chain, InterfacePattern, Match, PortRange, Rule, Term,
};
use crate::linux::packet::{Packet, Port};

/// Chains with fewer rules are simply read.
const WORTH_IT: usize = 12;

/// The rules of a chain by what they ask for exactly; each rule stands in one list only.
#[derive(Debug, Clone, Default)]
pub(super) struct ChainIndex {
    keyed: Option<Box<Keyed>>,
}

#[derive(Debug, Clone, Default)]
struct Keyed {
    dst: BTreeMap<IpAddr, Vec<u32>>,
    dport: BTreeMap<u16, Vec<u32>>,
    iif: BTreeMap<Arc<str>, Vec<u32>>,
    oif: BTreeMap<Arc<str>, Vec<u32>>,
    src: BTreeMap<IpAddr, Vec<u32>>,
    others: Vec<u32>,
}

/// Places of rules that may match, in order.
#[derive(Debug)]
pub(super) enum Candidates<'i> {
    All(Range<usize>),
    Keyed([&'i [u32]; 6]),
}

impl ChainIndex {
    pub(super) fn new(chain: &Chain) -> Self {
        if chain.rules.len() < WORTH_IT {
            return Self::default();
        }
        let mut keyed = Keyed::default();
        for (place, rule) in (0u32..).zip(&chain.rules) {
            keyed.list_for(rule).push(place);
        }
        Self {
            keyed: Some(Box::new(keyed)),
        }
    }

    /// The rules that are not certain not to match, by the field that they are listed under.
    pub(super) fn candidates<'i>(
        &'i self,
        chain: &Chain,
        packet: &Packet,
        iif: Option<&str>,
        oif: Option<&str>,
    ) -> Candidates<'i> {
        let Some(keyed) = &self.keyed else {
            return Candidates::All(0..chain.rules.len());
        };
        let by_port = match packet.dport() {
            Some(Port::Known(port)) => list(&keyed.dport, &port),
            // A port still to be chosen could be any of them.
            Some(Port::Chosen { .. }) if !keyed.dport.is_empty() => {
                return Candidates::All(0..chain.rules.len());
            }
            Some(Port::Chosen { .. }) | None => &[],
        };
        Candidates::Keyed([
            list(&keyed.dst, &packet.dst),
            by_port,
            list(&keyed.iif, iif.unwrap_or_default()),
            list(&keyed.oif, oif.unwrap_or_default()),
            list(&keyed.src, &packet.src),
            &keyed.others,
        ])
    }
}

fn list<'i, K, Q>(map: &'i BTreeMap<K, Vec<u32>>, key: &Q) -> &'i [u32]
where
    K: std::borrow::Borrow<Q> + Ord,
    Q: Ord + ?Sized,
{
    map.get(key).map_or(&[], Vec::as_slice)
}

impl Keyed {
    fn list_for(&mut self, rule: &Rule) -> &mut Vec<u32> {
        let header = &rule.header;
        if let Some(address) = exact_address(header.dst.as_ref()) {
            return self.dst.entry(address).or_default();
        }
        if let Some(port) = rule.matches.iter().find_map(exact_port) {
            return self.dport.entry(port).or_default();
        }
        if let Some(name) = exact_device(header.iif.as_ref()) {
            return self.iif.entry(name).or_default();
        }
        if let Some(name) = exact_device(header.oif.as_ref()) {
            return self.oif.entry(name).or_default();
        }
        if let Some(address) = exact_address(header.src.as_ref()) {
            return self.src.entry(address).or_default();
        }
        &mut self.others
    }
}

fn exact_address(term: Option<&Term<AddressMask>>) -> Option<IpAddr> {
    let term = term.filter(|term| !term.negated)?;
    term.value.exact()
}

fn exact_device(term: Option<&Term<InterfacePattern>>) -> Option<Arc<str>> {
    let term = term.filter(|term| !term.negated && !term.value.prefix)?;
    Some(Arc::clone(&term.value.name))
}

/// The one destination port that a rule asks for; packets without ports never match it either.
fn exact_port(item: &Match) -> Option<u16> {
    let dport = match item {
        Match::Tcp(tcp) => tcp.dport,
        Match::Udp(ports) => ports.dport,
        Match::Sctp(sctp) => sctp.dport,
        _ => None,
    };
    match dport? {
        Term {
            negated: false,
            value: PortRange { low, high },
        } if low == high => Some(low),
        _ => None,
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::All(range) => range.next(),
            Self::Keyed(lists) => {
                let nearest = (lists.iter_mut())
                    .filter(|list| !list.is_empty())
                    .min_by_key(|list| list.first().copied())?;
                let (first, rest) = nearest.split_first()?;
                let first = usize::try_from(*first).ok()?;
                *nearest = rest;
                Some(first)
            }
        }
    }
}
