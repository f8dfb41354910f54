//! nf_tables: runs one base chain as `nft_do_chain()` does.

use super::{Effects, HookContext, RuleOutcome, RuleVerdict};
use crate::evidence::nft::{Chain, ChainHook, Ruleset, TableFamily};
use crate::linux::choice::Choice;
use crate::linux::packet::Packet;

/// The base chains that a packet of `family` meets at `hook`, in the order in which the kernel runs them.
///
/// For `Ip` and `Ip6` this includes the chains of `inet` tables, since the kernel hooks these in there. Chains of
/// tables that iptables-nft made are left out: `iptables-save` prints them.
#[must_use]
pub fn base_chains(ruleset: &Ruleset, family: TableFamily, hook: ChainHook) -> Vec<&Chain> {
    let _ = (ruleset, family, hook);
    Vec::new()
}

/// Runs base chain `chain` of `ruleset` on `packet`.
#[must_use]
pub fn run(
    ruleset: &Ruleset,
    chain: &Chain,
    packet: &Packet,
    ctx: &HookContext<'_>,
    choice: &mut dyn Choice,
) -> RuleOutcome {
    let _ = (ruleset, chain, ctx, choice);
    RuleOutcome {
        verdict: RuleVerdict::Accept,
        decided_by: None,
        packet: packet.clone(),
        effects: Effects::default(),
        steps: Vec::new(),
    }
}
