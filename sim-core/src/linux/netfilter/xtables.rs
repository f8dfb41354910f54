//! Runs a packet through an iptables table, as `ipt_do_table()` does.

use crate::evidence::xtables::Table;
use crate::linux::choice::Choice;
use crate::linux::packet::Packet;

use super::ipset::IpSets;
use super::{HookContext, RuleOutcome};

/// A table made ready for many packets.
#[derive(Debug, Clone)]
pub struct CompiledTable {
    table: Table,
}

impl CompiledTable {
    /// Indexes `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// The table as it was read.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Runs `packet` through the base chain `chain`.
    pub fn run(
        &self,
        chain: &str,
        packet: &Packet,
        ctx: &HookContext<'_>,
        sets: &IpSets,
        choice: &mut dyn Choice,
    ) -> RuleOutcome {
        let _ = (chain, ctx, sets, choice, packet);
        todo!()
    }
}
