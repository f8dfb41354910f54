//! `iptables-save`, `ip6tables-save` and their legacy twins, with or without counters.

pub(crate) mod lex;
mod match_parse;
mod match_terms;
mod matches;
mod render;
mod rule;
mod rule_parse;
mod save;
mod section;
mod target;
mod target_parse;
mod target_render;
pub(crate) mod value;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use matches::*;
pub use rule::*;
pub use target::*;

use crate::source::{Parsed, Source, SourceFile};

/// Everything that one `iptables-save` printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct XtablesSave {
    /// The tables, in the order of the file.
    pub tables: Vec<Table>,
    /// The tool warned that the other back end (legacy or nf_tables) holds rules too.
    pub other_backend: Option<Source>,
}

/// One table: `*nat` … `COMMIT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name, e.g. `nat`.
    pub name: String,
    /// Its chains, in the order of the file.
    pub chains: Vec<Chain>,
    /// All of it was read: false for a truncated file and for a table that the tool could not print.
    pub complete: bool,
    /// The line that opens it.
    pub source: Source,
    by_name: BTreeMap<Arc<str>, usize>,
}

/// One chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name, e.g. `PREROUTING`.
    pub name: Arc<str>,
    /// The policy of a base chain; `None` for a user's chain.
    pub policy: Option<Policy>,
    /// Packets and bytes that met the policy.
    pub counters: Option<(u64, u64)>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
    /// The line that declares it.
    pub source: Source,
}

/// What a base chain does with a packet that no rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// It passes.
    Accept,
    /// It is dropped.
    Drop,
}

impl XtablesSave {
    /// The table called `name`.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

impl Table {
    /// The chain called `name`.
    #[must_use]
    pub fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.get(*self.by_name.get(name)?)
    }

    /// The place in `chains` of the chain called `name`.
    #[must_use]
    pub fn chain_index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

/// Reads the output of `iptables-save` or `ip6tables-save`.
#[must_use]
pub fn parse(file: &Arc<SourceFile>) -> Parsed<XtablesSave> {
    save::parse(file)
}

#[cfg(test)]
mod tests;
