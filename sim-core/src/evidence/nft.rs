//! `nft -j list ruleset`: tables, chains, rules, sets and the other objects of nf_tables (libnftables-json(5)).

mod constant;
mod datatype;
mod elements;
mod expression;
mod iptables;
mod item;
mod priority;
mod set;
mod statement;
mod symbol;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use datatype::{DataType, device, ether};
pub use elements::{Data, Element, Elements, Interval};
pub use expression::{
    Base, BinaryOperator, CtKey, Expression, Fib, FibResult, Field, MetaKey, PortOwner,
};
pub use statement::{Limit, MatchOperator, Nat, NatFlags, NatKind, RejectKind, Statement, Verdict};

use serde::de::DeserializeSeed;
use serde_json::value::RawValue;

use crate::linux::packet::Family;
use crate::source::{Parsed, Position, Source, SourceFile};

/// Everything that one namespace's nf_tables hold, in the order of the listing.
#[derive(Debug, Clone, Default)]
pub struct Ruleset {
    /// The version of the `nft` that printed it.
    pub version: Option<String>,
    /// The tables.
    pub tables: Vec<Table>,
}

/// The address family of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableFamily {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Both.
    Inet,
    /// ARP.
    Arp,
    /// Bridged frames.
    Bridge,
    /// One device's ingress or egress.
    Netdev,
}

impl TableFamily {
    /// The name that nft gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
            Self::Arp => "arp",
            Self::Bridge => "bridge",
            Self::Netdev => "netdev",
        }
    }
}

/// A table with all that it holds.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its family.
    pub family: TableFamily,
    /// Its name.
    pub name: String,
    /// The namespace's tables are numbered as they are made.
    pub handle: Option<u64>,
    /// Its chains are not hooked in; `None` where nft printed the flags wrongly (1.0.6 does).
    pub dormant: Option<bool>,
    /// Its chains, in the order of the listing.
    pub chains: Vec<Chain>,
    /// Its sets and maps, by name.
    pub sets: BTreeMap<String, Set>,
    /// Its other named objects, by kind (e.g. `limit`) and name.
    pub objects: BTreeMap<(String, String), Object>,
    by_name: BTreeMap<String, usize>,
    /// Where it stands.
    pub source: Source,
}

/// A chain and its rules.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The table's family.
    pub family: TableFamily,
    /// The table's name.
    pub table: String,
    /// Its name.
    pub name: String,
    /// A table's items are numbered as they are made.
    pub handle: Option<u64>,
    /// Where it is hooked in; `None` for a chain that is only jumped to.
    pub base: Option<BaseChain>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
    /// Where it stands.
    pub source: Source,
}

/// How a base chain is hooked in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseChain {
    /// Its type.
    pub kind: ChainKind,
    /// Its hook.
    pub hook: ChainHook,
    /// Its priority: lower runs earlier.
    pub priority: i32,
    /// The devices of an ingress or egress chain; `None` where they are not printed.
    pub devices: Option<Vec<String>>,
    /// What becomes of a packet that no rule decided about.
    pub policy: Policy,
}

/// A base chain's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainKind {
    /// `filter`.
    Filter,
    /// `nat`: sees the first packet of a connection only.
    Nat,
    /// `route`: a changed mark or address makes output routed again.
    Route,
    /// A type that is not known.
    Unknown(String),
}

/// A base chain's hook.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChainHook {
    /// `prerouting`.
    Prerouting,
    /// `input`.
    Input,
    /// `forward`.
    Forward,
    /// `output`.
    Output,
    /// `postrouting`.
    Postrouting,
    /// `ingress`, of a device.
    Ingress,
    /// `egress`, of a device.
    Egress,
    /// A hook that is not known.
    Unknown(String),
}

/// A base chain's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The packet passes.
    Accept,
    /// It is dropped.
    Drop,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its number in its chain, from 1.
    pub number: u32,
    /// Its handle.
    pub handle: Option<u64>,
    /// Its comment.
    pub comment: Option<String>,
    /// What it does, from left to right.
    pub statements: Vec<Statement>,
    /// Where it stands.
    pub source: Source,
}

/// A named set or map.
#[derive(Debug, Clone)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// The types of its key's parts.
    pub key: Vec<DataType>,
    /// What it maps to; `None` for a set.
    pub data: Option<DataKind>,
    /// Rules may add elements (`dynamic`), or elements end by themselves (`timeout`): its content changes
    /// with the traffic.
    pub volatile: bool,
    /// Its content.
    pub elements: Elements,
    /// Where it stands.
    pub source: Source,
}

/// What a map maps to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataKind {
    /// Verdicts.
    Verdict,
    /// Values of these types.
    Values(Vec<DataType>),
    /// Named objects of this kind, e.g. `counter`.
    Object(String),
}

/// A named object: `counter`, `quota`, `limit`, `flowtable`, `ct helper`, `ct timeout`, `ct expectation`, …
#[derive(Debug, Clone)]
pub struct Object {
    /// Its kind, as in the JSON.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// For a limit: what it limits to.
    pub limit: Option<Limit>,
    /// Where it stands.
    pub source: Source,
}

impl Table {
    /// The chain named `name`.
    #[must_use]
    pub fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.get(*self.by_name.get(name)?)
    }

    /// Whether `iptables-nft` made this table, so that `iptables-save` (`ip6tables-save`) prints all of it.
    #[must_use]
    pub fn is_iptables_nft(&self) -> bool {
        iptables::made(self)
    }
}

impl Ruleset {
    /// All base chains but those of tables that iptables-nft made, which `iptables-save` prints.
    pub fn native_base_chains(&self) -> impl Iterator<Item = (&Table, &Chain)> {
        let tables = self.tables.iter().filter(|table| !table.is_iptables_nft());
        tables.flat_map(|table| {
            let chains = table.chains.iter().filter(|chain| chain.base.is_some());
            chains.map(move |chain| (table, chain))
        })
    }

    /// The table with this family and name.
    #[must_use]
    pub fn table(&self, family: TableFamily, name: &str) -> Option<&Table> {
        (self.tables.iter()).find(|table| table.family == family && table.name == name)
    }
}

impl TableFamily {
    /// Whether tables of this family see packets of `family`.
    #[must_use]
    pub fn sees(self, family: Family) -> bool {
        match self {
            Self::Ip => family == Family::V4,
            Self::Ip6 => family == Family::V6,
            Self::Inet | Self::Bridge | Self::Netdev => true,
            Self::Arp => false,
        }
    }
}

/// Reads the output of `nft -j list ruleset`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<Ruleset> {
    let mut items: Vec<&RawValue> = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(&file.text);
    let end = item::Items(&mut items)
        .deserialize(&mut deserializer)
        .and_then(|found| deserializer.end().map(|()| found));
    let mut builder = item::Builder::new(file);
    for (idx, raw) in items.into_iter().enumerate() {
        builder.item(idx, raw);
    }
    match end {
        Ok(true) => {}
        Ok(false) => builder.problem(
            None,
            "the list `nftables` is missing: capture `nft -j list ruleset`",
        ),
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(0);
            builder.problem(
                Some(Position::Line(line)),
                format!("not the JSON of nft: {error}"),
            );
        }
    }
    builder.finish()
}

/// Completes `ruleset` by `nft list ruleset` (`nft-ruleset.txt`): the devices of chains, and which tables are dormant,
/// both of which nft 1.0.6 does not print as JSON.
pub fn complete(ruleset: &mut Ruleset, file: &SourceFile) {
    text::complete(ruleset, &file.text);
}

#[cfg(test)]
mod tests;
